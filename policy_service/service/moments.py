"""Moments and days as people write them: RFC 3339 times, ISO 8601 dates, and the zone that a date is meant
in.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from policy_service.model.errors import InvalidArgumentError

DEFAULT_ZONE = "Europe/London"
"""In which dates are meant where nobody says."""

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEARS = range(1850, 2200)
"""Outside of these a year is a slip of the pen; it also keeps every computation inside what `datetime` can
hold.
"""


def zone_of(name: str, field: str) -> ZoneInfo:
    """The IANA zone of this name; `UNKNOWN_ZONE` for any other, whatever file of that name there may be."""
    if name not in _zones():
        raise InvalidArgumentError(field, "UNKNOWN_ZONE", f"`{field}` is not an IANA zone like Europe/London")
    return ZoneInfo(name)


def time_of(text: str, field: str) -> datetime:
    """An RFC 3339 time with its offset, as a moment in UTC."""
    if _RFC_3339.fullmatch(text):
        try:
            moment = datetime.fromisoformat(text.upper())
        except ValueError:
            pass
        else:
            if moment.year in _YEARS:
                return moment.astimezone(UTC)
    raise InvalidArgumentError(
        field, "BAD_TIME", f"`{field}` is not a time with an offset like 2026-03-29T14:00:00+01:00"
    )


def day_of(text: str, field: str) -> date:
    """An ISO 8601 date of the form `YYYY-MM-DD`."""
    if _ISO_DATE.fullmatch(text):
        try:
            day = date.fromisoformat(text)
        except ValueError:
            pass
        else:
            if day.year in _YEARS:
                return day
    raise InvalidArgumentError(field, "BAD_DATE", f"`{field}` is not a date like 2016-05-04")


def beginning(text: str, zone: ZoneInfo, field: str) -> datetime:
    """When an interval that begins at `text` begins: that moment, or the first one of that day in `zone`."""
    if _ISO_DATE.fullmatch(text):
        return first_moment(day_of(text, field), zone)
    return _time_or_date(text, field)


def end(text: str, zone: ZoneInfo, field: str) -> datetime:
    """When an interval that ends at `text` is over: at that moment, or, as a date includes its day, when the
    next day begins in `zone`.
    """
    if _ISO_DATE.fullmatch(text):
        return first_moment(day_of(text, field) + timedelta(days=1), zone)
    return _time_or_date(text, field)


def _time_or_date(text: str, field: str) -> datetime:
    try:
        return time_of(text, field)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(
            field,
            error.reason,
            f"`{field}` is neither a date like 2026-03-29 nor a time with an offset like "
            "2026-03-29T14:00:00+01:00",
        ) from None


def first_moment(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a civil day, in UTC.

    Where clocks go forward at midnight there is no 00:00: Python takes the offset from before, which is the
    moment of the change, and that is when the day begins. Where 00:00 comes twice it is the earlier one.
    """
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def a_year_after(moment: datetime) -> date:
    """The civil day, in Europe/London, on which a year has passed; 28 February for one that begins on the
    29th.
    """
    day = moment.astimezone(ZoneInfo(DEFAULT_ZONE)).date()
    leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year + 1, day=28 if leap_day else day.day)


@cache
def _zones() -> frozenset[str]:
    # `localtime` and `Factory` mean another thing on each machine, and a replay may run on another one.
    return frozenset(available_timezones() - {"localtime", "Factory"})
