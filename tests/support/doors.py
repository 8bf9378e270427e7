"""Control and a decision worker behind their doors, in this process and without a socket.

Everything is what `serve` runs, from a call's headers to its log entry; grpc's own part alone is done here,
so that a test can break a piece of the inside, and look at the log between two calls.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import grpc
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2

from policy_service.decision_log.reader import LogReader
from policy_service.facts.reader import FactsReader
from policy_service.server import reflection
from policy_service.server.compose import Parts, open_control, open_worker, utc_now
from policy_service.server.conversations import Conversations
from policy_service.server.door import Door
from policy_service.server.guests import Context, Guests
from policy_service.server.handlers import PACKAGE, Wrapper
from policy_service.server.limits import Limits
from policy_service.server.refusals import Refusals
from policy_service.server.settings import Settings
from policy_service.server.tails import TailMethod, Tails
from tests.support.migrated import place
from tests.support.replaying import replay_served_at_session_end

_REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"


@dataclass(frozen=True, slots=True)
class Told:
    """What a client is told: `code` is the gRPC status's name."""

    code: str
    text: str
    answers: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two processes."""

    parts: Parts
    door: Door

    @classmethod
    def of(cls, parts: Parts, settings: Settings) -> Side:
        """As `serving.serve` puts a process together."""
        guests, limits = Guests(), Limits(settings.max_calls)
        refusals = Refusals(parts.write_summaries, utc_now, parts.telemetry.refused)
        wrapper = Wrapper(limits, refusals, parts.write_refusal, parts.authenticator.settle, parts.telemetry)
        conversations, tails = Conversations(wrapper, limits, refusals), Tails(wrapper, refusals)
        open_to_all = reflection.handlers(parts.router.services, guests)
        door = Door(
            parts.router, wrapper, conversations, tails, parts.authenticator, limits, refusals, open_to_all
        )
        return cls(parts, door)

    async def ask(self, path: str, messages: Sequence[bytes], metadata: Sequence[tuple[str, str]]) -> Told:
        """Call a method of whatever shape; who only listens leaves after the first answer."""
        details = SimpleNamespace(method=path, invocation_metadata=tuple(metadata))
        handler = self.door.service(cast("grpc.HandlerCallDetails", details))
        assert handler is not None, path
        client = _Client(messages)
        call = asyncio.ensure_future(_run(handler, messages, client))
        if isinstance(self.parts.router.methods.get(path), TailMethod):
            await asyncio.wait((call, client.heard), return_when=asyncio.FIRST_COMPLETED)
            if not call.done():
                call.cancel()
        try:
            await call
        except _Aborted as end:
            return Told(end.code.name, end.text, tuple(client.answers))
        except asyncio.CancelledError:
            assert client.answers, path
        return Told("OK", "", tuple(client.answers))

    async def methods(self) -> frozenset[str]:
        """Every method of every service of ours as `Service/Method`, as reflection tells it."""
        ask = reflection_pb2.ServerReflectionRequest
        told = await self.ask(_REFLECTION, [ask(list_services="").SerializeToString()], ())
        (answer,) = map(reflection_pb2.ServerReflectionResponse.FromString, told.answers)
        services = [
            each.name for each in answer.list_services_response.service if each.name.startswith(f"{PACKAGE}.")
        ]
        asked = [ask(file_containing_symbol=name).SerializeToString() for name in services]
        told = await self.ask(_REFLECTION, asked, ())
        found = set()
        for name, data in zip(services, told.answers, strict=True):
            files = reflection_pb2.ServerReflectionResponse.FromString(data).file_descriptor_response
            for file in map(descriptor_pb2.FileDescriptorProto.FromString, files.file_descriptor_proto):
                for service in file.service:
                    if f"{file.package}.{service.name}" == name:
                        found |= {f"{service.name}/{method.name}" for method in service.method}
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class Doors:
    """A whole installation; a `Road` of the decision cases, too."""

    control: Side
    worker: Side
    administrator: str
    log: LogReader
    facts: FactsReader

    def side(self, method: str) -> Side:
        """Which of the two serves a method."""
        return self.worker if method.startswith("DecisionService/") else self.control

    async def ask(
        self, method: str, message: bytes | Sequence[bytes], *, token: str, controller: str = ""
    ) -> Told:
        """Call a method with one message, or with those of a stream."""
        metadata = [("authorization", f"Bearer {token}")]
        if controller:
            metadata.append(("x-controller", controller))
        messages = [message] if isinstance(message, bytes) else message
        return await self.side(method).ask(f"/{PACKAGE}.{method}", messages, metadata)

    async def call(self, method: str, message: bytes, *, token: str, controller: str = "") -> bytes:
        """The one answer of a call that goes well."""
        told = await self.ask(method, message, token=token, controller=controller)
        assert told.code == "OK", (method, told)
        (answer,) = told.answers
        return answer


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Doors]:
    """Open both processes on the stores that the settings name."""
    place(settings.facts)
    replay_served_at_session_end(settings)
    async with open_control(settings) as control, open_worker(settings) as worker:
        facts = FactsReader(settings.facts)
        try:
            yield Doors(
                Side.of(control, settings),
                Side.of(worker, settings),
                settings.admin_token.read_text("ascii").strip(),
                LogReader(settings.log),
                facts,
            )
        finally:
            facts.close()


async def _run(handler: grpc.RpcMethodHandler[Any, Any], messages: Sequence[bytes], client: _Client) -> None:
    # Their types are those of grpc's threads; these are coroutines.
    context = cast("Context", client)
    if handler.unary_unary is not None:
        (message,) = messages
        await client.write(await cast("Awaitable[bytes]", handler.unary_unary(message, cast("Any", context))))
    elif handler.unary_stream is not None:
        (message,) = messages
        await cast("Awaitable[None]", handler.unary_stream(message, cast("Any", context)))
    else:
        assert handler.stream_stream is not None
        await cast("Awaitable[None]", handler.stream_stream(cast("Any", None), cast("Any", context)))


class _Aborted(grpc.aio.AbortError):
    """As grpc's own, which ends a handler."""

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        super().__init__()
        self.code = code
        self.text = text


class _Client:
    """The client's end of one call, and grpc's context at once, as far as handlers use it."""

    def __init__(self, messages: Sequence[bytes]) -> None:
        self._messages = deque(messages)
        self.answers: list[bytes] = []
        self.heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def peer(self) -> str:
        return "ipv4:127.0.0.1:1"

    async def read(self) -> object:
        await asyncio.sleep(0)
        return self._messages.popleft() if self._messages else grpc.aio.EOF

    async def write(self, message: bytes) -> None:
        self.answers.append(message)
        if not self.heard.done():
            self.heard.set_result(None)

    async def abort(self, code: grpc.StatusCode, details: str = "", _: object = ()) -> NoReturn:
        raise _Aborted(code, details)
