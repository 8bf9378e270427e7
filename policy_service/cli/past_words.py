"""What a version was, in the words that everything else shows: for telling one version from the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from policy_service.cli.render import moment, moment_of


def flat(version: object) -> dict[str, str | list[str]]:
    """What it was, by path: texts, and for a list the texts of what is in it."""
    if not isinstance(version, Message):
        raise TypeError("a version is a message")
    found: dict[str, str | list[str]] = {}
    for field, value in version.ListFields():
        if field.name == "version":
            continue
        # `request: {...}` is what the history is of; its own fields are named as they are.
        inside = isinstance(value, Message) and not isinstance(value, Timestamp)
        found.update(_flattened(value, "") if inside else _of_field(field, value, ""))
    return found


def _flattened(message: Message, beginning: str) -> Iterator[tuple[str, str | list[str]]]:
    for field, value in message.ListFields():
        yield from _of_field(field, value, beginning)


def _of_field(field: Any, value: Any, beginning: str) -> Iterator[tuple[str, str | list[str]]]:
    name = f"{beginning}{field.name.replace('_', ' ')}"
    if _is_map(field):
        yield from ((f"{name}, {key}", text_of(field, value[key])) for key in sorted(value))
    elif field.is_repeated:
        yield name, [text_of(field, each) for each in value]
    elif isinstance(value, Message) and not isinstance(value, Timestamp):
        yield from _flattened(value, f"{name}, ")
    else:
        yield name, text_of(field, value)


def text_of(field: Any, value: Any) -> str:
    """One value, as `show` and `list` say such a value."""
    match value:
        case Timestamp():
            return moment(value)
        case Message():
            return ", ".join(_named(inner, each) for inner, each in value.ListFields())
        case bool():
            return "yes" if value else "no"
        case bytes():
            return value.hex()
        case float():
            return f"{value:g}"
        case str():
            return moment_of(value)
        case int() if field.enum_type is not None:
            known = field.enum_type.values_by_number.get(value)
            return _word_of_enum(field.enum_type.name, known.name) if known else f"unknown ({value})"
        case _:
            return f"{value:,}"


def _named(field: Any, value: Any) -> str:
    if _is_map(field):
        return " ".join(f"{key}={value[key]}" for key in sorted(value))
    if field.is_repeated:
        return f"{field.name}={' '.join(text_of(field, each) for each in value)}"
    return f"{field.name}={text_of(field, value)}"


def _is_map(field: Any) -> bool:
    return bool(field.type == FieldDescriptor.TYPE_MESSAGE and field.message_type.GetOptions().map_entry)


def _word_of_enum(kind: str, name: str) -> str:
    """`EFFECT_PERMIT` of `Effect` is `permit`."""
    prefix = "".join(f"_{c}" if c.isupper() else c for c in kind).upper().lstrip("_")
    return name.removeprefix(f"{prefix}_").lower().replace("_", " ")
