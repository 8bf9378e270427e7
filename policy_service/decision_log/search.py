"""Search over what is there: all streams backwards, merged by time, a bounded piece at a time.

Invariants:
- ONE SNAPSHOT: a search begins at the sizes that the streams have then; what is appended while it goes on is
  not part of it, and so is neither lost nor doubled between its pages.
- EACH PAGE GETS ON: it looks at one entry at least, or passes over one block, however slow the store is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from policy_service.decision_log.blocks import BLOCK, Blocks
from policy_service.decision_log.entry import StoredEntry, StreamId
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.sought import Sought

FIRST = 32
"""Entries that are read of a stream at first: a page may be small. Then twice as many each time."""


@dataclass(frozen=True, slots=True)
class SearchBounds:
    """What one page may cost."""

    entries: int = 20_000
    """That are looked at."""
    seconds: float = 2.0
    bytes: int = 2 << 20
    """Of entries that are found, and one more: gRPC clients take 4 MiB."""


@dataclass(frozen=True, slots=True)
class LogPage:
    """`places`: below which index of which stream the next page goes on; empty: everything was looked at."""

    found: tuple[StoredEntry, ...]
    places: Mapping[StreamId, int]


class LogSearch:
    """Blocking; threads may share it."""

    def __init__(
        self,
        reader: LogReader,
        blocks: Blocks,
        *,
        bounds: SearchBounds | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reader = reader
        self._blocks = blocks
        self._bounds = bounds or SearchBounds()
        self._clock = clock

    def page(self, sought: Sought, size: int, places: Mapping[StreamId, int] | None = None) -> LogPage:
        """At most `size` entries, newest first, from `places` on; None: from the ends of all streams.

        Raises `LogUnavailable`.
        """
        heads = {head.stream_id: head.size for head in self._reader.streams()}
        begin = heads if places is None else places
        cursors = [
            _Backwards(self._reader, self._blocks, sought, stream, min(place, heads[stream]), heads[stream])
            for stream, place in begin.items()
            if stream in heads
        ]
        found = self._look(cursors, sought, size)
        found.sort(key=_moment, reverse=True)
        left = {cursor.stream: cursor.place for cursor in cursors if cursor.place}
        return LogPage(tuple(found), left)

    def _look(self, cursors: list[_Backwards], sought: Sought, size: int) -> list[StoredEntry]:
        bounds, until = self._bounds, self._clock() + self._bounds.seconds
        begun = sum(cursor.place for cursor in cursors)
        found: list[StoredEntry] = []
        looked_at = weight = 0
        while len(found) < size and looked_at < bounds.entries and weight < bounds.bytes:
            for cursor in cursors:
                while cursor.is_empty and cursor.place:
                    if self._clock() > until and sum(each.place for each in cursors) < begun:
                        return found
                    cursor.fill()
            ready = [each for each in cursors if not each.is_empty]
            if not ready or (looked_at and self._clock() > until):
                return found
            entry = max(ready, key=lambda each: _moment(each.newest)).take()
            looked_at += 1
            if sought.lets_through(entry):
                found.append(entry)
                weight += len(entry.data)
        return found


class _Backwards:
    """A stream from an index down to its beginning. Everything from `place` on has been looked at."""

    def __init__(
        self, reader: LogReader, blocks: Blocks, sought: Sought, stream: StreamId, place: int, size: int
    ) -> None:
        self._reader = reader
        self._blocks = blocks
        self._sought = sought
        self._size = size
        self._read: list[StoredEntry] = []
        self._from = place
        self._at_once = FIRST
        self.stream = stream
        self.place = place

    @property
    def is_empty(self) -> bool:
        return not self._read

    @property
    def newest(self) -> StoredEntry:
        return self._read[-1]

    def fill(self) -> None:
        """Read some of what is below `place` in its block, or pass over the block."""
        block = (self.place - 1) // BLOCK
        self._from = block * BLOCK
        if self._blocks.may_hold(self._sought, self.stream, block, size=self._size, down=True):
            self._from = max(self._from, self.place - self._at_once)
            self._at_once = min(2 * self._at_once, BLOCK)
            read = self._reader.entries(self.stream, self._from, self.place - self._from)
            # Where an entry was removed, so many reach further.
            self._read = [entry for entry in read if entry.index < self.place]
        if not self._read:
            self.place = self._from

    def take(self) -> StoredEntry:
        entry = self._read.pop()
        # An entry that somebody has removed must not be waited for.
        self.place = entry.index if self._read else self._from
        return entry


def _moment(entry: StoredEntry) -> tuple[int, str]:
    return entry.time_us, entry.id
