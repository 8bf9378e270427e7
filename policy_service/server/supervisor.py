"""The supervisor: starts control, then the decision workers, and keeps them all.

A child that died is started again, with a growing pause; one that says nothing for a while is killed first.
On SIGTERM, SIGINT or SIGHUP the children drain, and the supervisor ends when they have. When the supervisor
itself is killed, its children notice and end.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from policy_service.server import logs
from policy_service.server.errors import PortTakenError, StartError
from policy_service.server.kept_child import KeptChild
from policy_service.server.listening import free_port, free_ports
from policy_service.server.nursery import Nursery
from policy_service.server.only_one import OnlyOne
from policy_service.server.preparing import Relay
from policy_service.server.role import Role
from policy_service.server.settings import Settings, host_and_port

CHILD_MODULE = "policy_service.server.child"
"""What each child does."""
TELL_SECONDS = 1.0
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
        self._children: list[KeptChild] = []
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
        control = KeptChild(nursery, Role.CONTROL, settings, control_port)
        workers = [
            KeptChild(nursery, Role.WORKER, settings, decision_port, number)
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
                await _cancelled(keeping)
                await self._end()
                return 1
            await _cancelled(keeping)  # nobody is born any more
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
            await asyncio.wait((working,))
            if not working.cancelled():
                working.exception()  # else it would be told that nobody asked
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


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _tell_of(workers: Sequence[KeptChild], control: KeptChild) -> None:
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
