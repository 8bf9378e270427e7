"""The whole store as of one moment, row by row, while others go on writing: for a backup of the facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from sqlalchemy import LargeBinary, Table, select

from policy_service.facts import schema
from policy_service.facts.connect import failures_named, snapshot_engine
from policy_service.facts.tables import Base, HeadRow

ROWS_A_FETCH = 1_000

Row = tuple[Any, ...]
"""Values of a table's columns: numbers, texts, truth values, bytes, None."""


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table, its columns in the order of a row's values, and which of them are bytes."""

    name: str
    columns: tuple[str, ...]
    binary: frozenset[str]


class FactsSnapshot:
    """Opened, it sees the store as it is then, until it is closed; it keeps nobody from writing.

    One transaction: on PostgreSQL REPEATABLE READ, on SQLite that of a connection that can only read. A long
    one keeps SQLite's write-ahead log from starting again at its beginning, and PostgreSQL from clearing away
    what was replaced, as every backup does.
    """

    def __init__(self, url: str) -> None:
        """UnavailableError where the store cannot be reached, or is not of this version's schema."""
        found = schema.look(url)
        schema.require_current(found)
        self.schema = found.version
        self._engine = snapshot_engine(url)
        try:
            with failures_named():
                self._connection = self._engine.connect()
                head = self._connection.execute(
                    select(HeadRow.revision, HeadRow.committed_at, HeadRow.epoch)
                ).one()
        except BaseException:
            self._engine.dispose()
            raise
        self.revision, self.committed_at, self.epoch = head
        self.tables = tuple(_shape(table) for table in Base.metadata.sorted_tables)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        self._engine.dispose()

    def rows(self, shape: TableShape) -> Iterator[Row]:
        """The table's rows, in the order of its primary key; a few in memory at a time."""
        table = Base.metadata.tables[shape.name]
        statement = select(table).order_by(*table.primary_key.columns)
        streaming = statement.execution_options(yield_per=ROWS_A_FETCH)
        with failures_named():
            for row in self._connection.execute(streaming):
                yield tuple(row)


def _shape(table: Table) -> TableShape:
    binary = frozenset(column.name for column in table.columns if isinstance(column.type, LargeBinary))
    return TableShape(table.name, tuple(column.name for column in table.columns), binary)
