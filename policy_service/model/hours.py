"""Windows of the week in which somebody may be reached, e.g. `mon-fri 09:30-14:00`.

A window lies within one day: it begins at its first minute and ends before its last. Local times are those of
the zone that the window is read in; where the clocks change, a time that comes twice is within both times.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_DAY = "|".join(DAYS)
_WINDOW = re.compile(rf"({_DAY})(?:-({_DAY}))? ([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Window:
    """Days of the week (0 is Monday) and the minutes of the day, `[begins, ends)`."""

    days: frozenset[int]
    begins: int
    ends: int

    def end_of(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """The moment (aware) at which the window that `moment` lies in ends, or None where it lies in
        none.
        """
        local = moment.astimezone(zone)
        if local.weekday() not in self.days or not self.begins <= local.hour * 60 + local.minute < self.ends:
            return None
        hour, minute = divmod(self.ends, 60)
        last = time(23, 59, 59, 999999) if hour == 24 else time(hour, minute)
        return datetime.combine(local.date(), last, tzinfo=zone)


def parse_window(text: str) -> Window:
    """Read `DAYS HH:MM-HH:MM`, where DAYS is a day or a range of days. Raises ValueError."""
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise ValueError("hours are written `mon-fri 09:30-14:00`")
    first, last, *numbers = match.groups()
    from_hour, from_minute, to_hour, to_minute = map(int, numbers)
    begins, ends = from_hour * 60 + from_minute, to_hour * 60 + to_minute
    if not begins < ends <= 24 * 60:
        raise ValueError("a window ends after it begins, on the same day")
    start, end = DAYS.index(first), DAYS.index(last or first)
    days = range(start, end + 1) if start <= end else (*range(start, 7), *range(end + 1))
    return Window(frozenset(days), begins, ends)
