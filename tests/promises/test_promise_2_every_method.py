"""Promise 2: each method of each service leaves exactly one entry when it permits, denies, is refused and
fails; none where the log itself fails, and then nothing is permitted.

The methods are those that reflection tells of; the calls are in `every_method`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import NoReturn

import pytest
import pytest_asyncio

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.decision_log.stream import StreamWriter
from policy_service.server.errors import INTERNAL_TEXT
from policy_service.server.handlers import PACKAGE
from policy_service.server.settings import Settings
from tests.promises.every_method import ROWS, Sent, World, made, wire
from tests.promises.world import CLINIC
from tests.support.doors import Told, opened
from tests.support.new_entries import NewEntries
from tests.support.revisions import on_file, unaccounted_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVERY = pytest.mark.parametrize("name", ROWS)
CANARY = "canary-71c3-do-not-repeat"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one call has come to. Of a batch or stream: its one question."""

    code: str
    text: str
    answer: pb.CheckResponse
    """Of a question; of another method nothing."""
    entries: list[LogEntry]
    written: int
    """Revisions of the facts."""

    @property
    def entry(self) -> LogEntry:
        """EXACTLY ONE."""
        (entry,) = self.entries
        return entry

    @property
    def event(self) -> str | None:
        return self.entry.WhichOneof("event")


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls one after another, each with what it left."""

    world: World
    log: NewEntries

    async def ask(self, name: str, message: Sent, token: str = "") -> Seen:
        """By whom the method is for, or by who has another `token`."""
        doors = self.world.doors
        self.log.forget()
        before = doors.facts.head()
        told = await doors.ask(
            name, wire(message), token=token or ROWS[name].asker(self.world), controller=CLINIC
        )
        entries = self.log.take()
        assert {entry.method for entry in entries} <= {name}
        return Seen(*_told(name, told), entries, doors.facts.head() - before)


def _told(name: str, told: Told) -> tuple[str, str, pb.CheckResponse]:
    outcomes: list[pb.CheckOutcome] = []
    answer = pb.CheckResponse()
    for data in told.answers:
        match name.rpartition("/")[2]:
            case "Check":
                answer = pb.CheckResponse.FromString(data)
            case "Explain":
                answer = pb.ExplainResponse.FromString(data).answer
            case "BatchCheck":
                outcomes += pb.BatchCheckResponse.FromString(data).outcomes
            case "CheckStream":
                outcomes.append(pb.CheckStreamResponse.FromString(data).outcome)
            case _:
                pass
    if not outcomes:
        return told.code, told.text, answer
    (outcome,) = outcomes
    error = outcome.error
    return error.code or told.code, error.message, outcome.answer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calls(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Calls]:
    async with opened(Settings(var_dir=tmp_path_factory.mktemp("every-method"))) as doors:
        yield Calls(await World.open(doors), NewEntries(doors.log))


async def test_every_method_that_reflection_tells_of_is_called_here(calls: Calls) -> None:
    doors = calls.world.doors
    assert await doors.control.methods() | await doors.worker.methods() == {*ROWS}


@EVERY
async def test_one_entry_when_it_goes_well(name: str, calls: Calls) -> None:
    row = ROWS[name]
    seen = await calls.ask(name, await made(row.good, calls.world))
    assert (seen.code, seen.event) == ("OK", row.leaves)
    assert seen.written == (row.leaves == "write")
    if row.leaves == "decision":
        assert seen.answer.effect == seen.entry.decision.effect == pb.EFFECT_PERMIT
        assert seen.answer.decision_id == seen.entry.entry_id


@EVERY
async def test_one_entry_when_it_is_denied(name: str, calls: Calls) -> None:
    """By the answer; or, of what only some may call, by a refusal of who may not."""
    row, world = ROWS[name], calls.world
    if row.denied is not None:
        seen = await calls.ask(name, await made(row.denied, world))
        assert (seen.code, seen.event) == ("OK", "decision")
        assert seen.answer.effect == seen.entry.decision.effect == pb.EFFECT_DENY
        assert seen.answer.decision_id == seen.entry.entry_id
        return
    seen = await calls.ask(name, await made(row.good, world), token=world.other)
    assert seen.code == ("NOT_FOUND" if row.by_system else "PERMISSION_DENIED")
    assert (seen.event, seen.entry.refusal.status) == ("refusal", seen.code)
    assert seen.written == 0


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.absent is not None])
async def test_one_entry_when_it_is_about_what_is_not_available(name: str, calls: Calls) -> None:
    absent = ROWS[name].absent
    assert absent is not None
    seen = await calls.ask(name, await made(absent, calls.world))
    assert (seen.code, seen.event) == ("NOT_FOUND", "refusal")
    assert (seen.entry.refusal.status, seen.entry.refusal.reason) == ("NOT_FOUND", "NOT_AVAILABLE")
    assert seen.written == 0


@EVERY
async def test_one_entry_when_it_is_refused(name: str, calls: Calls) -> None:
    """For an argument that cannot be right."""
    row = ROWS[name]
    seen = await calls.ask(name, await made(row.bad, calls.world))
    assert (seen.code, seen.event) == ("INVALID_ARGUMENT", "refusal")
    assert (seen.entry.refusal.status, seen.entry.refusal.field) == ("INVALID_ARGUMENT", row.at)
    assert seen.written == 0


@EVERY
async def test_one_entry_when_it_fails(name: str, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """The use case itself; of what it says nothing is told."""
    message = await made(ROWS[name].good, calls.world)
    methods = calls.world.doors.side(name).parts.router.methods
    path = f"/{PACKAGE}.{name}"

    async def fail(*_: object) -> NoReturn:
        raise RuntimeError(CANARY)

    monkeypatch.setitem(methods, path, replace(methods[path], call=fail))
    seen = await calls.ask(name, message)
    assert (seen.code, seen.text) == ("INTERNAL", INTERNAL_TEXT)
    assert (seen.event, seen.entry.refusal.status) == ("refusal", "INTERNAL")
    assert CANARY not in str(seen)
    assert seen.written == 0


@EVERY
async def test_no_entry_and_nothing_permitted_when_the_log_fails(name: str, calls: Calls) -> None:
    """A write stands all the same, and its one entry comes with the next write."""
    row, world = ROWS[name], calls.world
    message = await made(row.good, world)

    def full(*_: object) -> NoReturn:
        raise OSError("no space left on device")

    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(StreamWriter, "_write", full)
        seen = await calls.ask(name, message)
    assert (seen.code, seen.entries) == ("UNAVAILABLE", [])
    assert seen.answer == pb.CheckResponse()
    assert seen.written == (row.leaves == "write")

    calls.log.forget()
    await world.did("AccessService/PutUser", pb.CheckResponse)
    owed = [name] if row.leaves == "write" else []
    assert [entry.method for entry in calls.log.take()] == [*owed, "AccessService/PutUser"]


async def test_each_row_that_these_calls_left_has_its_revision(calls: Calls) -> None:
    """At their end: nothing that serves writes past the one writer of facts."""
    facts = calls.world.doors.facts
    assert unaccounted_for(facts) == []
    assert on_file(facts) >= {"policy_sets", "tokens", "users", "records"}, "whichever of them ran before"
