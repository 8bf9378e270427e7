"""What names leave on file: keyed fingerprints, of each alone and of it with the birth date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from policy_service.facts.fingerprints import Fingerprinter
from policy_service.model.facts import Fingerprint, Person, PersonName
from policy_service.service.words import at_field


def names_read(fingerprinter: Fingerprinter, given: Sequence[str]) -> tuple[Fingerprint, ...]:
    """The fingerprints of the names, each once. InvalidArgumentError for one in which no letter is."""
    fingerprints: dict[Fingerprint, None] = {}
    for i, name in enumerate(given):
        with at_field(f"person.names[{i}]"):
            fingerprints[fingerprinter.name(name)] = None
    return tuple(fingerprints)


def drafted_names(
    fingerprinter: Fingerprinter,
    person: Person,
    there: Iterable[PersonName],
    given: Iterable[Fingerprint],
    fresh_id: Callable[[], str],
) -> list[PersonName]:
    """The names that are new, and those on file that the person's birth date changes.

    A name is added and never taken away. Where no birth date is said, what was known with one stays.
    """
    fingerprints = dict.fromkeys(given)
    born = person.birth_date

    def with_birth_date(name: Fingerprint) -> Fingerprint:
        return Fingerprint("") if born is None else fingerprinter.name_with_birth_date(name, born)

    changed = []
    for known in there:
        fingerprints.pop(known.fingerprint, None)
        now = with_birth_date(known.fingerprint) or known.with_birth_date
        if now != known.with_birth_date:
            changed.append(replace(known, with_birth_date=now))
    added = [
        PersonName(fresh_id(), person.controller, person.person_id, name, with_birth_date(name))
        for name in fingerprints
    ]
    return [*changed, *added]
