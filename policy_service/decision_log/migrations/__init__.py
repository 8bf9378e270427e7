"""The log's schema, brought to the newest version by Alembic. Configured here; there is no alembic.ini.

Each migration runs whole or not at all, also on SQLite. Rules for one that is added: it never rewrites
`log_entries.data`, `leaf_index` or `id` (the tree would no longer hold), and it takes no lock for longer than
a round may wait on tables that a running writer uses.
"""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, text

from policy_service.decision_log.tables import VERSION_TABLE

NEWEST = "0001"

# Any number that no other user of the database has; held until the migration's transaction ends, never by a
# session.
_MIGRATION_LOCK = 7_041_962_001


def upgrade(connection: Connection) -> None:
    """Bring the schema to the newest version, in the transaction that the caller has begun."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
    if version(connection) == NEWEST:
        return
    config = Config()
    config.set_main_option("script_location", "policy_service.decision_log:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, NEWEST)


def version(connection: Connection) -> str | None:
    """The version of the schema behind this connection; `None` before the first migration."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    # A constant name, not a value: nothing of a caller is in this text.
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608
    return found
