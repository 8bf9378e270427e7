"""Processes of a module, each forked from one that has imported it: the imports take longer than most tests.

The first process has done nothing but import, so that each begins as a new one would.

    python -m tests.support.forking MODULE FD

forks one for each message that comes through the socket FD: the arguments of the module's `start`, as a JSON
list of texts, and the stdin, stdout and stderr that it gets; behind them, where to say its pid, and how it
ended. It ends by itself, as a new process does, with all that an interpreter does at its end.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TextIO

from tests.support.session_end import undone_at_session_end

_MOST_BYTES = 1 << 16


@dataclass
class Forked:
    """A running one: of `subprocess.Popen` what tests use."""

    pid: int
    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    _said: TextIO
    """Where its exit code will come."""
    returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, or minus the signal. `subprocess.TimeoutExpired` after so many seconds."""
        if self.returncode is None:
            if not select.select([self._said], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            self.returncode = int(self._said.readline())
        return self.returncode

    def poll(self) -> int | None:
        """The exit code, if it has ended."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """`kill -9`, unless it has ended."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Close its files; what waits for the end of its stdin ends."""
        for file in (self.stdin, self.stdout, self.stderr, self._said):
            file.close()


def forked(module: str, *arguments: str) -> Forked:
    """Start one."""
    (its_in, stdin), (stdout, its_out), (stderr, its_err), (said, to_say) = (os.pipe() for _ in range(4))
    theirs = (its_in, its_out, its_err, to_say)
    socket.send_fds(_first(module), [json.dumps(arguments).encode()], theirs)
    for fd in theirs:
        os.close(fd)
    saying = os.fdopen(said)
    return Forked(int(saying.readline()), os.fdopen(stdin, "w"), os.fdopen(stdout), os.fdopen(stderr), saying)


@cache
def _first(module: str) -> socket.socket:
    """A way to the process that has imported the module; it ends with the session, or with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        fd = theirs.fileno()
        command = [sys.executable, "-m", "tests.support.forking", module, str(fd)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[fd])
    undone_at_session_end.callback(process.wait, 20)
    undone_at_session_end.callback(ours.close)
    return ours


def _serve(module: str, asked: socket.socket) -> None:
    """Returns in each process that is forked once that has ended, and at the end of all."""
    start = import_module(module).start
    gc.collect()
    gc.freeze()  # or each that is forked touches, at its end at the latest, every page that they share
    while True:
        message, fds, _, _ = socket.recv_fds(asked, _MOST_BYTES, 4)
        _forget_who_ended()
        if not message:
            return
        if os.fork():
            for fd in fds:
                os.close(fd)
            continue
        asked.close()
        *standard, to_say = fds
        if pid := os.fork():
            _say_how_it_ends(pid, standard, to_say)
        os.close(to_say)
        for number, fd in enumerate(standard):
            os.dup2(fd, number)
            os.close(fd)
        start(*json.loads(message))
        return


def _forget_who_ended() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _say_how_it_ends(pid: int, its_files: list[int], to_say: int) -> None:
    for fd in its_files:
        os.close(fd)
    os.write(to_say, f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    os.write(to_say, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


if __name__ == "__main__":
    _serve(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
