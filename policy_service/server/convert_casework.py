"""CaseworkService: its messages → what the use cases ask, and their answers → messages."""

from __future__ import annotations

from policy_service.api.v1 import casework_pb2 as pb
from policy_service.model.facts import CourtOrder, Override
from policy_service.model.vocabulary import OverrideKind
from policy_service.server.bounds import read_message, text, texts, word
from policy_service.server.convert_past import earlier_page_of, history_of, version_message
from policy_service.server.convert_writes import MAX_CATEGORIES, keyed_note_of
from policy_service.service.asking import Done, Listed
from policy_service.service.casework import (
    MAX_JUSTIFICATION,
    EndOrder,
    EndOverride,
    GrantOverride,
    ListOfRecord,
    RecordOrder,
)
from policy_service.service.history import HistoryOf, Version

MAX_PEOPLE = 256


def parse_grant_override(data: bytes) -> GrantOverride:
    request = read_message(pb.GrantOverrideRequest, data)
    override = request.override
    return GrantOverride(
        kind=word(OverrideKind, override.kind, "override.kind"),
        user=text(override.user, "override.user", required=True),
        record=text(override.record, "override.record", required=True),
        categories=texts(override.categories, "override.categories", most=MAX_CATEGORIES),
        justification=text(
            override.justification, "override.justification", limit=MAX_JUSTIFICATION, required=True
        ),
        people=texts(override.people, "override.people", most=MAX_PEOPLE),
        recipients=texts(override.recipients, "override.recipients", most=MAX_PEOPLE),
        valid_minutes=override.valid_minutes,
        note=keyed_note_of(request),
    )


def granted_response(done: Done[Override]) -> bytes:
    return pb.GrantOverrideResponse(
        override=_override(done.answer), facts_token=done.facts_token, notes=done.notes
    ).SerializeToString()


def parse_end_override(data: bytes) -> EndOverride:
    request = read_message(pb.EndOverrideRequest, data)
    return EndOverride(text(request.override_id, "override_id", required=True), keyed_note_of(request))


def ended_override_response(done: Done[Override]) -> bytes:
    return pb.EndOverrideResponse(
        override=_override(done.answer), facts_token=done.facts_token
    ).SerializeToString()


def parse_record_order(data: bytes) -> RecordOrder:
    request = read_message(pb.RecordOrderRequest, data)
    order = request.order
    return RecordOrder(
        record=text(order.record, "order.record", required=True),
        people=texts(order.people, "order.people", most=MAX_PEOPLE),
        categories=texts(order.categories, "order.categories", most=MAX_CATEGORIES),
        recipients=texts(order.recipients, "order.recipients", most=MAX_PEOPLE),
        ends=text(order.ends, "order.ends", required=True),
        begins=text(order.begins, "order.begins"),
        reference=text(order.reference, "order.reference"),
        note=keyed_note_of(request),
    )


def recorded_order_response(done: Done[CourtOrder]) -> bytes:
    return pb.RecordOrderResponse(
        order=_order(done.answer), facts_token=done.facts_token, notes=done.notes
    ).SerializeToString()


def parse_end_order(data: bytes) -> EndOrder:
    request = read_message(pb.EndOrderRequest, data)
    return EndOrder(text(request.order_id, "order_id", required=True), keyed_note_of(request))


def ended_order_response(done: Done[CourtOrder]) -> bytes:
    return pb.EndOrderResponse(order=_order(done.answer), facts_token=done.facts_token).SerializeToString()


def parse_list_overrides(data: bytes) -> ListOfRecord:
    request = read_message(pb.ListOverridesRequest, data)
    return ListOfRecord(text(request.record, "record"), earlier_page_of(request))


def overrides_response(listed: Listed[Override]) -> bytes:
    return pb.ListOverridesResponse(
        overrides=[_override(each) for each in listed.items], next_page_token=listed.next_page_token
    ).SerializeToString()


def parse_list_orders(data: bytes) -> ListOfRecord:
    request = read_message(pb.ListOrdersRequest, data)
    return ListOfRecord(text(request.record, "record"), earlier_page_of(request))


def orders_response(listed: Listed[CourtOrder]) -> bytes:
    return pb.ListOrdersResponse(
        orders=[_order(each) for each in listed.items], next_page_token=listed.next_page_token
    ).SerializeToString()


def parse_history(data: bytes) -> HistoryOf:
    request = read_message(pb.CaseworkServiceHistoryRequest, data)
    return history_of(request, {"override_id": Override, "order_id": CourtOrder})


def history_response(listed: Listed[Version[Override | CourtOrder]]) -> bytes:
    return pb.CaseworkServiceHistoryResponse(
        versions=[_version(version) for version in listed.items], next_page_token=listed.next_page_token
    ).SerializeToString()


def _version(version: Version[Override | CourtOrder]) -> pb.CaseworkServiceVersion:
    told = version_message(version)
    match version.fact:
        case Override():
            return pb.CaseworkServiceVersion(version=told, override=_override(version.fact))
        case CourtOrder():
            return pb.CaseworkServiceVersion(version=told, order=_order(version.fact))
        case None:
            return pb.CaseworkServiceVersion(version=told)


def _override(override: Override) -> pb.Override:
    """Without the minutes that were asked for: `ends_at` says when it ends."""
    return pb.Override(
        override_id=override.override_id,
        kind=override.kind,
        user=override.user,
        record=override.record,
        people=[f"person:{person}" for person in override.people],
        categories=override.categories,
        recipients=override.recipients,
        justification=override.reason,
        granted_at=override.granted_at.isoformat(),
        ends_at=override.ends_at.isoformat(),
        granted_by=override.granted_by,
    )


def _order(order: CourtOrder) -> pb.CourtOrder:
    return pb.CourtOrder(
        order_id=order.order_id,
        reference=order.reference,
        record=order.record,
        people=[f"person:{person}" for person in order.people],
        categories=order.categories,
        recipients=order.recipients,
        begins=order.begins_at.isoformat(),
        ends=order.ends_at.isoformat(),
        recorded_by=order.recorded_by,
    )
