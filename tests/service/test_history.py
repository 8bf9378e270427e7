"""Histories: the versions of everything on file, newest first, each as a reading at its time showed it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from policy_service.facts import erasing, keys
from policy_service.facts.store import Change
from policy_service.model.errors import NotAvailableError, PermissionDeniedError
from policy_service.model.facts import (
    ArtefactType,
    ContentDeclaration,
    CourtOrder,
    Fact,
    LegalHold,
    Override,
    Record,
    RecordType,
    RetentionRule,
    System,
    Token,
    User,
)
from policy_service.model.ids import random_id
from policy_service.model.vocabulary import RequestKind, StaffRole, Visibility
from policy_service.service.access import GetUser
from policy_service.service.access_asked import PutUser
from policy_service.service.asking import Listed, Note
from policy_service.service.history import MOST_VERSIONS, HistoryOf, Version
from policy_service.service.naming import KIND_NAMES
from policy_service.service.pages import PageAsked
from policy_service.service.past import AsOf
from policy_service.service.people import GetPerson
from policy_service.service.policies import files_of, set_of, shipped_policy_set, to_file
from policy_service.service.policy_sets import GetSet
from policy_service.service.records import GetRecord
from policy_service.service.requests import GetRequest, RecordRequest
from tests.service.control import (
    ADMIN,
    APPROVER,
    AUDITOR,
    FIRST,
    NOON,
    OFFICER,
    POLICIES,
    TRUST_AUDITOR,
    Control,
    Manager,
    refusals,
)
from tests.service.past_world import Writer

SHIPPED = shipped_policy_set(POLICIES)
SECOND = timedelta(seconds=1)


async def put_user(control: Control, reason: str, *roles: str) -> str:
    """Put a user on file a second later; the token of what was then."""
    control.clock.now += SECOND
    asked = PutUser("u.one", roles=roles, note=Note(reason))
    return (await control.access.put_user(ADMIN.calling(), asked)).facts_token


OF_USER = HistoryOf("u.one", User)


async def versions(
    control: Control, asked: HistoryOf = OF_USER, *, by: Manager = AUDITOR
) -> tuple[Version[Any], ...]:
    found: tuple[Version[Any], ...] = (await control.access.history(by.calling(), asked)).items
    return found


async def test_amended_twice_it_has_three_versions(control: Control) -> None:
    for reason, roles in {"new": ("nurse",), "moved": ("nurse", "clerk"), "left": ()}.items():
        await put_user(control, reason, *roles)
    await put_user(control, "nothing changed")
    found: tuple[Any, ...] = await versions(control)
    assert [(each.reason, each.fact.roles) for each in found] == [
        ("left", ()),
        ("moved", ("nurse", "clerk")),
        ("new", ("nurse",)),
    ]
    assert [each.committed_at for each in found] == [NOON + 3 * SECOND, NOON + 2 * SECOND, NOON + SECOND]
    assert {each.actor for each in found} == {"principal:police-admin"}
    assert {each.changed for each in found} == {("user",)}
    for each in found:
        user = await control.access.get_user(AUDITOR.calling(), GetUser("u.one", AsOf(each.facts_token)))
        assert user == each.fact
    entry = control.entries()[-4]
    assert list(entry.read.facts) == [f"user:{found[0].fact.user_id}"]
    assert entry.read.found
    assert "moved" not in str(entry)
    assert found == await versions(control)  # their tokens, too


async def test_pages_go_on_where_they_ended_whatever_is_written_meanwhile(control: Control) -> None:
    for number in range(5):
        await put_user(control, f"{number}", f"role-{number}")
    found, token = [], ""
    while True:
        asked = HistoryOf("u.one", User, PageAsked(2, token))
        listed = await control.access.history(AUDITOR.calling(), asked)
        found.append([each.reason for each in listed.items])
        await put_user(control, "meanwhile", f"role-{len(found)}-more")
        if not (token := listed.next_page_token):
            break
        last = token
    assert found == [["4", "3"], ["2", "1"], ["0"]]
    assert await refusals(
        [
            versions(control, HistoryOf("u.one", System, PageAsked(2, last)), by=ADMIN),
            versions(control, HistoryOf("u.one", User, PageAsked(2, last[:-4] + "AAAA"))),
            versions(control, HistoryOf("u.one", User, PageAsked(-1))),
        ]
    ) == [
        ("page_token", "BAD_PAGE_TOKEN"),
        ("page_token", "BAD_PAGE_TOKEN"),
        ("page_size", "NEGATIVE"),
    ]


async def test_a_page_is_bounded(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policy_service.service.history.MOST_VERSIONS", 2)
    for number in range(3):
        await put_user(control, f"{number}", f"role-{number}")
    asked = HistoryOf("u.one", User, PageAsked(MOST_VERSIONS))
    assert len((await control.access.history(AUDITOR.calling(), asked)).items) == 2


@dataclass(frozen=True)
class Subject:
    """Something that has a history, and how Get shows it as of a moment, where there is a Get."""

    read: Callable[[Control, Manager, HistoryOf], Awaitable[Listed[Version[Any]]]]
    by: Manager
    asked: HistoryOf
    get: Callable[[Control, AsOf], Awaitable[Any]] | None = None


def access(by: Manager, what: str, kind: type[Fact], **more: Any) -> Subject:
    return Subject(
        lambda c, who, asked: c.access.history(who.calling(), asked), by, HistoryOf(what, kind), **more
    )


def records(what: str, kind: type[Fact], **more: Any) -> Subject:
    return Subject(
        lambda c, who, asked: c.records.history(who.calling(), asked), AUDITOR, HistoryOf(what, kind), **more
    )


def casework(what: str, kind: type[Fact]) -> Subject:
    return Subject(
        lambda c, who, asked: c.casework.history(who.calling(), asked), AUDITOR, HistoryOf(what, kind)
    )


def subjects(writer: Writer, declaration_id: str) -> tuple[Subject, ...]:
    """One of each that a writer has put on file."""
    return (
        Subject(
            lambda c, who, asked: c.people.history(who.calling(), asked),
            AUDITOR,
            HistoryOf("ref:P-1"),
            lambda c, at: c.people.get_person(AUDITOR.calling(), GetPerson("ref:P-1", at)),
        ),
        Subject(
            lambda c, who, asked: c.requests.history(who.calling(), asked),
            AUDITOR,
            HistoryOf(writer.requests[0]),
            lambda c, at: c.requests.get(AUDITOR.calling(), GetRequest(writer.requests[0], at)),
        ),
        records(
            "R-1", Record, get=lambda c, at: c.records.get_record(AUDITOR.calling(), GetRecord("R-1", at))
        ),
        records("file", RecordType),
        records("letter", ArtefactType),
        records(declaration_id, ContentDeclaration),
        casework(writer.overrides[0], Override),
        casework(writer.orders[0], CourtOrder),
        access(
            AUDITOR,
            "u.one",
            User,
            get=lambda c, at: c.access.get_user(AUDITOR.calling(), GetUser("u.one", at)),
        ),
        Subject(
            lambda c, who, asked: c.retention.history(who.calling(), asked),
            AUDITOR,
            HistoryOf(writer.holds[0], LegalHold),
        ),
        Subject(
            lambda c, who, asked: c.retention.history(who.calling(), asked),
            AUDITOR,
            HistoryOf(writer.rule_kind, RetentionRule),
        ),
        access(ADMIN, "crm", System),
        access(ADMIN, writer.tokens[0], Token),
    )


async def world(control: Control, seed: int = 1) -> tuple[Subject, ...]:
    writer = Writer(control, seed)
    await writer.begin()
    done = await writer.one_of_each()
    declared = next(each.answer for each in done if isinstance(each.answer, ContentDeclaration))
    return subjects(writer, declared.declaration_id)


async def published_then(control: Control, as_of: AsOf) -> str:
    """The set that was published."""
    asked = GetSet(page=PageAsked(as_of=as_of))
    return (await control.policy_sets.get_set(AUDITOR.calling(), asked)).on_file.policy_set_id


async def test_every_kind_of_fact_has_a_history(control: Control) -> None:
    own = set_of((*files_of(SHIPPED), ("own.yaml", "uid: own")))
    control.put(to_file(own))
    control.publish(SHIPPED, own)
    policies = Subject(
        lambda c, who, asked: c.policy_sets.history(who.calling(), asked),
        AUDITOR,
        HistoryOf(own.policy_set_id),
        published_then,
    )
    changed: set[str] = set()
    for subject in (policies, *await world(control, seed=3)):
        found = (await subject.read(control, subject.by, subject.asked)).items
        assert found
        assert found[0].fact is not None
        changed.update(kind for each in found for kind in each.changed)
        for each in found:
            if subject.get is not None:
                assert await subject.get(control, AsOf(each.facts_token)) == each.fact
    assert changed == {*KIND_NAMES.values()}


async def test_another_organisations_history_is_not_available(control: Control) -> None:
    """Nor that of what nobody has on file: one answer."""
    trusts = control.manager("trust-all", *StaffRole, controller=TRUST_AUDITOR.token.controller)
    for subject in await world(control):
        with pytest.raises(NotAvailableError):
            await subject.read(control, trusts, subject.asked)
    with pytest.raises(NotAvailableError):
        await versions(control, HistoryOf("u.nobody", User))
    with pytest.raises(NotAvailableError):
        await control.people.history(AUDITOR.calling(), HistoryOf(f"person:{random_id()}"))


async def test_the_installations_administrator_needs_no_organisation_for_an_id(control: Control) -> None:
    for subject in await world(control):
        if subject.asked.kind in (Override, CourtOrder, Token, LegalHold):
            whole = (await subject.read(control, FIRST, subject.asked)).items
            told = (await subject.read(control, subject.by, subject.asked)).items
            assert [each.fact for each in whole] == [each.fact for each in told] != []


async def test_who_may_not_read_it_may_not_read_its_history(control: Control) -> None:
    on_file = await world(control)
    for subject in on_file:
        nobody = control.manager("approver", StaffRole.APPROVER)
        may = subject.asked.kind in (Override, CourtOrder)
        if may:
            assert (await subject.read(control, nobody, subject.asked)).items
            nobody = ADMIN
        with pytest.raises(PermissionDeniedError):
            await subject.read(control, nobody, subject.asked)
        if subject.by is ADMIN:
            with pytest.raises(PermissionDeniedError):
                await subject.read(control, AUDITOR, subject.asked)


async def test_a_secret_request_has_its_history_for_those_who_may_read_it(control: Control) -> None:
    await Writer(control, 0).begin()
    secret = RecordRequest("ref:P-1", RequestKind.WITHHOLD_LOCATION, visibility=Visibility.SECRET)
    request = (await control.requests.record(OFFICER.calling(), secret)).answer.request
    of_it = HistoryOf(request.request_id)
    for reader in (OFFICER, AUDITOR):
        (only,) = (await control.requests.history(reader.calling(), of_it)).items
        assert only.fact is not None
        assert only.fact.request == request
    for other in (ADMIN, APPROVER):
        with pytest.raises(PermissionDeniedError):
            await control.requests.history(other.calling(), of_it)


async def test_what_was_taken_off_file_is_found_by_what_it_was_known_by(control: Control) -> None:
    await world(control)
    before = await control.people.get_person(AUDITOR.calling(), GetPerson("ref:P-1"))
    who = before.person.person_id
    view = await control.seen_elsewhere(keys.identifiers_of(who), keys.names_of(who))
    gone: tuple[Fact, ...] = (before.person, *view.identifiers_of(who), *view.names_of(who))
    change = Change("test", before.person.controller, "erased", (), random_id(), NOON, removed=gone)
    control.store.write(change, lambda _: b"")

    with pytest.raises(NotAvailableError):
        await control.people.get_person(AUDITOR.calling(), GetPerson("ref:P-1"))
    newest, before_it, *_ = (await control.people.history(AUDITOR.calling(), HistoryOf("ref:P-1"))).items
    assert (newest.fact, newest.reason, newest.actor) == (None, "erased", "test")
    assert newest.changed == ("person", "identifier", "name")
    assert before_it.fact is not None
    assert before_it.fact.person == before.person
    by_id = (await control.people.history(AUDITOR.calling(), HistoryOf(f"person:{who}"))).items
    assert [each.fact for each in by_id][:2] == [None, before_it.fact]


async def test_a_version_that_was_erased_says_so(control: Control) -> None:
    revisions = []
    for reason, role in (("new", "nurse"), ("moved", "clerk"), ("back", "nurse")):
        token = await put_user(control, reason, role)
        revisions.append((control.store.head(), token))
    user = await control.access.get_user(AUDITOR.calling(), GetUser("u.one"))
    gone = tuple(erasing.Version(User, user.user_id, revision) for revision, _ in revisions[:2])
    change = Change("test", user.controller, "due", (), random_id(), NOON, erased=gone)
    control.store.write(change, lambda _: b"")

    found: tuple[Any, ...] = await versions(control)
    assert [(each.reason, each.fact, each.erased) for each in found] == [
        ("back", user, False),
        ("moved", None, True),
        ("new", None, True),
    ]
    for _, token in revisions[:2]:
        with pytest.raises(NotAvailableError):
            await control.access.get_user(AUDITOR.calling(), GetUser("u.one", AsOf(token)))


async def test_what_is_no_id_is_refused_with_its_field(control: Control) -> None:
    assert await refusals(
        [
            control.requests.history(AUDITOR.calling(), HistoryOf("x")),
            control.people.history(AUDITOR.calling(), HistoryOf("nobody")),
            control.records.history(AUDITOR.calling(), HistoryOf("x", ContentDeclaration)),
            control.casework.history(AUDITOR.calling(), HistoryOf("x", Override)),
            control.casework.history(AUDITOR.calling(), HistoryOf("x", CourtOrder)),
            control.access.history(ADMIN.calling(), HistoryOf("x", Token)),
        ]
    ) == [
        ("request_id", "BAD_ID"),
        ("person", "BAD_IDENTIFIER"),
        ("declaration_id", "BAD_ID"),
        ("override_id", "BAD_ID"),
        ("order_id", "BAD_ID"),
        ("token_id", "BAD_ID"),
    ]
