"""How calls name what is on file, and what they find by it: nothing outside of their own organisation.

What another organisation has on file is not there for this one. It gets the same answer as what nobody has
on file: two answers would tell a manager who else protects somebody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from policy_service.decision_log.sought import FINGERPRINT
from policy_service.facts import keys
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.keys import Key
from policy_service.facts.view import FactsView
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import Controller, Fingerprint, Person, PersonId
from policy_service.service.words import checked_reference

PERSON = "person"
"""The scheme of a person's own id, in `person:ID`."""

_RESERVED = frozenset({PERSON, "user", "team", "role", "party", "described", "token", "system", "request"})
_SCHEME = re.compile(r"[a-z][a-z0-9_.-]{0,31}")


def scheme_and_value(identifier: str, field: str) -> tuple[str, str]:
    """The two parts of an identifier `scheme:value`. The schemes that references use themselves are
    refused.
    """
    scheme, _, value = identifier.partition(":")
    if not _SCHEME.fullmatch(scheme) or not value.strip():
        raise InvalidArgumentError(
            field, "BAD_IDENTIFIER", f"`{field}` is not of the form scheme:value, like nhs-number:..."
        )
    if scheme in _RESERVED:
        raise InvalidArgumentError(
            field, "RESERVED_SCHEME", f"`{field}` is of a scheme that this service keeps for itself"
        )
    return scheme, value


@dataclass(frozen=True, slots=True)
class Named:
    """People as a call names them, each under its field: by an identifier's fingerprint or by their id."""

    references: PersonReferences
    asked: Mapping[str, str]
    """By field."""
    fingerprints: Mapping[str, Fingerprint]
    ids: Mapping[str, PersonId]
    wanted: tuple[Key, ...]
    """What finds them."""

    def find(self, view: FactsView, controller: Controller) -> dict[str, Person]:
        """See `PersonReferences.find`."""
        ids = dict(self.ids)
        view.prefetch(*self.wanted)
        for field, fingerprint in self.fingerprints.items():
            identifier = view.person_by_identifier(fingerprint)
            ids[field] = PersonId("") if identifier is None else identifier.person_id
        view.prefetch(*map(keys.person, ids.values()))
        found: dict[str, Person] = {}
        for field, reference in self.asked.items():
            person = view.person(ids[field])
            if person is None or person.controller != controller:
                unknown = InvalidArgumentError(field, "UNKNOWN_PERSON", f"`{field}` names nobody on file")
                raise unknown.about(self.references.unseen(reference))
            found[field] = person
        return found


class PersonReferences:
    """Finds people by `scheme:value` or `person:ID`."""

    def __init__(self, fingerprinter: Fingerprinter) -> None:
        self._fingerprinter = fingerprinter

    def fingerprint(self, identifier: str, field: str) -> tuple[str, Fingerprint]:
        """An identifier's scheme, and its keyed fingerprint."""
        scheme, value = scheme_and_value(identifier, field)
        return scheme, self._fingerprinter.identifier(scheme, value)

    def find(self, view: FactsView, controller: Controller, asked: Mapping[str, str]) -> dict[str, Person]:
        """The people that `asked` (field → reference) names, by field; all are on file for `controller`.

        Raises `InvalidArgumentError` with `UNKNOWN_PERSON` and the first field of one that is not, and
        `ColdFacts`, for all references at once.
        """
        return self.read(asked).find(view, controller)

    def read(self, asked: Mapping[str, str]) -> Named:
        """What `asked` (field → reference) says, before anybody is looked for. InvalidArgumentError where
        nobody can be named so.
        """
        fingerprints: dict[str, Fingerprint] = {}
        ids: dict[str, PersonId] = {}
        for field, reference in asked.items():
            scheme, _, rest = reference.partition(":")
            if scheme == PERSON and rest:
                ids[field] = PersonId(rest)
            elif not reference:
                raise InvalidArgumentError(field, "REQUIRED", f"`{field}` must not be empty")
            else:
                fingerprints[field] = self.fingerprint(reference, field)[1]
        wanted = (*map(keys.person_by_identifier, fingerprints.values()), *map(keys.person, ids.values()))
        return Named(self, asked, fingerprints, ids, wanted)

    def unseen(self, reference: str) -> str:
        """What an entry calls whom `reference` names, where nothing on file tells: a keyed fingerprint."""
        try:
            scheme, value = scheme_and_value(reference, "")
            return f"{FINGERPRINT}{self._fingerprinter.identifier(scheme, value)}"
        except InvalidArgumentError:  # `person:ID`, or words of any kind
            return f"unknown:{self._fingerprinter.asserted(PERSON, reference)}"

    def find_one(self, view: FactsView, controller: Controller, reference: str, field: str) -> Person:
        """The one person that `reference` names; see `find`."""
        return self.find(view, controller, {field: reference})[field]


def numbered(values: Sequence[str], field: str) -> dict[str, str]:
    """A list as `find` takes it: each value under its place, e.g. `covers[2]`."""
    return {f"{field}[{i}]": value for i, value in enumerate(values)}


def as_kept(named: Mapping[str, str], people: Mapping[str, Person]) -> tuple[str, ...]:
    """Recipients (field → reference) as facts keep them: `person:ID`, `user:REF`, `team:REF`, `role:NAME`.

    `people` are those of them that are found as people; one person under two identifiers is one.
    """
    kept: dict[str, None] = {}
    for field, recipient in named.items():
        if field in people:
            kept[f"{PERSON}:{people[field].person_id}"] = None
        else:
            kind, _, reference = recipient.partition(":")
            kept[f"{kind}:{checked_reference(reference, field)}"] = None
    return tuple(kept)
