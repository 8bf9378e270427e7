"""The whole service as it is run, `policy-service serve`: while an import runs, and with two workers.

Nothing is pinned here: the workers, control, the importing client and the generator share the cores as the
kernel has them do, which is what an installation meets that has no more cores than these.
"""

from __future__ import annotations

import json
import os
import queue
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.stream import StreamWriter
from policy_service.facts.reader import FactsReader
from policy_service.facts.store import Change, FactStore
from policy_service.facts.tables import PersonRow
from policy_service.facts.tokens import make_token
from policy_service.model.facts import Token
from policy_service.model.ids import time_ordered_id
from policy_service.model.vocabulary import StaffRole
from policy_service.server.settings import Settings
from tests.bench import world
from tests.bench.generator import Result
from tests.bench.measured import Asked, Measured, Plan
from tests.bench.rounds import interleaved, median_ratio
from tests.bench.rows import Report
from tests.support.processes import children_of, stat_of

P99_TARGET_MS: Final = 10.0
CPU_TARGET: Final = 1.15
"""Of a call that one of two workers answers, against one that is alone."""
IN_FLIGHT: Final = 64
"""For each worker: whoever starts a second has twice as much to ask."""
CONNECTIONS_A_WORKER: Final = 8
"""The kernel gives each to one of the workers, by chance."""
START_SECONDS: Final = 60.0
PEOPLE_TO_IMPORT: Final = 400_000
"""More than are imported while it is measured."""
LINES_AT_A_TIME: Final = 10_000

HALF: Final = "Check, mixed, at half of the most while an import runs"


@dataclass(frozen=True)
class Served(Measured):
    """`policy-service serve`, with its workers; `manager` is a privacy officer's token."""

    settings: Settings
    control: str
    """Its address."""
    manager: str
    workers: int

    def cpu_seconds(self) -> float:
        """What its workers have taken so far, as the kernel counts it."""
        ticks = sum(sum(map(int, stat_of(worker)[11:13])) for worker in self._worker_processes())
        return ticks / os.sysconf("SC_CLK_TCK")

    def entries(self) -> tuple[int, ...]:
        """How many entries each worker's stream has: one for each call that it answered."""
        streams = LogReader(self.settings.log).streams()
        return tuple(stream.size for stream in streams if stream.slot.startswith("worker-"))

    def people(self) -> int:
        """How many are on file."""
        reader = FactsReader(self.settings.facts)
        try:
            return int(reader.rows(select(func.count()).select_from(PersonRow))[0][0])
        finally:
            reader.close()

    def _worker_processes(self) -> Iterator[int]:
        return (pid for name, pid in children_of(self.process.pid) if name.startswith("worker-"))


@contextmanager
def serving(plan: Plan, directory: Path, policies: Path, workers: int) -> Iterator[Served]:
    """Put a hospital on file, and serve it."""
    settings = Settings(var_dir=directory)
    token = world.prepare(settings, policies)
    manager = _with_manager(settings)
    anywhere = replace(plan, server_core=-1, generator_core=-1)
    command = [
        *(sys.executable, "-m", "policy_service", "serve", "--var-dir", str(directory)),
        *("--decision-port", "0", "--control-port", "0", "--workers", str(workers)),
    ]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("POLICY_SERVICE_")
    }
    with (directory / "serve.log").open("w+") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment | {"COLUMNS": "200"}
        )
        assert process.stdout is not None
        try:
            said = _said_until_ready(process.stdout)
            if said is None:
                log.seek(0)
                raise SystemExit(f"`serve` did not start:\n{log.read()[-2_000:]}")
            port = int(said["questions"].rpartition(":")[2])
            yield Served(anywhere, port, process, token, settings, said["management"], manager, workers)
        finally:
            process.terminate()
            process.wait(30)
            process.stdout.close()


def _said_until_ready(lines: Iterator[str]) -> dict[str, str] | None:
    """The first two words of each line that it prints until it says that it is ready; None if it does not."""
    told: queue.Queue[dict[str, str] | None] = queue.Queue()

    def read() -> None:
        said = {}
        for line in lines:
            name, _, rest = line.strip().partition(" ")
            said[name] = rest.split()[0] if rest else ""
            if line.startswith("ready;"):
                told.put(said)
        told.put(None)

    threading.Thread(target=read, daemon=True).start()
    try:
        return told.get(timeout=START_SECONDS)
    except queue.Empty:
        return None


def _with_manager(settings: Settings) -> str:
    """Put a privacy officer's token on file; gives its text."""
    token, now = make_token(), datetime.now(UTC)
    officer = Token(
        token.token_id,
        world.TRUST,
        token.secret_hash,
        now,
        now + timedelta(days=1),
        principal="officer",
        roles=(StaffRole.PRIVACY_OFFICER,),
    )
    with (
        StreamWriter.open(settings.log, "control") as log,
        FactStore(settings.facts, stream_id=log.stream_id) as store,
    ):
        store.write(Change("bench", world.TRUST, "", (officer,), time_ordered_id(now), now), world.entry)
    return token.text


def say(report: Report, plan: Plan, scratch: Path, policies: Path, mixed: Asked) -> None:
    """Add the rows."""
    with (
        serving(plan, scratch / "one", policies, 1) as one,
        serving(plan, scratch / "two", policies, 2) as two,
    ):
        _say_workers(report, one, two, mixed)
        _say_while_importing(report, one, scratch, mixed)


def _say_workers(report: Report, one: Served, two: Served, mixed: Asked) -> None:
    microseconds: dict[str, list[float]] = {}
    shares: list[float] = []

    def load(number: int, served: Served, name: str) -> Result:
        asked = replace(
            mixed,
            concurrency=IN_FLIGHT * served.workers,
            connections=CONNECTIONS_A_WORKER * served.workers,
        )
        entries, cpu = served.entries(), served.cpu_seconds()
        with report.doing(f"`serve --workers {served.workers}`, round {number + 1} of {served.plan.rounds}"):
            result = served.load(asked, number + 1)
        more = [after - before for after, before in zip(served.entries(), entries, strict=True)]
        microseconds.setdefault(name, []).append(1e6 * (served.cpu_seconds() - cpu) / sum(more))
        shares.append(max(more) / sum(more))
        return result

    names = {"`serve --workers 1`": one, "`serve --workers 2`": two}
    for served in names.values():
        with report.doing(f"warming `serve --workers {served.workers}`"):
            served.load(replace(mixed, connections=CONNECTIONS_A_WORKER * served.workers), 0)
    loads = {name: partial(load, served=served, name=name) for name, served in names.items()}
    results = interleaved(one.plan.rounds, loads)
    for name, found in results.items():
        rates = [result.answered / result.seconds for result in found]
        report.say(name, statistics.median(rates), "calls/s")
        report.say(f"{name}: the workers' CPU for a call", statistics.median(microseconds[name]), "us")
    report.say("two workers: the most that one of them answered", 100 * max(shares[1::2]), "% of the calls")
    alone, together = microseconds.values()
    ratio = median_ratio(together, alone)
    report.at_most("CPU of a call, of two workers against one", ratio, CPU_TARGET, "x")


def _say_while_importing(report: Report, served: Served, scratch: Path, mixed: Asked) -> None:
    rounds = served.plan.rounds
    rates, quiet, results = [], [], []
    file = scratch / "people.ndjson"
    with report.doing(f"writing a file of {PEOPLE_TO_IMPORT:,} people"):
        _write_people(file, PEOPLE_TO_IMPORT)
    for number in range(rounds):
        with report.doing(f"the most calls, and half of them, no import, round {number + 1} of {rounds}"):
            most = served.load(mixed, number + 1)
            rates.append(most.answered / most.seconds / 2)
            quiet.append(served.load(mixed, number + 1, rate=rates[-1]))
    half = statistics.median(rates)
    before = served.people()
    with importing(served, scratch, file) as client:
        for number in range(rounds):
            with report.doing(f"half of the most calls while an import runs, round {number + 1} of {rounds}"):
                results.append(served.load(mixed, number + 1, rate=half))
        if client.poll() is not None:
            raise SystemExit("the import ended before the load did: this measures nothing")
    imported = served.people() - before
    if not imported:
        raise SystemExit("nobody was imported: this measures nothing")
    seconds = sum(result.seconds for result in results)
    report.say(f"{HALF}: offered", half, "calls/s")
    report.say(f"{HALF}: p99 without the import", statistics.median(r.p99 for r in quiet), "ms")
    report.say(f"{HALF}: p50", statistics.median(r.p50 for r in results), "ms")
    report.at_most(f"{HALF}: p99", statistics.median(r.p99 for r in results), P99_TARGET_MS, "ms")
    report.say(f"{HALF}: longest", max(r.longest for r in results), "ms")
    report.say(f"{HALF}: imported meanwhile, about", imported / seconds, "people/s")


@contextmanager
def importing(served: Served, scratch: Path, file: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Import the file by the command line, from the first person who is on file to the end of the block."""
    token_file = scratch / "officer"
    token_file.write_text(served.manager)
    token_file.chmod(0o600)
    before = served.people()
    client = subprocess.Popen(
        [
            *(sys.executable, "-m", "policy_service", "--control-address", served.control),
            *("--token-file", str(token_file), "import", str(file)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while served.people() == before:
            try:
                client.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
            raise SystemExit("the import ended at once: this measures nothing")
        yield client
    finally:
        client.terminate()
        client.wait(30)


def _write_people(file: Path, number: int) -> None:
    with file.open("w") as out:
        for begin in range(0, number, LINES_AT_A_TIME):
            out.writelines(_lines(range(begin, min(begin + LINES_AT_A_TIME, number))))


def _lines(numbers: Sequence[int]) -> Iterator[str]:
    for i in numbers:
        address = f"{i} High Street, Exampletown EX1 {i % 10}AB"
        yield (
            json.dumps(
                {
                    "person": {
                        "identifiers": [f"crm:{i}"],
                        "names": [f"Ana{i % 997} Example{i}"],
                        "birth_date": f"19{50 + i % 50}-05-{1 + i % 28:02d}",
                    },
                    "contact_points": [
                        {"kind": "phone", "value": f"07{700_000_000 + i}", "reference": f"T{i}"},
                        {"kind": "post", "value": address, "reference": f"A{i}", "home": True},
                    ],
                }
            )
            + "\n"
        )
