"""RecordService: its messages → what the use cases ask, and their answers → messages."""

from __future__ import annotations

from collections.abc import Sequence

from policy_service.api.v1 import record_pb2 as pb
from policy_service.model.facts import ArtefactType, Capability, ContentDeclaration, Fact, Record, RecordType
from policy_service.model.obligation import ObligationKind
from policy_service.model.vocabulary import Role
from policy_service.server.bounds import MAX_TEXT, count, read_message, text, texts, word, words
from policy_service.server.convert_attributes import MAX_ATTRIBUTES, attribute_messages, attribute_values
from policy_service.server.convert_past import as_of, earlier_page_of, history_of, version_message
from policy_service.server.convert_writes import (
    field_messages,
    field_types,
    keyed_note_of,
    part_messages,
    part_types,
)
from policy_service.service.asking import NOTHING_NOTED, Done, Listed, Note
from policy_service.service.declarations import DeclareContents, ListDeclarations
from policy_service.service.history import HistoryOf, Version
from policy_service.service.moments import day_of
from policy_service.service.pages import PageAsked
from policy_service.service.record_put import PartyAsked, PutRecord, RecordPut
from policy_service.service.records import GetRecord, OnFile, PutArtefactType, PutRecordType

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
    return earlier_page_of(read_message(pb.ListRecordTypesRequest, data))


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
    return pb.PutArtefactTypeResponse(
        artefact_type=_artefact_type(done.answer), facts_token=done.facts_token
    ).SerializeToString()


def parse_list_artefact_types(data: bytes) -> PageAsked:
    return earlier_page_of(read_message(pb.ListArtefactTypesRequest, data))


def artefact_types_response(listed: Listed[ArtefactType]) -> bytes:
    return pb.ListArtefactTypesResponse(
        artefact_types=[_artefact_type(each) for each in listed.items], next_page_token=listed.next_page_token
    ).SerializeToString()


def parse_put_record(data: bytes) -> PutRecord:
    request = read_message(pb.PutRecordRequest, data)
    return record_asked(request.record, keyed_note_of(request))


def record_asked(record: pb.Record, note: Note = NOTHING_NOTED) -> PutRecord:
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
        note=note,
    )


def record_response(done: Done[RecordPut]) -> bytes:
    return pb.PutRecordResponse(record=_record(done.answer), facts_token=done.facts_token).SerializeToString()


def parse_get_record(data: bytes) -> GetRecord:
    request = read_message(pb.GetRecordRequest, data)
    return GetRecord(text(request.reference, "reference", required=True), as_of(request))


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
    return pb.DeclareContentsResponse(
        declaration=_declaration(done.answer), facts_token=done.facts_token
    ).SerializeToString()


def parse_list_declarations(data: bytes) -> ListDeclarations:
    request = read_message(pb.ListDeclarationsRequest, data)
    return ListDeclarations(request.digest, earlier_page_of(request))


def declarations_response(listed: Listed[ContentDeclaration]) -> bytes:
    return pb.ListDeclarationsResponse(
        declarations=[_declaration(each) for each in listed.items], next_page_token=listed.next_page_token
    ).SerializeToString()


def parse_history(data: bytes) -> HistoryOf:
    kinds: dict[str, type[Fact]] = {
        "record_reference": Record,
        "record_type_name": RecordType,
        "artefact_type_name": ArtefactType,
        "declaration_id": ContentDeclaration,
    }
    return history_of(read_message(pb.RecordServiceHistoryRequest, data), kinds)


def history_response(listed: Listed[Version[OnFile]]) -> bytes:
    return pb.RecordServiceHistoryResponse(
        versions=[_version(version) for version in listed.items], next_page_token=listed.next_page_token
    ).SerializeToString()


def _version(version: Version[OnFile]) -> pb.RecordServiceVersion:
    told = version_message(version)
    match version.fact:
        case RecordPut():
            return pb.RecordServiceVersion(version=told, record=_record(version.fact))
        case RecordType():
            return pb.RecordServiceVersion(version=told, record_type=_record_type(version.fact))
        case ArtefactType():
            return pb.RecordServiceVersion(version=told, artefact_type=_artefact_type(version.fact))
        case ContentDeclaration():
            return pb.RecordServiceVersion(version=told, declaration=_declaration(version.fact))
        case None:
            return pb.RecordServiceVersion(version=told)


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


def _artefact_type(artefact_type: ArtefactType) -> pb.ArtefactType:
    return pb.ArtefactType(
        name=artefact_type.name,
        envelope=field_messages(artefact_type.envelope),
        capabilities=[
            pb.Capability(obligation=each.obligation, evidence=each.evidence, until=each.until.isoformat())
            for each in artefact_type.capabilities
        ],
    )


def _declaration(declaration: ContentDeclaration) -> pb.ContentDeclaration:
    return pb.ContentDeclaration(
        declaration_id=declaration.declaration_id,
        digest=bytes.fromhex(declaration.digest),
        record=declaration.record,
        field=declaration.field,
        parts=part_messages(declaration.parts),
        user=declaration.user,
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
