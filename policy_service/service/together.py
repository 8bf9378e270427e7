"""What a decision finds cold, in few loads: all that is cold at one depth, and that of a whole batch.

A decision stops at the first look-up that is not in memory. Loaded one after the other, a call would take as
many loads as it names people. So when something is cold the decision is made once more on a view that answers
"nothing is on file" for whatever is cold, and notes it (`SeekingView`): that pass comes to everything that
can be asked for before more is known, and what it decides is thrown away.

Invariant AS DEEP AS THE FACTS: how many loads a call takes follows from how far its facts lead from one to
the next, and neither from how many recipients, fields and people it has, nor from how many calls a batch has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress
from itertools import islice

from policy_service.facts.keys import Key
from policy_service.facts.memory import MAX_KEYS_A_LOAD
from policy_service.facts.seeking import SeekingView
from policy_service.facts.view import FactsView
from policy_service.model.question import CheckCall
from policy_service.service.decide import Steps
from policy_service.service.turns import in_turns

Seek = Callable[[SeekingView], Awaitable[None]]
"""Does what a decision does, as far as it looks at facts."""
Load = Callable[[Collection[Key]], Awaitable[None]]


async def sought(view: FactsView, seek: Seek) -> frozenset[Key]:
    """The look-ups that are cold in `view` and that `seek` comes to; empty where none is."""
    seeking = SeekingView(view)
    # From half of the facts anything may follow, and nothing that follows counts.
    with suppress(Exception):
        await seek(seeking)
    return frozenset(seeking.missing)


async def go_through(steps: Steps, seeking: SeekingView) -> None:
    """Go through a decision on a view that seeks. Its first step joins the call with what is on file: where
    something is missing there, no gate is asked about people of whom half is known.
    """
    try:
        next(steps)
    except StopIteration:
        return
    if not seeking.missing:
        await in_turns(steps)


class Together:
    """The calls of one batch. The first of them that finds something cold has everything loaded that they all
    need, depth by depth; the others wait for that.
    """

    def __init__(self, calls: Callable[[], Iterable[CheckCall]]) -> None:
        """`calls` gives those that can be read; it is called once, and only where something is cold."""
        self._calls = calls
        self._warming: asyncio.Task[None] | None = None

    async def warm(
        self, cold_of: Callable[[CheckCall], Awaitable[frozenset[Key]]], load: Load, most: int
    ) -> bool:
        """Load what the calls need, in `most` depths at most; `cold_of` tells what is cold for one of them.
        False where that was done before: then something has been forgotten since, and whoever misses it loads
        it himself.

        Raises what `load` raises, for everybody who waits.
        """
        if self._warming is None:
            self._warming = asyncio.create_task(self._warm(cold_of, load, most))
        elif self._warming.done():
            return False
        await asyncio.shield(self._warming)
        return True

    async def _warm(
        self, cold_of: Callable[[CheckCall], Awaitable[frozenset[Key]]], load: Load, most: int
    ) -> None:
        calls = list(self._calls())
        for _ in range(most):
            cold = []
            wanted: dict[Key, None] = {}
            for call in calls:
                if missing := await cold_of(call):
                    cold.append(call)
                    wanted.update(dict.fromkeys(missing))
                await asyncio.sleep(0)  # each is as much as a call of its own
            if not cold:
                return
            await load_all(wanted, load)
            calls = cold


async def load_all(wanted: Iterable[Key], load: Load) -> None:
    """Load what may be more than one load takes."""
    rest = iter(wanted)
    while some := list(islice(rest, MAX_KEYS_A_LOAD)):
        await load(some)
