"""Windows of a week in which somebody may be reached, as people write them: `mon-fri 09:30-14:00`.

A window is days, a blank, and two times of the clock on the wall, the second not included. Days are `mon`
to `sun`, alone, as a range (`sat-mon` goes on into the next week), or several of these with commas between.
Times are `HH:MM`; `24:00` ends with the day. No window goes past midnight: a night is written as two.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = "|".join(DAYS)
_SPAN = f"(?:{_DAY})(?:-(?:{_DAY}))?"
_WINDOW = re.compile(rf"({_SPAN}(?:,{_SPAN})*) ([0-9]{{2}}):([0-9]{{2}})-([0-9]{{2}}):([0-9]{{2}})")
_WHOLE_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Window:
    """`days` count from Monday, 0; `begins` and `ends` are minutes of the day, the latter not included."""

    days: frozenset[int]
    begins: int
    ends: int

    def contains(self, moment: datetime, zone: ZoneInfo) -> bool:
        """Tell whether a clock on a wall in `zone` shows a time within the window at `moment` (aware)."""
        shown = moment.astimezone(zone)
        return shown.weekday() in self.days and self.begins <= shown.hour * 60 + shown.minute < self.ends

    def end_of(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """The first moment (UTC) after `moment` that it does not contain; None where it contains not even
        `moment`.
        """
        if not self.contains(moment, zone):
            return None
        shown = moment.astimezone(zone)
        wall = datetime.combine(shown.date(), time.min) + timedelta(minutes=self.ends)
        end = wall.replace(tzinfo=zone, fold=shown.fold).astimezone(UTC)
        if end.astimezone(zone).replace(tzinfo=None) == wall:
            return end
        # Clocks go forward past the end, on a whole minute: the window ends where they do.
        minute = shown.astimezone(UTC).replace(second=0, microsecond=0)
        while self.contains(minute, zone):
            minute += timedelta(minutes=1)
        return minute


Schedule = Sequence[Window]
"""Windows of which any will do."""


def in_common(schedules: Sequence[Schedule]) -> tuple[Window, ...]:
    """The windows that lie within every one of the schedules; none where they have no minute in common.

    All are read as of one zone. Those with equal times are one window, of several days.
    """
    days_of: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    for day in range(len(DAYS)):
        for span in _spans_in_common([_spans(schedule, day) for schedule in schedules]):
            days_of[span].add(day)
    return tuple(Window(frozenset(days), begins, ends) for (begins, ends), days in sorted(days_of.items()))


def shifted(schedule: Schedule, by: timedelta) -> tuple[Window, ...]:
    """The schedule as a clock shows it that is ahead of its own by `by`, in whole minutes."""
    minutes, found = int(by.total_seconds()) // 60, []
    for window in schedule:
        for day in window.days:
            begins, ends = (day * _WHOLE_DAY + each + minutes for each in (window.begins, window.ends))
            while begins < ends:
                end_of_day = (begins // _WHOLE_DAY + 1) * _WHOLE_DAY
                until = min(ends, end_of_day)
                first = begins % _WHOLE_DAY
                today = begins // _WHOLE_DAY % len(DAYS)
                found.append(Window(frozenset({today}), first, first + until - begins))
                begins = until
    return tuple(found)


def as_text(window: Window) -> str:
    """A window as it is written; days in a row as a range."""
    spans: list[list[int]] = []
    for day in sorted(window.days):
        if spans and day == spans[-1][-1] + 1:
            spans[-1].append(day)
        else:
            spans.append([day])
    days = ",".join(DAYS[s[0]] if len(s) == 1 else f"{DAYS[s[0]]}-{DAYS[s[-1]]}" for s in spans)
    times = "-".join(f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (window.begins, window.ends))
    return f"{days} {times}"


def _spans(schedule: Schedule, day: int) -> list[tuple[int, int]]:
    """The minutes of one day that it holds, in order, those that meet joined."""
    joined: list[tuple[int, int]] = []
    for begins, ends in sorted((w.begins, w.ends) for w in schedule if day in w.days):
        if joined and begins <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(ends, joined[-1][1])
        else:
            joined.append((begins, ends))
    return joined


def _spans_in_common(days: Sequence[list[tuple[int, int]]]) -> list[tuple[int, int]]:
    common = [(0, _WHOLE_DAY)]
    for spans in days:
        pairs = ((max(a, c), min(b, d)) for a, b in common for c, d in spans)
        common = [(begins, ends) for begins, ends in pairs if begins < ends]
    return common


@lru_cache(4_096)
def parse_window(text: str) -> Window:
    """Read a window. ValueError, whose text repeats nothing, where it is none."""
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise ValueError("not of the form `mon-fri 09:30-14:00`")
    begins, ends = (int(found[i]) * 60 + int(found[i + 1]) for i in (2, 4))
    if int(found[3]) > 59 or int(found[5]) > 59 or ends > _WHOLE_DAY:
        raise ValueError("a time that no clock shows")
    if begins >= ends:
        raise ValueError("a window ends after it begins, on the same day")
    days: set[int] = set()
    for span in found[1].split(","):
        first, _, last = span.partition("-")
        number = DAYS.index(first)
        length = (DAYS.index(last or first) - number) % 7
        days.update((number + day) % 7 for day in range(length + 1))
    return Window(frozenset(days), begins, ends)
