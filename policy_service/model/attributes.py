"""What one question is about, as values by path: the facts layer gives them, policies look at them."""

from __future__ import annotations

from typing import Any

Value = str | bool | int | float | tuple[str, ...]
"""A value of an attribute."""


class Attributes(dict[str, Any]):
    """Values by catalogue path, e.g. `context.recipient.adverse`. A path without a value gives None: missing.

    A subclass may make values when they are first looked at.
    """

    __slots__ = ()

    def __missing__(self, path: str) -> Value | None:
        return None
