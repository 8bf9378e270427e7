"""Names, references and categories as managers may write them. Each failure names the field and a stable
reason, never the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from types import TracebackType

from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import Controller
from policy_service.model.spelling import perhaps, spelt
from policy_service.model.vocabulary import CATEGORIES, is_category

_CONTROLLER = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_LONGEST_WORD = 64
"""Whatever is longer is near to no word."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def controller_named(name: str, field: str) -> Controller:
    """An organisation's name as it may be written."""
    if not _CONTROLLER.fullmatch(name):
        raise InvalidArgumentError(
            field, "BAD_NAME", f"`{field}` is not a name of up to 64 lower-case letters, digits and `._-`"
        )
    return Controller(name)


def is_name(name: str) -> bool:
    """Tell whether it is a name as organisations give them."""
    return _NAME.fullmatch(name) is not None


def checked_name(name: str, field: str) -> str:
    """A name that the organisation gives: of a system, a record type, a field, a party's key."""
    if not name:
        raise InvalidArgumentError(field, "REQUIRED", f"`{field}` must not be empty")
    if not is_name(name):
        raise InvalidArgumentError(
            field, "BAD_NAME", f"`{field}` is not a name of up to 128 letters, digits and `._-`"
        )
    return name


def checked_key(name: str, field: str) -> str:
    """As `checked_name`, of what calls to Check name as well: a field, a part, a party's key. It begins with
    a letter, or no call could name it.
    """
    checked_name(name, field)
    if name[0].isdigit():
        raise InvalidArgumentError(field, "BAD_NAME", f"`{field}` does not begin with a letter")
    return name


def checked_reference(reference: str, field: str) -> str:
    """A reference of the organisation's choice: anything that prints, without blanks round it."""
    if not reference:
        raise InvalidArgumentError(field, "REQUIRED", f"`{field}` must not be empty")
    if reference != reference.strip():
        raise InvalidArgumentError(field, "BAD_REFERENCE", f"`{field}` begins or ends with a blank")
    return reference


def is_id(text: str) -> bool:
    """Tell whether it is shaped like an id of a fact or of a log entry, which is a UUID."""
    return _UUID.fullmatch(text) is not None


def checked_id(text: str, field: str) -> str:
    """An id of a fact or of a log entry."""
    if not is_id(text):
        raise InvalidArgumentError(field, "BAD_ID", f"`{field}` is not an id that this service gave")
    return text


def required(values: Sequence[object], field: str) -> None:
    """Refuse an empty list where it would not mean everything."""
    if not values:
        raise InvalidArgumentError(field, "REQUIRED", f"`{field}` must not be empty")


def no_repeats(values: Iterable[str], field: str) -> None:
    """Refuse a list in which a value stands twice: one of the two was meant to be another."""
    seen: set[str] = set()
    for i, value in enumerate(values):
        if value in seen:
            raise InvalidArgumentError(f"{field}[{i}]", "REPEATED", f"`{field}[{i}]` stands there twice")
        seen.add(value)


def checked_categories(values: Sequence[str], field: str) -> tuple[str, ...]:
    """Field categories: each is known, none stands there twice."""
    for i, value in enumerate(values):
        if not is_category(value):
            raise InvalidArgumentError(
                f"{field}[{i}]",
                "UNKNOWN_CATEGORY",
                f"`{field}[{i}]` is not a field category{perhaps(value, sorted(CATEGORIES))}",
            )
    no_repeats(values, field)
    return tuple(values)


def unknown_word(field: str, given: str, known: Iterable[str]) -> InvalidArgumentError:
    """The refusal of a word that is not of a closed vocabulary: with the one that is likely meant, which is
    the vocabulary's own and not the caller's, or with all of them.
    """
    words = sorted(word for word in known if word)
    near = "" if len(given) > _LONGEST_WORD else perhaps(given.lower().replace("-", "_"), words)
    return InvalidArgumentError(
        field,
        "UNKNOWN_WORD",
        f"`{field}` is not a word that is known here{near or f'; known are {spelt(words)}'}",
    )


class at_field:  # noqa: N801 - read as a verb; a class, since an import enters it nine times a person
    """Name the field of what is refused inside, by something that does not know where it stood."""

    __slots__ = ("_field",)

    def __init__(self, field: str) -> None:
        self._field = field

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, InvalidArgumentError):
            raise InvalidArgumentError(self._field, error.reason, error.message) from None
