"""The gRPC server: grpcio's own, but for how calls are accepted.

grpcio 1.85 accepts every call in one loop, and decodes its path there. A path that is not UTF-8, which
needs neither a token nor a message, ends that loop and the server with it; and its task and its
`asyncio.wait` for each call are a quarter of what an empty call costs (both measured). So here
- each method that is served is registered with the core by its path, so that nobody's bytes are decoded;
- a call to any other path is accepted, too, but its path is never looked at: the door knows it as "";
- each path has a loop of its own, which begins a call's task and waits for the next call.

This rests on names that are private to grpcio. `tests/server/test_accepting.py` shows that they still mean
what they meant, and `Server` refuses a grpcio without them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import grpc
from grpc._cython import cygrpc  # type: ignore[attr-defined]  # it has no types

from policy_service.server.errors import StartError

UNKNOWN_PATH = ""

_LONGER_THAN_ANY_CALL = 86_400.0
"""Seconds of grace, so that `stop` alone ends it. When its own grace is over, grpcio cancels the calls of a
server that `stop` may have destroyed a moment ago, and the process crashes (1.85)."""

_NEEDED = ("AioServer", "_handle_rpc", "_schedule_rpc_coro", "get_working_loop")
_NEEDED_OF_SERVER = ("_request_call", "_request_registered_call", "add_registered_method_handlers")


class _Acceptor(cygrpc.AioServer):  # type: ignore[misc]  # as above
    """Overrides what grpcio's accepting loop waits for, by loops that never give it a call."""

    def __init__(self, options: tuple[tuple[str, int], ...], door: grpc.GenericRpcHandler) -> None:
        super().__init__(cygrpc.get_working_loop(), None, (), (), options, None)
        self._door = door
        self._calls: set[asyncio.Task[None]] = set()

    def resolve_handler(self, details: grpc.HandlerCallDetails) -> Any:
        """What grpcio asks with the headers of a call."""
        return self._door.service(details)

    async def _request_call(self) -> None:
        await self._accept(super()._request_call, UNKNOWN_PATH)

    async def _request_registered_call(self, path: bytes) -> None:
        request = super()._request_registered_call
        await self._accept(lambda: request(path), path.decode("ascii"))

    async def _accept(self, request: Callable[[], Awaitable[Any]], path: str) -> None:
        loop = asyncio.get_running_loop()
        while True:
            state = await request()
            rpc = cygrpc._handle_rpc(path, self, (), state, loop, False)
            call = loop.create_task(cygrpc._schedule_rpc_coro(rpc, state, loop, path))
            self._calls.add(call)  # the loop itself holds tasks weakly
            call.add_done_callback(self._calls.discard)


class Server:
    """One server, on the running event loop."""

    def __init__(
        self, options: tuple[tuple[str, int], ...], door: grpc.GenericRpcHandler, paths: Iterable[str]
    ) -> None:
        """`paths` are those that `door` has handlers for; all others it is asked about as `UNKNOWN_PATH`."""
        missing = [name for name in _NEEDED if not hasattr(cygrpc, name)]
        missing += [name for name in _NEEDED_OF_SERVER if not missing and not hasattr(cygrpc.AioServer, name)]
        if missing:
            raise StartError(f"grpcio {grpc.__version__} is not one that this version can run on")
        self._acceptor = _Acceptor(options, door)
        self._acceptor.add_registered_method_handlers(dict.fromkeys(paths))

    def bind(self, address: str, credentials: grpc.ServerCredentials | None = None) -> int:
        """Listen on `host:port` and return the port. Raises `StartError`."""
        try:
            port: int = (
                self._acceptor.add_insecure_port(address.encode())
                if credentials is None
                else self._acceptor.add_secure_port(address.encode(), credentials)
            )
        except (RuntimeError, ValueError) as error:
            raise StartError(f"cannot listen on {address}") from error
        if not port:
            raise StartError(f"cannot listen on {address}")
        return port

    async def start(self) -> None:
        """Begin to accept calls."""
        await self._acceptor.start()

    async def close(self) -> None:
        """Accept nothing more, and return when the calls in flight are over or `stop` has ended them."""
        await self._acceptor.shutdown(_LONGER_THAN_ANY_CALL)

    async def stop(self) -> None:
        """Accept nothing more, and cancel the calls in flight."""
        await self._acceptor.shutdown(None)

    async def ended(self) -> None:
        """Return when the server has stopped; raise what ended it, if it was not `stop`."""
        await self._acceptor.wait_for_termination(None)
