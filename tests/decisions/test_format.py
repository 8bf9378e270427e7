"""Every case and twin is readable, and says what the API can say; needs no service."""

from __future__ import annotations

import pytest

from tests.decisions.case import case_names, read_run
from tests.decisions.roads import as_message, messages


@pytest.mark.parametrize("name", case_names())
@pytest.mark.parametrize("twin", [False, True], ids=["case", "twin"])
def test_a_case_says_what_the_api_can_say(name: str, twin: bool) -> None:
    run = read_run(name, twin=twin, tag="t0", renamed=True)
    assert list(messages(run.case.facts))
    ask = as_message(run.case.ask)
    assert len(run.expected.log.reasons) == len(run.expected.cells) or run.expected.reason
    assert {cell.recipient for cell in run.expected.cells} == set(range(max(1, len(ask.recipients))))


@pytest.mark.parametrize("name", case_names())
def test_a_twin_differs_and_its_answer_flips(name: str) -> None:
    case, twin = (read_run(name, twin=twin, tag="t0", renamed=False) for twin in (False, True))
    assert (case.case.facts, case.case.ask, case.case.system) != (
        twin.case.facts,
        twin.case.ask,
        twin.case.system,
    )
    assert case.expected != twin.expected
