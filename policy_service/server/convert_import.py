"""The two Imports: their messages → items for the use cases, and what came of them → messages.

What the edge finds in one item is that item's alone, and told in its place; a message that cannot be read, or
has too many items, is refused as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from google.protobuf.message import Message

from policy_service.api.v1 import import_pb2, people_pb2, record_pb2
from policy_service.model.errors import InvalidArgumentError
from policy_service.server.bounds import count, read_message
from policy_service.server.convert_people import contact_point_asked, person_asked, relationship_asked
from policy_service.server.convert_records import record_asked
from policy_service.server.convert_writes import note_of
from policy_service.server.errors import Refusal
from policy_service.server.handlers import Several
from policy_service.service.asking import Done
from policy_service.service.importing import Import, Imported, within
from policy_service.service.people import ImportItem, ImportPerson
from policy_service.service.people_asked import PutContactPoint

MAX_ITEMS: Final = 1_000
"""Of one message, which has a mebibyte at most (`limits`)."""
MAX_CONTACT_POINTS: Final = 64
"""Of one person."""
MOST_IMPORTS: Final = 8
"""Streams in one process; no caller has more than a quarter. Each waits its turn with all other writes."""
MAX_UNANSWERED: Final = 2
"""One is written while the next is read: more would only wait."""

Item = TypeVar("Item", bound=Message)


def open_message(data: bytes) -> Sequence[bytes]:
    return (data,)


def close_message(outcomes: Sequence[bytes | Refusal]) -> bytes:
    (outcome,) = outcomes
    if isinstance(outcome, Refusal):
        raise TypeError("a message that is refused ends its stream")
    return outcome


STREAM: Final = Several(
    streamed=True,
    open=open_message,
    close=close_message,
    unanswered=MAX_UNANSWERED,
    most=MOST_IMPORTS,
    ends_at_refusal=True,
)


def parse_people(data: bytes) -> Import:
    request = read_message(people_pb2.PeopleServiceImportRequest, data)
    return Import(_bounded(request.items, "items"), note_of(request), _people_item)


def people_response(done: Done[Imported]) -> bytes:
    return people_pb2.PeopleServiceImportResponse(imported=_imported(done)).SerializeToString()


def parse_records(data: bytes) -> Import:
    request = read_message(record_pb2.RecordServiceImportRequest, data)
    return Import(_bounded(request.records, "records"), note_of(request), record_asked)


def records_response(done: Done[Imported]) -> bytes:
    return record_pb2.RecordServiceImportResponse(imported=_imported(done)).SerializeToString()


def _bounded(messages: Sequence[Item], field: str) -> Sequence[Item]:
    """As they came: each is read when it is its turn."""
    if not messages:
        raise InvalidArgumentError(field, "REQUIRED", f"`{field}` must not be empty")
    count(messages, field, MAX_ITEMS)
    return messages


def _people_item(item: people_pb2.PeopleItem) -> ImportItem:
    kind = item.WhichOneof("item")
    if item.contact_points and kind != "person":
        raise InvalidArgumentError(
            "contact_points", "ONLY_FOR_PEOPLE", "`contact_points` go with a `person` alone"
        )
    match kind:
        case "person":
            person = person_asked(item.person)
            if not item.contact_points:
                return person
            count(item.contact_points, "contact_points", MAX_CONTACT_POINTS)
            points = (_point(point, i) for i, point in enumerate(item.contact_points))
            return ImportPerson(person, tuple(points))
        case "relationship":
            return relationship_asked(item.relationship)
        case "contact_point":
            return contact_point_asked(item.contact_point)
        case _:
            raise InvalidArgumentError(
                "item", "REQUIRED", "an item says a person, a relationship or a contact point"
            )


def _point(point: people_pb2.ContactPoint, i: int) -> PutContactPoint:
    place = f"contact_points[{i}]"
    if point.owner:
        raise InvalidArgumentError(
            f"{place}.owner", "OWNER_GIVEN", f"`{place}.owner` stays empty: it is the person of the item"
        )
    try:
        return contact_point_asked(point)
    except InvalidArgumentError as error:
        raise within("contact_point", place, error) from None


def _imported(done: Done[Imported]) -> import_pb2.Imported:
    return import_pb2.Imported(
        written=done.answer.written,
        unchanged=done.answer.unchanged,
        refused=[
            import_pb2.RefusedItem(
                index=each.index, field=each.field, reason=each.reason, message=each.message
            )
            for each in done.answer.refused
        ],
        facts_token=done.facts_token,
    )
