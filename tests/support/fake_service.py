"""A real gRPC server on a loopback port that records every call and answers what a test tells it to.

It knows every service of the protos, checks nothing, and answers with an empty message unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import any_pb2, descriptor_pool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

# Imported so that the descriptor pool knows the services.
from policy_service.api.v1 import (
    access_pb2,
    casework_pb2,
    decision_log_pb2,
    people_pb2,
    policy_pb2,
    privacy_request_pb2,
    record_pb2,
    retention_pb2,
)

SERVICES = (
    access_pb2,
    casework_pb2,
    decision_log_pb2,
    people_pb2,
    policy_pb2,
    privacy_request_pb2,
    record_pb2,
    retention_pb2,
)
PACKAGE = "policy_service.api.v1"
LOOK = "AccessService/ListSystems"


@dataclass
class Refusal(Exception):
    """What a test tells the fake to refuse a call with."""

    status: grpc.StatusCode
    message: str = "refused"
    reason: str = ""
    field: str = ""


@dataclass(frozen=True)
class Call:
    """One call that arrived: `DecisionService/Check`, its metadata, its message."""

    method: str
    metadata: dict[str, str]
    request: Any


Answer = Callable[[Any], Any]
"""A message; of a method that answers with a stream, an iterable of them: to each message of the caller's,
where he sends a stream, too.
"""


@dataclass
class FakeService(grpc.GenericRpcHandler):
    """Answers by method: `answers["DecisionService/Check"] = lambda request: …`; it may raise a Refusal."""

    calls: list[Call] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    address: str = ""
    organisations: set[str] | None = None
    """Those that have a system on file; None: every one."""

    def requests(self, method: str) -> list[Any]:
        """The messages that arrived for a method, in order."""
        return [call.request for call in self.calls if call.method == method]

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        name, _, method = handler_call_details.method.strip("/").partition("/")
        descriptor = descriptor_pool.Default().FindServiceByName(name).methods_by_name[method]
        request_class = GetMessageClass(descriptor.input_type)
        response_class = GetMessageClass(descriptor.output_type)
        short = f"{name.removeprefix(f'{PACKAGE}.')}/{method}"
        nothing: Answer = lambda _: () if descriptor.server_streaming else response_class()  # noqa: E731
        answer = self.answers.get(short, nothing)
        metadata = {key: str(value) for key, value in handler_call_details.invocation_metadata or ()}

        def handle(request: Message, context: grpc.ServicerContext) -> Message:
            if short == LOOK and "x-controller" in metadata and getattr(request, "page_size", 0) == 1:
                # What the command line asks before it acts for an organisation; tests are about what follows.
                known = self.organisations is None or metadata["x-controller"] in self.organisations
                return access_pb2.ListSystemsResponse(systems=[access_pb2.System(name="s")] if known else [])
            self.calls.append(Call(short, metadata, request))
            try:
                answered: Message = answer(request)
            except Refusal as refusal:
                context.abort_with_status(rpc_status.to_status(_status(refusal)))
                raise AssertionError("unreachable") from None
            return answered

        def handle_stream(request: Message, context: grpc.ServicerContext) -> Iterator[Message]:
            self.calls.append(Call(short, metadata, request))
            try:
                yield from answer(request)
            except Refusal as refusal:
                context.abort_with_status(rpc_status.to_status(_status(refusal)))

        def converse(requests: Iterator[Message], context: grpc.ServicerContext) -> Iterator[Message]:
            for request in requests:
                yield from handle_stream(request, context)

        if descriptor.client_streaming:
            return grpc.stream_stream_rpc_method_handler(
                converse,
                request_deserializer=request_class.FromString,
                response_serializer=response_class.SerializeToString,
            )
        if descriptor.server_streaming:
            return grpc.unary_stream_rpc_method_handler(
                handle_stream,
                request_deserializer=request_class.FromString,
                response_serializer=response_class.SerializeToString,
            )
        return grpc.unary_unary_rpc_method_handler(
            handle,
            request_deserializer=request_class.FromString,
            response_serializer=response_class.SerializeToString,
        )


@contextmanager
def running(credentials: grpc.ServerCredentials | None = None) -> Iterator[FakeService]:
    """Run a fake on a free port until the block ends, in clear or with TLS."""
    fake = FakeService()
    server = grpc.server(ThreadPoolExecutor(max_workers=4), options=(("grpc.so_reuseport", 0),))
    server.add_generic_rpc_handlers((fake,))
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    fake.address = f"127.0.0.1:{port}"
    server.start()
    try:
        yield fake
    finally:
        server.stop(grace=0).wait()


def _status(refusal: Refusal) -> status_pb2.Status:
    status = status_pb2.Status(code=refusal.status.value[0], message=refusal.message)
    for detail in _details(refusal):
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def _details(refusal: Refusal) -> Iterator[Message]:
    if refusal.reason:
        yield error_details_pb2.ErrorInfo(reason=refusal.reason, domain="policy-service")
    if refusal.field:
        bad = error_details_pb2.BadRequest()
        bad.field_violations.add(field=refusal.field, description=refusal.message)
        yield bad
