"""The two clients, for threads and for asyncio: one method each, and never a permit out of an error."""

from __future__ import annotations

import re
from typing import Final

import grpc
from grpc import aio

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.client.decision import Decision, decision_from
from policy_service.client.errors import InvalidQuestion, Unavailable, service_error

DEFAULT_TIMEOUT: Final = 5.0
"""Seconds. No call goes without a deadline."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]{1,1024}")
# Not the generated stub: made on a closed channel, that ends the process, by SIGSEGV (grpcio 1.85).
_CHECK: Final = "/policy_service.api.v1.DecisionService/Check"
_CLOSED: Final = "the channel is closed"


class PolicyClient:
    """Asks for one system, over a channel that its owner closes. Threads may share it."""

    def __init__(self, channel: grpc.Channel, token: str, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        self._check: grpc.UnaryUnaryMultiCallable[pb.CheckRequest, pb.CheckResponse] = channel.unary_unary(
            _CHECK, pb.CheckRequest.SerializeToString, pb.CheckResponse.FromString
        )
        self._metadata = bearer(token)
        self._timeout = _seconds(timeout)

    def check(self, question: pb.CheckRequest, *, timeout: float | None = None) -> Decision:
        """Ask. A denial is an answer; everything else that is no permit raises a ServiceError."""
        seconds = self._timeout if timeout is None else _seconds(timeout)
        try:
            response = self._check(question, timeout=seconds, metadata=self._metadata)
        except grpc.RpcError as error:
            raise service_error(error) from None
        except ValueError:  # grpc's word for a channel that was closed
            raise Unavailable(grpc.StatusCode.UNAVAILABLE, _CLOSED) from None
        return decision_from(question, response)


class AsyncPolicyClient:
    """`PolicyClient` for asyncio. Tasks may share it; a cancelled check raises CancelledError."""

    def __init__(self, channel: aio.Channel, token: str, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        self._check: aio.UnaryUnaryMultiCallable[pb.CheckRequest, pb.CheckResponse] = channel.unary_unary(
            _CHECK, pb.CheckRequest.SerializeToString, pb.CheckResponse.FromString
        )
        self._metadata = bearer(token)
        self._timeout = _seconds(timeout)

    async def check(
        self,
        question: pb.CheckRequest,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the call's deadline, which the server is told, too
    ) -> Decision:
        """Ask. A denial is an answer; everything else that is no permit raises a ServiceError."""
        seconds = self._timeout if timeout is None else _seconds(timeout)
        try:
            response = await self._check(question, timeout=seconds, metadata=self._metadata)
        except grpc.RpcError as error:
            raise service_error(error) from None
        except (aio.UsageError, ValueError):
            raise Unavailable(grpc.StatusCode.UNAVAILABLE, _CLOSED) from None
        return decision_from(question, response)


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """Give the metadata that carries the token.

    Raises InvalidQuestion for what is no token, before grpc does: its own error would repeat the text.
    """
    if not _TOKEN.fullmatch(token):
        raise InvalidQuestion(
            grpc.StatusCode.INVALID_ARGUMENT, "this is not a token", reason="TOKEN_MALFORMED"
        )
    return (("authorization", f"Bearer {token}"),)


def _seconds(timeout: float) -> float:
    if not 0 < timeout <= 3600:  # also refuses NaN
        raise ValueError("a deadline is more than 0 and at most 3,600 seconds away")
    return timeout
