"""What is remembered of one revision, and what a view of an earlier one still sees of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Set
from dataclasses import dataclass

from policy_service.facts.keys import Key
from policy_service.facts.weight import weigh
from policy_service.model.facts import Fact, PersonId

Found = tuple[Fact, ...]

MOST_FULL = 1_000
"""Look-ups of which it is remembered that they find too much."""


@dataclass(slots=True)
class MemoryCounters:
    """Counted since the process began."""

    loads: int = 0
    """How often the store was asked for what was cold; calls that came together ask once."""
    loaded: int = 0
    """Look-ups that were read from the store, those read ahead among them."""
    changed: int = 0
    """Forgotten since a revision changed what they find."""
    evicted: int = 0
    """Forgotten to make room."""
    restarts: int = 0
    """How often all was forgotten: too much had changed."""


class Answers:
    """Look-ups and what they find, within `room` bytes. Event loop only.

    Two generations. What is loaded or found goes to the young one; when that has two thirds of the room it
    becomes the old one. A look-up that the old one answers moves to the young one. While the young one fills
    its second third of the room the old one is forgotten, two bytes for each that comes: so nothing is
    forgotten that was looked up since a third of the room was last filled, no look-up in the young one costs
    more than itself, and never is everything forgotten at once.
    """

    __slots__ = ("_bytes", "_counters", "_full", "_old", "_old_bytes", "_room", "people", "young")

    def __init__(self, room: int, counters: MemoryCounters) -> None:
        self._room = room
        self._counters = counters
        self.young: dict[Key, Found] = {}
        self._bytes = 0
        self._old: dict[Key, Found] = {}
        self._old_bytes = 0
        self._full: set[Key] = set()
        self.people: set[PersonId] = set()
        """Those about whom everything is here, so that nobody has to look: see `FactsView.prefetch_about`."""

    def __len__(self) -> int:
        return len(self.young) + len(self._old)

    def __contains__(self, key: object) -> bool:
        return key in self.young or key in self._old

    @property
    def bytes(self) -> int:
        return self._bytes + self._old_bytes

    def get(self, key: Key) -> Found | None:
        """What a look-up finds; None where it is not in memory."""
        found = self.young.get(key)
        if found is None:
            found = self._old.pop(key, None)
            if found is not None:
                self.young[key] = found
                weight = weigh(key, found)
                self._bytes += weight
                self._old_bytes -= weight
        return found

    def add(self, answers: Iterable[tuple[Key, Found, int]]) -> None:
        """Remember answers, each with its weight; what is here already is the same. Makes room for each as it
        comes, so that no number of them takes more than the room.
        """
        third = self._room // 3
        for key, found, weight in answers:
            if key in self:
                continue
            self.young[key] = found
            self._bytes += weight
            self._counters.loaded += 1
            if self._bytes > third:
                self._make_room(2 * weight)
            if self._bytes > 2 * third:
                self._make_room(self._old_bytes)
                self._old, self._old_bytes = self.young, self._bytes
                self.young, self._bytes = {}, 0

    def add_full(self, keys: Collection[Key]) -> None:
        """Remember that these look-ups find more facts than a decision may look at."""
        if len(self._full) + len(keys) > MOST_FULL:
            self._full.clear()
        self._full.update(keys)

    def is_full(self, key: Key) -> bool:
        """Tell whether a look-up that is not here finds more facts than a decision may look at."""
        return key in self._full

    def forget(self, keys: Set[Key]) -> dict[Key, Found]:
        """Forget what these keys find; gives what was forgotten, for those who still look at it."""
        gone: dict[Key, Found] = {}
        for key in self.young.keys() & keys:
            gone[key] = self.young.pop(key)
            self._bytes -= weigh(key, gone[key])
            self._no_longer_whole(key)
        for key in self._old.keys() & keys:
            gone[key] = self._old.pop(key)
            self._old_bytes -= weigh(key, gone[key])
            self._no_longer_whole(key)
        self._full -= keys
        self._counters.changed += len(gone)
        return gone

    def _make_room(self, wanted: int) -> None:
        """Forget at least so many bytes of the old generation, or all of it."""
        until = self._old_bytes - wanted
        while self._old and self._old_bytes > until:
            key, found = self._old.popitem()
            self._old_bytes -= weigh(key, found)
            self._no_longer_whole(key)
            self._counters.evicted += 1

    def _no_longer_whole(self, key: Key) -> None:
        if len(key) == 2:
            self.people.discard(PersonId(key[1]))


class Past:
    """What a view of an earlier revision sees: as `newer` does, but for the look-ups that the next revision
    `touched`. Of those it has what was remembered, `kept`, and finds the others cold, whatever is loaded now.
    """

    __slots__ = ("__weakref__", "kept", "newer", "touched")

    def __init__(self, touched: Set[Key], kept: dict[Key, Found], newer: Answers | Past) -> None:
        self.touched = touched
        self.kept = kept
        self.newer: Answers | Past | None = newer

    def get(self, key: Key) -> Found | None:
        layer: Answers | Past | None = self
        while isinstance(layer, Past):
            if key in layer.touched:
                return layer.kept.get(key)
            layer = layer.newer
        return None if layer is None else layer.get(key)

    def is_full(self, key: Key) -> bool:
        layer: Answers | Past | None = self
        while isinstance(layer, Past):
            if key in layer.touched:
                return False  # as far as anybody remembers
            layer = layer.newer
        return layer is not None and layer.is_full(key)

    def cut(self) -> None:
        """Too much has changed since: all is cold that was not kept."""
        self.newer = None
