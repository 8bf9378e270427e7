"""Who is put on file: what a call says of a person, and what that leaves of her.

A put replaces the person whom any of its identifiers finds, and keeps her id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from policy_service.decision_log.sought import FINGERPRINT
from policy_service.facts import keys
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.keys import Key
from policy_service.facts.view import FactsView
from policy_service.model.errors import ConflictError, InvalidArgumentError, NotAvailableError
from policy_service.model.facts import Controller, Fact, Fingerprint, Person, PersonId, PersonIdentifier
from policy_service.service.asking import Draft
from policy_service.service.drafting import Occasion
from policy_service.service.names import drafted_names, names_read
from policy_service.service.people_asked import PutPerson, check_person
from policy_service.service.references import PersonReferences


@dataclass(frozen=True, slots=True)
class PersonPut:
    """The person as on file now, and the identifiers as the caller gave them: the store has fingerprints
    alone.
    """

    person: Person
    identifiers: tuple[str, ...]
    roster_token: str = ""
    added: bool = field(default=False, compare=False)
    """She was not on file."""


def person_read(
    references: PersonReferences, fingerprinter: Fingerprinter, asked: PutPerson, now: datetime
) -> PersonRead:
    check_person(asked, now)
    identifiers = tuple(
        references.fingerprint(identifier, f"person.identifiers[{i}]")
        for i, identifier in enumerate(asked.identifiers)
    )
    return PersonRead(fingerprinter, asked, identifiers, names_read(fingerprinter, asked.names))


@dataclass(frozen=True, slots=True)
class PersonRead:
    """What a call says of a person, her identifiers and names as fingerprints."""

    fingerprinter: Fingerprinter
    asked: PutPerson
    identifiers: tuple[tuple[str, Fingerprint], ...]
    """Each with its scheme, where the call has it."""
    names: tuple[Fingerprint, ...]

    @property
    def size(self) -> int:
        return 1 + len(self.identifiers) + len(self.names)

    def wanted(self, _: Controller) -> tuple[Key, ...]:
        return tuple(keys.person_by_identifier(fingerprint) for _, fingerprint in self.identifiers)

    def draft(self, view: FactsView, occasion: Occasion) -> Draft[PersonPut]:
        facts, person, added = self.facts(view, occasion)
        roster_token = self.fingerprinter.roster_token(person.person_id)
        return Draft(PersonPut(person, self.asked.identifiers, roster_token, added=added), facts)

    def facts(self, view: FactsView, occasion: Occasion) -> tuple[tuple[Fact, ...], Person, bool]:
        """What is to be put on file, the person among it, and whether she was not on file."""
        asked, controller = self.asked, occasion.controller
        given = {fingerprint: scheme for scheme, fingerprint in self.identifiers}
        view.prefetch(*self.wanted(controller))
        known = {
            fingerprint: there
            for fingerprint in given
            if (there := view.person_by_identifier(fingerprint)) is not None
        }
        person_on_file = _one_person(view, controller, [known.get(each) for _, each in self.identifiers])
        if person_on_file is not None and person_on_file.kind is not asked.kind:
            # An organisation is no data subject: this would take away every protection that she has.
            raise InvalidArgumentError(
                "person.kind",
                "KIND_CHANGED",
                "a private person on file cannot become an organisation, or the reverse",
            )
        person = Person(
            person_id=PersonId(view.fresh_id()) if person_on_file is None else person_on_file.person_id,
            controller=controller,
            kind=asked.kind,
            birth_date=asked.birth_date,
            organisation_roles=asked.organisation_roles,
            categories=asked.categories,
        )
        added: list[Fact] = [
            PersonIdentifier(view.fresh_id(), controller, person.person_id, scheme, fingerprint)
            for fingerprint, scheme in given.items()
            if fingerprint not in known
        ]
        names = () if person_on_file is None else view.names_of(person.person_id)
        added.extend(drafted_names(self.fingerprinter, person, names, self.names, view.fresh_id))
        return (person, *added), person, person_on_file is None


def _one_person(
    view: FactsView, controller: Controller, known: Sequence[PersonIdentifier | None]
) -> Person | None:
    """The person that all identifiers belong to, if any is on file; `known`: what is, each at its place.

    NotAvailableError where another organisation has one of them on file. That tells as much, and has to: an
    identifier belongs to one person. So each is named in the log, where an auditor finds who tries many.
    """
    view.prefetch(*(keys.person(each.person_id) for each in known if each is not None))
    people = [
        (f"person.identifiers[{i}]", each.fingerprint, person)
        for i, each in enumerate(known)
        if each is not None and (person := view.person(each.person_id)) is not None
    ]
    theirs = [(at, fingerprint) for at, fingerprint, person in people if person.controller != controller]
    if theirs:
        named = dict.fromkeys(f"{FINGERPRINT}{fingerprint}" for _, fingerprint in theirs)
        raise NotAvailableError(field=theirs[0][0]).about(*named)
    for at, _, person in people:
        if person.person_id != people[0][2].person_id:
            message = "the identifiers belong to two people on file"
            raise ConflictError("IDENTIFIERS_OF_TWO_PEOPLE", message, at)
    return people[0][2] if people else None
