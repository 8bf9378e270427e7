"""What can go wrong with a call. Each of these means that nothing is permitted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol, cast

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from policy_service.api.v1 import decision_pb2 as pb

_DETAILS: Final = "grpc-status-details-bin"
_LENGTH_DELIMITED: Final = 2


class ServiceError(Exception):
    """The base. `reason` is the service's stable code, `field` the path of the field at fault, or empty."""

    def __init__(self, status: grpc.StatusCode, message: str, *, reason: str = "", field: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason
        self.field = field


class InvalidQuestion(ServiceError):
    """The call alone shows that it is impossible; asking again does not help."""


class NotAllowed(ServiceError):
    """The token is missing, wrong, expired or revoked, or its bearer may not call this."""


class NotFound(ServiceError):
    """Unknown, or not for this caller; the two are never told apart."""


class Unavailable(ServiceError):
    """No answer, a late one, or one that makes no sense. It may be asked again later."""


class _FailedCall(Protocol):
    """What both of grpc's errors offer, the one of threads and the one of asyncio."""

    def code(self) -> grpc.StatusCode | None: ...
    def details(self) -> str | None: ...
    def trailing_metadata(self) -> object: ...


def service_error(error: grpc.RpcError) -> ServiceError:
    """Turn grpc's error into one of ours; whatever is unknown becomes `Unavailable`."""
    call = cast("_FailedCall", error)
    status = call.code() if hasattr(error, "code") else None
    if status is None:
        return Unavailable(grpc.StatusCode.UNKNOWN, "the call failed")
    reason, field = _reason_and_field(call)
    message = call.details() or status.name.lower()
    return _KIND.get(status, Unavailable)(status, message, reason=reason, field=field)


def error_of(error: pb.CheckError) -> ServiceError:
    """The error of one question among several, as if it had been asked alone."""
    status = getattr(grpc.StatusCode, error.code, grpc.StatusCode.UNKNOWN)
    kind = _KIND.get(status, Unavailable)
    return kind(status, error.message or "no answer", reason=error.reason, field=error.field)


_KIND: Final = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidQuestion,
    grpc.StatusCode.OUT_OF_RANGE: InvalidQuestion,
    grpc.StatusCode.ALREADY_EXISTS: InvalidQuestion,
    grpc.StatusCode.FAILED_PRECONDITION: InvalidQuestion,
    grpc.StatusCode.ABORTED: InvalidQuestion,
    grpc.StatusCode.UNAUTHENTICATED: NotAllowed,
    grpc.StatusCode.PERMISSION_DENIED: NotAllowed,
    grpc.StatusCode.NOT_FOUND: NotFound,
}


def _reason_and_field(call: _FailedCall) -> tuple[str, str]:
    """Read ErrorInfo.reason (1) and BadRequest.field_violations[0].field (1.1) out of google.rpc.Status.

    By field number, since google.rpc's Python code is a package of its own, which a caller need not have.
    """
    reason = field = ""
    metadata = cast("tuple[tuple[str, str | bytes], ...]", call.trailing_metadata() or ())
    for key, value in metadata:
        if key != _DETAILS or not isinstance(value, bytes):
            continue
        for packed in _fields(value, 3):
            kind = b"".join(_fields(packed, 1))
            for body in _fields(packed, 2):
                if kind.endswith(b"/google.rpc.ErrorInfo"):
                    reason = _text(_fields(body, 1))
                elif kind.endswith(b"/google.rpc.BadRequest"):
                    field = _text(inner for outer in _fields(body, 1) for inner in _fields(outer, 1))
    return reason, field


def _fields(message: bytes, number: int) -> Iterator[bytes]:
    try:
        unknown = UnknownFieldSet(Empty.FromString(message))
    except DecodeError:
        return
    for index in range(len(unknown)):
        field = unknown[index]
        if field.field_number == number and field.wire_type == _LENGTH_DELIMITED:
            yield field.data


def _text(found: Iterator[bytes]) -> str:
    return next(found, b"").decode("utf-8", errors="replace")
