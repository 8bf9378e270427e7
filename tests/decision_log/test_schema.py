"""The models are what the migrations make, and what is of another version is told apart; on both stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, NullPool, create_engine, inspect, select

from policy_service.decision_log import migrations
from policy_service.decision_log.errors import LogSchemaUnfit, LogUnavailable
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.stream import StreamWriter
from policy_service.decision_log.tables import VERSION_TABLE, Base, SchemaRow
from policy_service.decision_log.url import locate, look, migrate, prepare, require_preparable
from policy_service.facts.schema import migrate as migrate_facts
from policy_service.model.schema import SchemaState
from tests.decision_log.making import entry
from tests.decision_log.meddling import meddle
from tests.support.postgres import postgres_url


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    url = postgres_url() if request.param == "postgres" else f"sqlite:///{tmp_path / 'empty.db'}"
    return create_engine(url, poolclass=NullPool)


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(
        connection,
        opts={"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True},
    )
    return list(compare_metadata(context, Base.metadata))


def test_the_models_equal_the_migrations(empty_database: Engine) -> None:
    with empty_database.begin() as connection:
        migrations.upgrade(connection)
    with empty_database.begin() as connection:
        assert differences(connection) == []
        checks = {check["name"] for check in inspect(connection).get_check_constraints("log_entries")}
        assert checks == {"ck_log_entries_data"}
        assert migrations.version(connection) == migrations.NEWEST


def test_a_migration_that_is_broken_off_leaves_nothing(empty_database: Engine) -> None:
    with empty_database.connect() as connection, connection.begin() as transaction:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        migrations.upgrade(connection)
        transaction.rollback()
    with empty_database.connect() as connection:
        assert inspect(connection).get_table_names() == []


def test_migrating_again_changes_nothing(log_url: str) -> None:
    with StreamWriter.open(log_url, "worker-0"):
        pass
    migrate(log_url)
    migrate(log_url)


def test_the_newest_version_is_that_of_the_last_script() -> None:
    scripts = ScriptDirectory("policy_service/decision_log/migrations")
    assert scripts.get_current_head() == migrations.NEWEST


def to_version(log_url: str, version: str) -> None:
    """Let a log with one stream say that it has this version."""
    with StreamWriter.open(log_url, "worker-0") as writer:
        writer.append_now(entry())
    meddle(log_url, "worker-0", f"UPDATE log_version SET version_num = '{version}'")


def test_a_log_of_a_later_version_is_too_new_and_left_alone(log_url: str) -> None:
    to_version(log_url, "9999")
    meddle(log_url, "worker-0", "UPDATE log_schema SET oldest_reader = '9998'")
    before = LogReader(log_url).streams()
    assert look(log_url).state is SchemaState.TOO_NEW
    for refusing in (migrate, prepare, require_preparable, append_one):
        with pytest.raises(LogSchemaUnfit, match="install the version that migrated it"):
            refusing(log_url)
    assert LogReader(log_url).streams() == before


def test_a_log_that_a_later_version_has_added_to_is_written(log_url: str) -> None:
    to_version(log_url, "9999")
    assert look(log_url).state is SchemaState.EXPANDED
    for serving in (migrate, prepare, require_preparable, append_one):
        serving(log_url)
    assert look(log_url).version == "9999", "an earlier version migrates nothing back"
    assert [stream.size for stream in LogReader(log_url).streams()] == [2]


def test_a_log_of_an_older_version_is_brought_here(log_url: str) -> None:
    to_version(log_url, "0001")
    meddle(log_url, "worker-0", "DROP TABLE log_schema")
    assert look(log_url).state is SchemaState.TOO_OLD
    if log_url.startswith("postgresql"):  # others may be writing it: that is somebody's decision
        for refusing in (prepare, append_one):
            with pytest.raises(LogSchemaUnfit, match="policy-service migrate"):
                refusing(log_url)
    else:
        prepare(log_url)
        assert look(log_url).state is SchemaState.TOO_OLD, "a worker may be writing its file now"
    migrate(log_url)
    assert look(log_url).state is SchemaState.CURRENT
    with read(log_url) as connection:
        assert connection.scalar(select(SchemaRow.oldest_reader)) == "0002"
    append_one(log_url)
    assert [stream.size for stream in LogReader(log_url).streams()] == [2]


def test_a_database_of_another_project_is_left_alone(empty_database: Engine) -> None:
    with empty_database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE customers (name TEXT)")
    url = empty_database.url.render_as_string(hide_password=False)
    if empty_database.dialect.name == "sqlite":
        url, _, _ = url.rpartition("/")
    assert look(url).state is SchemaState.FOREIGN
    for refusing in (migrate, prepare, require_preparable):
        with pytest.raises(LogSchemaUnfit, match="check its URL"):
            refusing(url)
    with empty_database.connect() as connection:
        assert inspect(connection).get_table_names() == ["customers"]


def test_facts_beside_which_there_is_no_log_yet_are_no_other_project() -> None:
    url = postgres_url()
    migrate_facts(url)
    assert look(url).state is SchemaState.EMPTY
    prepare(url)
    assert look(url).state is SchemaState.CURRENT


def test_each_migration_says_who_may_run_after_it() -> None:
    """The first does not; no version was there before it."""
    *later, _ = ScriptDirectory("policy_service/decision_log/migrations").walk_revisions()
    names = [script.revision for script in later]
    for place, script in enumerate(later):
        asked = script.module.oldest_reader
        assert asked is None or asked in names[place:], "itself, or one before it"


def append_one(log_url: str) -> None:
    with StreamWriter.open(log_url, "worker-0") as writer:
        writer.append_now(entry())


@contextmanager
def read(log_url: str) -> Iterator[Connection]:
    with closing(locate(log_url).reading()) as databases:
        yield next(databases)


def test_a_writer_refuses_a_database_that_was_not_migrated() -> None:
    with pytest.raises(LogUnavailable, match="policy-service migrate"):
        StreamWriter.open(postgres_url(), "worker-0")
