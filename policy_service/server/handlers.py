"""What a method of a service is, and the one wrapper around every method of both processes.

A method is data: how its bytes are read, which use case it is, how the answer becomes bytes. Everything else
(bounds, errors, the log entry of a refusal) is the wrapper's, so that no method can forget it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from policy_service.model.caller import Caller
from policy_service.model.errors import (
    InvalidArgumentError,
    OverloadedError,
    PermissionDeniedError,
    PolicyServiceError,
    UnauthenticatedError,
    UnavailableError,
)
from policy_service.model.facts import Controller
from policy_service.server.bounds import text
from policy_service.server.errors import Refusal, abort, cause, refusal_of
from policy_service.server.guests import Context
from policy_service.server.limits import MAX_REQUEST_BYTES, Limits
from policy_service.server.refusals import Refusals
from policy_service.server.telemetry import Telemetry
from policy_service.server.tracing import TraceParent
from policy_service.service.together import Together

PACKAGE = "policy_service.api.v1"

Request = TypeVar("Request")
Response = TypeVar("Response")
Outcome = TypeVar("Outcome", bound="bytes | Refusal")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls, and what came with the call beside its message."""

    caller: Caller
    method: str
    """As log entries name it, e.g. `PeopleService/PutPerson`."""
    controller: Controller
    """The organisation that the call acts for: the caller's own; for an installation's token what the
    metadata `x-controller` names, or `INSTALLATION` where it names none.
    """
    authorization: str
    """The bearer token as it came, never logged. Use cases judge it again, on the facts that they rest on."""
    trace_id: bytes = b""
    """W3C trace id, 16 bytes, or empty."""
    together: Together | None = None
    """The questions of its batch, if it is of one."""


@dataclass(frozen=True, slots=True)
class Several:
    """How several questions come in one message (a batch), or one in each message of a stream.

    Each question is then a call of its own, with its own log entry; what goes wrong with one is told in its
    place, and harms no other.
    """

    streamed: bool
    open: Callable[[bytes], Sequence[bytes]]
    """The questions in a message, as bytes; raises `InvalidArgumentError`. Of a stream's message, one."""
    close: Callable[[Sequence[bytes | Refusal]], bytes]
    """The message that answers them, in their order."""
    unanswered: int = 0
    """Questions of one conversation that are under way at a time; 0: as many as there may be of any."""
    most: int = 0
    """Conversations of this method at a time, in one process, of which no caller has more than a quarter;
    0: as many as there may be of all.
    """
    together: Callable[[Sequence[bytes]], Together] | None = None
    """Makes of a batch's questions what loads the facts of them all at once."""
    ends_at_refusal: bool = False
    """A question that is refused ends its stream with its status; else it is answered in its place."""


@dataclass(frozen=True, slots=True)
class Method(Generic[Request, Response]):
    """One RPC with one message each way, or with `several` questions.

    `parse` raises `InvalidArgumentError` and nothing else; `call` is async and raises `PolicyServiceError`s,
    has left the call's one log entry when it returns, and none when it raises (the wrapper then leaves the
    refusal's).
    """

    service: str
    """Without the package, e.g. `PeopleService`."""
    name: str
    parse: Callable[[bytes], Request]
    call: Callable[[Call, Request], Awaitable[Response]]
    serialise: Callable[[Response], bytes]
    several: Several | None = None
    most_bytes: int = MAX_REQUEST_BYTES
    """Of a message; what has more is `MESSAGE_TOO_LARGE`, unless it is more than the whole server takes."""

    @property
    def streamed(self) -> bool:
        """Messages come and go for as long as the caller likes."""
        return self.several is not None and self.several.streamed

    @property
    def entry_name(self) -> str:
        """As log entries name it, e.g. `PeopleService/PutPerson`."""
        return f"{self.service}/{self.name}"

    @property
    def full_service(self) -> str:
        """As gRPC names the service, e.g. `policy_service.api.v1.PeopleService`."""
        return f"{PACKAGE}.{self.service}"

    @property
    def path(self) -> str:
        """As gRPC names it, e.g. `/policy_service.api.v1.PeopleService/PutPerson`."""
        return f"/{PACKAGE}.{self.service}/{self.name}"


class Routed(Protocol):
    """A method of any shape."""

    @property
    def service(self) -> str: ...

    @property
    def path(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Router:
    """The methods that one process serves, by gRPC path."""

    methods: Mapping[str, Any]
    """`Method`s, and methods of other shapes (`tails`)."""

    @classmethod
    def of(cls, methods: Iterable[Routed]) -> Router:
        """Make a router; two methods of one path are a programming error."""
        by_path: dict[str, Routed] = {}
        for method in methods:
            if method.path in by_path:
                raise ValueError(f"`{method.path}` is registered twice")
            by_path[method.path] = method
        return cls(by_path)

    @property
    def most_bytes(self) -> int:
        """The most that a message to any of them may have."""
        several = (method.most_bytes for method in self.methods.values() if isinstance(method, Method))
        return max(several, default=MAX_REQUEST_BYTES)

    @property
    def services(self) -> tuple[str, ...]:
        """The full names of the services, for health and reflection."""
        return tuple(sorted({f"{PACKAGE}.{method.service}" for method in self.methods.values()}))


@dataclass(frozen=True, slots=True)
class Headers:
    """What the door read of a call's metadata."""

    authorization: str = ""
    controller: str = ""
    parent: TraceParent | None = None
    """The caller's trace context."""


WriteRefusal = Callable[[Call, PolicyServiceError, Refusal], Awaitable[None]]
"""Leaves the log entry of a refused call; durable when it returns."""

Confirm = Callable[[str], Awaitable[Caller]]
"""Judges credentials again, at a head read after the call arrived."""


class Wrapper:
    """Runs a method for a caller whom the door let in.

    What has begun goes on to its log entry, also when the client has left. Use cases judge the credentials
    afresh, on the facts that their answer rests on; `confirm` does so for a call that never gets to one.
    """

    def __init__(
        self,
        limits: Limits,
        refusals: Refusals,
        write_refusal: WriteRefusal,
        confirm: Confirm,
        telemetry: Telemetry,
    ) -> None:
        self._limits = limits
        self._refusals = refusals
        self._write_refusal = write_refusal
        self._confirm = confirm
        self._telemetry = telemetry
        self._running: set[asyncio.Task[Any]] = set()

    async def run(
        self, method: Method[Any, Any], caller: Caller, headers: Headers, request: bytes, context: Context
    ) -> bytes:
        """Answer, or end the call with a refusal (which raises grpc's own error)."""
        outcome = await asyncio.shield(self.begin(method, caller, headers, request, context.peer()))
        if isinstance(outcome, Refusal):
            await abort(context, outcome)
        return outcome

    def begin(
        self,
        method: Method[Any, Any],
        caller: Caller,
        headers: Headers,
        request: bytes,
        peer: str,
        together: Together | None = None,
    ) -> asyncio.Task[bytes | Refusal]:
        """Begin to answer one question; it goes on to its entry whoever waits for it."""
        perform = partial(self._perform, method, caller, headers, request, peer, together)
        return self._started(self._observed(method, headers, perform))

    def begin_refusal(
        self, method: Method[Any, Any], caller: Caller, headers: Headers, error: Exception, peer: str
    ) -> asyncio.Task[Refusal]:
        """Begin to refuse a message in which no question can be found, with an entry like any other."""
        refuse = partial(self._refuse_unread, method, caller, headers, error, peer)
        return self._started(self._observed(method, headers, refuse))

    async def drained(self) -> None:
        """Return when no call runs any more."""
        while self._running:
            await asyncio.wait(tuple(self._running))

    def _started(self, work: Coroutine[Any, Any, Outcome]) -> asyncio.Task[Outcome]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _observed(
        self, method: Method[Any, Any], headers: Headers, work: Callable[[bytes], Awaitable[Outcome]]
    ) -> Outcome:
        """What `work` comes to; it is given the trace id that its entry has."""
        observed = self._telemetry.begin(method.full_service, method.name, headers.parent)
        outcome = None
        try:
            outcome = await work(observed.trace_id)
            return outcome
        finally:
            observed.end(outcome)

    async def _refuse_unread(
        self,
        method: Method[Any, Any],
        caller: Caller,
        headers: Headers,
        error: Exception,
        peer: str,
        trace_id: bytes,
    ) -> Refusal:
        call = Call(caller, method.entry_name, caller.controller, headers.authorization, trace_id)
        try:
            await self._confirm(headers.authorization)
        except Exception as stranger:  # noqa: BLE001 - the edge, as in `_perform`
            return await self._refuse(call, stranger, peer)
        return await self._refuse(call, error, peer)

    async def _perform(
        self,
        method: Method[Any, Any],
        caller: Caller,
        headers: Headers,
        request: bytes,
        peer: str,
        together: Together | None,
        trace_id: bytes,
    ) -> bytes | Refusal:
        try:
            self._limits.enter(caller)
        except OverloadedError as error:
            self._refusals.count(peer, error.reason)
            return refusal_of(error)
        call = Call(caller, method.entry_name, caller.controller, headers.authorization, trace_id, together)
        try:
            try:
                if headers.controller:
                    call = replace(call, controller=_acting_for(caller, headers.controller))
                _check_size(request, method.most_bytes)
                message = method.parse(request)
            except PolicyServiceError:
                await self._confirm(headers.authorization)
                raise
            return method.serialise(await method.call(call, message))
        except Exception as error:  # noqa: BLE001 - the edge: whatever it is, its text goes no further
            return await self._refuse(call, error, peer)
        except asyncio.CancelledError:
            # Something that it waited for was cancelled. A handler that ends so sends no status at all, and
            # the client would wait for ever.
            return await self._refuse(call, UnavailableError(), peer)
        finally:
            self._limits.leave(caller)

    async def _refuse(self, call: Call, error: Exception, peer: str) -> Refusal:
        refusal = refusal_of(error)
        match error:
            case UnauthenticatedError() | OverloadedError():
                self._refusals.count(peer, error.reason)
                return refusal
            case PolicyServiceError():
                known = error
            case _:
                known = PolicyServiceError(refusal.reason, refusal.text)
        try:
            await self._write_refusal(call, known, refusal)
        except Exception as failure:  # noqa: BLE001 - as above
            _log.warning("the entry of a refused call was not written", extra=cause(failure))
            if not isinstance(failure, PolicyServiceError):
                return refusal_of(UnavailableError())
            return refusal_of(failure)
        return refusal


def _check_size(request: bytes, most: int) -> None:
    if len(request) > most:
        raise InvalidArgumentError(
            "", "MESSAGE_TOO_LARGE", f"the message has more than the {most:,} bytes that this method takes"
        )


def _acting_for(caller: Caller, named: str) -> Controller:
    """The organisation that a call acts for. Only an installation's token may name another than its own."""
    if not named or named == caller.controller:
        return caller.controller
    if not caller.is_installation:
        raise PermissionDeniedError("CONTROLLER_NOT_YOURS", "this token belongs to another organisation")
    return Controller(text(named, "x-controller"))
