"""The past of the facts: every kind as of each revision, the revision of a moment, and what changed when."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from policy_service.facts.connect import loading_engine
from policy_service.facts.history import Change, Rows, changes_of, ever, revision_at, touched
from policy_service.facts.keys import keys_of
from policy_service.facts.mapping import KINDS, fact_id, from_microseconds
from policy_service.facts.reader import FactsReader
from policy_service.facts.store import FactStore
from policy_service.facts.tables import RevisionRow
from policy_service.model.facts import (
    ArtefactType,
    ContactPoint,
    ContentDeclaration,
    CourtOrder,
    Fact,
    Override,
    Person,
    PersonIdentifier,
    PersonName,
    PrivacyRequest,
    Record,
    RecordParty,
    RecordType,
    Relationship,
    Revision,
    System,
    Token,
    User,
)
from tests.facts.conftest import migrated
from tests.facts.test_kinds import EACH_FACT, otherwise
from tests.facts.world import (
    ADAM,
    NOON,
    POLICE,
    VERA,
    Kept,
    adverse,
    change,
    put,
    vera,
    vera_nhs_number,
    write,
)

SECOND = timedelta(seconds=1)


@EACH_FACT
def test_every_kind_is_read_as_of_each_of_its_revisions(kept: Kept, fact: Fact) -> None:
    store, kind = kept.store, type(fact)
    before = store.head()
    recorded = put(store, fact)
    put(store)  # of something else
    amended = put(store, otherwise(fact))
    removed = put(store, removed=(fact,))

    for revision, there in {
        before: (),
        recorded: (fact,),
        Revision(recorded + 1): (fact,),
        amended: (otherwise(fact),),
        removed: (),
    }.items():
        assert kept.reader.list_facts(kind, POLICE, "", 9, revision) == there
        wanted = [key for each in there for key in keys_of(each)]
        assert all(found == there for found in kept.reader.load(wanted, revision).values())

    by_id = Rows(kind, {KINDS[kind].id_name: (fact_id(fact),)})
    changes = changes_of(kept.reader, (by_id,), removed, 9)
    assert [each.revision for each in changes][:3] == [removed, amended, recorded]
    assert {each.kinds for each in changes} == {(kind,)}
    assert ever(kept.reader, kind, by_id.where, removed, 1) == (otherwise(fact),)
    assert ever(kept.reader, kind, by_id.where, recorded, 1) == (fact,)
    assert ever(kept.reader, kind, {"controller": ("nobody",)}, removed, 1) == ()


def test_what_changed_comes_newest_first_and_in_pages(store: FactStore, reader: FactsReader) -> None:
    first = write(store, change(vera, vera_nhs_number, time=NOON)).revision
    put(store, otherwise(adverse))
    second = write(store, change(adverse, actor="system:crm", time=NOON + SECOND)).revision
    third = write(store, change(removed=(vera_nhs_number, vera), time=NOON)).revision
    sources = (
        Rows(type(vera), {"person_id": (VERA, ADAM)}),
        Rows(PersonIdentifier, {"person_id": (VERA,)}),
        Rows(Relationship, {"to_person": (VERA,), "from_person": (ADAM,)}),
    )
    why = "asked by phone"
    expected = (
        Change(third, NOON + SECOND, "principal:priya", why, (type(vera), PersonIdentifier)),
        Change(second, NOON + SECOND, "system:crm", why, (Relationship,)),
        Change(first, NOON, "principal:priya", why, (type(vera), PersonIdentifier)),
    )
    assert {adverse.from_person, adverse.to_person} == {VERA, ADAM}
    if adverse.from_person == VERA:
        sources = (*sources[:2], Rows(Relationship, {"from_person": (VERA,), "to_person": (ADAM,)}))
    assert changes_of(reader, sources, third, 9) == expected
    assert changes_of(reader, sources, third, 2) == expected[:2]
    assert changes_of(reader, sources, Revision(second - 1), 2) == expected[2:]
    assert changes_of(reader, sources, Revision(first - 1), 2) == ()


@pytest.mark.parametrize("seed", range(2))
def test_the_revision_of_a_moment_is_the_newest_committed_by_then(
    store: FactStore, reader: FactsReader, seed: int
) -> None:
    """Whatever the clock does; compared with every revision, one after the other."""
    die = random.Random(seed)
    clock = NOON
    for _ in range(24):
        clock += die.randint(-3, 5) * SECOND
        write(store, change(time=clock))
    head = store.head()
    committed = {revision: committed_at(reader, revision) for revision in range(1, head + 1)}
    moments = {at + half for at in committed.values() for half in (SECOND * 0, SECOND / 2)}
    assert len(moments) > 8
    for moment in moments:
        for newest in (head, Revision(head - 7)):
            by_then = [revision for revision, at in committed.items() if at <= moment and revision <= newest]
            assert revision_at(reader, moment, newest) == max(by_then, default=None)


def committed_at(reader: FactsReader, revision: int) -> datetime:
    """When a revision was committed, as it stands in its row."""
    ((at,),) = reader.rows(select(RevisionRow.committed_at).where(RevisionRow.revision == revision))
    return from_microseconds(at)


def test_before_the_first_revision_there_is_none(store: FactStore, reader: FactsReader) -> None:
    assert revision_at(reader, NOON, store.head()) is None
    first = put(store)
    assert revision_at(reader, NOON - SECOND, first) is None
    assert revision_at(reader, NOON, first) == first
    assert revision_at(reader, NOON + SECOND, first) == first


@pytest.mark.parametrize("writes", [0, 1, 40])
def test_a_moment_costs_few_questions(store: FactStore, reader: FactsReader, writes: int) -> None:
    for number in range(writes):
        write(store, change(time=NOON + number * SECOND))
    asked: list[object] = []

    class Counting(FactsReader):
        def __init__(self) -> None:
            pass

        def rows(self, statement: Any, parameters: Any = None) -> Any:
            asked.append(statement)
            return reader.rows(statement, parameters)

    revision_at(Counting(), NOON + 7 * SECOND, store.head())
    assert len(asked) <= writes.bit_length()


OF_A_PERSON = (
    Rows(Person, {"person_id": (VERA,), "controller": (POLICE,)}),
    Rows(PersonIdentifier, {"person_id": (VERA,), "controller": (POLICE,)}),
    Rows(PersonName, {"person_id": (VERA,), "controller": (POLICE,)}),
    Rows(Relationship, {"from_person": (VERA,), "controller": (POLICE,)}),
    Rows(Relationship, {"to_person": (VERA,), "controller": (POLICE,)}),
    Rows(ContactPoint, {"person_id": (VERA,), "controller": (POLICE,)}),
)
BY_ONE_VALUE = (
    Rows(PersonIdentifier, {"fingerprint": ("f",), "controller": (POLICE,)}),
    Rows(RecordParty, {"record_id": ("r",)}),
    Rows(RecordType, {"name": ("n",), "controller": (POLICE,)}),
    Rows(ArtefactType, {"name": ("n",), "controller": (POLICE,)}),
    Rows(Record, {"reference": ("r",), "controller": (POLICE,)}),
    Rows(ContentDeclaration, {"declaration_id": ("d",), "controller": (POLICE,)}),
    Rows(Override, {"override_id": ("o",), "controller": (POLICE,)}),
    Rows(CourtOrder, {"order_id": ("o",), "controller": (POLICE,)}),
    Rows(PrivacyRequest, {"request_id": ("r",), "controller": (POLICE,)}),
    Rows(User, {"reference": ("u",), "controller": (POLICE,)}),
    Rows(System, {"name": ("s",), "controller": (POLICE,)}),
    Rows(Token, {"token_id": ("t",), "controller": (POLICE,)}),
)


@pytest.mark.parametrize("rows", [*OF_A_PERSON, *BY_ONE_VALUE], ids=lambda rows: rows.kind.__name__)
def test_a_history_reads_its_own_rows_alone(tmp_path: Path, rows: Rows) -> None:
    """Not all of the organisation's: the plan of SQLite, which has no statistics to choose by."""
    with migrated("sqlite", tmp_path) as url:
        engine = loading_engine(url, connections=1)
    by = [name for name in rows.where if name != "controller"]
    with engine.connect() as connection:
        for part in touched(rows, Revision(7)):
            statement = str(part.compile(engine, compile_kwargs={"literal_binds": True}))
            plan = [str(row[-1]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")]
            assert len(plan) == 1, plan
            assert plan[0].startswith(f"SEARCH {KINDS[rows.kind].table.name} USING "), plan
            assert "INDEX" in plan[0]
            assert all(f"{name}=?" in plan[0] for name in by), plan
    engine.dispose()
