"""Streams and entries.

Safe while an older version runs: there is none.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "log_streams",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("stream_id", sa.String(32), nullable=False),
        sa.Column("slot", sa.String(63), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("edge", sa.LargeBinary(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("writer", sa.String(32), nullable=False),
        sa.Column("outbox_revision", sa.BigInteger(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.CheckConstraint("size >= 0", name=op.f("ck_log_streams_size")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_log_streams")),
        sa.UniqueConstraint("stream_id", name=op.f("uq_log_streams_stream_id")),
    )
    op.create_index(
        "uq_log_streams_slot_open",
        "log_streams",
        ["slot"],
        unique=True,
        sqlite_where=sa.text("NOT closed"),
        postgresql_where=sa.text("NOT closed"),
    )
    op.create_table(
        "log_entries",
        sa.Column("stream", sa.Integer(), nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(data) <= 65535", name=op.f("ck_log_entries_data")),
        sa.ForeignKeyConstraint(
            ["stream"], ["log_streams.number"], name=op.f("fk_log_entries_stream_log_streams")
        ),
        sa.PrimaryKeyConstraint("stream", "leaf_index", name=op.f("pk_log_entries")),
        sa.UniqueConstraint("id", name=op.f("uq_log_entries_id")),
    )


def downgrade() -> None:
    # A log is never made to hold less than it did.
    raise NotImplementedError
