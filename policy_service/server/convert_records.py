"""RecordService: its messages → what the use cases ask, and their answers → messages."""

from __future__ import annotations

from collections.abc import Sequence

from policy_service.api.v1 import record_pb2 as pb
from policy_service.model.facts import ArtefactType, Capability, ContentDeclaration, RecordType
from policy_service.model.obligation import ObligationKind
from policy_service.model.vocabulary import Role
from policy_service.server.bounds import MAX_TEXT, count, read_message, text, texts, word, words
from policy_service.server.convert_attributes import MAX_ATTRIBUTES, attribute_messages, attribute_values
from policy_service.server.convert_writes import (
    field_messages,
    field_types,
    keyed_note_of,
    page_of,
    part_messages,
    part_types,
)
from policy_service.service.asking import Done, Listed
from policy_service.service.declarations import DeclareContents
from policy_service.service.moments import day_of
from policy_service.service.pages import PageAsked
from policy_service.service.records import (
    GetRecord,
    PartyAsked,
    PutArtefactType,
    PutRecord,
    PutRecordType,
    RecordPut,
)

MAX_PARTIES = 256


def parse_put_record_type(data: bytes) -> PutRecordType:
    request = read_message(pb.PutRecordTypeRequest, data)
    record_type = request.record_type
    return PutRecordType(
        name=text(record_type.name, "record_type.name", required=True),
        extends=text(record_type.extends, "record_type.extends", required=True),
        fields=field_types(record_type.fields, "record_type.fields"),
        secret_roles=words(Role, record_type.secret_roles, "record_type.secret_roles"),
        protection_team=text(record_type.protection_team, "record_type.protection_team"),
        known_to_parents=record_type.known_to_parents,
        people_on_file=record_type.people_on_file,
        assurance=record_type.assurance,
        attributes=texts(record_type.attributes, "record_type.attributes", most=MAX_ATTRIBUTES),
        note=keyed_note_of(request),
    )


def record_type_response(done: Done[RecordType]) -> bytes:
    return pb.PutRecordTypeResponse(
        record_type=_record_type(done.answer), facts_token=done.facts_token
    ).SerializeToString()


def parse_list_record_types(data: bytes) -> PageAsked:
    return page_of(read_message(pb.ListRecordTypesRequest, data))


def record_types_response(listed: Listed[RecordType]) -> bytes:
    return pb.ListRecordTypesResponse(
        record_types=[_record_type(each) for each in listed.items], next_page_token=listed.next_page_token
    ).SerializeToString()


def parse_put_artefact_type(data: bytes) -> PutArtefactType:
    request = read_message(pb.PutArtefactTypeRequest, data)
    artefact_type = request.artefact_type
    return PutArtefactType(
        name=text(artefact_type.name, "artefact_type.name", required=True),
        envelope=field_types(artefact_type.envelope, "artefact_type.envelope"),
        capabilities=_capabilities(artefact_type.capabilities, "artefact_type.capabilities"),
        note=keyed_note_of(request),
    )


def artefact_type_response(done: Done[ArtefactType]) -> bytes:
    artefact_type = done.answer
    message = pb.ArtefactType(
        name=artefact_type.name,
        envelope=field_messages(artefact_type.envelope),
        capabilities=[
            pb.Capability(obligation=each.obligation, evidence=each.evidence, until=each.until.isoformat())
            for each in artefact_type.capabilities
        ],
    )
    return pb.PutArtefactTypeResponse(artefact_type=message, facts_token=done.facts_token).SerializeToString()


def parse_put_record(data: bytes) -> PutRecord:
    request = read_message(pb.PutRecordRequest, data)
    record = request.record
    count(record.parties, "record.parties", MAX_PARTIES)
    return PutRecord(
        reference=text(record.reference, "record.reference", required=True),
        record_type=text(record.record_type, "record.record_type", required=True),
        teams=texts(record.teams, "record.teams"),
        parties=tuple(
            PartyAsked(
                party=text(party.party, f"record.parties[{i}].party", required=True),
                role=word(Role, party.role, f"record.parties[{i}].role"),
                person=text(party.person, f"record.parties[{i}].person", required=True),
            )
            for i, party in enumerate(record.parties)
        ),
        premises=text(record.premises, "record.premises", limit=MAX_TEXT, lines=True),
        premises_uprn=text(record.premises_uprn, "record.premises_uprn"),
        attributes=attribute_values(record.attributes, "record.attributes"),
        note=keyed_note_of(request),
    )


def record_response(done: Done[RecordPut]) -> bytes:
    return pb.PutRecordResponse(record=_record(done.answer), facts_token=done.facts_token).SerializeToString()


def parse_get_record(data: bytes) -> GetRecord:
    return GetRecord(text(read_message(pb.GetRecordRequest, data).reference, "reference", required=True))


def get_record_response(found: RecordPut) -> bytes:
    return pb.GetRecordResponse(record=_record(found)).SerializeToString()


def parse_declare_contents(data: bytes) -> DeclareContents:
    request = read_message(pb.DeclareContentsRequest, data)
    declaration = request.declaration
    return DeclareContents(
        digest=declaration.digest,
        record=text(declaration.record, "declaration.record", required=True),
        field=text(declaration.field, "declaration.field", required=True),
        parts=part_types(declaration.parts, "declaration.parts"),
        user=text(declaration.user, "declaration.user"),
        note=keyed_note_of(request),
    )


def declaration_response(done: Done[ContentDeclaration]) -> bytes:
    declaration = done.answer
    message = pb.ContentDeclaration(
        declaration_id=declaration.declaration_id,
        digest=bytes.fromhex(declaration.digest),
        record=declaration.record,
        field=declaration.field,
        parts=part_messages(declaration.parts),
        user=declaration.user,
    )
    return pb.DeclareContentsResponse(declaration=message, facts_token=done.facts_token).SerializeToString()


def _capabilities(messages: Sequence[pb.Capability], field: str) -> tuple[Capability, ...]:
    count(messages, field, len(ObligationKind))
    return tuple(
        Capability(
            obligation=word(ObligationKind, message.obligation, f"{field}[{i}].obligation"),
            evidence=text(message.evidence, f"{field}[{i}].evidence", required=True),
            until=day_of(message.until, f"{field}[{i}].until"),
        )
        for i, message in enumerate(messages)
    )


def _record_type(record_type: RecordType) -> pb.RecordType:
    return pb.RecordType(
        name=record_type.name,
        extends=record_type.extends,
        fields=field_messages(record_type.fields),
        secret_roles=record_type.secret_roles,
        protection_team=record_type.protection_team,
        known_to_parents=record_type.known_to_parents,
        people_on_file=record_type.people_on_file,
        assurance=record_type.assurance,
        attributes=record_type.attributes,
    )


def _record(put: RecordPut) -> pb.Record:
    """Without the premises and their UPRN: only fingerprints are on file."""
    return pb.Record(
        reference=put.record.reference,
        record_type=put.record.record_type,
        teams=put.record.teams,
        parties=[
            pb.Party(party=party.party, role=party.role, person=f"person:{party.person_id}")
            for party in put.parties
        ],
        attributes=attribute_messages(put.record.attributes),
    )
