"""What the messages of several services share: the note of a write, pages, field types, moments."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from google.protobuf.timestamp_pb2 import Timestamp

from policy_service.api.v1 import record_pb2
from policy_service.model.facts import FieldType, PartType
from policy_service.server.bounds import count, text, texts
from policy_service.service.asking import Note
from policy_service.service.notes import MAX_IDEMPOTENCY_KEY, MAX_REASON
from policy_service.service.pages import PageAsked
from policy_service.service.record_types import MOST_FIELDS, MOST_PARTS

MAX_CATEGORIES = 64
MAX_ABOUT = 32


class Reasoned(Protocol):
    """A message that writes."""

    reason: str

    def SerializeToString(self, *, deterministic: bool = ...) -> bytes: ...  # noqa: N802 - protobuf's name


class Keyed(Reasoned, Protocol):
    """A message that writes, and may be sent again under its key."""

    idempotency_key: str


class Paged(Protocol):
    page_size: int
    page_token: str


def note_of(request: Reasoned) -> Note:
    """The note of a write that cannot be asked again."""
    return Note(reason=text(request.reason, "reason", limit=MAX_REASON))


def keyed_note_of(request: Keyed) -> Note:
    """The note of a write. Its body is the whole message, its fields in the order that serialising gives."""
    key = text(request.idempotency_key, "idempotency_key", limit=MAX_IDEMPOTENCY_KEY)
    return Note(
        reason=text(request.reason, "reason", limit=MAX_REASON),
        idempotency_key=key,
        body=request.SerializeToString(deterministic=True) if key else b"",
    )


def page_of(request: Paged) -> PageAsked:
    return PageAsked(request.page_size, text(request.page_token, "page_token", limit=512))


def field_types(messages: Iterable[record_pb2.FieldType], field: str) -> tuple[FieldType, ...]:
    """Field types as they were sent; what they say is checked by the use case."""
    given = list(messages)
    count(given, field, MOST_FIELDS)
    return tuple(
        FieldType(
            name=text(message.name, f"{field}[{i}].name", required=True),
            categories=texts(message.categories, f"{field}[{i}].categories", most=MAX_CATEGORIES),
            about=texts(message.about, f"{field}[{i}].about", most=MAX_ABOUT),
            parts=part_types(message.parts, f"{field}[{i}].parts"),
            premises=message.premises,
            mask=text(message.mask, f"{field}[{i}].mask"),
        )
        for i, message in enumerate(given)
    )


def part_types(messages: Iterable[record_pb2.Part], field: str) -> tuple[PartType, ...]:
    """A document's parts as they were sent, as `field_types`."""
    given = list(messages)
    count(given, field, MOST_PARTS)
    return tuple(
        PartType(
            name=text(message.name, f"{field}[{i}].name", required=True),
            categories=texts(message.categories, f"{field}[{i}].categories", most=MAX_CATEGORIES),
            about=texts(message.about, f"{field}[{i}].about", most=MAX_ABOUT),
            separable=message.separable,
        )
        for i, message in enumerate(given)
    )


def field_messages(fields: Iterable[FieldType]) -> list[record_pb2.FieldType]:
    return [
        record_pb2.FieldType(
            name=field.name,
            categories=field.categories,
            about=field.about,
            parts=part_messages(field.parts),
            premises=field.premises,
            mask=field.mask,
        )
        for field in fields
    ]


def part_messages(parts: Iterable[PartType]) -> list[record_pb2.Part]:
    return [
        record_pb2.Part(
            name=part.name, categories=part.categories, about=part.about, separable=part.separable
        )
        for part in parts
    ]


def timestamp(moment: datetime | None) -> Timestamp | None:
    """An aware moment as a protobuf Timestamp; None stays unset."""
    if moment is None:
        return None
    message = Timestamp()
    message.FromDatetime(moment)
    return message
