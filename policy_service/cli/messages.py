"""Reading a message of the API out of YAML or JSON that a person wrote.

protobuf's own reader does it, but its errors repeat what stands in the file, addresses among it, and name a
place by everything around it. So what people get wrong is found here first, and told by its place alone.
"""

from __future__ import annotations

import re
from typing import Any, Final, TypeVar, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

M = TypeVar("M", bound=Message)

_AT: Final = re.compile(r' at "?([\w.\[\]]+?)"?\.*$')
_KEY: Final = re.compile(r"[A-Za-z]\w{0,39}")
"""What may be a mistyped key; anything else may be a value that slipped to where a key stands."""
_WHOLE: Final = re.compile(r"\d{1,9}")
_BASE64: Final = re.compile(r"(?:[\w+/-]{4})*(?:[\w+/-]{2,3})?={0,2}", re.ASCII)
_NUMBERS: Final = frozenset({FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_INT32})


class NoMessageError(Exception):
    """Why it is none, as a sentence that does not repeat it; `keys` tells what may stand there instead."""

    def __init__(self, why: str, keys: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.keys = keys


def message_of(found: dict[str, Any], message: M) -> M:
    """Fill `message` with a mapping, by the names of the proto or of JSON. Raises NoMessageError."""
    _look_at_mapping(found, cast("Descriptor", message.DESCRIPTOR), "")
    try:
        return ParseDict(found, message)
    except (ParseError, RecursionError) as error:
        at = _AT.search(str(error).partition("\n")[0])
        place = at.group(1).partition(".")[2] if at else ""
        raise NoMessageError(f"{_named(place)} cannot be read") from None


def keys_of(descriptor: Descriptor, place: str = "") -> str:
    """Tell what may stand at a place, in words."""
    return f"the keys {f'of `{place}` ' if place else ''}are {', '.join(descriptor.fields_by_name)}"


def _look_at_mapping(found: Any, descriptor: Descriptor, place: str) -> None:
    if not isinstance(found, dict):
        raise NoMessageError(f"{_named(place)} must be a mapping", keys_of(descriptor, place))
    seen: set[str] = set()
    fields = {name: field for field in descriptor.fields for name in (field.name, field.json_name)}
    for key, value in found.items():
        if key not in fields:
            told = f"no key `{key}`" if isinstance(key, str) and _KEY.fullmatch(key) else "a key that is none"
            raise NoMessageError(f"{_named(place)} has {told}", keys_of(descriptor, place))
        inner = f"{place}.{key}" if place else key
        if fields[key].name in seen:
            raise NoMessageError(f"`{inner}` stands twice, once by its other name")
        seen.add(fields[key].name)
        if value is not None:  # which protobuf takes for a field that is not there
            _look_at_field(value, fields[key], inner)


def _look_at_field(found: Any, field: FieldDescriptor, place: str) -> None:
    if not field.is_repeated:
        _look_at_one(found, field, place)
    elif isinstance(found, list):
        for number, each in enumerate(found):
            _look_at_one(each, field, f"{place}[{number}]")
    else:
        raise NoMessageError(f"`{place}` must be a list, even of one")


def _look_at_one(found: Any, field: FieldDescriptor, place: str) -> None:
    if field.message_type is not None:
        # Those of protobuf's own have a form of their own in JSON.
        if field.message_type.file.package != "google.protobuf":
            _look_at_mapping(found, field.message_type, place)
    elif field.enum_type is not None:
        words = [value.name for value in field.enum_type.values if value.number]
        if found not in words:
            raise NoMessageError(f"`{place}` must be one of {', '.join(words)}")
    elif field.type == FieldDescriptor.TYPE_BOOL:
        if not isinstance(found, bool):
            raise NoMessageError(f"`{place}` must be true or false, without quotes")
    elif field.type in _NUMBERS:
        if isinstance(found, bool) or not _WHOLE.fullmatch(str(found)):
            raise NoMessageError(f"`{place}` must be a whole number")
    elif field.type == FieldDescriptor.TYPE_BYTES:
        if not isinstance(found, str) or not _BASE64.fullmatch(found):
            raise NoMessageError(f"`{place}` must be bytes in base64")
    elif not isinstance(found, str):
        raise NoMessageError(f"`{place}` must be a text; a number needs quotes")


def _named(place: str) -> str:
    return f"`{place}`" if place else "the top"
