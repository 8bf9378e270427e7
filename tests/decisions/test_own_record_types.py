"""What becomes of decisions when a record type, or the published set, has an attribute no more."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.json_format import ParseDict

from policy_service.api.v1 import record_pb2
from policy_service.facts.store import Change
from policy_service.model.facts import INSTALLATION
from policy_service.model.ids import time_ordered_id
from policy_service.service.policies import shipped_policy_set
from tests.decisions.case import Case, read_run
from tests.decisions.own import OWN_CASES, own_set
from tests.decisions.roads import NOBODY, ask, entry_of, put_on_file
from tests.support.installation import Installation, installation
from tests.support.postgres import postgres_url

pytestmark = pytest.mark.asyncio(loop_scope="session")

ATTRIBUTE = "attributes/placement.yaml"
PERMITS = ("authority/basis/emergency.yaml", "disclosure/basis/emergency.yaml")
DENIES = """\
uid: own.disclosure.baseline.planned
title: Of placements that nobody planned nothing is told
gate: disclosure
tier: baseline
reason: TRAINING_NEEDED
owner: privacy-office
policy:
  rules:
    resource:
      $.attributes.placement: {condition: Eq, value: false}
"""


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    return own_set(tmp_path / "policies")


@pytest_asyncio.fixture(params=["sqlite", "postgresql"], loop_scope="session")
async def road(request: pytest.FixtureRequest, tmp_path: Path, policies: Path) -> AsyncIterator[Installation]:
    urls = f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}"
    if request.param == "postgresql":
        urls = (url := postgres_url()), url
    async with installation(*urls, policies=policies) as opened:
        yield opened


def publish(road: Installation, before: Path, after: Path) -> None:
    now = datetime.now(UTC)
    old, new = shipped_policy_set(before), shipped_policy_set(after)
    change = Change("test", INSTALLATION, "", (new,), time_ordered_id(now), now, removed=(old,))
    road.store.write(change, lambda _: b"published")


async def put_type(road: Installation, case: Case, **changes: Any) -> None:
    body = {"record_type": {**case.facts.record_types[0], **changes}}
    request = ParseDict(body, record_pb2.PutRecordTypeRequest()).SerializeToString()
    token, controller = road.administrator, case.facts.controller
    await road.call("RecordService/PutRecordType", request, token=token, controller=controller)


async def reasons(road: Installation, case: Case, token: str, user: str) -> list[str]:
    """The true reason of each cell."""
    answer = await ask(road, {**case.ask, "user": user}, token)
    event = (await entry_of(road, answer.decision_id)).decision
    return [event.outcomes[cell].reason for cell in event.cells]


async def test_what_is_on_file_of_an_attribute_counts_as_long_as_the_type_and_the_set_have_it(
    road: Installation, policies: Path, tmp_path: Path
) -> None:
    run = read_run(
        "a_placement_of_a_record_type_of_their_own", twin=False, tag="t1", renamed=False, folder=OWN_CASES
    )
    worker = {"reference": "h.worker", "teams": run.case.facts.records[0]["teams"]}
    facts = run.case.facts.model_copy(update={"users": (*run.case.facts.users, worker)})
    case, desk = run.case, run.case.ask["user"]
    token = (await put_on_file(road, facts, case.system, named=NOBODY)).token
    assert await reasons(road, case, token, desk) == ["NIGHT_DESK"]

    await put_type(road, case, attributes=[])
    assert await reasons(road, case, token, desk) == ["NO_BASIS"]
    await put_type(road, case)
    assert await reasons(road, case, token, desk) == ["NIGHT_DESK"]

    without = Path(shutil.copytree(policies, tmp_path / "without"))
    for file in (ATTRIBUTE, *PERMITS):
        (without / file).unlink()
    publish(road, policies, without)
    assert await reasons(road, case, token, desk) == ["NO_BASIS"]
    assert await reasons(road, case, token, "h.worker") == ["TEAM"]

    # Declared again, as a boolean: the text that is on file permits nothing, and is no way round a deny.
    again = Path(shutil.copytree(policies, tmp_path / "again"))
    declared = (again / ATTRIBUTE).read_text("utf-8").partition("values:")[0]
    declared = declared.replace("type: string", "type: boolean").replace(
        "example: emergency", "example: true"
    )
    (again / ATTRIBUTE).write_text(declared, "utf-8")
    for file in PERMITS:
        text = (again / file).read_text("utf-8")
        changed = text.replace("{condition: Equals, value: emergency}", "{condition: Eq, value: true}")
        assert changed != text
        (again / file).write_text(changed, "utf-8")
    (again / "disclosure/baseline/planned.yaml").write_text(DENIES, "utf-8")
    publish(road, without, again)
    assert await reasons(road, case, token, desk) == ["NO_BASIS"]
    assert await reasons(road, case, token, "h.worker") == ["TRAINING_NEEDED"]
