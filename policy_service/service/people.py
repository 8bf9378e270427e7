"""The protected, and those they are protected from: people, how they are related, and how they are reached.

A put looks up what it replaces (a person by any of its identifiers, a relationship by its ends and kind, a
contact point by its owner and reference, or its owner and value) and keeps its id.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from policy_service.facts import keys
from policy_service.facts.view import FactsView
from policy_service.model.errors import ConflictError, InvalidArgumentError, NotAvailableError
from policy_service.model.facts import (
    ContactPoint,
    Controller,
    Fact,
    Fingerprint,
    Person,
    PersonId,
    PersonIdentifier,
    Relationship,
)
from policy_service.model.ids import random_id
from policy_service.model.vocabulary import (
    ContactKind,
    OrganisationRole,
    PersonKind,
    RelationKind,
    StaffRole,
)
from policy_service.service.asking import NOTHING_NOTED, Asking, Done, Draft, Note
from policy_service.service.desk import ControlDesk, Occasion
from policy_service.service.references import PersonReferences
from policy_service.service.words import at_field, checked_categories, checked_reference, no_repeats

MANAGERS = frozenset({StaffRole.PRIVACY_OFFICER, StaffRole.ADMINISTRATOR})

BASES = frozenset({"", "allegation", "order", "conviction", "staff_assessment"})
"""What a relationship may rest on; empty where nobody said."""

_CLOCKS_DIFFER_BY = timedelta(minutes=5)
_MOST_IDENTIFIERS = 32


@dataclass(frozen=True, slots=True)
class PutPerson:
    identifiers: tuple[str, ...]
    """At least one, each `scheme:value`."""
    kind: PersonKind = PersonKind.PRIVATE
    birth_date: date | None = None
    organisation_roles: tuple[OrganisationRole, ...] = ()
    categories: tuple[str, ...] = ()
    note: Note = NOTHING_NOTED


@dataclass(frozen=True, slots=True)
class PersonPut:
    """The person as on file now, and the identifiers as the caller gave them: the store has fingerprints
    alone.
    """

    person: Person
    identifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PutRelationship:
    from_person: str
    to_person: str
    kind: RelationKind
    basis: str = ""
    parental_responsibility: bool = False
    valid_from: date | None = None
    valid_until: date | None = None
    note: Note = NOTHING_NOTED


@dataclass(frozen=True, slots=True)
class PutContactPoint:
    owner: str
    kind: ContactKind
    value: str
    reference: str = ""
    uprn: str = ""
    home: bool = False
    voicemail_safe: bool = False
    verified_at: datetime | None = None
    institution: bool = False
    note: Note = NOTHING_NOTED


class People:
    """The use cases of PeopleService; privacy officers and administrators."""

    def __init__(self, desk: ControlDesk) -> None:
        self._desk = desk
        self._references = PersonReferences(desk.fingerprinter)

    async def put_person(self, call: Asking, asked: PutPerson) -> Done[PersonPut]:
        """Put a person or an organisation on file, or replace what is there under one of the identifiers.

        Identifiers are added, never taken away: without one of them she would not be recognised any more.
        """

        def draft(view: FactsView, occasion: Occasion) -> Draft[PersonPut]:
            _check_person(asked, occasion.now)
            return self._draft_person(view, occasion.controller, asked)

        return await self._desk.write(call, MANAGERS, asked.note, draft)

    async def put_relationship(self, call: Asking, asked: PutRelationship) -> Done[Relationship]:
        """Put on file that one person is something of another, or replace what is there for the two and the
        kind.
        """

        def draft(view: FactsView, occasion: Occasion) -> Draft[Relationship]:
            _check_relationship(asked)
            controller = occasion.controller
            ends = {
                "relationship.from_person": asked.from_person,
                "relationship.to_person": asked.to_person,
            }
            found = self._references.find(view, controller, ends)
            source, target = (found[field].person_id for field in ends)
            if source == target:
                raise InvalidArgumentError(
                    "relationship.to_person", "SAME_PERSON", "a relationship is between two people"
                )
            known = next(
                (
                    there.relationship_id
                    for there in view.relationships_from(source)
                    if (there.controller, there.to_person, there.kind) == (controller, target, asked.kind)
                ),
                None,
            )
            relationship = Relationship(
                relationship_id=known or random_id(),
                controller=controller,
                from_person=source,
                to_person=target,
                kind=asked.kind,
                basis=asked.basis,
                parental_responsibility=asked.parental_responsibility,
                valid_from=asked.valid_from,
                valid_until=asked.valid_until,
            )
            return Draft(relationship, (relationship,))

        return await self._desk.write(call, MANAGERS, asked.note, draft)

    async def put_contact_point(self, call: Asking, asked: PutContactPoint) -> Done[ContactPoint]:
        """Put a way to reach somebody on file, or replace what is there. Its value is kept as a keyed
        fingerprint.
        """

        def draft(view: FactsView, occasion: Occasion) -> Draft[ContactPoint]:
            _check_contact_point(asked, occasion.now)
            with at_field("contact_point.value"):
                fingerprint = self._desk.fingerprinter.contact(asked.kind, asked.value)
            with at_field("contact_point.uprn"):
                uprn = self._desk.fingerprinter.uprn(asked.uprn) if asked.uprn else Fingerprint("")
            controller = occasion.controller
            owner = self._references.find_one(view, controller, asked.owner, "contact_point.owner")
            point = ContactPoint(
                contact_point_id=random_id(),
                controller=controller,
                person_id=owner.person_id,
                kind=asked.kind,
                fingerprint=fingerprint,
                reference=asked.reference,
                uprn=uprn,
                home=asked.home,
                voicemail_safe=asked.voicemail_safe,
                verified_at=asked.verified_at,
                institution=asked.institution,
            )
            there = _same_point(view.contact_points_of(owner.person_id), point)
            if there is not None:
                # Without its reference the calling systems would not find it any more.
                point = replace(
                    point,
                    contact_point_id=there.contact_point_id,
                    reference=point.reference or there.reference,
                )
            return Draft(point, (point,))

        return await self._desk.write(call, MANAGERS, asked.note, draft)

    def _draft_person(self, view: FactsView, controller: Controller, asked: PutPerson) -> Draft[PersonPut]:
        given = {
            fingerprint: scheme
            for scheme, fingerprint in (
                self._references.fingerprint(identifier, f"person.identifiers[{i}]")
                for i, identifier in enumerate(asked.identifiers)
            )
        }
        view.prefetch(*(keys.person_by_identifier(fingerprint) for fingerprint in given))
        known = {
            fingerprint: there
            for fingerprint in given
            if (there := view.person_by_identifier(fingerprint)) is not None
        }
        person_on_file = _one_person(view, controller, known.values())
        if person_on_file is not None and person_on_file.kind is not asked.kind:
            # An organisation is no data subject: this would take away every protection that she has.
            raise InvalidArgumentError(
                "person.kind",
                "KIND_CHANGED",
                "a private person on file cannot become an organisation, or the reverse",
            )
        person = Person(
            person_id=PersonId(random_id()) if person_on_file is None else person_on_file.person_id,
            controller=controller,
            kind=asked.kind,
            birth_date=asked.birth_date,
            organisation_roles=asked.organisation_roles,
            categories=asked.categories,
        )
        added: list[Fact] = [
            PersonIdentifier(random_id(), controller, person.person_id, scheme, fingerprint)
            for fingerprint, scheme in given.items()
            if fingerprint not in known
        ]
        return Draft(PersonPut(person, asked.identifiers), (person, *added))


def _one_person(view: FactsView, controller: Controller, known: Iterable[PersonIdentifier]) -> Person | None:
    """The person that all of these identifiers belong to, if any of them is on file."""
    ids = {identifier.person_id for identifier in known}
    view.prefetch(*(keys.person(person_id) for person_id in ids))
    people = [person for person_id in sorted(ids) if (person := view.person(person_id)) is not None]
    if any(person.controller != controller for person in people):
        raise NotAvailableError
    if len(people) > 1:
        raise ConflictError("IDENTIFIERS_OF_TWO_PEOPLE", "the identifiers belong to two people on file")
    return people[0] if people else None


def _same_point(there: Iterable[ContactPoint], point: ContactPoint) -> ContactPoint | None:
    """The owner's point that this one replaces: the one of its reference, or else the one of its kind and
    value.
    """
    own = [other for other in there if other.controller == point.controller]
    if point.reference:
        for other in own:
            if other.reference == point.reference:
                return other
    for other in own:
        if (other.kind, other.fingerprint) == (point.kind, point.fingerprint) and (
            not point.reference or not other.reference
        ):
            return other
    return None


def _check_person(asked: PutPerson, now: datetime) -> None:
    if not asked.identifiers:
        raise InvalidArgumentError(
            "person.identifiers", "REQUIRED", "`person.identifiers` must name at least one identifier"
        )
    if len(asked.identifiers) > _MOST_IDENTIFIERS:
        raise InvalidArgumentError(
            "person.identifiers",
            "TOO_MANY",
            f"`person.identifiers` has more than {_MOST_IDENTIFIERS} entries",
        )
    no_repeats(asked.identifiers, "person.identifiers")
    no_repeats(asked.organisation_roles, "person.organisation_roles")
    checked_categories(asked.categories, "person.categories")
    if asked.kind is PersonKind.ORGANISATION:
        if asked.birth_date is not None:
            raise InvalidArgumentError(
                "person.birth_date", "ONLY_FOR_PRIVATE", "an organisation has no `person.birth_date`"
            )
        return
    # A day of grace: it is tomorrow already in other zones.
    if asked.birth_date is not None and asked.birth_date > (now + timedelta(days=1)).date():
        raise InvalidArgumentError("person.birth_date", "IN_THE_FUTURE", "`person.birth_date` is yet to come")
    for field, given in (("organisation_roles", asked.organisation_roles), ("categories", asked.categories)):
        if given:
            raise InvalidArgumentError(
                f"person.{field}", "ONLY_FOR_ORGANISATIONS", f"a private person has no `person.{field}`"
            )


def _check_relationship(asked: PutRelationship) -> None:
    if asked.basis not in BASES:
        raise InvalidArgumentError(
            "relationship.basis", "UNKNOWN_WORD", "`relationship.basis` is not a word that is known here"
        )
    if asked.parental_responsibility and asked.kind is not RelationKind.PARENT_OF:
        raise InvalidArgumentError(
            "relationship.parental_responsibility",
            "ONLY_FOR_PARENTS",
            "`relationship.parental_responsibility` goes with the kind `parent_of` alone",
        )
    if asked.valid_from and asked.valid_until and asked.valid_until < asked.valid_from:
        raise InvalidArgumentError(
            "relationship.valid_until",
            "ENDS_BEFORE_IT_BEGINS",
            "`relationship.valid_until` is before its `valid_from`",
        )


def _check_contact_point(asked: PutContactPoint, now: datetime) -> None:
    if asked.verified_at is not None and asked.verified_at > now + _CLOCKS_DIFFER_BY:
        raise InvalidArgumentError(
            "contact_point.verified_at", "IN_THE_FUTURE", "`contact_point.verified_at` is yet to come"
        )
    if not asked.value.strip():
        raise InvalidArgumentError(
            "contact_point.value", "REQUIRED", "`contact_point.value` must not be empty"
        )
    if asked.reference:
        checked_reference(asked.reference, "contact_point.reference")
    only_for = (
        ("uprn", bool(asked.uprn), ContactKind.POST),
        ("home", asked.home, ContactKind.POST),
        ("voicemail_safe", asked.voicemail_safe, ContactKind.PHONE),
    )
    for field, given, kind in only_for:
        if given and asked.kind is not kind:
            raise InvalidArgumentError(
                f"contact_point.{field}",
                "ONLY_FOR_ANOTHER_KIND",
                f"`contact_point.{field}` goes with the kind `{kind}` alone",
            )
