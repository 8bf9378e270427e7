"""Whom requests, overrides and orders name, found by the person; what was closed, found by when; and the last
moment that the schedule of retention has witnessed.

A version from before it, which runs beside this one while it is upgraded, lists nobody whom it names, and
leaves `named_until` behind: what is later is read through, and listed by whoever starts next (`facts.named`).
What was written before this migration is listed in the same way, and not here, where everybody who writes
would wait.
"""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "r0008"
down_revision = "r0007"
branch_labels = None
depends_on = None
oldest_reader: str | None = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
RULED = (
    *("people", "person_identifiers", "person_names", "relationships", "contact_points", "record_types"),
    *("artefact_types", "records", "declarations", "overrides", "court_orders", "record_parties"),
    *("privacy_requests", "users", "systems", "tokens"),
)
CLOSED = sa.text("revision_to < 9223372036854775807")


def upgrade() -> None:
    op.create_table(
        "named_people",
        sa.Column("person_id", TEXT, nullable=False),
        sa.Column("fact_table", TEXT, nullable=False),
        sa.Column("fact_id", TEXT, nullable=False),
        sa.Column("revision_from", NUMBER, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint(
            "person_id", "fact_table", "fact_id", "revision_from", name="pk_named_people"
        ),
    )
    op.create_index("ix_named_people_fact_table_fact_id", "named_people", ["fact_table", "fact_id"])
    # Whoever erases a request takes its people away by it.
    op.create_index("ix_privacy_request_people_request_id", "privacy_request_people", ["request_id"])
    # SQLite writes a column that is added behind the constraints, unless the table is made anew.
    sqlite = op.get_bind().dialect.name == "sqlite"
    with op.batch_alter_table("head", recreate="always" if sqlite else "never") as batch:
        batch.add_column(sa.Column("named_until", NUMBER, nullable=False, server_default=sa.text("0")))
        batch.add_column(sa.Column("witnessed_at", NUMBER, nullable=False, server_default=sa.text("0")))
        if sqlite:
            # Else the empty text, read back, would be written in other words than the models have for it.
            for name in ("key_check", "oldest_reader"):
                batch.alter_column(name, server_default=sa.text("''"))
    now = time.time_ns() // 1_000
    op.get_bind().execute(sa.text("UPDATE head SET witnessed_at = :now"), {"now": now})
    for table in RULED:
        op.create_index(
            f"ix_{table}_controller_revision_to",
            table,
            ["controller", "revision_to"],
            sqlite_where=CLOSED,
            postgresql_where=CLOSED,
        )
