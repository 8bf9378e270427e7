"""Every rule is there for a reason that some test knows: each policy is taken out once, and each of a list
of faults seeded once, and a decision case or a property notices it.

About two minutes, and a minute more for each that no decision case notices. The table that it writes to
`build/rules.md` stands in FIGURES.md.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from policy_service.engine import compile_set
from policy_service.engine.documents import PolicyDocument
from tests.properties import scene
from tests.properties.mutations.cases import Cases, load_cases
from tests.properties.mutations.faults import FAULTS, Fault
from tests.properties.mutations.properties import first_property_that_fails
from tests.properties.mutations.table import Tried, markdown
from tests.support.shipped import POLICIES

pytestmark = [pytest.mark.torture, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(3600)]

WRITTEN = Path(__file__).parents[3] / "build" / "rules.md"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cases(tmp_path_factory: pytest.TempPathFactory) -> Cases:
    return await load_cases(tmp_path_factory.mktemp("cases"))


async def test_every_rule_is_shown(cases: Cases, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not list(cases.failing(POLICIES)), "the cases do not hold even with every rule in place"
    assert not first_property_that_fails(), "the properties do not hold even with every rule in place"
    without = [without_policy(cases, document, monkeypatch) for document in POLICIES.plan.documents]
    with_fault = [with_fault_seeded(cases, fault) for fault in FAULTS]
    lines = [*markdown("policy taken out", without), "", *markdown("rule", with_fault)]
    WRITTEN.parent.mkdir(exist_ok=True)
    WRITTEN.write_text("\n".join(lines) + "\n", "utf-8")
    print("\n".join(lines))
    assert len(with_fault) >= 20
    assert not [each.done for each in (*without, *with_fault) if each.survived]


def without_policy(cases: Cases, taken_out: PolicyDocument, monkeypatch: pytest.MonkeyPatch) -> Tried:
    left = compile_set(document for document in POLICIES.plan.documents if document is not taken_out)
    policies = replace(POLICIES, plan=left)
    failing = tuple(cases.failing(policies))
    with monkeypatch.context() as patched:
        patched.setattr(scene, "POLICIES", policies)
        property_ = "" if failing else first_property_that_fails()
    return Tried(taken_out.title, f"without `{taken_out.uid}`", failing, property_)


def with_fault_seeded(cases: Cases, fault: Fault) -> Tried:
    with fault.seeded():
        failing = tuple(cases.failing(POLICIES))
        property_ = "" if failing else first_property_that_fails()
    return Tried(fault.rule, fault.done, failing, property_)
