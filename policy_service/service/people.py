"""The protected, and those they are protected from: people, how they are related, and how they are reached.

A put looks up what it replaces (a person by any of its identifiers, a relationship by its ends and kind, a
contact point by its owner and reference, or its owner and value) and keeps its id. What a put may say is
checked in `people_asked`, what names leave on file is in `names`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from policy_service.facts import keys
from policy_service.facts.view import FactsView
from policy_service.model.errors import (
    ConflictError,
    InvalidArgumentError,
    NotAvailableError,
    PermissionDeniedError,
)
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
from policy_service.model.vocabulary import RelationKind, StaffRole
from policy_service.service.asking import Asking, Done, Draft, Found
from policy_service.service.desk import ControlDesk, Occasion
from policy_service.service.moments import a_year_after
from policy_service.service.names import drafted_names
from policy_service.service.naming import fact_name
from policy_service.service.people_asked import (
    ALLEGATION,
    PutContactPoint,
    PutPerson,
    PutRelationship,
    check_contact_point,
    check_person,
    check_relationship,
)
from policy_service.service.references import PersonReferences
from policy_service.service.words import at_field

__all__ = [
    "MANAGERS",
    "READERS",
    "GetPerson",
    "People",
    "PersonFound",
    "PersonPut",
    "PutContactPoint",
    "PutPerson",
    "PutRelationship",
]

MANAGERS = frozenset({StaffRole.PRIVACY_OFFICER, StaffRole.ADMINISTRATOR})
READERS = MANAGERS | {StaffRole.AUDITOR}


@dataclass(frozen=True, slots=True)
class PersonPut:
    """The person as on file now, and the identifiers as the caller gave them: the store has fingerprints
    alone.
    """

    person: Person
    identifiers: tuple[str, ...]
    roster_token: str = ""


@dataclass(frozen=True, slots=True)
class GetPerson:
    person: str
    """`scheme:value` or `person:ID`."""


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

    async def put_person(self, call: Asking, asked: PutPerson) -> Done[PersonPut]:
        """Put a person or an organisation on file, or replace what is there under one of the identifiers.

        Identifiers and names are added, never taken away: without one of them she would not be recognised any
        more.
        """

        def draft(view: FactsView, occasion: Occasion) -> Draft[PersonPut]:
            check_person(asked, occasion.now)
            return self._draft_person(view, occasion.controller, asked)

        return await self._desk.write(call, MANAGERS, asked.note, draft)

    async def put_relationship(self, call: Asking, asked: PutRelationship) -> Done[Relationship]:
        """Put on file that one person is something of another, or replace what is there for the two and the
        kind.

        When it was first recorded stays: it says which of two allegations against each other was first.
        """

        def draft(view: FactsView, occasion: Occasion) -> Draft[Relationship]:
            check_relationship(asked)
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
                    there
                    for there in view.relationships_from(source)
                    if (there.controller, there.to_person, there.kind) == (controller, target, asked.kind)
                ),
                None,
            )
            recorded_at = occasion.now if known is None else known.recorded_at
            relationship = Relationship(
                relationship_id=random_id() if known is None else known.relationship_id,
                controller=controller,
                from_person=source,
                to_person=target,
                kind=asked.kind,
                basis=asked.basis,
                parental_responsibility=asked.parental_responsibility,
                valid_from=asked.valid_from,
                valid_until=asked.valid_until,
                recorded_at=recorded_at,
                review_date=_review_date(asked, recorded_at or occasion.now),
            )
            relationship = _confirmed(relationship, known, asked, occasion)
            return Draft(relationship, (relationship,))

        return await self._desk.write(call, MANAGERS, asked.note, draft)

    async def put_contact_point(self, call: Asking, asked: PutContactPoint) -> Done[ContactPoint]:
        """Put a way to reach somebody on file, or replace what is there. Its value is kept as a keyed
        fingerprint.
        """

        def draft(view: FactsView, occasion: Occasion) -> Draft[ContactPoint]:
            check_contact_point(asked, occasion.now)
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
                from_herself=asked.from_herself,
                shared=asked.shared,
                service_address=asked.service_address,
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

    async def get_person(self, call: Asking, asked: GetPerson) -> PersonFound:
        """What is on file about one person. Whom another organisation has on file is not available, like
        nobody.
        """

        async def look(view: FactsView, controller: Controller) -> Found[PersonFound]:
            try:
                person = self._references.find_one(view, controller, asked.person, "person")
            except InvalidArgumentError as error:
                if error.reason == "UNKNOWN_PERSON":
                    raise NotAvailableError from None
                raise
            who = person.person_id
            view.prefetch(
                keys.relationships_from(who),
                keys.relationships_to(who),
                keys.contact_points_of(who),
                keys.identifiers_of(who),
            )
            related = (*view.relationships_from(who), *view.relationships_to(who))
            found = PersonFound(
                person,
                self._desk.fingerprinter.roster_token(who),
                tuple(each for each in related if each.controller == controller),
                tuple(each for each in view.contact_points_of(who) if each.controller == controller),
                tuple(sorted({each.scheme for each in view.identifiers_of(who)})),
            )
            return Found(found, (fact_name(person),))

        return await self._desk.read(call, READERS, look)

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
        names = () if person_on_file is None else view.names_of(person.person_id)
        added.extend(drafted_names(self._desk.fingerprinter, person, names, asked.names))
        roster_token = self._desk.fingerprinter.roster_token(person.person_id)
        return Draft(PersonPut(person, asked.identifiers, roster_token), (person, *added))


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


def _review_date(asked: PutRelationship, recorded_at: datetime) -> date | None:
    """When it is looked at again. An allegation that somebody is adverse always is."""
    if asked.review_date is None and (asked.kind, asked.basis) == (RelationKind.ADVERSE_TO, ALLEGATION):
        return a_year_after(recorded_at)
    return asked.review_date


def _confirmed(
    relationship: Relationship, known: Relationship | None, asked: PutRelationship, occasion: Occasion
) -> Relationship:
    """With who confirmed the allegation, and when. Only a privacy officer confirms, or takes it back."""
    before = None if known is None or known.basis != ALLEGATION else known.confirmed_at
    if asked.confirmed == (before is not None):
        if known is None or before is None:
            return relationship
        return replace(relationship, confirmed_at=before, confirmed_by=known.confirmed_by)
    if asked.basis == ALLEGATION and StaffRole.PRIVACY_OFFICER not in occasion.caller.roles:
        raise PermissionDeniedError(
            "ROLE_REQUIRED",
            f"to confirm an allegation, or to take that back, needs the role `{StaffRole.PRIVACY_OFFICER}`",
        )
    if not asked.confirmed:
        return relationship
    return replace(relationship, confirmed_at=occasion.now, confirmed_by=occasion.caller.principal)
