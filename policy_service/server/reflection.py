"""Server reflection: tools can call the service without the protos. It tells what they tell, and no more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, cast

import grpc
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha import reflection_pb2 as pb

from policy_service.model.errors import InvalidArgumentError, OverloadedError
from policy_service.server.guests import Context, Guests, guarded

V1ALPHA = "grpc.reflection.v1alpha.ServerReflection"
SERVICES = ("grpc.reflection.v1.ServerReflection", V1ALPHA)
"""v1 has the messages of v1alpha, byte for byte."""

MOST_QUESTIONS = 1_000
"""On one stream; a tool asks some dozens."""


def handlers(services: Iterable[str], guests: Guests) -> Mapping[str, grpc.RpcMethodHandler[Any, Any]]:
    """The methods by gRPC path; `services` are the full names that reflection lists."""
    # Of reflection itself only the version whose description Python has: tools look up whatever is listed.
    servicer = reflection.aio.ReflectionServicer((*services, V1ALPHA))
    # An async generator, which its types take for a coroutine.
    responses = cast(
        "Callable[[object, object], AsyncIterator[pb.ServerReflectionResponse]]",
        servicer.ServerReflectionInfo,
    )

    async def answer(context: Context) -> None:
        async for response in responses(_questions(context, guests), context):
            await context.write(response.SerializeToString())

    handler: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(guarded(answer))
    return {f"/{service}/ServerReflectionInfo": handler for service in SERVICES}


async def _questions(context: Context, guests: Guests) -> AsyncIterator[pb.ServerReflectionRequest]:
    for asked in range(MOST_QUESTIONS):
        try:
            message = await guests.read(context)
        except OverloadedError:
            if not asked:
                raise
            return  # a tool that has what it needs and keeps its stream is simply done
        if message is None:
            return
        try:
            yield pb.ServerReflectionRequest.FromString(message)
        except DecodeError as error:
            raise InvalidArgumentError("", "UNREADABLE_MESSAGE", "the message cannot be read") from error
