"""What can go wrong, in the words of the service; the server's error table alone turns these into gRPC
statuses.

Every error carries a stable `reason` (ErrorInfo.reason, SCREAMING_SNAKE_CASE) and a message that is safe to
show: lower case, no final period, and never a value of a call, of a person or of a token. Each of them means
that nothing is permitted.
"""

from __future__ import annotations

from typing import Self


class PolicyServiceError(Exception):
    """The base of every error that a caller may be told about. `field` is the path of the field at fault,
    e.g. `fields[2].name`, or empty.
    """

    def __init__(self, reason: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.field = field
        self.people: tuple[str, ...] = ()

    def about(self, *people: str) -> Self:
        """Say whom the call named that it is refused for, in a log entry's words. The caller is not told."""
        self.people = people
        return self


class InvalidArgumentError(PolicyServiceError):
    """What the call alone shows to be impossible."""

    def __init__(self, field: str, reason: str, message: str) -> None:
        super().__init__(reason, message, field)


class UnauthenticatedError(PolicyServiceError):
    """No credentials, or none that hold."""


class PermissionDeniedError(PolicyServiceError):
    """The caller is known, and may not call this."""


class NotAvailableError(PolicyServiceError):
    """What needs the store to tell: unknown, or not for this caller; the two are never told apart."""

    def __init__(self, message: str = "not available", field: str = "") -> None:
        super().__init__("NOT_AVAILABLE", message, field)


class ConflictError(PolicyServiceError):
    """A repeated idempotency key with another body, or an identifier that somebody else has."""


class FailedPreconditionError(PolicyServiceError):
    """What is on file stands against it; it may be asked again once that has changed."""


class OverloadedError(PolicyServiceError):
    """A bound was reached; the caller may try again later."""


class UnavailableError(PolicyServiceError):
    """A store or the log cannot be reached or is too slow; nothing was decided and nothing is permitted."""

    def __init__(
        self, reason: str = "STORE_UNAVAILABLE", message: str = "the service cannot answer now"
    ) -> None:
        super().__init__(reason, message)
