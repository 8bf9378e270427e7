"""The moment of a decision, and the next moment at which something that it looked at begins or ends."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

CIVIL_ZONE = ZoneInfo("Europe/London")
"""The zone of civil dates that name none: birthdays, first and last days of relationships."""

MAJORITY = 18
"""Years (Family Law Reform Act 1969, section 1)."""


class Moment:
    """One moment (aware, UTC) and the earliest later moment at which a fact that was looked at changes."""

    def __init__(self, now: datetime, latest: datetime) -> None:
        """`now` judges ends of protections and starts of permits, `latest` ends of permits
        (`DecisionClock`).
        """
        self.now = now
        self.latest = latest
        self.today = now.astimezone(CIVIL_ZONE).date()
        self._latest_day = latest.astimezone(CIVIL_ZONE).date()
        self.next_change: datetime | None = None

    def begun(self, first_day: date | None) -> bool:
        """Tell whether something that holds from `first_day` on has begun."""
        if first_day is None or first_day <= self.today:
            return True
        self.notice(_start_of(first_day))
        return False

    def ended(self, last_day: date | None, *, permits: bool) -> bool:
        """Tell whether something whose last day is `last_day` is over."""
        if last_day is None:
            return False
        if last_day < (self._latest_day if permits else self.today):
            return True
        self.notice(_start_of(last_day + timedelta(days=1)))
        return False

    def past(self, end: datetime | None) -> bool:
        """Tell whether the moment `end` has been reached."""
        if end is None:
            return False
        if end <= self.now:
            return True
        self.notice(end)
        return False

    def is_minor(self, birth_date: date | None) -> bool:
        """Tell whether somebody is under 18. Nobody is whose birth date is not known: a minor's bases need
        to know.
        """
        if birth_date is None:
            return False
        if birth_date > self.today:
            return True  # not born yet, or a date that stands for none
        return not self.ended(birthday(birth_date, MAJORITY) - timedelta(days=1), permits=True)

    def begins(self, start: datetime | None) -> bool:
        """Tell whether a permit that holds from the moment `start` on has begun."""
        if start is None or start <= self.now:
            return True
        self.notice(start)
        return False

    def runs_out(self, end: datetime | None) -> bool:
        """Tell whether a permit that ends at `end` is over."""
        if end is None:
            return False
        if end <= self.latest:
            return True
        self.notice(end)
        return False

    def notice(self, change: datetime) -> None:
        """Remember that something which was looked at changes at `change`."""
        if self.next_change is None or change < self.next_change:
            self.next_change = change


def birthday(birth_date: date, years: int) -> date:
    """The day on which somebody turns `years`; one born on 29 February turns on 1 March in other years."""
    try:
        return birth_date.replace(year=birth_date.year + years)
    except ValueError:
        return date(birth_date.year + years, 3, 1)


@lru_cache(maxsize=4_096)  # the same birthdays come up again and again, and a zone's rules are slow to ask
def _start_of(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=CIVIL_ZONE)
