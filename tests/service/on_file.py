"""What is on file, whatever ids it was given: so that two stores that were filled on two roads compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import fields

from sqlalchemy import func, select

from policy_service.facts.mapping import KINDS
from policy_service.facts.reader import FactsReader
from policy_service.model.facts import (
    ContactPoint,
    Controller,
    Fact,
    Person,
    PersonIdentifier,
    PersonName,
    Record,
    RecordParty,
    Relationship,
)

IMPORTED = (Person, PersonIdentifier, PersonName, Relationship, ContactPoint, Record, RecordParty)
MOST = 100_000


def said(reader: FactsReader, controller: Controller) -> Counter[str]:
    """Each fact of the kinds that are imported, people by their identifiers and records by references."""
    head = reader.head()
    names: dict[str, str] = {}
    for record in reader.list_facts(Record, controller, "", MOST, head):
        names[record.record_id] = f"record {record.reference}"
    known: dict[str, list[str]] = {}
    for identifier in reader.list_facts(PersonIdentifier, controller, "", MOST, head):
        known.setdefault(identifier.person_id, []).append(identifier.fingerprint)
    names |= {person: f"person {sorted(identifiers)}" for person, identifiers in known.items()}
    return Counter(
        _said(fact, names)
        for kind in IMPORTED
        for fact in reader.list_facts(kind, controller, "", MOST, head)
    )


def rows(reader: FactsReader) -> int:
    """How many rows of facts there are, closed ones too."""
    return sum(
        int(reader.rows(select(func.count()).select_from(KINDS[kind].table))[0][0]) for kind in IMPORTED
    )


def _said(fact: Fact, names: Mapping[str, str]) -> str:
    own = fields(fact)[0].name  # its id
    values = (
        f"{field.name}={names.get(str(value), str(value))}"
        for field in fields(fact)
        if field.name != own and (value := getattr(fact, field.name)) is not None
    )
    return f"{type(fact).__name__} " + " ".join(values)
