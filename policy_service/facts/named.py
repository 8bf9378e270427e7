"""Whom requests, overrides and orders name, besides whom they are about: found by the person.

Each version that names anybody is listed in `named_people` by the revision that writes it. A version of the
service from before that table may write beside this one while they are upgraded, and lists nothing:
`head.named_until` is the last revision up to which everything is listed, and what is later is read through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, delete, not_, select, text, update

from policy_service.facts.mapping import KINDS, Kind, from_row
from policy_service.facts.reader import FactsReader, as_of
from policy_service.facts.tables import HeadRow, NamedPersonRow
from policy_service.model.facts import (
    Controller,
    CourtOrder,
    Fact,
    Override,
    PersonId,
    PrivacyRequest,
    Revision,
)
from policy_service.model.vocabulary import PROTECTING_STATES, OnLapse

NAMING: tuple[type[Fact], ...] = (PrivacyRequest, Override, CourtOrder)
ROWS_A_TURN = 5_000
_PERSON = "person:"

_LIST = text(
    "INSERT INTO named_people (person_id, fact_table, fact_id, revision_from)"
    " VALUES (:person_id, :fact_table, :fact_id, :revision_from) ON CONFLICT DO NOTHING"
)


def people_named(fact: Fact) -> frozenset[PersonId]:
    """The people on file whom a request, an override or an order names; whom a request covers is found
    elsewhere (`PrivacyRequestPersonRow`).
    """
    match fact:
        case PrivacyRequest():
            not_these = () if fact.communication is None else fact.communication.not_these
            return frozenset((*_among(fact.recipients), *not_these))
        case Override() | CourtOrder():
            return frozenset((*fact.people, *_among(fact.recipients)))
        case _:
            return frozenset()


def _among(recipients: Iterable[str]) -> Iterator[PersonId]:
    return (PersonId(name.removeprefix(_PERSON)) for name in recipients if name.startswith(_PERSON))


def list_named(connection: Connection, facts: Iterable[Fact], revision: Revision) -> None:
    """List whom these facts name, as the revision that writes them has them."""
    _list(connection, ((fact, revision) for fact in facts))


def _list(connection: Connection, versions: Iterable[tuple[Fact, int]]) -> None:
    rows = [
        {
            "person_id": person,
            "fact_table": KINDS[type(fact)].table.name,
            "fact_id": getattr(fact, KINDS[type(fact)].id_name),
            "revision_from": began,
        }
        for fact, began in versions
        for person in sorted(people_named(fact))
    ]
    if rows:
        connection.execute(_LIST, rows)


def unlist(connection: Connection, fact_table: str, versions: Iterable[tuple[str, int]]) -> None:
    """Forget whom these versions (id and first revision) of a table named, since they are erased."""
    row = NamedPersonRow
    statement = delete(row).where(
        row.fact_table == fact_table,
        row.fact_id == bindparam("fact"),
        row.revision_from == bindparam("began"),
    )
    connection.execute(statement, [{"fact": fact, "began": began} for fact, began in versions])


def unlisted(connection: Connection, kind: type[Fact], after_row: int) -> tuple[int, list[tuple[Fact, int]]]:
    """The next versions of a kind that nothing says are listed, at most `ROWS_A_TURN`, and the last one's
    row.
    """
    stored = KINDS[kind]
    table = stored.table
    statement = (
        select(table.c.row_id, table.c.revision_from, *stored.columns)
        .where(
            table.c.row_id > after_row,
            table.c.revision_from > select(HeadRow.named_until).scalar_subquery(),
        )
        .order_by(table.c.row_id)
        .limit(ROWS_A_TURN)
    )
    rows = connection.execute(statement).all()
    return rows[-1][0] if rows else 0, [(from_row(kind, row[2:]), row[1]) for row in rows]


def list_unlisted(connection: Connection, kind: type[Fact], after_row: int) -> int:
    """List whom the next versions name; the last one's row, or 0 where there was none."""
    last, versions = unlisted(connection, kind, after_row)
    _list(connection, versions)
    return last


def all_are_listed(connection: Connection) -> bool:
    """Whether everything up to the head is."""
    return connection.execute(select(HeadRow.named_until == HeadRow.revision)).scalar_one()


def say_all_are_listed(connection: Connection) -> None:
    """By whoever holds the head, and has listed what was missing."""
    connection.execute(update(HeadRow).values(named_until=HeadRow.revision))


def naming(reader: FactsReader, person: PersonId, revision: Revision, now_us: int) -> frozenset[Controller]:
    """The organisations of which a request that protects somebody, an override or an order that runs (at
    `now_us`, microseconds since 1970, UTC) names this person, as of `revision`.
    """
    ((until,),) = reader.rows(select(HeadRow.named_until))
    found: set[Controller] = set()
    for fact in NAMING:
        kind = KINDS[fact]
        listed = _listed(kind, person).where(*as_of(kind, revision), _runs(kind, now_us))
        found |= {Controller(controller) for (controller,) in reader.rows(listed)}
        if until < revision:
            found |= _read_through(reader, kind, person, Revision(until), revision, now_us)
    return frozenset(found)


def _listed(kind: Kind, person: PersonId) -> Select[*tuple[Any, ...]]:
    row = NamedPersonRow
    this_version = and_(kind.id_column == row.fact_id, kind.table.c.revision_from == row.revision_from)
    return (
        select(kind.table.c.controller)
        .distinct()
        .select_from(row)
        .join(kind.table, this_version)
        .where(row.person_id == person, row.fact_table == kind.table.name)
    )


def _read_through(
    reader: FactsReader, kind: Kind, person: PersonId, until: Revision, revision: Revision, now_us: int
) -> set[Controller]:
    """The same among what is later than everything that is listed, whoever wrote it."""
    statement = select(*kind.columns).where(
        kind.table.c.revision_from > until, *as_of(kind, revision), _runs(kind, now_us)
    )
    facts = (from_row(kind.fact, row) for row in reader.rows(statement))
    return {fact.controller for fact in facts if person in people_named(fact)}


def _runs(kind: Kind, now_us: int) -> ColumnElement[bool]:
    table = kind.table
    if kind.fact is PrivacyRequest:
        lapsed = and_(
            table.c.on_lapse == OnLapse.LAPSE, table.c.ends_at <= now_us, table.c.ends_at.is_not(None)
        )
        return and_(table.c.state.in_(sorted(PROTECTING_STATES)), not_(lapsed))
    return table.c.ends_at > now_us
