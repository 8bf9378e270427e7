"""Whose word counts for the time of a decision.

The end of a protection and the start of a permit are judged by the process's clock alone. The end of a
permit is judged by the latest of that clock, of the moment at which the newest facts were committed, and of
the last decision: a clock that is set back gives no permit back. On PostgreSQL a process whose clock is away
from the server's stops answering.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from policy_service.facts.reader import Head
from policy_service.model.errors import UnavailableError

MOST_AWAY = timedelta(seconds=2)

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class ClockAwayError(UnavailableError):
    """The process's clock is not to be trusted, so nothing that it judges is."""

    def __init__(self) -> None:
        super().__init__("CLOCK_AWAY", "the service cannot answer now")


class DecisionClock:
    """Each method is called in one thread; what passes between the two threads is one reference."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """`clock` gives aware moments in UTC."""
        self._clock = clock
        self._head = self._decided = _BEGINNING

    def now(self) -> datetime:
        """The process's clock."""
        return self._clock()

    def latest(self, now: datetime) -> datetime:
        """The moment by which a decision at `now` judges ends of permits; none after it judges by an earlier
        one.
        """
        self._decided = max(now, self._head, self._decided)
        return self._decided

    def saw(self, head: Head) -> None:
        """Notice the head that was read. Raises `ClockAwayError` where the server's clock says another
        time.
        """
        self._head = max(self._head, head.committed_at)
        if head.server_time is not None and abs(head.server_time - self._clock()) > MOST_AWAY:
            raise ClockAwayError
