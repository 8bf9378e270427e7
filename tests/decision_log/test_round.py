"""Promises 2 and 3, as the commit round keeps them: fresh and durable, and nobody's trouble is another's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_service.decision_log.entry import Entry
from policy_service.decision_log.errors import (
    DuplicateEntry,
    EntryTooLarge,
    LogUnavailable,
    Overloaded,
    StreamLost,
)
from policy_service.decision_log.pending import Committed
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.round import CommitRound
from policy_service.decision_log.stream import StreamWriter
from policy_service.model.errors import NotAvailableError, UnavailableError
from tests.decision_log.deciding import PATIENT, Decision, Facts, running, settled
from tests.decision_log.making import entry
from tests.decision_log.meddling import held, meddle


def logged(url: str) -> dict[str, bytes]:
    """What stands in the log, by id."""
    reader = LogReader(url)
    return {stored.id: stored.data for head in reader.streams() for stored in reader.entries(head.stream_id)}


async def outcome_of(call: Awaitable[Committed]) -> str:
    try:
        await call
    except Exception as error:
        return type(error).__name__
    return "answered"


async def test_promise_2_an_answer_leaves_after_its_entry_is_durable(log_url: str) -> None:
    facts = Facts()
    async with running(log_url, facts) as round_:
        for _ in range(3):
            decision = facts.decide()
            committed = await round_.commit(decision)
            stored = LogReader(log_url).get(decision.id)
            assert stored is not None
            assert (stored.stream_id, stored.index) == (committed.stream_id, committed.index)


async def test_promise_2_no_answer_when_the_log_cannot_be_written(log_url: str) -> None:
    facts = Facts()
    async with running(log_url, facts, replace(PATIENT, answer=0.3)) as round_:
        with held(log_url, "worker-0"), pytest.raises(LogUnavailable):
            await round_.commit(facts.decide())
        # And the next one is answered, when it can be.
        async with asyncio.timeout(30):
            while await outcome_of(round_.commit(facts.decide())) != "answered":
                pass


async def test_those_who_come_while_a_round_is_written_are_the_next_group(log_url: str) -> None:
    facts = Facts()
    async with running(log_url, facts) as round_:
        facts.open.clear()
        first = asyncio.create_task(round_.commit(facts.decide()))
        await settled(lambda: facts.committer_came == 1)
        others = [asyncio.create_task(round_.commit(facts.decide())) for _ in range(20)]
        await asyncio.sleep(0)
        facts.open.set()
        await asyncio.gather(first, *others)
        counters = round_.counters
    assert (counters.groups, counters.entries, counters.largest_group) == (2, 21, 20)
    assert counters.released == 21
    assert (counters.sizes.total, counters.sizes.most, sum(counters.seconds.counts)) == (21, 20, 2)


async def test_callers_who_ask_again_at_once_are_gathered(sqlite_log: str) -> None:
    facts = Facts()
    async with running(sqlite_log, facts) as round_:

        async def caller() -> None:
            for _ in range(20):
                await round_.commit(facts.decide())

        await asyncio.gather(*(caller() for _ in range(16)))
        assert round_.counters.entries == 320
        assert round_.counters.entries / round_.counters.groups > 8


async def test_promise_3_everyone_who_waits_is_decided_again_when_the_head_has_moved(log_url: str) -> None:
    facts = Facts()
    async with running(log_url, facts) as round_:
        facts.open.clear()
        decisions = [facts.decide() for _ in range(12)]
        calls = [asyncio.create_task(round_.commit(decision)) for decision in decisions]
        await asyncio.sleep(0.02)
        facts.head = 2  # between the decisions and their commit
        facts.open.set()
        committed = await asyncio.gather(*calls)
        assert round_.counters.redecided == 12
    assert {one.revision for one in committed} == {2}
    assert [decision.decisions for decision in decisions] == [2] * 12
    assert logged(log_url) == {decision.id: b"decided at 2" for decision in decisions}


async def test_promise_3_a_head_that_moves_while_it_is_decided_again_is_followed(sqlite_log: str) -> None:
    facts = Facts()

    def move(reading: int) -> None:
        facts.head = min(reading + 1, 4)

    facts.at_reading = move
    async with running(sqlite_log, facts) as round_:
        decision = facts.decide()
        committed = await round_.commit(decision)
    assert (committed.revision, decision.decisions) == (4, 4)
    assert logged(sqlite_log) == {decision.id: b"decided at 4"}


async def test_promise_3_a_head_that_never_rests_is_no_answer(sqlite_log: str) -> None:
    facts = Facts()

    def move(reading: int) -> None:
        facts.head = reading + 1

    facts.at_reading = move
    async with running(sqlite_log, facts) as round_:
        with pytest.raises(LogUnavailable, match="moves faster"):
            await round_.commit(facts.decide())
        facts.at_reading = lambda _reading: None
        await round_.commit(facts.decide())
        assert round_.healthy
    assert len(logged(sqlite_log)) == 1


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.lists(st.booleans(), min_size=1, max_size=12))
@settings(max_examples=15, deadline=None)
async def test_promise_3_a_check_after_a_write_is_answered_by_it(
    writes_in_rounds: list[bool], writes_of_callers: list[bool]
) -> None:
    """Whenever writes happen, no answer is older than the last write that was done before its question."""
    facts = Facts()

    def write_between(reading: int) -> None:
        facts.head += writes_in_rounds[reading % len(writes_in_rounds)] and reading < 60

    facts.at_reading = write_between
    with TemporaryDirectory() as directory:
        async with running(f"sqlite:///{directory}/log", facts, replace(PATIENT, attempts=100)) as round_:

            async def caller(number: int) -> None:
                for call in range(3):
                    facts.head += writes_of_callers[(number + call) % len(writes_of_callers)]
                    written_before = facts.head
                    decision = facts.decide()
                    committed = await round_.commit(decision)
                    assert written_before <= committed.revision == decision.revision

            await asyncio.gather(*(caller(number) for number in range(4)))


async def test_promise_3_a_head_that_was_read_too_slowly_is_read_again(sqlite_log: str) -> None:
    facts = Facts()

    def slow(reading: int) -> None:
        if reading == 1:
            time.sleep(2.5)

    facts.at_reading = slow
    async with running(sqlite_log, facts, replace(PATIENT, head_age=2.0)) as round_:
        await round_.commit(facts.decide())
        assert facts.readings == 2


async def test_promise_3_a_head_that_is_always_slow_is_no_answer(sqlite_log: str) -> None:
    facts = Facts()
    facts.at_reading = lambda _reading: time.sleep(0.06)
    async with running(sqlite_log, facts, replace(PATIENT, head_age=0.05, attempts=3)) as round_:
        with pytest.raises(LogUnavailable):
            await round_.commit(facts.decide())
    assert logged(sqlite_log) == {}


@pytest.mark.parametrize(("moved", "expected"), [(False, "answered"), (True, "LogUnavailable")])
async def test_promise_3_a_slow_append_is_validated_again(log_url: str, moved: bool, expected: str) -> None:
    facts = Facts()
    decision = facts.decide()
    async with running(log_url, facts, replace(PATIENT, head_age=2.0)) as round_:
        with held(log_url, "worker-0"):
            call = asyncio.create_task(outcome_of(round_.commit(decision)))
            await settled(lambda: facts.readings == 1)
            await asyncio.sleep(2.5)
            facts.head += moved
        assert await call == expected
    # It was decided so, and that stays true.
    assert logged(log_url) == {decision.id: b"decided at 1"}


async def test_promise_3_an_event_loop_that_was_late_gives_no_answer(sqlite_log: str) -> None:
    facts = Facts()
    async with running(sqlite_log, facts, replace(PATIENT, head_age=2.0)) as round_:
        loop = asyncio.get_running_loop()

        # While the group is written and released, this loop does something else.
        def keep_busy(reading: int) -> None:
            if reading == 1:
                loop.call_soon_threadsafe(time.sleep, 3.0)

        facts.at_reading = keep_busy
        with pytest.raises(LogUnavailable, match="too old"):
            await round_.commit(facts.decide())
        await round_.commit(facts.decide())


async def test_a_cancelled_call_leaves_its_entry_and_spoils_no_other(log_url: str) -> None:
    facts = Facts()
    async with running(log_url, facts) as round_:
        facts.open.clear()
        decisions = [facts.decide() for _ in range(3)]
        calls = [asyncio.create_task(round_.commit(decision)) for decision in decisions]
        await asyncio.sleep(0.01)
        calls[1].cancel()
        await asyncio.sleep(0.01)
        facts.open.set()
        assert [type(one) for one in await asyncio.gather(*calls, return_exceptions=True)] == [
            Committed,
            asyncio.CancelledError,
            Committed,
        ]
        assert (round_.counters.abandoned, round_.waiting) == (1, 0)
    assert logged(log_url).keys() == {decision.id for decision in decisions}


async def test_a_call_that_is_cancelled_is_decided_again_for_its_entry(sqlite_log: str) -> None:
    facts = Facts()
    async with running(sqlite_log, facts) as round_:
        facts.open.clear()
        decision = facts.decide()
        call = asyncio.create_task(round_.commit(decision))
        await asyncio.sleep(0.01)
        call.cancel()
        facts.head = 2
        facts.open.set()
        await settled(lambda: round_.waiting == 0)
    assert logged(sqlite_log) == {decision.id: b"decided at 2"}


async def fail_to_decide() -> None:
    raise NotAvailableError


async def decide_for_ever() -> None:
    await asyncio.sleep(60)


async def give_up() -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        (fail_to_decide, "NotAvailableError"),
        (decide_for_ever, "LogUnavailable"),
        (give_up, "LogUnavailable"),
    ],
)
async def test_a_call_that_cannot_be_decided_again_ends_alone(
    sqlite_log: str, again: Callable[[], Awaitable[None]], expected: str
) -> None:
    facts = Facts()
    async with running(sqlite_log, facts, replace(PATIENT, decide_again=0.1)) as round_:
        facts.open.clear()
        good, bad = [facts.decide(), facts.decide()], facts.decide(again)
        calls = [asyncio.create_task(outcome_of(round_.commit(one))) for one in (good[0], bad, good[1])]
        await asyncio.sleep(0.01)
        facts.head = 2
        facts.open.set()
        assert await asyncio.gather(*calls) == ["answered", expected, "answered"]
        assert round_.waiting == 0
        assert round_.healthy
    assert logged(sqlite_log).keys() == {one.id for one in good}


async def test_memory_that_cannot_follow_the_head_is_no_answer(sqlite_log: str) -> None:
    class Stuck(Facts):
        async def advance(self, revision: int) -> None:
            await asyncio.sleep(60)

    facts = Stuck()
    async with running(sqlite_log, facts, replace(PATIENT, decide_again=0.1)) as round_:
        facts.head = 2
        with pytest.raises(LogUnavailable):
            await round_.commit(Decision(facts, None))
        assert round_.healthy
    assert logged(sqlite_log) == {}


async def test_a_head_that_cannot_be_read_costs_its_group_alone(sqlite_log: str) -> None:
    facts = Facts()

    def unreachable(reading: int) -> None:
        if reading == 1:
            raise UnavailableError("STORE_UNAVAILABLE", "the store cannot be reached")
        if reading == 2:
            raise OSError("a value that nobody may see")

    facts.at_reading = unreachable
    async with running(sqlite_log, facts) as round_:
        with pytest.raises(UnavailableError) as first:
            await round_.commit(facts.decide())
        with pytest.raises(LogUnavailable) as second:
            await round_.commit(facts.decide())
        await round_.commit(facts.decide())
        assert round_.healthy
    assert first.value.reason == "STORE_UNAVAILABLE"
    assert "nobody may see" not in str(second.value)


async def test_an_entry_that_is_refused_spoils_no_other(log_url: str) -> None:
    facts = Facts()
    async with running(log_url, facts) as round_:
        known = facts.decide()
        await round_.commit(known)
        facts.open.clear()
        group = (facts.decide(), known, facts.decide())
        calls = [asyncio.create_task(outcome_of(round_.commit(one))) for one in group]
        await asyncio.sleep(0.01)
        facts.open.set()
        assert await asyncio.gather(*calls) == ["answered", DuplicateEntry.__name__, "answered"]
        assert round_.healthy


async def test_an_entry_that_is_too_large_is_refused_before_the_round(sqlite_log: str) -> None:
    facts = Facts()
    decision = facts.decide()
    decision.entry = entry(b"x" * 65_536)
    async with running(sqlite_log, facts) as round_:
        with pytest.raises(EntryTooLarge):
            await round_.commit(decision)
    assert facts.readings == 0


async def test_an_entry_that_grew_too_large_ends_alone(sqlite_log: str) -> None:
    facts = Facts()

    class Growing(Decision):
        async def decide_again(self) -> None:
            self.revision, self.entry = facts.memory, Entry(self.id, 1, b"x" * 65_536)

    async with running(sqlite_log, facts) as round_:
        facts.open.clear()
        group = (Growing(facts, None), facts.decide())
        calls = [asyncio.create_task(outcome_of(round_.commit(one))) for one in group]
        await asyncio.sleep(0.01)
        facts.head = 2
        facts.open.set()
        assert await asyncio.gather(*calls) == ["EntryTooLarge", "answered"]


async def test_the_queue_is_bounded(sqlite_log: str) -> None:
    facts = Facts()
    async with running(sqlite_log, facts, replace(PATIENT, waiting=3)) as round_:
        facts.open.clear()
        calls = [asyncio.create_task(round_.commit(facts.decide())) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await round_.commit(facts.decide())
        # One who left is still in the way, until his entry is written.
        calls[0].cancel()
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await round_.commit(facts.decide())
        facts.open.set()
        await asyncio.gather(*calls[1:])
        await settled(lambda: round_.waiting == 0)
        await round_.commit(facts.decide())


async def test_a_group_is_bounded(sqlite_log: str) -> None:
    facts = Facts()
    async with running(sqlite_log, facts, replace(PATIENT, group=4)) as round_:
        await asyncio.gather(*(round_.commit(facts.decide()) for _ in range(20)))
        assert round_.counters.largest_group <= 4


async def test_promise_5_a_round_whose_stream_was_taken_over_is_dead(log_url: str) -> None:
    facts = Facts()
    deaths: list[BaseException] = []
    async with running(log_url, facts, on_death=deaths.append) as round_:
        await round_.commit(facts.decide())
        assert round_.healthy
        facts.open.clear()
        calls = [asyncio.create_task(outcome_of(round_.commit(facts.decide()))) for _ in range(3)]
        await asyncio.sleep(0.01)
        meddle(log_url, "worker-0", "UPDATE log_streams SET epoch = epoch + 1, writer = 'another'")
        facts.open.set()
        assert await asyncio.gather(*calls) == ["StreamLost"] * 3
        await settled(lambda: not round_.healthy)
        with pytest.raises(LogUnavailable):
            await round_.commit(facts.decide())
    assert [type(death) for death in deaths] == [StreamLost]
    assert len(logged(log_url)) == 1


async def test_a_committer_that_hangs_is_dead_and_keeps_nobody_waiting(sqlite_log: str) -> None:
    facts = Facts()
    deaths: list[BaseException] = []
    limits = replace(PATIENT, answer=0.2, round=1.5)
    async with running(sqlite_log, facts, limits, deaths.append) as round_:
        facts.open.clear()
        assert await outcome_of(round_.commit(facts.decide())) == "LogUnavailable"
        assert round_.healthy
        call = asyncio.create_task(outcome_of(round_.commit(facts.decide())))
        await settled(lambda: not round_.healthy)
        assert await call == "LogUnavailable"
        assert len(deaths) == 1
        facts.open.set()


async def test_a_committer_that_has_ended_is_noticed(sqlite_log: str) -> None:
    facts = Facts()
    deaths: list[BaseException] = []

    def end(_reading: int) -> None:
        raise SystemExit

    facts.at_reading = end
    async with running(sqlite_log, facts, replace(PATIENT, answer=0.5), deaths.append) as round_:
        assert await outcome_of(round_.commit(facts.decide())) == "LogUnavailable"
        assert not round_.healthy
    assert len(deaths) == 1


async def test_closing_writes_what_waits(log_url: str) -> None:
    facts = Facts()
    async with running(log_url, facts) as round_:
        facts.open.clear()
        calls = [asyncio.create_task(round_.commit(facts.decide())) for _ in range(5)]
        await asyncio.sleep(0.01)
        closing = asyncio.create_task(round_.close())
        await asyncio.sleep(0.01)
        with pytest.raises(LogUnavailable):
            await round_.commit(facts.decide())
        facts.open.set()
        await closing
        assert all(call.done() and call.exception() is None for call in calls)
    assert len(logged(log_url)) == 5


async def test_closing_decides_again_who_waits(sqlite_log: str) -> None:
    facts = Facts()
    async with running(sqlite_log, facts) as round_:
        facts.open.clear()
        call = asyncio.create_task(round_.commit(facts.decide()))
        await asyncio.sleep(0.01)
        facts.head = 2
        closing = asyncio.create_task(round_.close())
        await asyncio.sleep(0.01)
        facts.open.set()
        await closing
        assert (await call).revision == 2


def test_a_round_is_not_healthy_before_it_starts(sqlite_log: str) -> None:
    facts = Facts()
    with StreamWriter.open(sqlite_log, "worker-0") as writer:
        assert not CommitRound(head=facts.read_head, advance=facts.advance, writer=writer).healthy
