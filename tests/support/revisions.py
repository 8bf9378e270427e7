"""Whether each row of the facts was written, and closed, by a revision that is on file.

Read from the tables, whoever wrote them and however: `tests/facts/test_kinds.py` knows modules by what they
import.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Table, func, select

from policy_service.facts.reader import FactsReader
from policy_service.facts.tables import OPEN, Base, RevisionRow

NAMING = ("revision", "revision_from", "revision_to", "erased_by")
"""Columns that hold a revision's number."""


def on_file(reader: FactsReader) -> frozenset[str]:
    """The temporal tables that hold anything."""
    return frozenset(
        table.name
        for table in Base.metadata.tables.values()
        if "row_id" in table.c and reader.rows(select(table.c.revision_from).limit(1))
    )


def unaccounted_for(reader: FactsReader) -> list[str]:
    """Tables and columns that name a revision of which it is not known who made it, when, and why: its log
    entry says of what call, and its reason what was said there.
    """
    row = RevisionRow
    known = select(row.revision).where(
        row.actor != "", row.time > 0, row.committed_at > 0, row.entry_id != "", func.length(row.entry) > 0
    )
    return [
        f"{table.name}.{column.name}: {len(missing)}"
        for table, column in _naming()
        if (missing := reader.rows(select(column).where(column != OPEN, column.not_in(known))))
    ]


def _naming() -> Iterator[tuple[Table, ColumnElement[int]]]:
    for table in Base.metadata.sorted_tables:
        if table.name != RevisionRow.__tablename__:
            yield from ((table, table.c[name]) for name in NAMING if name in table.c)
