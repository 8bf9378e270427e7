"""What tells the fingerprints' key of this store from another one.

An older version, which runs beside this one while it is upgraded, leaves it alone.
"""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "r0006"
down_revision = "r0005"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    # SQLite writes a column that is added behind the constraints, unless the table is made anew.
    sqlite = op.get_bind().dialect.name == "sqlite"
    recreate: Literal["always", "never"] = "always" if sqlite else "never"
    with op.batch_alter_table("head", recreate=recreate) as batch:
        batch.add_column(sa.Column("key_check", TEXT, nullable=False, server_default=sa.text("''")))
