"""One child of the supervisor, whichever process it is: started, heard, ended, and started again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable
from typing import Any

from policy_service.server.errors import StartError
from policy_service.server.nursery import Born, Nursery
from policy_service.server.role import TAKEN_OVER, Role, name_of
from policy_service.server.settings import Settings

SILENCE_SECONDS = 30.0
"""A child beats every second. One that is silent for so long does not turn any more."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
STEADY_SECONDS = 30.0
"""A child that was ready for so long is started again at once when it dies."""
AWAY_SECONDS = 5.0
"""If a second took so long, it was the supervisor, or the whole machine, that did not turn."""
NURSERY_SECONDS = 15.0
"""A nursery that does not say in so long that a child has ended, whose pipe is closed, is ended itself."""

_log = logging.getLogger("policy_service.server.supervisor")  # whose care for its children this is


class KeptChild:
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
        self.on_said: Callable[[KeptChild, dict[str, Any]], None] = lambda *_: None
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
        if process is None or process.returncode is not None:
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
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await stop.wait()
                return
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
            return await self._ended(process)

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
        while line := await _line_of(process):
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
            began = time.monotonic()
            try:
                async with asyncio.timeout(1.0):
                    code = await process.wait()
            except TimeoutError:
                if self._listening is not None and self._listening.done():
                    code = await self._ended(process)
                elif (now := time.monotonic()) - began > AWAY_SECONDS:
                    self._heard_at = now  # whoever was to hear was away
                    continue
                elif now - self._heard_at > SILENCE_SECONDS:
                    _log.error("a child is silent and is killed", extra={"child": self._name})
                    self.kill()
                    code = await self._ended(process)
                else:
                    continue
            if self._listening is not None:
                await self._listening  # its last words
            return code

    async def _ended(self, process: Born) -> int:
        """The exit code of one that was killed or has closed its stdout, as the nursery tells it."""
        try:
            async with asyncio.timeout(NURSERY_SECONDS):
                return await process.wait()
        except TimeoutError:
            _log.error("nobody says that a child has ended; all are replaced", extra={"child": self._name})
            self._nursery.kill()
            return await process.wait()


async def _line_of(process: Born) -> bytes:
    """The next line that a child says; nothing at the end. One that is too long is not its own."""
    while True:
        try:
            return await process.stdout.readline()
        except ValueError:
            continue
        except OSError:
            return b""
