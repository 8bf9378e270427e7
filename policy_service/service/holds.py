"""Whom a fact names, and whether a legal hold stands on any of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policy_service.facts import keys
from policy_service.facts.erasing import Kept
from policy_service.facts.keys import Key
from policy_service.facts.named import people_named
from policy_service.facts.view import FactsView
from policy_service.model.facts import (
    ContactPoint,
    ContentDeclaration,
    Controller,
    CourtOrder,
    Fact,
    Override,
    Person,
    PersonId,
    PersonIdentifier,
    PersonName,
    PrivacyRequest,
    Record,
    RecordId,
    RecordParty,
    Relationship,
    User,
)


def is_held(view: FactsView, facts: Sequence[Fact], who: PersonId, *, by: Controller | None = None) -> bool:
    """Whether a hold of an organisation (None: of any) stands on this person, or on anybody else whom these
    facts name.
    """
    people = {who, *(person for fact in facts for person in people_of(view, fact))}
    view.prefetch(*map(keys.legal_holds_on, people))
    return any(
        by is None or hold.controller == by for person in people for hold in view.legal_holds_on(person)
    )


def not_held(view: FactsView, found: Sequence[Kept]) -> tuple[Kept, ...]:
    view.prefetch(*(key for kept in found if (key := _record_of(kept.fact)) is not None))
    records = [record for kept in found if (record := _record_named(view, kept.fact)) is not None]
    view.prefetch(*map(keys.parties_of, records))
    people = [frozenset(people_of(view, kept.fact)) for kept in found]
    view.prefetch(*map(keys.legal_holds_on, frozenset().union(*people)))
    return tuple(
        kept
        for kept, who in zip(found, people, strict=True)
        if not any(view.legal_holds_on(person) for person in who)
    )


def people_of(view: FactsView, fact: Fact) -> Iterator[PersonId]:
    """Whom a fact names."""
    match fact:
        case Person() | PersonIdentifier() | PersonName() | ContactPoint() | RecordParty():
            yield fact.person_id
        case Relationship():
            yield fact.from_person
            yield fact.to_person
        case PrivacyRequest():
            yield fact.person_id
            yield from fact.covers
            yield from people_named(fact)
        case Override() | CourtOrder():
            yield from people_named(fact)
            yield from _parties(view, fact)
        case Record() | ContentDeclaration():
            yield from _parties(view, fact)
        case User() if fact.person_id:
            yield fact.person_id
        case _:
            return


def _record_of(fact: Fact) -> Key | None:
    """The look-up of the record that a fact names by its reference."""
    match fact:
        case Override() | CourtOrder() | ContentDeclaration():
            return keys.record(fact.controller, fact.record)
        case _:
            return None


def _record_named(view: FactsView, fact: Fact) -> RecordId | None:
    if isinstance(fact, Record):
        return fact.record_id
    if not isinstance(fact, (Override, CourtOrder, ContentDeclaration)):
        return None
    record = view.record(fact.controller, fact.record)
    return None if record is None else record.record_id


def _parties(view: FactsView, fact: Fact) -> Iterator[PersonId]:
    """Who is on the record that a fact is, or names: an override that names nobody is about them all."""
    record = _record_named(view, fact)
    if record is not None:
        yield from (party.person_id for party in view.parties_of(record))
