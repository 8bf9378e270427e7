"""How what may take long shares the event loop with what takes little: a large decision, an erasure."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

TURN = 0.003
"""Seconds that one decision may hold the event loop at a time; a call of one field needs a tenth of it."""


async def in_turns(steps: Generator[None, None, T]) -> T:
    """Do it step by step, and let the event loop do something else whenever a turn is over."""
    while True:
        end = time.perf_counter() + TURN
        try:
            while time.perf_counter() < end:
                next(steps)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]  # a generator's value reaches `except` untyped
        await asyncio.sleep(0)
