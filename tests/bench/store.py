"""`python -m tests.bench.store`: what the size of the store costs; QUICK=1 for a short run.

PEOPLE and RECORDS say how many are on file (a million of each; 20,000 in a short run). Rows go to
build/bench-store.json. What is compared runs side by side: the same worker over a hospital of a thousand
patients, and over everybody, each on the same core, in turn.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

from policy_service.facts.connect import sqlite_path
from policy_service.server.settings import Settings
from tests.bench import population, world
from tests.bench.__main__ import CHECK, POLICIES, ROOT, serving
from tests.bench.generator import Result
from tests.bench.measured import Asked, Plan
from tests.bench.population import Size
from tests.bench.rounds import interleaved, median_ratio
from tests.bench.rows import Report

WARM_TARGET, COLD_P99_MS, RESIDENT_MIB = 0.9, 10.0, 600.0
COLD_AT_A_TIME = 4
SECONDS_A_LINE = 10.0
EMPTY, FULL = "Check, a thousand patients on file", "Check, everybody on file"


def main() -> None:
    plan, report, began = Plan.of_environment(), Report(), time.monotonic()
    default = "20000" if plan.quick else "1000000"
    size = Size(int(os.environ.get("PEOPLE", default)), int(os.environ.get("RECORDS", default)))
    with tempfile.TemporaryDirectory(prefix="policy-service-bench-") as scratch, ExitStack() as stack:
        small, large = (Settings(var_dir=Path(scratch) / name) for name in ("small", "large"))
        tokens = {settings.var_dir: world.prepare(settings, POLICIES) for settings in (small, large)}
        _fill(report, large, size)
        cold = stack.enter_context(serving("check", plan, large, tokens[large.var_dir], MappingProxyType({})))
        questions = world.as_text(population.once_each(size, 2_000 if plan.quick else 20_000))
        with report.doing("checks about people nobody has asked about"):
            found = cold.load(Asked(CHECK, questions, concurrency=COLD_AT_A_TIME), 1)
        _say(report, "Check, cold", found)
        report.at_most("Check, cold: p99", found.p99, COLD_P99_MS, "ms")
        empty = stack.enter_context(
            serving("check", plan, small, tokens[small.var_dir], MappingProxyType({}))
        )
        loads = {
            EMPTY: partial(empty.load, Asked(CHECK, world.as_text(world.on_file(plan.questions)))),
            FULL: partial(cold.load, Asked(CHECK, world.as_text(population.skewed(size, plan.questions)))),
        }
        with report.doing("both, warm, in turn"):
            results = interleaved(plan.rounds, loads)
        for name, several in results.items():
            _say(report, name, replace(several[0], p99=statistics.median(r.p99 for r in several)))
        rates = {
            name: [each.answered / each.seconds for each in several] for name, several in results.items()
        }
        ratio = median_ratio(rates[FULL], rates[EMPTY])
        report.at_least("warm: everybody on file / a thousand", ratio, WARM_TARGET, "ratio")
        with report.doing("asking about a great many, until the memory is full"):
            many = world.as_text(population.once_each(size, 10_000 if plan.quick else 200_000, seed=3))
            cold.load(Asked(CHECK, many, concurrency=64), 0)
        report.at_most(
            "resident set of the worker, its memory full", cold.resident_mebibytes(), RESIDENT_MIB, "MiB"
        )
    report.say("all of it took", time.monotonic() - began, "s")
    report.show()
    report.write(ROOT / "build" / "bench-store.json")


def _fill(report: Report, settings: Settings, size: Size) -> None:
    file = sqlite_path(settings.facts)
    assert file is not None
    what = f"{size.people:,} people and {size.records:,} records"
    with report.doing(f"putting {what} on file"):
        rows = population.fill(file, size, _Progress())
    report.say("on file", f"{what}, {rows:,} rows, {file.stat().st_size / (1 << 30):.2f} GiB")


class _Progress:
    """A line on standard error now and then, while the rows are made."""

    def __init__(self) -> None:
        self._began = self._said = time.monotonic()

    def __call__(self, so_far: int) -> None:
        now = time.monotonic()
        if now - self._said >= SECONDS_A_LINE:
            self._said = now
            print(f"{so_far:,} rows after {now - self._began:.0f} s", file=sys.stderr, flush=True)


def _say(report: Report, name: str, result: Result) -> None:
    report.say(name, result.answered / result.seconds, "calls/s")
    report.say(f"{name}: p50, p99", f"{result.p50:.1f}, {result.p99:.1f}", "ms")
    report.say(f"{name}: denied", 100 * result.denials / max(1, result.answered), "%")


if __name__ == "__main__":
    main()
