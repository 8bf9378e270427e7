"""Attributes of a question, each made when somebody first looks at it.

Most policies are decided by the first few things that they look at, so most of what could be said of a
question is never asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, Self, TypeVar

from policy_service.model.attributes import Attributes, Value

Asked = TypeVar("Asked")

Makers = Mapping[str, Callable[[Asked], Value | None]]
"""How the value at each path is made from what is asked; None: missing."""

NOTHING_WIDER: Final = Attributes()


class Making(Attributes, Generic[Asked]):
    """The attributes of `asked`, and behind them those of something `wider`, such as the call that asks."""

    __slots__ = ("_makers", "_wider", "asked")

    def __init__(self, asked: Asked, makers: Makers[Asked], wider: Attributes = NOTHING_WIDER) -> None:
        super().__init__()
        self.asked: Final = asked
        self._makers = makers
        self._wider = wider

    def __missing__(self, path: str) -> Value | None:
        make = self._makers.get(path)
        value: Value | None = self._wider[path] if make is None else make(self.asked)
        self[path] = value
        return value

    @classmethod
    def within(cls, asked: Asked, makers: Makers[Asked], wider: Attributes) -> Self:
        """Begin with what is known of `wider` already; `makers` has none of its paths."""
        made = cls(asked, makers, wider)
        made.update(wider)
        return made

    def but(self, changes: Mapping[str, Any]) -> Self:
        other = type(self)(self.asked, self._makers, self._wider)
        other.update(self)
        other.update(changes)
        return other

    def whole(self) -> dict[str, Any]:
        made = {path: self[path] for path in self._makers}
        return self._wider.whole() | made | dict(self)
