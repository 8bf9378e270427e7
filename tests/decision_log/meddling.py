"""What nobody should do to a log, done to it from outside."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.engine.url import make_url


def file_of(url: str, slot: str) -> Path:
    """The file of a slot's stream, on SQLite."""
    return Path(str(make_url(url).database)) / f"{slot}.db"


def meddle(url: str, slot: str, statement: str) -> None:
    """Change the database of a slot's stream by a connection of one's own."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(file_of(url, slot), timeout=5)) as connection, connection:
            connection.execute(statement)
    else:
        with psycopg.connect(libpq(url)) as other:
            other.execute(statement)  # type: ignore[arg-type,unused-ignore]


@contextmanager
def held(url: str, slot: str) -> Iterator[None]:
    """While this lasts nobody can append to the slot's stream: its head is in somebody else's transaction."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(file_of(url, slot), isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
    else:
        with psycopg.connect(libpq(url)) as other:
            other.execute("SELECT * FROM log_streams FOR UPDATE")
            yield
            other.rollback()


def libpq(url: str) -> str:
    """The URL as the driver itself takes it."""
    return url.replace("postgresql+psycopg:", "postgresql:")
