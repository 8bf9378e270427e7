"""What `make test` leaves on the machine: nothing of its databases, and no PostgreSQL that runs on."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.system.service import CHECKOUT, environment


def test_no_database_and_no_server_outlive_a_worker_of_the_tests() -> None:
    """With nothing in the environment that says where the wheel may put its lock, as for a plain `pytest`."""
    one = "tests/facts/test_outbox.py::test_what_is_owed_is_there_after_the_writer_is_gone"
    with tempfile.TemporaryDirectory(prefix="t-") as place:  # short enough for the path of a socket
        Path(place).chmod(0o755)
        there = environment() | {"TMPDIR": place}
        there.pop("XDG_RUNTIME_DIR", None)
        result = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-n", "1", "-p", "no:cacheprovider", one],
            cwd=CHECKOUT,
            env=there,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        assert "2 passed" in result.stdout
        left = {path.name.partition("-of-")[0] for path in Path(place).iterdir()}
        assert left == {"pytest", f"policy-service-{os.getuid()}"}
        assert not _running_with(place)


def _running_with(text: str) -> list[str]:
    """The processes that have `text` in their command line; none where there is no /proc."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [file.read_text()] if text in file.read_text() else []
        except OSError:
            continue  # it has ended meanwhile
    return found
