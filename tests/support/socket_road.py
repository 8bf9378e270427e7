"""Calls to a service that runs as processes of its own, over its two sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc

from tests.support.running import Service

DEADLINE = 60.0
"""Seconds that an answer may take on a busy machine."""

_DECISION = "DecisionService/"


@dataclass(frozen=True, slots=True)
class SocketRoad:
    """As any client calls."""

    decisions: grpc.aio.Channel
    control: grpc.aio.Channel
    administrator: str

    async def call(self, method: str, message: bytes, *, token: str, controller: str = "") -> bytes:
        channel = self.decisions if method.startswith(_DECISION) else self.control
        metadata = [("authorization", f"Bearer {token}")]
        if controller:
            metadata.append(("x-controller", controller))
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            f"/policy_service.api.v1.{method}"
        )
        return await ask(message, metadata=metadata, timeout=DEADLINE)

    async def stream(self, method: str, messages: list[bytes], *, token: str) -> list[bytes]:
        hold: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = self.decisions.stream_stream(
            f"/policy_service.api.v1.{method}"
        )
        metadata = [("authorization", f"Bearer {token}")]
        return [answer async for answer in hold(iter(messages), metadata=metadata, timeout=DEADLINE)]


@asynccontextmanager
async def socket_road(service: Service) -> AsyncIterator[SocketRoad]:
    """Open a channel to each port."""
    async with (
        grpc.aio.insecure_channel(f"127.0.0.1:{service.decision_port}") as decisions,
        grpc.aio.insecure_channel(f"127.0.0.1:{service.control_port}") as control,
    ):
        yield SocketRoad(decisions, control, service.administrator)
