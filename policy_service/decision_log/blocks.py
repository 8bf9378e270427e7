"""Which blocks of a stream can hold entries of a time, so that a search for a day does not read a decade.

A stream stands in the order of its appends, not of its moments: an entry may wait for a log that was down. So
no entry tells that all before it are older. The earliest and the latest moment of a block do; entries never
change, so that a full block is asked about once.
"""

from __future__ import annotations

from policy_service.decision_log.entry import StreamId
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.sought import Sought

BLOCK = 512
"""Entries. What is read at once: at 64 KiB each, the most there may be, 32 MiB."""
AT_ONCE = 64
"""Blocks that one query asks about: 32,768 entries, of which it reads the moments alone."""

_NOTHING: tuple[int, int] | None = None


class Blocks:
    """Remembers two numbers for each full block that was asked about. Threads may share it."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._times: dict[tuple[StreamId, int], tuple[int, int] | None] = {}

    def may_hold(self, sought: Sought, stream: StreamId, block: int, *, size: int, down: bool) -> bool:
        """Tell whether one of the block's entries may be meant; of a stream that has `size` entries.

        What is not known yet is read, with its neighbours in the direction in which somebody goes.
        """
        if not sought.is_of_a_time or (block + 1) * BLOCK > size:
            return True
        if (stream, block) not in self._times:
            full = size // BLOCK
            around = (
                range(max(0, block + 1 - AT_ONCE), block + 1)
                if down
                else range(block, min(full, block + AT_ONCE))
            )
            found = self._reader.times(stream, around, BLOCK)
            self._times.update({(stream, each): found.get(each, _NOTHING) for each in around})
        times = self._times[stream, block]
        return times is not None and sought.may_hold(*times)
