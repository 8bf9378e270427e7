"""Puts streams from a backup into an empty log. They are closed: nothing is appended to one of them again.

A stream that went on after the backup was taken has grown entries that are not here. If it were continued,
two trees would share a beginning and differ after it. So what follows is written to new streams, whose first
entries name where the old ones ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from policy_service.decision_log.connection import WriterConnection
from policy_service.decision_log.entry import Entry, StreamHead
from policy_service.decision_log.errors import LogCorrupt, LogUnavailable
from policy_service.decision_log.location import Location, Timeouts
from policy_service.decision_log.merkle import EMPTY_ROOT, RightEdge, leaf_hash
from policy_service.decision_log.stream import SLOT
from policy_service.decision_log.tables import StreamRow
from policy_service.decision_log.url import locate, look, migrate
from policy_service.model.errors import ConflictError, PolicyServiceError
from policy_service.model.schema import SchemaState

ENTRIES_A_TRANSACTION = 1_000


class LogRestore:
    """One thread. Each stream is durable when `add` returns; `LogUnavailable` where that is not known."""

    def __init__(self, url: str, *, timeouts: Timeouts | None = None) -> None:
        """ConflictError `RESTORE_NOT_EMPTY` where there is any stream. Nothing is written yet."""
        self._url = url
        self._location = locate(url, timeouts or Timeouts())
        if look(url).state is not SchemaState.EMPTY and any(_streams(self._location)):
            raise ConflictError("RESTORE_NOT_EMPTY", "the decision log is not empty: restore into a new one")

    def begin(self) -> None:
        """Make the tables. `LogUnavailable` where what is there is not this service's."""
        migrate(self._url)

    def add(self, head: StreamHead, entries: Iterable[Entry]) -> None:
        """The stream as it was at `head`, closed. `LogCorrupt` where the entries are not the head's."""
        if not SLOT.fullmatch(head.slot):
            raise LogCorrupt("a stream of the backup has a name that none can have")
        edge = RightEdge()
        with self._writing(head.slot) as connection:
            number = _create(connection, head)
            left = iter(entries)
            while batch := list(islice(left, ENTRIES_A_TRANSACTION)):
                _append(connection, number, edge.size, batch)
                edge = edge.extended([leaf_hash(entry.data) for entry in batch])
            if edge.size != head.size or edge.root() != head.root:
                raise LogCorrupt("a stream of the backup has not the entries that its head stands for")
            with connection.transaction() as cursor:
                reached = {"new_size": edge.size, "new_root": edge.root(), "new_edge": edge.encode()}
                cursor.execute(connection.sql.end_stream, {"at_stream_id": head.stream_id, **reached})

    @contextmanager
    def _writing(self, slot: str) -> Iterator[WriterConnection]:
        try:
            with self._location.claim(slot), closing(WriterConnection(self._location, slot)) as connection:
                yield connection
        except PolicyServiceError:
            raise
        except Exception as error:
            raise LogUnavailable("the decision log cannot be written now") from error


def _create(connection: WriterConnection, head: StreamHead) -> int:
    with connection.transaction() as cursor:
        cursor.execute(
            connection.sql.create_stream,
            {
                "stream_id": head.stream_id,
                "slot": head.slot,
                "created_us": head.created_us,
                "size": 0,
                "root": EMPTY_ROOT,
                "edge": b"",
                "epoch": head.epoch,
                "writer": "",
                "outbox_revision": head.outbox_revision,
                "closed": True,
            },
        )
        cursor.execute(connection.sql.find_by_id, {"stream_id": head.stream_id})
        ((number,),) = cursor.fetchall()
    return int(number)


def _append(connection: WriterConnection, number: int, first: int, batch: list[Entry]) -> None:
    with connection.transaction() as cursor:
        cursor.executemany(
            connection.sql.add_entry,
            [
                {
                    "stream": number,
                    "leaf_index": index,
                    "time_us": entry.time_us,
                    "id": entry.id,
                    "data": entry.data,
                }
                for index, entry in enumerate(batch, first)
            ],
        )


def _streams(location: Location) -> Iterator[int]:
    try:
        for connection in location.reading():
            yield from connection.execute(select(StreamRow.number)).scalars()
    except SQLAlchemyError as error:
        raise LogUnavailable("the decision log cannot be read now") from error
