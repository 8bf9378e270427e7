"""What is compared with Cerbos, and what was promised: ratios of the same run, round by round.

The targets are those of the design. Cerbos' log is asynchronous and loses entries on a crash; the service's
answers wait for theirs.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.rounds import median_ratio
from tests.bench.rows import Report

ON_FILE = "Check, 1 field, on file"
DESCRIBED = "Check, 1 field, described send"
STREAM = "CheckStream, 1 field, on file"
STREAM_DESCRIBED = "CheckStream, 1 field, described send"
TWENTY = "Check, 20 fields, described send"
STREAM_TWENTY = "CheckStream, 20 fields, described send"
BATCH = "BatchCheck, 50 records × 5 fields"

CERBOS = "Cerbos, 1 action"
CERBOS_TWENTY = "Cerbos, 20 actions"
CERBOS_BATCH = "Cerbos, 50 resources × 5 actions"

DECISIONS: Final = {TWENTY: 20, STREAM_TWENTY: 20, CERBOS_TWENTY: 20, BATCH: 250, CERBOS_BATCH: 250}
"""In an answer, where it is more than one."""


@dataclass(frozen=True)
class Comparison:
    """Answers a second of ours by theirs; both decide as much in one."""

    ours: str
    theirs: str
    target: float


COMPARISONS: Final = (
    Comparison(ON_FILE, CERBOS, 0.9),
    Comparison(DESCRIBED, CERBOS, 0.9),
    Comparison(STREAM, CERBOS, 1.75),
    Comparison(STREAM_DESCRIBED, CERBOS, 1.75),
    Comparison(TWENTY, CERBOS_TWENTY, 2.75),
    Comparison(STREAM_TWENTY, CERBOS_TWENTY, 4.5),
    Comparison(BATCH, CERBOS_BATCH, 7.0),
)


def say_comparisons(report: Report, rates: Mapping[str, Sequence[float]]) -> None:
    """Add decisions a second, then each comparison; `rates` are answers a second, by load and round."""
    for name, decisions in DECISIONS.items():
        if name in rates:
            report.say(f"{name}: decisions", decisions * statistics.median(rates[name]), "decisions/s")
    for each in COMPARISONS:
        name = f"{each.ours} / {each.theirs}"
        if each.theirs in rates:
            ratio = median_ratio(rates[each.ours], rates[each.theirs])
            report.at_least(name, ratio, each.target, "ratio")
        else:
            report.unmeasured(name, "no Cerbos here", each.target, "ratio")
