"""One evaluation at work: what it has looked at, in order, and what it has found out."""

from __future__ import annotations

from typing import Any

from policy_service.engine.truth import Truth
from policy_service.model.attributes import Attributes


class Looks(dict[str, Any]):
    """The attributes that an evaluation has looked at, each once, in the order of the first look.

    Equal attributes make equal looks: the order depends on nothing but the plan and the values seen so far.
    """

    __slots__ = ("_attributes", "truths")

    def __init__(self, attributes: Attributes) -> None:
        super().__init__()
        self._attributes = attributes
        self.truths: dict[int, Truth] = {}
        """Of the conditions that several policies share, by number."""

    def __missing__(self, path: str) -> Any:
        value = self[path] = self._attributes[path]
        return value
