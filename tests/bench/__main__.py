"""`python -m tests.bench`: measure, print a table, write build/bench.json; QUICK=1 for a short run.

Servers and generator run in processes of their own: the servers on one core, where all but the one that is
measured are idle, the generator on another. The loads are measured in turn, round by round, and medians are
told, so that their ratios mean something; the rows of two machines, or of two runs, do not compare.
"""

from __future__ import annotations

import base64
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
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

import grpc

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.server.listening import free_port
from policy_service.server.settings import Settings
from policy_service.service.policies import shipped_policy_set
from tests.bench import deciding, engine, importing, served, world
from tests.bench.cerbos import server as cerbos_server
from tests.bench.cerbos import world as cerbos_world
from tests.bench.compared import (
    BATCH,
    CERBOS,
    CERBOS_BATCH,
    CERBOS_TWENTY,
    DECISIONS,
    DESCRIBED,
    ON_FILE,
    STREAM,
    STREAM_DESCRIBED,
    STREAM_TWENTY,
    TWENTY,
    say_comparisons,
)
from tests.bench.generator import Result
from tests.bench.measured import CONNECTIONS, Asked, Measured, Plan
from tests.bench.rounds import interleaved, median_ratio
from tests.bench.rows import Report
from tests.server.calling import Client
from tests.support.collector import collecting

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "policies"
CERBOS_INSTALLED = ROOT / "build" / "cerbos"
SERVICE = "/policy_service.api.v1.DecisionService"
CHECK, CHECK_STREAM, BATCH_CHECK = f"{SERVICE}/Check", f"{SERVICE}/CheckStream", f"{SERVICE}/BatchCheck"
BATCHES_UNDER_WAY = 8
SCRAPE_SECONDS = 5.0
P99_TARGET_MS = 10.0
"""At half of the maximum rate."""

ECHO, FLOOR = "echo: the stack alone", "echo with a durable round: the floor"
MIXED, AT_HALF = "Check, mixed", "Check, mixed, at half of that"
OBSERVED = f"{ON_FILE}, all telemetry on"
"""Of the cheapest call, of which it is the largest part."""


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
            env=_without_settings() | dict(environment),
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


def _without_settings() -> dict[str, str]:
    """The environment without settings of the service: whoever measures may have some."""
    return {name: value for name, value in os.environ.items() if not name.startswith("POLICY_SERVICE_")}


def main() -> None:
    plan, report, began = Plan.of_environment(), Report(), time.monotonic()
    asked = _asked(plan)
    mixed = [message for name in KINDS for message in asked[name].messages]
    random.Random(1).shuffle(mixed)
    echoes = replace(asked[ON_FILE], effects=False)
    with tempfile.TemporaryDirectory(prefix="policy-service-bench-") as scratch, ExitStack() as stack:
        servers = {
            kind: stack.enter_context(_prepared(report, kind, plan, Path(scratch) / kind))
            for kind in ("echo", "durable-echo", "check")
        }
        ours = servers["check"]
        observed = stack.enter_context(_observed(report, plan, Path(scratch) / "observed"))
        policies = len(shipped_policy_set(POLICIES).documents)
        cerbos = stack.enter_context(_cerbos(report, plan, Path(scratch) / "cerbos", policies))
        _say_conditions(report, plan, Path(scratch), policies, len({*mixed}))
        # In this process, while the servers are idle.
        with report.doing("the engine by itself"):
            engine.say(report, quick=plan.quick)
            deciding.say(report, POLICIES, rounds=plan.rounds)
        with report.doing("importing, on SQLite and on PostgreSQL"):
            importing.say(report, quick=plan.quick)
        with report.doing("the whole service, with two workers and while an import runs"):
            served.say(report, plan, Path(scratch), POLICIES, Asked(CHECK, mixed))
        denied = _denied_of_a_batch(ours, asked[BATCH])
        half = _HalfRate(ours, Asked(CHECK, mixed))
        # What is compared is measured one shortly after the other.
        loads: dict[str, Callable[[int], Result]] = {
            ECHO: partial(servers["echo"].load, echoes),
            FLOOR: partial(servers["durable-echo"].load, echoes),
            OBSERVED: partial(observed.load, asked[ON_FILE]),
            **{
                name: partial(ours.load, asked[name])
                for name in (ON_FILE, DESCRIBED, STREAM, STREAM_DESCRIBED)
            },
            **cerbos.loads(CERBOS),
            **{name: partial(ours.load, asked[name]) for name in (TWENTY, STREAM_TWENTY)},
            **cerbos.loads(CERBOS_TWENTY),
            BATCH: partial(ours.load, asked[BATCH]),
            **cerbos.loads(CERBOS_BATCH),
            MIXED: half.most,
            AT_HALF: half.half,
        }
        told = {name: _telling(report, name, load, plan.rounds) for name, load in loads.items()}
        results = interleaved(plan.rounds, told)
        report.say("resident set of the worker", ours.resident_mebibytes(), "MiB")
        if cerbos.server is not None:
            report.say("resident set of Cerbos", cerbos.server.resident_mebibytes(), "MiB")
    for name in loads:
        if name != AT_HALF:
            _say_load(report, name, results[name])
    report.say(f"{BATCH}: denied", 100 * denied, "%")
    _say_latency(report, results[AT_HALF], half.rates)
    calls = {name: [_rate(result) for result in found] for name, found in results.items()}
    report.say("floor / echo", median_ratio(calls[FLOOR], calls[ECHO]), "ratio")
    for name in KINDS:
        report.say(f"{name} / floor", median_ratio(calls[name], calls[FLOOR]), "ratio")
    report.say(f"{OBSERVED} / off", median_ratio(calls[OBSERVED], calls[ON_FILE]), "ratio")
    say_comparisons(report, calls)
    report.say("all of it took", time.monotonic() - began, "s")
    report.show()
    report.write(ROOT / "build" / "bench.json")


KINDS = (ON_FILE, DESCRIBED, TWENTY)
"""The questions of `MIXED`."""


def _asked(plan: Plan) -> dict[str, Asked]:
    """What the service is asked, by load."""
    one = world.on_file(plan.questions)
    described, twenty = world.described(plan.questions), world.twenty_fields(plan.questions)
    batches = world.as_text(world.batches(plan.questions // world.BATCH))
    return {
        **{
            name: Asked(CHECK, world.as_text(questions))
            for name, questions in zip(KINDS, (one, described, twenty), strict=True)
        },
        **{
            name: Asked(CHECK_STREAM, world.as_text(world.on_a_stream(questions)), streamed=True)
            for name, questions in ((STREAM, one), (STREAM_DESCRIBED, described), (STREAM_TWENTY, twenty))
        },
        BATCH: Asked(BATCH_CHECK, batches, concurrency=BATCHES_UNDER_WAY, effects=False),
    }


def _denied_of_a_batch(server: Measured, asked: Asked) -> float:
    """The share of denied cells in one batch, whose every item has an answer."""
    with Client(server.port) as client:
        answer = client.call(asked.path, base64.b64decode(asked.messages[0]), token=server.token)
    outcomes = pb.BatchCheckResponse.FromString(answer).outcomes
    effects = [cell.effect for outcome in outcomes for cell in outcome.answer.cells]
    if len(effects) != DECISIONS[BATCH]:
        raise SystemExit(f"a batch has {len(effects)} answers: this measures nothing")
    return effects.count(pb.EFFECT_DENY) / len(effects)


@dataclass(frozen=True)
class _Cerbos:
    """Its server, if there is one, and what it is asked."""

    server: Measured | None
    asked: Mapping[str, Asked]

    def loads(self, name: str) -> dict[str, Callable[[int], Result]]:
        return {} if self.server is None else {name: partial(self.server.load, self.asked[name])}


@contextmanager
def _cerbos(report: Report, plan: Plan, directory: Path, rules: int) -> Iterator[_Cerbos]:
    """Cerbos with so many rules, where npm installed it."""
    executable = cerbos_server.program(CERBOS_INSTALLED)
    if executable is None:
        report.say("Cerbos", "not there: npm got no package for this machine")
        yield _Cerbos(None, {})
        return
    written = cerbos_world.write_policies(directory / "policies", rules)
    one, twenty = (
        cerbos_world.questions(plan.questions, actions)
        for actions in (cerbos_world.ACTIONS[:1], cerbos_world.ACTIONS)
    )
    asked = {
        name: Asked(cerbos_server.PATH, messages, concurrency, effects=False)
        for name, messages, concurrency in (
            (CERBOS, one, 64),
            (CERBOS_TWENTY, twenty, 64),
            (CERBOS_BATCH, cerbos_world.batches(plan.questions // world.BATCH), BATCHES_UNDER_WAY),
        )
    }
    with cerbos_server.serving(executable, plan, directory, directory / "policies") as server:
        for name, each in asked.items():
            cerbos_server.verify(server, each.messages, DECISIONS.get(name, 1))
        version = cerbos_server.version(executable)
        report.say(
            "Cerbos", f"{version}, {written} rules, audit log on (local, asynchronous), on the same core"
        )
        yield _Cerbos(server, asked)


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
    with report.doing(f"putting a hospital on file for `{kind}`"):
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
        with report.doing(f"round {number + 1} of {rounds}: {name}"):
            return load(number)

    return measure


@dataclass
class _HalfRate:
    """Everything mixed: the maximum, then an open loop at half of what the same round's maximum was."""

    server: Measured
    asked: Asked
    rates: list[float] = field(default_factory=list)

    def most(self, number: int) -> Result:
        result = self.server.load(self.asked, number)
        self.rates.append(_rate(result) / 2)
        return result

    def half(self, number: int) -> Result:
        return self.server.load(self.asked, number, rate=self.rates[number])


def _rate(result: Result) -> float:
    return result.answered / result.seconds


def _say_load(report: Report, name: str, results: Sequence[Result]) -> None:
    """Medians of the rounds, and how far apart these were."""
    calls = [_rate(result) for result in results]
    unit = "messages/s" if name in (STREAM, STREAM_DESCRIBED, STREAM_TWENTY) else "calls/s"
    report.say(name, statistics.median(calls), unit)
    report.say(f"{name}: slowest and fastest round", f"{min(calls):,.0f}, {max(calls):,.0f}", unit)
    p50, p99 = (statistics.median(times) for times in zip(*((r.p50, r.p99) for r in results), strict=True))
    report.say(f"{name}: p50, p99 under that load", f"{p50:.1f}, {p99:.1f}", "ms")
    report.say(f"{name}: generator's core", 100 * statistics.median(r.cpu for r in results), "% busy")
    decided = sum(result.permits + result.denials for result in results)
    if decided:
        report.say(f"{name}: denied", 100 * sum(r.denials for r in results) / max(1, decided), "%")


def _say_latency(report: Report, results: Sequence[Result], rates: Sequence[float]) -> None:
    report.say(f"{AT_HALF}: offered", statistics.median(rates), "calls/s")
    report.say(f"{AT_HALF}: p50", statistics.median(result.p50 for result in results), "ms")
    p99 = statistics.median(result.p99 for result in results)
    report.at_most(f"{AT_HALF}: p99", p99, P99_TARGET_MS, "ms")
    report.say(f"{AT_HALF}: longest", max(result.longest for result in results), "ms")


def _say_conditions(report: Report, plan: Plan, scratch: Path, policies: int, distinct: int) -> None:
    pinned = "server and generator on a core each" if plan.server_core >= 0 else "not pinned: one core"
    report.say("log", "SQLite, WAL, synchronous=FULL")
    report.say("fsync of this disk, median", _fsync_milliseconds(scratch), "ms")
    report.say("policies", float(policies), "documents")
    flight = f"{Asked(CHECK, ()).concurrency} in flight ({BATCHES_UNDER_WAY} batches)"
    report.say("load", f"closed loop, {CONNECTIONS} connections, {flight}, one system")
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
