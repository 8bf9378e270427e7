"""Calls that need no credentials (health, reflection): what a stranger may hold by them is bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from policy_service.server.errors import abort, refusal_of
from policy_service.server.limits import overloaded

Context = grpc.aio.ServicerContext[Any, Any]
StreamHandler = Callable[[object, Context], Awaitable[None]]


class Guests:
    """Room for `most` guests; one more makes the one who has been there longest leave.

    So nobody can fill the room: an honest call's message comes with its headers, and it is gone in a moment.
    """

    def __init__(self, most: int = 256, seconds: float = 10.0) -> None:
        self._most = most
        self._seconds = seconds
        self._seats: dict[asyncio.Future[None], None] = {}
        self._closed = False

    @contextmanager
    def seat(self) -> Iterator[asyncio.Future[None]]:
        """Take a seat; the future is done when the guest has to leave.

        Raises `OverloadedError` when the process is about to end.
        """
        if self._closed:
            raise overloaded()
        leave: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._seats[leave] = None
        if len(self._seats) > self._most:
            self._send_away(next(iter(self._seats)))
        try:
            yield leave
        finally:
            self._seats.pop(leave, None)

    async def read(self, context: Context) -> bytes | None:
        """Return the next message, or None at the end.

        Raises `OverloadedError` where the guest has to leave, or has sent nothing for `seconds`.
        """
        with self.seat() as leave:
            reading = asyncio.ensure_future(context.read())
            reading.add_done_callback(forget)
            await asyncio.wait((reading, leave), timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            raise overloaded()
        message = reading.result()
        return message if isinstance(message, bytes) else None

    def close(self) -> None:
        """Send everybody away, and let nobody in: the process is about to end."""
        self._closed = True
        for leave in tuple(self._seats):
            self._send_away(leave)

    def _send_away(self, leave: asyncio.Future[None]) -> None:
        self._seats.pop(leave, None)
        if not leave.done():
            leave.set_result(None)


def guarded(work: Callable[[Context], Awaitable[None]]) -> StreamHandler:
    """Make a handler of stream shape that sends nothing of an exception to the caller."""

    async def handle(_: object, context: Context) -> None:
        try:
            await work(context)
        except grpc.aio.BaseError:
            raise  # grpc's own: the call was ended here, or its client has left
        except Exception as error:  # noqa: BLE001 - grpc would send the exception's text to the caller
            await abort(context, refusal_of(error))

    return handle


def forget(reading: asyncio.Future[Any]) -> None:
    """Look at what nobody waits for any more: a read ends with its call, and how concerns nobody."""
    if not reading.cancelled():
        reading.exception()
