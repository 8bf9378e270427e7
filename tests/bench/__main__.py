"""`python -m tests.bench`: measure, print a table, write build/bench.json; QUICK=1 for a short run.

Server and generator run in processes of their own, one core each. All rows of a run are of one machine and
one moment, so that their ratios mean something; the rows of two machines do not compare.
"""

from __future__ import annotations

import json
import os
import platform
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import grpc

from policy_service.server.listening import free_port
from policy_service.server.settings import Settings
from tests.bench import world
from tests.bench.generator import Job, Result
from tests.bench.rows import Report

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "policies"
PATH = "/policy_service.api.v1.DecisionService/Check"
CONNECTIONS, CONCURRENCY = 4, 64
P99_TARGET_MS = 10.0
"""At half of the maximum rate."""


@dataclass(frozen=True)
class Plan:
    """How long everything takes, and where it runs; core -1 is any."""

    seconds: float
    warm_up: float
    rounds: int
    server_core: int
    generator_core: int

    @classmethod
    def of_environment(cls) -> Plan:
        cores = sorted(os.sched_getaffinity(0))
        server, generator = (cores[0], cores[1]) if len(cores) > 1 else (-1, -1)
        if os.environ.get("QUICK", "0") not in ("", "0"):
            return cls(2.0, 1.5, 1, server, generator)
        return cls(8.0, 6.0, 3, server, generator)


@dataclass
class Measured:
    """A server that runs, and what a closed loop makes of it."""

    plan: Plan
    port: int
    process: subprocess.Popen[str]
    token: str

    def load(self, messages: Sequence[str], *, rate: float = 0.0, warm_up: float | None = None) -> Result:
        plan = self.plan
        job = Job(
            PATH,
            self.token,
            messages,
            plan.seconds,
            plan.warm_up if warm_up is None else warm_up,
            CONNECTIONS,
            CONCURRENCY,
            rate,
            plan.generator_core,
        )
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.generator", str(self.port)],
            input=json.dumps(asdict(job)),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"the generator failed:\n{done.stderr[-2_000:]}")
        result = Result(**json.loads(done.stdout))
        if result.refused:
            raise SystemExit(f"{result.refused} calls were refused: this measures nothing")
        return result

    def resident_mebibytes(self) -> float:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


@contextmanager
def serving(kind: str, plan: Plan, settings: Settings, token: str) -> Iterator[Measured]:
    """Run one kind of server over what `settings` name."""
    port = free_port("127.0.0.1", 0)
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.bench.server"),
                *(kind, str(settings.var_dir), str(port), str(plan.server_core)),
            ],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        assert process.stdout is not None
        try:
            if not process.stdout.readline():
                log.seek(0)
                raise SystemExit(f"the server `{kind}` did not start:\n{log.read()[-2_000:]}")
            yield Measured(plan, port, process, token)
        finally:
            process.terminate()
            process.wait(30)
            process.stdout.close()


def main() -> None:
    plan, report = Plan.of_environment(), Report()
    kinds = {
        "1 field, on file": world.on_file(),
        "1 field, described send": world.described(),
        "20 fields, described send": world.twenty_fields(),
    }
    mixed = kinds["1 field, on file"] + kinds["1 field, described send"] + kinds["20 fields, described send"]
    random.Random(1).shuffle(mixed)
    with tempfile.TemporaryDirectory(prefix="policy-service-bench-") as scratch:
        settings = Settings(var_dir=Path(scratch) / "var")
        with report.console.status("putting a hospital on file"):
            token = world.prepare(settings, POLICIES)
        _say_conditions(report, plan, Path(scratch), len(mixed))
        echoes = world.as_text(kinds["1 field, on file"])
        floor = _measure(report, plan, settings, token, "echo", {"echo: the stack alone": echoes})
        durable = _measure(
            report, plan, settings, token, "durable-echo", {"echo with a durable round: the floor": echoes}
        )
        asked = {f"Check, {name}": world.as_text(questions) for name, questions in kinds.items()}
        checks = _measure(report, plan, settings, token, "check", asked, mixed=world.as_text(mixed))
    (fastest,), (best,) = floor.values(), durable.values()
    report.say("floor / echo", best / fastest, "ratio")
    for name, calls in checks.items():
        report.say(f"{name} / floor", calls / best, "ratio")
    twenty = 20 * checks["Check, 20 fields, described send"]
    report.say("Check, 20 fields: decisions", twenty, "decisions/s")
    report.show()
    report.write(ROOT / "build" / "bench.json")


def _measure(
    report: Report,
    plan: Plan,
    settings: Settings,
    token: str,
    kind: str,
    loads: dict[str, list[str]],
    mixed: list[str] | None = None,
) -> dict[str, float]:
    """Calls a second of each load, medians of the plan's rounds."""
    found: dict[str, float] = {}
    with serving(kind, plan, settings, token) as server:
        for name, messages in loads.items():
            with report.console.status(name):
                results = [
                    server.load(messages, warm_up=0.5 if number else plan.warm_up)
                    for number in range(plan.rounds)
                ]
            median = statistics.median(result.answered / result.seconds for result in results)
            last = results[-1]
            found[name] = median
            report.say(name, median, "calls/s")
            report.say(f"{name}: p50, p99 under that load", f"{last.p50:.1f}, {last.p99:.1f}", "ms")
            report.say(f"{name}: generator's core", 100 * last.cpu, "% busy")
            if kind == "check":
                denied = last.denials / max(1, last.permits + last.denials)
                report.say(f"{name}: denied", 100 * denied, "%")
        if mixed is not None:
            _measure_latency(report, server, mixed)
            report.say("resident set of the worker", server.resident_mebibytes(), "MiB")
    return found


def _measure_latency(report: Report, server: Measured, mixed: list[str]) -> None:
    """Everything mixed: the maximum, then an open loop at half of it."""
    with report.console.status("mixed"):
        most = server.load(mixed)
        rate = most.answered / most.seconds / 2
        half = server.load(mixed, rate=rate, warm_up=1.0)
    report.say("Check, mixed", most.answered / most.seconds, "calls/s")
    report.say("Check, mixed, at half of that: offered", rate, "calls/s")
    report.say("Check, mixed, at half of that: p50", half.p50, "ms")
    report.at_most("Check, mixed, at half of that: p99", half.p99, P99_TARGET_MS, "ms")
    report.say("Check, mixed, at half of that: longest", half.longest, "ms")


def _say_conditions(report: Report, plan: Plan, scratch: Path, distinct: int) -> None:
    policies = sum(1 for file in POLICIES.rglob("*.yaml") if file.parent.name != "base_types")
    pinned = "server and generator on a core each" if plan.server_core >= 0 else "not pinned: one core"
    report.say("log", "SQLite, WAL, synchronous=FULL")
    report.say("fsync of this disk, median", _fsync_milliseconds(scratch), "ms")
    report.say("policies", float(policies), "documents")
    report.say("load", f"closed loop, {CONNECTIONS} connections, {CONCURRENCY} in flight, one system")
    report.say("distinct questions", float(distinct))
    report.say("cores", pinned)
    report.say("rounds", f"{plan.rounds} of {plan.seconds:g} s")
    python, sqlite = platform.python_version(), sqlite3.sqlite_version
    report.say("versions", f"Python {python}, grpcio {grpc.__version__}, SQLite {sqlite}")


def _fsync_milliseconds(directory: Path) -> float:
    times = []
    with (directory / "fsync").open("wb") as file:
        for _ in range(50):
            file.write(b"x" * 4_096)
            file.flush()
            begun = time.perf_counter()
            os.fsync(file.fileno())
            times.append(1_000 * (time.perf_counter() - begun))
    return statistics.median(times)


if __name__ == "__main__":
    main()
