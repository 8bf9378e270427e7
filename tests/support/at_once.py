"""Several at once, and not so many that one event loop, which the tests and the service share, is late."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Final, TypeVar

T = TypeVar("T")

FEW: Final = 3
"""One commit holds them all, and each is decided well within the second for which its head is good."""


async def few_at_once(asked: Iterable[Awaitable[T]]) -> list[T]:
    """What each gives, in order."""
    turn = asyncio.Semaphore(FEW)

    async def one(each: Awaitable[T]) -> T:
        async with turn:
            return await each

    return list(await asyncio.gather(*(one(each) for each in asked)))
