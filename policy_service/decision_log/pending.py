"""What a caller gives to the commit round and gets from it, and the bounds of its wait."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from policy_service.decision_log.entry import Entry, StreamId
from policy_service.model.counting import SECONDS, SIZES, Histogram


class Pending(Protocol):
    """A decision that waits for its round. Both properties are read again after `decide_again`."""

    @property
    def revision(self) -> int:
        """The head revision that it was decided at, whole."""

    @property
    def entry(self) -> Entry:
        """The log entry that it leaves."""

    async def decide_again(self) -> None:
        """On the event loop: decide whole, from memory as it is now. What it raises, its own call gets."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The entry is durable, and the decision in it was valid at `revision`."""

    stream_id: StreamId
    index: int
    revision: int


@dataclass(frozen=True, slots=True)
class RoundLimits:
    """Times in seconds. Each is a bound that somebody's wait ends at."""

    # Calls that may wait, in the group being written and in the one that gathers.
    waiting: int = 4096
    group: int = 1024
    # Gathering waits in proportion to the last group; 0.15 ms and less locks into tiny groups (measured).
    gather_per_entry: float = 0.0004
    gather_most: float = 0.002
    # Between the reading of the head and the release.
    head_age: float = 1.0
    # How often the head is read for a group before its calls give up.
    attempts: int = 5
    decide_again: float = 2.0
    answer: float = 5.0
    # A round that takes longer hangs, and the committer with it.
    round: float = 20.0


@dataclass(slots=True)
class RoundCounters:
    """Plain numbers since the start, each counted by one thread alone."""

    # By the committer.
    groups: int = 0
    entries: int = 0
    largest_group: int = 0
    stale_groups: int = 0
    sizes: Histogram = field(default_factory=lambda: Histogram(SIZES))
    """Entries in a group that was appended."""
    seconds: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    """What its round took: from the reading of the head until it was durable."""
    # By the event loop.
    redecided: int = 0
    released: int = 0
    failures: int = 0
    abandoned: int = 0
    overloaded: int = 0
