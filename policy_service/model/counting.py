"""How many values fell into which range: plain numbers, cheap enough to count on every call.

One thread adds. Any other may read at any time: what it sees is of about one moment, which is enough for
whoever watches, and costs no lock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

_MILLISECONDS: Final = (0.5, 1, 2, 3, 5, 7.5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000)
SECONDS: Final = tuple(bound / 1_000 for bound in _MILLISECONDS)
"""Bounds for what takes milliseconds, and should end within ten seconds whatever happens."""
SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Histogram:
    """Counts values by range. A bound belongs to the range below it; the last range has no upper bound."""

    __slots__ = ("bounds", "counts", "least", "most", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0
        """The sum of all values."""
        self.least = float("inf")
        self.most = float("-inf")

    def add(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value
        if value < self.least:
            self.least = value
        if value > self.most:
            self.most = value
