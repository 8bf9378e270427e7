"""The log on SQLite: a directory, and in it a file for each stream.

SQLite before 3.51.3 can corrupt a WAL database when two connections write and checkpoint it at once, so
exactly one connection does (invariant ONE WRITER PER FILE): a lock on a file beside it, which the kernel lets
go of when the process ends however it ends, and readers that open the file read-only.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, inspect
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import DatabaseError

from policy_service.decision_log import migrations
from policy_service.decision_log.errors import LogUnavailable
from policy_service.decision_log.location import Timeouts
from policy_service.decision_log.tables import StreamRow
from policy_service.model.schema import SchemaFound, SchemaState

_BETWEEN_TRIES_S = 0.05
_KEPT = 32
"""Engines that read: there is a file for each worker, and one for control."""
_FARTHEST_FIRST = (
    SchemaState.FOREIGN,
    SchemaState.HALF_RESTORED,
    SchemaState.TOO_NEW,
    SchemaState.TOO_OLD,
    SchemaState.EXPANDED,
    SchemaState.EMPTY,  # a file is there a moment before its tables are
    SchemaState.CURRENT,
)


@dataclass(frozen=True, slots=True)
class SqliteLocation:
    directory: Path
    timeouts: Timeouts
    begin: str = "BEGIN IMMEDIATE"

    @classmethod
    def at(cls, url: URL, timeouts: Timeouts) -> SqliteLocation:
        if not url.database or url.database == ":memory:":
            raise LogUnavailable("the decision log's URL must name a directory, like `sqlite:///var/log`")
        return cls(Path(url.database).absolute(), timeouts)

    @contextmanager
    def claim(self, slot: str) -> Iterator[None]:
        """ONE WRITER PER FILE. Waits for an earlier writer to end, within bounds."""
        self._make_directory()
        # Never removed: two processes would then hold locks on two files of one name.
        lock = os.open(self.directory / f"{slot}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            deadline = time.monotonic() + self.timeouts.turn
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise LogUnavailable(f"another process writes the log stream `{slot}`") from None
                    time.sleep(_BETWEEN_TRIES_S)
            yield
        finally:
            os.close(lock)

    def writing(self, slot: str) -> Engine:
        engine = _engine(self._file(slot), "rwc", "BEGIN IMMEDIATE", self.timeouts.statement)
        event.listen(engine, "connect", _make_durable)
        with engine.begin() as connection:
            migrations.upgrade(connection)
        return engine

    def after_connect(self, cursor: DBAPICursor) -> None:
        # After a failed fsync the kernel takes pages for written that are not. What the write-ahead log shows
        # is moved into the file and synced, before anything counts as durable because it can be read.
        cursor.execute("PRAGMA wal_checkpoint(FULL)")
        busy, _, _ = cursor.fetchall()[0]
        if busy:
            raise LogUnavailable("a reader keeps the decision log from being made durable")

    def commit(self, cursor: DBAPICursor) -> None:
        cursor.execute("COMMIT")  # synchronous=FULL: with an fsync

    def reading(self) -> Generator[Connection, None, None]:
        for file in sorted(self.directory.glob("*.db")):
            with _reading(file, self.timeouts.statement).connect() as connection:
                # A file is there a moment before its tables are.
                if inspect(connection).has_table(StreamRow.__tablename__):
                    yield connection

    def look(self) -> SchemaFound:
        """The file that is farthest from this version speaks for the log: each writer brings its own here."""
        if not self.directory.exists():
            return SchemaFound(SchemaState.EMPTY, "", migrations.NEWEST)
        if not self.directory.is_dir():
            return SchemaFound(SchemaState.FOREIGN, "", migrations.NEWEST)
        found = [self._look(file) for file in sorted(self.directory.glob("*.db"))]
        # A directory without files is as it should be: who writes a stream makes its file.
        current = SchemaFound(SchemaState.CURRENT, migrations.NEWEST, migrations.NEWEST)
        return min(found, key=lambda each: _FARTHEST_FIRST.index(each.state), default=current)

    def migrate(self) -> None:
        state = self.look().state
        if state is SchemaState.FOREIGN:
            raise migrations.refused(state)
        self._make_directory()
        for file in sorted(self.directory.glob("*.db")):
            if not self._look(file).state.serves:
                with self.claim(file.stem):
                    self.writing(file.stem).dispose()

    def _look(self, file: Path) -> SchemaFound:
        try:
            with _reading(file, self.timeouts.statement).connect() as connection:
                return migrations.look(connection)
        except DatabaseError as error:
            if getattr(error.orig, "sqlite_errorname", "") != "SQLITE_NOTADB":
                raise
            return SchemaFound(SchemaState.FOREIGN, "", migrations.NEWEST)

    def _file(self, slot: str) -> Path:
        return self.directory / f"{slot}.db"

    def _make_directory(self) -> None:
        if self.directory.is_dir():
            return
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite syncs the directory for its files, nobody else would for the directory itself.
            parent = os.open(self.directory.parent, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(parent)
            finally:
                os.close(parent)
        except OSError as error:
            raise LogUnavailable("the decision log's directory cannot be made") from error


def _make_durable(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # NORMAL lost acknowledged rows at a power loss
    connection.execute("PRAGMA fullfsync = ON")  # macOS: its fsync alone does not reach the disk
    connection.execute("PRAGMA checkpoint_fullfsync = ON")


@lru_cache(_KEPT)
def _reading(file: Path, statement_s: float) -> Engine:
    """An engine holds nothing open, but what it knows of the statements takes longer to make than to read."""
    return _engine(file, "ro", "BEGIN", statement_s)


def _engine(file: Path, mode: Literal["ro", "rwc"], begin: str, statement_s: float) -> Engine:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            f"file:{quote(str(file))}?mode={mode}",
            uri=True,
            timeout=statement_s,
            isolation_level=None,  # or the driver would begin transactions of its own
            check_same_thread=False,  # the writer's lock says whose turn it is
        )

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, paramstyle="named")
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine
