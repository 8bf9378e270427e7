"""The two clients, for threads and for asyncio: the same methods, and never a permit out of an error."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from typing import Final, TypeVar

import grpc
from grpc import aio

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.client.decision import Decision, decision_from
from policy_service.client.errors import InvalidQuestion, Unavailable, service_error
from policy_service.client.several import STREAM_TIMEOUT, Asked, Outcome, outcomes_of

DEFAULT_TIMEOUT: Final = 5.0
"""Seconds. No call goes without a deadline."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]{1,1024}")
# Not the generated stub: made on a closed channel, that ends the process, by SIGSEGV (grpcio 1.85).
_CHECK: Final = "/policy_service.api.v1.DecisionService/Check"
_EXPLAIN: Final = "/policy_service.api.v1.DecisionService/Explain"
_BATCH: Final = "/policy_service.api.v1.DecisionService/BatchCheck"
_STREAM: Final = "/policy_service.api.v1.DecisionService/CheckStream"
_REPORT: Final = "/policy_service.api.v1.DecisionService/ReportOutcome"
_CLOSED: Final = "the channel is closed"
_LOST: Final = "Internal error from Core"
"""What grpcio for asyncio says, and not what the service told, where it was about to send (1.85)."""

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
        self._batch: grpc.UnaryUnaryMultiCallable[pb.BatchCheckRequest, pb.BatchCheckResponse] = (
            channel.unary_unary(
                _BATCH, pb.BatchCheckRequest.SerializeToString, pb.BatchCheckResponse.FromString
            )
        )
        self._stream: grpc.StreamStreamMultiCallable[pb.CheckStreamRequest, pb.CheckStreamResponse] = (
            channel.stream_stream(
                _STREAM, pb.CheckStreamRequest.SerializeToString, pb.CheckStreamResponse.FromString
            )
        )
        self._report: grpc.UnaryUnaryMultiCallable[pb.ReportOutcomeRequest, pb.ReportOutcomeResponse] = (
            channel.unary_unary(
                _REPORT, pb.ReportOutcomeRequest.SerializeToString, pb.ReportOutcomeResponse.FromString
            )
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

    def check_batch(
        self, questions: Sequence[pb.CheckRequest], *, timeout: float | None = None
    ) -> list[Outcome]:
        """Ask at most 1,000 questions in one call; what came of each, in their order.

        Fields times recipients may be 16,384 in all. The largest take seconds: `timeout` says how many.
        Raises a ServiceError where the call as a whole failed: then nothing is permitted.
        """
        response = self._call(self._batch, pb.BatchCheckRequest(checks=questions), timeout)
        return outcomes_of(questions, response.outcomes)

    def check_stream(
        self, questions: Iterable[pb.CheckRequest], *, timeout: float = STREAM_TIMEOUT
    ) -> Iterator[Outcome]:
        """Ask as the work goes; what came of each question, in their order.

        `questions` is read in a thread of grpc's, up to some 64 questions ahead of the answers. Raises a
        ServiceError where the stream failed: nothing that has not come out before is permitted. What
        `questions` itself raises comes out as it is, behind the outcomes of what was asked before.
        """
        asked = Asked()
        try:
            stream = self._stream(
                asked.messages(questions), timeout=_seconds(timeout), metadata=self._metadata
            )
        except ValueError:
            raise Unavailable(grpc.StatusCode.UNAVAILABLE, _CLOSED) from None
        try:
            for response in stream:
                yield asked.answered(response)
        except grpc.RpcError as error:
            raise service_error(error) from None
        finally:
            stream.cancel()
        yield from asked.unanswered()

    def report(
        self, outcome: pb.ReportOutcomeRequest, *, timeout: float | None = None
    ) -> pb.ReportOutcomeResponse:
        """Tell what came of a decision; the answer says how the report stands to it."""
        return self._call(self._report, outcome, timeout)

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
        self._batch: aio.UnaryUnaryMultiCallable[pb.BatchCheckRequest, pb.BatchCheckResponse] = (
            channel.unary_unary(
                _BATCH, pb.BatchCheckRequest.SerializeToString, pb.BatchCheckResponse.FromString
            )
        )
        self._stream: aio.StreamStreamMultiCallable[pb.CheckStreamRequest, pb.CheckStreamResponse] = (
            channel.stream_stream(
                _STREAM, pb.CheckStreamRequest.SerializeToString, pb.CheckStreamResponse.FromString
            )
        )
        self._report: aio.UnaryUnaryMultiCallable[pb.ReportOutcomeRequest, pb.ReportOutcomeResponse] = (
            channel.unary_unary(
                _REPORT, pb.ReportOutcomeRequest.SerializeToString, pb.ReportOutcomeResponse.FromString
            )
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

    async def check_batch(
        self,
        questions: Sequence[pb.CheckRequest],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
    ) -> list[Outcome]:
        """As `PolicyClient.check_batch`."""
        response = await self._call(self._batch, pb.BatchCheckRequest(checks=questions), timeout)
        return outcomes_of(questions, response.outcomes)

    async def check_stream(
        self,
        questions: AsyncIterable[pb.CheckRequest] | Iterable[pb.CheckRequest],
        *,
        timeout: float = STREAM_TIMEOUT,  # noqa: ASYNC109 - as above
    ) -> AsyncIterator[Outcome]:
        """As `PolicyClient.check_stream`."""
        asked = Asked()
        try:
            stream = self._stream(
                asked.messages_of(questions), timeout=_seconds(timeout), metadata=self._metadata
            )
        except (aio.UsageError, ValueError):
            raise Unavailable(grpc.StatusCode.UNAVAILABLE, _CLOSED) from None
        try:
            async for response in stream:
                yield asked.answered(response)
        except grpc.RpcError as error:
            raise service_error(await self._told(error)) from None
        finally:
            stream.cancel()
        for outcome in asked.unanswered():
            yield outcome

    async def _told(self, error: grpc.RpcError) -> grpc.RpcError:
        """What the service said to a stream; asked for by one without questions, where it was lost."""
        if not isinstance(error, aio.AioRpcError) or error.details() != _LOST:
            return error
        try:
            async for _ in self._stream(iter(()), timeout=self._timeout, metadata=self._metadata):
                pass
        except grpc.RpcError as told:
            return told
        return error

    async def report(
        self,
        outcome: pb.ReportOutcomeRequest,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
    ) -> pb.ReportOutcomeResponse:
        """As `PolicyClient.report`."""
        return await self._call(self._report, outcome, timeout)

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
