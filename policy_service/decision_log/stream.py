"""The writer of one log stream: appends groups of entries, each durable and in the tree when it returns.

Invariants:
- HEAD AND ENTRIES MOVE TOGETHER: one transaction inserts the rows and moves the head row (size, root, edge).
- ONE EPOCH: the head moves only by compare-and-swap on epoch, size and root, so a second writer is found at
  once.
- AFTER AN ERROR THE STORE SAYS: the tree in memory is dropped and loaded again under a new epoch, so that
  nothing that is still on its way from before can land later.
"""

from __future__ import annotations

import logging
import re
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

from policy_service.decision_log.connection import WriterConnection
from policy_service.decision_log.entry import Appended, Entry, StreamId
from policy_service.decision_log.errors import (
    DuplicateEntry,
    EntryRefused,
    EntryTooLarge,
    LogCorrupt,
    LogUnavailable,
    StreamLost,
)
from policy_service.decision_log.location import Timeouts
from policy_service.decision_log.merkle import EMPTY_ROOT, RightEdge, leaf_hash
from policy_service.decision_log.url import locate

SLOT = re.compile(r"[a-z][a-z0-9-]{0,62}")

_logger = logging.getLogger(__name__)

Outcome = Appended | LogUnavailable | EntryTooLarge
"""What became of one entry of a group: durable at this place, or not known to be, and why."""


@dataclass(frozen=True, slots=True)
class _Head:
    """The head row, as this writer last read or moved it."""

    number: int
    stream_id: StreamId
    epoch: int
    edge: RightEdge
    root: bytes
    outbox_revision: int


class _HeadMoved(Exception):
    """The compare-and-swap failed; whether the stream is lost shows when the head is loaded again."""


class _NotWritten(Exception):
    """The transaction failed, and the store, asked again, has nothing of it."""

    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self.cause = cause


class StreamWriter:
    """Appends to the open stream of one slot, e.g. `worker-0`. Blocking; safe to use from several threads."""

    def __init__(
        self, connection: WriterConnection, slot: str, timeouts: Timeouts, holding: ExitStack
    ) -> None:
        """For `open` alone, which has what is to be held while this writes."""
        self.slot = slot
        self._connection = connection
        self._timeouts = timeouts
        self._holding = holding
        self._turn_lock = threading.Lock()
        self._writer = secrets.token_hex(16)
        self._head: _Head | None = None
        self._number = 0  # of the row in `log_streams`
        self._lost = False
        self._closed = False

    @classmethod
    def open(cls, url: str, slot: str, *, timeouts: Timeouts | None = None) -> Self:
        """Continue the slot's stream, or create it. Whoever wrote it before can append to it no more.

        `LogUnavailable` if the store cannot be reached, would lose what it has committed, or (on SQLite) is
        still being written by another process; `LogCorrupt` if the head is not that of its entries.
        """
        if not SLOT.fullmatch(slot):
            raise ValueError("a slot is a lower-case letter, then up to 62 of a to z, 0 to 9 and `-`")
        within = timeouts or Timeouts()
        location = locate(url, within)
        with ExitStack() as holding:
            try:
                holding.enter_context(location.claim(slot))
                connection = WriterConnection(location, slot)
                holding.callback(connection.close)
                writer = cls(connection, slot, within, holding)
                writer._begin()
            except LogUnavailable:
                raise
            except Exception as error:
                raise LogUnavailable(f"the log stream `{slot}` cannot be opened") from error
            writer._holding = holding.pop_all()
        return writer

    def close(self) -> None:
        """Nothing is appended after this. Idempotent."""
        with self._turn():
            self._closed = True
            self._holding.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def lost(self) -> bool:
        """Whether this writer knows that another process has taken the stream over, or closed it."""
        return self._lost

    @property
    def outbox_revision(self) -> int:
        """The last revision whose entry this stream holds, 0 before the first."""
        with self._turn():
            return self._loaded().outbox_revision

    @property
    def stream_id(self) -> StreamId:
        with self._turn():
            return self._loaded().stream_id

    def append(self, group: Sequence[Entry], outbox_revision: int | None = None) -> list[Outcome]:
        """Append in this order. What is `Appended` is durable (fsync) when this returns; one outcome each.

        Normally one transaction. If that fails, the entries are tried again one by one, so that a bad one
        spoils no other. With `outbox_revision`, which rises to that in the same transaction, the group goes
        in whole or not at all. Raises `StreamLost` alone: this writer is at its end, and so is the process
        that trusts it.
        """
        too_large = any(entry.is_too_large for entry in group)
        if too_large and outbox_revision is not None:
            spoilt = EntryRefused("an entry of its group is too large")
            return [EntryTooLarge() if entry.is_too_large else spoilt for entry in group]
        fitting = [entry for entry in group if not entry.is_too_large] if too_large else group
        try:
            with self._turn():
                outcomes = self._append(fitting, outbox_revision) if fitting else []
        except StreamLost:
            raise
        except LogUnavailable as error:
            outcomes = [error] * len(fitting)
        if not too_large:
            return outcomes
        following = iter(outcomes)
        return [EntryTooLarge() if entry.is_too_large else next(following) for entry in group]

    def append_now(self, entry: Entry, outbox_revision: int | None = None) -> Appended:
        """Append one entry, alone, and raise what stands against it. For control, from a thread."""
        (outcome,) = self.append((entry,), outbox_revision)
        if isinstance(outcome, Appended):
            return outcome
        raise outcome

    def finish(self, last: Entry) -> None:
        """Append the stream's last entry and close it for good, both or neither; nothing is appended after
        this. Whoever opens the slot again begins another stream. For control, from a thread.

        `LogUnavailable` if that is not known to be durable: opening the slot again shows what became of it.
        """
        with self._turn():
            self._loaded()
            try:
                self._write((last,), None, closing=True)
            except Exception as error:
                raise _caused(LogUnavailable(), error) from error
            finally:
                self._closed = True

    # --- one group ---

    def _append(self, group: Sequence[Entry], outbox_revision: int | None) -> list[Outcome]:
        head = self._loaded()
        whole = outbox_revision is not None
        if outbox_revision is not None and outbox_revision <= head.outbox_revision:
            duplicate = DuplicateEntry("the entries of this revision are already in the decision log")
            return [duplicate] * len(group)
        try:
            return self._write_or_know(group, outbox_revision)
        except _NotWritten as failed:
            _logger.warning("a group of %d log entries was not written", len(group), exc_info=failed.cause)
            if len(group) == 1 and isinstance(failed.cause, self._connection.refusals):
                return [self._reason(group[0], failed.cause)]
        deadline = time.monotonic() + self._timeouts.again
        parts = [group] if whole else [(entry,) for entry in group]
        return [outcome for part in parts for outcome in self._try_again(part, outbox_revision, deadline)]

    def _try_again(
        self, part: Sequence[Entry], outbox_revision: int | None, deadline: float
    ) -> list[Outcome]:
        if time.monotonic() > deadline:
            return [LogUnavailable()] * len(part)
        try:
            return self._write_or_know(part, outbox_revision)
        except _NotWritten as failed:
            if len(part) == 1:
                return [self._reason(part[0], failed.cause)]
            return [_caused(EntryRefused("an entry of its group was refused"), failed.cause)] * len(part)
        except StreamLost:
            raise
        except LogUnavailable as error:
            return [error] * len(part)

    def _write_or_know(self, group: Sequence[Entry], outbox_revision: int | None) -> list[Outcome]:
        """Write. After an error, load again and look: a commit whose answer was lost is no failure."""
        since = self._loaded().edge.size
        try:
            return self._write(group, outbox_revision)
        except Exception as error:
            self._head = None
            head = self._loaded()
            landed = dict(
                self._read(self._connection.sql.added_since, {"stream": head.number, "since": since})
            )
            if not all(entry.id in landed for entry in group):
                raise _NotWritten(error) from error
            return [Appended(head.stream_id, landed[entry.id]) for entry in group]

    def _write(
        self, group: Sequence[Entry], outbox_revision: int | None, *, closing: bool = False
    ) -> list[Outcome]:
        """HEAD AND ENTRIES MOVE TOGETHER; ONE EPOCH."""
        head = self._loaded()
        first = head.edge.size
        edge = head.edge.extended([leaf_hash(entry.data) for entry in group])
        moved = replace(
            head,
            edge=edge,
            root=edge.root(),
            outbox_revision=head.outbox_revision if outbox_revision is None else outbox_revision,
        )
        with self._connection.transaction() as cursor:
            cursor.execute(
                self._connection.sql.move_head,
                {
                    "at_number": head.number,
                    "at_epoch": head.epoch,
                    "at_size": first,
                    "at_root": head.root,
                    "new_size": edge.size,
                    "new_root": moved.root,
                    "new_edge": edge.encode(),
                    "new_outbox_revision": moved.outbox_revision,
                },
            )
            if cursor.rowcount != 1:
                raise _HeadMoved
            cursor.executemany(
                self._connection.sql.add_entry,
                [
                    {
                        "stream": head.number,
                        "leaf_index": index,
                        "time_us": entry.time_us,
                        "id": entry.id,
                        "data": entry.data,
                    }
                    for index, entry in enumerate(group, first)
                ],
            )
            if closing:
                cursor.execute(self._connection.sql.close_stream, {"at_number": head.number})
        self._head = moved
        return [Appended(head.stream_id, index) for index in range(first, edge.size)]

    def _reason(self, entry: Entry, cause: Exception) -> LogUnavailable:
        """Why this entry, tried alone, was not written."""
        if not isinstance(cause, self._connection.refusals):
            return _caused(LogUnavailable(), cause)
        try:
            known = bool(self._read(self._connection.sql.find_entry, {"id": entry.id}))
        except LogUnavailable as error:
            return error
        return _caused(DuplicateEntry() if known else EntryRefused(), cause)

    # --- the head ---

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turn_lock.acquire(timeout=self._timeouts.turn):
            raise LogUnavailable("the log stream is busy")
        try:
            yield
        finally:
            self._turn_lock.release()

    def _loaded(self) -> _Head:
        """AFTER AN ERROR THE STORE SAYS: the head, loaded again if what was last done with it failed."""
        if self._lost:
            raise StreamLost
        if self._closed:
            raise LogUnavailable("the log stream is closed")
        if self._head is None:
            try:
                self._head = self._take(self._connection.sql.take_back, self._number)
            except LogUnavailable:
                raise
            except Exception as error:
                raise _caused(LogUnavailable(), error) from error
        return self._head

    def _begin(self) -> None:
        """Take over the slot's open stream, or create it."""
        found = self._read(self._connection.sql.find_stream, {"slot": self.slot})
        if not found:
            try:
                self._create()
            except self._connection.refusals:
                _logger.info("another process created the stream of `%s` at the same time", self.slot)
            found = self._read(self._connection.sql.find_stream, {"slot": self.slot})
        ((self._number,),) = found
        self._head = self._take(self._connection.sql.take_over, self._number)

    def _create(self) -> None:
        with self._connection.transaction() as cursor:
            cursor.execute(
                self._connection.sql.create_stream,
                {
                    "stream_id": secrets.token_hex(16),
                    "slot": self.slot,
                    "created_us": time.time_ns() // 1000,
                    "size": 0,
                    "root": EMPTY_ROOT,
                    "edge": b"",
                    "epoch": 0,
                    "writer": self._writer,
                    "outbox_revision": 0,
                    "closed": False,
                },
            )

    def _take(self, statement: str, number: int) -> _Head:
        """Raise the epoch, so that nothing that was begun before can land, and load what did."""
        with self._connection.transaction() as cursor:
            cursor.execute(statement, {"at_number": number, "new_writer": self._writer})
            rows = cursor.fetchall()
            if not rows:
                self._lost = True
                raise StreamLost
            cursor.execute(self._connection.sql.last_index, {"stream": number})
            ((last_index,),) = cursor.fetchall()
        ((stream_id, epoch, size, root, encoded_edge, outbox_revision),) = rows
        try:
            edge = RightEdge.decode(size, bytes(encoded_edge))
        except ValueError as error:
            raise LogCorrupt(
                f"the head of the log stream `{self.slot}` is of another size than its edge"
            ) from error
        if edge.root() != root:
            raise LogCorrupt(f"the head of the log stream `{self.slot}` has another root than its edge")
        if size != (0 if last_index is None else last_index + 1):
            raise LogCorrupt(
                f"the log stream `{self.slot}` has entries that its head does not count, or fewer"
            )
        return _Head(number, StreamId(stream_id), epoch, edge, root, outbox_revision)

    def _read(self, statement: str, parameters: dict[str, object]) -> list[Any]:
        """In a writing transaction, which is bounded. What the driver raises becomes `LogUnavailable`."""
        try:
            with self._connection.transaction() as cursor:
                cursor.execute(statement, parameters)
                return list(cursor.fetchall())
        except LogUnavailable:
            raise
        except Exception as error:
            raise _caused(LogUnavailable(), error) from error


def _caused(error: LogUnavailable, cause: BaseException) -> LogUnavailable:
    """An error that is handed on as a value still says where it came from."""
    error.__cause__ = cause
    return error
