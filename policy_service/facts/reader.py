"""Reads facts as of a revision. Any process may; several threads may share one reader."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    bindparam,
    literal_column,
    select,
)
from sqlalchemy.exc import DBAPIError

from policy_service.facts import keys
from policy_service.facts.connect import ask, failures_named, loading_engine, reading_engine, sqlite_path
from policy_service.facts.keys import LOOKUPS, Key, Lookup
from policy_service.facts.mapping import KINDS, F, Kind, fact_id, from_microseconds, from_row, kind_of
from policy_service.facts.same_store import SameStore
from policy_service.facts.tables import BigNumber, ChangeRow, PrivacyRequestPersonRow
from policy_service.model.facts import Controller, Fact, Revision

KEYS_A_STATEMENT = 1_000
FACTS_A_STATEMENT = 20_000
"""Keys that together find more are asked for in two statements."""
MOST_FACTS = 10_000
"""Facts that one look-up may give to a decision. No household, number, address, record or person has so many;
where one has, the call is answered with NOT_AVAILABLE, and nobody fills a worker's memory or time with it.
"""
MAX_CHANGES = 20_000
"""Changed look-ups that are read at once; who has missed more does better to start again."""
LOADING_CONNECTIONS = 2

_EMPTY_TEXT: ColumnElement[str] = literal_column("''")
_CHANGED = (
    select(ChangeRow.key)
    .where(ChangeRow.revision > bindparam("after"), ChangeRow.revision <= bindparam("until"))
    .limit(bindparam("bound", type_=Integer))
)


@dataclass(frozen=True, slots=True)
class Head:
    """The newest revision, and when it was committed: a time that grows with the revisions, whatever a clock
    does.
    """

    revision: Revision
    committed_at: datetime
    server_time: datetime | None = None
    """What the database server's own clock said; None on SQLite, whose clock is the process's."""


class FactsReader:
    """Reads the facts, on connections that cannot write.

    What was committed before a method is called is seen by it. UnavailableError where the store cannot be
    reached or is too slow. A connection that was lost is replaced, and the question asked once more.
    """

    def __init__(self, url: str) -> None:
        self._loading = loading_engine(url, connections=LOADING_CONNECTIONS)
        self._changes = loading_engine(url, connections=1)
        self._heads = HeadReader(url)

    def close(self) -> None:
        self._heads.close()
        self._changes.dispose()
        self._loading.dispose()

    def head(self) -> Revision:
        """The newest revision. Waits for no `load` of another thread: it has a connection of its own."""
        return self._heads.read().revision

    def head_and_time(self) -> Head:
        return self._heads.read()

    def load(
        self, wanted: Collection[Key], revision: Revision, most: int | None = None
    ) -> Mapping[Key, tuple[Fact, ...]]:
        """What each key finds as of `revision` (one that `head` has returned), in the order of the ids;
        `()` for nothing. A key that finds more than `most` facts is left out.

        One statement for each look-up, organisation and 1,000 keys, whatever the number of calls they serve;
        more where these find over 20,000 facts, so that no statement brings more of them.
        Rows as of a revision that is committed never change, so the statements need no common snapshot.
        """
        found: dict[Key, list[Fact]] = {key: [] for key in wanted}
        together: defaultdict[Key, list[str]] = defaultdict(list)
        for key in found:
            if not keys.is_empty(key):
                together[key[:-1] or key].append(key[-1])
        batches = [(beginning, batch) for beginning, last in together.items() for batch in _batches(last)]

        def run(connection: Connection) -> list[tuple[Lookup, Rows]]:
            return [part for batch in batches for part in _read(connection, *batch, revision, most)]

        with failures_named():
            answers = ask(self._loading, run) if batches else []
        for lookup, rows in answers:
            values = len(lookup.fields)
            for row in rows:
                found[lookup.name, *row[:values]].append(from_row(lookup.kind, row[values:]))
        return {
            key: tuple(sorted(facts, key=fact_id)) if len(facts) > 1 else tuple(facts)
            for key, facts in found.items()
            if most is None or len(facts) <= most
        }

    def changed(self, after: Revision, until: Revision) -> frozenset[Key] | None:
        """The keys whose answers may differ between the revisions `after` and `until` (one that `head` has
        returned); None where there are more than `MAX_CHANGES`. One statement; waits for no `load`.
        """
        between = {"after": after, "until": until, "bound": MAX_CHANGES + 1}
        with failures_named():
            texts = ask(self._changes, lambda on: on.execute(_CHANGED, between).scalars().all())
        return None if len(texts) > MAX_CHANGES else frozenset(keys.keys_from_texts(texts))

    def list_facts(
        self, kind: type[F], controller: Controller | None, after_id: str, limit: int, revision: Revision
    ) -> tuple[F, ...]:
        """At most `limit` facts of a controller (None: of all) whose ids follow `after_id`, in the order of
        their ids.
        """
        stored = kind_of(kind)
        statement = (
            select(*stored.columns)
            .where(stored.id_column > after_id, *as_of(stored, revision))
            .order_by(stored.id_column)
            .limit(limit)
        )
        if controller is not None:
            statement = statement.where(stored.table.c.controller == controller)
        return tuple(from_row(kind, row) for row in self.rows(statement))

    def rows(
        self, statement: Select[*tuple[Any, ...]], parameters: Mapping[str, Any] | None = None
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        """For the facts' own modules: the rows of a statement that only reads."""
        with failures_named():
            return ask(self._loading, lambda connection: connection.execute(statement, parameters).all())


def as_of(
    kind: Kind, revision: Revision | BindParameter[int]
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The condition that a row was true at `revision`."""
    return kind.table.c.revision_from <= revision, kind.table.c.revision_to > revision


Find = tuple[Lookup, Select[*tuple[Any, ...]], dict[str, Any]]
Rows = Sequence[Row[*tuple[Any, ...]]]


def find(beginning: Key, last: list[str], revision: Revision, bound: int | None = None) -> Find:
    """For keys that begin with `beginning` and end with one of `last`: their look-up, a statement that gives,
    for each fact that one of them finds, the values of that key and then the fact's columns, and the
    statement's parameters. At most `bound` rows; None: all.
    """
    lookup = LOOKUPS[beginning[0]]
    parameters: dict[str, Any] = {"as_of": revision}
    if lookup.fields:
        parameters["last"] = last
    parameters |= {f"value_{place}": value for place, value in enumerate(beginning[1:])}
    if bound is not None:
        parameters["bound"] = bound
    return lookup, _finding(lookup.name, bounded=bound is not None), parameters


@cache
def _finding(name: str, *, bounded: bool) -> Select[*tuple[Any, ...]]:
    """A look-up's statement. To make it anew takes longer than the database does to answer it."""
    lookup = LOOKUPS[name]
    kind = KINDS[lookup.kind]
    table = kind.table
    one_of: BindParameter[Any] = bindparam("last", expanding=True)
    revision = bindparam("as_of", type_=BigNumber)
    if lookup.many:
        people = PrivacyRequestPersonRow
        this_version = (table.c.request_id == people.request_id) & (
            table.c.revision_from == people.revision_from
        )
        statement = select(people.person_id, *kind.columns).join(table, this_version)
        statement = statement.where(people.person_id.in_(one_of), *as_of(kind, revision))
    else:
        by = [table.c[field] for field in lookup.fields]
        statement = select(*by, *kind.columns).where(*as_of(kind, revision))
        if by:
            # All but the last by themselves: for `(a, b) IN ((?, ?), ...)` SQLite reads the whole table.
            statement = statement.where(
                *(column == bindparam(f"value_{place}") for place, column in enumerate(by[:-1]))
            )
            # An empty value finds nothing; said in the words of the partial indexes, so that they are used.
            statement = statement.where(by[-1].in_(one_of), by[-1] != _EMPTY_TEXT)
    return statement.limit(bindparam("bound", type_=Integer)) if bounded else statement


def _read(
    connection: Connection, beginning: Key, last: list[str], revision: Revision, most: int | None
) -> Iterator[tuple[Lookup, Rows]]:
    """The rows of these keys, statement by statement; of one that finds more than `most`, one row more."""
    if len(last) > 1:
        bound: int | None = FACTS_A_STATEMENT
    else:
        bound = None if most is None else most + 1
    lookup, statement, parameters = find(beginning, last, revision, bound)
    rows = connection.execute(statement, parameters).all()
    if bound is None or len(last) == 1 or len(rows) < bound:
        yield lookup, rows
        return
    half = len(last) // 2
    yield from _read(connection, beginning, last[:half], revision, most)
    yield from _read(connection, beginning, last[half:], revision, most)


def _batches(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), KEYS_A_STATEMENT):
        yield values[start : start + KEYS_A_STATEMENT]


_HEAD_ON_SQLITE = "SELECT revision, committed_at, NULL, epoch, oldest_reader FROM head"
_HEAD_ON_POSTGRESQL = "SELECT revision, committed_at, clock_timestamp(), epoch, oldest_reader FROM head"


class HeadReader:
    """Reads the head row, each time in a transaction of its own, on one connection that is kept for it.

    UnavailableError where the store is not the same any more (`SameStore`): what is in memory is not its.
    """

    def __init__(self, url: str) -> None:
        self._engine = reading_engine(url)
        self._statement = _HEAD_ON_SQLITE if sqlite_path(url) else _HEAD_ON_POSTGRESQL
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._same = SameStore()

    def read(self) -> Head:
        with failures_named(), self._lock:
            try:
                revision, committed_at, server_time, epoch, oldest_reader = self._ask()
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                revision, committed_at, server_time, epoch, oldest_reader = self._ask()
            self._same.check(revision, epoch, oldest_reader)
        return Head(Revision(revision), from_microseconds(committed_at), server_time)

    def close(self) -> None:
        with self._lock:
            self._drop()
            self._engine.dispose()

    def _ask(self) -> tuple[int, int, datetime | None, int, str]:
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            row = self._connection.exec_driver_sql(self._statement).one()
        except BaseException:
            self._drop()  # whichever try it was: one that was lost answers nothing any more
            raise
        revision, committed_at, server_time, epoch, oldest_reader = row
        return revision, committed_at, server_time, epoch, oldest_reader

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
