"""Days and moments: a date includes its day in its zone, a time has an offset, and nothing else is either."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_service.model.errors import InvalidArgumentError
from policy_service.service.moments import beginning, day_of, end, first_moment, time_of, zone_of

LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("zone", "until", "ends"),
    [
        ("Europe/London", "2026-03-28", "2026-03-29T00:00:00+00:00"),
        ("Europe/London", "2026-03-29", "2026-03-29T23:00:00+00:00"),  # 23 hours: the clocks go forward
        ("Europe/London", "2026-10-25", "2026-10-26T00:00:00+00:00"),  # 25 hours: they go back
        ("Asia/Kolkata", "2026-03-29", "2026-03-29T18:30:00+00:00"),
        ("Africa/Cairo", "2026-04-23", "2026-04-23T22:00:00+00:00"),  # the next day has no midnight
        ("Atlantic/Azores", "2026-10-24", "2026-10-25T00:00:00+00:00"),  # the next day has two
        ("Europe/London", "2024-02-29", "2024-03-01T00:00:00+00:00"),
        ("Europe/London", "2026-03-29T14:00:00+01:00", "2026-03-29T13:00:00+00:00"),
        ("Asia/Kolkata", "2026-03-29t14:00:00.5z", "2026-03-29T14:00:00.500000+00:00"),
    ],
)
def test_when_an_interval_is_over(zone: str, until: str, ends: str) -> None:
    over = end(until, zone_of(zone, "zone"), "valid_until")
    assert over.tzinfo is UTC
    assert over.isoformat() == ends


@given(
    st.dates(date(1900, 1, 1), date(2150, 1, 1)),
    st.sampled_from(["Europe/London", "Africa/Cairo", "America/Sao_Paulo", "Asia/Beirut", "Pacific/Apia"]),
)
def test_a_day_ends_when_the_next_begins_and_not_before(day: date, zone: str) -> None:
    there = ZoneInfo(zone)
    over = end(day.isoformat(), there, "valid_until")
    assert over == first_moment(day + timedelta(days=1), there)
    last = (over - timedelta(microseconds=1)).astimezone(there).date()
    # Samoa left out a whole day in 2011, so the day before can be two days before.
    assert last <= day
    assert over.astimezone(there).date() > day
    assert beginning(day.isoformat(), there, "valid_from") < over or (zone, day) == (
        "Pacific/Apia",
        date(2011, 12, 30),
    )


@pytest.mark.parametrize(
    "text",
    [
        "2027-03-29T14:00:00",  # no offset
        "2026-03-29 14:00:00Z",
        "2026-03-29T14:00Z",
        "2026-03-29T24:00:00Z",
        "2026-03-29T14:00:60Z",
        "2026-03-29T14:00:00+25:00",
        "2026-02-30T14:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "２０２６-03-29T14:00:00Z",
        "",
    ],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        time_of(text, "valid_until")
    assert (caught.value.field, caught.value.reason) == ("valid_until", "BAD_TIME")
    assert not text or text not in caught.value.message


@pytest.mark.parametrize(
    "text",
    ["2026-3-29", "2026-02-30", "20260329", "29/03/2026", "2026-W13-7", "1066-10-14", "9999-12-31", ""],
)
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        day_of(text, "review_date")
    assert caught.value.reason == "BAD_DATE"
    assert not text or text not in caught.value.message


@pytest.mark.parametrize(
    "name", ["", "Europe/Londn", "../../etc/passwd", "localtime", "Factory", "europe/london"]
)
def test_what_is_no_zone(name: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        zone_of(name, "zone")
    assert caught.value.reason == "UNKNOWN_ZONE"
    assert not name or name not in caught.value.message


def test_a_moment_keeps_its_instant() -> None:
    assert time_of("2026-03-29T14:00:00-05:30", "x") == datetime(2026, 3, 29, 19, 30, tzinfo=UTC)
    assert first_moment(date(2026, 7, 1), LONDON) == datetime(2026, 6, 30, 23, 0, tzinfo=UTC)


@pytest.mark.parametrize("bound", [beginning, end])
def test_what_may_be_a_date_or_a_time_says_so(bound: Callable[..., datetime]) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        bound("soon", LONDON, "order.ends")
    assert caught.value.reason == "BAD_TIME"
    assert "`order.ends` is neither a date like 2026-03-29 nor a time" in caught.value.message
