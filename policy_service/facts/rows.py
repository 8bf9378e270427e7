"""What a revision does to the rows of facts: it closes some and adds others, and announces what finds them.

Each of these is called by the store in its transaction, with the head in hand; its invariants hold here, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, FromClause, Select, bindparam, insert, select, update
from sqlalchemy.exc import DBAPIError

from policy_service.facts import named
from policy_service.facts.connect import is_unique_violation
from policy_service.facts.keys import Key, key_to_text, keys_of
from policy_service.facts.mapping import KINDS, Kind, fact_id, from_row, to_values
from policy_service.facts.tables import OPEN, ChangeRow, PrivacyRequestPersonRow
from policy_service.model.errors import ConflictError
from policy_service.model.facts import Fact, PrivacyRequest, Revision

IDS_A_STATEMENT = 1_000


def by_kind(facts: Iterable[Fact]) -> dict[Kind, dict[str, Fact]]:
    sorted_out: defaultdict[Kind, dict[str, Fact]] = defaultdict(dict)
    for fact in facts:
        same_kind = sorted_out[KINDS[type(fact)]]
        if same_kind.setdefault(fact_id(fact), fact) is not fact:
            raise written_twice()
    return sorted_out


def remove(connection: Connection, kind: Kind, facts: dict[str, Fact], revision: Revision) -> Iterator[Key]:
    """Close the facts' open rows; the keys that found them."""
    standing = _open_rows(connection, kind, list(facts)).values()
    for _, old in standing:
        _refuse_other_controller(kind, old, facts[fact_id(old)])
    _close(connection, kind, [row_id for row_id, _ in standing], revision)
    for _, old in standing:
        yield from keys_of(old)


def hand_over(
    connection: Connection, kind: Kind, facts: dict[str, Fact], revision: Revision
) -> Iterator[Key]:
    """Close the facts' open rows and add those of their new controller; the keys that find either."""
    standing = _open_rows(connection, kind, list(facts)).values()
    _close(connection, kind, [row_id for row_id, _ in standing], revision)
    handed = list(facts.values())
    _add(connection, kind, handed, _rows(kind, handed), revision)
    for fact in (*(old for _, old in standing), *handed):
        yield from keys_of(fact)


@dataclass(frozen=True, slots=True)
class Ready:
    """Facts of one kind as they are to be: the new ones as rows and as what announces them, the others as
    they are, to be compared with what is on file.
    """

    kind: Kind
    new: list[Fact]
    rows: list[tuple[Any, ...]]
    """Of the new ones, without their revisions."""
    texts: dict[Key, str]
    others: dict[str, Fact]

    @classmethod
    def of(cls, kind: Kind, facts: dict[str, Fact], new_ids: frozenset[str]) -> Ready:
        new = [fact for each, fact in facts.items() if each in new_ids]
        others = {each: fact for each, fact in facts.items() if each not in new_ids}
        return cls(kind, new, _rows(kind, new), texts(key for fact in new for key in keys_of(fact)), others)


def _rows(kind: Kind, facts: Iterable[Fact]) -> list[tuple[Any, ...]]:
    return [tuple(to_values(kind, fact)) for fact in facts]


def texts(keys: Iterable[Key]) -> dict[Key, str]:
    """Each key once, with what announces it."""
    return {key: key_to_text(key) for key in dict.fromkeys(keys)}


def replace(connection: Connection, ready: Ready, revision: Revision) -> dict[Key, str]:
    """KEPT: close the rows that no longer hold and add their successors; the keys that find either."""
    kind, others = ready.kind, ready.others
    standing = _open_rows(connection, kind, list(others))
    for old_id, (_, old) in standing.items():
        _refuse_other_controller(kind, old, others[old_id])
    differ = [fact for key, fact in others.items() if key not in standing or standing[key][1] != fact]
    outdated = [standing[fact_id(fact)] for fact in differ if fact_id(fact) in standing]
    _close(connection, kind, [row_id for row_id, _ in outdated], revision)
    _add(connection, kind, (*ready.new, *differ), [*ready.rows, *_rows(kind, differ)], revision)
    touched = (*(old for _, old in outdated), *differ)
    return ready.texts | texts(key for fact in touched for key in keys_of(fact))


def _open_rows(connection: Connection, kind: Kind, ids: list[str]) -> dict[str, tuple[int, Fact]]:
    """The open row of each fact that has one: its number, and the fact."""
    found = {}
    for batch in _batches(ids):
        for row_id, *columns in connection.execute(_open_of(kind), {"ids": batch}):
            fact = from_row(kind.fact, columns)
            found[fact_id(fact)] = (row_id, fact)
    return found


@cache
def _open_of(kind: Kind) -> Select[*tuple[Any, ...]]:
    """The statement for a kind's open rows, by their facts' `ids`; made once, since that takes long."""
    return select(kind.table.c.row_id, *kind.columns).where(
        kind.id_column.in_(bindparam("ids", expanding=True)), kind.table.c.revision_to == OPEN
    )


def _close(connection: Connection, kind: Kind, row_ids: list[int], revision: Revision) -> None:
    for batch in _batches(row_ids):
        connection.execute(
            update(kind.table).where(kind.table.c.row_id.in_(batch)).values(revision_to=revision)
        )


def _add(
    connection: Connection,
    kind: Kind,
    facts: Sequence[Fact],
    rows: Sequence[tuple[Any, ...]],
    revision: Revision,
) -> None:
    """`rows` are the facts' own values."""
    if not facts:
        return
    try:
        _insert(
            connection,
            kind.table,
            ("revision_from", "revision_to", *kind.names),
            [(revision, OPEN, *row) for row in rows],
        )
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
    if kind.fact in named.NAMING:
        named.list_named(connection, facts, revision)


def announce(connection: Connection, changed: Mapping[Key, str], revision: Revision) -> None:
    if changed:
        # In the order of the table's own index, which then grows at one place.
        rows = [(revision, text) for text in sorted(changed.values())]
        _insert(connection, ChangeRow.__table__, ("revision", "key"), rows)


def _insert(
    connection: Connection, table: FromClause, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows by the driver's own hand: their values are what it takes, and SQLAlchemy would look at each
    of them on its way, for as long as the insert itself takes.
    """
    connection.exec_driver_sql(_insertion(connection.dialect, table, tuple(names)), rows)


@lru_cache
def _insertion(dialect: Dialect, table: FromClause, names: tuple[str, ...]) -> str:
    quote = dialect.identifier_preparer.quote
    mark = "?" if dialect.name == "sqlite" else "%s"
    columns, marks = ", ".join(map(quote, names)), ", ".join([mark] * len(names))
    # Names of our own tables and columns, and marks.
    return f"INSERT INTO {quote(table.description)} ({columns}) VALUES ({marks})"  # noqa: S608


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


def written_twice() -> ConflictError:
    return ConflictError("WRITTEN_TWICE", "a fact stands twice in one change")
