"""The protected, and those they are protected from: people, how they are related, and how they are reached.

A put looks up what it replaces and keeps its id: see `person_put`, `relationships` and `contact_points`. What
a put may say is checked in `people_asked`, what names leave on file is in `names`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import assert_never

from policy_service.facts import keys
from policy_service.facts.history import Rows
from policy_service.facts.keys import Key
from policy_service.facts.view import FactsView
from policy_service.model.errors import InvalidArgumentError, NotAvailableError
from policy_service.model.facts import (
    ContactPoint,
    Controller,
    Person,
    PersonIdentifier,
    PersonName,
    Relationship,
)
from policy_service.model.vocabulary import StaffRole
from policy_service.service.asking import Asking, Done, Draft, Found, Listed
from policy_service.service.contact_points import OWNER, in_place_of, point_read, refuse_crowded
from policy_service.service.desk import ControlDesk
from policy_service.service.drafting import Occasion
from policy_service.service.history import Histories, HistoryOf, Sought, Version
from policy_service.service.importing import Import, Imported, Prepared, import_items, within
from policy_service.service.naming import fact_name
from policy_service.service.past import AsOf
from policy_service.service.people_asked import (
    PutContactPoint,
    PutPerson,
    PutRelationship,
    check_relationship,
)
from policy_service.service.person_put import PersonPut, PersonRead, person_read
from policy_service.service.references import PERSON, PersonReferences
from policy_service.service.relationships import drafted_relationship

MANAGERS = frozenset({StaffRole.PRIVACY_OFFICER, StaffRole.ADMINISTRATOR})
READERS = MANAGERS | {StaffRole.AUDITOR}


@dataclass(frozen=True, slots=True)
class ImportPerson:
    """A person with how she is reached: one item of an import. The points' owner is empty."""

    person: PutPerson
    contact_points: tuple[PutContactPoint, ...]


ImportItem = PutPerson | ImportPerson | PutRelationship | PutContactPoint


@dataclass(frozen=True, slots=True)
class GetPerson:
    person: str
    """`scheme:value` or `person:ID`."""
    as_of: AsOf | None = None


@dataclass(frozen=True, slots=True)
class PersonFound:
    """What is on file about a person: no identifier and no name, of which there are fingerprints alone."""

    person: Person
    roster_token: str
    relationships: tuple[Relationship, ...]
    contact_points: tuple[ContactPoint, ...]
    schemes: tuple[str, ...]


class People:
    """The use cases of PeopleService; privacy officers and administrators."""

    def __init__(self, desk: ControlDesk) -> None:
        self._desk = desk
        self._references = PersonReferences(desk.fingerprinter)
        self._histories = Histories(desk)

    async def put_person(self, call: Asking, asked: PutPerson) -> Done[PersonPut]:
        """Put a person or an organisation on file, or replace what is there under one of the identifiers.

        Identifiers and names are added, never taken away: without one of them she would not be recognised any
        more.
        """

        def draft(view: FactsView, occasion: Occasion) -> Draft[PersonPut]:
            return self._read_person(asked, occasion.now).draft(view, occasion)

        return await self._desk.write(call, MANAGERS, asked.note, draft)

    async def put_relationship(self, call: Asking, asked: PutRelationship) -> Done[Relationship]:
        """Put on file that one person is something of another, or replace what is there for the two and the
        kind.

        When it was first recorded stays: it says which of two allegations against each other was first.
        """

        def draft(view: FactsView, occasion: Occasion) -> Draft[Relationship]:
            return self._relationship_prepared(asked).draft(view, occasion)

        return await self._desk.write(call, MANAGERS, asked.note, draft)

    async def put_contact_point(self, call: Asking, asked: PutContactPoint) -> Done[ContactPoint]:
        """Put a way to reach somebody on file, or replace what is there. Its value is kept as a keyed
        fingerprint.
        """

        def draft(view: FactsView, occasion: Occasion) -> Draft[ContactPoint]:
            return self._point_prepared(asked, occasion.now).draft(view, occasion)

        return await self._desk.write(call, MANAGERS, asked.note, draft)

    async def import_people(self, call: Asking, asked: Import) -> Done[Imported]:
        """Put people, relationships and contact points on file, many at once; each as its own put does."""
        return await import_items(self._desk, call, MANAGERS, asked, self._prepared)

    async def get_person(self, call: Asking, asked: GetPerson) -> PersonFound:
        """What is on file about one person. Whom another organisation has on file is not available, like
        nobody.
        """

        async def look(view: FactsView, controller: Controller) -> Found[PersonFound]:
            try:
                person = self._references.find_one(view, controller, asked.person, "person")
            except InvalidArgumentError as error:
                if error.reason == "UNKNOWN_PERSON":
                    raise NotAvailableError().about(*error.people) from None
                raise
            return Found(self._shown(view, person), (fact_name(person),))

        return await self._desk.read(call, READERS, look, as_of=asked.as_of)

    async def history(self, call: Asking, asked: HistoryOf) -> Listed[Version[PersonFound]]:
        """The versions of what `get_person` shows of a person, who may be known by what she had on file once.

        Identifiers and names stand in `changed` alone: there is nothing of them to show.
        """

        def shown(view: FactsView, newest: Person) -> PersonFound | None:
            person = view.person(newest.person_id)
            return None if person is None else self._shown(view, person)

        async def sought(controller: Controller) -> Sought[Person, PersonFound]:
            person_id = await self._ever_named(controller, asked.what)
            of = {"controller": (controller,)}

            def beside(ids: tuple[str, ...]) -> tuple[Rows, ...]:
                return (
                    Rows(PersonIdentifier, {"person_id": ids, **of}),
                    Rows(PersonName, {"person_id": ids, **of}),
                    Rows(Relationship, {"from_person": ids, **of}),
                    Rows(Relationship, {"to_person": ids, **of}),
                    Rows(ContactPoint, {"person_id": ids, **of}),
                )

            return Sought(Person, {"person_id": person_id}, shown, beside)

        return await self._histories.read(call, asked, READERS, sought)

    async def _ever_named(self, controller: Controller, reference: str) -> str:
        """The id of whom `scheme:value` or `person:ID` names or named; who she is, others find out."""
        scheme, _, rest = reference.partition(":")
        if scheme == PERSON and rest:
            return rest
        where = {
            "fingerprint": (self._references.fingerprint(reference, "person")[1],),
            "controller": (controller,),
        }
        desk = self._desk
        newest = await desk.facts.in_thread(
            lambda: desk.past.ever(PersonIdentifier, where, desk.facts.revision, 1)
        )
        if not newest:
            raise NotAvailableError
        return newest[0].person_id

    def _shown(self, view: FactsView, person: Person) -> PersonFound:
        """What is on file about her with the organisation that has her on file."""
        who, controller = person.person_id, person.controller
        view.prefetch(
            keys.relationships_from(who),
            keys.relationships_to(who),
            keys.contact_points_of(who),
            keys.identifiers_of(who),
        )
        related = (*view.relationships_from(who), *view.relationships_to(who))
        return PersonFound(
            person,
            self._desk.fingerprinter.roster_token(who),
            tuple(each for each in related if each.controller == controller),
            tuple(each for each in view.contact_points_of(who) if each.controller == controller),
            tuple(sorted({each.scheme for each in view.identifiers_of(who)})),
        )

    def _prepared(self, item: ImportItem, now: datetime) -> Prepared:
        match item:
            case PutPerson():
                read = self._read_person(item, now)
                return Prepared(read.wanted, read.draft, read.size)
            case ImportPerson():
                return self._reachable_prepared(item, now)
            case PutRelationship():
                return self._relationship_prepared(item)
            case PutContactPoint():
                return self._point_prepared(item, now)
            case _:
                assert_never(item)

    def _read_person(self, asked: PutPerson, now: datetime) -> PersonRead:
        return person_read(self._references, self._desk.fingerprinter, asked, now)

    def _reachable_prepared(self, asked: ImportPerson, now: datetime) -> Prepared:
        """A person together with how she is reached: all of it, or nothing."""
        read = self._read_person(asked.person, now)
        new_points = []
        for i, point in enumerate(asked.contact_points):
            try:
                new_points.append(point_read(self._desk.fingerprinter, point, now))
            except InvalidArgumentError as error:
                raise within("contact_point", f"contact_points[{i}]", error) from None

        def beside(whose: Controller) -> Iterator[Key]:
            return (key for each in new_points for key in each.wanted(whose))

        def draft(view: FactsView, occasion: Occasion) -> Draft[Person]:
            facts, person, added = read.facts(view, occasion)
            view.prefetch(keys.contact_points_of(person.person_id), *beside(occasion.controller))
            there = {} if added else _by_id(view.contact_points_of(person.person_id))
            points: dict[str, ContactPoint] = {}
            for i, read_point in enumerate(new_points):
                new = read_point.of(person.person_id, view, occasion)
                try:
                    drafted = in_place_of(new, (there | points).values())
                    refuse_crowded(drafted, view, points)
                except InvalidArgumentError as error:
                    raise within("contact_point", f"contact_points[{i}]", error) from None
                points[drafted.contact_point_id] = drafted
            return Draft(person, (*facts, *points.values()))

        return Prepared(
            lambda whose: (*read.wanted(whose), *beside(whose)), draft, read.size + len(new_points)
        )

    def _relationship_prepared(self, asked: PutRelationship) -> Prepared:
        check_relationship(asked)
        ends = self._references.read(
            {"relationship.from_person": asked.from_person, "relationship.to_person": asked.to_person}
        )
        return Prepared(lambda _: ends.wanted, partial(drafted_relationship, asked=asked, ends=ends))

    def _point_prepared(self, asked: PutContactPoint, now: datetime) -> Prepared:
        read = point_read(self._desk.fingerprinter, asked, now)
        named = self._references.read({OWNER: asked.owner})

        def draft(view: FactsView, occasion: Occasion) -> Draft[ContactPoint]:
            owner = named.find(view, occasion.controller)[OWNER].person_id
            view.prefetch(keys.contact_points_of(owner), *read.wanted(occasion.controller))
            point = in_place_of(read.of(owner, view, occasion), view.contact_points_of(owner))
            refuse_crowded(point, view)
            return Draft(point, (point,))

        return Prepared(lambda whose: (*named.wanted, *read.wanted(whose)), draft)


def _by_id(points: Iterable[ContactPoint]) -> dict[str, ContactPoint]:
    return {point.contact_point_id: point for point in points}
