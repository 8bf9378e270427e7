"""Reads the log: an entry, a stream's entries in order, and whether they are still what was appended."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Row, bindparam, func, select
from sqlalchemy.exc import SQLAlchemyError

from policy_service.decision_log.entry import StoredEntry, StreamHead, StreamId
from policy_service.decision_log.errors import LogUnavailable
from policy_service.decision_log.location import Timeouts
from policy_service.decision_log.merkle import RightEdge, leaf_hash
from policy_service.decision_log.tables import EntryRow, StreamRow
from policy_service.decision_log.url import locate

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Verification:
    """What a full check found: `problem` is `None` if the entries are those that the head stands for."""

    stream_id: StreamId
    size: int
    root: bytes
    problem: str | None

    @property
    def holds(self) -> bool:
        return self.problem is None


_HEADS = select(
    StreamRow.stream_id,
    StreamRow.slot,
    StreamRow.created_us,
    StreamRow.size,
    StreamRow.root,
    StreamRow.epoch,
    StreamRow.outbox_revision,
    StreamRow.closed,
)
_ENTRIES = select(
    StreamRow.stream_id, StreamRow.slot, EntryRow.leaf_index, EntryRow.id, EntryRow.time_us, EntryRow.data
).join(EntryRow, EntryRow.stream == StreamRow.number)
_ENTRY = _ENTRIES.where(EntryRow.id == bindparam("entry_id"))


class LogReader:
    """Reads all streams of a log. Blocking; safe to use from several threads; holds nothing open."""

    def __init__(self, url: str, *, timeouts: Timeouts | None = None) -> None:
        self._location = locate(url, timeouts or Timeouts())

    def get(self, entry_id: str) -> StoredEntry | None:
        """The entry of this id, in whichever stream it is; `None` if there is none."""
        with self._databases() as databases:
            for connection in databases:
                row = connection.execute(_ENTRY, {"entry_id": entry_id}).one_or_none()
                if row is not None:
                    return _stored(row)
        return None

    def find(self, entry_ids: Collection[str]) -> list[StoredEntry]:
        """Those of these entries that there are, in whichever streams."""
        wanted = list(entry_ids)
        batches = [wanted[start : start + _PAGE] for start in range(0, len(wanted), _PAGE)]
        with self._databases() as databases:
            return [
                _stored(row)
                for connection in databases
                for batch in batches
                for row in connection.execute(_ENTRIES.where(EntryRow.id.in_(batch)))
            ]

    def streams(self) -> list[StreamHead]:
        """The heads of all streams, closed ones too, by slot and age."""
        with self._databases() as databases:
            heads = [_head(row) for connection in databases for row in connection.execute(_HEADS)]
        return sorted(heads, key=lambda head: (head.slot, head.created_us))

    def entries(self, stream: StreamId, start: int = 0, limit: int = _PAGE) -> list[StoredEntry]:
        """At most `limit` entries of a stream, in its order, from the index `start` on."""
        with self._databases() as databases:
            return [entry for connection in databases for entry in _page(connection, stream, start, limit)]

    def times(self, stream: StreamId, blocks: range, size: int) -> dict[int, tuple[int, int]]:
        """The earliest and the latest time of each of these blocks of `size` entries that has any, in
        microseconds: block 2 of size 512 begins at the index 1,024.
        """
        block = (EntryRow.leaf_index // size).label("block")
        bounds = (
            select(block, func.min(EntryRow.time_us), func.max(EntryRow.time_us))
            .join(StreamRow, EntryRow.stream == StreamRow.number)
            .where(
                StreamRow.stream_id == stream,
                EntryRow.leaf_index >= blocks.start * size,
                EntryRow.leaf_index < blocks.stop * size,
            )
            .group_by(block)
        )
        with self._databases() as databases:
            return {
                int(number): (earliest, latest)
                for connection in databases
                for number, earliest, latest in connection.execute(bounds)
            }

    def verify(self, stream: StreamId) -> Verification | None:
        """Compute the root again from the entries, and compare it with the head; `None` if there is no such
        stream.

        RFC 6962 2.1, naively: it reads the whole stream. What is appended while it runs is not looked at.
        """
        with self._databases() as databases:
            for connection in databases:
                head = _find(connection, stream)
                if head is not None:
                    return Verification(stream, head.size, head.root, _problem(connection, head))
        return None

    @contextmanager
    def _databases(self) -> Iterator[Iterator[Connection]]:
        try:
            with closing(self._location.reading()) as databases:
                yield databases
        except SQLAlchemyError as error:
            raise LogUnavailable("the decision log cannot be read now") from error


def _find(connection: Connection, stream: StreamId) -> StreamHead | None:
    row = connection.execute(_HEADS.where(StreamRow.stream_id == stream)).one_or_none()
    return None if row is None else _head(row)


def _page(connection: Connection, stream: StreamId, start: int, limit: int) -> list[StoredEntry]:
    rows = connection.execute(
        _ENTRIES.where(StreamRow.stream_id == stream, EntryRow.leaf_index >= start)
        .order_by(EntryRow.leaf_index)
        .limit(limit)
    )
    return [_stored(row) for row in rows]


def _problem(connection: Connection, head: StreamHead) -> str | None:
    edge = RightEdge()
    while edge.size < head.size:
        page = _page(connection, head.stream_id, edge.size, min(_PAGE, head.size - edge.size))
        for index, entry in enumerate(page, edge.size):
            if entry.index != index:
                return f"entry {index} is missing"
        if not page:
            return f"entry {edge.size} is missing"
        edge = edge.extended([entry.leaf_hash for entry in page])
        # A long reading would keep SQLite's write-ahead log from being moved into the file.
        connection.rollback()
    if edge.root() != head.root:
        return "an entry is not the one that was appended: the root is another"
    return None


def _head(row: Row[str, str, int, int, bytes, int, int, bool]) -> StreamHead:
    stream_id, slot, created_us, size, root, epoch, outbox_revision, closed = row
    return StreamHead(StreamId(stream_id), slot, created_us, size, root, epoch, outbox_revision, closed)


def _stored(row: Row[str, str, int, str, int, bytes]) -> StoredEntry:
    stream_id, slot, index, entry_id, time_us, data = row
    # SQLite lets whoever alters a row put a text where bytes were.
    found: object = data
    as_bytes = found if isinstance(found, bytes) else str(found).encode()
    return StoredEntry(StreamId(stream_id), slot, index, entry_id, time_us, as_bytes, leaf_hash(as_bytes))
