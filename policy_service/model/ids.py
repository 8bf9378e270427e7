"""Ids: random for what is on file, in the order of time for log entries. None of them is a counter that
could be polled.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime

from policy_service.model.random_bytes import random_bytes


def random_id() -> str:
    """A UUIDv4: tells nothing, not even when it was made."""
    digits = random_bytes(16).hex()
    # RFC 9562 5.4, without the detour by `uuid.UUID`, which takes longer than all else of many a fact.
    variant = _VARIANTS[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
"""A random digit with its two upper bits as RFC 9562 4.1 has them."""


def time_ordered_id(moment: datetime) -> str:
    """A UUIDv7 (RFC 9562 5.7) of an aware `moment`, in milliseconds; everything else in it is random."""
    return _version_7(int(moment.timestamp() * 1000), random_bytes(10))


def derived_id(milliseconds: int, what: str) -> str:
    """The UUIDv7 of that moment (milliseconds since 1970) whose rest follows from `what`: whoever knows both
    finds it, and two that are about the same collide.
    """
    return _version_7(milliseconds, hashlib.sha256(what.encode()).digest()[:10])


def _version_7(milliseconds: int, rest: bytes) -> str:
    value = (milliseconds << 80) | int.from_bytes(rest, "big")
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
