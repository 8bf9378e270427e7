"""Where the supervisor's children are born: one process that has loaded everything, and forks.

A child that is begun anew by the interpreter loads some 1,300 modules: three seconds of a core, during which
nobody is answered. Here they are loaded once, before the first child; each is a fork of that, ready in the
time that its own start takes, and its code is in memory once for all of them. The supervisor itself cannot
fork: it has an event loop and threads, and a fork takes the locks of those threads along, held for ever.

Invariants:
- ONE THREAD: the nursery has no thread but its first, no event loop, and no socket but the one to the
  supervisor, which its children close.
- NOBODY IS LEFT BEHIND: the nursery ends when the supervisor does (its socket ends), and whoever it bore
  notices by his own stdin. When the nursery ends, the supervisor kills whom it bore, and begins another.
- SIGNALS ARE THE SUPERVISOR'S: a service manager may send SIGTERM to all processes of a service at once; the
  nursery passes over it, since those whom it bore are to drain.

The supervisor sends `{"ask": N, "role": ..., "number": ...}`, one at a time, with the descriptors that
become the child's stdin and stdout. It is answered `{"ask": N, "born": PID}`, or `{"ask": N, "unborn": TYPE
OF ERROR}`, and told of each in its time `{"ended": PID, "code": CODE}`, negative for a signal.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from policy_service.server.role import Role, name_of

MODULE: Final = "policy_service.server.nursery"
_CONTROL: Final = 0
"""The nursery's stdin is its socket to the supervisor."""
_MOST: Final = 1_000
"""Bytes of a message."""
ANSWER_SECONDS: Final = 60.0
"""How long a birth may take, with all that is loaded before the first; then another nursery is begun."""
_PASSED_OVER: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_PROCESS_NAME: Final = Path("/proc/self/comm")
"""What `ps -o comm`, `top` and `pgrep` call a process: `pdp-control`, `pdp-worker-0`, of 15 bytes at most."""


# --- in the supervisor ---


class Born:
    """A child process: as `asyncio.subprocess.Process`, of what the supervisor needs of that."""

    def __init__(self, pid: int, pipes: _Pipes) -> None:
        self.pid = pid
        self.stdin = pipes.stdin
        self.stdout = pipes.stdout
        self.close = pipes.close
        self._code: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._code.result() if self._code.done() else None

    async def wait(self) -> int:
        """The exit code, once it has ended."""
        return await asyncio.shield(self._code)

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def ended(self, code: int) -> None:
        """Told by the nursery. What it has said by then is still to be read, and `stdin` to be closed."""
        if not self._code.done():
            self._code.set_result(code)

    def _signal(self, number: signal.Signals) -> None:
        if not self._code.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Nursery:
    """The supervisor's end. Event loop only."""

    def __init__(self, module: str) -> None:
        """`module`: what its children do, as `module.main(role, number)`, which gives the exit code."""
        self._module = module
        self._turn = asyncio.Lock()
        self._socket: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._asked = 0
        self._born: dict[int, Born] = {}
        self._unclaimed: dict[int, int] = {}
        """Exit codes of whoever has ended before its birth was heard of here."""

    async def bear(self, role: Role, number: int) -> Born:
        """Begin a child. OSError where there is no process or no memory to be had, or the nursery ends."""
        async with self._turn:
            to = self._socket or await self._begin()
            self._asked += 1
            said = json.dumps({"ask": self._asked, "role": role, "number": number}).encode() + b"\n"
            pipes, (theirs_in, theirs_out) = await _two_pipes()
            try:
                try:
                    socket.send_fds(to, [said], [theirs_in, theirs_out])
                finally:
                    os.close(theirs_in)
                    os.close(theirs_out)
                async with asyncio.timeout(ANSWER_SECONDS):
                    while (answer := await self._answers.get()).get("ask", self._asked) != self._asked:
                        pass  # whoever asked for that one has left; it finds its stdin closed, and ends
                pid = _pid_of(answer)
            except BaseException as error:
                pipes.close()
                if isinstance(error, TimeoutError):
                    self.kill()
                raise
            child = Born(pid, pipes)
            if (code := self._unclaimed.pop(child.pid, None)) is not None:
                child.ended(code)
            else:
                self._born[child.pid] = child
            return child

    def kill(self) -> None:
        """End one that does not answer, and whoever it bore; the next birth begins another."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def close(self) -> None:
        """End it, and whoever it bore."""
        if self._socket is not None:
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._hearing is not None:
            await self._hearing

    async def _begin(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    # -P: of what happens to lie in the current folder nothing is loaded.
                    *(sys.executable, "-P", "-m", MODULE, self._module),
                    stdin=theirs.fileno(),
                    stdout=asyncio.subprocess.DEVNULL,
                    # A session of its own: what a terminal sends to all its processes reaches the supervisor
                    # alone.
                    start_new_session=True,
                )
            reader, writer = await asyncio.open_unix_connection(sock=ours.dup())
        except BaseException:
            ours.close()
            raise
        self._answers = asyncio.Queue()
        self._socket, self._process = ours, process
        self._hearing = asyncio.create_task(self._hear(reader, writer, process))
        return ours

    async def _hear(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, process: asyncio.subprocess.Process
    ) -> None:
        with contextlib.suppress(OSError):
            async for line in reader:
                said = json.loads(line)
                if "ended" in said:
                    child = self._born.pop(int(said["ended"]), None)
                    if child is None:
                        self._unclaimed[int(said["ended"])] = int(said["code"])
                    else:
                        child.ended(int(said["code"]))
                else:
                    self._answers.put_nowait(said)
        # NOBODY IS LEFT BEHIND: of these nobody would hear any more when they end.
        for child in self._born.values():
            child.kill()
            child.ended(-signal.SIGKILL)
            child.close()
        self._born.clear()
        self._unclaimed.clear()
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        writer.close()
        self._answers.put_nowait({})  # for who waits to hear of a birth
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@dataclass(frozen=True, slots=True)
class _Pipes:
    """What writes to a child's stdin, and what reads its stdout."""

    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader
    reading: asyncio.ReadTransport

    def close(self) -> None:
        """What it has said and was not read yet is lost."""
        self.stdin.close()
        self.reading.close()


async def _two_pipes() -> tuple[_Pipes, tuple[int, int]]:
    """The supervisor's ends of a child's pipes, and the child's, its stdin and its stdout.

    Pipes, since a socket is reset where its peer ends without having read all, and last words are lost.
    """
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    theirs_in, ours_in = os.pipe()
    ours_out, theirs_out = os.pipe()
    reading, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours_out, "rb", 0)
    )
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), os.fdopen(ours_in, "wb", 0)
    )
    writer = asyncio.StreamWriter(transport, protocol, None, loop)
    return _Pipes(writer, reader, reading), (theirs_in, theirs_out)


def _pid_of(answer: dict[str, Any]) -> int:
    if "born" not in answer:
        raise OSError(str(answer.get("unborn", "the process that it is forked from has ended")))
    return int(answer["born"])


# --- in the nursery ---


def main(module: str) -> int:
    """Load what the children do, then bear whom the supervisor asks for until it ends."""
    _take(_PASSED_OVER, signal.SIG_IGN)
    children = importlib.import_module(module)
    gc.collect()
    gc.freeze()  # pages that no child's collector touches stay shared
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # so that it wakes
    with socket.socket(fileno=os.dup(_CONTROL)) as control:
        while True:
            readable, _, _ = select.select((control, woken), (), ())
            if woken in readable:
                woken.recv(_MOST)
                _tell_of_the_ended(control)
            if control in readable:
                line, descriptors, _, _ = socket.recv_fds(control, _MOST, 2)
                if not line:
                    return 0
                asked = json.loads(line)
                role, number = Role(asked["role"]), int(asked["number"])
                # What comes from the birth on is the child's: held until it is told apart from the nursery.
                held = signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_OVER)
                _take(_PASSED_OVER, signal.SIG_DFL)
                pid = _fork(control, asked["ask"])
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    for ours in (woken, wake, control):
                        ours.close()
                    _become(descriptors, name_of(role, number))
                    signal.pthread_sigmask(signal.SIG_SETMASK, held)
                    return int(children.main(role, number))
                _take(_PASSED_OVER, signal.SIG_IGN)
                signal.pthread_sigmask(signal.SIG_SETMASK, held)
                for descriptor in descriptors:
                    os.close(descriptor)


def _take(numbers: Iterable[signal.Signals], how: signal.Handlers) -> None:
    for number in numbers:
        signal.signal(number, how)


def _fork(control: socket.socket, ask: int) -> int:
    """0 in the child. In the nursery, once the supervisor has been told, the child's number, or -1."""
    try:
        pid = os.fork()
    except OSError as error:
        _say(control, {"ask": ask, "unborn": type(error).__name__})
        return -1
    if pid:
        _say(control, {"ask": ask, "born": pid})
    return pid


def _become(descriptors: list[int], name: str) -> None:
    """Take the place in the system that a process has which was begun by itself."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    for place, descriptor in enumerate(descriptors):  # stdin, stdout
        os.dup2(descriptor, place)
        os.close(descriptor)
    with contextlib.suppress(OSError):
        _PROCESS_NAME.write_text(f"pdp-{name}")


def _tell_of_the_ended(control: socket.socket) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            _say(control, {"ended": pid, "code": os.waitstatus_to_exitcode(status)})


def _say(control: socket.socket, message: dict[str, Any]) -> None:
    """To a supervisor that has ended nothing can be said; the next look at the socket tells."""
    with contextlib.suppress(OSError):
        control.sendall(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
