"""Promise 4 at the end of the tests: the decisions that they made are computed again, in a fresh process and
from facts as of their revisions, and must come out the same.

An installation that a test opens is remembered (`replay_at_session_end`); its stores stay where they are
until the session ends. Of an installation with many decisions that are much alike, some are taken, evenly; of
those with `whole`, each. Within a number of seconds of that process's work; how many were reached is told.
`make torture` takes many of each installation, and `make replay` all, for however long it takes.

One that cannot be computed is as bad as one that comes out otherwise, but in an installation of which a test
says why (`expect_uncomputable`).
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError

from policy_service.decision_log.entries import Versions
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.recorded import recorded_in
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.memory import FactsMemory
from policy_service.facts.reader import FactsReader
from policy_service.model.replayed import NotComputed
from policy_service.server.settings import Settings
from policy_service.service.fresh_facts import FreshFacts
from policy_service.service.replay import compared, computed_again

SECONDS: Final = 12.0
"""Of work, for all installations of one process of tests; not of waiting for others on this machine."""
TAKEN: Final = 12
"""Decisions of an installation that is not `whole`."""
OF_EACH: Final = "REPLAY_OF_EACH"
"""In the environment: so many decisions of each installation, or `all`, for however long it takes."""
_MAY_BE: Final = {NotComputed.ENTRY_TOO_LARGE, NotComputed.REVISION_UNDONE}
_TOLD: Final = 5
"""Decisions that came out otherwise and are shown."""
_BLOCK: Final = 1_000


@dataclass(frozen=True, slots=True)
class Made:
    """An installation that a test made."""

    facts_url: str
    log_url: str
    key: str
    """Of its fingerprints, in hexadecimal digits; or the path of the file that holds it."""
    whole: bool = False
    uncomputable: bool = False
    """Entries were too large for the log, or facts were restored."""


@dataclass
class Replayed:
    """What came of it."""

    decisions: int = 0
    """Made by tests."""
    replayed: int = 0
    installations: int = 0
    uncomputable: int = 0
    """Where that is expected: larger than the log takes, so that the call is not in its entry; or of facts
    that a test restored.
    """
    otherwise: list[str] = field(default_factory=list)
    """Which came out otherwise, and how."""

    def add(self, other: Replayed) -> None:
        self.decisions += other.decisions
        self.replayed += other.replayed
        self.installations += other.installations
        self.uncomputable += other.uncomputable
        self.otherwise += other.otherwise

    @property
    def told(self) -> str:
        """In a few lines."""
        line = (
            f"promise 4: replayed {self.replayed:,} of the {self.decisions:,} decisions that tests made in "
            f"{self.installations:,} installations, in a fresh process: "
        )
        others = f"; {self.uncomputable:,} could not be computed, as their tests expect"
        if not self.otherwise:
            return f"{line}the same answers{others}"
        shown = "\n".join(self.otherwise[:_TOLD])
        return f"{line}{len(self.otherwise):,} came out OTHERWISE{others}\n{shown}"


_made: dict[tuple[str, str], Made] = {}
_directly: dict[str, str] = {}


def reached_directly(url: str, at: str) -> None:
    """What tests reach by `url` is at `at` when the session ends: who passes on to it has ended by then."""
    _directly[url] = at


def replay_at_session_end(facts_url: str, log_url: str, key: bytes | Path, *, whole: bool = False) -> None:
    """Remember an installation. `key`: of its fingerprints, or the file that holds it."""
    facts_url, log_url = (_directly.get(url, url) for url in (facts_url, log_url))
    text = key.hex() if isinstance(key, bytes) else str(key)
    _made[facts_url, log_url] = Made(facts_url, log_url, text, whole)


def expect_uncomputable(log_url: str) -> None:
    """Of an installation that is remembered: some of its entries are too large for the log, or of revisions
    that a restore has undone.
    """
    (stores,) = (stores for stores in _made if stores[1] == log_url)
    _made[stores] = replace(_made[stores], uncomputable=True)


def is_replayed(url: str) -> bool:
    """Whether this database must stay as it is until the session ends."""
    return any(url in stores for stores in _made)


def replay_served_at_session_end(settings: Settings) -> None:
    """Remember a service that runs with these settings, in whichever process."""
    replay_at_session_end(settings.facts, settings.log, settings.fingerprint_key.absolute())


def replay_all() -> Replayed:
    """Replay what was made by the tests of this process, in another."""
    return in_a_fresh_process(tuple(_made.values())) if _made else Replayed()


def in_a_fresh_process(made: Sequence[Made]) -> Replayed:
    """Replay in a process that has seen nothing of how it was decided."""
    command = [sys.executable, "-m", "tests.support.replaying"]
    jobs = json.dumps([asdict(each) for each in made])
    done = subprocess.run(command, input=jobs, capture_output=True, text=True, check=False)
    if done.returncode:
        return Replayed(otherwise=[f"the process that replays ended with {done.returncode}:\n{done.stderr}"])
    return Replayed(**json.loads(done.stdout))


async def replay(jobs: Sequence[Made], seconds: float, of_each: float = TAKEN) -> Replayed:
    """Replay decisions of all installations, about `of_each` of each in turn."""
    found, end = Replayed(), time.process_time() + seconds
    for made in sorted(jobs, key=lambda job: not job.whole):
        entries = list(_decisions(made))
        found.decisions += len(entries)
        found.installations += bool(entries)
        step = 1 if made.whole else max(1, int(len(entries) // of_each))
        chosen = entries[::step] if time.process_time() < end else []
        await _replay_of(made, chosen, end, found)
    return found


async def _replay_of(made: Made, entries: Sequence[bytes], end: float, found: Replayed) -> None:
    if not entries:
        return
    reader = FactsReader(made.facts_url)
    facts = FreshFacts(reader, FactsMemory(reader))
    fingerprints = Fingerprinter(_key(made))
    versions = Versions(engine=1, key_generation=1, time_zones="", phone_data="")
    try:
        for data in entries:
            recorded = recorded_in(data)
            if recorded is None or time.process_time() > end:
                continue
            computed = await computed_again(facts, reader, fingerprints, recorded, versions)
            if made.uncomputable and computed.not_computed in _MAY_BE:
                found.uncomputable += 1
                continue
            found.replayed += 1
            came = compared(data, recorded, computed, today=False)
            if not came.same:
                lines = [
                    f"  {each.what} {each.field} {'' if each.recipient is None else each.recipient}: "
                    f"{each.recorded!r}, and now {each.computed!r}"
                    for each in came.differences
                ]
                first = f"{recorded.entry_id} of {made.log_url} {came.not_computed or ''}"
                found.otherwise.append("\n".join([first, *lines]))
    finally:
        await facts.close()
        reader.close()


def _key(made: Made) -> bytes:
    return Path(made.key).read_bytes() if "/" in made.key else bytes.fromhex(made.key)


def _decisions(made: Made) -> Iterator[bytes]:
    """The entries of all decisions; what a test has written there by hand is none."""
    if made.log_url.startswith("sqlite:///") and not Path(made.log_url.removeprefix("sqlite:///")).exists():
        return
    log = LogReader(made.log_url)
    for stream in log.streams():
        for start in range(0, stream.size, _BLOCK):
            for entry in log.entries(stream.stream_id, start, start + _BLOCK):
                try:
                    is_decision = recorded_in(entry.data) is not None
                except DecodeError:
                    continue
                if is_decision:
                    yield entry.data


if __name__ == "__main__":
    given = [Made(**job) for job in json.loads(sys.stdin.read())]
    wanted = os.environ.get(OF_EACH)
    taken = TAKEN if wanted is None else float("inf") if wanted == "all" else int(wanted)
    limit = SECONDS if wanted is None else float("inf")
    print(json.dumps(asdict(asyncio.run(replay(given, limit, taken)))))
