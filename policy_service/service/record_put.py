"""A record as it is put: what a call says of it, and what that leaves on file of it and of its parties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from policy_service.engine.declared import Owner
from policy_service.facts import keys
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.keys import Key
from policy_service.facts.view import FactsView
from policy_service.model.attributes import AttributeValue
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import Controller, Fact, Fingerprint, PersonId, Record, RecordId, RecordParty
from policy_service.model.vocabulary import ContactKind, Role
from policy_service.service.asking import NOTHING_NOTED, Draft, Note
from policy_service.service.attribute_values import check_values, declared_of
from policy_service.service.drafting import Occasion
from policy_service.service.record_types import attributes_of
from policy_service.service.references import Named, PersonReferences
from policy_service.service.words import at_field, checked_key, checked_reference, no_repeats


@dataclass(frozen=True, slots=True)
class PartyAsked:
    """`person` is `scheme:value` or `person:ID`."""

    party: str
    role: Role
    person: str


@dataclass(frozen=True, slots=True)
class PutRecord:
    reference: str
    record_type: str
    teams: tuple[str, ...] = ()
    parties: tuple[PartyAsked, ...] = ()
    premises: str = ""
    premises_uprn: str = ""
    """The address that the record is about; both empty: what is on file stays."""
    attributes: tuple[AttributeValue, ...] = ()
    note: Note = NOTHING_NOTED


@dataclass(frozen=True, slots=True)
class RecordPut:
    """A record as on file now, and its parties in the order of the call."""

    record: Record
    parties: tuple[RecordParty, ...]


def record_read(references: PersonReferences, fingerprinter: Fingerprinter, asked: PutRecord) -> RecordRead:
    _check_record(asked)
    premises = uprn = Fingerprint("")
    if asked.premises:
        with at_field("record.premises"):
            premises = fingerprinter.contact(ContactKind.POST, asked.premises)
    if asked.premises_uprn:
        with at_field("record.premises_uprn"):
            uprn = fingerprinter.uprn(asked.premises_uprn)
    named = references.read(
        {f"record.parties[{i}].person": party.person for i, party in enumerate(asked.parties)}
    )
    return RecordRead(asked, premises, uprn, named)


@dataclass(frozen=True, slots=True)
class RecordRead:
    """What a call says of a record, its premises and its parties' identifiers as fingerprints."""

    asked: PutRecord
    premises: Fingerprint
    premises_uprn: Fingerprint
    named: Named

    def wanted(self, controller: Controller) -> tuple[Key, ...]:
        return (
            keys.record_type(controller, self.asked.record_type),
            keys.record(controller, self.asked.reference),
            *self.named.wanted,
        )

    def draft(self, view: FactsView, occasion: Occasion) -> Draft[RecordPut]:
        asked, controller = self.asked, occasion.controller
        view.prefetch(*self.wanted(controller))
        record_type = view.record_type(controller, asked.record_type)
        if record_type is None:
            raise InvalidArgumentError(
                "record.record_type",
                "UNKNOWN_RECORD_TYPE",
                "`record.record_type` names no record type of the organisation",
            )
        if asked.attributes:
            declared, has = declared_of(view, Owner.RECORD), attributes_of(view, record_type)
            known = {name: declared[name] for name in has if name in declared}
            check_values(asked.attributes, known, "record.attributes")
        there = view.record(controller, asked.reference)
        premises, uprn = self._stays(there)
        record = Record(
            record_id=RecordId(view.fresh_id()) if there is None else there.record_id,
            controller=controller,
            reference=asked.reference,
            record_type=asked.record_type,
            teams=asked.teams,
            premises=premises,
            premises_uprn=uprn,
            attributes=asked.attributes,
        )
        ids = [person.person_id for person in self.named.find(view, controller).values()]
        _check_one_person_a_key(asked.parties, ids)
        standing = {} if there is None else {(p.party, p.role): p for p in view.parties_of(there.record_id)}
        parties = tuple(
            [
                RecordParty(
                    record_party_id=(
                        view.fresh_id()
                        if (stands := standing.get((party.party, party.role))) is None
                        else stands.record_party_id
                    ),
                    controller=controller,
                    record_id=record.record_id,
                    party=party.party,
                    role=party.role,
                    person_id=person_id,
                )
                for party, person_id in zip(asked.parties, ids, strict=True)
            ]
        )
        if there is None:
            return Draft(RecordPut(record, parties), (record, *parties))
        kept = {party.record_party_id for party in parties}
        removed: tuple[Fact, ...] = tuple(p for p in standing.values() if p.record_party_id not in kept)
        return Draft(RecordPut(record, parties), (record, *parties), removed)

    def _stays(self, there: Record | None) -> tuple[Fingerprint, Fingerprint]:
        """The fingerprints of the address that the record is about, and of its UPRN."""
        premises, uprn = self.premises, self.premises_uprn
        if there is None:
            return premises, uprn
        if not uprn and (not premises or premises == there.premises):
            uprn = there.premises_uprn  # the same place as it was
        if not premises and uprn == there.premises_uprn:
            premises = there.premises
        return premises, uprn


def _check_record(asked: PutRecord) -> None:
    checked_reference(asked.reference, "record.reference")
    for i, team in enumerate(asked.teams):
        checked_reference(team, f"record.teams[{i}]")
    no_repeats(asked.teams, "record.teams")
    _check_parties(asked.parties)


def _check_parties(parties: Sequence[PartyAsked]) -> None:
    seen: set[tuple[str, Role]] = set()
    for i, party in enumerate(parties):
        field = f"record.parties[{i}]"
        checked_key(party.party, f"{field}.party")
        if (party.party, party.role) in seen:
            raise InvalidArgumentError(field, "REPEATED", f"`{field}` says again what another party says")
        seen.add((party.party, party.role))


def _check_one_person_a_key(parties: Sequence[PartyAsked], ids: Sequence[PersonId]) -> None:
    """A key of a party names one person, whatever her roles; two would make each field of it about both."""
    by_key: dict[str, PersonId] = {}
    for i, (party, person_id) in enumerate(zip(parties, ids, strict=True)):
        if by_key.setdefault(party.party, person_id) != person_id:
            field = f"record.parties[{i}].person"
            raise InvalidArgumentError(
                field, "TWO_PEOPLE", f"`{field}` is another person than the party's key names already"
            )
