"""Entries as they come, without a decision behind them."""

from __future__ import annotations

import itertools
import os
import time
import uuid
from collections.abc import Sequence

from policy_service.decision_log.entry import Appended, Entry
from policy_service.decision_log.stream import Outcome

_numbers = itertools.count()


def entry(data: bytes | None = None) -> Entry:
    """An entry that no other is like."""
    fresh = data if data is not None else b"decision %d " % next(_numbers) + os.urandom(40)
    return Entry(str(uuid.uuid4()), time.time_ns() // 1000, fresh)


def entries(count: int) -> list[Entry]:
    return [entry() for _ in range(count)]


def indexes(outcomes: Sequence[Outcome]) -> list[int | str]:
    """Each outcome as its index, or as the name of what stood against it."""
    return [
        outcome.index if isinstance(outcome, Appended) else type(outcome).__name__ for outcome in outcomes
    ]


def acknowledged(group: Sequence[Entry], outcomes: Sequence[Outcome]) -> list[str]:
    """The ids of those entries that are said to be durable."""
    return [one.id for one, outcome in zip(group, outcomes, strict=True) if isinstance(outcome, Appended)]
