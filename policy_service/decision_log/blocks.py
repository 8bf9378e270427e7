"""Which blocks of a stream can hold entries of a time, so that a search for a day does not read a decade.

A stream stands in the order of its appends, not of its moments: an entry may wait for a log that was down. So
no entry tells that all before it are older. The earliest and the latest moment of a block do; entries never
change, so that a full block is asked about once.
"""

from __future__ import annotations

import sys

from policy_service.decision_log.entry import StreamId
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.sought import Sought

BLOCK = 512
"""Entries. What is read at once: at 64 KiB each, the most there may be, 32 MiB."""
AT_ONCE = 64
"""Blocks that one query asks about: 32,768 entries, of which it reads the moments alone."""

MOST_KNOWN = 500_000
"""Blocks that are remembered: of 256 million entries, in about 100 MB."""

_NOTHING = (sys.maxsize, -sys.maxsize)
"""Of a block whose entries somebody has removed: no time lies there."""


class Blocks:
    """Remembers two numbers for each full block that was asked about. Threads may share it."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._times: dict[tuple[StreamId, int], tuple[int, int]] = {}

    def may_hold(self, sought: Sought, stream: StreamId, block: int, *, size: int, down: bool) -> bool:
        """Tell whether one of the block's entries may be meant; of a stream that has `size` entries.

        What is not known yet is read, with its neighbours in the direction in which somebody goes.
        """
        if not sought.is_of_a_time or (block + 1) * BLOCK > size:
            return True
        key = (stream, block)
        times = self._times.get(key)
        if times is None:
            around = (
                range(max(0, block + 1 - AT_ONCE), block + 1)
                if down
                else range(block, min(size // BLOCK, block + AT_ONCE))
            )
            read = self._reader.times(stream, around, BLOCK)
            if len(self._times) > MOST_KNOWN:
                self._times.clear()
            self._times.update({(stream, each): read.get(each, _NOTHING) for each in around})
            times = read.get(block, _NOTHING)
        return sought.may_hold(*times)
