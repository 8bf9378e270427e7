"""Run by Alembic for each command; the connection, with its transaction, is `facts.schema`'s."""

from alembic import context

from policy_service.facts.schema import VERSION_TABLE
from policy_service.facts.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite cannot alter a table otherwise
    transactional_ddl=True,  # on SQLite too: `facts.schema` begins the transaction itself
    compare_type=True,
)
context.run_migrations()
