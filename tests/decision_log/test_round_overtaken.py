"""Promises 2 and 3 beside a writer: who is overtaken while he is decided again is answered all the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from policy_service.decision_log.pending import Committed, RoundLimits
from policy_service.decision_log.round import CommitRound
from tests.decision_log.deciding import PATIENT, Decision, Facts, running, settled
from tests.decision_log.test_round import logged, outcome_of

A_GROUP = 64
"""As many questions as one stream has under way."""


async def as_one_group(round_: CommitRound, facts: Facts, decisions: list[Decision]) -> list[Committed]:
    """Commit them together, after the head has moved once."""
    facts.open.clear()
    calls = [asyncio.create_task(round_.commit(decision)) for decision in decisions]
    await settled(lambda: facts.committer_came > 0)
    facts.head += 1
    facts.open.set()
    return await asyncio.gather(*calls)


def counting(facts: Facts, moves_after: int) -> Callable[[], Awaitable[None]]:
    """What is decided again moves the head at every so many decisions."""
    decided = 0

    async def again() -> None:
        nonlocal decided
        decided += 1
        facts.head += decided % moves_after == 0

    return again


async def test_promise_3_a_group_that_is_overtaken_is_decided_again_in_halves(sqlite_log: str) -> None:
    facts = Facts()
    again = counting(facts, moves_after=20)
    decisions = [facts.decide(again) for _ in range(A_GROUP)]
    heads_read = set()
    facts.at_reading = lambda _: heads_read.add(facts.head)
    async with running(sqlite_log, facts) as round_:
        committed = await as_one_group(round_, facts, decisions)
        assert round_.counters.released == A_GROUP
    assert [one.revision for one in committed] == [decision.revision for decision in decisions]
    assert {one.revision for one in committed} <= heads_read
    assert logged(sqlite_log) == {one.id: b"decided at %d" % one.revision for one in decisions}
    # Bounded: nobody is decided again much more often than it takes to halve a group of 64.
    assert sum(decision.decisions for decision in decisions) <= 5 * A_GROUP


async def test_promise_3_a_stream_beside_several_writes_a_second_is_answered(sqlite_log: str) -> None:
    """A group takes 0.3 s to decide again, and there is a write each 0.1 s."""
    facts = Facts()

    async def again() -> None:
        time.sleep(0.005)  # noqa: ASYNC251 - deciding is work, and holds the event loop

    async with running(sqlite_log, facts) as round_:
        stop = asyncio.Event()

        def write() -> None:
            while not stop.is_set():
                time.sleep(0.1)
                facts.head += 1

        writing = asyncio.create_task(asyncio.to_thread(write))
        try:
            for _ in range(2):
                written = facts.head
                decisions = [facts.decide(again) for _ in range(A_GROUP)]
                committed = await as_one_group(round_, facts, decisions)
                assert all(written < one.revision for one in committed)
        finally:
            stop.set()
            await writing
    assert facts.head > 5


async def test_promise_3_where_each_single_decision_is_overtaken_there_is_no_answer_and_an_end(
    sqlite_log: str,
) -> None:
    facts = Facts()
    again = counting(facts, moves_after=1)
    decisions = [facts.decide(again) for _ in range(4)]
    async with running(sqlite_log, facts) as round_:
        facts.open.clear()
        calls = [asyncio.create_task(outcome_of(round_.commit(decision))) for decision in decisions]
        await settled(lambda: facts.committer_came > 0)
        facts.head += 1
        facts.open.set()
        assert await asyncio.gather(*calls) == ["LogUnavailable"] * 4
        await round_.commit(facts.decide())
        assert round_.healthy
        assert round_.waiting == 0
    most = RoundLimits().attempts + 2  # alone, and before that with three and with one other
    assert max(decision.decisions for decision in decisions) <= 1 + most


async def test_those_who_together_take_too_long_are_decided_again_with_fewer(sqlite_log: str) -> None:
    facts, one_at_a_time = Facts(), asyncio.Lock()

    async def again() -> None:
        async with one_at_a_time:
            await asyncio.sleep(0.05)

    async with running(sqlite_log, facts, replace(PATIENT, decide_again=0.2)) as round_:
        committed = await as_one_group(round_, facts, [facts.decide(again) for _ in range(8)])
    assert {one.revision for one in committed} == {2}


@pytest.mark.parametrize("head", [1, 2], ids=["as it was", "moved"])
async def test_whoever_was_refused_for_his_long_wait_leaves_no_decision(sqlite_log: str, head: int) -> None:
    facts = Facts()
    async with running(sqlite_log, facts, replace(PATIENT, answer=0.2)) as round_:
        facts.open.clear()
        assert await outcome_of(round_.commit(facts.decide())) == "LogUnavailable"
        facts.head = head
        facts.open.set()
        await settled(lambda: round_.waiting == 0)
    assert logged(sqlite_log) == {}
