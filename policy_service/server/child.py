"""One child process of the supervisor: what the nursery does in each that it bears; or by itself, `python -m
policy_service.server.child control|worker NUMBER`.

What it is to do comes as one line of JSON on stdin, which then stays open, for what it is told later
(`preparing`): its end means that the supervisor is gone, and the child ends too. What it has to say goes to
stdout, a line of JSON each: that it is ready, that it could not start and why, and every second whether it
serves.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import resource
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import uvloop

from policy_service.model.errors import PolicyServiceError
from policy_service.server import logs
from policy_service.server.compose import Parts, open_control, open_worker
from policy_service.server.errors import StartError, cause
from policy_service.server.handlers import PACKAGE
from policy_service.server.health import Health
from policy_service.server.preparing import SupervisorLine
from policy_service.server.role import BROKEN, CANNOT_START, TAKEN_OVER, Role, name_of
from policy_service.server.serving import Ended, serve
from policy_service.server.settings import Settings

BEAT_SECONDS = 1.0
SWITCH_SECONDS = 0.001
"""How long one thread may run on while another waits for the interpreter. A small call needs the interpreter
in the committer many times, and beside one large call it waited so long each time: with the default of five
milliseconds it took 200 ms in the median, with one it takes 45.
"""

DECISIONS = f"{PACKAGE}.DecisionService"
"""As gRPC names the service that workers serve."""

_STDIN, _STDOUT = 0, 1
_ORPHANED_SECONDS = 5.0
"""On top of the drain, for an orphan whose event loop does not turn any more."""

_log = logging.getLogger("policy_service.server.child")  # not `__main__`, which it is


def _open(
    role: Role, settings: Settings, number: int, line: SupervisorLine
) -> AbstractAsyncContextManager[Parts]:
    match role:
        case Role.CONTROL:
            return open_control(settings, line)
        case Role.WORKER:
            return open_worker(settings, line, number)


def main(role: Role, number: int) -> int:
    """Run one child; returns its exit code. `number` tells a worker from its siblings, from 0."""
    logs.set_up(name_of(role, number))
    prepare_process()
    told = json.loads(_read_line())
    settings = Settings.model_validate(told["settings"])
    return uvloop.run(_run(role, number, settings, int(told["port"])))


async def _run(role: Role, number: int, settings: Settings, port: int) -> int:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_log_unhandled)
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    line = SupervisorLine(_say)
    os.set_blocking(_STDOUT, False)  # a supervisor that does not listen must not stop the event loop
    _hear_the_supervisor(loop, line, stop, settings.drain_seconds + _ORPHANED_SECONDS)
    async with _beating() as say_health:
        try:
            async with _open(role, settings, number, line) as parts:

                def on_ready(health: Health) -> None:
                    say_health(health)
                    tune_collector()
                    if role is Role.CONTROL:
                        _tell_of_workers(health, line)
                    _say({"ready": True})
                    shown = {"prometheus": parts.prometheus} if parts.prometheus else {}
                    _log.info("ready", extra={"port": port, **shown})

                # A worker's port is shared with its siblings; control has none.
                shared = role is Role.WORKER
                ended = await serve(parts, settings, port, stop, share_port=shared, on_ready=on_ready)
        except (StartError, PolicyServiceError) as error:
            _log.error("cannot start", extra=cause(error))
            _say({"failed": str(error)})
            return CANNOT_START
    if ended is Ended.ASKED:
        return 0
    return TAKEN_OVER if parts.taken_over() else BROKEN


def _tell_of_workers(health: Health, line: SupervisorLine) -> None:
    """Have control's health say of the decisions whether any worker of this service makes them."""

    def told(said: dict[str, Any]) -> None:
        health.set_elsewhere(DECISIONS, serving=int(said.get("serving", 0)) > 0)

    health.set_elsewhere(DECISIONS, serving=False)  # until the supervisor has said more
    line.on("workers", told)


def prepare_process() -> None:
    """What a process of this service is, whatever it serves; before grpc is used."""
    os.umask(0o077)  # whatever is made here, by whichever library, is its owner's alone
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's; the supervisor turns it into a drain
    # Before grpc starts its threads, which inherit it. Measured at half as many calls again; where the kernel
    # refuses it, the service runs without.
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    sys.setswitchinterval(SWITCH_SECONDS)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def tune_collector() -> None:
    """After warm-up. Each call leaves a cycle behind; what was made at the start is not looked at again: with
    the defaults, of an import's CPU time a quarter was the collector's.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(1_000, 20, 50)


def _hear_the_supervisor(
    loop: asyncio.AbstractEventLoop, line: SupervisorLine, stop: asyncio.Event, seconds: float
) -> None:
    """Hear each line on stdin. Drain when stdin ends; end without draining where the event loop does not get
    to it.
    """

    def wait() -> None:
        while heard := _read_line():
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(line.hear, heard)
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stop.set)
        threading.Event().wait(seconds)
        os._exit(BROKEN)

    threading.Thread(target=wait, name="orphaned", daemon=True).start()


@contextlib.asynccontextmanager
async def _beating() -> AsyncIterator[Callable[[Health], None]]:
    """Say every second that the event loop turns, and whether the process serves."""
    health: list[Health] = []

    async def beat() -> None:
        while True:
            _say({"serving": bool(health) and health[0].serving})
            await asyncio.sleep(BEAT_SECONDS)

    beats = asyncio.create_task(beat())
    try:
        yield health.append
    finally:
        beats.cancel()


def _read_line() -> bytes:
    """The next line, or nothing at the end. Unbuffered: a buffer's lock, held by a thread that waits, would
    end the interpreter with an error.
    """
    line = bytearray()
    while (byte := os.read(_STDIN, 1)) and byte != b"\n":
        line += byte
    return bytes(line)


def _say(message: dict[str, Any]) -> None:
    """One line to the supervisor. One that does not listen any more must not stop the child."""
    with contextlib.suppress(OSError):
        os.write(_STDOUT, json.dumps(message).encode() + b"\n")


def _log_unhandled(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what nobody waited for, by type and place; asyncio's own line would repeat its text."""
    error = context.get("exception")
    what = str(context.get("message", "")).partition("\n")[0]
    _log.error("unhandled on the event loop", extra={"what": what, **(cause(error) if error else {})})


if __name__ == "__main__":
    sys.exit(main(Role(sys.argv[1]), int(sys.argv[2])))
