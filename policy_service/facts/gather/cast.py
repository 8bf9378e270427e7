"""The people of one call: who is named, and who of those is on file.

Within a call the same described person is the same person. An identifier that is on file recognises her, and
then what is on file about her holds besides what the call says: a description adds, it never takes away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import NewType

from policy_service.facts import keys
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.view import FactsView
from policy_service.model.facts import Controller, Fingerprint, PersonId
from policy_service.model.question import DescribedContactPoint, DescribedPerson, Description
from policy_service.model.vocabulary import OrganisationRole, PersonKind

Who = NewType("Who", str)
"""Somebody in this call: `person:ID` on file, `described:KEY`, `user:REF` (a login without a person) or
`team:REF`.
"""


class NotTold(Exception):  # an outcome, not an error: the call is answered with NOT_AVAILABLE
    """What only the store could tell: the caller gets the one answer for all such, the log entry gets the
    cause.
    """

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Individual:
    """What is known about somebody in this call, on file and described together."""

    who: Who
    kind: PersonKind
    on_file: bool
    birth_date: date | None
    organisation_roles: frozenset[OrganisationRole]
    categories: frozenset[str]


def person(person_id: PersonId) -> Who:
    """The name, within a call, of a person on file."""
    return Who(f"person:{person_id}")


def person_id_of(who: Who) -> PersonId | None:
    """The id of a person on file, or None for anybody else."""
    return PersonId(who.removeprefix("person:")) if who.startswith("person:") else None


class Cast:
    """Resolves the call's person references. Raises `NotTold` for a description that the store
    contradicts.
    """

    def __init__(
        self,
        view: FactsView,
        fingerprints: Fingerprinter,
        controller: Controller,
        description: Description,
    ) -> None:
        self._view = view
        self._fingerprints = fingerprints
        self._controller = controller
        self._description = description
        self._described: dict[Who, list[DescribedPerson]] = {}
        self._by_key: dict[str, Who] = {}
        identifiers = {text: self._fingerprint(text) for p in description.people for text in p.identifiers}
        view.prefetch(*(keys.person_by_identifier(fp) for fp in identifiers.values()))
        for described in description.people:
            known = {
                found.person_id
                for text in described.identifiers
                if (found := view.person_by_identifier(identifiers[text])) is not None
            }
            if len(known) > 1:
                raise NotTold("identifiers_of_several_people")
            who = person(known.pop()) if known else Who(f"described:{described.key}")
            self._by_key[described.key] = who
            self._described.setdefault(who, []).append(described)
        self._parties: Mapping[str, tuple[Who, ...]] = {}
        self._points = {point.key: point for point in description.contact_points}

    @property
    def description(self) -> Description:
        return self._description

    @property
    def fingerprints(self) -> Fingerprinter:
        return self._fingerprints

    @property
    def controller(self) -> Controller:
        return self._controller

    def resolve(self, reference: str) -> Who | None:
        """Resolve a person reference: a described key, `scheme:value`, or `person:ID`. None: unknown."""
        if (who := self._by_key.get(reference)) is not None:
            return who
        scheme, colon, value = reference.partition(":")
        if not (scheme and colon and value):
            return None
        if scheme == "person":
            found = self._view.person(PersonId(value))
            return None if found is None else person(found.person_id)
        identifier = self._view.person_by_identifier(self._fingerprints.identifier(scheme, value))
        return None if identifier is None else person(identifier.person_id)

    def described_point(self, key: str) -> DescribedContactPoint | None:
        """The contact point that the call describes under `key`."""
        return self._points.get(key)

    def owners(self, point: DescribedContactPoint) -> tuple[Who, ...]:
        """Whose the described contact point is; an owner whom nobody knows is left out."""
        return tuple(who for owner in point.owners if (who := self._owner(owner)) is not None)

    def place_of(self, point: DescribedContactPoint) -> str:
        """The place that a described postal address is: by its canonical identity, else by its text within
        this call.
        """
        if point.uprn:
            return f"uprn:{self._fingerprints.uprn(point.uprn)}"
        return f"text:{self._fingerprints.contact(point.kind, point.value)}"

    @staticmethod
    def fingerprint_of_place(place: str) -> Fingerprint:
        """The fingerprint in a place that is known by its canonical identity."""
        return Fingerprint(place.removeprefix("uprn:"))

    def name_parties(self, parties: Mapping[str, tuple[Who, ...]]) -> None:
        """Tell who the parties of the record are, so that `party:KEY` finds them."""
        self._parties = parties

    def individual(self, who: Who) -> Individual:
        """Join what is on file with what the call describes about `who`."""
        person_id = person_id_of(who)
        on_file = None if person_id is None else self._view.person(person_id)
        described = self._described.get(who, [])
        kind = next((d.kind for d in described), PersonKind.PRIVATE) if on_file is None else on_file.kind
        birth_date = None if on_file is None else on_file.birth_date
        if birth_date is None:
            birth_date = next((d.birth_date for d in described if d.birth_date is not None), None)
        roles = {role for d in described for role in d.organisation_roles}
        categories = {category for d in described for category in d.categories}
        if on_file is not None:
            roles.update(on_file.organisation_roles)
            categories.update(on_file.categories)
        return Individual(
            who=who,
            kind=kind,
            on_file=on_file is not None,
            birth_date=birth_date,
            organisation_roles=frozenset(roles),
            categories=frozenset(categories),
        )

    def _owner(self, reference: str) -> Who | None:
        scheme, _, key = reference.partition(":")
        if scheme != "party":
            return self.resolve(reference)
        holders = self._parties.get(key, ())
        return holders[0] if len(holders) == 1 else None

    def _fingerprint(self, text: str) -> Fingerprint:
        scheme, _, value = text.partition(":")
        return self._fingerprints.identifier(scheme, value)
