"""Cerbos' server as a process: where its program is, how it is set, and that it decides what was meant."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from policy_service.server.listening import free_port
from tests.bench.cerbos import world
from tests.bench.measured import Measured, Plan
from tests.server.calling import Client, Refused

PATH = "/cerbos.svc.v1.CerbosService/CheckResources"
START_SECONDS = 30.0
LEAST_LOGGED = 1 << 20
"""Bytes; an empty audit log has a fortieth of it, one of a short run several times as much."""

# Pinned before it starts, since Go asks once how many cores there are.
_PINNED = """
import os, sys
if int(sys.argv[1]) >= 0:
    os.sched_setaffinity(0, {int(sys.argv[1])})
os.execv(sys.argv[2], sys.argv[2:])
"""


def program(installed: Path) -> Path | None:
    """Find the program below what npm installed; None where it did not."""
    found = sorted(installed.glob("node_modules/@cerbos/cerbos-*/cerbos-*"))
    return found[0] if found else None


def version(executable: Path) -> str:
    """What it calls itself."""
    said = subprocess.run([str(executable), "--version"], capture_output=True, text=True, check=True)
    return said.stdout.split("\n", 1)[0]


@contextmanager
def serving(executable: Path, plan: Plan, directory: Path, policies: Path) -> Iterator[Measured]:
    """Run it over the policies in `policies`, with its audit log below `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    port = free_port("127.0.0.1", 0)
    settings = {
        "server": {
            "grpcListenAddr": f"127.0.0.1:{port}",
            "httpListenAddr": f"unix:{directory / 'http'}",
        },
        "storage": {"driver": "disk", "disk": {"directory": str(policies), "watchForChanges": False}},
        "audit": {
            "enabled": True,
            "accessLogsEnabled": True,
            "decisionLogsEnabled": True,
            "backend": "local",
            "local": {"storagePath": str(directory / "audit")},
        },
        "telemetry": {"disabled": True},
    }
    config = directory / "cerbos.yaml"
    config.write_text(yaml.safe_dump(settings))
    command = [str(executable), "server", f"--config={config}", "--log-level=error"]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _PINNED, str(plan.server_core), *command],
            stdout=log,
            stderr=log,
            text=True,
            env={name: text for name, text in os.environ.items() if not name.startswith("CERBOS_")},
        )
        try:
            server = Measured(plan, port, process, "")
            _await(server, log.fileno())
            yield server
            if _written(directory / "audit") < LEAST_LOGGED:
                raise SystemExit("Cerbos wrote no audit log: this measures nothing")
        finally:
            process.terminate()
            process.wait(30)


def _written(directory: Path) -> int:
    """Bytes on disk; what was only set aside does not count."""
    return sum(512 * file.stat().st_blocks for file in directory.rglob("*") if file.is_file())


def verify(server: Measured, messages: Sequence[str], cells: int) -> None:
    """See that the first messages are answered with `cells` effects each, and some allow and some deny."""
    effects: set[int] = set()
    with Client(server.port) as client:
        for message in messages[:20]:
            answer = world.api.CheckResourcesResponse.FromString(client.call(PATH, base64.b64decode(message)))
            told = [effect for result in answer.results for effect in result.actions.values()]
            if len(told) != cells:
                raise SystemExit(f"Cerbos answered {len(told)} of {cells} questions: this measures nothing")
            effects |= {*told}
    if effects != {world.api.EFFECT_ALLOW, world.api.EFFECT_DENY}:
        raise SystemExit("Cerbos does not decide what it was meant to: this measures nothing")


def _await(server: Measured, log: int) -> None:
    message = base64.b64decode(world.questions(1, world.ACTIONS[:1])[0])
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            with Client(server.port) as client:
                client.call(PATH, message, seconds=2.0)
            return
        except Refused as refused:
            if server.process.poll() is not None or time.monotonic() > end:
                said = os.pread(log, 2_000, 0).decode(errors="replace")
                raise SystemExit(f"Cerbos did not start ({refused.text}):\n{said}") from None
        time.sleep(0.1)
