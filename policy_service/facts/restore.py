"""Puts what a backup holds of the facts into an empty store, and begins a new epoch there.

The store refuses everybody from the first step until `finish`: a restore that is broken off, wherever, leaves
nothing that could be taken for the facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import islice
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, MetaData, and_, delete, func, insert, or_, select, text
from sqlalchemy.schema import Table

from policy_service.facts import schema
from policy_service.facts.connect import WriterLock, failures_named, make_file, sqlite_path, writing_engine
from policy_service.facts.epochs import begin_epoch
from policy_service.facts.snapshot import Row, TableShape
from policy_service.facts.store import OutboxRow, refuse_forgetful_server
from policy_service.facts.tables import Base, EpochRow, RevisionRow
from policy_service.model.errors import ConflictError, UnavailableError
from policy_service.model.facts import Revision
from policy_service.model.schema import RESTORING, SchemaState, what_to_do

ROWS_A_STATEMENT = 1_000


class FactsRestore:
    """`load`, then `owed`, then `finish`; as a context, which holds the store's lock. One thread."""

    def __init__(self, url: str) -> None:
        """ConflictError `RESTORE_NOT_EMPTY` or, where somebody has the store, UnavailableError."""
        self._holding = ExitStack()
        self._completed = 0
        with ExitStack() as stack, failures_named():
            path = sqlite_path(url)
            refuse_not_empty(url)
            if path:
                stack.callback(WriterLock(path).release)
                refuse_not_empty(url)
                make_file(path)
            self._engine = writing_engine(url)
            stack.callback(self._engine.dispose)
            with self._engine.begin() as connection:
                refuse_forgetful_server(connection)
                schema.mark(connection, RESTORING)
            self._holding = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._holding.close()

    def load(self, version: str, tables: Iterable[tuple[TableShape, Iterable[Row]]]) -> Revision:
        """Make the schema that the backup has, fill it, and bring it to this version; the restored revision.

        In one transaction.
        """
        refuse_later_schema(version)
        with failures_named(), self._engine.begin() as connection:
            schema.unmark(connection)
            schema.upgrade(connection, version)
            made = MetaData()  # as they are at that schema, which is not that of this version's models
            made.reflect(connection)
            filled = set()
            for shape, rows in tables:
                _fill(connection, _table(made, shape), shape, rows)
                filled.add(shape.name)
            if missing := (made.tables.keys() & Base.metadata.tables.keys()) - filled:
                raise UnavailableError(
                    "BACKUP_DAMAGED", f"the backup lacks tables of its schema, as `{min(missing)}`"
                )
            schema.upgrade(connection)
            # An earlier restore completed what was owed then.
            self._completed = connection.execute(select(func.max(EpochRow.after_revision))).scalar_one()
            begin_epoch(connection)
            schema.mark(connection, RESTORING)
            head = connection.execute(text("SELECT revision FROM head")).scalar_one()
        return Revision(head)

    def owed(self, delivered: Mapping[str, Revision]) -> Iterator[OutboxRow]:
        """The log entries of revisions that no stream holds, in their order: of those after the last that is
        `delivered` to their stream, or all of a stream that is not named.
        """
        row = RevisionRow
        late = [and_(row.stream_id == stream, row.revision > last) for stream, last in delivered.items()]
        statement = (
            select(row.revision, row.entry_id, row.time, row.entry)
            .where(row.revision > self._completed, or_(row.stream_id.not_in(list(delivered)), *late))
            .order_by(row.revision)
            .execution_options(yield_per=ROWS_A_STATEMENT)
        )
        with failures_named(), self._engine.connect() as connection:
            for revision, entry_id, time_us, entry in connection.execute(statement):
                yield OutboxRow(Revision(revision), entry_id, time_us, entry)

    def finish(self) -> None:
        """From now on the store can be served."""
        with failures_named(), self._engine.begin() as connection:
            schema.unmark(connection)
            schema.mark(connection, schema.newest())


def refuse_later_schema(version: str) -> None:
    """ConflictError `BACKUP_TOO_NEW` for a schema that this version does not know."""
    if not schema.may_read(version):
        raise ConflictError("BACKUP_TOO_NEW", "a later version made the backup: restore it with that version")


def _fill(connection: Connection, table: Table, shape: TableShape, rows: Iterable[Row]) -> None:
    connection.execute(delete(table))  # what the migrations put there themselves
    left = iter(rows)
    while batch := [dict(zip(shape.columns, row, strict=True)) for row in islice(left, ROWS_A_STATEMENT)]:
        connection.execute(insert(table), batch)
    if connection.dialect.name == "postgresql":
        _number_on(connection, table)


def _table(made: MetaData, shape: TableShape) -> Table:
    if shape.name not in made.tables:
        raise UnavailableError("BACKUP_DAMAGED", "the backup has a table that its schema has not")
    table = made.tables[shape.name]
    if set(shape.columns) != set(table.columns.keys()):
        raise UnavailableError(
            "BACKUP_DAMAGED", f"the backup's `{shape.name}` has other columns than its schema"
        )
    return table


def _number_on(connection: Connection, table: Table) -> None:
    """PostgreSQL numbers new rows after the ones that are there."""
    for column in table.primary_key.columns:
        sequence = connection.scalar(select(func.pg_get_serial_sequence(table.name, column.name)))
        if sequence:
            last = connection.scalar(select(func.max(column)))
            connection.execute(select(func.setval(sequence, last or 1, last is not None)))


def refuse_not_empty(url: str) -> None:
    """ConflictError `RESTORE_NOT_EMPTY` where there is anything, or a restore that did not finish."""
    match schema.look(url).state:
        case SchemaState.EMPTY:
            return
        case SchemaState.HALF_RESTORED as state:
            raise ConflictError("RESTORE_NOT_EMPTY", what_to_do(state, schema.THE_STORE))
        case _:
            raise ConflictError("RESTORE_NOT_EMPTY", "the facts' store is not empty: restore into a new one")
