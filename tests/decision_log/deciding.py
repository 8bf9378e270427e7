"""Decisions without an engine: what is decided is the revision that it was decided at."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from policy_service.decision_log.entry import Entry
from policy_service.decision_log.pending import RoundLimits
from policy_service.decision_log.round import CommitRound
from policy_service.decision_log.stream import StreamWriter
from tests.decision_log.making import entry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


# Where time is not the matter, a machine that stands still for a while is none either.
PATIENT = RoundLimits(head_age=20, decide_again=20, answer=30, round=60)


class Facts:
    """A head that others move, and a memory that follows it when it is told to."""

    def __init__(self) -> None:
        self.head = 1
        self.memory = 1
        self.readings = 0
        self.committer_came = 0
        # Cleared, the committer stands still before it reads the head.
        self.open = threading.Event()
        self.open.set()
        # Called at each reading, in the committer, with the number of the reading.
        self.at_reading: Callable[[int], None] = lambda _number: None

    def read_head(self) -> int:
        self.committer_came += 1
        assert self.open.wait(10)
        self.readings += 1
        self.at_reading(self.readings)
        return self.head

    async def advance(self, revision: int) -> None:
        self.memory = max(self.memory, revision)

    def decide(self, again: Callable[[], Awaitable[None]] | None = None) -> Decision:
        return Decision(self, again)


class Decision:
    """A `Pending`: its entry says the revision that it was decided at."""

    def __init__(self, facts: Facts, again: Callable[[], Awaitable[None]] | None) -> None:
        self._facts = facts
        self._again = again
        self.decisions = 0
        self.id = entry().id
        self._decide()

    async def decide_again(self) -> None:
        if self._again is not None:
            await self._again()
        self._decide()

    def _decide(self) -> None:
        self.decisions += 1
        self.revision = self._facts.memory
        self.entry = Entry(self.id, 1, b"decided at %d" % self.revision)


@asynccontextmanager
async def running(
    url: str,
    facts: Facts,
    limits: RoundLimits = PATIENT,
    on_death: Callable[[BaseException], None] | None = None,
) -> AsyncIterator[CommitRound]:
    """A round on the stream `worker-0` of this log."""
    with StreamWriter.open(url, "worker-0") as writer:
        async with CommitRound(
            head=facts.read_head, advance=facts.advance, writer=writer, limits=limits, on_death=on_death
        ) as round_:
            yield round_


async def settled(condition: Callable[[], bool]) -> None:
    """Waits until it is so."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in the committer, too
            await asyncio.sleep(0.005)
