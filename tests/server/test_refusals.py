"""Summaries of refused calls: one a second, peer and cause, bounded, and none lost while the log is down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from policy_service.model.errors import UnavailableError
from policy_service.server.refusals import MOST_KEPT, MOST_SUMMARIES, Refusals, RefusedCallers, host_of

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Log:
    """Where summaries go; a clock; and whether it can be written."""

    def __init__(self) -> None:
        self.now = NOON
        self.down = False
        self.written: list[RefusedCallers] = []
        self.refusals = Refusals(self.write, lambda: self.now)

    async def write(self, summaries: Sequence[RefusedCallers]) -> None:
        if self.down:
            raise UnavailableError
        self.written += summaries


@pytest.fixture
def log() -> Log:
    return Log()


async def test_what_a_second_left_is_written_when_it_is_over(log: Log) -> None:
    for port in range(3):
        log.refusals.count(f"ipv4:192.0.2.7:{port}", "TOKEN_MISSING")
    log.now += timedelta(milliseconds=900)
    log.refusals.count("ipv4:192.0.2.7:9", "TOKEN_UNKNOWN")
    await log.refusals.flush()
    assert log.written == []

    log.now += timedelta(milliseconds=200)
    log.refusals.count("ipv4:192.0.2.7:9", "TOKEN_UNKNOWN")
    await log.refusals.flush()
    assert log.written == [
        RefusedCallers(NOON, "ipv4:192.0.2.7", "TOKEN_MISSING", 3),
        RefusedCallers(NOON, "ipv4:192.0.2.7", "TOKEN_UNKNOWN", 1),
    ]


async def test_nothing_is_lost_while_the_log_is_down(log: Log) -> None:
    log.down = True
    log.refusals.count("unix:", "OVERLOADED")
    log.now += timedelta(seconds=1)
    await log.refusals.flush()
    log.refusals.count("unix:", "OVERLOADED")
    log.down = False
    await log.refusals.flush(whole=True)

    assert [refused.count for refused in log.written] == [1, 1]


async def test_many_peers_are_summed_up_and_memory_is_bounded(log: Log) -> None:
    log.down = True
    for second in range(100):
        for host in range(MOST_SUMMARIES + 50):
            log.refusals.count(f"ipv4:10.0.{host // 256}.{host % 256}:1", "TOKEN_MISSING")
        log.now += timedelta(seconds=1)
        await log.refusals.flush()
        assert second < 100
    log.down = False
    await log.refusals.flush(whole=True)

    assert len(log.written) <= MOST_KEPT
    assert max(r.count for r in log.written if r.peer == "others") >= 50


async def test_what_is_left_at_the_end_is_written(log: Log) -> None:
    log.refusals.count("ipv6:%5B::1%5D:5000", "TOKEN_MISSING")
    log.refusals.end()
    await log.refusals.run()

    assert [(refused.peer, refused.count) for refused in log.written] == [("ipv6:%5B::1%5D", 1)]


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        ("ipv4:192.0.2.7:50123", "ipv4:192.0.2.7"),
        ("ipv6:%5B2001:db8::1%5D:443", "ipv6:%5B2001:db8::1%5D"),
        ("unix:/run/policy.sock", "unix"),
    ],
)
def test_a_peer_is_known_by_its_host(peer: str, host: str) -> None:
    assert host_of(peer) == host
