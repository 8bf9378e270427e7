"""Ids: random for what is on file, in the order of time for log entries. None of them is a counter that
could be polled.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from policy_service.model.random_bytes import random_bytes


def random_id() -> str:
    """A UUIDv4: tells nothing, not even when it was made."""
    return str(uuid.uuid4())


def time_ordered_id(moment: datetime) -> str:
    """A UUIDv7 (RFC 9562 5.7) of an aware `moment`, in milliseconds; everything else in it is random."""
    milliseconds = int(moment.timestamp() * 1000)
    value = (milliseconds << 80) | int.from_bytes(random_bytes(10), "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)  # version 7
    value = (value & ~(0x3 << 62)) | (0x2 << 62)  # the variant of RFC 9562
    return str(uuid.UUID(int=value))


def moment_in(time_ordered: str) -> datetime | None:
    """The moment of a UUIDv7, to the millisecond; None of an id that tells none."""
    value = uuid.UUID(time_ordered)
    if value.version != 7:
        return None
    try:
        return datetime.fromtimestamp((value.int >> 80) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None  # of a year that no calendar here has
