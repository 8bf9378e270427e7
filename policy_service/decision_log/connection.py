"""The one connection that writes a stream, close to the driver: SQLAlchemy's layers would cost the round
twice its work.

The statements are still SQLAlchemy's, compiled once for the database at hand; both drivers take named
parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Dialect, bindparam, func, insert, literal_column, select, true, update
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor

from policy_service.decision_log.location import Location
from policy_service.decision_log.tables import EntryRow, StreamRow


@dataclass(frozen=True, slots=True)
class Statements:
    """As text for one driver. The parameters stand beside each."""

    find_stream: str  # slot
    create_stream: str  # each column of `log_streams` but `number`
    take_over: str  # number, writer
    take_back: str  # number, writer
    move_head: str  # number, epoch, size, root; new_size, new_root, new_edge, new_outbox_revision
    close_stream: str  # number
    add_entry: str  # each column of `log_entries`
    last_index: str  # stream
    added_since: str  # stream, since (an index)
    find_entry: str  # id
    find_by_id: str  # stream_id
    end_stream: str  # at_stream_id; new_size, new_root, new_edge

    @classmethod
    def of(cls, dialect: Dialect) -> Statements:
        columns = StreamRow.__table__.columns
        by_number = StreamRow.number == bindparam("at_number")
        raise_epoch = (
            update(StreamRow)
            .where(by_number, StreamRow.closed.is_(False))
            .values(epoch=StreamRow.epoch + literal_column("1"), writer=bindparam("new_writer"))
            .returning(
                StreamRow.stream_id,
                StreamRow.epoch,
                StreamRow.size,
                StreamRow.root,
                StreamRow.edge,
                StreamRow.outbox_revision,
            )
        )
        statements = {
            "find_stream": select(StreamRow.number).where(
                StreamRow.slot == bindparam("slot"), StreamRow.closed.is_(False)
            ),
            "create_stream": insert(StreamRow)
            .inline()
            .values({column.name: bindparam(column.name) for column in columns if column.name != "number"}),
            "take_over": raise_epoch,
            "take_back": raise_epoch.where(StreamRow.writer == bindparam("new_writer")),
            "move_head": update(StreamRow)
            .where(
                by_number,
                StreamRow.epoch == bindparam("at_epoch"),
                StreamRow.size == bindparam("at_size"),
                StreamRow.root == bindparam("at_root"),
            )
            .values(
                size=bindparam("new_size"),
                root=bindparam("new_root"),
                edge=bindparam("new_edge"),
                outbox_revision=bindparam("new_outbox_revision"),
            ),
            "close_stream": update(StreamRow).where(by_number).values(closed=true()),
            "add_entry": insert(EntryRow),
            "last_index": select(func.max(EntryRow.leaf_index)).where(EntryRow.stream == bindparam("stream")),
            "added_since": select(EntryRow.id, EntryRow.leaf_index).where(
                EntryRow.stream == bindparam("stream"), EntryRow.leaf_index >= bindparam("since")
            ),
            "find_entry": select(EntryRow.leaf_index).where(EntryRow.id == bindparam("id")),
            "find_by_id": select(StreamRow.number).where(StreamRow.stream_id == bindparam("stream_id")),
            "end_stream": update(StreamRow)
            .where(StreamRow.stream_id == bindparam("at_stream_id"))
            .values(size=bindparam("new_size"), root=bindparam("new_root"), edge=bindparam("new_edge")),
        }
        return cls(
            **{name: str(statement.compile(dialect=dialect)) for name, statement in statements.items()}
        )


class WriterConnection:
    """Made when it is first needed, and again after every error: an open one leaves nothing to doubt."""

    def __init__(self, location: Location, slot: str) -> None:
        self._location = location
        self._engine = location.writing(slot)
        self._connection: DBAPIConnection | None = None
        self.sql = Statements.of(self._engine.dialect)

    @property
    def refusals(self) -> tuple[type[BaseException], ...]:
        """The driver's errors that speak of the values of one statement, and not of the store."""
        driver = self._engine.dialect.loaded_dbapi
        return driver.IntegrityError, driver.DataError, driver.ProgrammingError, OverflowError, UnicodeError

    @contextmanager
    def transaction(self) -> Iterator[DBAPICursor]:
        """Durable when the block has been left; after an error nothing of it is, or that is not known."""
        try:
            connection = self._connection or self._connect()
            cursor = connection.cursor()
            cursor.execute(self._location.begin)
            yield cursor
            self._location.commit(cursor)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # The driver may have closed it, or may not reach the server to say so. The roll-back is said
            # first: SQLite keeps a closed connection's transaction while any of its statements lives.
            with suppress(Exception):
                connection.rollback()
            with suppress(Exception):
                connection.close()

    def _connect(self) -> DBAPIConnection:
        pooled = self._engine.raw_connection()
        self._connection = connection = cast(DBAPIConnection, pooled.driver_connection)
        pooled.detach()  # from the pool, which would roll it back and close it at a time of its own
        self._location.after_connect(connection.cursor())
        return connection
