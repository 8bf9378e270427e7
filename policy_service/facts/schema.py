"""The facts' schema: bring a database to this version of it, or tell how far it is."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select, text, update
from sqlalchemy.exc import DBAPIError

from policy_service.facts.connect import (
    WriterLock,
    failures_named,
    make_file,
    reading_engine,
    sqlite_path,
    writing_engine,
)
from policy_service.facts.tables import HeadRow
from policy_service.model.errors import UnavailableError
from policy_service.model.files import can_be_made
from policy_service.model.schema import SchemaFound, SchemaState, state_of, what_to_do

__all__ = (
    "SchemaFound",
    "SchemaState",
    "look",
    "migrate",
    "prepare",
    "require",
    "require_preparable",
    "schema_state",
)

THE_STORE = "the facts' store"

VERSION_TABLE = "facts_schema"
_ONE_AT_A_TIME = 0x706F6C6963790001
"""The key of PostgreSQL's advisory lock that a migration holds until it commits."""


def migrate(url: str) -> None:
    """Bring the schema to this version; in one transaction, one process at a time; nothing to do is no error.

    A database that a later version migrated, or one that is somebody else's, is refused: UnavailableError,
    nothing is changed.
    """
    if look(url).state is SchemaState.FOREIGN:  # opening it to write would change it already
        raise _refused(SchemaState.FOREIGN)
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
        state = _look(connection).state
        match state:
            case SchemaState.TOO_NEW | SchemaState.FOREIGN | SchemaState.HALF_RESTORED:
                raise _refused(state)
            case SchemaState.EXPANDED | SchemaState.CURRENT:
                pass
            case SchemaState.EMPTY | SchemaState.TOO_OLD:
                upgrade(connection)


def prepare(url: str) -> None:
    """What `serve` does before it opens the store: make an empty one, and refuse one that is not of this
    version.

    A SQLite file belongs to one service, which brings it here itself. A PostgreSQL database may have several,
    and bringing it here is somebody's decision: `policy-service migrate`. UnavailableError.
    """
    state = require_preparable(url)
    if sqlite_path(url) or state is SchemaState.EMPTY:
        migrate(url)
    require(url)


def require_preparable(url: str) -> SchemaState:
    """Refuse what `prepare` would refuse, and touch nothing: UnavailableError."""
    path, state = sqlite_path(url), look(url).state
    if path and state is SchemaState.EMPTY and not path.exists() and not can_be_made(path):
        raise UnavailableError("STORE_UNAVAILABLE", f"{THE_STORE} cannot be made where its URL says")
    if state is SchemaState.EMPTY or (path and state is SchemaState.TOO_OLD) or state.serves:
        return state
    raise _refused(state)


def require(url: str) -> None:
    """Refuse a store that this version may not run on: UnavailableError, with what to do."""
    state = look(url).state
    if not state.serves:
        raise _refused(state)


def require_current(found: SchemaFound) -> None:
    """Refuse what is not of this version's schema itself, as a whole copy must be: UnavailableError."""
    if found.state is SchemaState.EXPANDED:
        raise UnavailableError(
            "SCHEMA_EXPANDED", f"{THE_STORE} has a newer schema: do this with the version that migrated it"
        )
    if not found.state.serves:
        raise _refused(found.state)


def mark(connection: Connection, version: str) -> None:
    """Let a store that is marked with nothing say that it has this version, in the caller's transaction."""
    table = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True))
    table.create(connection, checkfirst=True)  # as Alembic makes it
    unmark(connection)
    connection.execute(insert(table).values(version_num=version))


def unmark(connection: Connection) -> None:
    """Take back what it says."""
    connection.execute(text(f"DELETE FROM {VERSION_TABLE}"))  # noqa: S608 - a constant name


def look(url: str) -> SchemaFound:
    """What is there; changes nothing. UnavailableError where it cannot be reached."""
    path = sqlite_path(url)
    if path and not path.exists():
        return SchemaFound(SchemaState.EMPTY, "", newest())
    with ExitStack() as stack:
        stack.enter_context(failures_named())
        engine = reading_engine(url)
        stack.callback(engine.dispose)
        try:
            return _look(stack.enter_context(engine.connect()))
        except DBAPIError as error:
            if getattr(error.orig, "sqlite_errorname", "") != "SQLITE_NOTADB":
                raise
            return SchemaFound(SchemaState.FOREIGN, "", newest())


def schema_state(url: str) -> SchemaState:
    """The same, without the versions."""
    return look(url).state


def newest() -> str:
    """The schema that this version was made for."""
    return _chain()[0]


def may_read(oldest_reader: str) -> bool:
    """Whether this version is recent enough for a store that asks for this one (`head.oldest_reader`)."""
    return oldest_reader in _chain()


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run the migrations that are missing, up to `to`, in the transaction that the caller has begun; then say
    who may still run on it. An index of a large table takes as long as it takes, which no statement else may.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, to)
    names = _chain()
    reached = names if to == "head" else names[names.index(to) :]
    asks = [_asks()[name] for name in reached if _asks()[name]]
    if asks:
        connection.execute(update(HeadRow).values(oldest_reader=asks[0]))


def _look(connection: Connection) -> SchemaFound:
    inspected = inspect(connection)
    names = set(inspected.get_table_names())
    if not names:
        return SchemaFound(SchemaState.EMPTY, "", newest())
    if VERSION_TABLE not in names:
        return SchemaFound(SchemaState.FOREIGN, "", newest())
    version = MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE}
    ).get_current_revision()
    head = HeadRow.__tablename__
    asked = None
    if head in names and "oldest_reader" in {column["name"] for column in inspected.get_columns(head)}:
        asked = connection.scalar(select(HeadRow.oldest_reader))
    state = state_of(version, newest=newest(), known=_chain(), oldest_reader=asked)
    return SchemaFound(state, version or "", newest())


def _refused(state: SchemaState) -> UnavailableError:
    return UnavailableError(f"SCHEMA_{state.name}", what_to_do(state, THE_STORE))


@cache
def _asks() -> dict[str, str]:
    """Each migration, the newest first, and the oldest schema whose services may run after it; empty where it
    leaves that as it is.
    """
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return {script.revision: getattr(script.module, "oldest_reader", None) or "" for script in scripts}


def _chain() -> tuple[str, ...]:
    return tuple(_asks())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    return config
