"""The models are what the migrations make, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, NullPool, create_engine, inspect

from policy_service.decision_log import migrations
from policy_service.decision_log.errors import LogUnavailable
from policy_service.decision_log.stream import StreamWriter
from policy_service.decision_log.tables import VERSION_TABLE, Base
from policy_service.decision_log.url import migrate
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


def test_a_writer_refuses_a_database_that_was_not_migrated() -> None:
    with pytest.raises(LogUnavailable, match="migrate it first"):
        StreamWriter.open(postgres_url(), "worker-0")
