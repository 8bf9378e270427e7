"""Run by Alembic, with the connection that `upgrade` gives it."""

from __future__ import annotations

from alembic import context

from policy_service.decision_log.tables import VERSION_TABLE, Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite changes a table by copying it
    transactional_ddl=True,  # also on SQLite, since the connection begins transactions itself
)
context.run_migrations()
