"""The one table from an error to a gRPC status. Fixed texts, a stable reason, an id; nothing of an exception.

Whatever is not in the table is `INTERNAL` with one text: its cause is logged by type and place alone, because
the text of an exception may hold what a caller sent or what is on file.
"""

from __future__ import annotations

import functools
import logging
import secrets
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from policy_service.model.errors import (
    ConflictError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotAvailableError,
    OverloadedError,
    PermissionDeniedError,
    PolicyServiceError,
    UnauthenticatedError,
    UnavailableError,
)

DOMAIN = "policy-service"
"""`ErrorInfo.domain` of every refusal."""

STATUS: dict[type[PolicyServiceError], grpc.StatusCode] = {
    InvalidArgumentError: grpc.StatusCode.INVALID_ARGUMENT,
    UnauthenticatedError: grpc.StatusCode.UNAUTHENTICATED,
    PermissionDeniedError: grpc.StatusCode.PERMISSION_DENIED,
    NotAvailableError: grpc.StatusCode.NOT_FOUND,
    ConflictError: grpc.StatusCode.ALREADY_EXISTS,
    FailedPreconditionError: grpc.StatusCode.FAILED_PRECONDITION,
    OverloadedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    UnavailableError: grpc.StatusCode.UNAVAILABLE,
}

UNAUTHENTICATED_TEXT = "send a valid API token as `authorization: Bearer ...`"
INTERNAL_TEXT = (
    "the service failed; nothing is permitted; its log knows this failure by the id in the details"
)
UNKNOWN_METHOD_TEXT = "there is no such method on this port"

_log = logging.getLogger(__name__)


def _new_id() -> str:
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a caller is told instead of an answer."""

    code: grpc.StatusCode
    reason: str
    text: str
    field_path: str = ""
    """The field at fault, or empty."""
    error_id: str = field(default_factory=_new_id)


UNAUTHENTICATED = Refusal(
    grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED", UNAUTHENTICATED_TEXT, error_id=""
)
"""Missing, wrong, expired and revoked credentials are refused alike; which it was is counted."""

UNKNOWN_METHOD = Refusal(grpc.StatusCode.UNIMPLEMENTED, "UNKNOWN_METHOD", UNKNOWN_METHOD_TEXT, error_id="")


@functools.lru_cache(maxsize=64)
def status_of(refusal: Refusal) -> grpc.Status:
    """The status with google.rpc.ErrorInfo, and BadRequest where a field is at fault."""
    status = status_pb2.Status(code=refusal.code.value[0], message=refusal.text)
    info = error_details_pb2.ErrorInfo(reason=refusal.reason, domain=DOMAIN)
    if refusal.error_id:
        info.metadata["id"] = refusal.error_id
    status.details.add().Pack(info)
    if refusal.code is grpc.StatusCode.INVALID_ARGUMENT or refusal.field_path:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=refusal.field_path, description=refusal.text, reason=refusal.reason
        )
        status.details.add().Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    return rpc_status.to_status(status)


def refusal_of(error: Exception) -> Refusal:
    """Find what the caller is told. What the table does not know is logged here, by type and place."""
    if isinstance(error, UnauthenticatedError):
        return UNAUTHENTICATED
    if isinstance(error, PolicyServiceError):
        for kind in type(error).__mro__:
            code = STATUS.get(kind)
            if code is not None:
                return Refusal(code, error.reason, error.message, error.field)
    refusal = Refusal(grpc.StatusCode.INTERNAL, "INTERNAL", INTERNAL_TEXT)
    _log.error("a call failed", extra={"error_id": refusal.error_id, **cause(error)})
    return refusal


def cause(error: BaseException) -> dict[str, str]:
    """Describe an exception for a log line: its types and the place where it was raised, never its text."""
    kinds: list[str] = []
    link: BaseException | None = error
    while link is not None and len(kinds) < 8:
        kinds.append(type(link).__qualname__)
        link = link.__cause__ or link.__context__
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    return {"error": ": ".join(kinds), "at": place}


async def abort(context: grpc.aio.ServicerContext[Any, Any], refusal: Refusal) -> NoReturn:
    """End the call with the refusal. Raises grpc's own error, which must not be caught."""
    status = status_of(refusal)
    await context.abort(status.code, status.details, status.trailing_metadata)
    raise AssertionError("abort does not return")


class StartError(Exception):
    """The process cannot start, in words for whoever starts it; until something is changed it never will."""


class FolderTakenError(StartError):
    """Another service runs on the data of this folder; `process_id`: its supervisor, where it is known."""

    def __init__(self, folder: Path, process_id: int | None) -> None:
        which = "" if process_id is None else f": process {process_id}"
        super().__init__(f"another service runs on the data in `{folder}`{which}")
        self.process_id = process_id


class PortTakenError(StartError):
    """Another process listens on the port."""
