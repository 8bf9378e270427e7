"""The log on PostgreSQL: one database for all streams.

Works behind PgBouncer in transaction mode: no prepared statement, no session state, no session lock; whatever
a transaction needs it says itself, by SET LOCAL.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.engine.interfaces import DBAPICursor

from policy_service.decision_log import migrations
from policy_service.decision_log.errors import LogUnavailable
from policy_service.decision_log.location import Timeouts
from policy_service.model.schema import SchemaFound

Answer = TypeVar("Answer")

_LOSES_COMMITS = ("fsync", "full_page_writes")


@dataclass(frozen=True, slots=True)
class PostgresLocation:
    url: URL
    timeouts: Timeouts
    # What the server warned of since the last COMMIT began; each writer has a location of its own.
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def at(cls, url: URL, timeouts: Timeouts) -> PostgresLocation:
        return cls(url.set(drivername="postgresql+psycopg"), timeouts)

    @property
    def begin(self) -> str:
        statement_ms = int(self.timeouts.statement * 1000)
        turn_ms = int(self.timeouts.turn * 1000)
        # With synchronous_commit off a plain kill lost a quarter of what was acknowledged; a role or a
        # database may have it off, so each transaction says it for itself.
        return (
            "BEGIN; SET LOCAL synchronous_commit = on; "
            f"SET LOCAL statement_timeout = {statement_ms}; SET LOCAL lock_timeout = {turn_ms}; "
            f"SET LOCAL idle_in_transaction_session_timeout = {statement_ms}"
        )

    def claim(self, slot: str) -> AbstractContextManager[None]:  # noqa: ARG002 - as below
        # The head row keeps writers apart: the later one raises the epoch, the earlier one can move it no
        # more.
        return nullcontext()

    def writing(self, slot: str) -> Engine:  # noqa: ARG002 - one database holds all slots
        # The writer says BEGIN and COMMIT itself.
        engine = self._bounded(self._engine(isolation_level="AUTOCOMMIT"))
        with engine.connect() as connection:
            state = migrations.look(connection).state
        if not state.serves:
            raise migrations.refused(state)
        return engine

    def after_connect(self, cursor: DBAPICursor) -> None:
        for setting in _LOSES_COMMITS:
            cursor.execute(f"SHOW {setting}")
            ((value,),) = cursor.fetchall()
            if value != "on":
                raise LogUnavailable(
                    f"PostgreSQL runs with `{setting} = {value}`, and would lose what it has committed"
                )

        # The driver gives what the server says beside its answers to this alone.
        connection: Any = cursor.connection
        connection.add_notice_handler(self._note)

    def commit(self, cursor: DBAPICursor) -> None:
        self.warnings.clear()
        cursor.execute("COMMIT")
        # A wait for a synchronous standby that somebody cancels ends in success and a warning.
        if self.warnings:
            raise LogUnavailable("PostgreSQL committed without knowing that its standby has it")

    def reading(self) -> Generator[Connection, None, None]:
        engine = self._bounded(self._engine())
        statement_ms = int(self.timeouts.statement * 1000)
        begin = f"SET TRANSACTION READ ONLY; SET LOCAL statement_timeout = {statement_ms}"
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        with engine.connect() as connection:
            yield connection

    def look(self) -> SchemaFound:
        with self._bounded(self._engine()).connect() as connection:
            return migrations.look(connection)

    def migrate(self) -> None:
        with self._engine().begin() as connection:
            migrations.upgrade(connection)

    def _note(self, diagnostic: Any) -> None:
        if diagnostic.severity_nonlocalized == "WARNING":
            self.warnings.append(diagnostic.message_primary)

    def _engine(self, **options: Any) -> Engine:
        connect_args = {
            "prepare_threshold": None,
            "connect_timeout": max(1, round(self.timeouts.connect)),
            # A server that is gone without a word is noticed by the client's own kernel.
            "tcp_user_timeout": int(self.timeouts.statement * 1000),
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
        }
        return create_engine(self.url, poolclass=NullPool, connect_args=connect_args, **options)

    def _bounded(self, engine: Engine) -> Engine:
        @event.listens_for(engine, "do_connect")
        def connect(_dialect: Any, _record: Any, arguments: Any, options: Any) -> psycopg.Connection:
            connection = BoundedConnection.connect(*arguments, **options)
            # The server's own timeout is let come first, since it says what it was.
            connection.longest_wait = self.timeouts.statement + 1
            return connection

        return engine


class BoundedConnection(psycopg.Connection[Any]):
    """Waits for the server for so long only, also where the server's timeouts do not reach.

    They do not where a COMMIT waits for a synchronous standby, and where the server itself stands still.
    """

    longest_wait: float | None = None

    def wait(self, gen: PQGen[Answer], interval: float = 0.1, timeout: float | None = None) -> Answer:
        return super().wait(gen, interval, self.longest_wait if timeout is None else timeout)
