"""What the two database systems do differently behind a log's URL."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPICursor

from policy_service.model.schema import SchemaFound


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds. Nothing that speaks to the store waits longer than these, one after the other."""

    connect: float = 5.0
    statement: float = 5.0
    # For another writer: its row lock, its claim on the file, or another thread's append in this process.
    turn: float = 5.0
    # An append that went wrong is tried again entry by entry for as long as this.
    again: float = 2.0


class Location(Protocol):
    """One log in one database system.

    Isolation: appends of one stream follow one another, each all or nothing; of different streams they do not
    wait for one another. A reader sees whole appends alone, in the order of the stream. Nothing that is read
    may be cached but entries, which never change. Errors are the driver's own; the writer and the reader turn
    them into ours.
    """

    @property
    def begin(self) -> str:
        """One statement text without parameters; it begins a writing transaction that is bounded in time."""

    def claim(self, slot: str) -> AbstractContextManager[None]:
        """Held while this slot's stream is written, where the database does not keep writers apart."""

    def writing(self, slot: str) -> Engine:
        """Makes the one connection that writes this slot's stream; the schema is there when this returns."""

    def after_connect(self, cursor: DBAPICursor) -> None:
        """Refuse settings that lose commits, and make durable what an earlier connection left behind."""

    def commit(self, cursor: DBAPICursor) -> None:
        """Returns when what was begun is durable, and raises when that is not known."""

    def reading(self) -> Generator[Connection, None, None]:
        """A connection, open for its turn, that only reads each database of this log, in order of name."""

    def look(self) -> SchemaFound:
        """How far what is there is; changes nothing."""

    def migrate(self) -> None:
        """Bring what is there to the newest schema."""
