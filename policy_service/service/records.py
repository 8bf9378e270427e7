"""What kinds of records and artefacts an organisation has, and the records that must be on file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from policy_service.engine.declared import Owner
from policy_service.facts import keys
from policy_service.facts.view import FactsView
from policy_service.model.attributes import AttributeValue
from policy_service.model.errors import InvalidArgumentError, NotAvailableError
from policy_service.model.facts import (
    ArtefactType,
    Capability,
    ContentDeclaration,
    Controller,
    Fact,
    FieldType,
    Fingerprint,
    PersonId,
    Record,
    RecordId,
    RecordParty,
    RecordType,
)
from policy_service.model.ids import random_id
from policy_service.model.vocabulary import ContactKind, Role
from policy_service.service.asking import NOTHING_NOTED, Asking, Done, Draft, Found, Listed, Note
from policy_service.service.attribute_values import check_names, check_values, declared_of
from policy_service.service.declarations import DECLARERS, MAY_DECLARE, DeclareContents, drafted_declaration
from policy_service.service.desk import ControlDesk, Occasion
from policy_service.service.naming import fact_name
from policy_service.service.pages import PageAsked, Pages
from policy_service.service.people import MANAGERS, READERS
from policy_service.service.record_types import (
    BASE_PREFIX,
    attributes_of,
    bases_of,
    check_capabilities,
    check_fields,
    check_replaced,
)
from policy_service.service.references import PersonReferences
from policy_service.service.words import at_field, checked_key, checked_name, checked_reference, no_repeats

HIGHEST_ASSURANCE = 3


@dataclass(frozen=True, slots=True)
class PutRecordType:
    name: str
    extends: str
    """A base type of the published policy set."""
    fields: tuple[FieldType, ...] = ()
    secret_roles: tuple[Role, ...] = ()
    protection_team: str = ""
    known_to_parents: bool = False
    people_on_file: bool = False
    assurance: int = 0
    attributes: tuple[str, ...] = ()
    """Names of declared attributes of records that its records may have, besides those of the base."""
    note: Note = NOTHING_NOTED


@dataclass(frozen=True, slots=True)
class PutArtefactType:
    name: str
    envelope: tuple[FieldType, ...] = ()
    capabilities: tuple[Capability, ...] = ()
    note: Note = NOTHING_NOTED


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


@dataclass(frozen=True, slots=True)
class GetRecord:
    reference: str


class Records:
    """The use cases of RecordService; privacy officers and administrators, where nothing else is said."""

    def __init__(self, desk: ControlDesk) -> None:
        self._desk = desk
        self._references = PersonReferences(desk.fingerprinter)
        self._pages = Pages(desk.fingerprinter)

    async def put_record_type(self, call: Asking, asked: PutRecordType) -> Done[RecordType]:
        """Declare a record type that extends a base type, or replace what is declared under its name."""

        def draft(view: FactsView, occasion: Occasion) -> Draft[RecordType]:
            _check_record_type(asked)
            controller = occasion.controller
            view.prefetch(keys.policy_set(), keys.record_type(controller, asked.name))
            base = bases_of(view).get(asked.extends)
            if base is None:
                raise InvalidArgumentError(
                    "record_type.extends", "UNKNOWN_BASE_TYPE", "`record_type.extends` names no base type"
                )
            check_replaced(asked.fields, base, "record_type.fields")
            if asked.attributes:
                check_names(asked.attributes, declared_of(view, Owner.RECORD), "record_type.attributes")
            there = view.record_type(controller, asked.name)
            record_type = RecordType(
                record_type_id=random_id() if there is None else there.record_type_id,
                controller=controller,
                name=asked.name,
                extends=asked.extends,
                fields=asked.fields,
                secret_roles=asked.secret_roles,
                protection_team=asked.protection_team,
                known_to_parents=asked.known_to_parents,
                people_on_file=asked.people_on_file,
                assurance=asked.assurance,
                attributes=asked.attributes,
            )
            return Draft(record_type, (record_type,))

        return await self._desk.write(call, MANAGERS, asked.note, draft)

    async def put_artefact_type(self, call: Asking, asked: PutArtefactType) -> Done[ArtefactType]:
        """Declare what a kind of letter, bundle or message always carries, and what its callers were shown to
        carry out; or replace what is declared.
        """

        def draft(view: FactsView, occasion: Occasion) -> Draft[ArtefactType]:
            _check_own_name(asked.name, "artefact_type.name")
            check_fields(asked.envelope, "artefact_type.envelope")
            check_capabilities(asked.capabilities, "artefact_type.capabilities")
            controller = occasion.controller
            there = view.artefact_type(controller, asked.name)
            artefact_type = ArtefactType(
                artefact_type_id=random_id() if there is None else there.artefact_type_id,
                controller=controller,
                name=asked.name,
                envelope=asked.envelope,
                capabilities=asked.capabilities,
            )
            return Draft(artefact_type, (artefact_type,))

        return await self._desk.write(call, MANAGERS, asked.note, draft)

    async def put_record(self, call: Asking, asked: PutRecord) -> Done[RecordPut]:
        """Put a record on file with all its parties, or replace what is there; who is not named is a party
        no more. The premises stay where none are named: they cannot be read again, and so not be repeated.
        """

        def draft(view: FactsView, occasion: Occasion) -> Draft[RecordPut]:
            _check_record(asked)
            return self._draft_record(view, occasion.controller, asked)

        return await self._desk.write(call, MANAGERS, asked.note, draft)

    async def declare_contents(self, call: Asking, asked: DeclareContents) -> Done[ContentDeclaration]:
        """Say what one document holds, or replace what was said. Privacy officers, and systems granted to."""

        def draft(view: FactsView, occasion: Occasion) -> Draft[ContentDeclaration]:
            return drafted_declaration(view, occasion, asked)

        return await self._desk.write(call, DECLARERS, asked.note, draft, granted=MAY_DECLARE)

    async def get_record(self, call: Asking, asked: GetRecord) -> RecordPut:
        """A record on file, its parties in the order of their keys; another organisation's is not available.
        Auditors too.
        """

        async def look(view: FactsView, controller: Controller) -> Found[RecordPut]:
            record = view.record(controller, asked.reference)
            if record is None:
                raise NotAvailableError
            parties = sorted(view.parties_of(record.record_id), key=lambda each: (each.party, each.role))
            return Found(RecordPut(record, tuple(parties)), (fact_name(record),))

        return await self._desk.read(call, READERS, look)

    async def list_record_types(self, call: Asking, asked: PageAsked) -> Listed[RecordType]:
        """A page of the organisation's own record types, in the order of their ids. Auditors too."""

        async def look(view: FactsView, controller: Controller) -> Found[Listed[RecordType]]:
            listing = (call.method, controller)
            page = self._pages.read(asked, *listing)
            found = await self._desk.facts.page(
                RecordType, controller, page.after, page.size + 1, view.revision
            )
            listed = self._pages.listed(found, page, [each.record_type_id for each in found], *listing)
            return Found(listed, tuple(fact_name(each) for each in listed.items))

        return await self._desk.read(call, READERS, look)

    def _draft_record(self, view: FactsView, controller: Controller, asked: PutRecord) -> Draft[RecordPut]:
        view.prefetch(
            keys.record_type(controller, asked.record_type), keys.record(controller, asked.reference)
        )
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
        premises, uprn = self._premises(asked, there)
        record = Record(
            record_id=RecordId(random_id()) if there is None else there.record_id,
            controller=controller,
            reference=asked.reference,
            record_type=asked.record_type,
            teams=asked.teams,
            premises=premises,
            premises_uprn=uprn,
            attributes=asked.attributes,
        )
        named = {f"record.parties[{i}].person": party.person for i, party in enumerate(asked.parties)}
        found = self._references.find(view, controller, named)
        ids = [found[field].person_id for field in named]
        _check_one_person_a_key(asked.parties, ids)
        standing = {} if there is None else {(p.party, p.role): p for p in view.parties_of(there.record_id)}
        parties = tuple(
            RecordParty(
                record_party_id=(
                    standing[party.party, party.role].record_party_id
                    if (party.party, party.role) in standing
                    else random_id()
                ),
                controller=controller,
                record_id=record.record_id,
                party=party.party,
                role=party.role,
                person_id=person_id,
            )
            for party, person_id in zip(asked.parties, ids, strict=True)
        )
        kept = {party.record_party_id for party in parties}
        removed: tuple[Fact, ...] = tuple(p for p in standing.values() if p.record_party_id not in kept)
        return Draft(RecordPut(record, parties), (record, *parties), removed)

    def _premises(self, asked: PutRecord, there: Record | None) -> tuple[Fingerprint, Fingerprint]:
        """The fingerprints of the address that the record is about, and of its UPRN."""
        premises = uprn = Fingerprint("")
        if asked.premises:
            with at_field("record.premises"):
                premises = self._desk.fingerprinter.contact(ContactKind.POST, asked.premises)
        if asked.premises_uprn:
            with at_field("record.premises_uprn"):
                uprn = self._desk.fingerprinter.uprn(asked.premises_uprn)
        if there is None:
            return premises, uprn
        if not uprn and (not premises or premises == there.premises):
            uprn = there.premises_uprn  # the same place as it was
        if not premises and uprn == there.premises_uprn:
            premises = there.premises
        return premises, uprn


def _check_own_name(name: str, field: str) -> None:
    checked_name(name, field)
    if name.startswith(BASE_PREFIX):
        raise InvalidArgumentError(
            field, "RESERVED_NAME", f"`{field}` begins with `{BASE_PREFIX}`, as base types alone do"
        )


def _check_record_type(asked: PutRecordType) -> None:
    _check_own_name(asked.name, "record_type.name")
    check_fields(asked.fields, "record_type.fields")
    no_repeats(asked.secret_roles, "record_type.secret_roles")
    if asked.protection_team:
        checked_reference(asked.protection_team, "record_type.protection_team")
    if not 0 <= asked.assurance <= HIGHEST_ASSURANCE:
        raise InvalidArgumentError(
            "record_type.assurance",
            "OUT_OF_RANGE",
            f"`record_type.assurance` is 1 to {HIGHEST_ASSURANCE}, or 0 for none",
        )


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
