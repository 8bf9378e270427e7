"""What is appended, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

StreamId = NewType("StreamId", str)
"""16 random bytes as 32 hexadecimal digits. Not a counter: it tells nobody how many streams there are."""

MAX_ENTRY_BYTES = 65_535
"""The largest entry that a C2SP tlog-tiles entry bundle can carry: its length is a uint16."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One log entry. `data` is stored once, as the bytes that are hashed, and never serialised again.

    `id` is a UUIDv7 in its usual 36 characters, unique in the whole log; `time_us` is in microseconds since
    1970, UTC.
    """

    id: str
    time_us: int
    data: bytes

    @property
    def is_too_large(self) -> bool:
        return len(self.data) > MAX_ENTRY_BYTES


@dataclass(frozen=True, slots=True)
class Appended:
    """Where a durable entry stands: the leaf's index, from 0, in the RFC 6962 tree of its stream."""

    stream_id: StreamId
    index: int


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as it is read back; `leaf_hash` is computed from the bytes that were read (RFC 6962 2.1)."""

    stream_id: StreamId
    slot: str
    index: int
    id: str
    time_us: int
    data: bytes
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class StreamHead:
    """A stream and how far it is; `outbox_revision` is 0 until an entry of a revision was appended."""

    stream_id: StreamId
    slot: str
    created_us: int
    size: int
    root: bytes
    epoch: int
    outbox_revision: int
    closed: bool
