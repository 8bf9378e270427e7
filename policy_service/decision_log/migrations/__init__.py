"""The log's schema, brought to the newest version by Alembic. Configured here; there is no alembic.ini.

Each migration runs whole or not at all, also on SQLite. Rules for one that is added: it never rewrites
`log_entries.data`, `leaf_index` or `id` (the tree would no longer hold), and it takes no lock for longer than
a round may wait on tables that a running writer uses. It expands, and leaves `oldest_reader` None, or it
contracts, and names in `oldest_reader` the schema of the oldest service that may still run; never both.
"""

from __future__ import annotations

from functools import cache

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, select, text, update

from policy_service.decision_log.errors import LogSchemaUnfit
from policy_service.decision_log.tables import VERSION_TABLE, SchemaRow, StreamRow
from policy_service.model.schema import SchemaFound, SchemaState, state_of, what_to_do

NEWEST = "0002"
THE_LOG = "the decision log"

# Any number that no other user of the database has; held until the migration's transaction ends, never by a
# session.
_MIGRATION_LOCK = 7_041_962_001
# The version table of the facts: they and the log may share one PostgreSQL database.
_NEIGHBOUR = "facts_schema"


def upgrade(connection: Connection) -> None:
    """Bring the schema to the newest version, in the transaction that the caller has begun.

    What a later version has added to stays as it is. `LogSchemaUnfit` where this version has no business.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
    state = look(connection).state
    match state:
        case SchemaState.CURRENT | SchemaState.EXPANDED:
            return
        case SchemaState.TOO_NEW | SchemaState.FOREIGN | SchemaState.HALF_RESTORED:
            raise refused(state)
        case SchemaState.EMPTY | SchemaState.TOO_OLD:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, NEWEST)
            if asked := next((reader for reader in _asks().values() if reader), ""):
                connection.execute(update(SchemaRow).values(oldest_reader=asked))


def look(connection: Connection) -> SchemaFound:
    """What is behind this connection; changes nothing."""
    names = set(inspect(connection).get_table_names())
    if VERSION_TABLE not in names:
        ours = StreamRow.__tablename__ in names
        empty = not names or (_NEIGHBOUR in names and not ours and connection.dialect.name == "postgresql")
        return SchemaFound(SchemaState.EMPTY if empty else SchemaState.FOREIGN, "", NEWEST)
    found = version(connection)
    asked = connection.scalar(select(SchemaRow.oldest_reader)) if SchemaRow.__tablename__ in names else None
    state = state_of(found, newest=NEWEST, known=_asks(), oldest_reader=asked)
    return SchemaFound(state, found or "", NEWEST)


def refused(state: SchemaState) -> LogSchemaUnfit:
    """The error that says so."""
    return LogSchemaUnfit(what_to_do(state, THE_LOG))


def version(connection: Connection) -> str | None:
    """The version of the schema behind this connection; `None` before the first migration."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    # A constant name, not a value: nothing of a caller is in this text.
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608
    return found


@cache
def _asks() -> dict[str, str]:
    """Each migration, the newest first, and the oldest schema whose services may run after it, or nothing."""
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return {script.revision: getattr(script.module, "oldest_reader", None) or "" for script in scripts}


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "policy_service.decision_log:migrations")
    return config
