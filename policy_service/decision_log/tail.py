"""The log as it grows: each stream forwards from a place, a bounded piece at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from policy_service.decision_log.blocks import BLOCK, Blocks
from policy_service.decision_log.entry import StoredEntry, StreamId
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.sought import Sought

AT_ONCE = 256
"""Entries of a stream that one step reads."""
MOST_BYTES = 2 << 20
"""Of entries that one step finds, and one more: gRPC clients take 4 MiB."""


class Sizes:
    """How far the streams are, read once for everybody who asks within `seconds`. Threads may share it."""

    def __init__(
        self, reader: LogReader, *, seconds: float = 0.25, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._reader = reader
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[StreamId, int] = {}
        self._read_at = float("-inf")

    def lately(self) -> Mapping[StreamId, int]:
        """Raises `LogUnavailable`."""
        with self._lock:
            if self._clock() - self._read_at > self._seconds:
                self._known = self.now()
                self._read_at = self._clock()
            return self._known

    def now(self) -> dict[StreamId, int]:
        """Raises `LogUnavailable`."""
        return {head.stream_id: head.size for head in self._reader.streams()}


@dataclass(frozen=True, slots=True)
class Step:
    found: tuple[StoredEntry, ...]
    moved: bool
    """Whether there was anything to look at."""


class LogTail:
    """One reader's way through the streams. Blocking; one thread at a time."""

    def __init__(
        self,
        reader: LogReader,
        blocks: Blocks,
        sizes: Sizes,
        sought: Sought,
        places: Mapping[StreamId, int],
    ) -> None:
        """A stream that `places` does not name is read from its beginning: it is new."""
        self._reader = reader
        self._blocks = blocks
        self._sizes = sizes
        self._sought = sought
        self.places = dict(places)
        """The index from which each stream is still to be read."""

    def step(self) -> Step:
        """What comes next, each stream in its order. Raises `LogUnavailable`; then nothing has moved on."""
        places, found = dict(self.places), list[StoredEntry]()
        for stream, size in self._sizes.lately().items():
            places[stream] = self._read_on(stream, places.get(stream, 0), size, found)
        moved = places != self.places
        self.places = places
        return Step(tuple(found), moved)

    def _read_on(self, stream: StreamId, place: int, size: int, found: list[StoredEntry]) -> int:
        """Add what is found; returns the place to go on from."""
        weight = sum(len(entry.data) for entry in found)
        if place >= size or weight >= MOST_BYTES:
            return place
        block = place // BLOCK
        end = min((block + 1) * BLOCK, place + AT_ONCE, size)
        if not self._blocks.may_hold(self._sought, stream, block, size=size, down=False):
            return min((block + 1) * BLOCK, size)
        for entry in self._reader.entries(stream, place, end - place):
            if entry.index >= end:  # one was removed
                break
            if weight >= MOST_BYTES:
                return entry.index
            if self._sought.lets_through(entry):
                found.append(entry)
                weight += len(entry.data)
        return end
