"""What it means to whoever typed the command that policies were not published."""

from __future__ import annotations

from typing import Final

from policy_service.cli.exits import Exit, Failure
from policy_service.client.errors import ServiceError, Unavailable

_REASONS: Final = ("PUBLISHED_MEANWHILE", "BASE_TYPE_IN_USE", "SET_NOT_PREPARED", "POLICIES_BUSY")


def not_published(error: ServiceError) -> Failure | None:
    """The failure, where that is what the service has refused."""
    if error.reason not in _REASONS:
        return None
    return Failure(
        f"{error.message} ({error.reason})",
        do_next="nothing was published; see `policy-service policies diff`, and try again",
        code=Exit.UNAVAILABLE if isinstance(error, Unavailable) else Exit.DENIED,
    )
