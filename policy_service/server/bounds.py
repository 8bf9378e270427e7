"""Bounds of what a message may hold, shared by every conversion.

Each failure is an `InvalidArgumentError` with the field's path and a stable reason, never the value.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from policy_service.model.errors import InvalidArgumentError
from policy_service.service.words import unknown_word

MAX_ID = 256
"""Characters of an id, a reference, a key or a word."""
MAX_TEXT = 1_024
"""Characters of a text that a person wrote: a reason, an address."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,127}")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_REFUSED_IN_REFERENCES = _REFUSED_CATEGORIES | {"Cf"}
_LINE_BREAKS = frozenset("\n\r\t")

M = TypeVar("M", bound=Message)
Word = TypeVar("Word", bound=StrEnum)


def read_message(message_type: type[M], data: bytes, name: str = "") -> M:
    """Read a message. Cut off, nested too deep and invalid UTF-8 are all `UNREADABLE_MESSAGE`.

    One with fields that this version does not know is refused whole (`UNKNOWN_FIELDS`): what a newer caller
    restricts by one would be passed over, in a question as in a privacy request that is put on file. `name`
    is what a refusal calls the message; by default its type's.
    """
    name = name or message_type.DESCRIPTOR.name
    try:
        message = message_type.FromString(data)
    except (DecodeError, RecursionError) as error:
        raise InvalidArgumentError(
            "", "UNREADABLE_MESSAGE", f"the message cannot be read as `{name}`"
        ) from error
    _check_whole(message, name)
    return message


def _check_whole(message: Message, name: str) -> None:
    size = message.ByteSize()
    message.DiscardUnknownFields()
    if message.ByteSize() != size:
        raise InvalidArgumentError(
            "",
            "UNKNOWN_FIELDS",
            f"the message has fields that this version of `{name}` does not know",
        )


def reference(value: str, field: str, *, required: bool = False) -> str:
    """Check a reference of the organisation's: as `text`, and without blanks round it."""
    if value != value.strip():
        raise InvalidArgumentError(field, "BAD_REFERENCE", f"`{field}` begins or ends with a blank")
    return text(value, field, required=required)


def name(value: str, field: str, *, required: bool = False) -> str:
    """Check a name that is local to a call or a record type (a key, a field): letters, digits and `._-`,
    beginning with a letter. So no address and no number can stand there, and get into the log.
    """
    text(value, field, required=required)
    if value and not _NAME.fullmatch(value):
        raise InvalidArgumentError(
            field,
            "BAD_NAME",
            f"`{field}` is not a name of letters, digits and `._-` that begins with a letter",
        )
    return value


def text(value: str, field: str, *, limit: int = MAX_ID, required: bool = False, lines: bool = False) -> str:
    """Check a string: that it is there, its length in characters, and that it has no control characters.

    `lines`: line breaks and tabs may stand in it. A character that is not seen (a joiner, a mark of
    direction) may stand in what a person wrote, and in no reference: two that look alike would be two.
    """
    if not value:
        if required:
            raise InvalidArgumentError(field, "REQUIRED", f"`{field}` must not be empty")
        return value
    if len(value) > limit:
        raise InvalidArgumentError(field, "TOO_LONG", f"`{field}` is longer than {limit} characters")
    if value.isprintable():
        return value
    refused = _REFUSED_CATEGORIES if limit > MAX_ID else _REFUSED_IN_REFERENCES
    if any(unicodedata.category(c) in refused and not (lines and c in _LINE_BREAKS) for c in value):
        raise InvalidArgumentError(field, "CONTROL_CHARACTER", f"`{field}` holds a control character")
    return value


def texts(values: Sequence[str], field: str, *, most: int = 64, limit: int = MAX_ID) -> tuple[str, ...]:
    """Check a list of strings; an empty one in it is refused."""
    if not values:
        return ()
    count(values, field, most)
    given = tuple(values)
    for i, value in enumerate(given):
        # Most are in order, and need no name of their place.
        if not (0 < len(value) <= limit and value.isprintable()):
            text(value, f"{field}[{i}]", limit=limit, required=True)
    return given


def count(values: Sequence[object], field: str, most: int) -> None:
    """Refuse a list that is longer than `most`."""
    if len(values) > most:
        raise InvalidArgumentError(field, "TOO_MANY", f"`{field}` has more than {most} entries")


def word(vocabulary: type[Word], value: str, field: str) -> Word:
    """Find a word of a closed vocabulary."""
    try:
        return vocabulary(value)
    except ValueError:
        raise unknown_word(field, value, vocabulary) from None


def words(vocabulary: type[Word], values: Sequence[str], field: str) -> tuple[Word, ...]:
    """Find each word of a list."""
    if not values:
        return ()
    count(values, field, len(vocabulary))
    return tuple(word(vocabulary, value, f"{field}[{i}]") for i, value in enumerate(values))


def iso_date(value: str, field: str) -> date:
    """Read `YYYY-MM-DD` and no other form of ISO 8601."""
    if _ISO_DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise InvalidArgumentError(field, "BAD_DATE", f"`{field}` is not a date like 2016-05-04")


def identifier(value: str, field: str) -> str:
    """Check an identifier of a person: `scheme:value`, neither empty."""
    text(value, field, required=True)
    scheme, _, rest = value.partition(":")
    if not scheme or not rest:
        raise InvalidArgumentError(field, "BAD_IDENTIFIER", f"`{field}` is not of the form scheme:value")
    return value


def unique(values: Iterable[object], field: str, key: str) -> None:
    """Refuse a list in which a key stands twice."""
    seen: set[object] = set()
    for i, value in enumerate(values):
        if value in seen:
            raise InvalidArgumentError(
                f"{field}[{i}].{key}", "REPEATED_KEY", f"`{field}[{i}].{key}` stands there twice"
            )
        seen.add(value)
