"""The tables: one temporal table for each kind of fact, and the three that number and announce what is
written.

Every fact row holds `[revision_from, revision_to)`. A row that is still true has `revision_to = OPEN`;
changing a fact closes its row and adds one. Nothing else is ever updated, and nothing is deleted but what is
erased by a revision that says so (`ErasedVersionRow`).

`OPEN` is the greatest number rather than NULL, so that "as of r" is two comparisons, one index `(values
looked up, revision_to)` serves both a look-up now and one in the past (rows closed before r are not even
read), and the same index, made unique, says that at most one open row has these values: no two rows with the
same values can be closed by the same revision either.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

OPEN = 2**63 - 1
"""`revision_to` of a row that is still true."""

# By code point, as SQLite compares, whatever the server's locale is and becomes.
PlainText = Text().with_variant(Text(collation="C"), "postgresql")
# SQLite numbers rows by itself only in an INTEGER PRIMARY KEY.
BigNumber = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {str: PlainText, int: BigNumber, bool: Boolean(), bytes: LargeBinary()}  # noqa: RUF012  SQLAlchemy reads it once


class HeadRow(Base):
    """One row: the newest revision. Each write takes it first and holds it until it commits."""

    __tablename__ = "head"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    revision: Mapped[int]
    committed_at: Mapped[int]
    """Microseconds since 1970, UTC; never goes back, even if a clock does."""
    key_check: Mapped[str] = mapped_column(server_default=text("''"))
    """`Fingerprinter.check` of the key that the fingerprints here are made with; empty before the first."""
    epoch: Mapped[int] = mapped_column(server_default=text("0"))
    """The newest of `epochs`. Another one than before: the store was restored under whoever reads it."""
    oldest_reader: Mapped[str] = mapped_column(server_default=text("''"))
    """The schema that the oldest version of the service was made for that may run on this store."""
    named_until: Mapped[int] = mapped_column(server_default=text("0"))
    """The last revision up to which `named_people` lists everything: a version of the service from before it
    lists nothing of what it writes.
    """
    witnessed_at: Mapped[int] = mapped_column(server_default=text("0"))
    """The last moment of which the schedule knows that it was one; microseconds since 1970, UTC."""


class EpochRow(Base):
    """A stretch of this store's life that no restore interrupts. A restore begins a new one: what was written
    after the backup is not there, and its revisions' numbers are given again.
    """

    __tablename__ = "epochs"

    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Random, below 2**48, so that two restores of one backup are told apart."""
    number: Mapped[int]
    after_revision: Mapped[int]
    """The last revision of the epochs before it that is still there."""
    began_at: Mapped[int]
    """Microseconds since 1970, UTC."""


class NotedStreamRow(Base):
    """How many entries a stream of the decision log had at least (`noted_streams`)."""

    __tablename__ = "noted_streams"

    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Of the facts, in which this was noted."""
    stream_id: Mapped[str] = mapped_column(primary_key=True)
    slot: Mapped[str]
    size: Mapped[int]


class RevisionRow(Base):
    """Who wrote, when and why; and the outbox of the log: `entry` is the log entry's bytes, owed to
    `stream_id`.
    """

    __tablename__ = "revisions"
    __table_args__ = (
        Index(None, "stream_id", "revision"),
        Index(
            "uq_revisions_idempotency_key",
            "controller",
            "actor",
            "idempotency_key",
            unique=True,
            sqlite_where=text("idempotency_key <> ''"),
            postgresql_where=text("idempotency_key <> ''"),
        ),
    )

    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    time: Mapped[int]
    """As the writer's clock had it and its log entry says."""
    committed_at: Mapped[int]
    """As in `head`: grows with the revision, so that a moment finds the revision that held then."""
    actor: Mapped[str]
    controller: Mapped[str]
    reason: Mapped[str]
    stream_id: Mapped[str]
    entry_id: Mapped[str]
    entry: Mapped[bytes]
    idempotency_key: Mapped[str]
    body_hash: Mapped[bytes]


class ChangeRow(Base):
    """A look-up whose answer this revision changed (`keys.key_to_text`)."""

    __tablename__ = "changes"

    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(primary_key=True)


class Temporal:
    """The columns of every fact row. The kind's id follows, then its fields, named as in `model.facts`."""

    row_id: Mapped[int] = mapped_column(primary_key=True, sort_order=-4)
    revision_from: Mapped[int] = mapped_column(sort_order=-3)
    revision_to: Mapped[int] = mapped_column(sort_order=-2)
    controller: Mapped[str] = mapped_column(sort_order=-1)


def one_open(*columns: str) -> Index:
    """At most one open row has these values; also the index that finds it."""
    return Index(None, *columns, "revision_to", unique=True)


def looked_up(*columns: str) -> Index:
    return Index(None, *columns, "revision_to")


def looked_up_if_known(*columns: str, unique: bool = False) -> Index:
    """Leaves out the rows whose last column is empty: nobody looks for those (`keys.is_empty`), and most rows
    may be such.
    """
    known = text(f"{columns[-1]} <> ''")
    return Index(None, *columns, "revision_to", unique=unique, sqlite_where=known, postgresql_where=known)


CLOSED = f"revision_to < {OPEN}"
"""In the words of the index of closed rows."""


def closed() -> Index:
    """Finds what an organisation has closed, the first that was closed first: what the schedule goes by. It
    holds no open row, so that whoever adds one does not pay for it.
    """
    return Index(None, "controller", "revision_to", sqlite_where=text(CLOSED), postgresql_where=text(CLOSED))


class PersonRow(Temporal, Base):
    __tablename__ = "people"
    __table_args__ = (one_open("person_id"), Index(None, "controller", "person_id"), closed())

    person_id: Mapped[str]
    kind: Mapped[str]
    birth_date: Mapped[str | None]
    organisation_roles: Mapped[str]
    categories: Mapped[str]


class PersonIdentifierRow(Temporal, Base):
    __tablename__ = "person_identifiers"
    __table_args__ = (
        one_open("identifier_id"),
        one_open("fingerprint"),  # of scheme and value: an identifier belongs to one person
        looked_up("person_id"),
        Index(None, "controller", "identifier_id"),
        closed(),
    )

    identifier_id: Mapped[str]
    person_id: Mapped[str]
    scheme: Mapped[str]
    fingerprint: Mapped[str]


class PersonNameRow(Temporal, Base):
    __tablename__ = "person_names"
    __table_args__ = (
        one_open("name_id"),
        looked_up("person_id"),
        looked_up_if_known("with_birth_date"),
        Index(None, "controller", "name_id"),
        closed(),
    )

    name_id: Mapped[str]
    person_id: Mapped[str]
    fingerprint: Mapped[str]
    with_birth_date: Mapped[str]


class RelationshipRow(Temporal, Base):
    __tablename__ = "relationships"
    __table_args__ = (
        one_open("relationship_id"),
        looked_up("from_person"),
        looked_up("to_person"),
        Index(None, "controller", "relationship_id"),
        closed(),
    )

    relationship_id: Mapped[str]
    from_person: Mapped[str]
    to_person: Mapped[str]
    kind: Mapped[str]
    basis: Mapped[str]
    parental_responsibility: Mapped[bool]
    valid_from: Mapped[str | None]
    valid_until: Mapped[str | None]
    recorded_at: Mapped[int | None]
    review_date: Mapped[str | None]
    confirmed_at: Mapped[int | None]
    confirmed_by: Mapped[str] = mapped_column(server_default=text("''"))


class ContactPointRow(Temporal, Base):
    __tablename__ = "contact_points"
    __table_args__ = (
        one_open("contact_point_id"),
        looked_up("person_id"),
        looked_up("fingerprint"),
        looked_up_if_known("uprn"),
        looked_up("controller", "fingerprint"),
        looked_up_if_known("controller", "uprn"),
        # A system may know a shared phone by one reference: then each owner has a contact point of that
        # reference.
        looked_up_if_known("controller", "person_id", "reference", unique=True),
        looked_up_if_known("controller", "reference"),
        Index(None, "controller", "contact_point_id"),
        closed(),
    )

    contact_point_id: Mapped[str]
    person_id: Mapped[str]
    kind: Mapped[str]
    fingerprint: Mapped[str]
    reference: Mapped[str]
    uprn: Mapped[str]
    home: Mapped[bool]
    voicemail_safe: Mapped[bool]
    verified_at: Mapped[int | None]
    institution: Mapped[bool]
    from_herself: Mapped[bool] = mapped_column(server_default=false())
    shared: Mapped[bool] = mapped_column(server_default=false())
    service_address: Mapped[bool] = mapped_column(server_default=false())


class RecordTypeRow(Temporal, Base):
    __tablename__ = "record_types"
    __table_args__ = (
        one_open("record_type_id"),
        one_open("controller", "name"),
        Index(None, "controller", "record_type_id"),
        closed(),
    )

    record_type_id: Mapped[str]
    name: Mapped[str]
    extends: Mapped[str]
    fields: Mapped[str]
    secret_roles: Mapped[str]
    protection_team: Mapped[str]
    known_to_parents: Mapped[bool] = mapped_column(server_default=false())
    people_on_file: Mapped[bool] = mapped_column(server_default=false())
    assurance: Mapped[int] = mapped_column(server_default=text("0"))
    attributes: Mapped[str] = mapped_column(server_default=text("'[]'"))


class ArtefactTypeRow(Temporal, Base):
    __tablename__ = "artefact_types"
    __table_args__ = (
        one_open("artefact_type_id"),
        one_open("controller", "name"),
        Index(None, "controller", "artefact_type_id"),
        closed(),
    )

    artefact_type_id: Mapped[str]
    name: Mapped[str]
    envelope: Mapped[str]
    capabilities: Mapped[str] = mapped_column(server_default=text("'[]'"))


class RecordRow(Temporal, Base):
    __tablename__ = "records"
    __table_args__ = (
        one_open("record_id"),
        one_open("controller", "reference"),
        Index(None, "controller", "record_id"),
        closed(),
    )

    record_id: Mapped[str]
    reference: Mapped[str]
    record_type: Mapped[str]
    teams: Mapped[str]
    premises: Mapped[str] = mapped_column(server_default=text("''"))
    premises_uprn: Mapped[str] = mapped_column(server_default=text("''"))
    attributes: Mapped[str] = mapped_column(server_default=text("'[]'"))


class ContentDeclarationRow(Temporal, Base):
    __tablename__ = "declarations"
    __table_args__ = (
        one_open("declaration_id"),
        one_open("controller", "digest", "record", "field"),
        looked_up("controller", "digest"),
        Index(None, "controller", "declaration_id"),
        closed(),
    )

    declaration_id: Mapped[str]
    digest: Mapped[str]
    record: Mapped[str]
    field: Mapped[str]
    declared_by: Mapped[str]
    user: Mapped[str]
    declared_at: Mapped[int]
    parts: Mapped[str]


class OverrideRow(Temporal, Base):
    __tablename__ = "overrides"
    __table_args__ = (
        one_open("override_id"),
        looked_up("controller", "record"),
        Index(None, "controller", "override_id"),
        closed(),
    )

    override_id: Mapped[str]
    kind: Mapped[str]
    user: Mapped[str]
    record: Mapped[str]
    people: Mapped[str]
    categories: Mapped[str]
    recipients: Mapped[str]
    reason: Mapped[str]
    granted_by: Mapped[str]
    granted_at: Mapped[int]
    ends_at: Mapped[int]


class CourtOrderRow(Temporal, Base):
    __tablename__ = "court_orders"
    __table_args__ = (
        one_open("order_id"),
        looked_up("controller", "record"),
        Index(None, "controller", "order_id"),
        closed(),
    )

    order_id: Mapped[str]
    reference: Mapped[str]
    record: Mapped[str]
    people: Mapped[str]
    categories: Mapped[str]
    recipients: Mapped[str]
    recorded_by: Mapped[str]
    begins_at: Mapped[int]
    ends_at: Mapped[int]


class RecordPartyRow(Temporal, Base):
    __tablename__ = "record_parties"
    __table_args__ = (
        one_open("record_party_id"),
        looked_up("record_id"),
        looked_up("person_id"),
        Index(None, "controller", "record_party_id"),
        closed(),
    )

    record_party_id: Mapped[str]
    record_id: Mapped[str]
    party: Mapped[str]
    role: Mapped[str]
    person_id: Mapped[str]


class PrivacyRequestRow(Temporal, Base):
    __tablename__ = "privacy_requests"
    __table_args__ = (
        one_open("request_id"),  # found by person in `PrivacyRequestPersonRow`
        Index(None, "controller", "request_id"),
        closed(),
    )

    request_id: Mapped[str]
    person_id: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str]
    received_at: Mapped[int]
    received_by: Mapped[str]
    covers: Mapped[str]
    categories: Mapped[str]
    record_types: Mapped[str]
    records: Mapped[str]
    systems: Mapped[str]
    recipients: Mapped[str]
    everyone_except: Mapped[bool]
    purposes: Mapped[str]
    legal_basis: Mapped[str]
    raised_by: Mapped[str]
    evidence: Mapped[str]
    valid_from: Mapped[str]
    valid_until: Mapped[str]
    ends_at: Mapped[int | None]
    zone: Mapped[str]
    review_date: Mapped[str | None]
    on_lapse: Mapped[str]
    visibility: Mapped[str]
    begins_at: Mapped[int | None]
    safe_contact: Mapped[str | None]
    communication: Mapped[str | None]


class PrivacyRequestPersonRow(Base):
    """Who a version of a request protects: the person herself and each that it covers. Part of the request's
    row, kept apart to be found.
    """

    __tablename__ = "privacy_request_people"
    __table_args__ = (Index(None, "request_id"),)

    person_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[str] = mapped_column(primary_key=True)
    revision_from: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class NamedPersonRow(Base):
    """Whom a version of a request, an override or an order names (`facts.named`). Part of its row, kept apart
    to be found.
    """

    __tablename__ = "named_people"
    __table_args__ = (Index(None, "fact_table", "fact_id"),)

    person_id: Mapped[str] = mapped_column(primary_key=True)
    fact_table: Mapped[str] = mapped_column(primary_key=True)
    fact_id: Mapped[str] = mapped_column(primary_key=True)
    revision_from: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class UserRow(Temporal, Base):
    __tablename__ = "users"
    __table_args__ = (
        one_open("user_id"),
        one_open("controller", "reference"),
        looked_up_if_known("person_id"),
        Index(None, "controller", "user_id"),
        closed(),
    )

    user_id: Mapped[str]
    reference: Mapped[str]
    kind: Mapped[str]
    person_id: Mapped[str]
    roles: Mapped[str]
    teams: Mapped[str]
    organisation: Mapped[str]
    owner: Mapped[str]
    record_types: Mapped[str]
    suspended: Mapped[bool]
    attributes: Mapped[str] = mapped_column(server_default=text("'[]'"))


class SystemRow(Temporal, Base):
    __tablename__ = "systems"
    __table_args__ = (
        one_open("system_id"),
        one_open("controller", "name"),
        Index(None, "controller", "system_id"),
        closed(),
    )

    system_id: Mapped[str]
    name: Mapped[str]
    record_types: Mapped[str]
    verbs: Mapped[str]
    purposes: Mapped[str]
    may_describe: Mapped[bool]
    assert_roles: Mapped[str]
    assert_teams: Mapped[str]
    self_service: Mapped[bool]
    suspended: Mapped[bool]
    role_purposes: Mapped[str] = mapped_column(server_default=text("'[]'"))
    declare_contents: Mapped[bool] = mapped_column(server_default=false())
    may_explain: Mapped[bool] = mapped_column(server_default=false())
    assert_attributes: Mapped[str] = mapped_column(server_default=text("'[]'"))


class TokenRow(Temporal, Base):
    __tablename__ = "tokens"
    __table_args__ = (one_open("token_id"), Index(None, "controller", "token_id"), closed())

    token_id: Mapped[str]
    secret_hash: Mapped[str]
    created_at: Mapped[int]
    expires_at: Mapped[int]
    system: Mapped[str]
    principal: Mapped[str]
    roles: Mapped[str]
    revoked_at: Mapped[int | None]


class PolicySetRow(Temporal, Base):
    """What is published, with its texts. The set that is published next takes its place."""

    __tablename__ = "policy_sets"
    __table_args__ = (
        one_open("policy_set_id"),
        # At most one set is published: all open rows have the same `revision_to`, so that there is at most
        # one open row.
        Index(None, "revision_to", unique=True),
        Index(None, "controller", "policy_set_id"),
    )

    policy_set_id: Mapped[str]
    documents: Mapped[str]
    base_types: Mapped[str]
    messages: Mapped[str] = mapped_column(server_default=text("'[]'"))
    attributes: Mapped[str] = mapped_column(server_default=text("'[]'"))


class LegalHoldRow(Temporal, Base):
    __tablename__ = "legal_holds"
    __table_args__ = (
        one_open("hold_id"),
        looked_up("person_id"),
        Index(None, "controller", "hold_id"),
    )

    hold_id: Mapped[str]
    person_id: Mapped[str]
    matter: Mapped[str]
    placed_by: Mapped[str]
    placed_at: Mapped[int]


class RetentionRuleRow(Temporal, Base):
    __tablename__ = "retention_rules"
    __table_args__ = (
        one_open("rule_id"),
        one_open("controller", "kind"),
        Index(None, "controller", "rule_id"),
    )

    rule_id: Mapped[str]
    kind: Mapped[str]
    days: Mapped[int]


class ErasedVersionRow(Base):
    """A version of a fact that was erased: which, when it held, and by which revision. Nothing of what it
    said.
    """

    __tablename__ = "erased_versions"

    fact_table: Mapped[str] = mapped_column(primary_key=True)
    fact_id: Mapped[str] = mapped_column(primary_key=True)
    revision_from: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    revision_to: Mapped[int]
    erased_by: Mapped[int]
    """The revision that erased it."""


class FiledPolicySetRow(Temporal, Base):
    """The sets that can be published: each once. Only its cases ever change, and none is taken away."""

    __tablename__ = "filed_policy_sets"
    __table_args__ = (one_open("policy_set_id"), Index(None, "controller", "policy_set_id"))

    policy_set_id: Mapped[str]
    documents: Mapped[str]
    base_types: Mapped[str]
    messages: Mapped[str]
    attributes: Mapped[str]
    cases: Mapped[str] = mapped_column(server_default=text("'[]'"))
    tried: Mapped[int] = mapped_column(server_default=text("0"))
