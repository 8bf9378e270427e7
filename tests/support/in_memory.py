"""Where the tests have their files: in memory, on a machine that has the room.

Every commit of a store waits until the disk has it, 6 ms on a slow one, which was half of a run. Nothing is
shown by the waiting: each store asks for the same fsync, as the tests of its settings hold it to, and what a
process wrote before SIGKILL is there in either place. A test that cut the power would need a disk.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")
ROOM: Final = 8 << 30
"""Bytes. A run has some hundreds of databases at its end."""

_AVAILABLE = re.compile(r"^MemAvailable: +(\d+) kB$", re.MULTILINE)


def use_memory() -> None:
    """Have temporary files in memory, of this process and of those that it starts, unless `TMPDIR` says
    where.
    """
    if "TMPDIR" not in os.environ and _room() >= ROOM:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # it may have been looked up already


def _room() -> int:
    """Bytes that may be written there; 0 where there is no such place."""
    try:
        found = _AVAILABLE.search(Path("/proc/meminfo").read_text("ascii"))
        free = shutil.disk_usage(MEMORY).free
    except OSError:
        return 0
    if found is None or not os.access(MEMORY, os.W_OK):
        return 0
    return min(free, int(found.group(1)) << 10)
