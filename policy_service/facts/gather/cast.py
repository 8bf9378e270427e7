"""The people of one call: who is named, and who of those is on file.

Within a call the same described person is the same person, under whatever keys: an identifier in common makes
two descriptions one. An identifier that is on file recognises her, and then what is on file about her holds
besides what the call says: a description adds, it never takes away.

A name with a birth date, or with a contact point, is a *possible match*: it protects her, it makes him
adverse, and it gives nobody anything. A contact point alone identifies nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import NewType

from policy_service.facts import keys
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.gather import at_once
from policy_service.facts.view import FactsView
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import Controller, Fingerprint, Person, PersonId
from policy_service.model.question import DescribedContactPoint, DescribedPerson, Description
from policy_service.model.vocabulary import ContactKind, OrganisationRole, PersonKind

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
    roles_on_file: frozenset[OrganisationRole] = frozenset()
    """Those of `organisation_roles` that nobody has to be believed for."""


def person(person_id: PersonId) -> Who:
    """The name, within a call, of a person on file."""
    return Who(f"person:{person_id}")


def person_id_of(who: Who) -> PersonId | None:
    """The id of a person on file, or None for anybody else."""
    return PersonId(who.removeprefix("person:")) if who.startswith("person:") else None


class Cast:
    """Resolves the call's person references.

    Every value that the call describes is fingerprinted at once, whatever is on file, so that one that cannot
    be read is refused alike for all (`InvalidArgumentError`, with the field). `recognise` then joins the
    people with what is on file, and raises `NotTold` for a description that the store contradicts.
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
        self._identifiers: list[tuple[Fingerprint, ...]] = []
        self._names: dict[str, Fingerprint] = {}
        self._contacts: dict[str, Fingerprint] = {}
        self._uprns: dict[str, Fingerprint] = {}
        self._read()
        self._described: dict[Who, list[DescribedPerson]] = {}
        self._by_key: dict[str, Who] = {}
        self._parties: Mapping[str, tuple[Who, ...]] = {}
        self._suspected: dict[Who, frozenset[Who]] = {}
        self._individuals: dict[Who, Individual] = {}
        self._points = {point.key: point for point in description.contact_points}
        self._owners: dict[str, tuple[Who, ...]] = {}
        self._points_of: dict[Who, tuple[DescribedContactPoint, ...]] = {}

    @property
    def description(self) -> Description:
        return self._description

    @property
    def fingerprints(self) -> Fingerprinter:
        return self._fingerprints

    @property
    def controller(self) -> Controller:
        return self._controller

    @property
    def everybody(self) -> frozenset[Who]:
        """Everybody whom the call describes."""
        return frozenset(self._described)

    def recognise(self) -> None:
        """Find out who of the described people is on file, and which descriptions are of one person."""
        self._view.prefetch(
            *(keys.person_by_identifier(fp) for fps in self._identifiers for fp in fps),
            *(keys.contact_points_by_fingerprint(fingerprint) for fingerprint in self._contacts.values()),
            *(keys.contact_points_by_uprn(uprn) for uprn in self._uprns.values()),
        )
        first: dict[Fingerprint, str] = {}
        alias: dict[str, str] = {}
        for described, fingerprints in zip(self._description.people, self._identifiers, strict=True):
            alias[described.key] = described.key
            for fingerprint in fingerprints:
                _join(alias, described.key, first.setdefault(fingerprint, described.key))
        on_file: dict[str, set[Who]] = {}
        for described, fingerprints in zip(self._description.people, self._identifiers, strict=True):
            known = on_file.setdefault(_root(alias, described.key), set())
            known |= {
                person(found.person_id)
                for fingerprint in fingerprints
                if (found := self._view.person_by_identifier(fingerprint)) is not None
            }
        for described in self._description.people:
            root = _root(alias, described.key)
            if len(on_file[root]) > 1:
                raise NotTold("identifiers_of_several_people")
            who = next(iter(on_file[root]), Who(f"described:{root}"))
            self._by_key[described.key] = who
            self._described.setdefault(who, []).append(described)

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

    def suspected(self, who: Who) -> frozenset[Who]:
        """The people on file who `who`, a described person, may be; empty for everybody else."""
        if who not in self._suspected:
            self._suspected[who] = frozenset(
                person(match)
                for described in self._described.get(who, ())
                if not who.startswith("person:")
                for match in self._matches(who, described)
            )
        return self._suspected[who]

    @property
    def possible_matches(self) -> tuple[tuple[Who, Who], ...]:
        """Everybody described and whom on file each may be, as far as that was looked at."""
        return tuple(
            (who, match) for who, found in sorted(self._suspected.items()) for match in sorted(found)
        )

    def points_of(self, who: Who) -> tuple[DescribedContactPoint, ...]:
        """The contact points that the call describes as those of `who`."""
        if who not in self._points_of:
            self._points_of[who] = tuple(p for p in self._points.values() if who in self.owners(p))
        return self._points_of[who]

    def described_point(self, key: str) -> DescribedContactPoint | None:
        """The contact point that the call describes under `key`."""
        return self._points.get(key)

    def owners(self, point: DescribedContactPoint) -> tuple[Who, ...]:
        """Whose the described contact point is; an owner whom nobody knows is left out."""
        if point.key not in self._owners:
            self._owners[point.key] = tuple(
                dict.fromkeys(who for owner in point.owners if (who := self._owner(owner)) is not None)
            )
        return self._owners[point.key]

    def sharers_of(self, kind: ContactKind, fingerprint: Fingerprint, uprn: Fingerprint) -> frozenset[Who]:
        """Those whom the call describes with a contact point of this value, or with this canonical
        identity.
        """
        return frozenset(
            owner
            for point in self._points.values()
            if point.kind is kind
            and (self.contact(point) == fingerprint or (uprn and self.uprn(point) == uprn))
            for owner in self.owners(point)
        )

    def has_unknown_owner(self, point: DescribedContactPoint) -> bool:
        """Tell whether the description names an owner whom nobody knows, or who is not to be known of."""
        return any(self._owner(owner) is None for owner in point.owners)

    def contact(self, point: DescribedContactPoint) -> Fingerprint:
        """The fingerprint of a described contact point."""
        return self._contacts[point.key]

    def uprn(self, point: DescribedContactPoint) -> Fingerprint:
        """The fingerprint of a described address's canonical identity; empty where none is given."""
        return self._uprns.get(point.key, Fingerprint(""))

    def place_of(self, point: DescribedContactPoint) -> str:
        """The place that a described postal address is: by its canonical identity, else by its text within
        this call.
        """
        uprn = self.uprn(point)
        return f"uprn:{uprn}" if uprn else f"text:{self.contact(point)}"

    @staticmethod
    def fingerprint_of_place(place: str) -> Fingerprint:
        """The fingerprint in a place that is known by its canonical identity."""
        return Fingerprint(place.removeprefix("uprn:"))

    def name_parties(self, parties: Mapping[str, tuple[Who, ...]]) -> None:
        """Tell who those parties of the record are that the user may know of, for `party:KEY`."""
        self._parties = parties
        self._owners.clear()
        self._points_of.clear()

    def individual(self, who: Who) -> Individual:
        """Join what is on file with what the call describes about `who`."""
        if who not in self._individuals:
            self._individuals[who] = self._individual(who)
        return self._individuals[who]

    def _individual(self, who: Who) -> Individual:
        person_id = person_id_of(who)
        stored = None if person_id is None else self._view.person(person_id)
        if stored is not None:
            return self._on_file(who, stored)
        described = self._described.get(who, [])
        return Individual(
            who=who,
            kind=_stricter(d.kind for d in described),
            on_file=False,
            birth_date=next((d.birth_date for d in described if d.birth_date is not None), None),
            organisation_roles=frozenset(role for d in described for role in d.organisation_roles),
            categories=frozenset(category for d in described for category in d.categories),
        )

    def _on_file(self, who: Who, stored: Person) -> Individual:
        """What somebody on file is, is on file: a description adds a birth date where none is known, and
        nothing that would be a basis. What another organisation calls a contractor or a care provider is none
        here.
        """
        own = stored.controller == self._controller
        roles = frozenset(stored.organisation_roles) if own else frozenset()
        birth_date = stored.birth_date
        if birth_date is None:
            described = self._described.get(who, [])
            birth_date = next((d.birth_date for d in described if d.birth_date is not None), None)
        return Individual(
            who=who,
            kind=stored.kind,
            on_file=True,
            birth_date=birth_date,
            organisation_roles=roles,
            categories=frozenset(stored.categories) if own else frozenset(),
            roles_on_file=roles,
        )

    def _read(self) -> None:
        """Fingerprint every value, and name the field of one that cannot be read."""
        for i, described in enumerate(self._description.people):
            at = f"description.people[{i}]"
            fingerprints = []
            for k, text in enumerate(described.identifiers):
                scheme, _, value = text.partition(":")
                with _at(f"{at}.identifiers[{k}]"):
                    fingerprints.append(self._fingerprints.identifier(scheme, value))
            self._identifiers.append(tuple(fingerprints))
            if described.name:
                with _at(f"{at}.name"):
                    self._names[described.key] = self._fingerprints.name(described.name)
        for i, point in enumerate(self._description.contact_points):
            at = f"description.contact_points[{i}]"
            with _at(f"{at}.value"):
                self._contacts[point.key] = self._fingerprints.contact(point.kind, point.value)
            if point.uprn:
                with _at(f"{at}.uprn"):
                    self._uprns[point.key] = self._fingerprints.uprn(point.uprn)

    def _matches(self, who: Who, described: DescribedPerson) -> Iterator[PersonId]:
        name = self._names.get(described.key)
        if name is None:
            return
        if described.birth_date is not None:
            together = self._fingerprints.name_with_birth_date(name, described.birth_date)
            yield from (found.person_id for found in self._view.names_with_birth_date(together))
        points = [(self.contact(point), self.uprn(point)) for point in self.points_of(who)]
        self._view.prefetch(
            *(keys.contact_points_by_fingerprint(fingerprint) for fingerprint, _ in points),
            *(keys.contact_points_by_uprn(uprn) for _, uprn in points if uprn),
        )
        owners = {
            stored.person_id
            for fingerprint, uprn in points
            for stored in (
                *self._view.contact_points_by_fingerprint(fingerprint),
                *(self._view.contact_points_by_uprn(uprn) if uprn else ()),
            )
        }
        at_once.prefetch(self._view, [keys.names_of(owner) for owner in owners])
        for owner in sorted(owners):
            if any(known.fingerprint == name for known in self._view.names_of(owner)):
                yield owner

    def _owner(self, reference: str) -> Who | None:
        scheme, _, key = reference.partition(":")
        if scheme != "party":
            return self.resolve(reference)
        holders = self._parties.get(key, ())
        return holders[0] if len(holders) == 1 else None


def _stricter(kinds: Iterable[PersonKind]) -> PersonKind:
    """An organisation is no data subject, so one description as a private person makes her one."""
    return PersonKind.ORGANISATION if set(kinds) == {PersonKind.ORGANISATION} else PersonKind.PRIVATE


@contextmanager
def _at(field: str) -> Iterator[None]:
    """Name the field of a value that cannot be read."""
    try:
        yield
    except InvalidArgumentError as error:
        raise InvalidArgumentError(field, error.reason, error.message) from None


def _root(alias: dict[str, str], key: str) -> str:
    while alias[key] != key:
        key = alias[key]
    return key


def _join(alias: dict[str, str], one: str, other: str) -> None:
    """Make two keys one person, by the earlier key."""
    later, earlier = _root(alias, one), _root(alias, other)
    alias[later] = earlier
