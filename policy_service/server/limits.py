"""What there is of, and how much of it one caller may hold.

Calls in flight and conversations (streams, batches) are bounded by caller; what strangers hold is bounded in
`guests`.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from policy_service.model.caller import Caller
from policy_service.model.errors import OverloadedError

MAX_REQUEST_BYTES = 1 << 20
"""A call with 4,096 field instances of 100 characters is under half of it."""
MAX_FILES_BYTES = 4 << 20
"""Of a call that sends files of policies, which control alone takes: 2,000 policies with their cases, as they
ship, are some 3 MB.
"""
MAX_RESPONSE_BYTES = 4 << 20
"""What clients accept unless they say otherwise."""
MAX_METADATA_BYTES = 8 << 10
STREAMS_PER_CONNECTION = 256
CONNECTION_AGE_SECONDS = 600
CONNECTION_GRACE_SECONDS = 30

CONVERSATIONS = 1_024
"""Streams and batches at a time, in one process."""

SHARES = 4
"""No caller holds more than one part in so many."""


def server_options(*, share_port: bool, most_bytes: int) -> tuple[tuple[str, int], ...]:
    """The channel arguments of every server of this product.

    `most_bytes` is the most that any of its methods takes: grpcio has one bound for all of them, and the
    wrapper holds each to its own.
    """
    return (
        ("grpc.so_reuseport", int(share_port)),
        ("grpc.max_receive_message_length", most_bytes),
        ("grpc.max_send_message_length", MAX_RESPONSE_BYTES),
        ("grpc.max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", 2 * MAX_METADATA_BYTES),
        ("grpc.max_concurrent_streams", STREAMS_PER_CONNECTION),
        # A call that never sends its message ends with its connection.
        ("grpc.max_connection_age_ms", CONNECTION_AGE_SECONDS * 1_000),
        ("grpc.max_connection_age_grace_ms", CONNECTION_GRACE_SECONDS * 1_000),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.http2.max_ping_strikes", 2),
        ("grpc.keepalive_permit_without_calls", 1),
    )


class Limits:
    """Calls in flight: how many there are in all, and how many each caller has. Event loop only."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._share = max(1, capacity // SHARES)
        self._held: Counter[str] = Counter()
        self._waiting: list[asyncio.Future[None]] = []
        self.in_flight = 0

    def has_room(self, caller: Caller) -> bool:
        """Tell whether another call of this caller would be let in now."""
        return self.in_flight < self._capacity and self._held[_holder(caller)] < self._share

    def enter(self, caller: Caller) -> None:
        """Count a call in; whoever enters leaves. Raises `OverloadedError`."""
        if not self.has_room(caller):
            raise overloaded()
        self._held[_holder(caller)] += 1
        self.in_flight += 1

    def leave(self, caller: Caller) -> None:
        """Count a call out."""
        holder = _holder(caller)
        self.in_flight -= 1
        self._held[holder] -= 1
        if not self._held[holder]:
            del self._held[holder]
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    async def room(self, caller: Caller, seconds: float) -> None:
        """Wait until there is room for another call of this caller, for so long at most."""
        end = asyncio.get_running_loop().time() + seconds
        while not self.has_room(caller):
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                return
            freed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(freed)
            await asyncio.wait((freed,), timeout=left)


def overloaded() -> OverloadedError:
    """The one text for every bound that was reached."""
    return OverloadedError("OVERLOADED", "too many calls are in flight; try again later")


def _holder(caller: Caller) -> str:
    """All tokens of one system share what it may hold; a person's tokens are of his own."""
    return f"{caller.controller}\n{caller.system or '@' + caller.principal}"
