"""What tells a store from another, and from an older copy of itself.

It is asked before anybody opens or migrates the store, so of whichever schema a version has had.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from sqlalchemy import Connection, func, inspect, select

from policy_service.facts.connect import failures_named, reading_engine, sqlite_path
from policy_service.facts.noted_streams import NotedStream, noted
from policy_service.facts.tables import EpochRow, HeadRow, NotedStreamRow, RevisionRow


@dataclass(frozen=True, slots=True)
class Identity:
    """A store as it is at one moment."""

    epochs: tuple[int, ...] = ()
    """Their random numbers, the current one last; none in a store that is older than epochs are."""
    newest: int = 0
    """The newest revision."""
    stream_id: str = ""
    """The log stream to which the newest revision owes its entry; empty where the current epoch has none."""
    noted: tuple[NotedStream, ...] = ()
    """The streams of the log, each at least as far, by what was noted in the current epoch."""

    @classmethod
    def of(cls, url: str) -> Self:
        """The store behind this URL; one that is empty is like no other. Changes nothing. UnavailableError
        where it cannot be reached.
        """
        path = sqlite_path(url)
        if path and not path.exists():
            return cls()
        engine = reading_engine(url)
        try:
            with failures_named(), engine.connect() as connection:
                return cls._read(connection)
        finally:
            engine.dispose()

    @classmethod
    def _read(cls, connection: Connection) -> Self:
        names = set(inspect(connection).get_table_names())
        if HeadRow.__tablename__ not in names:
            return cls()
        epochs: tuple[int, ...] = ()
        since = 0
        if EpochRow.__tablename__ in names:
            epochs = tuple(connection.scalars(select(EpochRow.epoch).order_by(EpochRow.number)))
            since = connection.scalar(select(func.max(EpochRow.after_revision))) or 0
        newest = connection.scalar(select(HeadRow.revision)) or 0
        row = RevisionRow
        owner = select(row.stream_id).where(row.revision > since).order_by(row.revision.desc()).limit(1)
        known = bool(epochs) and NotedStreamRow.__tablename__ in names
        streams = noted(connection, epochs[-1]) if known else ()
        return cls(epochs, newest, connection.scalar(owner) or "", streams)


def owed_to(url: str, stream_id: str, after: int, newest: int, most: int) -> int:
    """How many revisions after `after`, up to `newest`, owe this stream their entry; counts to `most`."""
    engine = reading_engine(url)
    try:
        with failures_named(), engine.connect() as connection:
            row = RevisionRow
            statement = (
                select(row.revision)
                .where(row.stream_id == stream_id, row.revision > after, row.revision <= newest)
                .limit(most)
            )
            return len(connection.scalars(statement).all())
    finally:
        engine.dispose()


def entry_ids_of(url: str, revisions: Collection[int]) -> dict[int, str]:
    """The id of the log entry of each of these revisions, without those that the store does not have."""
    engine = reading_engine(url)
    try:
        with failures_named(), engine.connect() as connection:
            row = RevisionRow
            statement = select(row.revision, row.entry_id).where(row.revision.in_(list(revisions)))
            return {found.revision: found.entry_id for found in connection.execute(statement)}
    finally:
        engine.dispose()
