"""The facts as control looks at them: at a head read after the call arrived, or as of an earlier revision."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from policy_service.facts.keys import Key
from policy_service.facts.mapping import F
from policy_service.facts.memory import FactsMemory
from policy_service.facts.reader import FactsReader
from policy_service.facts.view import ColdFacts, FactsView
from policy_service.model.errors import UnavailableError
from policy_service.model.facts import Controller, Fact, Revision

T = TypeVar("T")

MAX_LOADS = 32
"""Rounds of loading that one look at the facts may take; the deepest use case needs six."""

Look = Callable[[FactsView], Awaitable[T]]
"""Makes something of one view; asked again from the start whenever it finds the view cold."""


class FreshFacts:
    """Called on the event loop; what blocks runs in threads of its own."""

    def __init__(self, reader: FactsReader, memory: FactsMemory) -> None:
        self._reader = reader
        self._memory = memory
        self._threads = ThreadPoolExecutor(4, "control-read")

    async def close(self) -> None:
        """Wait for the threads' work; nothing may be asked after this."""
        await asyncio.to_thread(self._threads.shutdown)

    @property
    def revision(self) -> Revision:
        """The newest revision that was looked at so far."""
        return self._memory.view.revision

    async def at_head(self, look: Look[T]) -> T:
        """What `look` makes of the facts as of the newest revision, read after this was called."""
        await self._memory.advance(await self.in_thread(self._reader.head))
        for _ in range(MAX_LOADS):
            try:
                return await look(self._memory.view)
            except ColdFacts as cold:
                await self._memory.load(cold.keys)
        raise UnavailableError("TOO_MANY_LOADS")

    async def as_of(self, revision: Revision, look: Look[T]) -> T:
        """What `look` makes of the facts as of an earlier revision; nothing of it is remembered."""
        found: dict[Key, tuple[Fact, ...]] = {}
        for _ in range(MAX_LOADS):
            try:
                return await look(FactsView(revision, found))
            except ColdFacts as cold:
                found.update(await self.in_thread(partial(self._reader.load, cold.keys, revision)))
        raise UnavailableError("TOO_MANY_LOADS")

    async def page(
        self, kind: type[F], controller: Controller | None, after: str, limit: int, revision: Revision
    ) -> tuple[F, ...]:
        """Facts of a kind whose ids follow `after`, in their order. `controller` None: of all of them."""
        return await self.in_thread(
            partial(self._reader.list_facts, kind, controller, after, limit, revision)
        )

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run blocking reading beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
