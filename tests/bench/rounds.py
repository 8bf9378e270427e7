"""The order in which loads are measured: each in turn, round by round.

Whatever the machine does meanwhile (another program, a warm processor, a slow disk) then meets all of them
alike. One after another, A A A B B B, an echo with a durable round was once faster than the echo alone.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Result = TypeVar("Result")


def interleaved(rounds: int, loads: Mapping[str, Callable[[int], Result]]) -> dict[str, list[Result]]:
    """Measure A B C, A B C, ...; a load is told the round's number. Gives the results of each, in order."""
    found: dict[str, list[Result]] = {name: [] for name in loads}
    for number in range(rounds):
        for name, measure in loads.items():
            found[name].append(measure(number))
    return found


def median_ratio(upper: Sequence[float], lower: Sequence[float]) -> float:
    """The median of the rounds' ratios: what is divided was measured one shortly after the other."""
    return statistics.median(u / low for u, low in zip(upper, lower, strict=True))
