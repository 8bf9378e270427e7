"""A real `policy-service serve --example`, in processes and a folder of its own, and a shell beside it."""

from __future__ import annotations

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

    def run(self, *args: str | Path, token_file: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Type a command, with the addresses of this service."""
        where = ["--address", self.address, "--control-address", self.control_address]
        where += ["--var-dir", str(self.var_dir)]
        where += ["--token-file", str(token_file)] if token_file else []
        return typed([str(PROGRAM), *where, *(str(arg) for arg in args)])

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


def typed(command: list[str], cwd: Path = CHECKOUT) -> subprocess.CompletedProcess[str]:
    """Run a command in the checkout, or in another folder."""
    return subprocess.run(
        command, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def serving(var_dir: Path, policies: Path | None = None) -> Iterator[Service]:
    """Start the service on any free ports, wait until it says that it is ready, and end it.

    `policies` are published instead of those that ship.
    """
    ports = ("--decision-port", "0", "--control-port", "0")
    command = [str(PROGRAM), "serve", "--example", "--var-dir", str(var_dir), *ports]
    process = subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env=environment() | ({} if policies is None else {"POLICY_SERVICE_POLICIES_DIR": str(policies)}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
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
