"""A worker's memory of facts, and how it moves to a newer revision.

It belongs to the event loop, where one thing is done at a time. Reading the store is awaited in threads of
its own.

Invariants:

- AS OF ITS REVISION: a view finds what was on file at its revision, or finds it cold; never anything else.
- TOUCHED IS FORGOTTEN: no answer is carried to a revision over one that announced its key; an answer that was
  on its way meanwhile is thrown away.
- WITHIN ITS ROOM: what is remembered takes about `room` bytes at most.
- TOGETHER: what several calls want at once is loaded by one set of statements.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from weakref import ref

from policy_service.facts import keys
from policy_service.facts.answers import Answers, Found, MemoryCounters, Past
from policy_service.facts.keys import Key
from policy_service.facts.reader import LOADING_CONNECTIONS, MOST_FACTS, FactsReader, Head
from policy_service.facts.room import ROOM
from policy_service.facts.view import ColdFacts, FactsView
from policy_service.facts.weight import hide, weigh
from policy_service.model.errors import OverloadedError, UnavailableError
from policy_service.model.facts import (
    ContactPoint,
    Fact,
    PersonIdentifier,
    RecordParty,
    Relationship,
    Revision,
)

__all__ = ["MAX_KEYS_A_LOAD", "ColdFacts", "FactsMemory", "FactsReader", "FactsView", "Head"]

MAX_KEYS_A_LOAD = 50_000
"""More than any call within the bounds of the edge asks for; so that nobody fills the memory with one."""
MAX_KEYS_AHEAD = 5_000
"""Look-ups that one load brings besides those it was asked for; more where it was asked for many:"""
AHEAD_OF_EACH = 10
"""for each of them so many, and never more than `MAX_KEYS_A_LOAD`."""
KEYS_A_TURN = 1_000
"""Answers that are put into memory before the event loop does something else."""
MAX_KEYS_PAST = 200_000
"""A view that so many changed look-ups have overtaken finds the rest cold."""


def _around(fact: Fact, *, deciding: bool) -> Iterator[Key]:
    """The look-ups about the people whom a fact names, and for who decides about the place or number that it
    is. Control asks for nobody else who is reached so, and how long it takes must not tell how many are.
    """
    match fact:
        case Relationship():
            yield from keys.about_person(fact.from_person)
            yield from keys.about_person(fact.to_person)
        case ContactPoint():
            yield from keys.about_person(fact.person_id)
            if deciding:
                yield keys.contact_points_by_fingerprint(fact.fingerprint)
                if fact.uprn:
                    yield keys.contact_points_by_uprn(fact.uprn)
        case RecordParty() | PersonIdentifier():
            yield from keys.about_person(fact.person_id)
        case _:
            return


@dataclass(slots=True)
class _Load:
    """One load that has not begun, and those who wait for it."""

    keys: set[Key] = field(default_factory=set)
    waiting: list[asyncio.Future[None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Loaded:
    """Answers, each with its weight, and the look-ups that find too much."""

    answers: list[tuple[Key, Found, int]]
    full: frozenset[Key]


class FactsMemory:
    """Look-ups and their answers as of one revision; `view` is what decisions are made from.

    Starts at revision 0, at which nothing is on file: `advance` to the head first.
    """

    def __init__(self, reader: FactsReader, room: int = ROOM, most: int | None = MOST_FACTS) -> None:
        """`most`: facts that a view gives for one look-up; None, for who must be able to mend that, all."""
        self._reader = reader
        self._room = room
        self._most = most
        self._next: deque[_Load] = deque()
        self._on_their_way: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(LOADING_CONNECTIONS, thread_name_prefix="facts")
        # Of its own, so that a round waits for no load.
        self._changes = ThreadPoolExecutor(1, thread_name_prefix="changes")
        self._turn = asyncio.Lock()
        self._overtaken: deque[tuple[ref[Past], int]] = deque()
        """What views of earlier revisions see, the oldest first, each with how many look-ups it holds."""
        self._keys_overtaken = 0
        self.counters = MemoryCounters()
        self.view: FactsView
        self._start_at(Revision(0))

    def close(self) -> None:
        self._threads.shutdown()
        self._changes.shutdown()

    @property
    def bytes(self) -> int:
        """About how many bytes are remembered."""
        return self._answers.bytes

    def __len__(self) -> int:
        """How many look-ups are remembered."""
        return len(self._answers)

    async def load(self, wanted: Collection[Key]) -> None:
        """Put what these keys find, as of `view.revision`, into memory: one set of statements, whatever their
        number, and one more for whoever is around those whom it finds, who will be asked for next.

        TOGETHER: what is wanted at once, or while as many loads are on their way as there are connections, is
        loaded by one set of statements for everybody who waits.

        OverloadedError for more than `MAX_KEYS_A_LOAD` keys; UnavailableError as `FactsReader.load`.
        """
        if len(wanted) > MAX_KEYS_A_LOAD:
            raise OverloadedError("TOO_MANY_FACTS", "the call needs more facts than one call may")
        loop = asyncio.get_running_loop()
        if not self._next or len(self._next[-1].keys) + len(wanted) > MAX_KEYS_A_LOAD:
            self._next.append(_Load())
            loop.call_soon(self._begin)  # after whoever has his turn before it
        load, loaded = self._next[-1], loop.create_future()
        load.keys.update(wanted)
        load.waiting.append(loaded)
        await loaded

    def _begin(self) -> None:
        while self._next and len(self._on_their_way) < LOADING_CONNECTIONS:
            task = asyncio.ensure_future(self._perform(self._next.popleft()))
            self._on_their_way.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._on_their_way.discard(task)
        self._begin()

    async def _perform(self, load: _Load) -> None:
        try:
            await self._load(load.keys)
        except BaseException as error:
            for loaded in load.waiting:
                if not loaded.done():
                    loaded.set_exception(error if isinstance(error, Exception) else UnavailableError())
            if not isinstance(error, Exception):
                raise
        else:
            for loaded in load.waiting:
                if not loaded.done():
                    loaded.set_result(None)

    async def _load(self, wanted: Collection[Key]) -> None:
        self.counters.loads += 1
        view = self.view
        loaded = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._with_those_around, wanted, view.revision
        )
        self._remember(view, (), loaded.full)
        rest = iter(loaded.answers)
        while batch := list(islice(rest, KEYS_A_TURN)):
            self._remember(view, batch)
            if len(batch) == KEYS_A_TURN:
                await asyncio.sleep(0)

    async def advance(self, revision: Revision) -> None:
        """Move to a revision that the head has shown; never back. Who holds the old view keeps it.

        UnavailableError as `FactsReader.changed`; then memory stays where it is.
        """
        if revision <= self.view.revision:
            return
        async with self._turn:
            view = self.view
            if revision <= view.revision:
                return
            if view.revision == 0:  # at which nothing was on file
                self._start_at(revision)
                return
            touched = await asyncio.get_running_loop().run_in_executor(
                self._changes, self._reader.changed, view.revision, revision
            )
            if touched is None:
                self.counters.restarts += 1
                self._start_at(revision)
            else:
                self._move_to(revision, touched)

    def still_holds(self, view: FactsView, looked_up: Collection[Key]) -> bool:
        """Whether these look-ups find at `self.view` what they found in `view`, one of this memory's; False
        also where that is not known any more.
        """
        source = view.elsewhere
        while isinstance(source, Past):
            if not source.touched.isdisjoint(looked_up):
                return False
            source = source.newer
        return source is self._answers

    def follow(self, revision: Revision, touched: Set[Key]) -> None:
        """Move to a revision that this process has written itself, if it is the next one: `touched` is what
        it announced, so that `changes` need not be read. Else `advance` does it, as ever.
        """
        if 0 < self.view.revision == revision - 1 and not self._turn.locked():
            self._move_to(revision, touched)

    def _with_those_around(self, wanted: Collection[Key], revision: Revision) -> _Loaded:
        """In a thread of its own: what the keys find, and what finds the people whom that names; each with
        its weight.
        """
        answers = dict(self._reader.load(wanted, revision, self._most))
        full = frozenset(key for key in wanted if key not in answers)
        deciding = self._most is not None
        around = dict.fromkeys(
            key for facts in answers.values() for fact in facts for key in _around(fact, deciding=deciding)
        )
        known = self._answers
        most = min(max(MAX_KEYS_AHEAD, AHEAD_OF_EACH * len(wanted)), MAX_KEYS_A_LOAD)
        ahead = [
            key
            for key in around
            if key not in answers and key not in full and key not in known and not known.is_full(key)
        ][:most]
        if ahead:
            answers.update(self._reader.load(ahead, revision, self._most))
            full = full.union(key for key in ahead if key not in answers)
        for key, found in answers.items():
            hide(key, found)
        return _Loaded([(key, found, weigh(key, found)) for key, found in answers.items()], full)

    def _remember(
        self,
        view: FactsView,
        answers: Collection[tuple[Key, Found, int]],
        full: frozenset[Key] = frozenset(),
    ) -> None:
        """TOUCHED IS FORGOTTEN: what was read as of the view's revision holds now for all keys that no later
        revision has touched.
        """
        source = view.elsewhere
        while isinstance(source, Past):
            touched = source.touched
            answers = [answer for answer in answers if answer[0] not in touched]
            full = full.difference(touched)
            source = source.newer
        if source is self._answers:
            source.add(answers)
            source.add_full(full)
            self.view.look_in(source)

    def _move_to(self, revision: Revision, touched: Set[Key]) -> None:
        """AS OF ITS REVISION: who looks at the old view finds there what it had of the touched keys."""
        past = Past(touched, self._answers.forget(touched), self._answers)
        if self._overtaken and (before := self._overtaken[-1][0]()) is not None:
            before.newer = past
        self._overtaken.append((ref(past), len(touched) + 1))
        self._keys_overtaken += len(touched) + 1
        self.view.look_in(past)
        self.view = FactsView(revision, {})
        self.view.look_in(self._answers)
        while self._keys_overtaken > MAX_KEYS_PAST and len(self._overtaken) > 1:
            oldest, held = self._overtaken.popleft()
            self._keys_overtaken -= held
            if (overtaken := oldest()) is not None:
                overtaken.cut()

    def _start_at(self, revision: Revision) -> None:
        """Remember nothing. Who holds an older view keeps all that it could see."""
        self._overtaken.clear()
        self._keys_overtaken = 0
        self._answers = Answers(self._room, self.counters)
        self.view = FactsView(revision, {})
        self.view.look_in(self._answers)
