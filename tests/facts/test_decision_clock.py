"""Whose word counts for the time: the clock for protections, never an earlier one for a permit's end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from policy_service.facts.decision_clock import DecisionClock
from policy_service.facts.gather.clock import Moment
from policy_service.facts.reader import FactsReader, Head
from policy_service.facts.schema import migrate
from policy_service.model.errors import UnavailableError
from policy_service.model.facts import Revision
from tests.support.postgres import postgres_url

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def head(committed_at: datetime, server_time: datetime | None = None) -> Head:
    return Head(Revision(1), committed_at, server_time)


def test_a_clock_that_is_set_back_ends_permits_no_later() -> None:
    clock = DecisionClock(lambda: NOON)
    assert clock.latest(NOON) == NOON
    assert clock.latest(NOON - HOUR) == NOON


def test_a_permit_ends_by_the_facts_newest_commit_where_that_is_later() -> None:
    clock = DecisionClock(lambda: NOON)
    clock.saw(head(NOON + HOUR))
    assert clock.latest(NOON) == NOON + HOUR
    clock.saw(head(NOON - HOUR))
    assert clock.latest(NOON) == NOON + HOUR


@pytest.mark.parametrize("away", [timedelta(seconds=3), timedelta(seconds=-3), 5 * HOUR])
def test_a_clock_that_is_away_from_the_servers_stops_answers(away: timedelta) -> None:
    clock = DecisionClock(lambda: NOON)
    clock.saw(head(NOON, server_time=NOON + timedelta(seconds=1)))
    with pytest.raises(UnavailableError):
        clock.saw(head(NOON, server_time=NOON + away))


def test_postgresql_says_its_own_time_and_sqlite_has_none(tmp_path: object) -> None:
    postgresql, sqlite = postgres_url(), f"sqlite:///{tmp_path}/facts.db"
    for url in (postgresql, sqlite):
        migrate(url)
        reader = FactsReader(url)
        seen = reader.head_and_time().server_time
        reader.close()
        if url is sqlite:
            assert seen is None
        else:
            assert seen is not None
            assert abs(seen - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_minors_bases_end_by_the_latest_moment() -> None:
    born = date(2009, 3, 2)
    assert Moment(NOON, latest=NOON).is_minor(born)
    assert not Moment(NOON, latest=NOON + 12 * HOUR).is_minor(born)


def test_a_protection_ends_by_the_clock_alone() -> None:
    ahead = Moment(NOON, latest=NOON + 48 * HOUR)
    assert not ahead.ended(date(2027, 3, 1), permits=False)
    assert ahead.ended(date(2027, 3, 1), permits=True)
    assert not ahead.past(NOON + HOUR)


def test_the_next_change_is_the_earliest_that_was_looked_at() -> None:
    moment = Moment(NOON, latest=NOON)
    moment.past(NOON + 3 * HOUR)
    moment.ended(date(2027, 3, 1), permits=True)
    moment.past(NOON + 20 * HOUR)
    assert moment.next_change == NOON + 3 * HOUR
