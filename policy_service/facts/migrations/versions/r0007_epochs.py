"""Epochs, which tell facts from before a restore from those after it, and who may run on this store.

Two neighbouring versions of the service run on one database while it is upgraded, so this only adds. Services
from before it do not look who may run, and refuse any schema but their own.
"""

from __future__ import annotations

import secrets
import time

import sqlalchemy as sa
from alembic import op

revision = "r0007"
down_revision = "r0006"
branch_labels = None
depends_on = None
oldest_reader: str | None = "r0007"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "epochs",
        sa.Column("epoch", NUMBER, autoincrement=False, nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("after_revision", NUMBER, nullable=False),
        sa.Column("began_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("epoch", name="pk_epochs"),
    )
    # SQLite writes a column that is added behind the constraints, unless the table is made anew.
    sqlite = op.get_bind().dialect.name == "sqlite"
    with op.batch_alter_table("head", recreate="always" if sqlite else "never") as batch:
        batch.add_column(sa.Column("epoch", NUMBER, nullable=False, server_default=sa.text("0")))
        batch.add_column(sa.Column("oldest_reader", TEXT, nullable=False, server_default=sa.text("''")))
        if sqlite:
            # Else the empty text, read back, would be written in other words than the models have for it.
            batch.alter_column("key_check", server_default=sa.text("''"))
    first = {"epoch": secrets.randbits(48), "now": time.time_ns() // 1_000}
    op.get_bind().execute(
        sa.text("INSERT INTO epochs (epoch, number, after_revision, began_at) VALUES (:epoch, 1, 0, :now)"),
        first,
    )
    op.get_bind().execute(sa.text("UPDATE head SET epoch = :epoch"), first)
