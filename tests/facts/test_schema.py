"""The schema: migrations make what the tables say, and what is not of this version is told apart."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from policy_service.facts import keys, schema
from policy_service.facts.connect import make_file, parse_url, sqlite_path, writing_engine
from policy_service.facts.reader import FactsReader
from policy_service.facts.schema import (
    VERSION_TABLE,
    SchemaState,
    look,
    migrate,
    prepare,
    require,
    schema_state,
)
from policy_service.facts.store import FactStore
from policy_service.facts.tables import Base
from policy_service.model.errors import UnavailableError
from policy_service.model.facts import Revision, User
from policy_service.model.schema import RESTORING
from tests.facts.world import adam, officer, put, vera

OLDER = "r0003"
MIGRATIONS = Path(schema.__file__).with_name("migrations")
BESIDE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute(sys.argv[2])
connection.commit()
"""
FULL = 2  # of `PRAGMA synchronous`


def run(url: str, statement: str) -> None:
    if path := sqlite_path(url):
        make_file(path)
    engine = create_engine(parse_url(url))
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def run_beside(url: str, statement: str) -> None:
    """The same while a service has the store open: this connection's end does not drop its locks."""
    path = sqlite_path(url)
    if path is None:
        run(url, statement)
    else:
        command = [sys.executable, "-c", BESIDE, str(path), statement]
        subprocess.run(command, check=True)


def definitions(url: str) -> set[tuple[str, ...]]:
    """Every table's columns and constraints and every index, in the database's own words."""
    engine = create_engine(parse_url(url))
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            found = connection.execute(
                text("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
            )
            all_of_it = {
                # A table that was made anew has its name in quotes.
                (row.type, row.name, " ".join(row.sql.replace('"', "").split()))
                for row in found
            }
        else:
            indexes = connection.execute(
                text("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'")
            )
            columns = connection.execute(
                text(
                    "SELECT table_name, column_name, data_type, is_nullable, coalesce(column_default, ''),"
                    " ordinal_position::text, coalesce(collation_name, '')"
                    " FROM information_schema.columns WHERE table_schema = 'public'"
                )
            )
            checks = connection.execute(
                text(
                    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
                    " WHERE connamespace = 'public'::regnamespace"
                )
            )
            all_of_it = {tuple(row) for rows in (indexes, columns, checks) for row in rows}
    engine.dispose()
    return {row for row in all_of_it if VERSION_TABLE not in " ".join(row)}


def test_models_equal_migrations(empty_url: str) -> None:
    url = empty_url
    migrate(url)
    engine = create_engine(parse_url(url))
    with engine.connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []
    migrated = definitions(url)
    # Alembic does not compare everything (the condition of a partial index, a check), so the words are, too.
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    engine.dispose()
    assert definitions(url) == migrated


def test_what_an_older_version_writes_has_no_attributes(url: str) -> None:
    """While the service is upgraded, the version before this one writes rows without them."""
    with FactStore(url, stream_id="control-1") as store:
        put(store, officer)
    columns = "revision_from, revision_to, controller, kind, person_id, roles, teams, organisation, owner"
    columns += ", record_types, suspended"
    run(
        url,
        f"INSERT INTO users (row_id, user_id, reference, {columns})"
        f" SELECT 1000, 'older', 'older', {columns} FROM users",
    )
    reader = FactsReader(url)
    try:
        key = keys.user(officer.controller, "older")
        (older,) = reader.load([key], Revision(1))[key]
    finally:
        reader.close()
    assert isinstance(older, User)
    assert older == replace(officer, user_id="older", reference="older", attributes=())


def test_an_empty_store_is_migrated_and_then_current(empty_url: str) -> None:
    assert schema_state(empty_url) is SchemaState.EMPTY
    migrate(empty_url)
    assert schema_state(empty_url) is SchemaState.CURRENT


def test_migrating_again_changes_nothing(url: str) -> None:
    with FactStore(url, stream_id="control-1") as store:
        put(store, vera)
    migrate(url)
    with FactStore(url, stream_id="control-1") as store:
        assert store.head() == 1


def test_a_store_without_the_newest_migration_is_too_old(url: str) -> None:
    run(url, f"DELETE FROM {VERSION_TABLE}")
    assert schema_state(url) is SchemaState.TOO_OLD


def test_a_store_of_a_later_version_is_too_new_and_left_alone(url: str) -> None:
    run(url, f"UPDATE {VERSION_TABLE} SET version_num = 'r9999'")
    run(url, "UPDATE head SET oldest_reader = 'r9998'")
    assert schema_state(url) is SchemaState.TOO_NEW
    for refusing in (migrate, prepare, require):
        with pytest.raises(UnavailableError, match="install the version that migrated it") as refused:
            refusing(url)
        assert refused.value.reason == "SCHEMA_TOO_NEW"


def test_a_store_that_a_later_version_has_added_to_is_served(url: str) -> None:
    run(url, f"UPDATE {VERSION_TABLE} SET version_num = 'r9999'")
    assert schema_state(url) is SchemaState.EXPANDED
    for serving in (migrate, prepare, require):
        serving(url)
    assert look(url).version == "r9999", "an earlier version migrates nothing back"


def test_whoever_runs_while_the_store_is_contracted_is_refused_from_the_next_head_on(url: str) -> None:
    with FactStore(url, stream_id="control-1") as store:
        reader = FactsReader(url)
        put(store, vera)
        assert reader.head() == 1
        run_beside(url, "UPDATE head SET oldest_reader = 'r0005'")  # one that this version knows
        assert reader.head() == 1
        run_beside(url, "UPDATE head SET oldest_reader = 'r9999'")
        for _ in range(2):
            with pytest.raises(UnavailableError) as refused:
                reader.head()
            assert refused.value.reason == "SCHEMA_TOO_NEW"
        with pytest.raises(UnavailableError):
            put(store, adam)
        assert look(url).state is SchemaState.CURRENT
        run_beside(url, "UPDATE head SET oldest_reader = 'r0005'")
        assert reader.head() == 1, "what was refused left nothing behind"
        reader.close()


def test_whoever_runs_while_the_store_is_replaced_is_refused_from_the_next_head_on(url: str) -> None:
    with FactStore(url, stream_id="control-1") as store:
        reader = FactsReader(url)
        put(store, vera)
        assert reader.head() == 1
        run_beside(url, "UPDATE head SET epoch = epoch + 1")
        for _ in range(2):
            with pytest.raises(UnavailableError) as refused:
                reader.head()
            assert refused.value.reason == "STORE_REPLACED"
        with pytest.raises(UnavailableError):
            put(store, adam)
        reader.close()


def test_whoever_runs_while_the_store_goes_back_is_refused_from_the_next_head_on(url: str) -> None:
    """As when an older copy is put in its place, which is of the same epoch."""
    with FactStore(url, stream_id="control-1") as store:
        reader = FactsReader(url)
        put(store, vera)
        put(store, adam)
        assert reader.head() == 2
        run_beside(url, "UPDATE head SET revision = 0")
        with pytest.raises(UnavailableError) as refused:
            reader.head()
        assert refused.value.reason == "STORE_WENT_BACK"
        with pytest.raises(UnavailableError):
            put(store, adam)
        run_beside(url, "UPDATE head SET revision = head.revision + 2")
        with pytest.raises(UnavailableError):
            reader.head()  # the number of before, of other revisions
        reader.close()
    reader = FactsReader(url)
    assert reader.head() == 2, "the write was undone"
    reader.close()


def test_serve_makes_an_empty_store_and_migrates_no_shared_one(empty_url: str) -> None:
    with pytest.raises(UnavailableError, match="policy-service migrate"):
        require(empty_url)
    prepare(empty_url)
    assert schema_state(empty_url) is SchemaState.CURRENT
    run(empty_url, f"UPDATE {VERSION_TABLE} SET version_num = '{OLDER}'")
    with pytest.raises(UnavailableError, match="policy-service migrate") as refused:
        require(empty_url)
    assert refused.value.reason == "SCHEMA_TOO_OLD"
    if sqlite_path(empty_url) is None:
        with pytest.raises(UnavailableError):
            prepare(empty_url)


def test_a_restore_that_did_not_finish_is_served_by_nobody(url: str) -> None:
    run(url, f"UPDATE {VERSION_TABLE} SET version_num = '{RESTORING}'")
    assert schema_state(url) is SchemaState.HALF_RESTORED
    for refusing in (migrate, prepare, require):
        with pytest.raises(UnavailableError, match="policy-service restore") as refused:
            refusing(url)
        assert refused.value.reason == "SCHEMA_HALF_RESTORED"


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "facts.db"
    file.write_text("the minutes of the last meeting\n" * 100)
    with pytest.raises(UnavailableError, match="check its URL"):
        migrate(f"sqlite:///{file}")
    assert file.read_text() == "the minutes of the last meeting\n" * 100


def test_each_migration_says_who_may_run_after_it() -> None:
    """Those from before versions ran side by side do not; whoever adds one from the template does."""
    scripts = list(ScriptDirectory(str(MIGRATIONS)).walk_revisions())
    names = [script.revision for script in scripts]
    since = scripts[: names.index("r0007") + 1]
    for script in since:
        asked = script.module.oldest_reader
        assert asked is None or asked in names[names.index(script.revision) :], "itself, or one before it"


def test_a_database_of_another_project_is_left_alone(empty_url: str) -> None:
    run(empty_url, "CREATE TABLE customers (name TEXT)")
    assert schema_state(empty_url) is SchemaState.FOREIGN
    with pytest.raises(UnavailableError) as refused:
        migrate(empty_url)
    assert refused.value.reason == "SCHEMA_FOREIGN"
    engine = create_engine(parse_url(empty_url))
    assert inspect(engine).get_table_names() == ["customers"]
    engine.dispose()


def test_two_processes_may_migrate_at_once(empty_url: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(migrate, empty_url) for _ in range(2)]:
            done.result()
    assert schema_state(empty_url) is SchemaState.CURRENT


def test_a_migration_that_fails_leaves_nothing_behind(empty_url: str) -> None:
    run(empty_url, f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL)")
    run(empty_url, "CREATE TABLE users (name TEXT)")  # in the way of the last but two tables
    with pytest.raises(UnavailableError):
        migrate(empty_url)
    engine = writing_engine(empty_url)
    assert sorted(inspect(engine).get_table_names()) == sorted([VERSION_TABLE, "users"])
    engine.dispose()


def test_a_migration_takes_as_long_as_it_takes(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index of a large table takes longer than any other statement may."""
    if sqlite_path(empty_url):
        pytest.skip("SQLite has no such bound")
    bounds = []

    def noticing(config: Config, to: str) -> None:
        bounds.append(config.attributes["connection"].execute(text("SHOW statement_timeout")).scalar())
        upgrade(config, to)

    upgrade = command.upgrade
    monkeypatch.setattr(command, "upgrade", noticing)
    migrate(empty_url)
    assert bounds == ["0"]


def test_a_sqlite_store_is_written_with_an_fsync_for_each_commit(url: str) -> None:
    """WAL with synchronous=NORMAL lost acknowledged rows in nearly every simulated loss of power."""
    if sqlite_path(url) is None:
        pytest.skip("`SET LOCAL synchronous_commit` has a test of its own")
    engine = writing_engine(url)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == FULL
    engine.dispose()


def test_a_sqlite_store_is_closed_to_others(url: str) -> None:
    path = sqlite_path(url)
    if path is None:
        pytest.skip("the server guards its own files")
    with FactStore(url, stream_id="control-1") as store:
        put(store, vera)
        modes = {file.name: oct(file.stat().st_mode & 0o777) for file in path.parent.glob("facts.db*")}
    assert {"facts.db", "facts.db-wal", "facts.db.writer"} <= modes.keys()
    assert set(modes.values()) == {"0o600"}
