"""PrivacyRequestService: its messages → what the use cases ask, and their answers → messages."""

from __future__ import annotations

from policy_service.api.v1 import privacy_request_pb2 as pb
from policy_service.model.facts import CommunicationSupport
from policy_service.model.vocabulary import (
    Channel,
    InterpreterGender,
    InterpreterMode,
    OnLapse,
    Purpose,
    RequestKind,
    Visibility,
    WrittenFormat,
)
from policy_service.server.bounds import MAX_TEXT, read_message, text, texts, word, words
from policy_service.server.convert_past import as_of, earlier_page_of, version_message
from policy_service.server.convert_writes import keyed_note_of, page_of, timestamp
from policy_service.service.asking import Done, Listed
from policy_service.service.history import HistoryOf, Version
from policy_service.service.moments import DEFAULT_ZONE, day_of
from policy_service.service.request_details import (
    COMMUNICATION,
    SAFE_CONTACT,
    CommunicationAsked,
    SafeContactAsked,
)
from policy_service.service.requests import GetRequest, ListRequests, RecordRequest, RequestShown

MAX_RECIPIENTS = 256
MAX_HOURS = 32
MAX_NEEDS = 32


def parse_record(data: bytes) -> RecordRequest:
    message = read_message(pb.PrivacyRequestServiceRecordRequest, data)
    request, scope = message.request, message.request.scope
    return RecordRequest(
        person=text(request.person, "request.person", required=True),
        kind=word(RequestKind, request.kind, "request.kind"),
        covers=texts(request.covers, "request.covers"),
        categories=texts(scope.categories, "request.scope.categories"),
        record_types=texts(scope.record_types, "request.scope.record_types"),
        records=texts(scope.records, "request.scope.records"),
        systems=texts(scope.systems, "request.scope.systems"),
        recipients=texts(request.recipients, "request.recipients", most=MAX_RECIPIENTS),
        everyone_except=request.everyone_except,
        purposes=words(Purpose, request.purposes, "request.purposes"),
        legal_basis=text(request.legal_basis, "request.legal_basis", limit=MAX_TEXT),
        raised_by=text(request.raised_by, "request.raised_by") or "self",
        evidence=text(request.evidence, "request.evidence"),
        valid_from=text(request.valid_from, "request.valid_from"),
        valid_until=text(request.valid_until, "request.valid_until"),
        zone=text(request.zone, "request.zone") or DEFAULT_ZONE,
        review_date=day_of(request.review_date, "request.review_date") if request.review_date else None,
        on_lapse=word(OnLapse, request.on_lapse or OnLapse.HOLD, "request.on_lapse"),
        visibility=word(Visibility, request.visibility or Visibility.STAFF, "request.visibility"),
        safe_contact=_safe_contact(request.safe_contact) if request.HasField("safe_contact") else None,
        communication=_communication(request.communication) if request.HasField("communication") else None,
        note=keyed_note_of(message),
    )


def parse_get(data: bytes) -> GetRequest:
    message = read_message(pb.PrivacyRequestServiceGetRequest, data)
    return GetRequest(text(message.request_id, "request_id", required=True), as_of(message))


def parse_list(data: bytes) -> ListRequests:
    message = read_message(pb.PrivacyRequestServiceListRequest, data)
    return ListRequests(text(message.person, "person"), earlier_page_of(message))


def record_response(done: Done[RequestShown]) -> bytes:
    return pb.PrivacyRequestServiceRecordResponse(
        request=_message(done.answer), facts_token=done.facts_token, notes=done.notes
    ).SerializeToString()


def get_response(shown: RequestShown) -> bytes:
    return pb.PrivacyRequestServiceGetResponse(request=_message(shown)).SerializeToString()


def list_response(listed: Listed[RequestShown]) -> bytes:
    return pb.PrivacyRequestServiceListResponse(
        requests=[_message(shown) for shown in listed.items], next_page_token=listed.next_page_token
    ).SerializeToString()


def parse_history(data: bytes) -> HistoryOf:
    message = read_message(pb.PrivacyRequestServiceHistoryRequest, data)
    return HistoryOf(text(message.request_id, "request_id", required=True), page=page_of(message))


def history_response(listed: Listed[Version[RequestShown]]) -> bytes:
    return pb.PrivacyRequestServiceHistoryResponse(
        versions=[
            pb.PrivacyRequestVersion(
                version=version_message(version),
                request=None if version.fact is None else _message(version.fact),
            )
            for version in listed.items
        ],
        next_page_token=listed.next_page_token,
    ).SerializeToString()


def _safe_contact(message: pb.SafeContact) -> SafeContactAsked:
    return SafeContactAsked(
        contact_points=texts(message.contact_points, f"{SAFE_CONTACT}.contact_points"),
        channels=words(Channel, message.channels, f"{SAFE_CONTACT}.channels"),
        hours=texts(message.hours, f"{SAFE_CONTACT}.hours", most=MAX_HOURS),
        no_voicemail=message.no_voicemail,
        neutral_sender=message.neutral_sender,
    )


def _communication(message: pb.CommunicationSupport) -> CommunicationAsked:
    return CommunicationAsked(
        language=text(message.language, f"{COMMUNICATION}.language"),
        modes=words(InterpreterMode, message.modes, f"{COMMUNICATION}.modes"),
        sign_language=text(message.sign_language, f"{COMMUNICATION}.sign_language"),
        interpreter_gender=words(
            InterpreterGender, message.interpreter_gender, f"{COMMUNICATION}.interpreter_gender"
        ),
        not_these=texts(message.not_these, f"{COMMUNICATION}.not_these"),
        written_formats=words(WrittenFormat, message.written_formats, f"{COMMUNICATION}.written_formats"),
        access_needs=texts(message.access_needs, f"{COMMUNICATION}.access_needs", most=MAX_NEEDS),
    )


def _communication_message(support: CommunicationSupport | None) -> pb.CommunicationSupport | None:
    if support is None:
        return None
    return pb.CommunicationSupport(
        language=support.language,
        modes=support.modes,
        sign_language=support.sign_language,
        interpreter_gender=support.interpreter_gender,
        not_these=[f"person:{excluded}" for excluded in support.not_these],
        written_formats=support.written_formats,
        access_needs=support.access_needs,
    )


def _safe_contact_message(shown: RequestShown) -> pb.SafeContact | None:
    safe = shown.request.safe_contact
    if safe is None:
        return None
    return pb.SafeContact(
        contact_points=shown.safe_points,
        channels=safe.channels,
        hours=safe.hours,
        no_voicemail=safe.no_voicemail,
        neutral_sender=safe.neutral_sender,
    )


def _message(shown: RequestShown) -> pb.PrivacyRequest:
    request = shown.request
    return pb.PrivacyRequest(
        request_id=request.request_id,
        person=f"person:{request.person_id}",
        kind=request.kind,
        state=request.state,
        covers=[f"person:{covered}" for covered in request.covers],
        scope=pb.Scope(
            categories=request.categories,
            record_types=request.record_types,
            records=request.records,
            systems=request.systems,
        ),
        recipients=request.recipients,
        everyone_except=request.everyone_except,
        purposes=request.purposes,
        legal_basis=request.legal_basis,
        raised_by=request.raised_by,
        evidence=request.evidence,
        valid_from=request.valid_from,
        valid_until=request.valid_until,
        zone=request.zone,
        review_date="" if request.review_date is None else request.review_date.isoformat(),
        on_lapse=request.on_lapse,
        visibility=request.visibility,
        received_at=timestamp(request.received_at),
        received_by=request.received_by,
        safe_contact=_safe_contact_message(shown),
        communication=_communication_message(request.communication),
    )
