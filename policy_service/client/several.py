"""Several questions at once: each is answered, or is an error of its own, in the order in which it was asked.

However a batch or a stream goes wrong, no question gets the answer of another, and one without an answer is
`Unavailable`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

import grpc

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.client.decision import Decision, decision_from
from policy_service.client.errors import ServiceError, Unavailable, error_of

Outcome: TypeAlias = Decision | ServiceError
"""What came of one question. An error is not raised, since the others have answers."""

STREAM_TIMEOUT: Final = 600.0
"""Seconds that a stream may last; a connection lasts no longer either."""


def outcomes_of(questions: Sequence[pb.CheckRequest], outcomes: Sequence[pb.CheckOutcome]) -> list[Outcome]:
    """What came of each question of a batch; raises Unavailable for an answer that cannot be one."""
    if len(questions) != len(outcomes):
        raise Unavailable(grpc.StatusCode.INTERNAL, "the answer is to another number of questions")
    return [outcome_of(*each) for each in zip(questions, outcomes, strict=True)]


def outcome_of(question: pb.CheckRequest, outcome: pb.CheckOutcome) -> Outcome:
    """What came of one question among several."""
    match outcome.WhichOneof("outcome"):
        case "answer":
            try:
                return decision_from(question, outcome.answer)
            except ServiceError as error:
                return error
        case "error":
            return error_of(outcome.error)
        case _:
            return Unavailable(grpc.StatusCode.INTERNAL, "the question has no answer")


class Asked:
    """The questions of one stream that were handed over and not yet answered, in their order."""

    def __init__(self) -> None:
        self._waiting: deque[pb.CheckRequest] = deque()
        self._broken: Exception | None = None
        """Why the caller's own questions ended. Left to grpc, it would come out as the service's failure, or,
        with asyncio, as a cancelled task.
        """

    def __len__(self) -> int:
        return len(self._waiting)

    def messages(self, questions: Iterable[pb.CheckRequest]) -> Iterator[pb.CheckStreamRequest]:
        """The questions as messages. grpc takes them in a thread of its own; a deque bears that."""
        try:
            for question in questions:
                yield self._asked(question)
        except Exception as error:  # noqa: BLE001 - whatever the caller's code raises, he is told
            self._broken = error

    async def messages_of(
        self, questions: AsyncIterable[pb.CheckRequest] | Iterable[pb.CheckRequest]
    ) -> AsyncIterator[pb.CheckStreamRequest]:
        """As `messages`, for asyncio."""
        if not isinstance(questions, AsyncIterable):
            for message in self.messages(questions):
                yield message
            return
        try:
            async for question in questions:
                yield self._asked(question)
        except Exception as error:  # noqa: BLE001 - as in `messages`
            self._broken = error

    def _asked(self, question: pb.CheckRequest) -> pb.CheckStreamRequest:
        message = pb.CheckStreamRequest(check=question)
        self._waiting.append(question)
        return message

    def answered(self, response: pb.CheckStreamResponse) -> Outcome:
        """What came of the question that has waited longest."""
        if not self._waiting:
            raise Unavailable(grpc.StatusCode.INTERNAL, "an answer to nothing that was asked")
        return outcome_of(self._waiting.popleft(), response.outcome)

    def unanswered(self) -> Iterator[Outcome]:
        """At the end of the stream: everything that still waits is not permitted. Raises what the caller's
        questions raised.
        """
        while self._waiting:
            self._waiting.popleft()
            yield Unavailable(grpc.StatusCode.UNAVAILABLE, "the stream ended before this was answered")
        if self._broken is not None:
            raise self._broken
