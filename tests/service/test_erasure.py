"""ErasePerson: by nothing that he sees does who asks learn of what other organisations have on file, and
nothing of theirs is lost by it.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.facts import erasing, keys
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.model.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    PolicyServiceError,
    UnavailableError,
)
from policy_service.model.facts import (
    INSTALLATION,
    KEPT,
    ContactPoint,
    Fact,
    LegalHold,
    Override,
    Person,
    PersonId,
    PersonIdentifier,
    PersonName,
    PrivacyRequest,
    Relationship,
    User,
)
from policy_service.model.vocabulary import ContactKind, OverrideKind, RelationKind, RequestKind, RequestState
from policy_service.server import convert_retention
from policy_service.service import erasure
from policy_service.service.erasure import ErasePerson
from policy_service.service.history import HistoryOf
from policy_service.service.log_filter import LogFilter
from policy_service.service.log_search import SearchLog
from policy_service.service.naming import KIND_NAMES
from policy_service.service.people import GetPerson
from policy_service.service.people_asked import PutContactPoint, PutPerson
from policy_service.service.requests import ListRequests, RecordRequest
from policy_service.service.retention import ListHolds, PlaceHold, RunRetention
from tests.service.control import (
    ADMIN,
    AUDITOR,
    KEY,
    NOON,
    OFFICER,
    POLICE,
    TRUST,
    TRUST_OFFICER,
    Call,
    Control,
    Stores,
    running,
)

GUESS, VERA = "police-ref:GUESS", "nhs-number:9434765919"
PHONE, EMAIL, UPRN = "07700 900123", "vera@example.com", "10007922341"
ERASE = "RetentionService/ErasePerson"


@pytest.fixture
def stores(sqlite_template: Path, tmp_path: Path) -> Stores:
    """On SQLite: nothing here depends on the store."""
    return copied(sqlite_template, tmp_path)


def copied(template: Path, directory: Path) -> Stores:
    shutil.copytree(template, directory, dirs_exist_ok=True)
    return Stores(f"sqlite:///{directory}/facts.db", f"sqlite:///{directory}/log")


@asynccontextmanager
async def twins(template: Path, directory: Path) -> AsyncIterator[tuple[Control, Control]]:
    """Two worlds, of which another organisation protects somebody in the first alone."""
    async with AsyncExitStack() as stack:
        protected, empty = [
            await stack.enter_async_context(running(copied(template, directory / name)))
            for name in ("protected", "empty")
        ]
        await protect(protected)
        yield protected, empty


async def protect(control: Control) -> PrivacyRequest:
    """Vera is on file with the trust, with a phone, an address, and a request."""
    await control.people.put_person(TRUST_OFFICER.calling(), PutPerson((VERA,)))
    for kind, value, uprn in ((ContactKind.PHONE, PHONE, ""), (ContactKind.POST, "1 Example Street", UPRN)):
        point = PutContactPoint(VERA, kind, value, reference=f"T/{kind}", uprn=uprn, home=bool(uprn))
        await control.people.put_contact_point(TRUST_OFFICER.calling(), point)
    asked = RecordRequest(VERA, RequestKind.WITHHOLD_LOCATION)
    return (await control.requests.record(TRUST_OFFICER.calling(), asked)).answer.request


async def guess(control: Control) -> PersonId:
    """The police put somebody on file with a phone, an address and a mailbox."""
    put = await control.people.put_person(OFFICER.calling(), PutPerson((GUESS,), names=("Gus Example",)))
    for kind, value, uprn in (
        (ContactKind.PHONE, PHONE, ""),
        (ContactKind.POST, "Flat 1, Example Street", UPRN),
        (ContactKind.EMAIL, EMAIL, ""),
    ):
        point = PutContactPoint(GUESS, kind, value, reference=f"G/{kind}", uprn=uprn, home=bool(uprn))
        await control.people.put_contact_point(OFFICER.calling(), point)
    return put.answer.person.person_id


async def told(ask: Awaitable[Any]) -> object:
    """What a caller is told, but for ids and tokens, which are random."""
    try:
        answer = await ask
    except PolicyServiceError as error:
        return type(error), error.reason, error.message, getattr(error, "field", "")
    return getattr(answer, "answer", answer)


async def all_that_is_told(control: Control) -> list[object]:
    """What the guesser is told of an erasure, and of all that he asks afterwards."""
    who = await guess(control)
    caller: Call = OFFICER.calling(ERASE)
    done = await control.erasure.erase_person(caller, ErasePerson(GUESS))
    found: list[object] = [done.answer, len(convert_retention.erased_response(done)), len(done.facts_token)]
    for name in (GUESS, f"person:{who}"):
        found += [
            await told(control.people.get_person(OFFICER.calling(), GetPerson(name))),
            await told(control.people.history(OFFICER.calling(), HistoryOf(name))),
            await told(control.requests.list(OFFICER.calling(), ListRequests(name))),
            await told(control.retention.list_holds(OFFICER.calling(), ListHolds(name))),
            await told(control.retention.place_hold(OFFICER.calling(), PlaceHold(name, "INQ/1"))),
            await told(control.erasure.erase_person(OFFICER.calling(ERASE), ErasePerson(name))),
        ]
    found.append(await told(control.retention.run(OFFICER.calling(), RunRetention(validate_only=True))))
    again = await guess(control)
    shown = await control.people.get_person(OFFICER.calling(), GetPerson(GUESS))
    history = await control.people.history(OFFICER.calling(), HistoryOf(GUESS))
    found += [again == who, len(shown.contact_points), shown.schemes, [v.changed for v in history.items]]
    found.append(await told(control.erasure.erase_person(OFFICER.calling(ERASE), ErasePerson(GUESS))))
    return found


async def test_who_guesses_an_address_is_told_the_same_whether_it_is_somebodys_or_not(
    sqlite_template: Path, tmp_path: Path
) -> None:
    async with twins(sqlite_template, tmp_path) as (protected, empty):
        assert await all_that_is_told(protected) == await all_that_is_told(empty)
        assert await kept_kinds(protected) == {"contact_point": 2, "person": 1}
        assert not await kept_kinds(empty)


async def test_who_reads_the_log_entry_of_his_erasure_is_told_the_same(
    sqlite_template: Path, tmp_path: Path
) -> None:
    async with twins(sqlite_template, tmp_path) as (protected, empty):
        assert await all_that_the_log_tells(protected) == await all_that_the_log_tells(empty)


@pytest.mark.parametrize("bound", [2, 3, 6])
async def test_who_reads_the_log_entries_of_an_erasure_in_parts_is_told_the_same(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: int
) -> None:
    monkeypatch.setattr("policy_service.service.erasure.VERSIONS_A_REVISION", bound)
    async with twins(sqlite_template, tmp_path) as (protected, empty):
        assert await all_that_the_log_tells(protected) == await all_that_the_log_tells(empty)


async def test_who_reads_the_log_is_told_the_same_where_all_of_her_is_kept(
    sqlite_template: Path, tmp_path: Path
) -> None:
    async with twins(sqlite_template, tmp_path) as (protected, empty):
        theirs = LegalHold("hold-t", TRUST, await guess(protected), "CLAIM/1", "officer", NOON)
        protected.put(theirs)
        await guess(empty)
        told = await all_that_the_log_tells(protected), await all_that_the_log_tells(empty)
        assert told[0] == told[1]
        assert await kept_kinds(protected) == {"contact_point": 3, "identifier": 1, "name": 1, "person": 1}


async def all_that_the_log_tells(control: Control) -> list[object]:
    """What the organisation's auditor reads of an erasure, but for ids and moments."""
    who = await guess(control)
    view = await control.seen_elsewhere(
        *(keys.person(who), keys.identifiers_of(who), keys.names_of(who), keys.contact_points_of(who))
    )
    points = {point.contact_point_id: point.reference for point in view.contact_points_of(who)}
    await control.erasure.erase_person(OFFICER.calling(ERASE), ErasePerson(GUESS))
    search = SearchLog(LogFilter(method=ERASE))
    page = await control.log_searches.search(AUDITOR.calling("DecisionLogService/Search"), search)
    ids = {entry.id for entry in page.items}
    found: list[object] = []
    for entry in control.entries():
        if entry.entry_id in ids:
            named = [(name.split(":")[0], points.get(name.split(":")[1], "")) for name in entry.write.facts]
            rest = LogEntry.FromString(entry.SerializeToString())
            del rest.write.facts[:]
            told = (rest.write, rest.controller, rest.WhichOneof("event"), len(entry.SerializeToString()))
            found.append((named, *told))
    assert found
    return found


async def kept_kinds(control: Control) -> dict[str, int]:
    """How many facts of each kind are kept where nobody reads them."""
    found: dict[str, int] = {}
    for kind in (Person, PersonIdentifier, PersonName, ContactPoint):
        page = await control.desk.facts.page(kind, KEPT, "", 100, control.reader.head())
        found |= {KIND_NAMES[kind]: len(page)} if page else {}
    return found


async def sharing(control: Control) -> set[ContactPoint]:
    """Who else has Vera's phone or address."""
    fingerprints = Fingerprinter(KEY)
    phone, uprn = fingerprints.contact(ContactKind.PHONE, PHONE), fingerprints.uprn(UPRN)
    view = await control.seen_elsewhere(
        keys.contact_points_by_fingerprint(phone), keys.contact_points_by_uprn(uprn)
    )
    points = (*view.contact_points_by_fingerprint(phone), *view.contact_points_by_uprn(uprn))
    return {point for point in points if point.controller != TRUST}


async def test_that_somebody_shares_a_point_stays_and_not_who(control: Control) -> None:
    await protect(control)
    who = await guess(control)
    before = await sharing(control)
    await control.erasure.erase_person(OFFICER.calling(ERASE), ErasePerson(GUESS))
    after = await sharing(control)
    assert {(p.kind, p.fingerprint, p.uprn, p.home) for p in after} == {
        (p.kind, p.fingerprint, p.uprn, p.home) for p in before
    }
    assert {(p.controller, p.reference) for p in after} == {(KEPT, "")}
    assert who not in {p.person_id for p in after}
    view = await control.seen_elsewhere(keys.person(who), keys.names_of(who), keys.contact_points_of(who))
    assert view.person(who) is None
    assert not view.names_of(who)
    assert not view.contact_points_of(who)
    entry = control.entries()[-1]
    assert not entry.write.kept
    assert f"person:{who}" in entry.write.facts


async def test_what_was_kept_twice_is_kept_once(control: Control) -> None:
    await protect(control)
    for _ in range(3):
        await guess(control)
        await control.erasure.erase_person(OFFICER.calling(ERASE), ErasePerson(GUESS))
    assert len(await sharing(control)) == 2


async def test_what_is_kept_of_one_value_is_bounded(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever puts people there and erases them withholds nobody's decisions by that."""
    monkeypatch.setattr(erasure, "MOST_POINTS_OF_ONE_VALUE", 2)
    await protect(control)
    for digit in range(4):  # as many flats, as far as is known
        await control.people.put_person(OFFICER.calling(), PutPerson((GUESS,)))
        point = PutContactPoint(
            GUESS, ContactKind.POST, "1 Example Street", uprn=f"1000792235{digit}", home=True
        )
        await control.people.put_contact_point(OFFICER.calling(), point)
        await control.erasure.erase_person(OFFICER.calling(ERASE), ErasePerson(GUESS))
    assert (await kept_kinds(control))[KIND_NAMES[ContactPoint]] == 2


async def test_what_was_kept_goes_once_nothing_rests_on_it(control: Control) -> None:
    request = await protect(control)
    await guess(control)
    await control.erasure.erase_person(OFFICER.calling(ERASE), ErasePerson(GUESS))
    head = control.reader.head()
    assert await control.erasure.release() == 0
    assert control.reader.head() == head
    control.put(replace(request, state=RequestState.WITHDRAWN))
    assert await control.erasure.release() == 1
    assert not await sharing(control)
    entry = control.entries()[-1]
    assert (entry.method, entry.controller, entry.caller.principal) == (ERASE, KEPT, "")
    assert await control.erasure.release() == 0


async def test_one_for_whom_the_release_fails_stops_no_other(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = await protect(control)
    for kind, value, uprn in ((ContactKind.PHONE, PHONE, ""), (ContactKind.POST, "1 Example Street", UPRN)):
        await control.people.put_person(OFFICER.calling(), PutPerson((GUESS,)))
        point = PutContactPoint(GUESS, kind, value, reference="G", uprn=uprn, home=bool(uprn))
        await control.people.put_contact_point(OFFICER.calling(), point)
        await control.erasure.erase_person(OFFICER.calling(ERASE), ErasePerson(GUESS))
    control.put(replace(request, state=RequestState.WITHDRAWN))
    write, calls = control.desk.write_by_itself, 0

    async def fails_first(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError
        return await write(*args, **kwargs)

    monkeypatch.setattr(control.desk, "write_by_itself", fails_first)
    assert (await control.erasure.release(), calls) == (1, 2)
    assert await control.erasure.release() == 1
    assert await control.erasure.release() == 0


def an_override(who: PersonId) -> Override:
    later = NOON.replace(year=NOON.year + 1)
    return Override(
        override_id="override-t",
        controller=TRUST,
        kind=OverrideKind.BREAK_GLASS,
        user="d.clinician",
        record="W-1",
        people=(who,),
        categories=("health.report",),
        recipients=(),
        reason="urgent",
        granted_by="t.approver",
        granted_at=NOON,
        ends_at=later,
    )


def a_request(who: PersonId) -> PrivacyRequest:
    return PrivacyRequest(
        "request-t", TRUST, who, RequestKind.WITHHOLD_LOCATION, RequestState.ACTIVE, NOON, "t.officer"
    )


@pytest.mark.parametrize(
    "theirs",
    [
        lambda who: LegalHold("hold-t", TRUST, who, "CLAIM/1", "officer", NOON),
        a_request,
        an_override,
        lambda who: User("user-t", TRUST, "t.user", person_id=who),
        lambda who: replace(a_request(PersonId("somebody")), recipients=(f"person:{who}",)),
    ],
    ids=["hold", "request", "override", "login", "named"],
)
async def test_what_another_organisation_has_about_her_keeps_all_of_it_where_nobody_reads(
    control: Control, theirs: Any
) -> None:
    who = await guess(control)
    control.put(theirs(who))
    done = await control.erasure.erase_person(OFFICER.calling(ERASE), ErasePerson(GUESS))
    assert dict(done.answer.facts) == {"contact_point": 3, "name": 1}
    view = await control.seen_elsewhere(
        *(keys.person(who), keys.identifiers_of(who), keys.names_of(who), keys.contact_points_of(who))
    )
    person = view.person(who)
    assert person is not None
    kept: tuple[Fact, ...] = (
        person,
        *view.identifiers_of(who),
        *view.names_of(who),
        *view.contact_points_of(who),
    )
    assert [fact.controller for fact in kept] == [KEPT] * 6
    assert await kept_kinds(control) == {"contact_point": 3, "identifier": 1, "name": 1, "person": 1}
    for name in (GUESS, f"person:{who}"):
        with pytest.raises(PolicyServiceError) as nobody:
            await control.people.get_person(OFFICER.calling(), GetPerson(name))
        assert nobody.value.reason == "NOT_AVAILABLE"
        with pytest.raises(PolicyServiceError) as never:
            await control.people.history(OFFICER.calling(), HistoryOf(name))
        assert never.value.reason == "NOT_AVAILABLE"


async def found(control: Control, person: str) -> list[tuple[str, str]]:
    """The refusals that an auditor of the police finds who looks for somebody."""
    search = SearchLog(LogFilter(person=person))
    page = await control.log_searches.search(AUDITOR.calling("DecisionLogService/Search"), search)
    ids = {entry.id for entry in page.items}
    return [
        (entry.refusal.reason, person)
        for entry in control.entries()
        if entry.entry_id in ids
        for person in entry.refusal.people
    ]


async def refuse(control: Control, call: Call, person: str) -> str:
    """Ask for an erasure, and leave the entry of its refusal as the edge does."""
    with pytest.raises(PolicyServiceError) as refused:
        await control.erasure.erase_person(call, ErasePerson(person))
    error = refused.value
    await control.desk.refused(call, status="REFUSED", reason=error.reason, people=error.people)
    return error.reason


async def test_each_refusal_names_whom_it_was_about(control: Control) -> None:
    who = await guess(control)
    await control.requests.record(OFFICER.calling(), RecordRequest(GUESS, RequestKind.WITHHOLD_LOCATION))
    caller = OFFICER.calling(ERASE)
    assert await refuse(control, caller, GUESS) == "STILL_PROTECTS"
    await control.retention.place_hold(OFFICER.calling(), PlaceHold(GUESS, "INQ/1"))
    assert await refuse(control, caller, f"person:{who}") == "LEGAL_HOLD"
    assert await refuse(control, ADMIN.calling(ERASE), f"person:{who}") == "ROLE_REQUIRED"
    assert await refuse(control, ADMIN.calling(ERASE), GUESS) == "ROLE_REQUIRED"
    expected = ["STILL_PROTECTS", "LEGAL_HOLD", "ROLE_REQUIRED", "ROLE_REQUIRED"]
    by_id, by_identifier = await found(control, f"person:{who}"), await found(control, GUESS)
    assert [reason for reason, _ in by_id] == [reason for reason, _ in by_identifier] == expected
    assert {name for _, name in by_id[:2]} == {f"person:{who}"}


async def test_a_refusal_about_somebody_elses_person_names_the_fingerprint(control: Control) -> None:
    await protect(control)
    assert await refuse(control, OFFICER.calling(ERASE), VERA) == "UNKNOWN_PERSON"
    named = f"fingerprint:{Fingerprinter(KEY).identifier(*VERA.split(':'))}"
    assert await found(control, VERA) == [("UNKNOWN_PERSON", named)]
    assert await refuse(control, OFFICER.calling(ERASE), "Vera Example, 1 Example Street")
    assert not any("Example" in name for entry in control.entries() for name in entry.refusal.people)


async def test_what_the_organisation_itself_recorded_stands_against_it(control: Control) -> None:
    """Of her own file, who protects is no secret to her officer; the trust's Vera is."""
    await protect(control)
    await guess(control)
    await control.people.put_person(OFFICER.calling(), PutPerson(("police-ref:V",)))
    point = PutContactPoint("police-ref:V", ContactKind.EMAIL, EMAIL)
    await control.people.put_contact_point(OFFICER.calling(), point)
    await control.requests.record(
        OFFICER.calling(), RecordRequest("police-ref:V", RequestKind.WITHHOLD_LOCATION)
    )
    with pytest.raises(FailedPreconditionError) as refused:
        await control.erasure.erase_person(OFFICER.calling(ERASE), ErasePerson(GUESS))
    assert refused.value.reason == "STILL_PROTECTS"


async def test_nobody_acts_for_what_is_kept(control: Control) -> None:
    first = replace(
        OFFICER.calling(), controller=KEPT, caller=replace(OFFICER.calling().caller, controller=INSTALLATION)
    )
    with pytest.raises(InvalidArgumentError) as refused:
        await control.people.get_person(first, GetPerson(GUESS))
    assert refused.value.reason == "BAD_NAME"
    assert POLICE != KEPT


# --- many facts, and writers ---


async def rows_about(control: Control, who: PersonId) -> int:
    """Versions of whatever is on file about somebody, open or closed."""
    return len(erasing.about(control.reader, who, POLICE, control.reader.head(), 100_000))


async def test_more_than_a_revision_takes_is_erased_in_several_each_of_which_says_so(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    await protect(control)
    who = await guess(control)
    for number in range(10):
        for value in (f"07700 9002{number:02}", f"07700 9003{number:02}"):
            point = PutContactPoint(GUESS, ContactKind.PHONE, value, reference=f"N/{number}")
            await control.people.put_contact_point(OFFICER.calling(), point)
    names = {f"contact_point:{point.contact_point_id}" for point in await sharing(control)}
    monkeypatch.setattr("policy_service.service.erasure.VERSIONS_A_REVISION", 6)
    before = control.reader.head()
    done = await control.erasure.erase_person(OFFICER.calling(ERASE), ErasePerson(GUESS))
    assert dict(done.answer.facts) == {"contact_point": 13, "name": 1}
    assert await rows_about(control, who) == 0
    entries = [entry for entry in control.entries() if entry.revision > before]
    assert len(entries) == control.reader.head() - before >= 5
    assert all(entry.method == ERASE and f"person:{who}" in entry.write.facts for entry in entries)
    assert all(len(entry.write.facts) <= 7 for entry in entries)
    said = [name for entry in entries for name in entry.write.facts]
    assert names <= set(said)
    assert len(await sharing(control)) == 2


@pytest.mark.parametrize("bound", range(2, 8))
async def test_a_person_of_any_number_of_versions_is_erased_in_one_call(
    control: Control, monkeypatch: pytest.MonkeyPatch, bound: int
) -> None:
    """Of 6 versions: with what she is found by at every place around the bound."""
    who = await guess(control)
    assert await rows_about(control, who) == 6
    monkeypatch.setattr("policy_service.service.erasure.VERSIONS_A_REVISION", bound)
    done = await control.erasure.erase_person(OFFICER.calling(ERASE), ErasePerson(GUESS))
    assert dict(done.answer.facts) == {"contact_point": 3, "name": 1}
    assert await rows_about(control, who) == 0


@pytest.mark.parametrize("bound", range(2, 8))
async def test_who_asks_again_in_the_same_words_goes_on_wherever_it_was_broken_off(
    control: Control, monkeypatch: pytest.MonkeyPatch, bound: int
) -> None:
    who = await guess(control)
    monkeypatch.setattr("policy_service.service.erasure.VERSIONS_A_REVISION", bound)
    write = control.desk.write

    async def and_then_is_killed(*args: Any, **kwargs: Any) -> Any:
        await write(*args, **kwargs)
        raise UnavailableError

    monkeypatch.setattr(control.desk, "write", and_then_is_killed)
    while before := await rows_about(control, who):
        with pytest.raises(UnavailableError):
            await control.erasure.erase_person(OFFICER.calling(ERASE), ErasePerson(GUESS))
        assert await rows_about(control, who) < before


async def test_what_was_recorded_between_two_revisions_stands_against_the_rest(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = await guess(control)
    monkeypatch.setattr("policy_service.service.erasure.VERSIONS_A_REVISION", 2)
    write, revisions = control.desk.write, 0

    async def and_then_a_request(*args: Any, **kwargs: Any) -> Any:
        nonlocal revisions
        done = await write(*args, **kwargs)
        if revisions == 0:
            revisions += 1
            asked = RecordRequest(GUESS, RequestKind.WITHHOLD_LOCATION)
            await control.requests.record(OFFICER.calling(), asked)
        return done

    monkeypatch.setattr(control.desk, "write", and_then_a_request)
    with pytest.raises(FailedPreconditionError) as refused:
        await control.erasure.erase_person(OFFICER.calling(ERASE), ErasePerson(GUESS))
    assert refused.value.reason == "STILL_PROTECTS"
    shown = await control.people.get_person(OFFICER.calling(), GetPerson(f"person:{who}"))
    assert len(shown.contact_points) == 1


async def test_it_ends_while_others_write_without_a_pause(control: Control) -> None:
    who = await guess(control)
    over, busy = asyncio.Event(), asyncio.Event()
    written = 0

    async def writes(number: int) -> None:
        nonlocal written
        await control.people.put_person(OFFICER.calling(), PutPerson((f"police-ref:{number}",)))
        while not over.is_set():
            phone = f"07700 9{written % 90_000:05}"
            point = PutContactPoint(f"police-ref:{number}", ContactKind.PHONE, phone, reference="N")
            await control.people.put_contact_point(OFFICER.calling(), point)
            written += 1
            busy.set()

    writing = [asyncio.create_task(writes(number)) for number in range(4)]
    begun = asyncio.create_task(busy.wait())
    await asyncio.wait([begun, *writing], return_when=asyncio.FIRST_COMPLETED)
    assert begun.done(), writing
    began = written
    await control.erasure.erase_person(OFFICER.calling(ERASE), ErasePerson(GUESS))
    during = written - began
    over.set()
    await asyncio.gather(*writing)
    assert during > 0, "or nothing is shown"
    assert await rows_about(control, who) == 0


@pytest.mark.torture
async def test_twenty_thousand_facts_of_one_person_are_erased(control: Control) -> None:
    who = await guess(control)
    ties = 20_000
    for start in range(0, ties, 2_000):
        control.put(
            *(
                Relationship(f"tie-{n:06}", POLICE, who, PersonId(f"patient-{n:06}"), RelationKind.CARER_OF)
                for n in range(start, start + 2_000)
            )
        )
    before, began = control.reader.head(), time.monotonic()
    done = await control.erasure.erase_person(OFFICER.calling(ERASE), ErasePerson(GUESS))
    took = time.monotonic() - began
    print(f"{ties:,} facts erased in {control.reader.head() - before} revisions, {took:.1f} s")
    assert dict(done.answer.facts) == {"contact_point": 3, "name": 1, "relationship": ties}
    assert await rows_about(control, who) == 0
    assert control.reader.head() - before <= 25
