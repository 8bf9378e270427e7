"""Methods with one message in and a stream of messages out: what a client follows until one of the two ends
it.

A tail begins as every call does, in the wrapper, and leaves its one entry there. What comes after that leaves
none: a refusal in the middle is told to the client alone. Nothing outlives its call: the source is closed
whichever way it ends.

A client who reads nothing any more is held back once grpc's own buffer, of about 4 MB, is full. He keeps his
place among the tails until his connection is too old (`limits`), and nobody else's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc

from policy_service.model.caller import Caller
from policy_service.model.errors import OverloadedError, UnauthenticatedError, UnavailableError
from policy_service.server.errors import abort, refusal_of
from policy_service.server.guests import Context
from policy_service.server.handlers import PACKAGE, Call, Headers, Method, Wrapper
from policy_service.server.limits import Limits
from policy_service.server.refusals import Refusals

MOST_TAILS = 32
"""In one process; no caller has more than a quarter. Each reads the store twice a second."""

_OVER = object()
"""What follows the last message."""

Request = TypeVar("Request")
Response = TypeVar("Response")


@dataclass(frozen=True, slots=True)
class TailMethod(Generic[Request, Response]):
    """As `Method`, but that `call` returns an async generator once it has left the call's one entry.

    What the generator raises ends the call without another entry. It is asked for the next message when the
    last one was taken by the transport, which holds back a reader that is slow.
    """

    service: str
    name: str
    parse: Callable[[bytes], Request]
    call: Callable[[Call, Request], Awaitable[AsyncIterator[Response]]]
    serialise: Callable[[Response], bytes]

    @property
    def path(self) -> str:
        return f"/{PACKAGE}.{self.service}/{self.name}"

    @property
    def opening(self) -> Method[Request, Any]:
        """How it begins, as a method: its answer is the generator."""
        return Method(self.service, self.name, self.parse, self.call, _as_it_is)


class Tails:
    """Runs tails for callers whom the door let in. Event loop only."""

    def __init__(self, wrapper: Wrapper, refusals: Refusals, *, most: int = MOST_TAILS) -> None:
        self._wrapper = wrapper
        self._refusals = refusals
        self._seats = Limits(most)
        self._waiting: set[asyncio.Task[Any]] = set()
        self._closed = False

    @property
    def open(self) -> int:
        """How many there are."""
        return self._seats.in_flight

    def close(self) -> None:
        """End every tail, and begin none: the process is about to end."""
        self._closed = True
        for waiting in self._waiting:
            waiting.cancel()

    async def run(
        self, method: TailMethod[Any, Any], caller: Caller, headers: Headers, request: bytes, context: Context
    ) -> None:
        """Write what there is, until somebody ends it. Raises grpc's own errors alone."""
        try:
            self._seats.enter(caller)
        except OverloadedError as error:
            self._refusals.count(context.peer(), error.reason)
            await abort(context, refusal_of(error))
        try:
            source: Any = await self._wrapper.run(method.opening, caller, headers, request, context)
            async with aclosing(source):
                await self._write(source, method.serialise, context)
        finally:
            self._seats.leave(caller)

    async def _write(self, source: Any, serialise: Callable[[Any], bytes], context: Context) -> None:
        """`close` cancels what waits for a message, and no write: after that grpc would send no status."""
        try:
            while (message := await self._next(source)) is not _OVER:
                await context.write(serialise(message))
        except grpc.aio.BaseError:
            raise
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if me is None or me.cancelling():
                raise  # the client has left
            await abort(context, refusal_of(_ending()))
        except Exception as error:  # noqa: BLE001 - the edge: whatever it is, its text goes no further
            if isinstance(error, UnauthenticatedError | OverloadedError):
                self._refusals.count(context.peer(), error.reason)
            await abort(context, refusal_of(error))

    async def _next(self, source: AsyncIterator[Any]) -> Any:
        """What comes next, or `_OVER`. Raises `CancelledError` when the process is about to end."""
        if self._closed:
            raise asyncio.CancelledError
        waiting = asyncio.create_task(_first_of(source))
        self._waiting.add(waiting)
        waiting.add_done_callback(self._waiting.discard)
        return await waiting


async def _first_of(source: AsyncIterator[Any]) -> Any:
    return await anext(source, _OVER)


def _as_it_is(answer: Any) -> Any:
    return answer


def _ending() -> UnavailableError:
    return UnavailableError("ENDING", "the service ends; go on when it runs again")
