"""Promise 2, Logged before answered: one entry for each call that reaches a use case, and durable."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from sqlalchemy import select

from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.decision_log.entry import Entry
from policy_service.decision_log.errors import EntryMissing, LogUnavailable, StreamLost
from policy_service.decision_log.stream import StreamWriter
from policy_service.facts import keys
from policy_service.facts.tables import RevisionRow
from policy_service.model.errors import UnavailableError
from policy_service.model.facts import Person, PersonId, Revision
from policy_service.model.ids import random_id
from policy_service.model.vocabulary import RequestKind
from policy_service.service import one_writer
from policy_service.service.asking import NOTHING_NOTED, Draft, Note
from policy_service.service.outbox import Outbox
from policy_service.service.pages import PageAsked
from policy_service.service.people import MANAGERS
from policy_service.service.people_asked import PutPerson
from policy_service.service.requests import GetRequest, ListRequests, RecordRequest
from tests.decision_log.meddling import held
from tests.service.control import (
    ADMIN,
    BESIDE,
    IMPATIENT,
    NOON,
    OFFICER,
    POLICE,
    SLOT,
    VERSIONS,
    Control,
    Stores,
    refusals,
    running,
)

VERA = PutPerson(("police-ref:P-1",), note=Note("asked by phone"))


@pytest_asyncio.fixture
async def impatient(stores: Stores) -> AsyncIterator[Control]:
    """A control plane that waits for its log for a moment only."""
    async with running(stores, timeouts=IMPATIENT) as control:
        yield control


async def test_a_write_leaves_the_entry_that_its_revision_owes(control: Control) -> None:
    call = replace(OFFICER.calling("PeopleService/PutPerson"), trace_id=b"\x07" * 16)
    person_id = (await control.people.put_person(call, VERA)).answer.person.person_id

    (entry,) = control.entries()
    row = RevisionRow
    ((revision, owed),) = control.reader.rows(
        select(row.revision, row.entry).where(row.entry_id == entry.entry_id)
    )
    assert control.stores.stored_entries()[-1].data == owed
    assert (entry.revision, entry.method, entry.controller) == (revision, "PeopleService/PutPerson", POLICE)
    assert (entry.caller.token_id, entry.caller.principal) == (OFFICER.token.token_id, "police-officer")
    assert entry.time.ToDatetime(NOON.tzinfo) == NOON
    assert entry.trace_id == call.trace_id
    assert entry.versions.time_zones == VERSIONS.time_zones
    assert entry.write.reason == "asked by phone"
    assert [name.partition(":")[0] for name in entry.write.facts] == ["person", "identifier"]
    assert entry.write.facts[0] == f"person:{person_id}"


async def test_a_write_that_changes_nothing_leaves_a_revision_and_an_entry(control: Control) -> None:
    await control.people.put_person(OFFICER.calling(), VERA)
    await control.people.put_person(OFFICER.calling(), VERA)
    first, second = control.entries()
    assert second.revision == first.revision + 1
    assert list(second.write.facts) == [first.write.facts[0]]


async def test_each_reading_leaves_an_entry(control: Control) -> None:
    await control.people.put_person(OFFICER.calling(), VERA)
    asked = RecordRequest("police-ref:P-1", RequestKind.WITHHOLD_LOCATION)
    request = (await control.requests.record(OFFICER.calling(), asked)).answer.request
    await control.requests.get(OFFICER.calling(), GetRequest(request.request_id))
    await control.requests.list(OFFICER.calling(), ListRequests("police-ref:P-1"))
    await control.requests.list(OFFICER.calling(), ListRequests())
    await control.access.list_systems(ADMIN.calling(), PageAsked())
    readings = [entry.read for entry in control.entries()[2:]]
    name = f"request:{request.request_id}"
    assert [list(read.facts) for read in readings] == [
        [name],
        [f"person:{request.person_id}", name],
        [name],
        [],
    ]
    assert [read.found for read in readings] == [True, True, True, False]


async def test_a_refusal_leaves_an_entry_with_the_path_and_never_the_value(control: Control) -> None:
    call = OFFICER.calling("PeopleService/PutPerson")
    await control.desk.refused(
        call, status="INVALID_ARGUMENT", reason="BAD_IDENTIFIER", field="person.identifiers[0]"
    )
    (entry,) = control.entries()
    assert (entry.method, entry.controller) == ("PeopleService/PutPerson", POLICE)
    assert (entry.refusal.status, entry.refusal.reason, entry.refusal.field) == (
        "INVALID_ARGUMENT",
        "BAD_IDENTIFIER",
        "person.identifiers[0]",
    )


async def test_what_raises_leaves_no_entry_of_its_own(control: Control) -> None:
    with pytest.raises(Exception, match="not of the form"):
        await control.people.put_person(OFFICER.calling(), PutPerson(("x",)))
    assert control.entries() == []


async def test_a_write_that_the_log_takes_for_delivered_is_undone(control: Control) -> None:
    """As on an older copy of the facts: the outbox would pass its entry over."""
    ahead(control)
    head = control.store.head()
    with pytest.raises(EntryMissing):
        await control.people.put_person(OFFICER.calling(), VERA)
    assert control.store.head() == head
    assert control.lost == ["lost"], "the process ends, and its next start says what is wrong"


async def test_a_write_is_acknowledged_once_its_own_entry_is_in_the_log(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead(control)
    monkeypatch.setattr(Outbox, "refuse_delivered", lambda *_: None)
    with pytest.raises(EntryMissing) as refused:
        await control.people.put_person(OFFICER.calling(), VERA)
    assert isinstance(refused.value, UnavailableError)
    assert control.lost == ["lost"]


def ahead(control: Control) -> None:
    """Let the log hold entries of revisions that are still to come."""
    entry_id = random_id()
    data = LogEntry(entry_id=entry_id, method=BESIDE).SerializeToString()
    control.log.append_now(Entry(entry_id, 0, data), outbox_revision=control.store.head() + 10)


async def test_nothing_is_answered_while_the_log_cannot_be_written(impatient: Control) -> None:
    control = impatient
    await control.people.put_person(OFFICER.calling(), VERA)
    before = control.entries()
    asked = RecordRequest("police-ref:P-1", RequestKind.WITHHOLD_LOCATION, note=Note("", "key-1", b"body"))
    head = control.store.head()
    with held(control.stores.log_url, SLOT):
        for ask in (
            control.requests.record(OFFICER.calling(), asked),
            control.people.put_person(OFFICER.calling(), PutPerson(("police-ref:P-2",))),
            control.requests.list(OFFICER.calling(), ListRequests()),
        ):
            with pytest.raises(LogUnavailable):
                await ask
    assert control.entries() == before
    # Only the first of the two writes was committed: no other begins while the log is owed something.
    assert control.store.head() == head + 1

    # Once it can be written again, asking again finds what was committed, and the log is whole and in order.
    answer = (await control.requests.record(OFFICER.calling(), asked)).answer.request
    await control.people.put_person(OFFICER.calling(), PutPerson(("police-ref:P-2",)))
    view = await control.seen_elsewhere(keys.requests_about(answer.person_id))
    assert view.requests_about(answer.person_id) == (answer,)
    assert_owed_and_logged_alike(control)


async def test_writes_at_once_leave_their_entries_in_the_order_of_their_revisions(control: Control) -> None:
    puts = [control.people.put_person(OFFICER.calling(), PutPerson((f"x:{i}",))) for i in range(20)]
    reads = [control.requests.list(OFFICER.calling(), ListRequests()) for _ in range(5)]
    await asyncio.gather(*puts, *reads)
    revisions = [entry.revision for entry in control.entries() if entry.HasField("write")]
    assert revisions == sorted(revisions)
    assert len(set(revisions)) == 20
    assert len(control.entries()) == 25
    assert_owed_and_logged_alike(control)


async def test_a_caller_who_goes_away_leaves_no_revision_without_its_entry(control: Control) -> None:
    for pause in (0.0, 0.001, 0.004, 0.01):
        put = asyncio.create_task(control.people.put_person(OFFICER.calling(), PutPerson((f"x:{pause}",))))
        await asyncio.sleep(pause)
        put.cancel()
        await asyncio.wait([put])
    await control.people.put_person(OFFICER.calling(), VERA)
    assert_owed_and_logged_alike(control)


async def test_a_second_writer_of_the_stream_ends_this_one(control: Control) -> None:
    if control.stores.log_url.startswith("sqlite"):
        pytest.skip("a second writer of a SQLite file is refused")
    with StreamWriter.open(control.stores.log_url, SLOT):
        with pytest.raises(StreamLost):
            await control.people.put_person(OFFICER.calling(), VERA)
        assert control.lost


async def test_what_no_entry_can_hold_is_not_committed(control: Control) -> None:
    head = control.store.head()
    facts = tuple(Person(PersonId(random_id()), POLICE) for _ in range(1_600))

    async def ask() -> object:
        return await control.desk.write(
            OFFICER.calling(), MANAGERS, NOTHING_NOTED, lambda _, __: Draft("", facts)
        )

    assert await refusals([ask()]) == [("", "TOO_MANY_FACTS")]
    assert control.store.head() == head


async def test_a_write_waits_for_its_turn_within_bounds(
    impatient: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_writer, "TURN_SECONDS", 0.1)
    with held(impatient.stores.log_url, SLOT):
        puts = [impatient.people.put_person(OFFICER.calling(), PutPerson((f"x:{i}",))) for i in range(4)]
        outcomes = await asyncio.gather(*puts, return_exceptions=True)
    reasons = [outcome.reason for outcome in outcomes if isinstance(outcome, UnavailableError)]
    assert sorted(reasons) == ["LOG_UNAVAILABLE", "STORE_BUSY", "STORE_BUSY", "STORE_BUSY"]


@pytest.mark.parametrize("moment", ["before the append", "after the append"])
async def test_what_a_crash_left_is_completed_at_start(stores: Stores, moment: str) -> None:
    """A process is killed between the commit of the facts and the append to the log, or just after it."""
    command = [sys.executable, "-m", "tests.service.dying_control", stores.facts_url, stores.log_url, moment]
    dying = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE)
    await dying.communicate(OFFICER.secret.encode())
    assert dying.returncode == -9
    async with running(stores) as control:
        writes = [entry for entry in control.entries() if entry.HasField("write")]
        assert len(writes) == 3
        assert_owed_and_logged_alike(control)
    async with running(stores) as control:
        assert len(control.entries()) == 3


def assert_owed_and_logged_alike(control: Control) -> None:
    """What the revisions owe is what the stream holds, in the same order, and nothing of it twice."""
    owed = [row.entry for row in control.store.undelivered(Revision(0))]
    logged = [stored.data for stored in control.stores.stored_entries()]
    assert [data for data in logged if data in set(owed)] == owed
    assert len({entry.entry_id for entry in control.entries()}) == len(control.entries())
