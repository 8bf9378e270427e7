"""The one writer of facts. Control alone has one.

Invariants, each with a test of its name:

- ORDERED: a revision becomes visible after every lower one. The head row is taken first and held until the
  commit.
- KEPT: a row that was visible at a revision stays visible at it for ever.
- ANNOUNCED: whatever a revision changed, the keys that find it stand in `changes`.
- OWED: a revision has its log entry beside it from the same commit on; a crash afterwards loses no entry.
- ONCE: the same request, asked again by its idempotency key, is written once.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, case, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from policy_service.facts.connect import (
    WAIT_SECONDS,
    WriterLock,
    failures_named,
    is_unique_violation,
    server_warnings,
    sqlite_path,
    writing_engine,
)
from policy_service.facts.keys import Key, key_to_text, keys_of
from policy_service.facts.mapping import (
    KINDS,
    Kind,
    fact_id,
    from_row,
    to_microseconds,
    to_row,
)
from policy_service.facts.reader import FactsReader
from policy_service.facts.tables import OPEN, ChangeRow, HeadRow, PrivacyRequestPersonRow, RevisionRow
from policy_service.model.errors import ConflictError, UnavailableError
from policy_service.model.facts import Controller, Fact, PrivacyRequest, Revision

IDS_A_STATEMENT = 1_000


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


@dataclass(frozen=True, slots=True)
class Written:
    """A durable revision and its log entry. `repeated`: it was written when it was first asked for."""

    revision: Revision
    entry_id: str
    entry: bytes
    repeated: bool


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
        new = _by_kind(change.facts)
        gone = _by_kind(change.removed)
        if any(new.get(kind, {}).keys() & facts.keys() for kind, facts in gone.items()):
            raise _written_twice()
        with failures_named(), self._transaction() as connection:
            revision, committed_at = _take_head(connection, change.time)
            if first := _already_written(connection, change):
                connection.rollback()
                return first
            changed = dict.fromkeys(
                key for kind, facts in gone.items() for key in _remove(connection, kind, facts, revision)
            )
            for kind, facts in new.items():
                changed |= dict.fromkeys(_replace(connection, kind, facts, revision))
            _announce(connection, changed, revision)
            owed = entry(revision)
            connection.execute(
                insert(RevisionRow).values(**self._revision_row(change, revision, committed_at, owed))
            )
        return Written(revision, change.entry_id, owed, repeated=False)

    def undelivered(self, after: Revision) -> Iterator[OutboxRow]:
        """Entries owed to this stream by revisions after `after`, in their order: what a crash may have kept
        from the log.
        """
        row = RevisionRow
        while True:
            statement = (
                select(row.revision, row.entry_id, row.time, row.entry)
                .where(row.stream_id == self._stream_id, row.revision > after)
                .order_by(row.revision)
                .limit(IDS_A_STATEMENT)
            )
            page = self._reader.rows(statement)
            for revision, entry_id, time_us, owed in page:
                yield OutboxRow(Revision(revision), entry_id, time_us, owed)
            if len(page) < IDS_A_STATEMENT:
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


def _take_head(connection: Connection, time: datetime) -> tuple[Revision, int]:
    """ORDERED: the next revision, and a commit time that does not go back. Whoever comes next waits here for
    our commit.

    A sequence, or the greatest revision plus one, would show r + 1 to readers before r.
    """
    now = to_microseconds(time)
    later = case((HeadRow.committed_at > now, HeadRow.committed_at), else_=now)
    statement = update(HeadRow).values(revision=HeadRow.revision + 1, committed_at=later)
    revision, committed_at = connection.execute(
        statement.returning(HeadRow.revision, HeadRow.committed_at)
    ).one()
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
        raise ConflictError("IDEMPOTENCY_KEY_REUSED", "the idempotency key was used for another request")
    return Written(Revision(first.revision), first.entry_id, first.entry, repeated=True)


def _by_kind(facts: Iterable[Fact]) -> dict[Kind, dict[str, Fact]]:
    sorted_out: defaultdict[Kind, dict[str, Fact]] = defaultdict(dict)
    for fact in facts:
        same_kind = sorted_out[KINDS[type(fact)]]
        if same_kind.setdefault(fact_id(fact), fact) is not fact:
            raise _written_twice()
    return sorted_out


def _remove(connection: Connection, kind: Kind, facts: dict[str, Fact], revision: Revision) -> Iterator[Key]:
    """Close the facts' open rows; the keys that found them."""
    for row_id, old in _open_rows(connection, kind, list(facts)).values():
        _refuse_other_controller(kind, old, facts[fact_id(old)])
        _close(connection, kind, [row_id], revision)
        yield from keys_of(old)


def _replace(connection: Connection, kind: Kind, facts: dict[str, Fact], revision: Revision) -> Iterator[Key]:
    """KEPT: close the rows that no longer hold and add their successors; the keys that find either."""
    standing = _open_rows(connection, kind, list(facts))
    for old_id, (_, old) in standing.items():
        _refuse_other_controller(kind, old, facts[old_id])
    new = [fact for key, fact in facts.items() if key not in standing or standing[key][1] != fact]
    outdated = [standing[fact_id(fact)] for fact in new if fact_id(fact) in standing]
    _close(connection, kind, [row_id for row_id, _ in outdated], revision)
    _add(connection, kind, new, revision)
    for fact in (*(old for _, old in outdated), *new):
        yield from keys_of(fact)


def _open_rows(connection: Connection, kind: Kind, ids: list[str]) -> dict[str, tuple[int, Fact]]:
    """The open row of each fact that has one: its number, and the fact."""
    found = {}
    for batch in _batches(ids):
        statement = select(kind.table.c.row_id, *kind.columns).where(
            kind.id_column.in_(batch), kind.table.c.revision_to == OPEN
        )
        for row_id, *columns in connection.execute(statement):
            fact = from_row(kind.fact, columns)
            found[fact_id(fact)] = (row_id, fact)
    return found


def _close(connection: Connection, kind: Kind, row_ids: list[int], revision: Revision) -> None:
    for batch in _batches(row_ids):
        connection.execute(
            update(kind.table).where(kind.table.c.row_id.in_(batch)).values(revision_to=revision)
        )


def _add(connection: Connection, kind: Kind, facts: list[Fact], revision: Revision) -> None:
    if not facts:
        return
    rows = [to_row(fact) | {"revision_from": revision, "revision_to": OPEN} for fact in facts]
    try:
        connection.execute(insert(kind.table), rows)
    except DBAPIError as error:
        if is_unique_violation(error):
            raise _already_exists(kind) from None
        raise
    protected = [
        {"person_id": person_id, "request_id": fact.request_id, "revision_from": revision}
        for fact in facts
        if isinstance(fact, PrivacyRequest)
        for person_id in dict.fromkeys((fact.person_id, *fact.covers))
    ]
    if protected:
        connection.execute(insert(PrivacyRequestPersonRow), protected)


def _announce(connection: Connection, changed: Iterable[Key], revision: Revision) -> None:
    rows = [{"revision": revision, "key": key_to_text(key)} for key in changed]
    if rows:
        connection.execute(insert(ChangeRow), rows)


def _refuse_other_controller(kind: Kind, old: Fact, new: Fact) -> None:
    """A fact's controller is answerable for it from its first row to its last; no other can take it over by
    its id.
    """
    if old.controller != new.controller:
        raise _already_exists(kind)


def _batches(items: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), IDS_A_STATEMENT):
        yield items[start : start + IDS_A_STATEMENT]


def _already_exists(kind: Kind) -> ConflictError:
    return ConflictError("ALREADY_EXISTS", f"another `{kind.label}` has this identifier, reference or name")


def _written_twice() -> ConflictError:
    return ConflictError("WRITTEN_TWICE", "a fact stands twice in one change")
