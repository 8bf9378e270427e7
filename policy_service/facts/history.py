"""The past of the facts: which revision held at a moment, and at which revisions something changed.

All of it is bounded by a revision that the head has shown, so that what is being written is not seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, literal, select, union

from policy_service.facts.mapping import KINDS, F, Kind, from_microseconds, from_row, kind_of, to_microseconds
from policy_service.facts.reader import FactsReader
from policy_service.facts.tables import OPEN, ErasedVersionRow, RevisionRow
from policy_service.model.facts import Fact, Revision


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a kind, of every revision, in which each field of `where` has one of its values."""

    kind: type[Fact]
    where: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Change:
    """A revision that changed some of what was looked for: when, who and why; `kinds` of what it wrote or
    removed.
    """

    revision: Revision
    committed_at: datetime
    actor: str
    reason: str
    kinds: tuple[type[Fact], ...]


def revision_at(reader: FactsReader, moment: datetime, head: Revision) -> Revision | None:
    """The newest revision, up to `head`, that was committed at or before `moment`; None: before all of them.

    Commit times grow with the revisions, so it is found by halving: some 30 rows of the primary key are read,
    and no index of the times is needed.
    """
    at = to_microseconds(moment)
    found, low, high = None, 1, int(head)
    row = RevisionRow
    while low <= high:
        middle = (low + high) // 2
        # The next one that there is, should numbers ever be missing.
        statement = (
            select(row.revision, row.committed_at)
            .where(row.revision >= middle, row.revision <= high)
            .order_by(row.revision)
            .limit(1)
        )
        there = reader.rows(statement)
        if there and there[0].committed_at <= at:
            found = Revision(there[0].revision)
            low = there[0].revision + 1
        else:
            high = middle - 1
    return found


@dataclass(frozen=True, slots=True)
class Erasure:
    """A version that is gone: it held from one revision until another."""

    revision_from: Revision
    revision_to: Revision


def changes_of(
    reader: FactsReader, sources: Sequence[Rows], up_to: Revision, limit: int, ids: Sequence[str] = ()
) -> tuple[Change, ...]:
    """The newest `limit` revisions up to `up_to` at which a row of `sources` begins or ends, newest first.

    Of the kind of the first source also rows that were erased, where facts have one of these `ids`: of others
    nothing tells any more whose they were.
    """
    parts = [part for source in sources for part in touched(source, up_to)]
    if ids:
        parts += _touched_and_erased(sources[0].kind, ids, up_to)
    found = union(*parts).subquery()
    newest = select(found.c.revision).distinct().order_by(found.c.revision.desc()).limit(limit).subquery()
    row = RevisionRow
    statement: Select[*tuple[Any, ...]] = (
        select(row.revision, row.committed_at, row.actor, row.reason, found.c.kind)
        .join(found, found.c.revision == row.revision)
        .where(row.revision.in_(select(newest.c.revision)))
        .order_by(row.revision.desc())
    )
    kinds: defaultdict[Revision, list[type[Fact]]] = defaultdict(list)
    told: dict[Revision, tuple[datetime, str, str]] = {}
    for revision, committed_at, actor, reason, table in reader.rows(statement):
        kinds[Revision(revision)].append(_KIND_OF_TABLE[table])
        told[Revision(revision)] = (from_microseconds(committed_at), actor, reason)
    in_order = {kind: place for place, kind in enumerate(KINDS)}
    return tuple(
        Change(revision, *who, tuple(sorted(kinds[revision], key=in_order.__getitem__)))
        for revision, who in told.items()
    )


def erased_of(reader: FactsReader, kind: type[F], ids: Sequence[str]) -> tuple[Erasure, ...]:
    """When the versions held that were erased of facts with these ids."""
    row = ErasedVersionRow
    statement = select(row.revision_from, row.revision_to).where(
        row.fact_table == kind_of(kind).table.name, row.fact_id.in_(ids)
    )
    return tuple(Erasure(Revision(begins), Revision(ends)) for begins, ends in reader.rows(statement))


def ever(
    reader: FactsReader, kind: type[F], where: Mapping[str, tuple[str, ...]], up_to: Revision, limit: int
) -> tuple[F, ...]:
    """The newest versions of facts that ever had these values, whether they still have them or not."""
    stored = kind_of(kind)
    statement = (
        select(*stored.columns)
        .where(*_conditions(stored, where), stored.table.c.revision_from <= up_to)
        .order_by(stored.table.c.revision_from.desc())
        .limit(limit)
    )
    return tuple(from_row(kind, row) for row in reader.rows(statement))


_KIND_OF_TABLE: Mapping[str, type[Fact]] = {kind.table.name: kind.fact for kind in KINDS.values()}


def touched(source: Rows, up_to: Revision) -> tuple[Select[*tuple[Any, ...]], ...]:
    """The revisions at which its rows begin, and those at which they end, each with the table's name."""
    stored = KINDS[source.kind]
    begins, ends = stored.table.c.revision_from, stored.table.c.revision_to
    these = _conditions(stored, source.where)
    name = literal(stored.table.name, Text()).label("kind")
    return (
        select(begins.label("revision"), name).where(*these, begins <= up_to),
        select(ends.label("revision"), name).where(*these, ends <= up_to, ends != OPEN),
    )


def _touched_and_erased(
    kind: type[Fact], ids: Sequence[str], up_to: Revision
) -> tuple[Select[*tuple[Any, ...]], ...]:
    """As `touched`, of rows that were erased."""
    row = ErasedVersionRow
    table = KINDS[kind].table.name
    these = (row.fact_table == table, row.fact_id.in_(ids))
    name = literal(table, Text()).label("kind")
    return (
        select(row.revision_from.label("revision"), name).where(*these, row.revision_from <= up_to),
        select(row.revision_to.label("revision"), name).where(*these, row.revision_to <= up_to),
    )


def _conditions(stored: Kind, where: Mapping[str, tuple[str, ...]]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for field, values in where.items():
        column = stored.table.c[field]
        conditions.append(column == values[0] if len(values) == 1 else column.in_(values))
        if values != ("",):
            conditions.append(column != "")  # in the words of the partial indexes, so that they are used
    return conditions
