"""The questions of several cases in one batch and on one stream: see and send, permitted and denied, between
items that cannot be answered. Each is answered, and logged, as it is alone.

The cases whose systems are granted the same are one organisation's here, asked by one system.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.server.settings import Settings
from tests.decisions.case import Facts, Run, case_names, read_run
from tests.decisions.compare import expected_to_say, says, without_its_own, without_moments
from tests.decisions.roads import UNREADABLE, as_message, ask, entry_of, part, put_on_file
from tests.support.doors import Doors, opened
from tests.support.new_entries import NewEntries

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORGANISATION, SYSTEM = "example-everybody", "everybody"
FEWEST = 2
"""Cases of one grant, to be mixed."""


def _grant(run: Run) -> Mapping[str, Any]:
    (grant,) = (each["grant"] for each in run.case.facts.systems if each["name"] == run.case.system)
    return dict(grant)


def _mixes() -> dict[str, list[str]]:
    """The names of the domain's cases by the grant that they have in common."""
    found = defaultdict(list)
    for name in case_names():
        if name.startswith("case_"):
            grant = _grant(read_run(name, twin=False, tag="t0", renamed=False))
            found[json.dumps(grant, sort_keys=True)].append(name)
    return {grant: names for grant, names in found.items() if len(names) >= FEWEST}


@dataclass(frozen=True, slots=True)
class Alone:
    """A case's question, and what it came to when nobody else asked."""

    asked: bytes
    answer: pb.CheckResponse
    entry: LogEntry


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def doors(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Doors]:
    async with opened(Settings(var_dir=tmp_path_factory.mktemp("mixed"))) as both:
        yield both


@dataclass(frozen=True, slots=True)
class _OnFile:
    run: Run
    names: dict[str, str]


async def _put(doors: Doors, name: str, tag: str, *, twin: bool) -> _OnFile:
    """The case's facts beside those of the others."""
    run = read_run(name, twin=twin, tag=tag, renamed=False)
    facts = run.case.facts.model_copy(update={"controller": ORGANISATION, "systems": ()})
    return _OnFile(run, (await put_on_file(doors, facts, SYSTEM)).names)


async def _alone(doors: Doors, case: _OnFile, token: str) -> Alone:
    """Ask the case's question, and hold the answer against what the case expects."""
    run = case.run
    answer = await ask(doors, run.case.ask, token)
    entry = await entry_of(doors, answer.decision_id)
    assert says(answer, entry, run.expected, case.names) == expected_to_say(run.expected), run.case.title
    return Alone(as_message(run.case.ask).SerializeToString(), answer, entry)


async def _mixed(
    doors: Doors, questions: Sequence[bytes], token: str, *, stream: bool
) -> list[pb.CheckOutcome]:
    """Ask all of them in one call."""
    if stream:
        told = await doors.ask("DecisionService/CheckStream", [part(each) for each in questions], token=token)
        return [pb.CheckStreamResponse.FromString(each).outcome for each in told.answers]
    answer = await doors.call("DecisionService/BatchCheck", b"".join(map(part, questions)), token=token)
    return [*pb.BatchCheckResponse.FromString(answer).outcomes]


@pytest.mark.parametrize("twin", [False, pytest.param(True, marks=pytest.mark.torture)], ids=["case", "twin"])
async def test_each_is_answered_and_logged_as_it_is_alone(twin: bool, doors: Doors) -> None:
    mixes = _mixes()
    asked: list[Alone] = []
    for number, (grant, names) in enumerate(mixes.items()):
        asked += await _mix(doors, json.loads(grant), names, number, twin=twin)
    assert {each.answer.effect for each in asked} == {pb.EFFECT_PERMIT, pb.EFFECT_DENY}
    assert {bool(pb.CheckRequest.FromString(each.asked).recipients) for each in asked} == {True, False}
    # Nearly all of them: only those whose grant is no other's are asked alone.
    assert sum(map(len, mixes.values())) >= 0.9 * sum(name.startswith("case_") for name in case_names())


async def _mix(
    doors: Doors, grant: Mapping[str, Any], names: Sequence[str], number: int, *, twin: bool
) -> list[Alone]:
    """Ask the cases of one grant alone, and then twice each in one call."""
    system = {"name": SYSTEM, "controller": ORGANISATION, "grant": grant}
    token = (await put_on_file(doors, Facts(controller=ORGANISATION, systems=(system,)), SYSTEM)).token
    cases = [
        await _put(doors, name, f"t{2_000 * twin + 100 * number + i}", twin=twin)
        for i, name in enumerate(names)
    ]
    runs = [await _alone(doors, case, token) for case in cases]
    items: list[Alone | bytes] = [*runs, *runs, UNREADABLE, b"", UNREADABLE]
    random.Random(number).shuffle(items)
    log = NewEntries(doors.log)
    for stream in (False, True):
        questions = [each if isinstance(each, bytes) else each.asked for each in items]
        log.forget()
        outcomes = await _mixed(doors, questions, token, stream=stream)
        left = {entry.entry_id: entry for entry in log.take()}
        assert len(outcomes) == len(left) == len(items)
        for item, outcome in zip(items, outcomes, strict=True):
            if isinstance(item, bytes):
                assert outcome.error.code == "INVALID_ARGUMENT"
                continue
            assert without_moments(outcome.answer) == without_moments(item.answer)
            entry = left.pop(outcome.answer.decision_id)
            assert without_its_own(entry) == without_its_own(item.entry)
        assert {entry.WhichOneof("event") for entry in left.values()} == {"refusal"}
    return runs
