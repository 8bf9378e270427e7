"""Connections to several workers that share a port: which one a connection lands on, the kernel decides."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from policy_service.decision_log.reader import LogReader
from tests.server.calling import Client

SECONDS = 60.0


@contextmanager
def to_each_worker(
    port: int, log_url: str, ask: Callable[[Client], str], slots: set[str]
) -> Iterator[Mapping[str, Client]]:
    """A connection to each of the workers that write these slots. `ask` gives the id of a decision, whose
    place in the log tells who made it.
    """
    log, found = LogReader(log_url), dict[str, Client]()
    deadline = time.monotonic() + SECONDS
    with ExitStack() as stack:
        while not slots <= found.keys():
            assert time.monotonic() < deadline, f"no connection lands on {slots - found.keys()}"
            client = Client(port)
            entry = log.get(ask(client))
            assert entry is not None
            if entry.slot in found:
                client.close()
            else:
                found[entry.slot] = stack.enter_context(client)
        yield found
