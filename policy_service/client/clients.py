"""The two clients, for threads and for asyncio: one method each, and never a permit out of an error."""

from __future__ import annotations

import re
from typing import Final, TypeVar

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
_EXPLAIN: Final = "/policy_service.api.v1.DecisionService/Explain"
_CLOSED: Final = "the channel is closed"

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class PolicyClient:
    """Asks for one system, over a channel that its owner closes. Threads may share it."""

    def __init__(self, channel: grpc.Channel, token: str, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        self._check: grpc.UnaryUnaryMultiCallable[pb.CheckRequest, pb.CheckResponse] = channel.unary_unary(
            _CHECK, pb.CheckRequest.SerializeToString, pb.CheckResponse.FromString
        )
        self._explain: grpc.UnaryUnaryMultiCallable[pb.ExplainRequest, pb.ExplainResponse] = (
            channel.unary_unary(_EXPLAIN, pb.ExplainRequest.SerializeToString, pb.ExplainResponse.FromString)
        )
        self._metadata = bearer(token)
        self._timeout = _seconds(timeout)

    def check(self, question: pb.CheckRequest, *, timeout: float | None = None) -> Decision:
        """Ask. A denial is an answer; everything else that is no permit raises a ServiceError."""
        return decision_from(question, self._call(self._check, question, timeout))

    def explain(self, question: pb.CheckRequest, *, timeout: float | None = None) -> pb.ExplainResponse:
        """Ask what `check` would answer, and why; for systems to which it is granted.

        It is for people to read, and so it is no Decision: nothing may be shown or sent by it.
        """
        return self._call(self._explain, pb.ExplainRequest(check=question), timeout)

    def _call(
        self,
        method: grpc.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
        timeout: float | None,
    ) -> _Response:
        seconds = self._timeout if timeout is None else _seconds(timeout)
        try:
            return method(request, timeout=seconds, metadata=self._metadata)
        except grpc.RpcError as error:
            raise service_error(error) from None
        except ValueError:  # grpc's word for a channel that was closed
            raise Unavailable(grpc.StatusCode.UNAVAILABLE, _CLOSED) from None


class AsyncPolicyClient:
    """`PolicyClient` for asyncio. Tasks may share it; a cancelled check raises CancelledError."""

    def __init__(self, channel: aio.Channel, token: str, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        self._check: aio.UnaryUnaryMultiCallable[pb.CheckRequest, pb.CheckResponse] = channel.unary_unary(
            _CHECK, pb.CheckRequest.SerializeToString, pb.CheckResponse.FromString
        )
        self._explain: aio.UnaryUnaryMultiCallable[pb.ExplainRequest, pb.ExplainResponse] = (
            channel.unary_unary(_EXPLAIN, pb.ExplainRequest.SerializeToString, pb.ExplainResponse.FromString)
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
        return decision_from(question, await self._call(self._check, question, timeout))

    async def explain(
        self,
        question: pb.CheckRequest,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
    ) -> pb.ExplainResponse:
        """As `PolicyClient.explain`."""
        return await self._call(self._explain, pb.ExplainRequest(check=question), timeout)

    async def _call(
        self,
        method: aio.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
        timeout: float | None,  # noqa: ASYNC109 - as above
    ) -> _Response:
        seconds = self._timeout if timeout is None else _seconds(timeout)
        try:
            return await method(request, timeout=seconds, metadata=self._metadata)
        except grpc.RpcError as error:
            raise service_error(error) from None
        except (aio.UsageError, ValueError):
            raise Unavailable(grpc.StatusCode.UNAVAILABLE, _CLOSED) from None


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
