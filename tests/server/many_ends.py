"""`python -m tests.server.many_ends N`: drain so many servers in vain, each with a call that does not end."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import Any

import grpc

from policy_service.server.accepting import Server
from policy_service.server.serving import _drain

GRACE_SECONDS = 0.02
AT_ONCE = 20


class Door(grpc.GenericRpcHandler):
    """Whoever calls waits."""

    def __init__(self) -> None:
        self.called = asyncio.Event()

    def service(self, _: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        return grpc.unary_unary_rpc_method_handler(self._wait)

    async def _wait(self, _: bytes, __: object) -> bytes:
        self.called.set()
        await asyncio.sleep(60.0)
        return b""


class Calls:
    """In the place of the wrapper that knows the calls in flight."""

    async def drained(self) -> None:
        await asyncio.sleep(GRACE_SECONDS * 2)


async def end_one() -> None:
    door = Door()
    server = Server((), door, ("/a/b",))
    port = server.bind("127.0.0.1:0")
    await server.start()
    options = (("grpc.use_local_subchannel_pool", 1),)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/a/b")
        call = ask(b"")
        await door.called.wait()
        await _drain(server, Calls(), GRACE_SECONDS)  # type: ignore[arg-type]
        with suppress(grpc.aio.AioRpcError):
            await call


async def main() -> None:
    for _ in range(int(sys.argv[1]) // AT_ONCE):
        await asyncio.gather(*(end_one() for _ in range(AT_ONCE)))


if __name__ == "__main__":
    asyncio.run(main())
