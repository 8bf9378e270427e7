"""Calls by a well-behaved client, and what they were told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self, cast

import grpc
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2
from grpc_status import rpc_status

from tests.support.forking import Forked, forked

PACKAGE = "policy_service.api.v1"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0))


@dataclass
class Refused(Exception):
    """A refusal as a client reads it."""

    code: grpc.StatusCode
    text: str
    reason: str
    field: str
    error_id: str


class Client:
    """One connection."""

    def __init__(self, port: int, *options: tuple[str, int]) -> None:
        self.port = port
        # A subchannel pool of its own, or all channels of a process would share one connection.
        self.channel = grpc.insecure_channel(
            f"127.0.0.1:{port}", options=(*OPTIONS, *options, ("grpc.use_local_subchannel_pool", 1))
        )

    def call(
        self,
        method: str,
        message: bytes | str = b"",
        *,
        token: str | None = None,
        metadata: Sequence[tuple[str, str]] = (),
        seconds: float = 10.0,
    ) -> bytes:
        """Call `Service/Method`. Raises `Refused`."""
        path = method if method.startswith("/") else f"/{PACKAGE}.{method}"
        sent = (("authorization", f"Bearer {token}"), *metadata) if token is not None else tuple(metadata)
        data = message.encode() if isinstance(message, str) else message
        try:
            ask = cast("Callable[..., bytes]", self.channel.unary_unary(path))
            return ask(data, metadata=sent, timeout=seconds)
        except grpc.RpcError as error:
            raise refused(error) from None

    def health(self, service: str = "", *, seconds: float = 10.0) -> int:
        """What grpc.health.v1 says of a service. Raises `Refused`."""
        message = health_pb2.HealthCheckRequest(service=service).SerializeToString()
        answer = self.call("/grpc.health.v1.Health/Check", message, seconds=seconds)
        return health_pb2.HealthCheckResponse.FromString(answer).status

    def close(self) -> None:
        self.channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def refused(error: grpc.RpcError) -> Refused:
    call = cast("grpc.Call", error)
    reason = field = error_id = ""
    status = rpc_status.from_call(call)
    for detail in status.details if status is not None else ():
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            assert info.domain == "policy-service"
            reason, error_id = info.reason, info.metadata.get("id", "")
        elif detail.Unpack(bad):
            (violation,) = bad.field_violations
            field = violation.field
    return Refused(call.code(), call.details() or "", reason, field, error_id)


@dataclass(frozen=True)
class Edge:
    """A running `edge_app`."""

    port: int
    process: Forked

    def tell(self, command: str = "") -> dict[str, Any]:
        """Say something to the use cases, and read what they have seen."""
        with Client(self.port) as client:
            answer: dict[str, Any] = json.loads(client.call("TestService/Tell", command, token="manager"))
            return answer

    def until(self, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read what the use cases have seen until it is what is waited for, and return it."""
        deadline = time.monotonic() + 20.0
        while not reached(told := self.tell()):
            assert time.monotonic() < deadline, told
            time.sleep(0.02)
        return told

    def end(self) -> None:
        """End its stdin, and return once it says that it drains."""
        self.process.stdin.close()
        assert any('"message": "draining"' in line for line in self.process.stderr)


@contextmanager
def running_edge(capacity: int = 64, drain_seconds: float = 5.0) -> Iterator[Edge]:
    process = forked("tests.server.edge_app", str(capacity), str(drain_seconds))
    try:
        yield Edge(int(process.stdout.readline()), process)
    finally:
        process.stdin.close()
        try:
            process.wait(15)
        finally:
            process.kill()
            process.close()
