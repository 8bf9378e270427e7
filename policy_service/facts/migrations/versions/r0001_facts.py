"""The facts, their revisions and what each of them changed.

Written out, and not taken from `facts.tables`: a migration says what was made then, whatever the tables
become.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "head",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("committed_at", NUMBER, nullable=False),
        sa.CheckConstraint("id = 1", name="one_row"),
        sa.PrimaryKeyConstraint("id", name="pk_head"),
    )
    op.execute("INSERT INTO head (id, revision, committed_at) VALUES (1, 0, 0)")
    op.create_table(
        "revisions",
        sa.Column("revision", NUMBER, autoincrement=False, nullable=False),
        sa.Column("time", NUMBER, nullable=False),
        sa.Column("committed_at", NUMBER, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("controller", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("stream_id", TEXT, nullable=False),
        sa.Column("entry_id", TEXT, nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("idempotency_key", TEXT, nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("revision", name="pk_revisions"),
    )
    index("revisions", "stream_id", "revision")
    known = sa.text("idempotency_key <> ''")
    op.create_index(
        "uq_revisions_idempotency_key",
        "revisions",
        ["controller", "actor", "idempotency_key"],
        unique=True,
        sqlite_where=known,
        postgresql_where=known,
    )
    op.create_table(
        "changes",
        sa.Column("revision", NUMBER, autoincrement=False, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("revision", "key", name="pk_changes"),
    )
    people()
    records()
    requests()
    access()
    policies()


def people() -> None:
    temporal(
        "people",
        "person_id",
        line("kind"),
        line("birth_date", null=True),
        line("organisation_roles"),
        line("categories"),
    )
    temporal("person_identifiers", "identifier_id", line("person_id"), line("scheme"), line("fingerprint"))
    index("person_identifiers", "fingerprint", "revision_to", unique=True)
    index("person_identifiers", "person_id", "revision_to")
    temporal(
        "relationships",
        "relationship_id",
        line("from_person"),
        line("to_person"),
        line("kind"),
        line("basis"),
        flag("parental_responsibility"),
        line("valid_from", null=True),
        line("valid_until", null=True),
    )
    index("relationships", "from_person", "revision_to")
    index("relationships", "to_person", "revision_to")
    temporal(
        "contact_points",
        "contact_point_id",
        line("person_id"),
        line("kind"),
        line("fingerprint"),
        line("reference"),
        line("uprn"),
        flag("home"),
        flag("voicemail_safe"),
        number("verified_at", null=True),
        flag("institution"),
    )
    index("contact_points", "person_id", "revision_to")
    index("contact_points", "fingerprint", "revision_to")
    index("contact_points", "uprn", "revision_to", where="uprn <> ''")
    index(
        "contact_points",
        "controller",
        "person_id",
        "reference",
        "revision_to",
        unique=True,
        where="reference <> ''",
    )
    index("contact_points", "controller", "reference", "revision_to", where="reference <> ''")


def records() -> None:
    temporal(
        "record_types",
        "record_type_id",
        line("name"),
        line("extends"),
        line("fields"),
        line("secret_roles"),
        line("protection_team"),
    )
    index("record_types", "controller", "name", "revision_to", unique=True)
    temporal("artefact_types", "artefact_type_id", line("name"), line("envelope"))
    index("artefact_types", "controller", "name", "revision_to", unique=True)
    temporal("records", "record_id", line("reference"), line("record_type"), line("teams"))
    index("records", "controller", "reference", "revision_to", unique=True)
    temporal(
        "record_parties", "record_party_id", line("record_id"), line("party"), line("role"), line("person_id")
    )
    index("record_parties", "record_id", "revision_to")
    index("record_parties", "person_id", "revision_to")


def requests() -> None:
    temporal(
        "privacy_requests",
        "request_id",
        line("person_id"),
        line("kind"),
        line("state"),
        number("received_at"),
        line("received_by"),
        line("covers"),
        line("categories"),
        line("record_types"),
        line("records"),
        line("systems"),
        line("recipients"),
        flag("everyone_except"),
        line("purposes"),
        line("legal_basis"),
        line("raised_by"),
        line("evidence"),
        line("valid_from"),
        line("valid_until"),
        number("ends_at", null=True),
        line("zone"),
        line("review_date", null=True),
        line("on_lapse"),
        line("visibility"),
    )
    op.create_table(
        "privacy_request_people",
        sa.Column("person_id", TEXT, nullable=False),
        sa.Column("request_id", TEXT, nullable=False),
        sa.Column("revision_from", NUMBER, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("person_id", "request_id", "revision_from", name="pk_privacy_request_people"),
    )


def access() -> None:
    temporal(
        "users",
        "user_id",
        line("reference"),
        line("kind"),
        line("person_id"),
        line("roles"),
        line("teams"),
        line("organisation"),
        line("owner"),
        line("record_types"),
        flag("suspended"),
    )
    index("users", "controller", "reference", "revision_to", unique=True)
    index("users", "person_id", "revision_to", where="person_id <> ''")
    temporal(
        "systems",
        "system_id",
        line("name"),
        line("record_types"),
        line("verbs"),
        line("purposes"),
        flag("may_describe"),
        line("assert_roles"),
        line("assert_teams"),
        flag("self_service"),
        flag("suspended"),
    )
    index("systems", "controller", "name", "revision_to", unique=True)
    temporal(
        "tokens",
        "token_id",
        line("secret_hash"),
        number("created_at"),
        number("expires_at"),
        line("system"),
        line("principal"),
        line("roles"),
        number("revoked_at", null=True),
    )


def policies() -> None:
    temporal("policy_sets", "policy_set_id", line("documents"), line("base_types"))
    index("policy_sets", "revision_to", unique=True)


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


def line(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, TEXT, nullable=null)


def flag(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def number(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, NUMBER, nullable=null)
