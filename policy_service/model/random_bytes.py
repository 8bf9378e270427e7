"""Random bytes for ids and nonces, from the operating system, many at a time.

Asking the operating system lets go of the interpreter's lock, so that another thread may take it, and whoever
asked waits for its turn again: of a decision worker that is most of what an id costs.
"""

from __future__ import annotations

import os
import threading
from typing import Final

_AT_A_TIME: Final = 4_096


class _Left(threading.local):
    """What is left of what was asked for, for each thread; no byte is given twice."""

    bytes = b""
    next = 0


_LEFT: Final = _Left()


def random_bytes(count: int) -> bytes:
    """Give `count` bytes that nobody can predict; at most 4,096."""
    if count > _AT_A_TIME:
        raise ValueError(f"at most {_AT_A_TIME} bytes at a time")
    begin = _LEFT.next
    if begin + count > len(_LEFT.bytes):
        _LEFT.bytes, begin = os.urandom(_AT_A_TIME), 0
    _LEFT.next = begin + count
    return _LEFT.bytes[begin : begin + count]


def _forget() -> None:
    """A forked process would give the bytes that its parent gives; it has the thread that forked, and no
    other.
    """
    _LEFT.bytes, _LEFT.next = b"", 0


os.register_at_fork(after_in_child=_forget)
