"""Connections to the facts' database, and what their failures mean.

SQLite before 3.51.3 can corrupt a WAL database when two connections write and checkpoint it at once. So one
connection writes, of one process (`WriterLock`), and every other is opened read-only, which cannot
checkpoint.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from policy_service.model.errors import UnavailableError

WAIT_SECONDS = 5.0
"""How long anything here waits for a lock, a connection or a server."""

_PAGES_A_CHECKPOINT = 4_000
"""16 MB of WAL, four times SQLite's default: the ids are random, so each revision of an import touches pages
all over the indexes, and a page that several have touched is written back once.
"""
_CACHE_KIBIBYTES = 64 << 10
"""Of the one connection that writes. By default 2 MB, less than a revision of an import touches: what does
not fit is written to the WAL more than once.
"""

Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)


def parse_url(url: str) -> URL:
    """A SQLAlchemy URL of SQLite (a file) or PostgreSQL (by psycopg); anything else is refused, without
    repeating it.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # a port that is no number
        raise UnavailableError("STORE_URL_INVALID", "the URL of the facts' store cannot be read") from None
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if (
        backend == "sqlite"
        and parsed.database
        and parsed.database != ":memory:"
        and not parsed.database.startswith("file:")
    ):
        return parsed.set(drivername="sqlite+pysqlite")
    raise UnavailableError("STORE_URL_INVALID", "the facts' store is a SQLite file or a PostgreSQL database")


def writing_engine(url: str) -> Engine:
    """One connection, whose transactions take the write lock when they begin."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = _sqlite_engine(parsed, _open_to_write, connections=1)
        _at_each_begin(engine, "BEGIN IMMEDIATE")
        return engine
    # pre_ping: a connection that the server ended while nobody wrote is replaced, instead of failing a write.
    engine = _postgresql_engine(parsed, connections=1, pool_pre_ping=True)
    # For each transaction by itself: a session's settings are nobody's behind PgBouncer. A role or a database
    # may have synchronous_commit off, and then a plain kill of the server loses what was acknowledged.
    _at_each_begin(
        engine,
        "SET LOCAL synchronous_commit = on;"
        f" SET LOCAL lock_timeout = {_milliseconds(1)};"
        f" SET LOCAL statement_timeout = {_milliseconds(4)};"
        f" SET LOCAL idle_in_transaction_session_timeout = {_milliseconds(2)}",
    )
    event.listen(engine, "connect", _collect_warnings)
    return engine


def reading_engine(url: str) -> Engine:
    """One connection that cannot write; each statement is a transaction of its own."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed, _open_to_read, connections=1)
    return _postgresql_engine(parsed, connections=1, isolation_level="AUTOCOMMIT")


def loading_engine(url: str, *, connections: int) -> Engine:
    """Connections that cannot write, for several statements at a time: on PostgreSQL, a transaction."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed, _open_to_read, connections=connections)
    engine = _postgresql_engine(parsed, connections=connections)
    _at_each_begin(engine, f"SET TRANSACTION READ ONLY; SET LOCAL statement_timeout = {_milliseconds(1)}")
    return engine


def snapshot_engine(url: str) -> Engine:
    """One connection that cannot write, whose transaction sees one moment of the store, however long it
    lasts.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = _sqlite_engine(parsed, _open_to_read, connections=1)
        _at_each_begin(engine, "BEGIN")
        return engine
    engine = _postgresql_engine(parsed, connections=1, isolation_level="REPEATABLE READ")
    _at_each_begin(engine, f"SET TRANSACTION READ ONLY; SET LOCAL statement_timeout = {_milliseconds(4)}")
    return engine


def server_warnings(connection: Connection) -> list[str]:
    """What PostgreSQL has warned of on a writing connection; the caller clears it."""
    warnings: list[str] = connection.info.setdefault("warnings", [])
    return warnings


def sqlite_path(url: str) -> Path | None:
    """The file of a SQLite store; None for PostgreSQL."""
    parsed = parse_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def ask(engine: Engine, question: Callable[[Connection], Answer]) -> Answer:
    """Put a question that changes nothing; once more on another connection, if the one that was kept turns
    out to be lost.
    """
    try:
        with engine.connect() as connection:
            return question(connection)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    with engine.connect() as connection:
        return question(connection)


@contextmanager
def failures_named() -> Iterator[None]:
    """Whatever the database says goes to the operator's log; the caller learns that the store is unavailable,
    and no more.
    """
    try:
        yield
    except (DBAPIError, PoolTimeoutError, sqlite3.Error) as error:
        # The type and SQLSTATE alone: the driver's text may repeat values of the statement.
        logger.warning("the facts' store failed: %s", _describe(error))
        raise UnavailableError from None


def _describe(error: Exception) -> str:
    original = getattr(error, "orig", None) or error
    code = getattr(original, "sqlstate", None) or getattr(original, "sqlite_errorname", None) or "no code"
    return f"{type(original).__name__} ({code})"


def is_unique_violation(error: DBAPIError) -> bool:
    original = error.orig
    return getattr(original, "sqlstate", None) == "23505" or getattr(original, "sqlite_errorname", None) in (
        "SQLITE_CONSTRAINT_UNIQUE",
        "SQLITE_CONSTRAINT_PRIMARYKEY",
    )


class WriterLock:
    """Held by the one process that writes a SQLite file; the kernel lets go of it when the process ends,
    however it ends.
    """

    def __init__(self, path: Path) -> None:
        name = path.with_name(path.name + ".writer")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError:
            raise UnavailableError("STORE_UNAVAILABLE", "the facts' directory cannot be written") from None
        deadline = time.monotonic() + WAIT_SECONDS  # for an earlier writer that is about to end
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(self._file)
                    text = "another process writes the facts' SQLite file"
                    raise UnavailableError("STORE_IN_USE", text) from None
                time.sleep(0.05)
            else:
                return

    def release(self) -> None:
        os.close(self._file)


def _sqlite_engine(url: URL, opener: Any, *, connections: int) -> Engine:
    path = Path(url.database or "").absolute()
    return create_engine(
        url,
        creator=lambda: opener(path),
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=WAIT_SECONDS,
        hide_parameters=True,
    )


def make_file(path: Path) -> None:
    """An empty SQLite database that others cannot read; its WAL takes the mode over.

    One that exists is not even opened: closing it would drop the locks that this process holds on it.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))


def _open_to_write(path: Path) -> sqlite3.Connection:
    connection = _open(path, "rw")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_A_CHECKPOINT}")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")
    # What a process that was killed had written, and not yet flushed, is visible again: make it durable.
    connection.execute("PRAGMA wal_checkpoint")
    return connection


def _open_to_read(path: Path) -> sqlite3.Connection:
    return _open(path, "ro")


def _open(path: Path, mode: str) -> sqlite3.Connection:
    # isolation_level None: the driver begins nothing by itself.
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        timeout=WAIT_SECONDS,
        isolation_level=None,
        check_same_thread=False,  # the pool hands a connection to one thread at a time
    )
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _milliseconds(waits: int) -> int:
    return round(waits * WAIT_SECONDS * 1_000)


def _at_each_begin(engine: Engine, statements: str) -> None:
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(statements))


def _collect_warnings(connection: Any, record: ConnectionPoolEntry) -> None:
    warnings: list[str] = []
    record.info["warnings"] = warnings

    def note(diagnostic: Any) -> None:
        if diagnostic.severity_nonlocalized == "WARNING":
            warnings.append(diagnostic.message_primary)

    connection.add_notice_handler(note)


def _postgresql_engine(url: URL, *, connections: int, **options: Any) -> Engine:
    return create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=WAIT_SECONDS,
        hide_parameters=True,
        use_native_hstore=False,  # no question about a type that is not used
        connect_args={
            "prepare_threshold": None,  # PgBouncer in transaction mode has no session to prepare for
            "connect_timeout": max(1, round(WAIT_SECONDS)),
            "tcp_user_timeout": _milliseconds(2),
        },
        **options,
    )
