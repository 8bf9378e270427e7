"""Kleene's three values."""

from __future__ import annotations

from enum import IntEnum


class Truth(IntEnum):
    """Kleene's three values, in their order: `AllOf` is the least of its parts, `AnyOf` the greatest."""

    FALSE = 0
    ERROR = 1
    TRUE = 2
