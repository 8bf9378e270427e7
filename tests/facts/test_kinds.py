"""No kind of fact escapes the one writer: each is temporal, and each write of it is announced (ANNOUNCED)."""

from __future__ import annotations

import ast
import dataclasses
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

import pytest
from sqlalchemy import Connection, Table, create_engine, literal, select, text

import policy_service
from policy_service.facts.connect import parse_url, sqlite_path
from policy_service.facts.keys import LOOKUPS, Key, Lookup, is_empty, keys_from_texts, keys_of
from policy_service.facts.mapping import KINDS
from policy_service.facts.reader import FactsReader, find
from policy_service.facts.store import FactStore
from policy_service.facts.tables import (
    Base,
    ChangeRow,
    EpochRow,
    ErasedVersionRow,
    HeadRow,
    NamedPersonRow,
    NotedStreamRow,
    PrivacyRequestPersonRow,
    RevisionRow,
)
from policy_service.model.facts import Fact, Revision
from tests.facts.conftest import migrated
from tests.facts.plans import plans
from tests.facts.world import ADAM, CHILD, ONE_OF_EACH, VERA, Kept, adverse, put, withhold
from tests.support.revisions import on_file, unaccounted_for

EVERY_KIND = pytest.mark.parametrize("kind", get_args(Fact), ids=lambda kind: kind.__name__)
EACH_FACT = pytest.mark.parametrize("fact", ONE_OF_EACH, ids=lambda fact: type(fact).__name__)
EVERY_LOOKUP = pytest.mark.parametrize("lookup", LOOKUPS.values(), ids=LOOKUPS.keys())


def test_every_table_is_a_kind_of_fact_or_one_of_eight() -> None:
    others = {
        row.__tablename__
        for row in (
            *(EpochRow, HeadRow, RevisionRow, ChangeRow),
            *(PrivacyRequestPersonRow, NamedPersonRow, ErasedVersionRow, NotedStreamRow),
        )
    }
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
        keys = set(keys_from_texts(row.key for row in found))
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
    _, wanted, parameters = find(beginning, [f"value-{n}" for n in range(3)], Revision(7))
    plan = plans(url, wanted.params(parameters))[0].splitlines()
    table = KINDS[lookup.kind].table.name
    if sqlite_path(url):
        assert any(line.startswith(f"SEARCH {table} USING INDEX") for line in plan), plan
        assert not any(line.startswith(f"SCAN {table}") for line in plan), plan
    else:
        assert not any("Seq Scan on " + table in line for line in plan), plan
        assert any("Index Cond" in line for line in plan), plan


@EVERY_LOOKUP
def test_a_look_up_has_one_statement(lookup: Lookup) -> None:
    """Whatever is looked for: to make a statement anew takes longer than the database does to answer it."""
    beginnings = [(lookup.name, *(f"{word}-{field}" for field in lookup.fields[:-1])) for word in ("a", "b")]
    statements = {find(each, [each[-1]], Revision(n), n)[1] for n, each in enumerate(beginnings, 1)}
    assert len(statements) == 1


def rows_found_by(connection: Connection, lookup: Lookup) -> set[Key]:
    """The keys under which the look-up's own statement can find what is or was on file: read from the tables,
    not from the facts.
    """
    table = PrivacyRequestPersonRow.__table__ if lookup.many else KINDS[lookup.kind].table
    columns = [table.c[name] for name in lookup.fields] or [literal(lookup.name).label("name")]
    rows = connection.execute(select(*columns).select_from(table).distinct()).all()
    found = {(lookup.name, *row) if lookup.fields else (lookup.name,) for row in rows}
    return {key for key in found if not is_empty(key)}


def unannounced(kept: Kept, facts: Sequence[Fact], removed: tuple[Fact, ...] = ()) -> set[Key]:
    """Write, and tell which look-ups answer otherwise than before without having been announced."""
    before = put(kept.store)
    after = put(kept.store, *facts, removed=removed)
    engine = create_engine(parse_url(kept.url))
    with engine.connect() as connection:
        wanted = {key for lookup in LOOKUPS.values() for key in rows_found_by(connection, lookup)}
    engine.dispose()
    then, now = kept.reader.load(wanted, before), kept.reader.load(wanted, after)
    changed = kept.reader.changed(before, after)
    assert changed is not None
    return {key for key in wanted if then[key] != now[key]} - changed


def life_of(kept: Kept, fact: Fact) -> set[Key]:
    """What is not announced when a fact is recorded, amended and removed."""
    other = otherwise(fact)
    return unannounced(kept, [fact]) | unannounced(kept, [other]) | unannounced(kept, [], (other,))


@EACH_FACT
def test_every_look_up_whose_answer_changes_is_announced(kept: Kept, fact: Fact) -> None:
    assert life_of(kept, fact) == set()


def test_a_relation_that_is_announced_by_one_end_alone_is_found_out(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_end(fact: Fact) -> Iterator[Key]:
        yield from (key for key in keys_of(fact) if key[0] != "relationships_to")

    monkeypatch.setattr("policy_service.facts.rows.keys_of", one_end)
    assert {key[0] for key in life_of(kept, adverse)} == {"relationships_to"}


WHO_MAY_WRITE = {
    "facts/store.py",
    "facts/rows.py",  # called by the store, in its transaction
    "facts/erasing.py",  # the same
    "facts/named.py",  # the same
    "facts/epochs.py",  # the epoch, and no fact
    "facts/noted_streams.py",  # how far the log reached, and no fact; called by the store
    "facts/restore.py",  # all rows of a backup, into a database that nobody serves from
    "facts/schema.py",  # migrations
}


def test_a_row_that_no_revision_wrote_is_found_out(tmp_path: Path) -> None:
    """Whichever way it got there: what is served is looked at so when every method was called
    (`tests/promises/test_promise_2_every_method.py`).
    """
    with migrated("sqlite", tmp_path) as url:
        with FactStore(url, stream_id="control-1") as store:
            put(store, *ONE_OF_EACH)
            put(store, removed=(adverse,))
        reader = FactsReader(url)
        assert on_file(reader) == {kind.table.name for kind in KINDS.values()}
        assert unaccounted_for(reader) == []
        statements = (
            "UPDATE users SET revision_from = 7",
            "UPDATE relationships SET revision_to = 8 WHERE revision_to = 2",
        )
        with closing(sqlite3.connect(tmp_path / "facts.db")) as connection, connection:
            for statement in statements:
                connection.execute(statement)
        assert unaccounted_for(reader) == ["relationships.revision_to: 1", "users.revision_from: 1"]
        reader.close()


def test_no_module_but_these_can_write_to_the_tables_of_facts() -> None:
    root = Path(policy_service.__file__).parent
    writing = set()
    for path in root.rglob("*.py"):
        imported = {
            (node.module, alias.name)
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        knows_tables = any(
            module in ("policy_service.facts.tables", "policy_service.facts.mapping") or name == "KINDS"
            for module, name in imported
        )
        if knows_tables and imported & {
            ("sqlalchemy", word) for word in ("insert", "update", "delete", "text")
        }:
            writing.add(str(path.relative_to(root)))
    assert writing == WHO_MAY_WRITE
