"""A real `policy-service serve --example`, in processes and a folder of its own, and a shell beside it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from policy_service.server.settings import Settings
from tests.cli.conftest import Terminal, Typed
from tests.support.ports import own_port
from tests.support.replaying import replay_served_at_session_end

CHECKOUT: Final = Path(__file__).parents[2]
PROGRAM: Final = Path(sys.executable).parent / "policy-service"
START_SECONDS: Final = 90


@dataclass
class Service:
    """A service that was started, and everything that it has printed so far."""

    var_dir: Path
    process: subprocess.Popen[str]
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self._printed("questions")

    @property
    def control_address(self) -> str:
        return self._printed("management")

    @property
    def commands_to_try(self) -> list[str]:
        """The command lines that it printed, as they stand."""
        return [line.strip() for line in self.out if line.startswith("  ") and "policy-service" in line]

    def run(self, *args: str | Path, token_file: Path | None = None, cwd: Path = CHECKOUT) -> Typed:
        """Type a command in this process, since one of its own takes a second to start."""
        terminal = Terminal(self.address, self.var_dir, self.control_address)
        before = ("--token-file", str(token_file)) if token_file else ()
        hidden = {name: None for name in os.environ if name not in environment()}
        with contextlib.chdir(cwd):
            return terminal(*(str(arg) for arg in args), before=before, env=hidden)

    def stop(self) -> int:
        """End it in order; gives its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def says(self, line: str) -> bool:
        """Whether it prints `line` for people; waits a little, since what it writes is read as it comes."""
        deadline = time.monotonic() + 10
        while f"{line}\n" not in self.err and time.monotonic() < deadline:
            time.sleep(0.05)
        return f"{line}\n" in self.err

    def _printed(self, name: str) -> str:
        return next(line.split()[1] for line in self.out if line.startswith(name))


def environment() -> dict[str, str]:
    """The environment without what would change where commands go, and how wide they write."""
    return {
        name: value
        for name, value in os.environ.items()
        if name != "COLUMNS" and not name.startswith("POLICY_SERVICE_")
    }


def typed(command: list[str], *, seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run a command in the checkout, in a process of its own."""
    return subprocess.run(
        command, cwd=CHECKOUT, env=environment(), capture_output=True, text=True, timeout=seconds, check=False
    )


@contextmanager
def serving(var_dir: Path) -> Iterator[Service]:
    """Start the service on ports of its own, wait until it says that it is ready, and end it."""
    ports = ("--decision-port", str(own_port()), "--control-port", str(own_port()))
    command = [str(PROGRAM), "serve", "--example", "--var-dir", str(var_dir), *ports]
    process = subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    replay_served_at_session_end(Settings(var_dir=var_dir))
    service = Service(var_dir, process)
    ready = threading.Event()
    readers = [
        threading.Thread(target=_read, args=(process.stdout, service.out, ready), daemon=True),
        threading.Thread(target=_read, args=(process.stderr, service.err, threading.Event()), daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ready.wait(0.1):
            assert process.poll() is None, "".join(service.err)
            assert time.monotonic() < deadline, "".join(service.err)
        yield service
    finally:
        if process.poll() is None:
            try:
                service.stop()
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for reader in readers:
            reader.join(timeout=10)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def _read(stream: Iterator[str], lines: list[str], ready: threading.Event) -> None:
    for line in stream:
        lines.append(line)
        if line.startswith("ready;"):
            ready.set()
