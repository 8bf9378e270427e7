"""Each fault about declared attributes, seeded once, is noticed by a test of those attributes.

About ten seconds for each. The table that it writes to `build/declared.md` stands in FIGURES.md.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.properties.mutations import declared
from tests.properties.mutations.declared import DECLARED_FAULTS, VARIABLE
from tests.properties.mutations.table import Tried, markdown

pytestmark = [pytest.mark.torture, pytest.mark.timeout(3600)]

CHECKOUT = Path(__file__).parents[3]
WRITTEN = CHECKOUT / "build" / "declared.md"
TESTS = (
    "tests/engine/test_declared.py",
    "tests/service/test_record_type_attributes.py",
    "tests/decisions/test_own_record_types.py",
    "tests/decisions/test_own_attributes.py",
)
_SOMETHING_FAILED = 1
"""How pytest ends where a test failed, and not the run itself."""


def test_declared_attributes_are_shown() -> None:
    assert not noticed_by(None), "the tests do not hold even without a fault"
    tried = [
        Tried(fault.rule, fault.done, (), noticed_by(number)) for number, fault in enumerate(DECLARED_FAULTS)
    ]
    lines = markdown("rule", tried)
    WRITTEN.parent.mkdir(exist_ok=True)
    WRITTEN.write_text("\n".join(lines) + "\n", "utf-8")
    print("\n".join(lines))
    assert not [each.done for each in tried if each.survived]


def noticed_by(fault: int | None) -> str:
    """The name of the first test that fails with the fault; empty where all hold."""
    seeded = () if fault is None else ("-p", declared.__name__)
    chosen = ("-m", "not torture", "-k", "not postgresql")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-x", "-q", *seeded, *chosen, *TESTS],
        cwd=CHECKOUT,
        env=os.environ | {VARIABLE: str(fault)},
        capture_output=True,
        text=True,
        check=False,
    )
    failed = re.findall(r"^FAILED \S+::(\w+)", run.stdout, re.MULTILINE)
    assert run.returncode == (_SOMETHING_FAILED if failed else 0), run.stdout[-2000:]
    return failed[0] if failed else ""
