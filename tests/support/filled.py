"""Messages with something in each field, as no service answers, but longer than a line wherever it can be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

WORDS: Final = (
    "some words that are longer than a line of a terminal is wide, for which the rest goes on below"
)
_DEEP: Final = 6


def fill(message: Message, known: Mapping[str, Any] = {}, path: str = "") -> Message:
    """Fill every field of `message`, two of what is repeated, but no token of a next page.

    `known`: by the path of names, what is to stand there.
    """
    for field in cast("Descriptor", message.DESCRIPTOR).fields:
        here = f"{path}.{field.name}".removeprefix(".")
        inner = field.message_type
        if field.name == "next_page_token" or (inner is not None and here.count(".") == _DEEP):
            continue
        if inner is not None and inner.GetOptions().map_entry:
            if inner.fields_by_name["value"].message_type is None:
                getattr(message, field.name)["key"] = _value(inner.fields_by_name["value"])
        elif inner is not None:
            _fill_messages(getattr(message, field.name), field, known, here)
        elif field.is_repeated:
            getattr(message, field.name).extend([known.get(here, _value(field))] * 2)
        else:
            setattr(message, field.name, known.get(here, _value(field)))
    return message


def _fill_messages(inside: Any, field: FieldDescriptor, known: Mapping[str, Any], here: str) -> None:
    for each in (inside.add(), inside.add()) if field.is_repeated else (inside,):
        if isinstance(each, Timestamp):
            each.seconds = 1_772_452_800
        else:
            each.SetInParent()
            fill(each, known, here)


def _value(field: FieldDescriptor) -> Any:
    if field.enum_type is not None:
        return field.enum_type.values[-1].number
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            return WORDS
        case FieldDescriptor.TYPE_BYTES:
            return b"\xab" * 32
        case FieldDescriptor.TYPE_BOOL:
            return True
        case FieldDescriptor.TYPE_DOUBLE | FieldDescriptor.TYPE_FLOAT:
            return 0.5
        case _:
            return 123_456
