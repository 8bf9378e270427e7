"""Stores that are migrated already: a migration takes longer than most tests.

What migrations make is seen by their own tests, and by each start of the service on nothing at all, as in
`tests/system/test_first_steps.py`.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest import mock

from sqlalchemy import Connection, event, inspect, text

from policy_service.decision_log.url import migrate as migrate_log
from policy_service.facts import schema
from policy_service.facts.connect import sqlite_path
from policy_service.facts.schema import migrate as migrate_facts
from tests.support.postgres import postgres_url
from tests.support.recycled import Recycled
from tests.support.session_end import undone_at_session_end


def place(facts_url: str) -> None:
    """Where this is a SQLite file that is not there, put a migrated one."""
    path = sqlite_path(facts_url)
    if path and not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy(_sqlite(), path)


@cache
def postgresql() -> Recycled:
    """Databases that hold empty facts and an empty log."""
    url = postgres_url()
    migrate_facts(url)
    migrate_log(url)
    return Recycled(url)


Statements = list[tuple[str, Any]]

_made: Final[dict[tuple[object, ...], Statements]] = {}
"""Of each kind of new database: the statements that bring it to the newest schema, and their parameters."""
_upgrade: Final = schema.upgrade


@contextmanager
def migrations_repeated() -> Iterator[None]:
    """Work out once for each kind of database, and no more, what brings new facts to the newest schema.

    The same statements are run on the next one, which has an epoch of its own. For tests that make many
    stores of which they cannot have copies, as those are that a restore fills.
    """
    with mock.patch.object(schema, "upgrade", _upgraded):
        yield


def _upgraded(connection: Connection, to: str = "head") -> None:
    names = set(inspect(connection).get_table_names())
    if names - {schema.VERSION_TABLE} or to not in ("head", schema.newest()):
        _upgrade(connection, to)
        return
    kind = (connection.dialect.name, *names)
    if kind not in _made:
        _made[kind] = _recorded(connection)
        return
    for statement, parameters in _made[kind]:
        connection.exec_driver_sql(statement, parameters)
    epoch = {"epoch": secrets.randbits(48)}
    connection.execute(text("UPDATE epochs SET epoch = :epoch"), epoch)
    connection.execute(text("UPDATE head SET epoch = :epoch"), epoch)


def _recorded(connection: Connection) -> Statements:
    made: Statements = []

    def record(_: Connection, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if not statement.lstrip().startswith(("SELECT", "PRAGMA")):
            made.append((statement, parameters or None))

    event.listen(connection, "before_cursor_execute", record)
    _upgrade(connection)
    event.remove(connection, "before_cursor_execute", record)
    return made


@cache
def _sqlite() -> Path:
    directory = TemporaryDirectory(prefix="migrated-")
    undone_at_session_end.callback(directory.cleanup)
    path = Path(directory.name, "facts.db")
    migrate_facts(f"sqlite:///{path}")
    return path
