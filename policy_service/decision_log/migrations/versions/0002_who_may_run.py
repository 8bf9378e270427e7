"""Who may run on this log: the schema that the oldest service which may was made for.

Safe while an older version runs: this only adds. Services from before it do not look, and refuse any schema
but their own.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
oldest_reader: str | None = "0002"


def upgrade() -> None:
    op.create_table(
        "log_schema",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("oldest_reader", sa.String(32), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_log_schema_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_schema")),
    )
    op.execute("INSERT INTO log_schema (id, oldest_reader) VALUES (1, '0002')")


def downgrade() -> None:
    # A log is never made to hold less than it did.
    raise NotImplementedError
