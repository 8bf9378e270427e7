"""PgBouncer in transaction mode before the tests' PostgreSQL, where Debian's package is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from tests.support.replaying import reached_directly

SECONDS: Final = 20.0
SERVER_CONNECTIONS: Final = 3
"""Fewer than the service has of its own, so that each of its transactions may get another one."""


def find() -> str | None:
    """The program; Debian puts it where only root's PATH leads."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def pooled(program: str, url: str) -> Iterator[str]:
    """The URL of the same database by way of PgBouncer, which runs as the owner of the server's socket."""
    behind = make_url(url)
    sockets = Path(str(behind.query["host"]))
    directory = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = directory / "pgbouncer.ini"
    config.write_text(
        f"""
[databases]
* = host={sockets} user={behind.username}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {SERVER_CONNECTIONS}
max_client_conn = 200
logfile = {directory / "log"}
""",
        encoding="utf-8",
    )
    owner = sockets.stat().st_uid
    if os.getuid() == 0:
        os.chown(directory, owner, -1)
    user = ["-u", pwd.getpwuid(owner).pw_name] if os.getuid() == 0 else []
    process = subprocess.Popen([program, "-q", *user, str(config)])
    try:
        _await(port, process)
        through = behind.set(host="127.0.0.1", port=port, query={}).render_as_string(hide_password=False)
        reached_directly(through, at=url)
        yield through
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(directory)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        assert process.poll() is None, "PgBouncer does not run"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return
