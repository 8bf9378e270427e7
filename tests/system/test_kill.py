"""`kill -9` under load: what a client was told is in the log, what was acknowledged protects, all is back.

A few kills in `make test`, twenty of each process in `make torture`.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Sized
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.decision_log.reader import LogReader
from tests.server.calling import Client, Refused
from tests.support.asking import DENY, PERMIT, Manager, check
from tests.support.running import Service, running
from tests.system.conftest import Clinic, opened

ASKING = 6
FEW, MANY = 3, 20


@dataclass
class Load:
    """Clients that ask, and one that records requests, until they are told to stop."""

    clinic: Clinic
    answers: dict[str, int] = field(default_factory=dict)
    """Decision id to effect, of every answer that a client received."""
    acknowledged: list[str] = field(default_factory=list)
    """Records whose patients' exclusion of the nurse was acknowledged."""
    excluded_ids: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Load:
        self._threads += [threading.Thread(target=self._ask) for _ in range(ASKING)]
        self._threads.append(threading.Thread(target=self._record))
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        with Client(self.clinic.service.decision_port) as client:
            while not self._stop.is_set():
                try:
                    answer = check(client, self.clinic.token, seconds=5.0)
                    self.answers[answer.decision_id] = answer.effect
                except Refused as refused:
                    self.refused.add(refused.code.name)
                    time.sleep(0.02)

    def _record(self) -> None:
        manager = Manager(self.clinic.service.control_port, self.clinic.service.administrator)
        number = 0
        while not self._stop.is_set():
            record, number = f"F-10{number}", number + 1
            try:
                manager.put_patient(record)
                self.excluded_ids.append(manager.exclude("nurse", record, seconds=5.0))
                self.acknowledged.append(record)
                time.sleep(0.1)  # a busy office, not an import
            except Refused as refused:
                self.refused.add(refused.code.name)
                time.sleep(0.02)
        manager.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Service]:
    with running(tmp_path / "var") as service:
        yield service


@pytest.mark.timeout(300)
def test_a_few_kills_of_each_process_lose_nothing(fresh: Service) -> None:
    _kill_under_load(fresh, ["worker", "control"] * FEW)


@pytest.mark.torture
@pytest.mark.timeout(1_800)
def test_twenty_kills_of_each_process_lose_nothing(fresh: Service) -> None:
    _kill_under_load(fresh, ["worker", "control"] * MANY)


@pytest.mark.torture
@pytest.mark.timeout(1_800)
def test_twenty_kills_of_both_at_once_lose_nothing(fresh: Service) -> None:
    _kill_under_load(fresh, ["both"] * MANY)


def _kill_under_load(service: Service, kills: list[str]) -> None:
    clinic = opened(service)
    chance = random.Random(20260329)
    with Load(clinic) as load:
        for victim in kills:
            answers, recorded = len(load.answers), len(load.acknowledged)
            _wait_for_more(load.answers, answers + 20)
            _wait_for_more(load.acknowledged, recorded + 2)
            time.sleep(chance.uniform(0.0, 0.3))
            for role in ("worker", "control") if victim == "both" else (victim,):
                service.kill(role)
            service.wait_until_serving()
    # A killed process is met by a broken connection, a process that starts by a refused one; nothing else.
    assert load.refused <= {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"}
    assert set(load.answers.values()) == {PERMIT}

    entries = _entries_by_id(service)
    assert set(load.answers) <= entries.keys()
    recorded_in_log = {name for entry in entries.values() for name in entry.write.facts}
    assert {f"request:{request}" for request in load.excluded_ids} <= recorded_in_log
    for record in load.acknowledged:
        assert check(clinic.worker, clinic.token, "nurse", record).effect == DENY


def _entries_by_id(service: Service) -> dict[str, LogEntry]:
    """Every entry of every stream; each stream is whole, and no entry is in it twice."""
    log, found = LogReader(service.log_url), {}
    for stream in log.streams():
        verified = log.verify(stream.stream_id)
        assert verified is not None
        assert verified.holds
        stored = log.entries(stream.stream_id, 0, limit=stream.size)
        for each in stored:
            assert each.id not in found
            found[each.id] = LogEntry.FromString(each.data)
    revisions = [entry.revision for entry in found.values() if entry.WhichOneof("event") == "write"]
    assert sorted(revisions) == list(range(1, len(revisions) + 1)), "a revision has no entry, or two"
    return found


def _wait_for_more(seen: Sized, than: int, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while len(seen) <= than:
        assert time.monotonic() < deadline
        time.sleep(0.02)
