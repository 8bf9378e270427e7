"""The facts as control looks at them: at a head read after the call arrived, or as of an earlier revision."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from policy_service.facts import keys
from policy_service.facts.keys import Key
from policy_service.facts.mapping import F
from policy_service.facts.memory import MAX_KEYS_A_LOAD, FactsMemory
from policy_service.facts.policy_history import PolicyHistory, read_policy_history
from policy_service.facts.reader import FactsReader, Head
from policy_service.facts.view import ColdFacts, FactsView, ViewAside
from policy_service.model.errors import OverloadedError, UnavailableError
from policy_service.model.facts import Controller, Fact, PersonIdentifier, Record, Revision

T = TypeVar("T")

MAX_LOADS = 32
"""Rounds of loading that one look at the facts may take; the deepest use case needs six."""

Look = Callable[[FactsView], Awaitable[T]]
"""Makes something of one view; asked again from the start whenever it finds the view cold."""


def _next(fact: Fact) -> Iterator[Key]:
    """What whoever has looked for this fact looks for next: so another round is spared."""
    match fact:
        case PersonIdentifier():
            yield keys.person(fact.person_id)
        case Record():
            yield keys.parties_of(fact.record_id)
        case _:
            return


class FreshFacts:
    """Called on the event loop; what blocks runs in threads of its own."""

    def __init__(
        self, reader: FactsReader, memory: FactsMemory, saw: Callable[[Head], None] = lambda _: None
    ) -> None:
        """`saw` looks at each head that is read, in a thread, and may refuse to go on by raising."""
        self._reader = reader
        self._memory = memory
        self._saw = saw
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
        await self._memory.advance(await self.in_thread(self._read_head))
        for _ in range(MAX_LOADS):
            try:
                return await look(self._memory.view)
            except ColdFacts as cold:
                await self._memory.load(cold.keys)
        raise UnavailableError("TOO_MANY_LOADS")

    async def at_head_aside(self, look: Look[T]) -> T:
        """As `at_head`, for what needs many facts once: they are loaded as they are asked for, and nothing of
        them is remembered.
        """
        await self._memory.advance(await self.in_thread(self._read_head))
        view = ViewAside(self._memory.view)
        for _ in range(MAX_LOADS):
            try:
                return await look(view)
            except ColdFacts as cold:
                view.found.update(await self.in_thread(partial(self._load, cold.keys, view.revision)))
        raise UnavailableError("TOO_MANY_LOADS")

    def _load(self, wanted: Collection[Key], revision: Revision) -> Mapping[Key, tuple[Fact, ...]]:
        if len(wanted) > MAX_KEYS_A_LOAD:
            raise OverloadedError("TOO_MANY_FACTS", "the call needs more facts than one call may")
        found = dict(self._reader.load(wanted, revision))
        then = {key for facts in found.values() for fact in facts for key in _next(fact)} - found.keys()
        if then:
            found.update(self._reader.load(then, revision))
        return found

    def wrote(self, revision: Revision, touched: Set[Key]) -> None:
        """This process has written a revision; `touched` is what it announced."""
        self._memory.follow(revision, touched)

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

    def _read_head(self) -> Revision:
        head = self._reader.head_and_time()
        self._saw(head)
        return head.revision

    async def policy_history(self, revision: Revision) -> PolicyHistory:
        """When policy sets were put on file and published."""
        return await self.in_thread(partial(read_policy_history, self._reader, revision))

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run blocking reading beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
