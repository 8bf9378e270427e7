"""What of a call goes into the log entry: what was asserted, as references and keyed fingerprints, and
outcomes packed.
"""

from __future__ import annotations

from collections.abc import Iterator

from policy_service.facts.gather.situation import Situation
from policy_service.model.trace import TracedOutcome

Asserted = tuple[str, tuple[str, ...]]


def tally(outcomes: list[TracedOutcome]) -> tuple[tuple[TracedOutcome, ...], tuple[int, ...]]:
    """The distinct outcomes in the order of their first cell, and for each cell the index of its own."""
    known: dict[TracedOutcome, int] = {}
    indexes = tuple(known.setdefault(outcome, len(known)) for outcome in outcomes)
    return tuple(known), indexes


def asserted_by(s: Situation) -> tuple[Asserted, ...]:
    """What rests on the caller's word alone: typed values of the vocabulary, keys of the call, keyed
    fingerprints.
    """
    return tuple((path, values) for path, values in _asserted(s) if values)


def _asserted(s: Situation) -> Iterator[Asserted]:
    description, fingerprints = s.call.description, s.cast.fingerprints
    yield "purpose", (s.purpose,)
    yield "self_service", ("true",) if s.call.self_service else ()
    yield "assurance", (str(s.call.assurance),) if s.call.assurance else ()
    claimed = s.call.capabilities
    yield "capabilities", () if claimed is None else tuple(sorted(claimed)) or ("none",)
    if (user := description.user) is not None:
        yield "user.roles", tuple(sorted(set(user.roles) & set(s.system.assert_roles)))
        yield "user.teams", tuple(sorted(set(user.teams) & set(s.system.assert_teams)))
        yield "user.person", (_named(s, user.person),) if user.person else ()
    if (record := description.record) is not None and not s.record.fact:
        yield "record.type", (record.record_type,)
        yield "record.teams", record.teams
        yield "record.parties", tuple(f"{p.party}:{p.role}:{_named(s, p.person)}" for p in record.parties)
    for person in description.people:
        path = f"person.{person.key}"
        yield f"{path}.kind", (person.kind,)
        yield f"{path}.is", (_named(s, person.key),)
        yield (
            f"{path}.identifiers",
            tuple(fingerprints.identifier(*text.split(":", 1)) for text in person.identifiers),
        )
        yield f"{path}.name", (fingerprints.name(person.name),) if person.name else ()
        born = "" if person.birth_date is None else person.birth_date.isoformat()
        yield f"{path}.birth_date", (fingerprints.asserted("birth_date", born),) if born else ()
        yield f"{path}.organisation_roles", person.organisation_roles
        yield f"{path}.categories", person.categories
    yield (
        "relationships",
        tuple(
            f"{_named(s, r.from_person)} {r.kind} {_named(s, r.to_person)}"
            + (" with_responsibility" if r.parental_responsibility else "")
            for r in description.relationships
        ),
    )
    for point in description.contact_points:
        path = f"contact_point.{point.key}"
        yield f"{path}.kind", (point.kind,)
        yield f"{path}.fingerprint", (fingerprints.contact(point.kind, point.value),)
        yield f"{path}.owners", tuple(sorted(s.cast.owners(point)))
        yield f"{path}.uprn", (fingerprints.uprn(point.uprn),) if point.uprn else ()
        yield f"{path}.home", ("true",) if point.home else ()
        yield f"{path}.voicemail_safe", ("true",) if point.voicemail_safe else ()


def _named(s: Situation, reference: str) -> str:
    """Somebody by what the log may hold: `person:ID` or `described:KEY`; an unknown identifier only by its
    fingerprint.
    """
    who = s.cast.resolve(reference)
    if who is not None:
        return who
    return f"unknown:{s.cast.fingerprints.asserted('person', reference)}"
