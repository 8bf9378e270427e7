"""How a command ends: what it tells the script that called it, and what it tells the person."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Exit(IntEnum):
    """Exit codes; scripts rely on them, so a code is never given another meaning."""

    OK = 0
    DENIED = 1
    USAGE = 2
    NOT_ALLOWED = 3
    UNAVAILABLE = 4
    UNREAD = 141
    """128 and the number of SIGPIPE, as of programs that this signal ends."""


CODES_IN_WORDS: Final = """\b
Exit codes
  0  permitted, or done
  1  denied or not available (demo: an answer was not as expected;
     policies validate: something is wrong with them;
     policies test: a case failed, or is missing;
     migrate --check: something is to be migrated;
     backup --verify: it is not as it was written;
     import: a line was refused;
     log replay: it came out otherwise, or could not be computed)
  2  the command, or what it asks, cannot be right
  3  the token is missing, refused, or may not do this
  4  no answer; nothing was decided, and nothing is permitted
  141  nobody read on what was printed, as behind `| head`; what was to be
     written before that is written
"""


class Failure(Exception):
    """What ends a command: what happened, what to do next, and the exit code."""

    def __init__(self, message: str, *, do_next: str, code: Exit) -> None:
        super().__init__(message)
        self.message = message
        self.do_next = do_next
        self.code = code


class ConnectionLost(Failure):
    """There was a connection, and it ended: what was asked may have been done.

    Who asks for what may safely be done twice goes on by asking again.
    """
