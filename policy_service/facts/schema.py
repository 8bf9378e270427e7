"""The facts' schema: bring a database to this version of it, or tell how far it is."""

from __future__ import annotations

from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from policy_service.facts.connect import (
    WriterLock,
    failures_named,
    make_file,
    reading_engine,
    sqlite_path,
    writing_engine,
)
from policy_service.model.errors import UnavailableError

VERSION_TABLE = "facts_schema"
_ONE_AT_A_TIME = 0x706F6C6963790001
"""The key of PostgreSQL's advisory lock that a migration holds until it commits."""


class SchemaState(StrEnum):
    """What a service that starts finds."""

    CURRENT = "current"
    EMPTY = "empty"
    """No tables at all, or no such file."""
    TOO_OLD = "too_old"
    """`migrate` brings it here."""
    TOO_NEW = "too_new"
    """A later version of the service has migrated it."""
    FOREIGN = "foreign"
    """There are tables, and they are not these."""


def migrate(url: str) -> None:
    """Bring the schema to this version; in one transaction, one process at a time; nothing to do is no error.

    A database that a later version migrated, or one that is somebody else's, is refused: UnavailableError,
    nothing is changed.
    """
    with ExitStack() as stack:
        stack.enter_context(failures_named())
        if path := sqlite_path(url):
            lock = WriterLock(path)
            stack.callback(lock.release)
            make_file(path)
        engine = writing_engine(url)
        stack.callback(engine.dispose)
        connection = stack.enter_context(engine.begin())
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
        match _state(connection):
            case SchemaState.TOO_NEW:
                raise UnavailableError(
                    "SCHEMA_TOO_NEW", "a later version of this service has migrated the facts' store"
                )
            case SchemaState.FOREIGN:
                raise UnavailableError(
                    "SCHEMA_FOREIGN", "the facts' store has tables that are not this service's"
                )
            case SchemaState.EMPTY | SchemaState.TOO_OLD | SchemaState.CURRENT:
                config = _config()
                config.attributes["connection"] = connection
                command.upgrade(config, "head")


def schema_state(url: str) -> SchemaState:
    """What is there; changes nothing. UnavailableError where it cannot be reached."""
    path = sqlite_path(url)
    if path and not path.exists():
        return SchemaState.EMPTY
    with ExitStack() as stack:
        stack.enter_context(failures_named())
        engine = reading_engine(url)
        stack.callback(engine.dispose)
        return _state(stack.enter_context(engine.connect()))


def _state(connection: Connection) -> SchemaState:
    names = set(inspect(connection).get_table_names())
    if not names:
        return SchemaState.EMPTY
    if VERSION_TABLE not in names:
        return SchemaState.FOREIGN
    scripts = ScriptDirectory.from_config(_config())
    current = MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE}
    ).get_current_revision()
    if current == scripts.get_current_head():
        return SchemaState.CURRENT
    known = {script.revision for script in scripts.walk_revisions()}
    # None: before the first migration.
    return SchemaState.TOO_OLD if current is None or current in known else SchemaState.TOO_NEW


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    return config
