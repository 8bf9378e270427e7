"""A process with the real edge (door, wrapper, health, reflection) around use cases made for tests.

`tests.support.forking` starts it. It prints its port, then serves until its stdin ends. The methods of
`TestService` take and give raw text. SIGUSR1 opens the gate, also when nobody is let in any more.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvloop

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.facts import keys
from policy_service.facts.keys import Key
from policy_service.facts.view import ColdFacts
from policy_service.model.caller import Caller
from policy_service.model.errors import (
    ConflictError,
    InvalidArgumentError,
    NotAvailableError,
    OverloadedError,
    PermissionDeniedError,
    PolicyServiceError,
    UnauthenticatedError,
    UnavailableError,
)
from policy_service.model.facts import Controller
from policy_service.server import logs
from policy_service.server.authenticator import Authenticator
from policy_service.server.compose import Parts
from policy_service.server.convert_check import parse_check
from policy_service.server.convert_several import BATCH, STREAM
from policy_service.server.errors import Refusal
from policy_service.server.guests import Guests
from policy_service.server.handlers import Call, Method, Router
from policy_service.server.health import Health
from policy_service.server.listening import free_port
from policy_service.server.refusals import RefusedCallers
from policy_service.server.serving import serve
from policy_service.server.settings import Settings
from policy_service.server.tails import TailMethod
from policy_service.server.telemetry import Telemetry

DRAIN_SECONDS = 5.0
LONG_DRAIN_SECONDS = 60.0
"""Of which what does not wait for the end of the drain takes less than a third, on a busy machine, too."""
GUEST_SECONDS = 10.0
"""How long a guest may say nothing."""
CANARY = "canary-0fb2-do-not-repeat"

FRIEND, OTHER, MANAGER = "friend", "other", "manager"
CALLERS = {
    FRIEND: Caller("t1", Controller("police"), system="crime"),
    OTHER: Caller("t2", Controller("trust"), system="ward"),
    MANAGER: Caller("t3", Controller(""), principal="admin"),
}


class Store:
    """What stands behind the edge: who is known at the head, and what memory has of it."""

    def __init__(self) -> None:
        self.on_file: dict[str, Caller | str] = {
            **CALLERS,
            "revoked": "TOKEN_REVOKED",
            "expired": "TOKEN_EXPIRED",
            "suspended": "SYSTEM_SUSPENDED",
        }
        self.memory: dict[str, Caller | str] = {}
        self.head_reads = 0
        self.loads = 0
        self.down = False

    def judge(self, authorization: str) -> Caller:
        if not authorization:
            raise UnauthenticatedError("TOKEN_MISSING", CANARY)
        if authorization not in self.memory:
            raise ColdFacts(frozenset({keys.token(authorization)}))
        found = self.memory[authorization]
        if isinstance(found, Caller):
            return found
        raise UnauthenticatedError(found, CANARY)

    async def to_head(self) -> None:
        await asyncio.sleep(0.005)
        self.head_reads += 1
        if self.down:
            raise UnavailableError
        if self.memory and any(self.on_file.get(key, "TOKEN_UNKNOWN") != v for key, v in self.memory.items()):
            self.memory.clear()

    async def load(self, wanted: frozenset[Key]) -> None:
        await asyncio.sleep(0.005)
        self.loads += 1
        for _, token in wanted:
            self.memory[token] = self.on_file.get(token, "TOKEN_UNKNOWN")


class Uses:
    """The use cases."""

    def __init__(self, store: Store, telemetry: Telemetry, guests: Guests) -> None:
        self.store = store
        self.telemetry = telemetry
        self.guests = guests
        self.entries: list[dict[str, str]] = []
        self.summaries: list[dict[str, Any]] = []
        self.finished = 0
        self.begun = 0
        self.inside = 0
        self.tails = 0
        self.gate = asyncio.Event()

    async def echo(self, call: Call, message: str) -> str:
        return json.dumps(
            {
                "message": message,
                "controller": call.controller,
                "trace": call.trace_id.hex(),
                "system": call.caller.system,
            }
        )

    async def fail(self, call: Call, kind: str) -> str:
        raise _FAILURES[kind]()

    async def check(self, call: Call, message: object) -> str:
        return "parsed"

    async def slow(self, call: Call, message: str) -> str:
        with self._one_inside():
            await asyncio.sleep(float(message))
        return "done"

    async def wait(self, call: Call, message: str) -> str:
        with self._one_inside():
            await self.gate.wait()
        return "done"

    def open(self) -> None:
        """Let everything go on that waits."""
        self.gate.set()
        self.gate = asyncio.Event()

    @contextmanager
    def _one_inside(self) -> Iterator[None]:
        self.inside += 1
        try:
            yield
            self.finished += 1
        finally:
            self.inside -= 1

    async def tail(self, call: Call, message: str) -> AsyncIterator[str]:
        """`DELAY SIZE`: so many characters again and again; `once SIZE`; `fail KIND` after the first."""
        if message.startswith("refuse "):
            raise _FAILURES[message.removeprefix("refuse ")]()
        self.entries.append({"method": call.method, "token": call.caller.token_id, "status": "OK"})
        return self._tail(message)

    async def _tail(self, message: str) -> AsyncIterator[str]:
        first, _, second = message.partition(" ")
        self.tails += 1
        try:
            yield "x" * int(second) if first == "once" else "begun"
            if first == "once":
                return
            if first == "fail":
                raise _FAILURES[second]()
            while True:
                await asyncio.sleep(float(first))
                yield "x" * int(second)
        finally:
            self.tails -= 1

    async def cancelled_inside(self, call: Call, message: str) -> str:
        waiting: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(waiting.cancel)
        return await waiting

    async def any(self, call: Call, message: str) -> str:
        """One of several questions: `echo TEXT`, `slow SECONDS`, `large BYTES`, `wait` or `fail KIND`."""
        self.begun += 1
        match message.partition(" "):
            case ("slow", _, seconds):
                return await self.slow(call, seconds)
            case ("wait", _, _):
                return await self.wait(call, message)
            case ("fail", _, kind):
                return await self.fail(call, kind)
            case ("large", _, size):
                return "x" * int(size)
            case _:
                return message

    async def tell(self, call: Call, message: str) -> str:
        match message.partition(" "):
            case ("revoke", _, token):
                self.store.on_file[token] = "TOKEN_REVOKED"
            case ("issue", _, token):
                self.store.on_file[token] = CALLERS[OTHER]
            case ("forget", _, _):
                self.store.memory.clear()
            case ("down", _, state):
                self.store.down = state == "yes"
            case ("open", _, _):
                self.open()
            case _:
                pass
        return json.dumps(
            {
                "entries": self.entries,
                "summaries": self.summaries,
                "head_reads": self.store.head_reads,
                "loads": self.store.loads,
                "finished": self.finished,
                "begun": self.begun,
                "inside": self.inside,
                "refused": self.telemetry.refused,
                "seats": len(self.guests._seats),
                "tails": self.tails,
                "tasks": len(asyncio.all_tasks()),
            }
        )

    async def write_refusal(self, call: Call, error: PolicyServiceError, refusal: Refusal) -> None:
        self.entries.append(
            {
                "method": call.method,
                "token": call.caller.token_id,
                "status": refusal.code.name,
                "reason": error.reason,
                "field": getattr(error, "field", ""),
            }
        )

    async def write_summaries(self, summaries: Sequence[RefusedCallers]) -> None:
        self.summaries += [{"peer": s.peer, "cause": s.cause, "count": s.count} for s in summaries]


class OfAnotherLibraryError(Exception):
    """Nothing that the table knows."""


class EmptyError(PolicyServiceError):
    """Ours, and yet not in the table."""


_FAILURES: dict[str, Callable[[], Exception]] = {
    "invalid": lambda: InvalidArgumentError("system.name", "TOO_LONG", "`system.name` is too long"),
    "denied": lambda: PermissionDeniedError("ROLE_REQUIRED", "this needs the role `auditor`"),
    "missing": NotAvailableError,
    "conflict": lambda: ConflictError("ALREADY_EXISTS", "somebody else has it"),
    "overloaded": lambda: OverloadedError("OVERLOADED", "too many calls wait"),
    "unavailable": UnavailableError,
    "revoked": lambda: UnauthenticatedError("TOKEN_REVOKED", CANARY),
    "canary": lambda: ValueError(CANARY),
    "library": lambda: OfAnotherLibraryError(CANARY),
    "unlisted": lambda: EmptyError("SOMETHING", CANARY),
    "key": lambda: KeyError(CANARY),
    "assertion": lambda: AssertionError(CANARY),
}


def _text(data: bytes) -> str:
    return data.decode()


def _answer(text: str) -> bytes:
    return pb.CheckResponse(outsider_text=text).SerializeToString()


async def main(capacity: int, drain_seconds: float) -> None:
    logs.set_up("edge")
    store, telemetry, guests = Store(), Telemetry(), Guests(most=32, seconds=GUEST_SECONDS)
    uses = Uses(store, telemetry, guests)
    calls: dict[str, Callable[[Call, Any], Awaitable[str]]] = {
        "Echo": uses.echo,
        "Fail": uses.fail,
        "Slow": uses.slow,
        "Wait": uses.wait,
        "Cancelled": uses.cancelled_inside,
        "Tell": uses.tell,
    }
    methods: list[Method[Any, Any] | TailMethod[Any, Any]] = [
        Method("TestService", name, _text, call, str.encode) for name, call in calls.items()
    ]
    methods.append(Method("TestService", "Batch", _text, uses.any, _answer, BATCH))
    methods.append(Method("TestService", "Stream", _text, uses.any, _answer, STREAM))
    methods.append(Method("DecisionService", "Check", parse_check, uses.check, str.encode))
    methods.append(TailMethod("TestService", "Tail", _text, uses.tail, str.encode))
    parts = Parts(
        Router.of(methods),
        Authenticator(store.judge, to_head=store.to_head, load=store.load),
        uses.write_refusal,
        uses.write_summaries,
        asyncio.Event(),
        telemetry,
    )
    stop, port = asyncio.Event(), free_port("127.0.0.1", 0)
    asyncio.get_running_loop().add_reader(0, stop.set)  # the end of stdin
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, uses.open)

    def on_ready(_: Health) -> None:
        print(port, flush=True)

    settings = Settings(max_calls=capacity, drain_seconds=drain_seconds)
    ended = await serve(parts, settings, port, stop, share_port=False, on_ready=on_ready, guests=guests)
    print(ended.value, uses.finished, len(uses.summaries), flush=True)


def start(capacity: str, drain_seconds: str) -> None:
    """Serve with so many calls in flight at most, which get so many seconds at the end."""
    uvloop.run(main(int(capacity), float(drain_seconds)))
