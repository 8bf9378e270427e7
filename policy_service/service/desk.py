"""The desk of the control plane: what every control use case goes through, so that none can forget it.

Invariants:
- ONE ENTRY A CALL: a write and a reading each leave exactly one log entry, durable before the caller is
  answered; what raises leaves none, and the edge then asks for the refusal's (`refused`).
- THE REVISION FIRST: a write's entry is committed with its revision and appended from there (`outbox`). If
  the append fails, the caller learns that the service cannot answer; the write stands, and the next write or
  start completes the log.
- ONE WRITER: writes follow one another. Each is made from the facts as of the revision just before its own,
  so that what it looked up still holds when it is committed.
- JUDGED AFRESH: credentials, roles and grants are judged on the revision that the answer rests on, not on
  what the door remembers.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Generic, TypeVar

from policy_service.decision_log.entries import Head, Versions, read_entry, refusal_entry, write_entry
from policy_service.decision_log.entry import MAX_ENTRY_BYTES, Entry
from policy_service.decision_log.errors import StreamLost
from policy_service.decision_log.stream import StreamWriter
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.mapping import to_microseconds
from policy_service.facts.memory import FactsMemory
from policy_service.facts.reader import FactsReader
from policy_service.facts.store import Change, FactStore, Written
from policy_service.facts.view import FactsView
from policy_service.model.caller import Caller
from policy_service.model.errors import (
    ConflictError,
    InvalidArgumentError,
    PermissionDeniedError,
    PolicyServiceError,
    UnavailableError,
)
from policy_service.model.facts import Controller, Revision
from policy_service.model.ids import time_ordered_id
from policy_service.model.vocabulary import StaffRole
from policy_service.service.asking import Asking, Done, Draft, Found, Granted, Note, organisation
from policy_service.service.caller import authenticate
from policy_service.service.fresh_facts import FreshFacts
from policy_service.service.naming import fact_name
from policy_service.service.outbox import Outbox

T = TypeVar("T")

MAX_REASON = 200
MAX_IDEMPOTENCY_KEY = 128
TURN_SECONDS = 10.0
"""How long a write waits for those before it."""
MAX_TRIES = 32
"""How often a write is made again because another process wrote in between."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a draft may know besides the facts: when, and who asks."""

    now: datetime
    caller: Caller
    controller: Controller
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class _Looked(Generic[T]):
    """What a write would put on file after the revision `seen`, or why it would be refused.

    A refusal waits for the store where the call has an idempotency key: what was written when it was first
    asked for is answered again, whatever has become impossible since.
    """

    seen: Revision
    occasion: Occasion
    draft: Draft[T] | PolicyServiceError

    @property
    def drafted(self) -> Draft[T]:
        if isinstance(self.draft, PolicyServiceError):
            raise self.draft
        return self.draft


class _HeadMoved(Exception):
    """Another process wrote between the look at the facts and the write; nothing was written."""


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Backends:
    """What the desk works with; the composition root makes them, and closes them after the desk."""

    reader: FactsReader
    memory: FactsMemory
    store: FactStore
    log: StreamWriter
    fingerprinter: Fingerprinter
    versions: Versions
    facts_token: Callable[[Revision], str]


class ControlDesk:
    """Everything here is called on the event loop; what blocks runs in threads of its own."""

    def __init__(
        self,
        backends: Backends,
        *,
        clock: Callable[[], datetime] = utc_now,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_lost` is called once a second writer has taken the log's stream: this process must then end."""
        self.fingerprinter = backends.fingerprinter
        self.facts = FreshFacts(backends.reader, backends.memory)
        self._backends = backends
        self._outbox = Outbox(backends.store, backends.log)
        self._clock = clock
        self._on_lost = on_lost
        self._one_writer = asyncio.Lock()
        # One thread, so that entries stand in the log in the order in which their calls were decided here.
        self._writing = ThreadPoolExecutor(1, "control-write")

    async def start(self) -> None:
        """Complete what a crash left between the facts and the log. Raises `LogUnavailable`."""
        await self._complete()

    async def close(self) -> None:
        """Wait for the threads' work; nothing may be asked after this."""
        await asyncio.to_thread(self._writing.shutdown)
        await self.facts.close()

    async def write(
        self,
        call: Asking,
        roles: frozenset[StaffRole],
        note: Note,
        draft: Callable[[FactsView, Occasion], Draft[T]],
        *,
        for_whom: Callable[[Asking], Controller] = organisation,
        granted: Granted | None = None,
    ) -> Done[T]:
        """Put on file what `draft` makes of the facts, for one organisation; the next check knows it.

        People need one of `roles`, systems what is `granted`. `for_whom` and `draft` are asked once the
        caller is judged. They may be called several times, and have no effect of their own.
        """
        async with self._turn():
            # What an earlier write owes the log goes first, or entries would stand out of order.
            await self._complete()
            for _ in range(MAX_TRIES):
                try:
                    return await self._write_once(call, roles, note, draft, for_whom, granted)
                except _HeadMoved:
                    continue
        raise UnavailableError("STORE_BUSY", "other writes kept coming in between; try again")

    async def _write_once(
        self,
        call: Asking,
        roles: frozenset[StaffRole],
        note: Note,
        draft: Callable[[FactsView, Occasion], Draft[T]],
        for_whom: Callable[[Asking], Controller],
        granted: Granted | None,
    ) -> Done[T]:
        now = self._clock()

        async def look(view: FactsView) -> _Looked[T]:
            caller, controller = self._judged(view, call, roles, for_whom, now, granted)
            _check_note(note)
            occasion = Occasion(now, caller, controller, note.idempotency_key)
            try:
                return _Looked(view.revision, occasion, draft(view, occasion))
            except PolicyServiceError as refused:
                if not note.idempotency_key:
                    raise
                return _Looked(view.revision, occasion, refused)

        looked = await self.facts.at_head(look)
        written = await self._in_writing_thread(partial(self._commit, call, note, looked))
        if written.repeated:
            return await self._write_again(call, looked.occasion, draft, written)
        await self._complete()
        drafted = looked.drafted
        return Done(drafted.answer, self._backends.facts_token(written.revision), drafted.notes)

    def _commit(self, call: Asking, note: Note, looked: _Looked[T]) -> Written:
        """Commit what was drafted, as the revision that follows the one it was drafted from. Blocking."""
        seen, occasion = looked.seen, looked.occasion
        draft = looked.draft if isinstance(looked.draft, Draft) else None
        owner = occasion.controller if draft is None or draft.controller is None else draft.controller
        entry_id = time_ordered_id(occasion.now)

        def entry(revision: Revision) -> bytes:  # what it raises undoes the write
            if revision != seen + 1:
                raise _HeadMoved
            drafted = looked.drafted
            names = [fact_name(fact) for fact in (*drafted.facts, *drafted.removed)]
            head = self._entry_head(call, occasion.caller, owner, entry_id, occasion.now, revision)
            data = write_entry(head, facts=names, reason=note.reason)
            if len(data) > MAX_ENTRY_BYTES:
                # Found now: once committed, it would be owed to a log that never takes it.
                raise InvalidArgumentError(
                    "", "TOO_MANY_FACTS", "the call changes more than an entry can name"
                )
            return data

        change = Change(
            actor=_actor(occasion.caller),
            controller=owner,
            reason=note.reason,
            facts=() if draft is None else draft.facts,
            entry_id=entry_id,
            time=occasion.now,
            idempotency_key=note.idempotency_key,
            body_hash=self._body_hash(call, note),
            removed=() if draft is None else draft.removed,
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
        draft: Callable[[FactsView, Occasion], Draft[T]],
        first: Written,
    ) -> Done[T]:
        """Answer a repeated write as the first one was: by the facts as that one left them.

        Nothing is written, so what it leaves is a reading.
        """

        async def look(view: FactsView) -> Draft[T]:
            return draft(view, occasion)

        made = await self.facts.as_of(first.revision, look)
        names = tuple(fact_name(fact) for fact in made.facts)
        found = Found(made.answer, names)
        await self._leave_reading(
            call, occasion.caller, occasion.controller, occasion.now, first.revision, found
        )
        return Done(made.answer, self._backends.facts_token(first.revision), made.notes)

    async def read(
        self,
        call: Asking,
        roles: frozenset[StaffRole],
        look: Callable[[FactsView, Controller], Awaitable[Found[T]]],
        *,
        for_whom: Callable[[Asking], Controller] = organisation,
    ) -> T:
        """Answer what `look` finds for one organisation.

        `for_whom` and `look` are asked once the caller is judged. They may be called several times, and what
        they await changes nothing.
        """
        now = self._clock()

        async def judged_look(view: FactsView) -> tuple[Revision, Caller, Controller, Found[T]]:
            caller, controller = self._judged(view, call, roles, for_whom, now)
            return view.revision, caller, controller, await look(view, controller)

        revision, caller, controller, found = await self.facts.at_head(judged_look)
        await self._leave_reading(call, caller, controller, now, revision, found)
        return found.answer

    async def judge(
        self,
        call: Asking,
        roles: frozenset[StaffRole],
        *,
        for_whom: Callable[[Asking], Controller] = organisation,
    ) -> None:
        """Judge again the caller of a reading that goes on; it leaves no entry. Raises as `read` does."""

        async def look(view: FactsView) -> None:
            self._judged(view, call, roles, for_whom, self._clock())

        await self.facts.at_head(look)

    async def refused(self, call: Asking, *, status: str, reason: str, field: str = "") -> None:
        """Leave the entry of a call that was refused or failed.

        `status` is the gRPC status's name, `field` the path of the field at fault.
        """
        now = self._clock()
        entry_id = time_ordered_id(now)
        revision = self.facts.revision
        head = self._entry_head(call, call.caller, call.controller, entry_id, now, revision)
        entry = refusal_entry(head, status=status, reason=reason, field=field)
        await self._append(Entry(entry_id, to_microseconds(now), entry))

    def _judged(
        self,
        view: FactsView,
        call: Asking,
        roles: frozenset[StaffRole],
        for_whom: Callable[[Asking], Controller],
        now: datetime,
        granted: Granted | None = None,
    ) -> tuple[Caller, Controller]:
        """JUDGED AFRESH: the caller as the facts of `view` have him, and for whom he may do this."""
        caller = authenticate(view, call.authorization, now)
        if not caller.roles & roles and not _holds(view, caller, granted):
            needed = " or ".join(f"`{role}`" for role in sorted(roles))
            or_granted = "" if granted is None else f", or of a system the grant `{granted.name}`"
            raise PermissionDeniedError("ROLE_REQUIRED", f"this needs the role {needed}{or_granted}")
        controller = for_whom(call)
        if not caller.is_installation and controller != caller.controller:
            raise PermissionDeniedError(
                "CONTROLLER_NOT_YOURS", "this token acts for its own organisation alone"
            )
        return caller, controller

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
    ) -> None:
        entry_id = time_ordered_id(now)
        owner = controller if found.controller is None else found.controller
        head = self._entry_head(call, caller, owner, entry_id, now, revision)
        was_found = bool(found.names) if found.found is None else found.found
        entry = read_entry(head, facts=found.names, found=was_found)
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

    def _body_hash(self, call: Asking, note: Note) -> bytes:
        # Keyed, since a body may hold a phone number, and all phone numbers can be hashed in an afternoon.
        if not note.idempotency_key:
            return b""
        digest = hashlib.sha256(note.body).hexdigest()
        return bytes.fromhex(self.fingerprinter.asserted("idempotent_body", f"{call.method}\0{digest}"))

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """ONE WRITER, waited for within bounds."""
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._one_writer.acquire()
        except TimeoutError:
            raise UnavailableError("STORE_BUSY", "too many writes wait; try again") from None
        try:
            yield
        finally:
            self._one_writer.release()

    async def _in_writing_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._writing, work)
        except StreamLost:
            self._on_lost()
            raise


def _holds(view: FactsView, caller: Caller, granted: Granted | None) -> bool:
    if granted is None or not caller.system:
        return False
    system = view.system(caller.controller, caller.system)
    return system is not None and granted.holds(system)


def _actor(caller: Caller) -> str:
    """Who wrote, in the revision: people who manage, and systems; their tokens may change, they do not."""
    if caller.system:
        return f"system:{caller.system}"
    return f"installation:{caller.principal}" if caller.is_installation else f"principal:{caller.principal}"


def _check_note(note: Note) -> None:
    if len(note.reason) > MAX_REASON:
        raise InvalidArgumentError("reason", "TOO_LONG", f"`reason` is longer than {MAX_REASON} characters")
    if len(note.idempotency_key) > MAX_IDEMPOTENCY_KEY:
        raise InvalidArgumentError(
            "idempotency_key",
            "TOO_LONG",
            f"`idempotency_key` is longer than {MAX_IDEMPOTENCY_KEY} characters",
        )
