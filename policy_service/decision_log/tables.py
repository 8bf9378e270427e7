"""The tables of the log. Their names carry a prefix, so that facts and log may share one PostgreSQL
database.

The round moves one row of `log_streams` and adds rows to `log_entries`, nothing else: what auditors search by
is built outside the round. A writer needs SELECT, INSERT and UPDATE on `log_streams`, SELECT and INSERT on
`log_entries`; nobody needs more, and nothing here is ever deleted by the service.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

VERSION_TABLE = "log_version"


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


class SchemaRow(Base):
    """One row: who may run on this log."""

    __tablename__ = "log_schema"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    # The schema that the oldest version of the service was made for that may run here.
    oldest_reader: Mapped[str] = mapped_column(String(32))


class StreamRow(Base):
    """A stream: one RFC 6962 tree, appended to by one process at a time. This row is its head."""

    __tablename__ = "log_streams"

    # For joins in this database alone, since it stands in each entry; outside a stream is known by its random
    # id.
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    stream_id: Mapped[str] = mapped_column(String(32), unique=True)
    slot: Mapped[str] = mapped_column(String(63))
    created_us: Mapped[int] = mapped_column(BigInteger)
    size: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[bytes] = mapped_column(LargeBinary)
    edge: Mapped[bytes] = mapped_column(LargeBinary)
    # Raised by each writer that takes the stream over; the head moves only for the epoch that it has.
    epoch: Mapped[int] = mapped_column(BigInteger)
    # 16 random bytes of the process that raised it last, which so knows its own take-over again.
    writer: Mapped[str] = mapped_column(String(32))
    outbox_revision: Mapped[int] = mapped_column(BigInteger)
    closed: Mapped[bool]

    __table_args__ = (
        CheckConstraint("size >= 0", name="size"),
        # A slot has one stream that goes on, and any number that were closed by a restore or a failover.
        Index(
            "uq_log_streams_slot_open",
            "slot",
            unique=True,
            sqlite_where=text("NOT closed"),
            postgresql_where=text("NOT closed"),
        ),
    )


class EntryRow(Base):
    """One entry, as the bytes that are hashed."""

    __tablename__ = "log_entries"

    stream: Mapped[int] = mapped_column(
        ForeignKey("log_streams.number"), primary_key=True, autoincrement=False
    )
    leaf_index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    time_us: Mapped[int] = mapped_column(BigInteger)
    id: Mapped[str] = mapped_column(String(36), unique=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (CheckConstraint("length(data) <= 65535", name="data"),)
