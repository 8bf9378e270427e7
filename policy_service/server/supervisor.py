"""The supervisor: starts control, then the decision workers, and keeps them all.

A child that died is started again, with a growing pause; one that says nothing for a while is killed first.
On SIGTERM, SIGINT or SIGHUP the children drain, and the supervisor ends when they have. When the supervisor
itself is killed, its children notice and end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from policy_service.server import logs
from policy_service.server.errors import PortTakenError, StartError
from policy_service.server.listening import free_port, free_ports
from policy_service.server.nursery import Born, Nursery
from policy_service.server.only_one import OnlyOne
from policy_service.server.preparing import Relay
from policy_service.server.role import TAKEN_OVER, Role, name_of
from policy_service.server.settings import Settings, host_and_port

CHILD_MODULE = "policy_service.server.child"
"""What each child does."""
SILENCE_SECONDS = 30.0
"""A child beats every second. One that is silent for so long does not turn any more."""
TELL_SECONDS = 1.0
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
    decision_prometheus: tuple[str, ...]
    """Where each worker's metrics can be read, `host:port`; or nothing."""
    control_prometheus: str
    """Where control's metrics can be read, `host:port`; or empty."""
    workers: int


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
        self._place = OnlyOne(settings)

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._told_to_stop)
        self._place.take()
        settings = await asyncio.to_thread(_with_prometheus_ports, self._settings)
        control_port, decision_port = await asyncio.to_thread(_two_free_ports, settings)
        _warn_of_too_many(settings.workers)
        nursery = Nursery(CHILD_MODULE)
        control = _Child(nursery, Role.CONTROL, settings, control_port)
        workers = [
            _Child(nursery, Role.WORKER, settings, decision_port, number)
            for number in range(settings.workers)
        ]
        relay = Relay(control, workers)
        for each in (control, *workers):
            each.on_said = relay.heard
        keeping: list[asyncio.Task[None]] = []
        telling = asyncio.create_task(_tell_of(workers, control))
        try:
            # Control first: it migrates what the workers read.
            for children in ([control], workers):
                self._children += children
                starting = asyncio.gather(*(each.start_first() for each in children))
                if not await self._unless_stopped(starting):
                    return await self._end()
                self._place.take()  # on a first start control has made the folder
            self._on_ready(
                Running(
                    settings.bind,
                    decision_port,
                    control_port,
                    tuple(
                        settings.prometheus_of_worker(number)
                        for number in range(settings.workers)
                        if settings.decision_prometheus
                    ),
                    settings.control_prometheus,
                    settings.workers,
                )
            )
            _log.info(
                "ready",
                extra={
                    "decision_port": decision_port,
                    "control_port": control_port,
                    "workers": settings.workers,
                },
            )
            keeping = [asyncio.create_task(each.keep(self._stop)) for each in self._children]
            if await self._unless_stopped(asyncio.wait(keeping, return_when=asyncio.FIRST_COMPLETED)):
                for task in keeping:
                    if task.done():
                        task.result()  # unless another service has its place, it ends by raising alone
                self._stop.set()  # whoever is kept dies for good now
                await self._end()
                return 1
            return await self._end()
        finally:
            for task in (telling, *keeping):
                task.cancel()
            for each in self._children:
                each.kill()
            await nursery.close()
            self._place.leave()

    async def _unless_stopped(self, work: Coroutine[Any, Any, object] | asyncio.Future[Any]) -> bool:
        """Wait for `work`; False if told to stop meanwhile."""
        working, stopping = asyncio.ensure_future(work), asyncio.create_task(self._stop.wait())
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait((working,))  # else nobody would ask what became of it
            return False
        working.result()
        return True

    def _told_to_stop(self) -> None:
        if self._stop.is_set():
            # Told twice: whoever says so does not want to wait.
            for each in self._children:
                each.kill()
        self._stop.set()

    async def _end(self) -> int:
        """Let every child drain; 0 if each ended in order."""
        _log.info("draining")
        bound = self._settings.drain_seconds + KILL_SECONDS
        codes = await asyncio.gather(*(each.end(bound) for each in self._children))
        _log.info("ended")
        # SIGTERM itself ends a child that was told so early that it had not begun anything yet.
        return 0 if all(code in (0, -signal.SIGTERM) for code in codes) else 1


async def _tell_of(workers: Sequence[_Child], control: _Child) -> None:
    """Tell control, whichever process it is by then, every second how many workers serve."""
    while True:
        serving = sum(each.serving for each in workers)
        await control.tell({"workers": {"serving": serving, "of": len(workers)}})
        await asyncio.sleep(TELL_SECONDS)


def _with_prometheus_ports(settings: Settings) -> Settings:
    """The same with each port for Prometheus chosen, so that it outlives the process that listens there.

    Raises `StartError`.
    """
    chosen = {}
    for name in ("decision_prometheus", "control_prometheus"):
        if address := getattr(settings, name):
            host, port = host_and_port(address)
            shown = address.rpartition(":")[0]
            count = settings.workers if name == "decision_prometheus" else 1
            try:
                chosen[name] = f"{shown}:{_free_in_a_row(host, port or 0, count)}"
            except PortTakenError as error:
                raise StartError(f"`{name}`: {error}") from None
    return settings.model_copy(update=chosen)


def _two_free_ports(settings: Settings) -> tuple[int, int]:
    """Control's, and that of decisions. Raises `PortTakenError`."""
    while True:
        control = free_port(settings.bind, settings.control_port)
        decisions = free_port(settings.bind, settings.decision_port)
        # What was free a moment ago may be given once more; two that are named differ (`Settings`).
        if control != decisions:
            return control, decisions


def _free_in_a_row(host: str, port: int, count: int) -> int:
    """Find out that so many ports from `port` on are free (0: any), and return the first."""
    if not port:
        return free_ports(host, count)
    for each in range(port, port + count):
        free_port(host, each)
    return port


def _warn_of_too_many(workers: int) -> None:
    cores = len(os.sched_getaffinity(0))
    if workers > cores:
        _log.warning(
            "more decision workers than cores: each call costs more, since fewer share a round",
            extra={"workers": workers, "cores": cores},
        )


class _Child:
    """One child, whichever process it is at the moment."""

    def __init__(self, nursery: Nursery, role: Role, settings: Settings, port: int, number: int = 0) -> None:
        self._nursery = nursery
        self._role = role
        self._number = number
        self._name = name_of(role, number)
        self._settings = settings
        self._port = port
        self._process: Born | None = None
        self._failed = ""
        self._ready_at: float | None = None
        self._heard_at = 0.0
        self._serving = False
        self._listening: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self.on_said: Callable[[_Child, dict[str, Any]], None] = lambda *_: None
        """Called with each line that it says."""

    @property
    def name(self) -> str:
        """As logs call it."""
        return self._name

    @property
    def process_id(self) -> int | None:
        """Of the process that is ready; None while there is none."""
        process = self._process
        if process is None or process.returncode is not None or not self._ready.is_set():
            return None
        return process.pid

    @property
    def serving(self) -> bool:
        """Whether that process says that it serves."""
        return self._serving and self.process_id is not None

    async def until_ready(self) -> None:
        """Return once there is a process that is ready; one that has ended counts until it is replaced."""
        await self._ready.wait()

    async def tell(self, message: dict[str, Any]) -> None:
        """Write a line to its stdin; one that it does not read any more is lost."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ConnectionError):
            process.stdin.write(json.dumps(message).encode() + b"\n")
            await process.stdin.drain()

    async def start_first(self) -> None:
        """Start, and return when it is ready. Raises `StartError` where it says that it cannot start."""
        try:
            await self._start()
        except OSError as error:
            kind = type(error).__name__
            raise StartError(f"the {self._name} process could not be started ({kind})") from error
        await self._ready_or_over()
        if not self._ready.is_set():
            raise StartError(self._failed or f"the {self._name} process ended while it was starting")

    async def keep(self, stop: asyncio.Event) -> None:
        """Start it again whenever it has died, until `stop` is set or another service has its place."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            code = await self._over()
            if stop.is_set():
                return
            if code == TAKEN_OVER:
                _log.critical(
                    "another service has taken this log stream over, and this service ends; give each service"
                    " on one database a `service_name` of its own",
                    extra={"child": self._name},
                )
                return
            steady = self._ready_at is not None and time.monotonic() - self._ready_at > STEADY_SECONDS
            pause = FIRST_PAUSE_SECONDS if steady else pause
            _log.error(
                "a child has ended; it is started again",
                extra={"child": self._name, "code": code, "pause": pause, "said": self._failed},
            )
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            try:
                await self._start()
            except OSError as error:
                # No process or no memory to be had now: what has ended has ended still, and is tried again.
                self._failed = f"it could not be started ({type(error).__name__})"

    async def end(self, seconds: float) -> int:
        """Let it drain, then end it; returns its exit code."""
        process = self._process
        if process is None:
            return 0
        process.terminate()
        try:
            async with asyncio.timeout(seconds):
                return await process.wait()
        except TimeoutError:
            _log.error("a child did not end in time and is killed", extra={"child": self._name})
            self.kill()
            return await process.wait()

    def kill(self) -> None:
        """End it at once, if it runs."""
        if self._process is not None:
            self._process.kill()

    async def _start(self) -> None:
        self._failed = ""
        self._ready_at = None
        self._ready.clear()
        self._serving = False
        self._heard_at = time.monotonic()
        process = await self._nursery.bear(self._role, self._number)
        self._process = process
        self._listening = asyncio.create_task(self._listen(process))
        await self.tell({"settings": self._settings.model_dump(mode="json"), "port": self._port})

    async def _listen(self, process: Born) -> None:
        """Hear what a child says, until it has closed its stdout."""
        async for line in process.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                continue  # something that a library printed
            if not isinstance(said, dict):
                continue  # the same, and JSON by chance
            if process is not self._process:
                break
            self._heard_at = time.monotonic()
            if "serving" in said:
                self._serving = said["serving"] is True
            if "failed" in said:
                self._failed = str(said["failed"])
            if said.get("ready"):
                self._ready_at = time.monotonic()
                self._ready.set()
            self.on_said(self, said)
        process.stdin.close()

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
                    _log.error("a child is silent and is killed", extra={"child": self._name})
                    self.kill()
                continue
            if self._listening is not None:
                await self._listening  # its last words
            return code
