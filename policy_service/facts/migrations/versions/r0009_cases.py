"""The cases that a policy set was tried on, with the set that is on file.

Two neighbouring versions of the service run on one database while it is upgraded, so this only adds: what the
earlier one puts on file has no cases, and what it publishes it does not try.
"""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "r0009"
down_revision = "r0008"
branch_labels = None
depends_on = None
oldest_reader: str | None = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # SQLite writes a column that is added behind the constraints, unless the table is made anew.
    sqlite = op.get_bind().dialect.name == "sqlite"
    recreate: Literal["always", "never"] = "always" if sqlite else "never"
    with op.batch_alter_table("filed_policy_sets", recreate=recreate) as batch:
        batch.add_column(sa.Column("cases", TEXT, nullable=False, server_default=sa.text("'[]'")))
        batch.add_column(sa.Column("tried", NUMBER, nullable=False, server_default=sa.text("0")))
