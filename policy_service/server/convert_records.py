"""RecordService: its messages → what the use cases ask, and their answers → messages."""

from __future__ import annotations

from policy_service.api.v1 import record_pb2 as pb
from policy_service.model.facts import ArtefactType, RecordType
from policy_service.model.vocabulary import Role
from policy_service.server.bounds import count, read_message, text, texts, word, words
from policy_service.server.convert_writes import field_messages, field_types, keyed_note_of
from policy_service.service.asking import Done
from policy_service.service.records import PartyAsked, PutArtefactType, PutRecord, PutRecordType, RecordPut

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
        note=keyed_note_of(request),
    )


def record_type_response(done: Done[RecordType]) -> bytes:
    record_type = done.answer
    message = pb.RecordType(
        name=record_type.name,
        extends=record_type.extends,
        fields=field_messages(record_type.fields),
        secret_roles=record_type.secret_roles,
        protection_team=record_type.protection_team,
    )
    return pb.PutRecordTypeResponse(record_type=message, facts_token=done.facts_token).SerializeToString()


def parse_put_artefact_type(data: bytes) -> PutArtefactType:
    request = read_message(pb.PutArtefactTypeRequest, data)
    artefact_type = request.artefact_type
    return PutArtefactType(
        name=text(artefact_type.name, "artefact_type.name", required=True),
        envelope=field_types(artefact_type.envelope, "artefact_type.envelope"),
        note=keyed_note_of(request),
    )


def artefact_type_response(done: Done[ArtefactType]) -> bytes:
    artefact_type = done.answer
    message = pb.ArtefactType(name=artefact_type.name, envelope=field_messages(artefact_type.envelope))
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
        note=keyed_note_of(request),
    )


def record_response(done: Done[RecordPut]) -> bytes:
    record = done.answer.record
    message = pb.Record(
        reference=record.reference,
        record_type=record.record_type,
        teams=record.teams,
        parties=[
            pb.Party(party=party.party, role=party.role, person=f"person:{party.person_id}")
            for party in done.answer.parties
        ],
    )
    return pb.PutRecordResponse(record=message, facts_token=done.facts_token).SerializeToString()
