"""One service for each folder of data, found out before anything is started.

On SQLite one process writes each file, and whoever comes second waits for the first to end, in case it is
about to. A whole service that runs is not about to: who starts another one on its folder is told at once, and
which process has it. On PostgreSQL several services may share what is in the folder, keys and tokens.
"""

from __future__ import annotations

import fcntl
import os
import platform
from contextlib import suppress
from typing import Final

from policy_service.server.errors import FolderTakenError
from policy_service.server.settings import Settings

LOCK: Final = "service.lock"
"""In the folder of data: who has it locked, as the kernel says, runs there; in it is the process's number
on which host: in a container it is another's.
"""
_MOST: Final = 300


class OnlyOne:
    """A service's place in its folder. The kernel lets go of it when the process ends, however it ends."""

    def __init__(self, settings: Settings) -> None:
        # By its beginning alone: what reads a URL loads a database library, and control judges it.
        self._folder = settings.var_dir if settings.facts.startswith("sqlite") else None
        self._file: int | None = None

    def take(self) -> None:
        """Raises FolderTakenError. Does nothing while there is no folder: take it again once it was made."""
        if self._folder is None or self._file is not None:
            return
        try:
            # Never removed: two processes would then hold locks on two files of one name.
            file = os.open(self._folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError:
            return  # whoever makes what is to be there says what is wrong
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            number, _, host = os.read(file, _MOST).decode("utf-8", "replace").strip().partition(" ")
            os.close(file)
            here = number.isdecimal() and host == platform.node()
            raise FolderTakenError(self._folder, int(number) if here else None) from None
        except OSError:
            os.close(file)
            return  # a file system without such locks: whoever writes the facts has one of his own
        with suppress(OSError):  # the number is for people alone
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()} {platform.node()}\n".encode(), 0)
        self._file = file

    def leave(self) -> None:
        """Let go of it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
