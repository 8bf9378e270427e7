"""Views on top of another: one that finds out what else will be asked for, one that notes what was, and one
that is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from policy_service.facts.keys import Key
from policy_service.facts.reader import MOST_FACTS
from policy_service.facts.view import ColdFacts, FactsView, TooManyFacts
from policy_service.model.facts import PersonId


class SeekingView(FactsView):
    """Answers "nothing is on file" for what is cold, and notes it: whoever goes on with that finds out, in
    one pass, everything that can be asked for before more is known.

    What comes of it is wrong wherever `missing` is not empty, and must be thrown away.
    """

    __slots__ = ("_base", "missing")

    def __init__(self, base: FactsView) -> None:
        # `derived` is its own: what follows from nothing on file follows for nobody else.
        super().__init__(base.revision, {})
        self._base = base
        self.missing: set[Key] = set()
        """The look-ups that were cold."""

    def prefetch(self, *wanted: Key) -> None:
        try:
            self._base.prefetch(*wanted)
        except ColdFacts as cold:
            self.missing |= cold.keys

    def prefetch_about(self, people: Iterable[PersonId]) -> None:
        try:
            self._base.prefetch_about(people)
        except ColdFacts as cold:
            self.missing |= cold.keys

    def _all(self, key: Key) -> tuple[Any, ...]:
        try:
            return self._base._all(key)
        except ColdFacts as cold:
            self.missing |= cold.keys
            return ()

    def _one(self, key: Key) -> Any | None:
        found = self._all(key)
        return found[0] if found else None


class NotingView(FactsView):
    """Shows what its base shows, and notes every look-up: what is made from it rests on these and on no other
    fact, so that it holds as long as they find the same (`FactsMemory.still_holds`).
    """

    __slots__ = ("_base", "noted")

    def __init__(self, base: FactsView) -> None:
        super().__init__(base.revision, {})
        self.derived = base.derived
        self._base = base
        self.noted: set[Key] = set()

    def prefetch(self, *wanted: Key) -> None:
        self._base.prefetch(*wanted)

    def prefetch_about(self, people: Iterable[PersonId]) -> None:
        self._base.prefetch_about(people)

    def _all(self, key: Key) -> tuple[Any, ...]:
        self.noted.add(key)
        return self._base._all(key)

    def _one(self, key: Key) -> Any | None:
        self.noted.add(key)
        return self._base._one(key)


class BoundedView(FactsView):
    """Shows what a decision may look at of a view that shows all: as a worker's memory does."""

    __slots__ = ("_base", "_most")

    def __init__(self, base: FactsView, most: int = MOST_FACTS) -> None:
        super().__init__(base.revision, {})
        self.derived = base.derived
        self._base = base
        self._most = most

    def prefetch(self, *wanted: Key) -> None:
        self._base.prefetch(*wanted)

    def prefetch_about(self, people: Iterable[PersonId]) -> None:
        self._base.prefetch_about(people)

    def _all(self, key: Key) -> tuple[Any, ...]:
        found = self._base._all(key)
        if len(found) > self._most:
            raise TooManyFacts
        return found

    def _one(self, key: Key) -> Any | None:
        found = self._all(key)
        return found[0] if found else None
