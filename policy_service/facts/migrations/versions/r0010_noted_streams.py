"""How far each stream of the decision log is known to reach, so that an older copy of one is told at a start.

Two neighbouring versions of the service run on one database while it is upgraded, so this only adds: the
earlier one notes nothing and is held to nothing.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0010"
down_revision = "r0009"
branch_labels = None
depends_on = None
oldest_reader: str | None = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "noted_streams",
        sa.Column("epoch", NUMBER, autoincrement=False, nullable=False),
        sa.Column("stream_id", TEXT, nullable=False),
        sa.Column("slot", TEXT, nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("epoch", "stream_id", name="pk_noted_streams"),
    )
