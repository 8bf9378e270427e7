"""A server that runs, and a load on it: what a round of the benchmark measures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.generator import Job, Result

CONNECTIONS = 4


@dataclass(frozen=True)
class Plan:
    """How long everything takes, and where it runs; core -1 is any."""

    seconds: float
    warm_up: float
    rounds: int
    questions: int
    """Distinct ones of each kind."""
    server_core: int
    generator_core: int
    quick: bool = False

    @classmethod
    def of_environment(cls) -> Plan:
        cores = sorted(os.sched_getaffinity(0))
        server, generator = (cores[0], cores[1]) if len(cores) > 1 else (-1, -1)
        if os.environ.get("QUICK", "0") not in ("", "0"):
            return cls(1.8, 1.0, 2, 400, server, generator, quick=True)
        return cls(8.0, 6.0, 3, 4_000, server, generator)


@dataclass(frozen=True)
class Asked:
    """Messages to a method, base64, and how many are under way at a time, on all connections together."""

    path: str
    messages: Sequence[str]
    concurrency: int = 64
    streamed: bool = False
    """One call on each connection, with a message for each question."""
    effects: bool = True
    """Each answer is one decision of the service."""
    connections: int = CONNECTIONS


@dataclass(frozen=True)
class Measured:
    """A server that runs, and what a closed loop makes of it."""

    plan: Plan
    port: int
    process: subprocess.Popen[str]
    token: str

    def load(self, asked: Asked, number: int, *, rate: float = 0.0) -> Result:
        """One round. In the first every message is answered once before anything is counted."""
        plan, messages = self.plan, asked.messages
        begin = number * len(messages) // plan.rounds
        job = Job(
            path=asked.path,
            token=self.token,
            messages=[*messages[begin:], *messages[:begin]],
            seconds=plan.seconds,
            warm_up=plan.warm_up if number == 0 else 0.5,
            connections=asked.connections,
            concurrency=asked.concurrency,
            rate=rate,
            core=plan.generator_core,
            all_once=number == 0 and not rate,
            streamed=asked.streamed,
            effects=asked.effects,
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
        if result.refused or not result.answered:
            raise SystemExit(
                f"{result.refused} were refused, {result.answered} answered: this measures nothing"
            )
        return result

    def resident_mebibytes(self) -> float:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
