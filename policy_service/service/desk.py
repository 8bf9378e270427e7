"""The desk of the control plane: what every control use case goes through, so that none can forget it.

Invariants:
- ONE ENTRY A CALL: a write and a reading each leave exactly one log entry, durable before the caller is
  answered; what raises leaves none, and the edge then asks for the refusal's (`refused`).
- THE REVISION FIRST: a write's entry is committed with its revision and appended from there (`outbox`). If
  the append fails, the caller learns that the service cannot answer; the write stands, and the next write or
  start completes the log.
- ONE WRITER: writes follow one another (`one_writer`). Each is made from the facts as of the
  revision just before its own, so that what it looked up still holds when it is committed.
- JUDGED AFRESH: credentials, roles and grants are judged on the revision that the answer rests on, not on
  what the door remembers (`standing`); of a reading of the past on the newest one, not on the past.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from policy_service.decision_log.entries import Head, read_entry, refusal_entry, write_entry
from policy_service.decision_log.entry import MAX_ENTRY_BYTES, Entry
from policy_service.decision_log.errors import EntryMissing, StreamLost
from policy_service.facts.mapping import to_microseconds
from policy_service.facts.store import Written
from policy_service.facts.view import FactsView
from policy_service.model.caller import NOBODY, Caller
from policy_service.model.errors import (
    ConflictError,
    InvalidArgumentError,
    PolicyServiceError,
    UnavailableError,
)
from policy_service.model.facts import Controller, Revision
from policy_service.model.ids import time_ordered_id
from policy_service.model.vocabulary import StaffRole
from policy_service.service.asking import Asking, ByItself, Done, Draft, Found, Granted, Note, organisation
from policy_service.service.backends import Backends
from policy_service.service.drafting import Drafting, Looked, Occasion, change_of, draft_of
from policy_service.service.fresh_facts import FreshFacts, Look
from policy_service.service.naming import fact_name
from policy_service.service.notes import body_hash, check_note
from policy_service.service.one_writer import OneWriter
from policy_service.service.outbox import Outbox
from policy_service.service.pages import kept_in
from policy_service.service.past import AsOf, Past
from policy_service.service.standing import Judge, actor, judged
from policy_service.service.writing_thread import WritingThread

T = TypeVar("T")

MAX_TRIES = 32
"""How often a write is made again because another process wrote in between."""


class _HeadMoved(Exception):
    """Another process wrote between the look at the facts and the write; nothing was written."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class ControlDesk:
    """Everything here is called on the event loop; what blocks runs in threads of its own."""

    def __init__(
        self,
        backends: Backends,
        *,
        clock: Callable[[], datetime] = utc_now,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_lost` is called once a second writer has taken the log's stream, or facts and log are found not
        to belong together: this process must then end.
        """
        self.fingerprinter = backends.fingerprinter
        self.facts = FreshFacts(backends.reader, backends.memory, backends.saw)
        self.past = Past(backends.reader, backends.tokens)
        self._backends = backends
        self._outbox = Outbox(backends.store, backends.log)
        self._clock = clock
        self._on_lost = on_lost
        self._one_writer = OneWriter()
        self.writing = WritingThread()

    @property
    def now(self) -> datetime:
        """By the process's clock."""
        return self._clock()

    async def start(self) -> None:
        """Complete what a crash left between the facts and the log. Raises `LogUnavailable`."""
        await self._complete()

    async def close(self) -> None:
        """Wait for the threads' work; nothing may be asked after this."""
        await self.writing.close()
        await self.facts.close()

    async def write(
        self,
        call: Asking,
        roles: frozenset[StaffRole],
        note: Note,
        draft: Drafting[T],
        *,
        for_whom: Callable[[Asking], Controller] = organisation,
        granted: Granted | None = None,
    ) -> Done[T]:
        """Put on file what `draft` makes of the facts, for one organisation; the next check knows it.

        People need one of `roles`, systems what is `granted`. `for_whom` and `draft` are asked once the
        caller is judged. They may be called several times, and have no effect of their own; what `draft`
        awaits, other writes wait for as well.
        """

        def judge(view: FactsView, now: datetime) -> tuple[Caller, Controller]:
            return judged(view, call, roles, for_whom, now, granted)

        async with self._one_writer.turn():
            return await self._write(call, judge, note, draft)

    async def write_in_turns(
        self,
        call: Asking,
        roles: frozenset[StaffRole],
        note: Note,
        draft: Drafting[T],
    ) -> Done[T]:
        """As `write`, of a draft that takes long and lets others have their turn meanwhile. It needs many
        facts once, which are not remembered.
        """

        def judge(view: FactsView, now: datetime) -> tuple[Caller, Controller]:
            return judged(view, call, roles, organisation, now)

        async with self._one_writer.turn():
            return await self._write(call, judge, note, draft, self.facts.at_head_aside)

    async def write_by_itself(
        self,
        method: str,
        controller: Controller,
        reason: str,
        draft: Drafting[T],
    ) -> Done[T]:
        """As `write`, of what the service does without being asked: nobody's call, and in `method`'s name."""

        def judge(_: FactsView, __: datetime) -> tuple[Caller, Controller]:
            return NOBODY, controller

        async with self._one_writer.turn():
            return await self._write(ByItself(method, controller), judge, Note(reason), draft)

    async def _write(
        self,
        call: Asking,
        judge: Judge,
        note: Note,
        draft: Drafting[T],
        at_head: Callable[[Look[Looked[T]]], Awaitable[Looked[T]]] | None = None,
    ) -> Done[T]:
        # What an earlier write owes the log goes first, or entries would stand out of order.
        if self._outbox.owes:
            await self._complete()
        for _ in range(MAX_TRIES):
            try:
                return await self._write_once(call, judge, note, draft, at_head or self.facts.at_head)
            except _HeadMoved:
                continue
        raise UnavailableError("STORE_BUSY", "other writes kept coming in between; try again")

    async def _write_once(
        self,
        call: Asking,
        judge: Judge,
        note: Note,
        draft: Drafting[T],
        at_head: Callable[[Look[Looked[T]]], Awaitable[Looked[T]]],
    ) -> Done[T]:
        now = self._clock()

        async def look(view: FactsView) -> Looked[T]:
            caller, controller = judge(view, now)
            check_note(note)
            occasion = Occasion(now, caller, controller, note.idempotency_key)
            try:
                return Looked(view.revision, occasion, await draft_of(draft, view, occasion))
            except PolicyServiceError as refused:
                if not note.idempotency_key:
                    raise
                return Looked(view.revision, occasion, refused)

        looked = await at_head(look)
        # Before the thread has it, so that the next write knows even where this one is no longer waited for.
        self._outbox.begin()
        written = await self._in_writing_thread(partial(self._commit, call, note, looked))
        if written.repeated:
            return await self._write_again(call, looked.occasion, draft, written)
        self.facts.wrote(written.revision, written.touched)
        await self._in_writing_thread(partial(self._outbox.deliver_write, written))
        drafted = looked.drafted
        return Done(drafted.answer, self.past.seal(written.revision), drafted.notes)

    def _commit(self, call: Asking, note: Note, looked: Looked[T]) -> Written:
        """Commit what was drafted, as the revision that follows the one it was drafted from. Blocking."""
        seen, occasion = looked.seen, looked.occasion
        entry_id = time_ordered_id(occasion.now)

        def entry(revision: Revision) -> bytes:  # what it raises undoes the write
            if revision != seen + 1:
                raise _HeadMoved
            self._outbox.refuse_delivered(revision)
            drafted = looked.drafted
            # Whoever erased may read it: what is kept for others must change neither a name nor their order.
            changed = (*drafted.facts, *drafted.removed)
            names = list(dict.fromkeys((*drafted.erased_names, *map(fact_name, changed))))
            head = self._entry_head(call, occasion.caller, looked.owner, entry_id, occasion.now, revision)
            data = write_entry(
                head, facts=names, reason=note.reason, refused=drafted.refused, despite=drafted.despite
            )
            if len(data) > MAX_ENTRY_BYTES:
                # Found now: once committed, it would be owed to a log that never takes it.
                raise InvalidArgumentError(
                    "", "TOO_MANY_FACTS", "the call changes more than an entry can name"
                )
            return data

        body = body_hash(self.fingerprinter, call, note)
        change = change_of(
            looked, note, actor=actor(call, occasion.caller), entry_id=entry_id, body_hash=body
        )
        try:
            return self._backends.store.write(change, entry)
        except ConflictError as error:
            if error.reason == "ALREADY_EXISTS" and self._backends.reader.head() > seen:
                raise _HeadMoved from error
            raise

    async def _write_again(
        self,
        call: Asking,
        occasion: Occasion,
        draft: Drafting[T],
        first: Written,
    ) -> Done[T]:
        """Answer a repeated write as the first one was: by the facts as that one left them.

        Nothing is written, so what it leaves is a reading.
        """

        async def look(view: FactsView) -> Draft[T]:
            return await draft_of(draft, view, occasion)

        made = await self.facts.as_of(first.revision, look)
        names = tuple(fact_name(fact) for fact in made.facts)
        found = Found(made.answer, names)
        await self._leave_reading(
            call, occasion.caller, occasion.controller, occasion.now, first.revision, found
        )
        return Done(made.answer, self.past.seal(first.revision), made.notes)

    async def read(
        self,
        call: Asking,
        roles: frozenset[StaffRole],
        look: Callable[[FactsView, Controller], Awaitable[Found[T]]],
        *,
        for_whom: Callable[[Asking], Controller] = organisation,
        as_of: AsOf | None = None,
        page_token: str = "",
    ) -> T:
        """Answer what `look` finds for one organisation, among the facts of now, or those of `as_of`.

        `for_whom` and `look` are asked once the caller is judged. They may be called several times, and what
        they await changes nothing. Who looks back is judged on the facts of now all the same. A further page
        of a list looks at the facts that its first page has looked at.
        """
        now = self._clock()
        earlier: Revision | None = None
        if as_of is None:

            async def judged_look(view: FactsView) -> tuple[Revision, Caller, Controller, Found[T]]:
                caller, controller = judged(view, call, roles, for_whom, now)
                return view.revision, caller, controller, await look(view, controller)

            revision, caller, controller, found = await self.facts.at_head(judged_look)
        else:

            async def judge(view: FactsView) -> tuple[Revision, Caller, Controller]:
                return view.revision, *judged(view, call, roles, for_whom, now)

            revision, caller, controller = await self.facts.at_head(judge)
            which = partial(self.past.looked_at, as_of, kept_in(page_token), now)
            earlier = await self.facts.in_thread(which)
            found = await self.facts.as_of(earlier, lambda view: look(view, controller))
        await self._leave_reading(call, caller, controller, now, revision, found, earlier)
        return found.answer

    async def witnessed_at(self) -> datetime:
        """The last moment that this store knows to have come, apart from its revisions."""
        return await self._in_writing_thread(self._backends.store.witnessed_at)

    async def witness(self, moment: datetime, *, back: bool = False) -> None:
        """Note that a moment has come; no entry, since nothing that is on file changes by it."""
        await self._in_writing_thread(partial(self._backends.store.witness, moment, back=back))

    async def judge(
        self,
        call: Asking,
        roles: frozenset[StaffRole],
        *,
        for_whom: Callable[[Asking], Controller] = organisation,
    ) -> None:
        """Judge again the caller of a reading that goes on; it leaves no entry. Raises as `read` does."""

        async def look(view: FactsView) -> None:
            judged(view, call, roles, for_whom, self._clock())

        await self.facts.at_head(look)

    async def refused(
        self, call: Asking, *, status: str, reason: str, field: str = "", people: Sequence[str] = ()
    ) -> None:
        """Leave the entry of a call that was refused or failed.

        `status` is the gRPC status's name, `field` the path of the field at fault, `people` whom it named.
        """
        now = self._clock()
        entry_id = time_ordered_id(now)
        revision = self.facts.revision
        head = self._entry_head(call, call.caller, call.controller, entry_id, now, revision)
        entry = refusal_entry(head, status=status, reason=reason, field=field, people=people)
        await self._append(Entry(entry_id, to_microseconds(now), entry))

    async def _complete(self) -> None:
        await self._in_writing_thread(self._outbox.deliver)

    async def _leave_reading(
        self,
        call: Asking,
        caller: Caller,
        controller: Controller,
        now: datetime,
        revision: Revision,
        found: Found[T],
        earlier: Revision | None = None,
    ) -> None:
        """`revision`: on which the caller was judged; `earlier`: which was shown, if it is another."""
        entry_id = time_ordered_id(now)
        owner = controller if found.controller is None else found.controller
        head = self._entry_head(call, caller, owner, entry_id, now, revision)
        was_found = bool(found.names) if found.found is None else found.found
        entry = read_entry(head, facts=found.names, found=was_found, as_of=earlier or 0)
        await self._append(Entry(entry_id, to_microseconds(now), entry))

    async def _append(self, entry: Entry) -> None:
        await self._in_writing_thread(lambda: self._backends.log.append_now(entry))

    def _entry_head(
        self,
        call: Asking,
        caller: Caller,
        controller: Controller,
        entry_id: str,
        now: datetime,
        revision: Revision,
    ) -> Head:
        return Head(
            entry_id=entry_id,
            time=now,
            caller=caller,
            method=call.method,
            revision=revision,
            versions=self._backends.versions,
            trace_id=call.trace_id,
            controller=controller,
        )

    async def _in_writing_thread(self, work: Callable[[], T]) -> T:
        try:
            return await self.writing.do(work)
        except (StreamLost, EntryMissing):
            self._on_lost()
            raise
