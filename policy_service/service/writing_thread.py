"""The one thread in which control writes, and what the event loop may put off meanwhile.

The thread lets go of the interpreter's lock at each row, and takes it back only once the event loop has had
its time: beside a loop that is busy a revision of a thousand facts holds the head twice as long, and both
take more of the processor, since they move from core to core.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class WritingThread:
    """One thread, so that entries stand in the log in the order in which their calls were decided here. It is
    called on the event loop.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "control-write")
        self._at_work = 0
        self._over = asyncio.Event()
        self._over.set()

    async def do(self, work: Callable[[], T]) -> T:
        self._at_work += 1
        self._over.clear()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._at_work -= 1
            if not self._at_work:
                self._over.set()

    async def over(self) -> None:
        """Wait for the end of the work that is under way. More may have begun by then: whoever waits has his
        turn all the same, so that he comes to an end.
        """
        await self._over.wait()

    async def close(self) -> None:
        """Wait for the thread's work; nothing may be asked after this."""
        await asyncio.to_thread(self._thread.shutdown)
