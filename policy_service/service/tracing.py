"""What of a call goes into the log entry: what was asserted, as references and keyed fingerprints, and
outcomes packed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from policy_service.engine.catalogue import Catalogue
from policy_service.engine.declared import Owner, path_of
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.gather.situation import Situation
from policy_service.model.attributes import AttributeValue
from policy_service.model.question import (
    CheckCall,
    DescribedContactPoint,
    DescribedPerson,
    DescribedRecord,
    DescribedUser,
)
from policy_service.model.trace import TracedOutcome, TracedRecipient
from policy_service.model.vocabulary import Purpose

Asserted = tuple[str, tuple[str, ...]]

_ID: Final = "x" * 36
_KEYED: Final = "x" * 64
"""As wide as a keyed fingerprint, which is one of SHA-256 in hexadecimal digits."""


def tally(outcomes: list[TracedOutcome]) -> tuple[tuple[TracedOutcome, ...], tuple[int, ...]]:
    """The distinct outcomes in the order of their first cell, and for each cell the index of its own."""
    known: dict[TracedOutcome, int] = {}
    indexes = tuple(known.setdefault(outcome, len(known)) for outcome in outcomes)
    return tuple(known), indexes


class _Naming(Protocol):
    """What stands in an entry for what a call asserted."""

    def person(self, reference: str) -> str: ...

    def owners(self, point: DescribedContactPoint) -> tuple[str, ...]: ...

    def keyed(self, make: Callable[[Fingerprinter], str]) -> str: ...

    def value(self, path: str, given: AttributeValue) -> tuple[str, ...]:
        """What stands there for a value of the declared attribute at `path`."""


def asserted_by(s: Situation, catalogue: Catalogue) -> tuple[Asserted, ...]:
    """What rests on the caller's word alone: typed values of the vocabulary and of the `catalogue`, keys of
    the call, keyed fingerprints.
    """
    described = s.call.description
    roles = () if described.user is None else set(described.user.roles) & set(s.system.assert_roles)
    teams = () if described.user is None else set(described.user.teams) & set(s.system.assert_teams)
    record = None if s.record.fact else described.record
    granted = set(s.system.assert_attributes)
    user = () if described.user is None else described.user.attributes
    attributes = tuple(each for each in user if each.name in granted)
    naming = _AsItIs(s, catalogue)
    found = _asserted(
        s.call, naming, s.purpose, tuple(sorted(roles)), tuple(sorted(teams)), attributes, record
    )
    return tuple((path, values) for path, values in found if values)


def asserted_at_most(call: CheckCall) -> tuple[Asserted, ...]:
    """As large as `asserted_by` can be for this call, whatever is on file: made of the call alone."""
    user = call.description.user or DescribedUser()
    purpose = call.purpose or max(map(str, Purpose), key=len)
    record = call.description.record
    found = _asserted(call, _AtMost(call), purpose, user.roles, user.teams, user.attributes, record)
    return tuple((path, values) for path, values in found if values)


def widest_name(call: CheckCall, reference: str = "") -> str:
    """As wide as the name of whoever the call names so can be in its entry: `person:ID`, `described:KEY` of
    whichever of those it describes, `unknown:FINGERPRINT` where none of those has this key.
    """
    keys = {person.key for person in call.description.people}
    widths = [len(f"person:{_ID}"), *(len(f"described:{key}".encode()) for key in keys)]
    return "x" * max(*widths, 0 if reference in keys else len(f"unknown:{_KEYED}"))


@dataclass(frozen=True, slots=True)
class _AsItIs:
    s: Situation
    catalogue: Catalogue

    def person(self, reference: str) -> str:
        return _named(self.s, reference)

    def owners(self, point: DescribedContactPoint) -> tuple[str, ...]:
        return tuple(sorted(self.s.cast.owners(point)))

    def keyed(self, make: Callable[[Fingerprinter], str]) -> str:
        return make(self.s.cast.fingerprints)

    def value(self, path: str, given: AttributeValue) -> tuple[str, ...]:
        # Of an open vocabulary it could be anything, an address as well.
        closed = self.catalogue[path].values
        fingerprint = self.s.cast.fingerprints.asserted
        return tuple(
            text if is_plain or text in closed else fingerprint(path, text)
            for text, is_plain in _texts(given)
        )


class _AtMost:
    def __init__(self, call: CheckCall) -> None:
        self._keys = {person.key for person in call.description.people}
        self._described = widest_name(call, next(iter(self._keys), ""))
        self._any = widest_name(call)

    def person(self, reference: str) -> str:
        return self._described if reference in self._keys else self._any

    def owners(self, point: DescribedContactPoint) -> tuple[str, ...]:
        return tuple(map(self.person, point.owners))

    def keyed(self, make: Callable[[Fingerprinter], str]) -> str:  # noqa: ARG002 - whatever it is of
        return _KEYED

    def value(self, path: str, given: AttributeValue) -> tuple[str, ...]:  # noqa: ARG002 - whatever it is of
        return tuple(max(text, _KEYED, key=lambda one: len(one.encode())) for text, _ in _texts(given))


def _texts(given: AttributeValue) -> list[tuple[str, bool]]:
    """A value's texts, and of each whether nobody could have written it freely: a number, true, false."""
    match given.value:
        case str() as text:
            return [(text, False)]
        case tuple() as several:
            return [(text, False) for text in several]
        case plain:
            return [(json.dumps(plain), True)]


def _asserted(
    call: CheckCall,
    naming: _Naming,
    purpose: str,
    roles: tuple[str, ...],
    teams: tuple[str, ...],
    attributes: tuple[AttributeValue, ...],
    record: DescribedRecord | None,
) -> Iterator[Asserted]:
    description, named, keyed = call.description, naming.person, naming.keyed
    yield "purpose", (purpose,)
    yield "self_service", ("true",) if call.self_service else ()
    yield "assurance", (str(call.assurance),) if call.assurance else ()
    claimed = call.capabilities
    yield "capabilities", () if claimed is None else tuple(sorted(claimed)) or ("none",)
    if (user := description.user) is not None:
        yield "user.roles", roles
        yield "user.teams", teams
        yield "user.person", (named(user.person),) if user.person else ()
        for given in attributes:
            yield f"user.attributes.{given.name}", naming.value(path_of(Owner.USER, given.name), given)
    if record is not None:
        yield "record.type", (record.record_type,)
        yield "record.teams", record.teams
        yield "record.parties", tuple(f"{p.party}:{p.role}:{named(p.person)}" for p in record.parties)
        for given in record.attributes:
            yield f"record.attributes.{given.name}", naming.value(path_of(Owner.RECORD, given.name), given)
    for person in description.people:
        yield from _asserted_of(person, naming)
    yield (
        "relationships",
        tuple(
            f"{named(r.from_person)} {r.kind} {named(r.to_person)}"
            + (" with_responsibility" if r.parental_responsibility else "")
            for r in description.relationships
        ),
    )
    for point in description.contact_points:
        path = f"contact_point.{point.key}"
        yield f"{path}.kind", (point.kind,)
        yield f"{path}.fingerprint", (keyed(partial(_contact, point)),)
        yield f"{path}.owners", naming.owners(point)
        yield f"{path}.uprn", (keyed(partial(_uprn, point)),) if point.uprn else ()
        yield f"{path}.home", ("true",) if point.home else ()
        yield f"{path}.voicemail_safe", ("true",) if point.voicemail_safe else ()


def _asserted_of(person: DescribedPerson, naming: _Naming) -> Iterator[Asserted]:
    path, keyed = f"person.{person.key}", naming.keyed
    yield f"{path}.kind", (person.kind,)
    yield f"{path}.is", (naming.person(person.key),)
    yield (
        f"{path}.identifiers",
        tuple(keyed(partial(_identifier, text)) for text in person.identifiers),
    )
    yield f"{path}.name", (keyed(lambda f: f.name(person.name)),) if person.name else ()
    born = "" if person.birth_date is None else person.birth_date.isoformat()
    yield f"{path}.birth_date", (keyed(lambda f: f.asserted("birth_date", born)),) if born else ()
    yield f"{path}.organisation_roles", person.organisation_roles
    yield f"{path}.categories", person.categories


def _contact(point: DescribedContactPoint, fingerprints: Fingerprinter) -> str:
    return fingerprints.contact(point.kind, point.value)


def _uprn(point: DescribedContactPoint, fingerprints: Fingerprinter) -> str:
    return fingerprints.uprn(point.uprn)


def _identifier(text: str, fingerprints: Fingerprinter) -> str:
    return fingerprints.identifier(*text.split(":", 1))


def _named(s: Situation, reference: str) -> str:
    """Somebody by what the log may hold: `person:ID` or `described:KEY`; an unknown identifier only by its
    fingerprint.
    """
    who = s.cast.resolve(reference)
    if who is not None:
        return who
    return f"unknown:{s.cast.fingerprints.asserted('person', reference)}"


def traced_recipients(s: Situation) -> tuple[TracedRecipient, ...]:
    """The recipients, each with those who are implied by him."""
    return tuple(
        TracedRecipient("unknown")
        if r is None
        else TracedRecipient(
            recipient=r.who,
            contact_point=r.point.name,
            channel=r.channel,
            implied_readers=tuple(reader.label for reader in r.implied),
            shared=r.point.shared if r.point.given else "",
        )
        for r in s.recipients
    )
