"""Control notes in the facts how far the streams of the log reach: at its start, each minute, at its end.

A worker can write no facts, and of its entries no revision tells; so this is how an older copy of its stream
is found out at the next start (`service/same_installation`). It costs one small write a minute, and none
where nobody has written the log since.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from policy_service.decision_log.reader import LogReader
from policy_service.facts.noted_streams import NotedStream
from policy_service.facts.store import FactStore
from policy_service.model.errors import PolicyServiceError

FIRST_SECONDS: Final = 5.0
"""After control's start: by then its workers have begun their streams."""
SECONDS: Final = 60.0

_log = logging.getLogger(__name__)


@asynccontextmanager
async def noting(
    store: FactStore, log: LogReader, *, first: float = FIRST_SECONDS, every: float = SECONDS
) -> AsyncIterator[None]:
    """Note until this is left, and once more then. What fails is noted the next time."""
    ended = asyncio.Event()

    async def keep_noting() -> None:
        noted = await _noted(store, log, frozenset())
        wait = first
        while not ended.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), wait)
            noted = await _noted(store, log, noted)
            wait = every

    # Never cancelled: a thread that writes would go on with a store that is being closed.
    keeping = asyncio.create_task(keep_noting())
    try:
        yield
    finally:
        ended.set()
        await asyncio.shield(keeping)


async def _noted(store: FactStore, log: LogReader, before: frozenset[NotedStream]) -> frozenset[NotedStream]:
    """Note what has grown; all that is noted then."""

    def note() -> frozenset[NotedStream]:
        streams = frozenset(NotedStream(s.stream_id, s.slot, s.size) for s in log.streams())
        if streams - before:
            store.note_streams(streams - before)
        return streams

    try:
        return await asyncio.to_thread(note)
    except PolicyServiceError as error:
        what = {"reason": error.reason, "what": error.message}
        _log.warning("how far the decision log reaches was not noted", extra=what)
    except Exception as error:  # noqa: BLE001 - whatever it is: the service goes on, and says so
        _log.error("how far the decision log reaches was not noted", extra={"error": type(error).__name__})
    return before
