"""Collecting what is wrong with one document, so that its writer can mend it in one go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from policy_service.engine.errors import PolicyDocumentError

MOST_FAULTS: Final = 100
"""Of one document; once so many are found, the last of them says that the rest was not looked at."""

_NOT_ALL = "there is more: mend these first, the rest of the file was not looked at"


class Faults:
    """What was found so far. Whoever makes one calls `settle` before he goes on with what he checked."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: list[PolicyDocumentError] = []

    def note(self, error: PolicyDocumentError) -> None:
        """Keep what is wrong and go on; raises once there is too much of it."""
        self._found.extend(error.problems)
        if len(self._found) >= MOST_FAULTS:
            self.settle()

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Keep what the block raises, and go on after it."""
        try:
            yield
        except PolicyDocumentError as error:
            self.note(error)

    def settle(self) -> None:
        """Raise all that was found as one error, in the order of its lines."""
        if self._found:
            first, *others = sorted(self._found, key=lambda error: error.line)[:MOST_FAULTS]
            if len(others) == MOST_FAULTS - 1:
                others[-1] = PolicyDocumentError(first.file, others[-1].line, _NOT_ALL)
            raise PolicyDocumentError(first.file, first.line, first.text, tuple(others)) from None
