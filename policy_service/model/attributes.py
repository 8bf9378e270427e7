"""What one question is about, as values by path: the facts layer gives them, policies look at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

Value = str | bool | int | float | tuple[str, ...]
"""A value of an attribute."""


@dataclass(frozen=True, slots=True)
class AttributeValue:
    """The value of an attribute that a policy set declares of users or of records, by its name."""

    name: str
    value: Value


class Attributes(dict[str, Any]):
    """Values by catalogue path, e.g. `context.recipient.adverse`. A path without a value gives None: missing.

    A subclass may make values when they are first looked at, so look at one path at a time; `whole` gives
    them all.
    """

    __slots__ = ()

    def __missing__(self, path: str) -> Value | None:
        return None

    def but(self, changes: Mapping[str, Any]) -> Self:
        """The same attributes, except for `changes`."""
        other = type(self)(self)
        other.update(changes)
        return other

    def whole(self) -> dict[str, Any]:
        """All of them; None where one is missing."""
        return dict(self)
