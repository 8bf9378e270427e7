"""Erasing versions of facts: the one exception to KEPT, by a revision that says so.

Only closed versions are erased: what is open is closed first, by the same revision, so that every memory
forgets it (ANNOUNCED). Of an erased version stays which it was and when it held, so that whoever computes an
old decision again is told that an input is gone, and which.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, insert, or_, select, text, true

from policy_service.facts import named
from policy_service.facts.mapping import KINDS, Kind, fact_id, from_row, kind_of
from policy_service.facts.reader import FactsReader
from policy_service.facts.tables import (
    CLOSED,
    OPEN,
    ErasedVersionRow,
    PrivacyRequestPersonRow,
    RevisionRow,
)
from policy_service.model.facts import (
    ContactPoint,
    Controller,
    Fact,
    Person,
    PersonId,
    PersonIdentifier,
    PersonName,
    PrivacyRequest,
    RecordParty,
    Relationship,
    Revision,
)
from policy_service.model.vocabulary import PROTECTING_STATES, OnLapse

ROWS_A_STATEMENT = 500

Place = tuple[int, int]
"""Where a version stands among those of its kind: the revision that closed it, and its row."""
NOTHING_BEFORE: Place = (0, 0)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a fact, closed by the time that it is erased."""

    kind: type[Fact]
    fact_id: str
    revision_from: Revision


@dataclass(frozen=True, slots=True)
class Kept:
    """A version that is on file, and the fact as it was."""

    version: Version
    fact: Fact
    place: Place

    @property
    def closed(self) -> bool:
        return self.place[0] < OPEN

    @property
    def finds_her(self) -> bool:
        """Whether somebody is found by it: it is open, and a person or an identifier."""
        return not self.closed and isinstance(self.fact, (Person, PersonIdentifier))


@dataclass(frozen=True, slots=True)
class Erased:
    """What is known of a version that was erased."""

    fact_id: str
    revision_from: Revision
    revision_to: Revision
    erased_by: Revision


_OF_A_PERSON: tuple[tuple[type[Fact], str], ...] = (
    (ContactPoint, "person_id"),
    (PersonName, "person_id"),
    (Relationship, "from_person"),
    (Relationship, "to_person"),
    (RecordParty, "person_id"),
    (PrivacyRequest, "person_id"),
)
"""The columns that say whom a row is about."""
_FINDS_HER: tuple[tuple[type[Fact], str], ...] = ((PersonIdentifier, "person_id"), (Person, "person_id"))
"""The same, of what a person is found by, which `about` gives last, and of that the open versions."""


def erase(connection: Connection, versions: Iterable[Version], revision: Revision) -> None:
    """Erase these versions, in the transaction of the revision that says so. One that is open, or not on
    file, stays as it is.
    """
    by_kind: dict[type[Fact], set[tuple[str, Revision]]] = {}
    for version in versions:
        by_kind.setdefault(version.kind, set()).add((version.fact_id, version.revision_from))
    for kind, wanted in by_kind.items():
        stored = KINDS[kind]
        row, began, ended = (stored.table.c[name] for name in ("row_id", "revision_from", "revision_to"))
        for batch in _batches(sorted({fact for fact, _ in wanted})):
            closed = select(row, stored.id_column, began, ended).where(
                stored.id_column.in_(batch), ended < OPEN
            )
            gone = [tuple(row) for row in connection.execute(closed) if (row[1], row[2]) in wanted]
            if gone:
                _erase(connection, stored, gone, revision)


def _erase(connection: Connection, kind: Kind, gone: Sequence[tuple[Any, ...]], revision: Revision) -> None:
    names = ("fact_table", "fact_id", "revision_from", "revision_to", "erased_by")
    connection.execute(
        insert(ErasedVersionRow),
        [dict(zip(names, (kind.table.name, *version, revision), strict=True)) for _, *version in gone],
    )
    if kind.fact is PrivacyRequest:
        connection.execute(_PEOPLE_OF, [{"request": fact, "began": began} for _, fact, began, _ in gone])
    if kind.fact in named.NAMING:
        named.unlist(connection, kind.table.name, ((fact, began) for _, fact, began, _ in gone))
    for batch in _batches([row_id for row_id, *_ in gone]):
        connection.execute(delete(kind.table).where(kind.table.c.row_id.in_(batch)))


_PEOPLE_OF = delete(PrivacyRequestPersonRow).where(
    PrivacyRequestPersonRow.request_id == bindparam("request"),
    PrivacyRequestPersonRow.revision_from == bindparam("began"),
)


def on_file(reader: FactsReader, versions: Collection[Version]) -> frozenset[Version]:
    """Those of these versions that are on file still."""
    ids: dict[type[Fact], set[str]] = {}
    for version in versions:
        ids.setdefault(version.kind, set()).add(version.fact_id)
    found: set[Version] = set()
    for kind, wanted in ids.items():
        stored = KINDS[kind]
        for batch in _batches(sorted(wanted)):
            statement = select(stored.id_column, stored.table.c.revision_from).where(
                stored.id_column.in_(batch)
            )
            found |= {Version(kind, fact, Revision(began)) for fact, began in reader.rows(statement)}
    return frozenset(versions) & found


def over_since(reader: FactsReader, microseconds: int) -> Revision:
    """The newest revision that was committed at or before a moment; 0 where there is none."""
    row = RevisionRow
    statement = (
        select(row.revision).where(row.committed_at <= microseconds).order_by(row.revision.desc()).limit(1)
    )
    found = reader.rows(statement)
    return Revision(found[0][0]) if found else Revision(0)


def about(
    reader: FactsReader, person: PersonId, controller: Controller, revision: Revision, limit: int
) -> tuple[Kept, ...]:
    """At most `limit` versions that an organisation has on file about somebody, up to `revision`: open and
    closed ones. What she is found by comes last, and the person herself at the very end.
    """
    found: dict[Version, Kept] = {}
    for kind, column, which in (
        *((kind, column, true()) for kind, column in _OF_A_PERSON),
        *((kind, column, KINDS[kind].table.c.revision_to < OPEN) for kind, column in _FINDS_HER),
        *((kind, column, KINDS[kind].table.c.revision_to == OPEN) for kind, column in _FINDS_HER),
    ):
        if len(found) == limit:
            break
        table = KINDS[kind].table
        # Not by an index that begins with the organisation, which has millions.
        own = table.c.controller.concat("") == controller
        these = [table.c[column] == person, own, table.c.revision_from <= revision, which]
        if kind is PrivacyRequest:
            people = PrivacyRequestPersonRow
            these.append(table.c.request_id.in_(select(people.request_id).where(people.person_id == person)))
        for kept in _kept(reader, kind, and_(*these), NOTHING_BEFORE, limit - len(found)):
            found.setdefault(kept.version, kept)
    return tuple(found.values())


def closed_until(
    reader: FactsReader, kind: type[Fact], controller: Controller, until: Revision, after: Place, limit: int
) -> tuple[Kept, ...]:
    """At most `limit` versions of an organisation that revision `until` or an earlier one closed, and that
    follow `after`: the first that were closed come first.
    """
    table = KINDS[kind].table
    # In the words of the index of closed rows, so that it is used.
    closed = and_(table.c.controller == controller, table.c.revision_to <= until, text(CLOSED))
    return _kept(reader, kind, closed, after, limit)


def ended_until(
    reader: FactsReader,
    kind: type[Fact],
    controller: Controller,
    until: Revision,
    moment: int,
    after: Place,
    limit: int,
) -> tuple[Kept, ...]:
    """As `closed_until`, the open versions of facts that say themselves that they are over: overrides and
    orders that ended at or before `moment` (microseconds since 1970, UTC), tokens that expired or were
    revoked, requests that protect no more since revision `until`, or lapsed at or before `moment`.
    """
    table = KINDS[kind].table
    over: ColumnElement[bool]
    match kind.__name__:
        case "Override" | "CourtOrder":
            over = table.c.ends_at <= moment
        case "Token":
            over = or_(table.c.expires_at <= moment, table.c.revoked_at <= moment)
        case "PrivacyRequest":
            states = sorted(state.value for state in PROTECTING_STATES)
            lapsed = and_(table.c.on_lapse == OnLapse.LAPSE, table.c.ends_at <= moment)
            over = or_(table.c.state.not_in(states), lapsed)
        case _:
            return ()
    # As it is for so long: one that was recorded when it had ended long ago is kept as long as any other.
    still = and_(
        table.c.controller == controller, table.c.revision_to == OPEN, table.c.revision_from <= until
    )
    return _kept(reader, kind, and_(still, over), after, limit)


def _kept(
    reader: FactsReader, kind: type[Fact], which: ColumnElement[bool], after: Place, limit: int
) -> tuple[Kept, ...]:
    stored = kind_of(kind)
    table = stored.table
    ended, row = table.c.revision_to, table.c.row_id
    follows = and_(ended >= after[0], or_(ended > after[0], row > after[1]))
    statement = (
        select(row, table.c.revision_from, ended, *stored.columns)
        .where(which, follows)
        .order_by(ended, row)
        .limit(limit)
    )
    found = []
    for row_id, began, end, *columns in reader.rows(statement):
        fact = from_row(kind, columns)
        version = Version(kind, fact_id(fact), Revision(began))
        found.append(Kept(version, fact, (end, row_id)))
    return tuple(found)


def erased(
    reader: FactsReader, kind: type[Fact], ids: Sequence[str], revision: Revision
) -> tuple[Erased, ...]:
    """Of these facts, the versions that held at `revision` and have been erased since."""
    row = ErasedVersionRow
    found: list[Erased] = []
    for batch in _batches(ids):
        statement = select(row.fact_id, row.revision_from, row.revision_to, row.erased_by).where(
            row.fact_table == KINDS[kind].table.name,
            row.fact_id.in_(batch),
            row.revision_from <= revision,
            row.revision_to > revision,
        )
        found.extend(Erased(*columns) for columns in reader.rows(statement))
    return tuple(found)


def _batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), ROWS_A_STATEMENT):
        yield items[start : start + ROWS_A_STATEMENT]
