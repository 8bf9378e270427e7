"""What the whole meaning of a check rests on: names, declared contents, overrides, court orders, and more of
each kind that was there.

Two neighbouring versions of the service run on one database while it is upgraded, so this only adds, and
every column that is added has a value where an older version writes none.
"""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    tables_of_their_own()
    add(
        "relationships",
        number("recorded_at", null=True),
        line("review_date", null=True),
        number("confirmed_at", null=True),
        line("confirmed_by", default=""),
    )
    add("contact_points", flag("from_herself"), flag("shared"), flag("service_address"))
    add(
        "record_types",
        flag("known_to_parents"),
        flag("people_on_file"),
        number("assurance", default="0"),
    )
    add("artefact_types", line("capabilities", default="[]"))
    add("records", line("premises", default=""), line("premises_uprn", default=""))
    add(
        "privacy_requests",
        number("begins_at", null=True),
        line("safe_contact", null=True),
        line("communication", null=True),
    )
    add("systems", line("role_purposes", default="[]"), flag("declare_contents"), flag("may_explain"))
    add("policy_sets", line("messages", default="[]"))


def tables_of_their_own() -> None:
    temporal("person_names", "name_id", line("person_id"), line("fingerprint"), line("with_birth_date"))
    index("person_names", "person_id", "revision_to")
    index("person_names", "with_birth_date", "revision_to", where="with_birth_date <> ''")
    temporal(
        "declarations",
        "declaration_id",
        line("digest"),
        line("record"),
        line("field"),
        line("declared_by"),
        line("user"),
        number("declared_at"),
        line("parts"),
    )
    index("declarations", "controller", "digest", "record", "field", "revision_to", unique=True)
    index("declarations", "controller", "digest", "revision_to")
    temporal(
        "overrides",
        "override_id",
        line("kind"),
        line("user"),
        line("record"),
        line("people"),
        line("categories"),
        line("recipients"),
        line("reason"),
        line("granted_by"),
        number("granted_at"),
        number("ends_at"),
    )
    index("overrides", "controller", "record", "revision_to")
    temporal(
        "court_orders",
        "order_id",
        line("reference"),
        line("record"),
        line("people"),
        line("categories"),
        line("recipients"),
        line("recorded_by"),
        number("begins_at"),
        number("ends_at"),
    )
    index("court_orders", "controller", "record", "revision_to")


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
    index(table, id_name, "revision_to", unique=True)
    index(table, "controller", id_name)


def add(table: str, *columns: sa.Column[Any]) -> None:
    # SQLite writes a column that is added behind the constraints, unless the table is made anew.
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table(table, recreate=recreate) as batch:
        for column in columns:
            batch.add_column(column)


def index(table: str, *columns: str, unique: bool = False, where: str = "") -> None:
    condition = sa.text(where) if where else None
    op.create_index(
        f"ix_{table}_{'_'.join(columns)}",
        table,
        list(columns),
        unique=unique,
        sqlite_where=condition,
        postgresql_where=condition,
    )


def line(name: str, *, null: bool = False, default: str | None = None) -> sa.Column[Any]:
    words = None if default is None else sa.text(f"'{default}'")
    return sa.Column(name, TEXT, nullable=null, server_default=words)


def flag(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())


def number(name: str, *, null: bool = False, default: str | None = None) -> sa.Column[Any]:
    words = None if default is None else sa.text(default)
    return sa.Column(name, NUMBER, nullable=null, server_default=words)
