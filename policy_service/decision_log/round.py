"""The commit round: one round for everyone who waits makes their decisions fresh and durable (promises 2 and
3).

A decision made from memory waits here. The committer, a thread that does nothing else, takes all that wait as
one group and
1. reads the head revision; if it moved, everyone in the group is decided again, whole, on the event loop;
2. appends the entries to the log, durable;
3. releases all answers.
If the head moves on while a group is decided again, half of the group goes through these steps, and then the
rest.

Invariants:
- HEAD AFTER ARRIVAL: the head is read after the group was gathered, so after every question in it arrived.
- ONE REVISION: what is appended was decided, whole, at the head that was read; and it is released within
  `head_age` of the moment before that reading, or only after the head was found unmoved once more.
- LOGGED BEFORE ANSWERED: a future gets a result only from an outcome that says `Appended`.
- NOBODY ELSE'S TROUBLE: a call that is cancelled, that cannot be decided again or whose entry is refused ends
  alone.
- EVERY WAIT ENDS: the queue is bounded, a call waits for `answer` at most, and a committer that hangs is a
  dead one.
- SOMEBODY IS DONE: what was overtaken is decided again with fewer at once, down to one, which is committed or
  refused; so writes keep nobody waiting whose decision takes less than the time between two of them.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Self

from policy_service.decision_log.entry import Appended
from policy_service.decision_log.errors import EntryTooLarge, LogUnavailable, Overloaded
from policy_service.decision_log.pending import Committed, Pending, RoundCounters, RoundLimits
from policy_service.decision_log.stream import Outcome, StreamWriter
from policy_service.decision_log.waiting import Waiting, break_off, own, refuse, trouble_of

_logger = logging.getLogger(__name__)


class CommitRound:
    """Lives on one event loop. `start`, then `commit` any number of times at once, then `close`."""

    def __init__(
        self,
        *,
        head: Callable[[], int],
        advance: Callable[[int], Awaitable[None]],
        writer: StreamWriter,
        limits: RoundLimits | None = None,
        on_death: Callable[[BaseException], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """head: reads the head revision of the facts, on the primary, in a transaction of its own. Called in
        the committer; bounded by itself. What it raises costs the group its answers, and nothing else.
        advance: on the event loop, brings memory to this revision at least. on_death: called once, on the
        event loop, when nothing can be committed any more: the process ends. clock: monotonic seconds; read
        in both threads.
        """
        self._head = head
        self._advance = advance
        self._writer = writer
        self._limits = limits or RoundLimits()
        self._on_death = on_death
        self._clock = clock
        self.counters = RoundCounters()
        self._queue: SimpleQueue[Waiting | None] = SimpleQueue()
        self._committer = threading.Thread(target=self._commit_groups, name="committer", daemon=True)
        # SOMEBODY IS DONE: how many are decided again at once; the committer's alone.
        self._at_once = self._limits.group
        # The rest is the event loop's alone, but for `_round_since`, which the committer sets and the loop
        # reads.
        self._open: deque[Waiting] = deque()
        self._in_flight = 0
        self._closing = False
        self._death: BaseException | None = None
        self._round_since: float | None = None
        self._watch_timer: asyncio.TimerHandle | None = None

    # --- on the event loop ---

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._committer.start()
        self._watch()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def healthy(self) -> bool:
        """False for ever once the committer is dead: nothing more will be answered here."""
        return self._death is None and self._committer.is_alive()

    @property
    def waiting(self) -> int:
        """How many calls wait for a round, or are in one."""
        return self._in_flight

    async def commit(self, pending: Pending) -> Committed:
        """Wait in the group; returns when the entry is durable and its decision valid at the head.

        Raises `Overloaded` or `EntryTooLarge` before anything was written; `LogUnavailable` if durability or
        validity is not known; or what `decide_again` raised. A caller that is cancelled leaves: its entry is
        written all the same.
        """
        if self._death is not None or self._closing:
            raise LogUnavailable("the decision log takes no more entries")
        if pending.entry.is_too_large:
            raise EntryTooLarge
        if self._in_flight >= self._limits.waiting:
            self.counters.overloaded += 1
            raise Overloaded
        # A future of its own: a caller that is cancelled cancels what it awaits.
        waiting = Waiting(pending, self._loop.create_future(), self._clock())
        self._open.append(waiting)
        self._in_flight += 1
        self._queue.put(waiting)
        return await waiting.future

    async def close(self) -> None:
        """Write what waits, within the bounds of a round, then end. The rest gets `LogUnavailable`."""
        if self._closing:
            return
        self._closing = True
        self._queue.put(None)
        await self._loop.run_in_executor(None, self._committer.join, self._limits.round)
        if self._watch_timer is not None:
            self._watch_timer.cancel()
        self._fail_open(LogUnavailable("the decision log takes no more entries"))

    def _release(self, group: list[Waiting], outcomes: list[Outcome], revision: int, read_at: float) -> None:
        """LOGGED BEFORE ANSWERED; ONE REVISION, also when this loop was late."""
        late = self._clock() - read_at > self._limits.head_age
        for waiting, outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, LogUnavailable):
                self._fail(waiting, own(outcome))
            elif not isinstance(outcome, Appended):
                self._fail(waiting, outcome)
            elif late:
                self._fail(waiting, LogUnavailable("the decision is too old to be answered"))
            else:
                self._leave(waiting)
                if waiting.future.done():
                    self.counters.abandoned += 1
                else:
                    self.counters.released += 1
                    waiting.future.set_result(Committed(outcome.stream_id, outcome.index, revision))
        self._forget_done()

    def _fail_group(self, group: list[Waiting], cause: BaseException) -> None:
        for waiting in group:
            self._fail(waiting, own(cause))
        self._forget_done()

    def _fail(self, waiting: Waiting, error: BaseException) -> None:
        if waiting.gone:
            return
        self._leave(waiting)
        self.counters.failures += 1
        refuse(waiting.future, error)

    def _leave(self, waiting: Waiting) -> None:
        waiting.gone = True
        self._in_flight -= 1

    def _leave_all(self, group: list[Waiting]) -> None:
        for waiting in group:
            if not waiting.gone:
                self._leave(waiting)
        self._forget_done()

    def _fail_open(self, cause: BaseException) -> None:
        """Answer everyone; what is in flight is not counted off, since a round may still be writing it."""
        for waiting in self._open:
            if not waiting.future.done():
                self.counters.failures += 1
                refuse(waiting.future, own(cause))
        self._open.clear()

    def _forget_done(self) -> None:
        while self._open and self._open[0].future.done():
            self._open.popleft()

    async def _decide_again(self, group: list[Waiting], revision: int) -> tuple[list[Waiting], list[Waiting]]:
        """Bring memory to the revision and decide everyone in the group again; returns who was, and who needs
        longer than there is for all of them.
        """
        tasks: dict[Waiting, asyncio.Task[None]] = {}
        async with asyncio.timeout(self._limits.decide_again):
            await self._advance(revision)
        for waiting in group:
            # Whoever was refused for his long wait has that answer; whoever left still has his entry.
            if waiting.is_refused:
                self._leave(waiting)
            elif waiting.pending.revision != revision:
                tasks[waiting] = self._loop.create_task(waiting.pending.decide_again())
        if tasks:
            await asyncio.wait(tasks.values(), timeout=self._limits.decide_again)
        decided, slow = [], []
        for waiting in (one for one in group if not one.gone):
            task = tasks.get(waiting)
            if task is not None and not task.done() and len(group) > 1:
                break_off(task)
                slow.append(waiting)
                continue
            trouble = trouble_of(task) if task is not None else None
            if task is not None:
                self.counters.redecided += 1
            if trouble is None and waiting.pending.entry.is_too_large:
                trouble = EntryTooLarge()
            if trouble is None:
                decided.append(waiting)
            else:
                self._fail(waiting, trouble)
        self._forget_done()
        return decided, slow

    def _watch(self) -> None:
        """EVERY WAIT ENDS. A few times a second, rather than a timer for each call."""
        now = self._clock()
        while self._open and (self._open[0].future.done() or now - self._open[0].since > self._limits.answer):
            waiting = self._open.popleft()
            if not waiting.future.done():
                self.counters.failures += 1
                refuse(waiting.future, LogUnavailable("the decision log takes too long"))
        since = self._round_since
        if since is not None and now - since > self._limits.round:
            self._die(LogUnavailable("the committer hangs"))
        elif not self._committer.is_alive() and not self._closing:
            self._die(LogUnavailable("the committer has ended"))
        else:
            self._watch_timer = self._loop.call_later(self._limits.answer / 20, self._watch)

    def _die(self, cause: BaseException) -> None:
        if self._death is not None:
            return
        self._death = cause
        _logger.critical("nothing can be committed any more", exc_info=cause)
        self._fail_open(cause)
        if self._on_death is not None:
            self._on_death(cause)

    # --- in the committer ---

    def _commit_groups(self) -> None:
        ended_at, wait = 0.0, 0.0  # of the last round, and for the next
        try:
            while group := self._gather(ended_at + wait):
                wait = min(self._limits.gather_most, self._limits.gather_per_entry * len(group))
                while group:
                    self._round_since = self._clock()
                    group = self._commit_group(group)
                self._round_since = None
                ended_at = time.monotonic()
        except BaseException as death:  # noqa: BLE001 - whatever ends the committer ends the process
            self._tell(self._die, death)

    def _gather(self, until: float) -> list[Waiting]:
        """The next group: whoever has come by `until`, or by when the first comes. Empty at the end."""
        first = self._queue.get()
        if first is None:
            return []
        # Those who were just answered ask again at once: by waiting for them the groups stay large.
        early = until - time.monotonic()
        if early > 0:
            time.sleep(early)
        group = [first]
        with suppress(Empty):
            while len(group) < self._limits.group:
                waiting = self._queue.get_nowait()
                if waiting is None:
                    self._queue.put(None)  # nobody comes after the last
                    break
                group.append(waiting)
        return group

    def _commit_group(self, group: list[Waiting]) -> list[Waiting]:
        """Commit these, or some of them; returns the others, whose turn is next."""
        began = time.monotonic()
        try:
            group, rest, revision, read_at = self._validate(group)
            group = self._without_refused(group)
            entries = [waiting.pending.entry for waiting in group]
        except Exception as error:
            _logger.warning("a group of %d calls was not validated", len(group), exc_info=error)
            self._tell(self._fail_group, group, error)
            return []
        if not group:
            return rest
        try:
            outcomes = self._writer.append(entries)
        except BaseException as death:
            self._tell(self._fail_group, group, death)
            raise
        self.counters.groups += 1
        self.counters.entries += len(group)
        self.counters.largest_group = max(self.counters.largest_group, len(group))
        self.counters.sizes.add(len(group))
        self.counters.seconds.add(time.monotonic() - began)
        if self._clock() - read_at > self._limits.head_age:
            read_at = self._validate_late(revision, read_at)
        self._tell(self._release, group, outcomes, revision, read_at)
        return rest

    def _without_refused(self, group: list[Waiting]) -> list[Waiting]:
        """Whoever was refused for his long wait has that answer, and an entry of it: a decision beside it
        would be one that nobody was told.
        """
        waits: list[Waiting] = []
        refused: list[Waiting] = []
        for waiting in group:  # looked at once: the event loop may refuse him at any time
            (refused if waiting.is_refused else waits).append(waiting)
        if refused:
            self._tell(self._leave_all, refused)
        return waits

    def _validate(self, group: list[Waiting]) -> tuple[list[Waiting], list[Waiting], int, float]:
        """ONE REVISION: who can be appended, who has to be tried once more, the head that the former were
        decided at, when it was read.
        """
        rest: list[Waiting] = []
        revision, read_at, overtaken = 0, 0.0, False
        for _ in range(self._limits.attempts):
            read_at = self._clock()
            revision = self._head()
            if self._clock() - read_at > self._limits.head_age:
                continue
            if all(waiting.pending.revision == revision for waiting in group):
                if overtaken:
                    self._at_once = max(self._at_once, len(group) * 5 // 4 + 1)
                return group, rest, revision, read_at
            self.counters.stale_groups += 1
            if overtaken and len(group) > 1:
                self._at_once = len(group) // 2
                return [], group + rest, revision, read_at
            overtaken = True
            group, rest = group[: self._at_once], group[self._at_once :] + rest
            asked = len(group)
            deciding = asyncio.run_coroutine_threadsafe(self._decide_again(group, revision), self._loop)
            try:
                group, slow = deciding.result(self._limits.answer)
            except FutureTimeoutError:
                deciding.cancel()
                raise
            if slow:
                self._at_once, rest = max(1, asked // 2), rest + slow
            if not group:
                return group, rest, revision, read_at
        _logger.warning("the head moves faster than %d calls are decided", len(group))
        error = LogUnavailable("the head moves faster than decisions are made")
        self._tell(self._fail_group, group, error)
        return [], rest, revision, read_at

    def _validate_late(self, revision: int, read_at: float) -> float:
        """After a slow append: the entries stand, and are answered only if the head has not moved."""
        again_at = self._clock()
        try:
            return again_at if self._head() == revision else read_at
        except Exception as error:
            _logger.warning("a slow round was not validated again", exc_info=error)
            return read_at

    def _tell(self, what: Callable[..., None], *arguments: object) -> None:
        # A loop that is closed has nobody left to tell.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(what, *arguments)
