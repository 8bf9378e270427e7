"""BatchCheck and CheckStream: several questions as bytes each, and what came of each, in their order.

The outer messages are read as lists of bytes (the wire form of a message within a message is the same), so
that one question that cannot be read harms no other, and an answer is not read again to be put into a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.question import MAX_QUESTIONS, CheckCall
from policy_service.server.bounds import read_message
from policy_service.server.convert_check import parse_check
from policy_service.server.errors import Refusal
from policy_service.server.handlers import Several
from policy_service.server.limits import MAX_RESPONSE_BYTES
from policy_service.service.together import Together

MAX_CHECKS: Final = 1_000
"""Of one batch."""
MAX_QUESTIONS_OF_BATCH: Final = 4 * MAX_QUESTIONS
"""Fields times recipients, of all checks of a batch."""

_ERROR_BYTES: Final = 512
"""Room that is kept in an answer for each outcome that is still to come: an error needs no more."""
TOO_LARGE: Final = Refusal(
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    "ANSWER_TOO_LARGE",
    "the answers of this batch are more than a client takes; ask this question again in another",
    error_id="",
)


def open_batch(data: bytes) -> Sequence[bytes]:
    """The checks of a BatchCheckRequest, as bytes. Raises `InvalidArgumentError` for the batch as a whole."""
    checks: Sequence[bytes] = _read(data, pb.BatchCheckRequest.DESCRIPTOR.name)
    if not checks:
        raise InvalidArgumentError("checks", "REQUIRED", "`checks` must hold at least one question")
    if len(checks) > MAX_CHECKS:
        raise InvalidArgumentError("checks", "TOO_MANY", f"`checks` has more than {MAX_CHECKS:,} entries")
    if sum(_questions(check) for check in checks) > MAX_QUESTIONS_OF_BATCH:
        raise InvalidArgumentError(
            "checks",
            "TOO_MANY_QUESTIONS",
            f"`checks` ask more than {MAX_QUESTIONS_OF_BATCH:,} questions (fields times recipients) together",
        )
    return checks


def close_batch(outcomes: Sequence[bytes | Refusal]) -> bytes:
    """A BatchCheckResponse, no larger than gRPC clients take: an answer that does not fit in any more is an
    error of its question, of which then nothing is permitted.
    """
    room = MAX_RESPONSE_BYTES - _ERROR_BYTES * len(outcomes)
    parts = []
    for outcome in outcomes:
        part = _outcome(outcome)
        if len(part) > room:
            part = _outcome(TOO_LARGE)
        elif len(part) > _ERROR_BYTES:
            room -= len(part) - _ERROR_BYTES
        parts.append(part)
    return _list(parts)


def open_message(data: bytes) -> Sequence[bytes]:
    """The check of a CheckStreamRequest, as bytes. Raises `InvalidArgumentError`."""
    checks: Sequence[bytes] = _read(data, pb.CheckStreamRequest.DESCRIPTOR.name)
    if not checks:
        raise InvalidArgumentError("check", "REQUIRED", "`check` must hold the question")
    if len(checks) > 1:
        # protobuf would merge them into one question that nobody asked.
        raise InvalidArgumentError("check", "REPEATED", "`check` stands there twice")
    return checks


def close_message(outcomes: Sequence[bytes | Refusal]) -> bytes:
    """A CheckStreamResponse."""
    return close_batch(outcomes)


def asked_together(checks: Sequence[bytes]) -> Together:
    """The checks of a batch, read only where their facts have to be loaded; one that cannot be read needs
    none, and is refused in its place.
    """

    def calls() -> Iterator[CheckCall]:
        for check in checks:
            with suppress(InvalidArgumentError):
                yield parse_check(check)

    return Together(calls)


BATCH = Several(streamed=False, open=open_batch, close=close_batch, together=asked_together)
STREAM = Several(streamed=True, open=open_message, close=close_message)


def _outcome(outcome: bytes | Refusal) -> bytes:
    if isinstance(outcome, bytes):
        return _list([outcome])
    return pb.CheckOutcome(
        error=pb.CheckError(
            code=outcome.code.name,
            reason=outcome.reason,
            message=outcome.text,
            field=outcome.field_path,
            error_id=outcome.error_id,
        )
    ).SerializeToString()


def _questions(check: bytes) -> int:
    """How many questions a check asks; one that cannot be read asks none, and is refused in its place."""
    try:
        asked = pb.CheckRequest.FromString(check)
    except (DecodeError, RecursionError):
        return 0
    questions = len(asked.fields) * max(1, len(asked.recipients))
    return questions if questions <= MAX_QUESTIONS else 0


def _list(parts: Sequence[bytes]) -> bytes:
    return bytes(_Parts(parts=parts).SerializeToString())


def _read(data: bytes, name: str) -> Sequence[bytes]:
    parts: Any = read_message(_Parts, data, name)
    return tuple(parts.parts)


def _parts_message() -> type[Message]:
    """A message of which field 1 is a list of bytes: a list of messages on the wire, or one."""
    file = descriptor_pb2.FileDescriptorProto(name="policy_service/server/parts.proto", syntax="proto3")
    file.package = "policy_service.server"
    field = file.message_type.add(name="Parts").field.add(name="parts", number=1)
    field.label, field.type = field.LABEL_REPEATED, field.TYPE_BYTES
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("policy_service.server.Parts"))


_Parts: Final[Any] = _parts_message()
