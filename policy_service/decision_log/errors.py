"""What can go wrong with the decision log. Each of them means that no answer leaves (promise 2)."""

from __future__ import annotations

from typing import ClassVar

from policy_service.model.errors import OverloadedError, PolicyServiceError, UnavailableError


class LogUnavailable(UnavailableError):
    """The entry is not known to be durable at a validated revision, so nothing is permitted."""

    stable_reason: ClassVar[str] = "LOG_UNAVAILABLE"

    def __init__(self, message: str = "the decision log cannot be written now") -> None:
        super().__init__(self.stable_reason, message)


class StreamLost(LogUnavailable):
    """A second writer has taken the stream over. This process must end: it can prove nothing any more."""

    stable_reason = "STREAM_LOST"

    def __init__(self, message: str = "another process has taken this log stream over") -> None:
        super().__init__(message)


class LogSchemaUnfit(LogUnavailable):
    """This version may not run on the log's schema; the message says what to do."""

    stable_reason: ClassVar[str] = "LOG_SCHEMA_UNFIT"


class LogCorrupt(LogUnavailable):
    """What the store holds is not what was appended, so nothing is appended to it (promise 5)."""

    stable_reason = "LOG_CORRUPT"


class EntryMissing(LogUnavailable):
    """What was written is not in the log: nothing is acknowledged, and this process must end."""

    stable_reason = "ENTRY_MISSING"

    def __init__(self, message: str = "the decision log does not hold the entry of what was written") -> None:
        super().__init__(message)


class EntryRefused(LogUnavailable):
    """The store refused this entry, and this entry alone; the log works."""

    stable_reason = "ENTRY_REFUSED"

    def __init__(self, message: str = "the decision log refused the entry") -> None:
        super().__init__(message)


class DuplicateEntry(EntryRefused):
    """An entry with this id is in the log already; so ends an entry that is derived from the outbox again."""

    stable_reason = "DUPLICATE_ENTRY"

    def __init__(self, message: str = "an entry with this id is already in the decision log") -> None:
        super().__init__(message)


class EntryTooLarge(PolicyServiceError):
    """More than `MAX_ENTRY_BYTES`, found before the transaction. The use case says what its caller hears."""

    def __init__(self, message: str = "the log entry is larger than 65,535 bytes") -> None:
        super().__init__("ENTRY_TOO_LARGE", message)


class Overloaded(OverloadedError):
    """As many calls wait for the log as may; nothing of this call was written."""

    def __init__(self, message: str = "too many calls wait for the decision log") -> None:
        super().__init__("OVERLOADED", message)
