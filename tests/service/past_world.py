"""A small organisation in which anything can be written, and every way in which it is read, now and then."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from policy_service.model.errors import PolicyServiceError
from policy_service.model.facts import FieldType, PartType
from policy_service.model.vocabulary import (
    ContactKind,
    OverrideKind,
    RelationKind,
    RequestKind,
    Role,
    StaffRole,
    Verb,
)
from policy_service.service.access import GetUser, RevokeToken
from policy_service.service.access_asked import IssueToken, PutSystem, PutUser
from policy_service.service.asking import Done, Note
from policy_service.service.casework import (
    EndOrder,
    EndOverride,
    GrantOverride,
    ListOfRecord,
    RecordOrder,
)
from policy_service.service.declarations import DeclareContents, ListDeclarations
from policy_service.service.pages import PageAsked
from policy_service.service.past import AsOf
from policy_service.service.people import GetPerson
from policy_service.service.people_asked import PutContactPoint, PutPerson, PutRelationship
from policy_service.service.record_put import PartyAsked, PutRecord
from policy_service.service.records import GetRecord, PutArtefactType, PutRecordType
from policy_service.service.requests import ListRequests, RecordRequest
from policy_service.service.retention import LiftHold, ListHolds, PlaceHold
from policy_service.service.retention_rules import PutRule
from tests.service.control import ADMIN, AUDITOR, OFFICER, Control

PEOPLE = ("ref:P-1", "ref:P-2", "ref:P-3")
DIGEST = bytes(range(32))
CATEGORIES = ("health.report", "location.current", "finance")

Read = Callable[[Control, AsOf | None], Awaitable[object]]


def _page(as_of: AsOf | None) -> PageAsked:
    return PageAsked(1_000, as_of=as_of)


READINGS: Mapping[str, Read] = {
    "a person": lambda c, at: c.people.get_person(AUDITOR.calling(), GetPerson("ref:P-1", at)),
    "another": lambda c, at: c.people.get_person(AUDITOR.calling(), GetPerson("ref:P-2", at)),
    "a record": lambda c, at: c.records.get_record(AUDITOR.calling(), GetRecord("R-1", at)),
    "a user": lambda c, at: c.access.get_user(AUDITOR.calling(), GetUser("u.one", at)),
    "users": lambda c, at: c.access.list_users(AUDITOR.calling(), _page(at)),
    "systems": lambda c, at: c.access.list_systems(ADMIN.calling(), _page(at)),
    "tokens": lambda c, at: c.access.list_tokens(ADMIN.calling(), _page(at)),
    "record types": lambda c, at: c.records.list_record_types(AUDITOR.calling(), _page(at)),
    "artefact types": lambda c, at: c.records.list_artefact_types(AUDITOR.calling(), _page(at)),
    "declarations": lambda c, at: c.records.list_declarations(
        AUDITOR.calling(), ListDeclarations(page=_page(at))
    ),
    "of a document": lambda c, at: c.records.list_declarations(
        AUDITOR.calling(), ListDeclarations(DIGEST, _page(at))
    ),
    "requests": lambda c, at: c.requests.list(AUDITOR.calling(), ListRequests(page=_page(at))),
    "her requests": lambda c, at: c.requests.list(AUDITOR.calling(), ListRequests("ref:P-1", _page(at))),
    "overrides": lambda c, at: c.casework.list_overrides(AUDITOR.calling(), ListOfRecord(page=_page(at))),
    "of a record": lambda c, at: c.casework.list_overrides(AUDITOR.calling(), ListOfRecord("R-1", _page(at))),
    "rules": lambda c, at: c.retention.list_rules(AUDITOR.calling(), at),
    "holds": lambda c, at: c.retention.list_holds(AUDITOR.calling(), ListHolds(page=_page(at))),
    "her holds": lambda c, at: c.retention.list_holds(AUDITOR.calling(), ListHolds("ref:P-1", _page(at))),
    "orders": lambda c, at: c.casework.list_orders(AUDITOR.calling(), ListOfRecord(page=_page(at))),
}


async def read_all(control: Control, as_of: AsOf | None) -> dict[str, object]:
    """What each reading gives; of what is not there, the reason."""
    asks = (_told(read(control, as_of)) for read in READINGS.values())
    return dict(zip(READINGS, await asyncio.gather(*asks), strict=True))


async def _told(reading: Awaitable[object]) -> object:
    try:
        return await reading
    except PolicyServiceError as error:
        return error.reason


class Writer:
    """Writes one thing after the other, as the die falls; every kind of fact is among them."""

    def __init__(self, control: Control, seed: int) -> None:
        self.control = control
        self.die = random.Random(seed)
        self.overrides: list[str] = []
        self.orders: list[str] = []
        self.tokens: list[str] = []
        self.requests: list[str] = []
        self.holds: list[str] = []
        self.rule_kind = ""
        self.number = 0

    async def begin(self) -> None:
        """What the other writes need."""
        for person in PEOPLE:
            await self.control.people.put_person(OFFICER.calling(), PutPerson((person,)))
        await self.control.records.put_record_type(OFFICER.calling(), PutRecordType("file", "base.case"))
        await self.control.records.put_record(OFFICER.calling(), PutRecord("R-1", "file"))
        await self.control.access.put_system(ADMIN.calling(), PutSystem("crm"))
        await self.control.access.put_user(ADMIN.calling(), PutUser("u.one"))

    async def write(self) -> Done[Any]:
        """One write, a little later than the one before."""
        self.control.clock.now += timedelta(seconds=self.die.choice((1, 1, 60)))
        self.number += 1
        return await self.die.choice(self._ways)(Note(f"write {self.number}"))

    @property
    def _ways(self) -> tuple[Callable[[Note], Awaitable[Done[Any]]], ...]:
        return (
            *(self.person, self.relationship, self.contact_point, self.record, self.record_type),
            *(self.artefact_type, self.declaration, self.request, self.override, self.order),
            *(self.user, self.system, self.token, self.rule, self.hold),
        )

    async def one_of_each(self) -> list[Done[Any]]:
        done = []
        for way in self._ways:
            self.control.clock.now += timedelta(seconds=1)
            self.number += 1
            done.append(await way(Note(f"write {self.number}")))
        return done

    def some(self, *words: str) -> tuple[str, ...]:
        return tuple(word for word in words if self.die.random() < 0.5)

    async def person(self, note: Note) -> Done[Any]:
        more = self.some("ref:more-1", "ref:more-2")
        names = ("Vera Example",) if self.die.random() < 0.8 else ("V. Example",)
        return await self.control.people.put_person(
            OFFICER.calling(), PutPerson(("ref:P-1", *more), names=names, note=note)
        )

    async def relationship(self, note: Note) -> Done[Any]:
        kind = self.die.choice((RelationKind.ADVERSE_TO, RelationKind.CARER_OF))
        basis = self.die.choice(("order", "conviction"))
        return await self.control.people.put_relationship(
            OFFICER.calling(), PutRelationship("ref:P-2", "ref:P-1", kind, basis, note=note)
        )

    async def contact_point(self, note: Note) -> Done[Any]:
        asked = PutContactPoint(
            owner="ref:P-1",
            kind=ContactKind.PHONE,
            value=self.die.choice(("07700 900101", "07700 900102")),
            reference=self.die.choice(("C-1", "C-2")),
            from_herself=self.die.random() < 0.5,
            note=note,
        )
        return await self.control.people.put_contact_point(OFFICER.calling(), asked)

    async def record(self, note: Note) -> Done[Any]:
        parties = tuple(
            PartyAsked(f"k{i}", self.die.choice((Role.SUBJECT, Role.WITNESS)), person)
            for i, person in enumerate(self.some(*PEOPLE))
        )
        asked = PutRecord("R-1", "file", self.some("ward", "desk"), parties, note=note)
        return await self.control.records.put_record(OFFICER.calling(), asked)

    async def record_type(self, note: Note) -> Done[Any]:
        fields = tuple(FieldType(name, ("finance",), ("subject",)) for name in self.some("fee", "debt"))
        asked = PutRecordType(self.die.choice(("file", "other")), "base.case", fields, note=note)
        return await self.control.records.put_record_type(OFFICER.calling(), asked)

    async def artefact_type(self, note: Note) -> Done[Any]:
        envelope = tuple(FieldType(name, ("contact.post",), ("subject",)) for name in self.some("to", "copy"))
        return await self.control.records.put_artefact_type(
            OFFICER.calling(), PutArtefactType("letter", envelope, note=note)
        )

    async def declaration(self, note: Note) -> Done[Any]:
        part = PartType("p", (self.die.choice(CATEGORIES),), ("subject",))
        digest = self.die.choice((DIGEST, DIGEST[::-1]))
        return await self.control.records.declare_contents(
            OFFICER.calling(), DeclareContents(digest, "R-1", "notes", (part,), note=note)
        )

    async def request(self, note: Note) -> Done[Any]:
        done = await self.control.requests.record(
            OFFICER.calling(),
            RecordRequest(self.die.choice(PEOPLE), RequestKind.WITHHOLD_LOCATION, note=note),
        )
        self.requests.append(done.answer.request.request_id)
        return done

    async def override(self, note: Note) -> Done[Any]:
        if self.overrides and self.die.random() < 0.5:
            return await self.control.casework.end_override(
                OFFICER.calling(), EndOverride(self.die.choice(self.overrides), note)
            )
        asked = GrantOverride(OverrideKind.BREAK_GLASS, "u.one", "R-1", ("health.report",), "why", note=note)
        done = await self.control.casework.grant_override(OFFICER.calling(), asked)
        self.overrides.append(done.answer.override_id)
        return done

    async def order(self, note: Note) -> Done[Any]:
        if self.orders and self.die.random() < 0.5:
            return await self.control.casework.end_order(
                OFFICER.calling(), EndOrder(self.die.choice(self.orders), note)
            )
        asked = RecordOrder("R-1", ("ref:P-1",), ("finance",), ("team:x",), "2029-03-29", note=note)
        done = await self.control.casework.record_order(OFFICER.calling(), asked)
        self.orders.append(done.answer.order_id)
        return done

    async def user(self, note: Note) -> Done[Any]:
        asked = PutUser(self.die.choice(("u.one", "u.two")), roles=self.some("nurse", "clerk"), note=note)
        return await self.control.access.put_user(ADMIN.calling(), asked)

    async def system(self, note: Note) -> Done[Any]:
        verbs = tuple(Verb(verb) for verb in self.some("see", "send"))
        return await self.control.access.put_system(ADMIN.calling(), PutSystem("crm", verbs=verbs, note=note))

    async def rule(self, note: Note) -> Done[Any]:
        self.rule_kind = self.die.choice(("user", "request"))
        asked = PutRule(self.rule_kind, self.die.choice((30, 60)), note)
        return await self.control.retention.put_rule(OFFICER.calling(), asked)

    async def hold(self, note: Note) -> Done[Any]:
        if self.holds and self.die.random() < 0.5:
            hold_id = self.holds.pop()
            return await self.control.retention.lift_hold(OFFICER.calling(), LiftHold(hold_id, note))
        asked = PlaceHold("ref:P-1", "CLAIM-1", note)
        done = await self.control.retention.place_hold(OFFICER.calling(), asked)
        self.holds.append(done.answer.hold_id)
        return done

    async def token(self, note: Note) -> Done[Any]:
        if self.tokens and self.die.random() < 0.5:
            return await self.control.access.revoke_token(
                ADMIN.calling(), RevokeToken(self.die.choice(self.tokens), note)
            )
        asked = IssueToken(principal="somebody", roles=(StaffRole.AUDITOR,), note=note)
        done = await self.control.access.issue_token(ADMIN.calling(), asked)
        self.tokens.append(done.answer.token.token_id)
        return done
