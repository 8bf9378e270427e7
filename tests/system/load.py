"""A load on a running installation, which knows what it was told, and what the log has to hold of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sized
from dataclasses import dataclass, field

from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.decision_log.reader import LogReader
from tests.server.calling import Client, Refused
from tests.support.asking import DENY, Manager, check
from tests.system.conftest import Clinic

ASKING = 6


@dataclass
class Load:
    """Clients that ask, and one that records requests, until they are told to stop.

    One client asks what an acknowledged request forbids, all the while.
    """

    clinic: Clinic
    answers: dict[str, int] = field(default_factory=dict)
    """Decision id to effect, of every answer that a client received."""
    acknowledged: list[str] = field(default_factory=list)
    """Records whose patients' exclusion of the nurse was acknowledged."""
    excluded_ids: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    permitted_wrongly: list[str] = field(default_factory=list)
    """Decisions that permitted what an acknowledged request forbids."""
    denied: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Load:
        self._threads += [threading.Thread(target=self._ask) for _ in range(ASKING)]
        self._threads.append(threading.Thread(target=self._record))
        self._threads.append(threading.Thread(target=self._ask_what_is_forbidden))
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

    def _ask_what_is_forbidden(self) -> None:
        with Client(self.clinic.service.decision_port) as client:
            while not self._stop.is_set():
                if not self.acknowledged:
                    time.sleep(0.02)
                    continue
                record = self.acknowledged[-1]
                try:
                    answer = check(client, self.clinic.token, "nurse", record, seconds=5.0)
                except Refused as refused:
                    self.refused.add(refused.code.name)
                    time.sleep(0.02)
                else:
                    self.denied += answer.effect == DENY
                    if answer.effect != DENY:
                        self.permitted_wrongly.append(answer.decision_id)

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


def entries_by_id(log_url: str) -> dict[str, LogEntry]:
    """Every entry of every stream; each stream is whole, and no entry is in it twice."""
    log, found = LogReader(log_url), {}
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


def wait_for_more(seen: Sized, than: int, seconds: float = 60.0) -> None:
    """Return when more than so many have been seen."""
    deadline = time.monotonic() + seconds
    while len(seen) <= than:
        assert time.monotonic() < deadline
        time.sleep(0.02)
