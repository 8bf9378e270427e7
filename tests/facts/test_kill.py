"""`kill -9` of a process that writes: what it acknowledged is there, whole, and the next one goes on."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from policy_service.facts import keys
from policy_service.facts.reader import FactsReader
from policy_service.facts.store import FactStore
from policy_service.model.facts import Revision
from tests.facts.world import POLICE, entry, put, vera


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.torture)])
def test_what_was_acknowledged_survives_kill_9(url: str, kills: int) -> None:
    acknowledged: list[int] = []
    for number in range(kills):
        acknowledged += write_until_killed(url, lines=15 + 2 * number)
        reader = FactsReader(url)
        assert reader.head() >= acknowledged[-1]
        reader.close()
    assert acknowledged == sorted(set(acknowledged)), "no revision was given twice"

    with FactStore(url, stream_id="control-1") as store:
        head = store.head()
        owed = list(store.undelivered(Revision(0)))
        # A revision more than was acknowledged may be there: killed between its commit and its saying so.
        assert head >= acknowledged[-1]
        assert [row.revision for row in owed] == list(range(1, head + 1))
        assert all(row.entry == entry(row.revision) * 200 for row in owed)
        reader = FactsReader(url)
        wanted = [keys.record(POLICE, f"CR/{revision}") for revision in acknowledged]
        assert all(len(facts) == 1 for facts in reader.load(wanted, head).values())
        reader.close()
        assert put(store, vera) == head + 1


def write_until_killed(url: str, lines: int) -> list[int]:
    """The revisions that the process acknowledged; it is killed while it writes the next ones."""
    command = [sys.executable, "-m", "tests.facts.writing_process", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        said = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    return [int(line) for line in said if line.endswith(b"\n")]
