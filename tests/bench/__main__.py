"""`python -m tests.bench`: measure, print a table, write build/bench.json; QUICK=1 for a short run.

Servers and generator run in processes of their own: the servers on one core, where all but the one that is
measured are idle, the generator on another. The loads are measured in turn, round by round, and medians are
told, so that their ratios mean something; the rows of two machines, or of two runs, do not compare.
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
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType

import grpc

from policy_service.server.listening import free_port
from policy_service.server.settings import Settings
from tests.bench import world
from tests.bench.generator import Job, Result
from tests.bench.rounds import interleaved, median_ratio
from tests.bench.rows import Report
from tests.support.collector import collecting

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "policies"
PATH = "/policy_service.api.v1.DecisionService/Check"
CONNECTIONS, CONCURRENCY = 4, 64
SCRAPE_SECONDS = 5.0
P99_TARGET_MS = 10.0
"""At half of the maximum rate."""

ECHO, FLOOR = "echo: the stack alone", "echo with a durable round: the floor"
MIXED, AT_HALF = "Check, mixed", "Check, mixed, at half of that"
ON_FILE = "Check, 1 field, on file"
OBSERVED = f"{ON_FILE}, all telemetry on"
"""Of the cheapest call, of which it is the largest part."""


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
            return cls(1.5, 1.5, 2, server, generator)
        return cls(8.0, 6.0, 3, server, generator)


@dataclass
class Measured:
    """A server that runs, and what a closed loop makes of it."""

    plan: Plan
    port: int
    process: subprocess.Popen[str]
    token: str

    def load(self, messages: Sequence[str], number: int, *, rate: float = 0.0) -> Result:
        """One round. In the first every message is answered once before anything is counted."""
        plan, begin = self.plan, number * len(messages) // self.plan.rounds
        job = Job(
            PATH,
            self.token,
            [*messages[begin:], *messages[:begin]],
            plan.seconds,
            plan.warm_up if number == 0 else 0.5,
            CONNECTIONS,
            CONCURRENCY,
            rate,
            plan.generator_core,
            all_once=number == 0 and not rate,
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
def serving(
    kind: str, plan: Plan, settings: Settings, token: str, environment: Mapping[str, str]
) -> Iterator[Measured]:
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
            env=os.environ | environment,
        )
        assert process.stdout is not None
        try:
            ready = process.stdout.readline()
            if not ready:
                log.seek(0)
                raise SystemExit(f"the server `{kind}` did not start:\n{log.read()[-2_000:]}")
            with read_by_prometheus(json.loads(ready)["prometheus"]):
                yield Measured(plan, port, process, token)
        finally:
            process.terminate()
            process.wait(30)
            process.stdout.close()


def main() -> None:
    plan, report = Plan.of_environment(), Report()
    kinds = {
        ON_FILE: world.on_file(),
        "Check, 1 field, described send": world.described(),
        "Check, 20 fields, described send": world.twenty_fields(),
    }
    mixed = [question for questions in kinds.values() for question in questions]
    random.Random(1).shuffle(mixed)
    asked = {name: world.as_text(questions) for name, questions in kinds.items()} | {
        MIXED: world.as_text(mixed)
    }
    echoes = asked[ON_FILE]
    with tempfile.TemporaryDirectory(prefix="policy-service-bench-") as scratch, ExitStack() as stack:
        servers = {
            kind: stack.enter_context(_prepared(report, kind, plan, Path(scratch) / kind))
            for kind in ("echo", "durable-echo", "check")
        }
        observed = stack.enter_context(_observed(report, plan, Path(scratch) / "observed"))
        _say_conditions(report, plan, Path(scratch), len(mixed))
        half = _HalfRate(servers["check"], asked[MIXED])
        loads: dict[str, Callable[[int], Result]] = {
            ECHO: partial(servers["echo"].load, echoes),
            FLOOR: partial(servers["durable-echo"].load, echoes),
            OBSERVED: partial(observed.load, asked[ON_FILE]),
            **{name: partial(servers["check"].load, asked[name]) for name in kinds},
            MIXED: half.most,
            AT_HALF: half.half,
        }
        told = {name: _telling(report, name, load, plan.rounds) for name, load in loads.items()}
        results = interleaved(plan.rounds, told)
        resident = servers["check"].resident_mebibytes()
    for name in (ECHO, FLOOR, OBSERVED, *asked):
        _say_load(report, name, results[name])
    _say_latency(report, results[AT_HALF], half.rates)
    report.say("resident set of the worker", resident, "MiB")
    calls = {name: [_rate(result) for result in found] for name, found in results.items()}
    report.say("floor / echo", median_ratio(calls[FLOOR], calls[ECHO]), "ratio")
    for name in kinds:
        report.say(f"{name} / floor", median_ratio(calls[name], calls[FLOOR]), "ratio")
    report.say(f"{OBSERVED} / off", median_ratio(calls[OBSERVED], calls[ON_FILE]), "ratio")
    twenty = 20 * statistics.median(calls["Check, 20 fields, described send"])
    report.say("Check, 20 fields: decisions", twenty, "decisions/s")
    report.show()
    report.write(ROOT / "build" / "bench.json")


@contextmanager
def _prepared(
    report: Report,
    kind: str,
    plan: Plan,
    directory: Path,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Measured]:
    """A server over a store and a log of its own, since two of them write."""
    settings = Settings(var_dir=directory)
    with report.console.status(f"putting a hospital on file for `{kind}`"):
        token = world.prepare(settings, POLICIES)
    with serving(kind, plan, settings, token, environment) as server:
        yield server


@contextmanager
def _observed(report: Report, plan: Plan, directory: Path) -> Iterator[Measured]:
    """A worker that sends traces and metrics to a collector in this process, and is read by Prometheus."""
    with collecting() as collector:
        environment = {
            "POLICY_SERVICE_OTLP_ENDPOINT": collector.endpoint,
            "POLICY_SERVICE_DECISION_PROMETHEUS": "127.0.0.1:0",
        }
        with _prepared(report, "check", plan, directory, environment) as server:
            yield server
        if not collector.spans() or collector.newest("policy_service.decisions") is None:
            raise SystemExit("no span or no metric came: this measures nothing")


@contextmanager
def read_by_prometheus(address: str) -> Iterator[None]:
    """Read the metrics at `address`, if there is one, every few seconds."""
    over = threading.Event()

    def read() -> None:
        while address and not over.wait(SCRAPE_SECONDS):
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
                answer.read()

    reading = threading.Thread(target=read)
    reading.start()
    try:
        yield
    finally:
        over.set()
        reading.join()


def _telling(
    report: Report, name: str, load: Callable[[int], Result], rounds: int
) -> Callable[[int], Result]:
    def measure(number: int) -> Result:
        with report.console.status(f"round {number + 1} of {rounds}: {name}"):
            return load(number)

    return measure


@dataclass
class _HalfRate:
    """Everything mixed: the maximum, then an open loop at half of what the same round's maximum was."""

    server: Measured
    messages: Sequence[str]
    rates: list[float] = field(default_factory=list)

    def most(self, number: int) -> Result:
        result = self.server.load(self.messages, number)
        self.rates.append(_rate(result) / 2)
        return result

    def half(self, number: int) -> Result:
        return self.server.load(self.messages, number, rate=self.rates[number])


def _rate(result: Result) -> float:
    return result.answered / result.seconds


def _say_load(report: Report, name: str, results: Sequence[Result]) -> None:
    """Medians of the rounds, and how far apart these were."""
    calls = [_rate(result) for result in results]
    report.say(name, statistics.median(calls), "calls/s")
    report.say(f"{name}: slowest and fastest round", f"{min(calls):,.0f}, {max(calls):,.0f}", "calls/s")
    p50, p99 = (statistics.median(times) for times in zip(*((r.p50, r.p99) for r in results), strict=True))
    report.say(f"{name}: p50, p99 under that load", f"{p50:.1f}, {p99:.1f}", "ms")
    report.say(f"{name}: generator's core", 100 * statistics.median(r.cpu for r in results), "% busy")
    decided = sum(result.permits + result.denials for result in results)
    if name not in (ECHO, FLOOR):
        report.say(f"{name}: denied", 100 * sum(r.denials for r in results) / max(1, decided), "%")


def _say_latency(report: Report, results: Sequence[Result], rates: Sequence[float]) -> None:
    report.say(f"{AT_HALF}: offered", statistics.median(rates), "calls/s")
    report.say(f"{AT_HALF}: p50", statistics.median(result.p50 for result in results), "ms")
    p99 = statistics.median(result.p99 for result in results)
    report.at_most(f"{AT_HALF}: p99", p99, P99_TARGET_MS, "ms")
    report.say(f"{AT_HALF}: longest", max(result.longest for result in results), "ms")


def _say_conditions(report: Report, plan: Plan, scratch: Path, distinct: int) -> None:
    policies = sum(1 for file in POLICIES.rglob("*.yaml") if file.parent.name != "base_types")
    pinned = "server and generator on a core each" if plan.server_core >= 0 else "not pinned: one core"
    report.say("log", "SQLite, WAL, synchronous=FULL")
    report.say("fsync of this disk, median", _fsync_milliseconds(scratch), "ms")
    report.say("policies", float(policies), "documents")
    report.say("load", f"closed loop, {CONNECTIONS} connections, {CONCURRENCY} in flight, one system")
    report.say("distinct questions", float(distinct))
    report.say("cores", pinned)
    ratio, seconds = Settings().trace_ratio, Settings().telemetry_seconds
    told = f"{ratio:.0%} of calls traced; OTLP every {seconds:g} s, a scrape every {SCRAPE_SECONDS:g} s"
    report.say("all telemetry on", told)
    report.say("rounds", f"{plan.rounds} of {plan.seconds:g} s, the loads in turn; medians")
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
