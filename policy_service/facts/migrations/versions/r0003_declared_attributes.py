"""Attributes that a policy set declares, and their values on users and records.

Two neighbouring versions of the service run on one database while it is upgraded, so this only adds, and
every column that is added has a value where an older version writes none.
"""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "r0003"
down_revision = "r0002"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    add("record_types", "attributes")
    add("records", "attributes")
    add("users", "attributes")
    add("systems", "assert_attributes")
    add("policy_sets", "attributes")


def add(table: str, column: str) -> None:
    # SQLite writes a column that is added behind the constraints, unless the table is made anew.
    sqlite = op.get_bind().dialect.name == "sqlite"
    recreate: Literal["always", "never"] = "always" if sqlite else "never"
    with op.batch_alter_table(table, recreate=recreate) as batch:
        batch.add_column(sa.Column(column, TEXT, nullable=False, server_default=sa.text("'[]'")))
        if sqlite and table == "records":
            # Else the empty text, read back, would be written in other words than the models have for it.
            for empty in ("premises", "premises_uprn"):
                batch.alter_column(empty, server_default=sa.text("''"))
