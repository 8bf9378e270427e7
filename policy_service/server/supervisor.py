"""The supervisor: starts control, then the decision worker, and keeps both.

A child that died is started again, with a growing pause; one that says nothing for a while is killed first.
On SIGTERM, SIGINT or SIGHUP the children drain, and the supervisor ends when they have. When the supervisor
itself is killed, its children notice and end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from policy_service.server import logs
from policy_service.server.child import Role
from policy_service.server.errors import PortTakenError, StartError
from policy_service.server.listening import free_port
from policy_service.server.settings import Settings, host_and_port

SILENCE_SECONDS = 30.0
"""A child beats every second. One that is silent for so long does not turn any more."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
STEADY_SECONDS = 30.0
"""A child that was ready for so long is started again at once when it dies."""
KILL_SECONDS = 5.0
"""On top of the drain; then a child is killed."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Running:
    """Where the service is, once it is ready."""

    bind: str
    decision_port: int
    control_port: int
    decision_prometheus: str
    """Where the process's metrics can be read, `host:port`; or empty."""
    control_prometheus: str


def run(settings: Settings, on_ready: Callable[[Running], None] = lambda _: None) -> int:
    """Run the service until it is told to stop; returns the exit code. Raises `StartError`.

    `on_ready` is called once, when both ports answer for the first time; it must not block.
    """
    logs.set_up("supervisor")
    return asyncio.run(_Supervisor(settings, on_ready).run())


class _Supervisor:
    def __init__(self, settings: Settings, on_ready: Callable[[Running], None]) -> None:
        self._settings = settings
        self._on_ready = on_ready
        self._stop = asyncio.Event()
        self._children: list[_Child] = []

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._told_to_stop)
        settings = await asyncio.to_thread(_with_prometheus_ports, self._settings)
        control_port = await asyncio.to_thread(free_port, settings.bind, settings.control_port)
        decision_port = await asyncio.to_thread(free_port, settings.bind, settings.decision_port)
        control = _Child(Role.CONTROL, settings, control_port)
        worker = _Child(Role.WORKER, settings, decision_port)
        keeping: list[asyncio.Task[None]] = []
        try:
            # Control first: it migrates what the worker reads.
            for child in (control, worker):
                self._children.append(child)
                if not await self._unless_stopped(child.start_first()):
                    return await self._end()
            self._on_ready(
                Running(
                    settings.bind,
                    decision_port,
                    control_port,
                    settings.decision_prometheus,
                    settings.control_prometheus,
                )
            )
            _log.info("ready", extra={"decision_port": decision_port, "control_port": control_port})
            keeping = [asyncio.create_task(child.keep(self._stop)) for child in self._children]
            if await self._unless_stopped(asyncio.wait(keeping, return_when=asyncio.FIRST_COMPLETED)):
                for task in keeping:
                    if task.done():
                        task.result()  # keeping never ends by itself: this raises
            return await self._end()
        finally:
            for task in keeping:
                task.cancel()
            for child in self._children:
                child.kill()

    async def _unless_stopped(self, work: Coroutine[Any, Any, object] | asyncio.Future[Any]) -> bool:
        """Wait for `work`; False if told to stop meanwhile."""
        working, stopping = asyncio.ensure_future(work), asyncio.create_task(self._stop.wait())
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not working.done():
            working.cancel()
            return False
        working.result()
        return True

    def _told_to_stop(self) -> None:
        if self._stop.is_set():
            # Told twice: whoever says so does not want to wait.
            for child in self._children:
                child.kill()
        self._stop.set()

    async def _end(self) -> int:
        """Let every child drain; 0 if each ended in order."""
        _log.info("draining")
        bound = self._settings.drain_seconds + KILL_SECONDS
        codes = await asyncio.gather(*(child.end(bound) for child in self._children))
        _log.info("ended")
        # SIGTERM itself ends a child that was told so early that it had not begun anything yet.
        return 0 if all(code in (0, -signal.SIGTERM) for code in codes) else 1


def _with_prometheus_ports(settings: Settings) -> Settings:
    """The same with each port for Prometheus chosen, so that it outlives the process that listens there.

    Raises `StartError`.
    """
    chosen = {}
    for name in ("decision_prometheus", "control_prometheus"):
        if address := getattr(settings, name):
            host, port = host_and_port(address)
            shown = address.rpartition(":")[0]
            try:
                chosen[name] = f"{shown}:{free_port(host, port or 0)}"
            except PortTakenError as error:
                raise StartError(f"`{name}`: {error}") from None
    return settings.model_copy(update=chosen)


class _Child:
    """One child, whichever process it is at the moment."""

    def __init__(self, role: Role, settings: Settings, port: int) -> None:
        self._role = role
        self._settings = settings
        self._port = port
        self._process: asyncio.subprocess.Process | None = None
        self._failed = ""
        self._ready_at: float | None = None
        self._heard_at = 0.0
        self._listening: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    async def start_first(self) -> None:
        """Start, and return when it is ready. Raises `StartError` where it says that it cannot start."""
        await self._start()
        await self._ready_or_over()
        if not self._ready.is_set():
            raise StartError(self._failed or f"the {self._role} process ended while it was starting")

    async def keep(self, stop: asyncio.Event) -> None:
        """Start it again whenever it has died, until `stop` is set."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            code = await self._over()
            if stop.is_set():
                return
            steady = self._ready_at is not None and time.monotonic() - self._ready_at > STEADY_SECONDS
            pause = FIRST_PAUSE_SECONDS if steady else pause
            _log.error(
                "a child has ended; it is started again",
                extra={"child": self._role, "code": code, "pause": pause, "said": self._failed},
            )
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            await self._start()

    async def end(self, seconds: float) -> int:
        """Let it drain, then end it; returns its exit code."""
        process = self._process
        if process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(seconds):
                return await process.wait()
        except TimeoutError:
            _log.error("a child did not end in time and is killed", extra={"child": self._role})
            self.kill()
            return await process.wait()

    def kill(self) -> None:
        """End it at once, if it runs."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _start(self) -> None:
        self._failed = ""
        self._ready_at = None
        self._ready.clear()
        self._heard_at = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "policy_service.server.child",
            self._role,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # A session of its own: what a terminal sends to all its processes reaches the supervisor alone.
            start_new_session=True,
        )
        self._process = process
        self._listening = asyncio.create_task(self._listen(process))
        told = {"settings": self._settings.model_dump(mode="json"), "port": self._port}
        assert process.stdin is not None  # noqa: S101
        with contextlib.suppress(ConnectionError):
            process.stdin.write(json.dumps(told).encode() + b"\n")
            await process.stdin.drain()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Hear what a child says, until it has closed its stdout."""
        assert process.stdout is not None  # noqa: S101
        async for line in process.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                continue  # something that a library printed
            if process is not self._process:
                return
            self._heard_at = time.monotonic()
            if "failed" in said:
                self._failed = str(said["failed"])
            if said.get("ready"):
                self._ready_at = time.monotonic()
                self._ready.set()

    async def _ready_or_over(self) -> None:
        ready, over = asyncio.create_task(self._ready.wait()), asyncio.create_task(self._over())
        await asyncio.wait((ready, over), return_when=asyncio.FIRST_COMPLETED)
        for task in (ready, over):
            task.cancel()

    async def _over(self) -> int:
        """Return the exit code when it has ended; kill it when it is silent for too long."""
        process = self._process
        assert process is not None  # noqa: S101
        while True:
            try:
                async with asyncio.timeout(1.0):
                    code = await process.wait()
            except TimeoutError:
                if time.monotonic() - self._heard_at > SILENCE_SECONDS:
                    _log.error("a child is silent and is killed", extra={"child": self._role})
                    self.kill()
                continue
            if self._listening is not None:
                await self._listening  # its last words
            return code
