"""Windows of a week: what they contain on the wall's clock, and when they end, also where clocks change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_service.model.hours import DAYS, Window, as_text, in_common, parse_window, shifted

LONDON = ZoneInfo("Europe/London")


def london(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


def test_a_window_has_its_first_minute_and_not_its_last() -> None:
    window = parse_window("mon-fri 09:30-14:00")
    assert [
        window.contains(london(f"2026-03-02T{clock}"), LONDON)
        for clock in ("09:29:59", "09:30:00", "13:59:59", "14:00:00")
    ] == [False, True, True, False]
    assert not window.contains(london("2026-03-01T10:00:00"), LONDON)  # a Sunday
    assert window.end_of(london("2026-03-02T09:30:00"), LONDON) == london("2026-03-02T14:00:00")
    assert window.end_of(london("2026-03-02T14:00:00"), LONDON) is None


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("wed", {2}),
        ("mon-sun", set(range(7))),
        ("sat-mon", {5, 6, 0}),
        ("tue-tue", {1}),
        ("mon,wed-thu,sun", {0, 2, 3, 6}),
    ],
)
def test_days(days: str, expected: set[int]) -> None:
    assert parse_window(f"{days} 00:00-24:00").days == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mon",
        "mon 9:30-14:00",
        "Mon 09:30-14:00",
        "mon-fri  09:30-14:00",
        "mon-fri 09:30-14:00 ",
        "mon-fri 09:30 - 14:00",
        "mon- 09:30-14:00",
        "monday 09:30-14:00",
        "mon 09:60-14:00",
        "mon 09:30-24:01",
        "mon 24:00-24:00",
        "mon 14:00-14:00",
        "fri 22:00-02:00",
        "mon ٠9:30-14:00",
    ],
)
def test_what_is_no_window(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_window(text)
    assert len(text) < 12 or text not in str(caught.value)


def test_a_whole_day_ends_when_the_next_begins() -> None:
    window = parse_window("mon 00:00-24:00")
    assert window.end_of(london("2026-03-02T23:59:59"), LONDON) == london("2026-03-03T00:00:00")


def test_the_moment_may_be_told_in_any_zone() -> None:
    window = parse_window("mon 20:00-21:00")
    moment = datetime(2026, 7, 6, 19, 30, tzinfo=UTC)  # 20:30 in London
    assert window.end_of(moment, LONDON) == datetime(2026, 7, 6, 20, 0, tzinfo=UTC)


def test_a_window_that_ends_in_the_hour_that_is_left_out_ends_where_the_clocks_go_forward() -> None:
    window = parse_window("sun 00:30-01:30")  # at 01:00 it is 02:00
    assert window.end_of(london("2026-03-29T00:45:30"), LONDON) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_an_hour_that_comes_twice_is_within_both_times() -> None:
    window = parse_window("sun 01:00-01:30")
    first = datetime(2026, 10, 25, 0, 10, tzinfo=UTC)
    second = first + timedelta(hours=1)
    assert window.end_of(first, LONDON) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert window.end_of(second, LONDON) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert window.end_of(first + timedelta(minutes=30), LONDON) is None


def test_a_day_whose_midnight_is_left_out() -> None:
    beirut = ZoneInfo("Asia/Beirut")  # at 00:00 of Sunday 29 March 2026 it is 01:00
    window = parse_window("sat 12:00-24:00")
    moment = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)
    assert window.end_of(moment, beirut) == datetime(2026, 3, 28, 22, 0, tzinfo=UTC)


@given(
    st.integers(0, 366 * 24 * 60 * 60),
    st.sampled_from(DAYS),
    st.sampled_from(DAYS),
    st.integers(0, 1_439),
    st.integers(1, 1_440),
    st.sampled_from(["Europe/London", "America/St_Johns", "Australia/Lord_Howe", "Asia/Beirut"]),
)
def test_a_window_contains_every_moment_before_its_end_and_not_the_end(
    second: int, first: str, last: str, begins: int, length: int, zone_name: str
) -> None:
    moment, zone = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second), ZoneInfo(zone_name)
    ends = min(begins + length, 1_440)
    clock = f"{begins // 60:02}:{begins % 60:02}-{ends // 60:02}:{ends % 60:02}"
    window = parse_window(f"{first}-{last} {clock}")
    end = window.end_of(moment, zone)
    if end is None:
        assert not window.contains(moment, zone)
        return
    assert moment < end
    assert not window.contains(end, zone)
    for part in range(8):
        between = moment + (end - moment) * part / 8
        assert window.contains(between, zone)


_MINUTES = st.integers(0, 24 * 60 - 1)
_WINDOWS = st.builds(
    lambda days, times: Window(frozenset(days), min(times), max(times)),
    st.sets(st.integers(0, 6), min_size=1),
    st.sets(st.integers(0, 24 * 60), min_size=2, max_size=2),
)
_SCHEDULES = st.lists(_WINDOWS, min_size=1, max_size=4)
_OF_THE_WEEK = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday


def _holds(windows: Sequence[Window], day: int, minute: int) -> bool:
    return any(day in window.days and window.begins <= minute < window.ends for window in windows)


@given(st.lists(_SCHEDULES, min_size=1, max_size=3), st.integers(0, 6), _MINUTES)
def test_what_schedules_have_in_common_is_within_each_of_them(
    schedules: list[list[Window]], day: int, minute: int
) -> None:
    common = in_common(schedules)
    assert _holds(common, day, minute) is all(_holds(each, day, minute) for each in schedules)
    assert [parse_window(as_text(window)) for window in common] == list(common)


@given(_SCHEDULES, st.integers(-14 * 4, 14 * 4), st.integers(0, 6), _MINUTES)
def test_a_schedule_on_the_clock_of_another_zone(
    schedule: list[Window], quarters: int, day: int, minute: int
) -> None:
    ahead = timedelta(minutes=15 * quarters)
    there = _OF_THE_WEEK + timedelta(days=day, minutes=minute) + ahead
    moved = shifted(schedule, ahead)
    expected = _holds(schedule, day, minute)
    assert _holds(moved, there.weekday(), there.hour * 60 + there.minute) is expected


def test_a_window_in_words() -> None:
    for text in ("mon-fri 09:30-14:00", "mon,wed-thu,sun 00:00-24:00", "sat 22:00-23:30"):
        assert as_text(parse_window(text)) == text
