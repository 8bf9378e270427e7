"""Turns at reading the log: threads that whole organisations share.

A piece of reading takes two seconds at most. Of each organisation one runs at a time, and the others wait in
their own order: so whoever asks for many keeps his own waiting, and another organisation's wait for a few
pieces at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, TypeVar

from policy_service.model.errors import OverloadedError
from policy_service.model.facts import Controller

T = TypeVar("T")

THREADS: Final = 2
MOST_WAITING: Final = 64
"""Pieces that wait for a thread, or are in one."""
SHARES: Final = 4
"""No organisation has more than one part in so many of those."""


@dataclass(slots=True)
class _Line:
    """One organisation's pieces."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class ReadingTurns:
    """Event loop only."""

    def __init__(self) -> None:
        # Of its own, so that no search keeps other readings waiting.
        self._threads = ThreadPoolExecutor(THREADS, "log-search")
        self._lines: dict[Controller, _Line] = {}

    async def close(self) -> None:
        """Wait for the threads' work; nothing may be asked after this."""
        await asyncio.to_thread(self._threads.shutdown)

    async def take(self, controller: Controller, work: Callable[[], T]) -> T:
        """Do `work` in a thread, for somebody of this organisation. Raises `OverloadedError`."""
        line = self._lines.get(controller) or _Line()
        waiting = sum(each.waiting for each in self._lines.values())
        if line.waiting >= MOST_WAITING // SHARES or waiting >= MOST_WAITING:
            raise OverloadedError("OVERLOADED", "too many searches wait; try again later")
        self._lines[controller] = line
        line.waiting += 1
        try:
            async with line.turn:
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            line.waiting -= 1
            if not line.waiting:
                del self._lines[controller]
