"""Calls that were refused before they reached a handler: one summary per second, peer and cause."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from policy_service.server.errors import cause as cause_of

MOST_SUMMARIES = 256
"""Summaries a second; peers beyond that are summed up together as `others`."""
MOST_KEPT = 4_096
"""Summaries kept while the log cannot be written."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RefusedCallers:
    """`count` calls from `peer`, refused for `cause` within the second that begins at `time` (UTC)."""

    time: datetime
    peer: str
    cause: str
    count: int


WriteSummaries = Callable[[Sequence[RefusedCallers]], Awaitable[None]]
"""Makes all of them durable, or raises."""


class Refusals:
    """Counts refusals and writes their summaries once a second. Event loop only."""

    def __init__(
        self, write: WriteSummaries, now: Callable[[], datetime], totals: dict[str, int] | None = None
    ) -> None:
        """`totals` counts by cause, since the start."""
        self._totals = {} if totals is None else totals
        self._write = write
        self._now = now
        self._counts: Counter[tuple[datetime, str, str]] = Counter()
        self._ended = asyncio.Event()

    def count(self, peer: str, cause: str) -> None:
        """Count one refused call of this peer, as gRPC names it."""
        self._totals[cause] = self._totals.get(cause, 0) + 1
        second = self._now().replace(microsecond=0)
        key = (second, host_of(peer), cause)
        if key not in self._counts and len(self._counts) >= MOST_SUMMARIES:
            key = (second, "others", cause)
            if key not in self._counts and len(self._counts) >= MOST_KEPT:
                return
        self._counts[key] += 1

    async def run(self) -> None:
        """Write what each second left, until `end`."""
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), 1.0)
            await self.flush()
        await self.flush(whole=True)

    def end(self) -> None:
        """Make `run` write what is left, and return."""
        self._ended.set()

    async def flush(self, *, whole: bool = False) -> None:
        """Write the summaries of the seconds that are over, or of all. What fails is tried again."""
        second = self._now().replace(microsecond=0)
        over = {key: count for key, count in self._counts.items() if whole or key[0] < second}
        if not over:
            return
        for key in over:
            del self._counts[key]
        try:
            await self._write([RefusedCallers(*key, count) for key, count in over.items()])
        except Exception as error:  # noqa: BLE001 - a log that is down must not end the counting
            self._counts.update(over)
            _log.warning("the summaries of refused calls were not written", extra=cause_of(error))


def host_of(peer: str) -> str:
    """The peer without its port, which is another one for each connection: `ipv4:192.0.2.7`."""
    if peer.startswith(("ipv4:", "ipv6:")):
        return peer.rpartition(":")[0]
    return peer.partition(":")[0]
