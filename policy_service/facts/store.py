"""The one writer of facts. Control alone has one.

Invariants, each with a test of its name:

- ORDERED: a revision becomes visible after every lower one. The head row is taken first and held until the
  commit.
- KEPT: a row that was visible at a revision stays visible at it for ever, unless a revision erases it
  (`erasing`).
- ANNOUNCED: whatever a revision changed, the keys that find it stand in `changes`.
- OWED: a revision has its log entry beside it from the same commit on; a crash afterwards loses no entry.
- ONCE: the same request, asked again by its idempotency key, is written once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, bindparam, case, insert, select, text, update

from policy_service.facts import named, noted_streams, rows
from policy_service.facts.connect import (
    WAIT_SECONDS,
    WriterLock,
    failures_named,
    server_warnings,
    sqlite_path,
    writing_engine,
)
from policy_service.facts.erasing import Version, erase
from policy_service.facts.keys import Key
from policy_service.facts.mapping import from_microseconds, to_microseconds
from policy_service.facts.noted_streams import NotedStream
from policy_service.facts.reader import FactsReader
from policy_service.facts.same_store import SameStore
from policy_service.facts.tables import BigNumber, HeadRow, RevisionRow
from policy_service.model.errors import ConflictError, UnavailableError
from policy_service.model.facts import Controller, Fact, Revision


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be written as one revision: who, for which organisation, why, and the facts as they are to
    be.
    """

    actor: str
    controller: Controller
    reason: str
    facts: tuple[Fact, ...]
    entry_id: str
    time: datetime
    """By the writer's clock."""
    idempotency_key: str = ""
    body_hash: bytes = b""
    removed: tuple[Fact, ...] = ()
    """Closed without a successor; known by their ids. One that is not on file stays so."""
    erased: tuple[Version, ...] = ()
    """Erased, once everything else of the change is done; one that is then open stays."""
    new: frozenset[str] = frozenset()
    """Ids of `facts` that are not on file, so that none is looked for. One that is all the same is refused
    (`ALREADY_EXISTS`).
    """
    handed_over: tuple[Fact, ...] = ()
    """Facts on file that go on under another controller than before, as they are to be."""


@dataclass(frozen=True, slots=True)
class Written:
    """A durable revision and its log entry. `repeated`: it was written when it was first asked for."""

    revision: Revision
    entry_id: str
    entry: bytes
    repeated: bool
    touched: Set[Key] = field(default=frozenset(), compare=False, repr=False)
    """The look-ups that it announced; not known of one that is repeated."""
    held: float = field(default=0.0, compare=False, repr=False)
    """Seconds for which it kept others from the head."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A revision's log entry, as it is owed to the stream."""

    revision: Revision
    entry_id: str
    time_us: int
    """The change's time, in microseconds since 1970, UTC."""
    entry: bytes


class FactStore:
    """Writes facts, one revision after the other, from any thread.

    `stream_id` is the log stream of this process: it stands in each revision as the owner of its entry.
    """

    def __init__(self, url: str, *, stream_id: str) -> None:
        self._stream_id = stream_id
        path = sqlite_path(url)
        self._lock = WriterLock(path) if path else None
        self._engine = writing_engine(url)
        self._reader = FactsReader(url)
        self._turn = threading.Lock()
        self._same = SameStore()
        try:
            with failures_named(), self._engine.connect() as connection:
                refuse_forgetful_server(connection)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._reader.close()
        self._engine.dispose()
        if self._lock:
            self._lock.release()
            self._lock = None

    def head(self) -> Revision:
        """The newest revision; waits for no write."""
        return self._reader.head()

    def hold_to_key(self, check: str) -> None:
        """Let no fingerprint of another key in: the first service to start says which key it is.

        UnavailableError `KEY_FILE_OTHER`: the store's fingerprints were made with another one, and nothing
        that is on file would be found.
        """
        with failures_named(), self._transaction() as connection:
            connection.execute(update(HeadRow).where(HeadRow.key_check == "").values(key_check=check))
            found = connection.execute(select(HeadRow.key_check)).scalar_one()
        if found != check:
            raise UnavailableError(
                "KEY_FILE_OTHER",
                "the key file is not the one that this store's fingerprints were made with; put that one"
                " there, or name it by `key_file`",
            )

    def list_named_people(self) -> None:
        """List whom requests, overrides and orders name that a version from before `named_people` wrote, or
        writes while others are upgraded. Others may write meanwhile, but for the end of it.
        """
        with failures_named(), self._transaction() as connection:
            if named.all_are_listed(connection):
                return
        for kind in named.NAMING:
            last = 0
            while True:
                with failures_named(), self._transaction() as connection:
                    last = named.list_unlisted(connection, kind, last)
                if not last:
                    break
        with failures_named(), self._transaction() as connection:
            connection.execute(update(HeadRow).values(revision=HeadRow.revision))  # and nobody writes now
            for kind in named.NAMING:
                last = 0
                while last := named.list_unlisted(connection, kind, last):
                    pass
            named.say_all_are_listed(connection)

    def witnessed_at(self) -> datetime:
        """The last moment that somebody vouched for, or the schedule found no leap before."""
        with failures_named(), self._engine.connect() as connection:
            return from_microseconds(connection.execute(select(HeadRow.witnessed_at)).scalar_one())

    def witness(self, moment: datetime, *, back: bool = False) -> None:
        """Note a moment that has come; `back`: also where a later one was noted before."""
        at = to_microseconds(moment)
        later = update(HeadRow).values(witnessed_at=at)
        with failures_named(), self._transaction() as connection:
            connection.execute(later if back else later.where(HeadRow.witnessed_at < at))

    def note_streams(self, streams: Collection[NotedStream]) -> None:
        """Note how far streams of the log reach, durably; writes no revision."""
        with failures_named(), self._transaction() as connection:
            noted_streams.note(connection, streams)

    def write(self, change: Change, entry: Callable[[Revision], bytes]) -> Written:
        """Write one revision; when this returns, it is durable and every reader sees it.

        `entry` makes the log entry's bytes once the revision's number is known; what it raises undoes the
        write. A fact equal to its open row writes no row; a change in which nothing changes is a revision all
        the same, since it was asked for.

        ConflictError `IDEMPOTENCY_KEY_REUSED`: the actor has used the key for another body. `ALREADY_EXISTS`:
        another fact has the identifier, reference or name, or the fact is another controller's.
        `WRITTEN_TWICE`: a fact stands twice in the change. UnavailableError: nothing is acknowledged; ask
        again with the same idempotency key.
        """
        new = rows.by_kind(change.facts)
        gone = rows.by_kind(change.removed)
        if any(new.get(kind, {}).keys() & facts.keys() for kind, facts in gone.items()):
            raise rows.written_twice()
        # Whatever needs no look at what is on file is made ready before others have to wait at the head.
        ready = [rows.Ready.of(kind, facts, change.new) for kind, facts in new.items()]
        with failures_named(), self._transaction() as connection:
            revision, committed_at = _take_head(connection, change.time, self._same)
            began = time.perf_counter()
            if first := _already_written(connection, change):
                connection.rollback()
                return first
            changed = rows.texts(
                key for kind, facts in gone.items() for key in rows.remove(connection, kind, facts, revision)
            )
            for kind, facts in rows.by_kind(change.handed_over).items():
                changed |= rows.texts(rows.hand_over(connection, kind, facts, revision))
            for each in ready:
                changed |= rows.replace(connection, each, revision)
            rows.announce(connection, changed, revision)
            erase(connection, change.erased, revision)
            owed = entry(revision)
            connection.execute(_ADD_REVISION, self._revision_row(change, revision, committed_at, owed))
        held = time.perf_counter() - began
        return Written(revision, change.entry_id, owed, repeated=False, touched=changed.keys(), held=held)

    def undelivered(self, after: Revision) -> Iterator[OutboxRow]:
        """Entries owed to this stream by revisions after `after`, in their order: what a crash may have kept
        from the log.
        """
        while True:
            page = self._reader.rows(_UNDELIVERED, {"of_stream": self._stream_id, "after": after})
            for revision, entry_id, time_us, owed in page:
                yield OutboxRow(Revision(revision), entry_id, time_us, owed)
            if len(page) < rows.IDS_A_STATEMENT:
                return
            after = Revision(page[-1][0])

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        if not self._turn.acquire(timeout=WAIT_SECONDS):
            raise UnavailableError
        try:
            with self._engine.connect() as connection:
                warnings = server_warnings(connection)
                warnings.clear()
                with connection.begin():
                    yield connection
                # A wait for a synchronous standby that is cut off ends in success, and a warning.
                if warnings:
                    raise UnavailableError
        finally:
            self._turn.release()

    def _revision_row(
        self, change: Change, revision: Revision, committed_at: int, owed: bytes
    ) -> dict[str, Any]:
        return {
            "revision": revision,
            "time": to_microseconds(change.time),
            "committed_at": committed_at,
            "actor": change.actor,
            "controller": change.controller,
            "reason": change.reason,
            "stream_id": self._stream_id,
            "entry_id": change.entry_id,
            "entry": owed,
            "idempotency_key": change.idempotency_key,
            "body_hash": change.body_hash,
        }


def refuse_forgetful_server(connection: Connection) -> None:
    """A PostgreSQL that would lose what it acknowledged is refused: UnavailableError."""
    if connection.dialect.name != "postgresql":
        return
    for setting in ("fsync", "full_page_writes"):
        if connection.exec_driver_sql(f"SHOW {setting}").scalar_one() != "on":
            raise UnavailableError(
                "STORE_NOT_DURABLE", f"the facts' server loses acknowledged writes: `{setting}` is off"
            )


# These are made once: to make them anew takes as long as the database does.
_UNDELIVERED = (
    select(RevisionRow.revision, RevisionRow.entry_id, RevisionRow.time, RevisionRow.entry)
    .where(RevisionRow.stream_id == bindparam("of_stream"), RevisionRow.revision > bindparam("after"))
    .order_by(RevisionRow.revision)
    .limit(rows.IDS_A_STATEMENT)
)
_ADD_REVISION = insert(RevisionRow)
_NOW = bindparam("now", type_=BigNumber)
_NEXT_HEAD = (
    update(HeadRow)
    .values(
        revision=HeadRow.revision + 1,
        committed_at=case((HeadRow.committed_at > _NOW, HeadRow.committed_at), else_=_NOW),
        named_until=case(
            (HeadRow.named_until == HeadRow.revision, HeadRow.revision + 1), else_=HeadRow.named_until
        ),
    )
    .returning(HeadRow.revision, HeadRow.committed_at, HeadRow.epoch, HeadRow.oldest_reader)
)


def _take_head(connection: Connection, time: datetime, same: SameStore) -> tuple[Revision, int]:
    """ORDERED: the next revision, and a commit time that does not go back. Whoever comes next waits here for
    our commit.

    A sequence, or the greatest revision plus one, would show r + 1 to readers before r.
    """
    now = {"now": to_microseconds(time)}
    revision, committed_at, epoch, oldest_reader = connection.execute(_NEXT_HEAD, now).one()
    same.check(revision, epoch, oldest_reader)
    return Revision(revision), committed_at


def _already_written(connection: Connection, change: Change) -> Written | None:
    """ONCE: what this actor's request of the same key has written. Asked with the head in hand, so that no
    other can be about to.
    """
    if not change.idempotency_key:
        return None
    row = RevisionRow
    statement = select(row.revision, row.entry_id, row.entry, row.body_hash).where(
        row.controller == change.controller,
        row.actor == change.actor,
        row.idempotency_key == change.idempotency_key,
        text("idempotency_key <> ''"),  # in the words of the partial index
    )
    first = connection.execute(statement).one_or_none()
    if first is None:
        return None
    if first.body_hash != change.body_hash:
        raise ConflictError(
            "IDEMPOTENCY_KEY_REUSED", "`idempotency_key` was used for another request", "idempotency_key"
        )
    return Written(Revision(first.revision), first.entry_id, first.entry, repeated=True)
