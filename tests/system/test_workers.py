"""Several decision workers on one port: each with a stream of its own, none in the way of another."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from policy_service.api.v1 import decision_log_pb2
from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.decision_log.entry import StreamHead
from policy_service.decision_log.reader import LogReader
from tests.server.calling import Client, Refused
from tests.support.asking import DENY, PERMIT, check
from tests.support.connections import to_each_worker
from tests.support.running import Service, running
from tests.system.conftest import Clinic, opened

FOUR = {f"worker-{number}" for number in range(4)}
BACK_SECONDS = 120.0
"""In which a worker that was killed must answer again, on a busy machine."""

pytestmark = pytest.mark.xdist_group("workers")  # one service for all of them


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    prometheus = "127.0.0.1:0"
    var_dir = tmp_path_factory.mktemp("four") / "var"
    with running(var_dir, workers="4", decision_prometheus=prometheus) as service:
        yield opened(service)


def streams(service: Service) -> dict[str, StreamHead]:
    return {head.slot: head for head in LogReader(service.log_url).streams() if not head.closed}


def test_connections_are_spread_over_all_workers_and_each_knows_what_was_just_recorded(four: Clinic) -> None:
    service, manager = four.service, four.manager
    with to_each_worker(service.decision_port, service.log_url, _ask(four), FOUR) as workers:
        for number, (slot, client) in enumerate(sorted(workers.items())):
            nurse = f"nurse-{number}"
            manager.put_nurse(nurse)
            assert check(client, four.token, nurse).effect == PERMIT
            manager.exclude(nurse)
            decisions = [check(each, four.token, nurse) for each in workers.values()]
            assert [each.effect for each in decisions] == [DENY] * 4, slot


def test_an_auditor_sees_the_entries_of_every_worker(four: Clinic) -> None:
    service, manager = four.service, four.manager
    manager.put_nurse("seen")
    with to_each_worker(service.decision_port, service.log_url, _ask(four), FOUR) as workers:
        asked = {check(client, four.token, "seen").decision_id for client in workers.values()}

    for decision in asked:
        assert manager.entry(decision).decision.user == "seen"
    found = decision_log_pb2.DecisionLogServiceSearchRequest(filter=decision_log_pb2.EntryFilter(user="seen"))
    _, auditor = manager.issue(principal="audrey", roles=("auditor",))
    answer = manager.call("DecisionLogService/Search", found, token=auditor)
    entries = decision_log_pb2.DecisionLogServiceSearchResponse.FromString(answer).entries
    assert asked <= {each.entry.entry_id for each in entries}
    assert len({each.stream_id for each in entries if each.entry.entry_id in asked}) == 4


def test_each_worker_says_where_its_metrics_are(four: Clinic) -> None:
    lines = [json.loads(line) for line in four.service.logged.splitlines()]
    told = {line["process"]: line["prometheus"] for line in lines if "prometheus" in line}

    assert told.keys() == FOUR
    assert len(set(told.values())) == 4
    assert [line["workers"] for line in lines if line["message"] == "ready" and "workers" in line] == [4]


@dataclass
class Load:
    """Clients that ask one worker each, until they are told to stop."""

    clinic: Clinic
    answered: dict[str, list[str]] = field(default_factory=dict)
    """By slot: the ids of the decisions that a client was told."""
    refused: dict[str, Counter[str]] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def ask(self, slot: str, client: Client) -> None:
        self.answered[slot], self.refused[slot] = [], Counter()
        thread = threading.Thread(target=self._ask, args=(slot, client))
        self._threads.append(thread)
        thread.start()

    def _ask(self, slot: str, client: Client) -> None:
        while not self._stop.is_set():
            try:
                answer = check(client, self.clinic.token, seconds=10.0)
                assert answer.effect == PERMIT
                self.answered[slot].append(answer.decision_id)
            except Refused as refused:
                self.refused[slot][refused.code.name] += 1
                time.sleep(0.01)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def await_more(self, than: int) -> None:
        """Return when every client has that many answers more than it has now."""
        wanted = {slot: len(ids) + than for slot, ids in self.answered.items()}
        deadline = time.monotonic() + BACK_SECONDS
        while any(len(self.answered[slot]) < number for slot, number in wanted.items()):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_worker_that_is_killed_is_noticed_by_its_own_clients_alone(four: Clinic) -> None:
    service = four.service
    before = streams(service)
    with to_each_worker(service.decision_port, service.log_url, _ask(four), FOUR) as workers:
        load = Load(four)
        try:
            for slot, client in workers.items():
                load.ask(slot, client)
            load.await_more(20)
            killed = service.kill("worker", 2)
            began = time.monotonic()
            while service.child("worker", 2) in (None, killed):
                assert time.monotonic() - began < BACK_SECONDS
                time.sleep(0.05)
            took = time.monotonic() - began
            load.await_more(50)  # whoever lost his connection was let in by another worker
        finally:
            load.stop()
        with to_each_worker(service.decision_port, service.log_url, _ask(four), {"worker-2"}):
            pass  # it answers again
    assert took < 30, "it is made again, however busy the machine is"

    assert {slot: dict(load.refused[slot]) for slot in FOUR - {"worker-2"}} == {
        slot: {} for slot in FOUR - {"worker-2"}
    }
    # None, if the kill came between two of its questions.
    assert load.refused["worker-2"].keys() <= {"UNAVAILABLE"}
    log = LogReader(service.log_url)
    for ids in load.answered.values():
        assert all(log.get(each) is not None for each in ids)
    after = streams(service)
    assert {slot: head.stream_id for slot, head in after.items()} == {
        slot: head.stream_id for slot, head in before.items()
    }
    for head in after.values():
        verified = log.verify(head.stream_id)
        assert verified is not None
        assert verified.holds
    assert _told_of("worker-2", service) == ["opened", "continued"]
    assert _told_of("worker-1", service) == ["opened"]


def test_more_workers_than_cores_are_warned_about(four: Clinic) -> None:
    lines = [json.loads(line) for line in four.service.logged.splitlines()]
    warned = [line for line in lines if line["message"].startswith("more decision workers than cores")]

    cores = len(os.sched_getaffinity(0))
    assert [line["cores"] for line in warned] == ([cores] if cores < 4 else [])


def test_the_stream_of_a_worker_that_is_run_no_more_is_closed_and_says_so(four: Clinic) -> None:
    """Last, since it ends the service that the others use."""
    var_dir, first = four.service.var_dir, streams(four.service)
    assert four.service.stop() == 0
    with running(var_dir) as service:
        assert streams(service).keys() == {"control", "worker-0"}
        closed = [head for head in LogReader(service.log_url).streams() if head.closed]
        assert {head.stream_id for head in closed} == {
            first[f"worker-{number}"].stream_id for number in (1, 2, 3)
        }
        for head in closed:
            verified = LogReader(service.log_url).verify(head.stream_id)
            assert verified is not None
            assert verified.holds
        assert _told_of("worker-3", service) == ["opened", "closed"]
        assert service.stop() == 0
    with running(var_dir, workers="2") as service:
        again = streams(service)
        assert again["worker-0"].stream_id == first["worker-0"].stream_id
        assert again["worker-1"].stream_id != first["worker-1"].stream_id
        assert _told_of("worker-1", service) == ["opened", "closed", "opened"]
        assert _told_of("worker-3", service) == ["opened", "closed"]


def _ask(clinic: Clinic) -> Callable[[Client], str]:
    return lambda client: check(client, clinic.token).decision_id


def _told_of(slot: str, service: Service) -> list[str]:
    """What the streams of a slot say of themselves, the oldest first."""
    log = LogReader(service.log_url)
    entries = [
        LogEntry.FromString(stored.data)
        for head in log.streams()
        if head.slot == slot
        for stored in log.entries(head.stream_id, 0, limit=head.size)
    ]
    return [entry.stream.kind for entry in entries if entry.WhichOneof("event") == "stream"]
