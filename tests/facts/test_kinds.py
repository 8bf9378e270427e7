"""No kind of fact escapes the one writer: each is temporal, and each write of it is announced (ANNOUNCED)."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

import pytest
from sqlalchemy import Table, create_engine, text

from policy_service.facts.connect import loading_engine, parse_url, sqlite_path
from policy_service.facts.keys import LOOKUPS, Key, Lookup, key_from_text, keys_of
from policy_service.facts.mapping import KINDS
from policy_service.facts.reader import find
from policy_service.facts.store import FactStore
from policy_service.facts.tables import Base, ChangeRow, HeadRow, PrivacyRequestPersonRow, RevisionRow
from policy_service.model.facts import Fact, Revision
from tests.facts.world import ADAM, CHILD, ONE_OF_EACH, VERA, Kept, put, withhold

EVERY_KIND = pytest.mark.parametrize("kind", get_args(Fact), ids=lambda kind: kind.__name__)
EACH_FACT = pytest.mark.parametrize("fact", ONE_OF_EACH, ids=lambda fact: type(fact).__name__)
EVERY_LOOKUP = pytest.mark.parametrize("lookup", LOOKUPS.values(), ids=LOOKUPS.keys())


def test_every_table_is_a_kind_of_fact_or_one_of_four() -> None:
    others = {row.__tablename__ for row in (HeadRow, RevisionRow, ChangeRow, PrivacyRequestPersonRow)}
    assert set(Base.metadata.tables) == {kind.table.name for kind in KINDS.values()} | others


def test_every_kind_of_fact_has_a_table_and_an_example_here() -> None:
    assert set(KINDS) == set(get_args(Fact)) == {type(fact) for fact in ONE_OF_EACH}
    assert len({kind.table for kind in KINDS.values()}) == len(KINDS)


@EVERY_KIND
def test_a_kinds_table_is_temporal_and_holds_the_facts_fields(kind: type[Fact]) -> None:
    stored = KINDS[kind]
    temporal = {"row_id", "revision_from", "revision_to", "controller"}
    assert {column.name for column in stored.table.columns} == temporal | {
        f.name for f in dataclasses.fields(kind)
    }
    assert not any(stored.table.c[name].nullable for name in temporal)
    assert has_index(stored.table, stored.id_name, "revision_to", unique=True)


@EVERY_KIND
def test_a_kind_of_fact_can_be_looked_up(kind: type[Fact]) -> None:
    assert any(lookup.kind is kind for lookup in LOOKUPS.values())


@EVERY_LOOKUP
def test_a_look_up_names_fields_of_its_kind_and_has_an_index(lookup: Lookup) -> None:
    assert set(lookup.fields) <= set(KINDS[lookup.kind].names)
    table = KINDS[lookup.kind].table
    if lookup.fields == ("controller",):  # all of a few: rows closed since are read, and passed over
        assert has_index(table, "controller", "name", "revision_to")
    elif not lookup.many:
        assert has_index(table, *lookup.fields, "revision_to")


def has_index(table: Table, *columns: str, unique: bool = False) -> bool:
    return any(
        tuple(column.name for column in index.columns) == columns and (index.unique or not unique)
        for index in table.indexes
    )


def announced(url: str, revision: Revision) -> set[Key]:
    engine = create_engine(parse_url(url))
    with engine.connect() as connection:
        found = connection.execute(text("SELECT key FROM changes WHERE revision = :r"), {"r": revision})
        keys = {key_from_text(row.key) for row in found}
    engine.dispose()
    return keys


@EACH_FACT
def test_what_is_written_changed_or_removed_is_announced(kept: Kept, fact: Fact) -> None:
    store, url = kept.store, kept.url
    other = otherwise(fact)
    assert announced(url, put(store, fact)) == set(keys_of(fact)) != set()
    assert announced(url, put(store, fact)) == set()
    # By both: a worker that remembers it under an old key must forget that, too.
    assert announced(url, put(store, other)) == set(keys_of(fact)) | set(keys_of(other))
    assert announced(url, put(store, removed=(other,))) == set(keys_of(other))


def otherwise(fact: Fact) -> Fact:
    """The same fact, by its id, with every other text changed, and so what most look-ups find it by."""
    kept = {KINDS[type(fact)].id_name, "controller"}
    texts: dict[str, Any] = {
        field.name: f"{value}-changed"
        for field in dataclasses.fields(fact)
        if field.name not in kept and type(value := getattr(fact, field.name)) is str
    }
    changed = dataclasses.replace(fact, **texts)
    if changed == fact:  # nothing but an id, enums and tuples
        categories: dict[str, Any] = (
            {"categories": ("x",)} if hasattr(fact, "categories") else {"documents": ()}
        )
        changed = dataclasses.replace(fact, **categories)
    return changed


def test_a_request_is_announced_to_whom_it_covers_and_covered(store: FactStore, url: str) -> None:
    put(store, withhold)
    revision = put(store, dataclasses.replace(withhold, covers=(ADAM,)))
    about = {key for key in announced(url, revision) if key[0] == "requests_about"}
    assert about == {("requests_about", person) for person in (VERA, CHILD, ADAM)}


@EVERY_LOOKUP
def test_a_look_up_is_answered_from_an_index(kept: Kept, lookup: Lookup) -> None:
    """Whatever else is on file, a look-up reads what it finds."""
    if not lookup.fields:
        pytest.skip("there is one policy set")
    url = kept.url
    beginning = (lookup.name, *lookup.fields[:-1])  # any values will do
    _, wanted = find(beginning, [f"value-{n}" for n in range(3)], Revision(7))
    engine = loading_engine(url, connections=1)
    with engine.connect() as connection:
        if sqlite_path(url) is None:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN " if sqlite_path(url) else "EXPLAIN "
        statement = str(wanted.compile(engine, compile_kwargs={"literal_binds": True}))
        plan = [str(row[-1]) for row in connection.exec_driver_sql(explain + statement.replace("%", "%%"))]
    engine.dispose()
    table = KINDS[lookup.kind].table.name
    if sqlite_path(url):
        assert any(line.startswith(f"SEARCH {table} USING INDEX") for line in plan), plan
        assert not any(line.startswith(f"SCAN {table}") for line in plan), plan
    else:
        assert not any("Seq Scan on " + table in line for line in plan), plan
        assert any("Index Cond" in line for line in plan), plan
