"""A whole installation as its own processes: supervisor, control and worker, on free ports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policy_service.server.role import Role, name_of
from policy_service.server.settings import Settings
from tests.server.calling import SERVING, Client, Refused
from tests.support.forking import Forked, forked
from tests.support.migrated import place
from tests.support.ports import own_port
from tests.support.processes import child_of
from tests.support.replaying import replay_served_at_session_end

CHECKOUT = Path(__file__).parents[2]


@dataclass
class Service:
    """A running installation."""

    process: subprocess.Popen[str] | Forked
    var_dir: Path
    decision_port: int
    control_port: int
    metrics: list[str]
    """Where each process shows them, `host:port`, if the settings say so."""

    @property
    def administrator(self) -> str:
        """The first administrator's token."""
        return (self.var_dir / "admin.token").read_text().strip()

    @property
    def log_url(self) -> str:
        return f"sqlite:///{self.var_dir / 'log'}"

    @property
    def logged(self) -> str:
        """What all processes have logged."""
        return (self.var_dir / "stderr").read_text()

    def child(self, role: str, number: int = 0) -> int | None:
        """The process id of `control`, or of the `worker` of this number, if it runs."""
        return child_of(self.process.pid, name_of(Role(role), number))

    def kill(self, role: str, number: int = 0) -> int:
        """`kill -9` a child; returns its process id."""
        pid = self.child(role, number)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_until_serving(self, seconds: float = 60.0) -> None:
        """Return when both ports say so."""
        deadline = time.monotonic() + seconds
        for port in (self.decision_port, self.control_port):
            while True:
                with Client(port) as client:
                    try:
                        if client.health(seconds=2.0) == SERVING:
                            break
                    except Refused:
                        pass
                assert time.monotonic() < deadline, self.logged[-4_000:]
                time.sleep(0.05)

    def stop(self, seconds: float = 60.0) -> int:
        """SIGTERM, and the exit code."""
        self.process.terminate()
        return self.process.wait(seconds)


def start(
    var_dir: Path,
    settings: Mapping[str, str],
    *,
    stderr: int | None = None,
    bent: Mapping[str, Any] | None = None,
    code: Path | None = None,
) -> subprocess.Popen[str]:
    """Start a service; its logs go to `var_dir/stderr` (or `stderr`), what `serving` prints goes to stdout.

    `bent`: its children are those of `tests.support.bent_child`, bent like that. `code`: the folder of
    another version of the program.
    """
    environment = _environment(var_dir, settings, bent)
    with (var_dir / "stderr").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-P", str(CHECKOUT / "tests/support/serving.py")],
            # Children look into no current folder, and the bent ones are here.
            env=environment | {"PYTHONPATH": str(code or CHECKOUT)},
            cwd=code,
            stdout=subprocess.PIPE,
            stderr=log if stderr is None else stderr,
            text=True,
        )


def _environment(
    var_dir: Path, settings: Mapping[str, str], bent: Mapping[str, Any] | None
) -> dict[str, str]:
    var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    ports = {name: str(own_port()) for name in ("decision_port", "control_port") if name not in settings}
    given = {"var_dir": str(var_dir), **ports, **settings}
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("POLICY_SERVICE_")
    }
    environment |= {f"POLICY_SERVICE_{name.upper()}": value for name, value in given.items()}
    if bent is not None:
        environment |= {"CHILD_MODULE": "tests.support.bent_child", "BENT": json.dumps(bent)}
    return environment | {"PYTHONPATH": str(CHECKOUT)}


@contextmanager
def running(
    var_dir: Path, bent: Mapping[str, Any] | None = None, code: Path | None = None, /, **settings: str
) -> Iterator[Service]:
    """Run a service, and end it whatever becomes of the test."""
    given = Settings(var_dir=var_dir, **settings)  # type: ignore[arg-type]  # as texts
    if code is None:
        place(given.facts)
    process: subprocess.Popen[str] | Forked
    if code is None:
        environment = json.dumps(_environment(var_dir, settings, bent))
        process = forked("tests.support.born", environment, str(var_dir / "stderr"))
    else:
        process = start(var_dir, settings, bent=bent, code=code)
    if bent is None and code is None:  # else it decides otherwise, on purpose
        replay_served_at_session_end(given)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, (var_dir / "stderr").read_text()[-4_000:]
        yield Service(process, var_dir, **json.loads(line))
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if isinstance(process, Forked):
            process.close()
        else:
            process.stdout.close()
