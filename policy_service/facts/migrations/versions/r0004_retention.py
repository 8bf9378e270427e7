"""How long what is over is kept, what is held for a court or an inquiry, and what was erased.

Two neighbouring versions of the service run on one database while it is upgraded, so this only adds.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "r0004"
down_revision = "r0003"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    temporal(
        "legal_holds", "hold_id", line("person_id"), line("matter"), line("placed_by"), number("placed_at")
    )
    op.create_index("ix_legal_holds_person_id_revision_to", "legal_holds", ["person_id", "revision_to"])
    temporal("retention_rules", "rule_id", line("kind"), number("days"))
    op.create_index(
        "ix_retention_rules_controller_kind_revision_to",
        "retention_rules",
        ["controller", "kind", "revision_to"],
        unique=True,
    )
    op.create_table(
        "erased_versions",
        line("fact_table"),
        line("fact_id"),
        number("revision_from"),
        number("revision_to"),
        number("erased_by"),
        sa.PrimaryKeyConstraint("fact_table", "fact_id", "revision_from", name="pk_erased_versions"),
    )


def temporal(table: str, id_name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        table,
        sa.Column("row_id", NUMBER, nullable=False),
        number("revision_from"),
        number("revision_to"),
        line("controller"),
        line(id_name),
        *columns,
        sa.PrimaryKeyConstraint("row_id", name=f"pk_{table}"),
    )
    op.create_index(f"ix_{table}_{id_name}_revision_to", table, [id_name, "revision_to"], unique=True)
    op.create_index(f"ix_{table}_controller_{id_name}", table, ["controller", id_name])


def line(name: str) -> sa.Column[Any]:
    return sa.Column(name, TEXT, nullable=False)


def number(name: str) -> sa.Column[Any]:
    return sa.Column(name, NUMBER, nullable=False)
