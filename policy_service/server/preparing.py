"""Preparing a policy set in every decision worker, before it is published.

1. Control says on its stdout: `{"prepare": {"id": ..., "set": ..., "revision": ...}}`.
2. The supervisor passes the line on to the stdin of each worker that serves (`Relay`). One that is being
   started is waited for; one that does not get ready is passed over: it serves nobody, and compiles what is
   published before it does.
3. A worker loads the set from the facts as of that revision, compiles it in a thread, keeps it ready and says
   `{"prepared": {"id": ..., "ok": true}}`; or false, and its log says why.
4. The supervisor tells control on its stdin whether all of them could. A worker that ends meanwhile, or does
   not answer in time, could not.

Every wait is bounded, and no answer is a no.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from policy_service.model.errors import UnavailableError
from policy_service.model.facts import Revision
from policy_service.server.errors import cause

if TYPE_CHECKING:  # the supervisor loads this module, and none of what its children serve
    from policy_service.service.publishing import Prepare

PREPARE_SECONDS: Final = 30.0
"""How long control waits for all workers."""
WORKER_SECONDS: Final = 25.0
"""How long the supervisor waits for one."""
START_SECONDS: Final = 10.0
"""How long it waits for one that is being started."""
MOST_AT_ONCE: Final = 2
"""Sets that a worker compiles at a time; control asks for one after the other."""
_LOOK_SECONDS: Final = 0.1

_log = logging.getLogger(__name__)

Message = dict[str, Any]


async def nobody_else(_: str, __: Revision) -> None:
    """A `Prepare` for a control that has no workers in processes beside it."""


class SupervisorLine:
    """A child's end of the two pipes to the supervisor: lines of JSON each way. Event loop only."""

    def __init__(self, say: Callable[[Message], None]) -> None:
        self.say = say
        self._handlers: dict[str, Callable[[Message], None]] = {}

    def on(self, word: str, handler: Callable[[Message], None]) -> None:
        """Call `handler` with what stands under `word` in a line."""
        self._handlers[word] = handler

    def hear(self, line: bytes) -> None:
        """Hear a line. What nobody here knows is passed over: the supervisor may be of another version."""
        for word, said in _read(line).items():
            handler = self._handlers.get(word)
            if handler is not None and isinstance(said, dict):
                handler(said)


def preparing_in_workers(line: SupervisorLine, *, seconds: float = PREPARE_SECONDS) -> Prepare:
    """In control: the port by which a set is prepared in all workers."""
    waiting: dict[str, asyncio.Future[bool]] = {}

    def answered(said: Message) -> None:
        future = waiting.get(str(said.get("id")))
        if future is not None and not future.done():
            future.set_result(said.get("ok") is True)

    line.on("prepared", answered)

    async def prepare(policy_set_id: str, revision: Revision) -> None:
        name = secrets.token_hex(8)
        future = waiting[name] = asyncio.get_running_loop().create_future()
        line.say({"prepare": {"id": name, "set": policy_set_id, "revision": revision}})
        try:
            async with asyncio.timeout(seconds):
                prepared = await future
        except TimeoutError:
            prepared = False
        finally:
            del waiting[name]
        if not prepared:
            raise UnavailableError(
                "SET_NOT_PREPARED",
                "a decision worker could not compile the set or did not answer, and nothing was published; "
                "the service's log says which; try again, or restart it first",
            )

    return prepare


def prepare_when_told(line: SupervisorLine, prepare: Callable[[str, Revision], Awaitable[None]]) -> None:
    """In a worker: have it compile what the supervisor names, and say whether it could."""
    running: set[asyncio.Task[None]] = set()

    async def run(said: Message) -> None:
        ok = False
        try:
            await prepare(str(said["set"]), Revision(int(said["revision"])))
            ok = True
        except Exception as error:  # noqa: BLE001 - whatever it is: the answer is no, and the log has the cause
            _log.error("a policy set could not be prepared", extra=cause(error))
        line.say({"prepared": {"id": said.get("id"), "ok": ok}})

    def told(said: Message) -> None:
        if len(running) >= MOST_AT_ONCE:
            line.say({"prepared": {"id": said.get("id"), "ok": False}})
            return
        task = asyncio.create_task(run(said))
        running.add(task)
        task.add_done_callback(running.discard)

    line.on("prepare", told)


class Child(Protocol):
    """What the relay needs of a child process."""

    @property
    def name(self) -> str:
        """As logs call it."""

    @property
    def process_id(self) -> int | None:
        """Of the process that is ready; None while there is none."""

    async def until_ready(self) -> None:
        """Return once there is a process that is ready."""

    async def tell(self, message: Message) -> None:
        """Write a line to its stdin; one that it does not read any more is lost."""


class Relay:
    """In the supervisor: asks each worker, and tells control what came of it. Event loop only."""

    def __init__(
        self,
        control: Child,
        workers: Sequence[Child],
        *,
        seconds: float = WORKER_SECONDS,
        start_seconds: float = START_SECONDS,
    ) -> None:
        self._control = control
        self._workers = workers
        self._seconds = seconds
        self._start_seconds = start_seconds
        self._waiting: dict[tuple[str, str], asyncio.Future[bool]] = {}
        self._running: set[asyncio.Task[None]] = set()

    def heard(self, child: Child, said: Message) -> None:
        """Hear what a child says; lines about anything else are not for here."""
        if child is self._control:
            asked = said.get("prepare")
            if isinstance(asked, dict):
                task = asyncio.create_task(self._relay(asked))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
            return
        answer = said.get("prepared")
        if isinstance(answer, dict):
            future = self._waiting.get((child.name, str(answer.get("id"))))
            if future is not None and not future.done():
                future.set_result(answer.get("ok") is True)

    async def _relay(self, asked: Message) -> None:
        outcomes = await asyncio.gather(*(self._ask(worker, asked) for worker in self._workers))
        await self._control.tell({"prepared": {"id": asked.get("id"), "ok": all(outcomes)}})

    async def _ask(self, worker: Child, asked: Message) -> bool:
        """Whether a worker has prepared the set, or serves nobody."""
        process = await self._process_of(worker)
        if process is None:
            _log.warning(
                "a worker that does not serve was not asked to prepare a policy set",
                extra={"child": worker.name},
            )
            return True
        key = worker.name, str(asked.get("id"))
        future = self._waiting[key] = asyncio.get_running_loop().create_future()
        why = "it did not answer in time"
        try:
            async with asyncio.timeout(self._seconds):
                await worker.tell({"prepare": asked})
                while not future.done():
                    await asyncio.wait((future,), timeout=_LOOK_SECONDS)
                    if worker.process_id != process:
                        why = "it has ended"
                        break
        except TimeoutError:
            pass
        finally:
            del self._waiting[key]
        if future.done():
            why = "it said so"
            if future.result():
                return True
        _log.error("a worker has not prepared a policy set", extra={"child": worker.name, "why": why})
        return False

    async def _process_of(self, worker: Child) -> int | None:
        """The worker's process once it is ready."""
        try:
            async with asyncio.timeout(self._start_seconds):
                await worker.until_ready()
        except TimeoutError:
            return None
        return worker.process_id


def _read(line: bytes) -> Message:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
