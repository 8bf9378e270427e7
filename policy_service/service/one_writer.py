"""Writes follow one another (ONE WRITER, see `desk`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from policy_service.model.errors import UnavailableError

TURN_SECONDS = 10.0
"""How long a write waits for those before it."""


class OneWriter:
    """Whose turn it is to write. It is called on the event loop."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """ONE WRITER, waited for within bounds."""
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._lock.acquire()
        except TimeoutError:
            raise UnavailableError("STORE_BUSY", "too many writes wait; try again") from None
        try:
            yield
        finally:
            self._lock.release()
