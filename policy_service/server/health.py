"""grpc.health.v1 for everybody, whatever else is busy: it touches no store, and no caller's share.

Its methods are of stream shape even where the protocol has one message, so that who never sends that message
is a guest like any other and has to leave in the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2 as pb

from policy_service.model.errors import InvalidArgumentError, NotAvailableError
from policy_service.server.guests import Context, Guests, guarded
from policy_service.server.limits import overloaded

SERVICE = "grpc.health.v1.Health"
MOST_WATCHERS = 64

SERVING = pb.HealthCheckResponse.SERVING
NOT_SERVING = pb.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = pb.HealthCheckResponse.SERVICE_UNKNOWN


class Health:
    """The state of this process, and those who watch it. Event loop only."""

    def __init__(self, services: Iterable[str], guests: Guests) -> None:
        self._services = frozenset({"", SERVICE, *services})
        self._guests = guests
        self._elsewhere: dict[str, bool] = {}
        self._serving = False
        self._ended = False
        self._changed = asyncio.Event()
        self._watchers = Guests(most=MOST_WATCHERS)

    @property
    def serving(self) -> bool:
        """Whether health says SERVING."""
        return self._serving

    def set(self, *, serving: bool) -> None:
        """Say whether this process serves. All services of its own share one state."""
        if serving is not self._serving and not self._ended:
            self._serving = serving
            self._wake()

    def set_elsewhere(self, service: str, *, serving: bool) -> None:
        """Say whether other processes beside this one serve a service that it does not serve itself."""
        if self._elsewhere.get(service) is not serving:
            self._elsewhere[service] = serving
            self._wake()

    def end(self) -> None:
        """Say NOT_SERVING for good, and end every watch after it was told."""
        self._serving = False
        self._ended = True
        self._wake()

    def handlers(self) -> Mapping[str, grpc.RpcMethodHandler[Any, Any]]:
        """The methods by gRPC path."""
        return {
            f"/{SERVICE}/Check": grpc.stream_stream_rpc_method_handler(guarded(self._check)),
            f"/{SERVICE}/Watch": grpc.stream_stream_rpc_method_handler(guarded(self._watch)),
        }

    async def _check(self, context: Context) -> None:
        status = self._status(await self._asked_about(context))
        if status == SERVICE_UNKNOWN:
            raise NotAvailableError("there is no such service on this port")
        await context.write(pb.HealthCheckResponse(status=status).SerializeToString())

    async def _watch(self, context: Context) -> None:
        service = await self._asked_about(context)
        told: int | None = None
        with self._watchers.seat() as leave:
            while True:
                changed, status = self._changed, self._status(service)
                if status != told:
                    await context.write(pb.HealthCheckResponse(status=status).SerializeToString())
                    told = status
                if self._ended:
                    return
                waiting = asyncio.ensure_future(changed.wait())
                try:
                    await asyncio.wait((waiting, leave), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waiting.cancel()
                if leave.done():
                    raise overloaded()

    def _status(self, service: str) -> int:
        if service in self._elsewhere:
            return SERVING if self._serving and self._elsewhere[service] else NOT_SERVING
        if service not in self._services:
            return SERVICE_UNKNOWN
        return SERVING if self._serving else NOT_SERVING

    async def _asked_about(self, context: Context) -> str:
        message = await self._guests.read(context)
        try:
            return pb.HealthCheckRequest.FromString(message or b"").service
        except DecodeError as error:
            raise InvalidArgumentError("", "UNREADABLE_MESSAGE", "the message cannot be read") from error

    def _wake(self) -> None:
        # Each change has an event of its own, so that a watcher that is busy writing misses none.
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
