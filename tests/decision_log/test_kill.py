"""Promise 2 under `kill -9`: what a process acknowledged before it was killed is in the log."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.stream import StreamWriter
from tests.decision_log.making import entries, indexes


def appended_until_killed(url: str, seconds: float) -> list[tuple[str, int]]:
    """Ids and indexes that a process acknowledged within this time after its first; then it was killed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.decision_log.appending", url], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout as stdout:
        acknowledged = [stdout.readline()]
        time.sleep(seconds)
        process.kill()
        acknowledged += stdout.readlines()
    process.wait()
    # The last line may have been cut off while it was printed: that was not acknowledged.
    lines = [line.split() for line in acknowledged if line.endswith("\n")]
    return [(entry_id, int(index)) for entry_id, index in lines]


def assert_logged(url: str, acknowledged: list[tuple[str, int]]) -> None:
    reader = LogReader(url)
    (head,) = reader.streams()
    stored = {entry.id: entry.index for entry in reader.entries(head.stream_id, limit=1_000_000)}
    assert [one for one in acknowledged if stored.get(one[0]) != one[1]] == []
    verification = reader.verify(head.stream_id)
    assert verification is not None
    assert verification.problem is None


def kill_and_continue(url: str, times: int) -> None:
    acknowledged: list[tuple[str, int]] = []
    for number in range(times):
        acknowledged += appended_until_killed(url, 0.05 + number * 0.07 % 0.2)
        assert_logged(url, acknowledged)
    with StreamWriter.open(url, "worker-0") as writer:
        group = entries(2)
        places = indexes(writer.append(group))
    assert_logged(url, [*acknowledged, *((one.id, int(at)) for one, at in zip(group, places, strict=True))])
    (head,) = LogReader(url).streams()
    assert head.epoch == times + 1


def test_promise_2_what_was_acknowledged_survives_kill_9(log_url: str) -> None:
    kill_and_continue(log_url, times=3)


@pytest.mark.torture
def test_promise_2_what_was_acknowledged_survives_kill_9_twenty_times(log_url: str) -> None:
    kill_and_continue(log_url, times=20)
