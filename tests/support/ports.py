"""Ports for servers of tests, of which no other process of tests takes one meanwhile.

A port that the kernel chooses is free when it is looked for, and may be another's when it is bound, seconds
later: the kernel gives the same ones to whoever connects, and on the decision port two would share it without
a word. So they are below those that the kernel gives away, and each process begins somewhere else.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import Final

from policy_service.server.errors import PortTakenError
from policy_service.server.listening import free_port

_LOWEST: Final = 10_000
_HOW_MANY: Final = 22_000
"""Linux gives away those from 32,768 on."""
_APART: Final = 5_501


def _free_ports() -> Iterator[int]:
    # Processes that begin together have numbers that follow one another.
    for number in itertools.count(os.getpid() * _APART):
        port = _LOWEST + number % _HOW_MANY
        try:
            yield free_port("127.0.0.1", port, wait_seconds=0.0)
        except PortTakenError:
            continue


_next: Final = _free_ports()


def own_port() -> int:
    """A port of this machine that nobody listens on, another one at each call."""
    return next(_next)
