"""Several services on one PostgreSQL: one set of facts, one log, a name each."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.decision_log.reader import LogReader
from tests.server.calling import NOT_SERVING, SERVING, Client, Refused
from tests.support.asking import DENY, PERMIT, Manager, check
from tests.support.postgres import postgres_url
from tests.support.publishing import publish, put_set, rollback, withholding
from tests.support.running import Service, running, start
from tests.support.shipped import POLICY_SET as SHIPPED

HOUR = 3_600
DECISIONS = "policy_service.api.v1.DecisionService"
END_SECONDS = 30.0


@dataclass
class Both:
    """Two services that were started at once on an empty database."""

    url: str
    key_file: Path
    services: tuple[Service, Service]
    administrator: str
    token: str


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    directory = tmp_path_factory.mktemp("services")
    url, key_file = postgres_url(), directory / "key"
    with ExitStack() as stack, ThreadPoolExecutor(2) as threads:
        starting = [
            threads.submit(
                stack.enter_context,
                running(directory / name, service_name=name, **_shared(url, key_file)),
            )
            for name in ("north", "south")
        ]
        north, south = (each.result() for each in starting)
        (token_file,) = directory.glob("*/admin.token")
        administrator = token_file.read_text("ascii").strip()
        manager = Manager(north.control_port, administrator)
        stack.callback(manager.close)
        yield Both(url, key_file, (north, south), administrator, manager.put_clinic())


def test_a_first_start_of_two_makes_one_administrator_and_publishes_once(both: Both) -> None:
    log = LogReader(both.url)
    written = [
        list(entry.write.facts)
        for head in log.streams()
        if head.slot in ("north-control", "south-control")
        for entry in _entries(log, head.slot)
        if entry.method == "serve" and entry.WhichOneof("event") == "write"
    ]

    kinds = sorted(sorted(name.partition(":")[0] for name in names) for names in written)
    assert kinds == [["filed_policy_set", "policy_set"], ["token"]]


def test_what_one_service_records_the_other_answers_by_at_once(both: Both) -> None:
    for number, (here, there) in enumerate((both.services, both.services[::-1]) * 5):
        manager, nurse = Manager(here.control_port, both.administrator), f"nurse-{number}"
        with Client(there.decision_port) as worker:
            manager.put_nurse(nurse)
            assert check(worker, both.token, nurse).effect == PERMIT
            manager.exclude(nurse)
            assert check(worker, both.token, nurse).effect == DENY
        manager.close()


def test_each_has_its_own_streams_and_each_finds_the_entries_of_the_other(both: Both) -> None:
    log, (north, south) = LogReader(both.url), both.services
    parts = ("control", "worker-0")
    assert {head.slot for head in log.streams()} == {
        f"{name}-{part}" for name in ("north", "south") for part in parts
    }
    with Client(north.decision_port) as worker:
        decision = check(worker, both.token).decision_id
    entry = log.get(decision)
    assert entry is not None
    assert entry.slot == "north-worker-0"
    manager = Manager(south.control_port, both.administrator)
    assert manager.entry(decision).entry_id == decision
    manager.close()


def test_both_write_at_once_and_no_write_is_lost(both: Both) -> None:
    """Writes of two controls follow one another at the head of the facts."""

    def write(service: Service) -> None:
        manager = Manager(service.control_port, both.administrator)
        for number in range(30):
            manager.put_nurse(f"{service.var_dir.name}-{number}")
        manager.close()

    threads = [threading.Thread(target=write, args=(service,)) for service in both.services]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with Client(both.services[0].decision_port) as worker:
        for service in both.services:
            for number in range(30):
                assert check(worker, both.token, f"{service.var_dir.name}-{number}").effect == PERMIT
    log = LogReader(both.url)
    revisions = [
        entry.revision
        for slot in ("north-control", "south-control")
        for entry in _entries(log, slot)
        if entry.WhichOneof("event") == "write"
    ]
    assert sorted(revisions) == list(range(1, len(revisions) + 1)), "a revision has no entry, or two"


def test_a_service_with_another_key_is_refused(both: Both, tmp_path: Path) -> None:
    said = _start_and_fail(
        tmp_path / "var", None, service_name="east", **_shared(both.url, tmp_path / "other-key")
    )

    assert "the key file is not the one that this store's fingerprints were made with" in said


def test_a_service_whose_clock_is_off_is_refused(both: Both, tmp_path: Path) -> None:
    (tmp_path / "now").touch()
    bent = {"clock": {"control": HOUR}, "when": str(tmp_path / "now")}
    said = _start_and_fail(tmp_path / "var", bent, service_name="east", **_shared(both.url, both.key_file))

    assert "clock is over two seconds away" in said


def test_a_replica_that_cannot_compile_what_another_published_answers_nobody_and_says_so(
    both: Both, tmp_path: Path
) -> None:
    """It is not asked before. The others answer on, and once another set is published so does it."""
    (north, _), bent = both.services, {"compiles_not": "own.nobody"}
    shared = _shared(both.url, both.key_file)
    manager = Manager(north.control_port, both.administrator)
    with running(tmp_path / "var", bent, service_name="west", **shared) as west:
        with Client(west.control_port) as control:
            until(lambda: control.health(DECISIONS) == SERVING)
            with Client(west.decision_port) as worker:
                assert check(worker, both.token).effect == PERMIT
            own = put_set(manager, withholding("health.summary"))
            publish(manager, own, SHIPPED.policy_set_id)
            with Client(north.decision_port) as worker:
                assert check(worker, both.token).effect == DENY
            with Client(west.decision_port) as worker, pytest.raises(Refused) as refused:
                check(worker, both.token)
            assert refused.value.code.name == "UNAVAILABLE"
            until(lambda: control.health(DECISIONS) == NOT_SERVING)
            assert control.health() == SERVING  # an officer's way to go back
            assert "the published policies cannot be compiled" in west.logged
            rollback(Manager(west.control_port, both.administrator), own)
            west.wait_until_serving()
            until(lambda: control.health(DECISIONS) == SERVING)
        with Client(west.decision_port) as worker:
            assert check(worker, both.token).effect == PERMIT
    manager.close()


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60.0
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("process", ["control", "worker-0"])
def test_a_process_whose_clock_goes_wrong_stops_answering(both: Both, tmp_path: Path, process: str) -> None:
    when = tmp_path / "when"
    bent = {"clock": {process: -HOUR}, "when": str(when)}
    with running(tmp_path / "var", bent, service_name="west", **_shared(both.url, both.key_file)) as west:
        manager = Manager(west.control_port, both.administrator)
        with Client(west.decision_port) as worker:
            manager.put_nurse("clocked")
            assert check(worker, both.token, "clocked").effect == PERMIT
            ask: dict[str, Callable[[], object]] = {
                "control": lambda: manager.put_nurse("not written"),
                "worker-0": lambda: check(worker, both.token, "clocked"),
            }
            when.touch()
            with pytest.raises(Refused) as refused:
                ask[process]()
            assert (refused.value.code.name, refused.value.reason) == ("UNAVAILABLE", "CLOCK_AWAY")
            when.unlink()
            assert check(worker, both.token, "clocked").effect == PERMIT
            assert check(worker, both.token, "not written").effect == DENY
        manager.close()


def test_of_two_services_with_one_name_the_later_goes_on_and_the_earlier_ends(
    both: Both, tmp_path: Path
) -> None:
    shared = _shared(both.url, both.key_file)
    with (
        running(tmp_path / "first", service_name="twice", **shared) as first,
        running(tmp_path / "second", service_name="twice", **shared) as second,
    ):
        with Client(first.decision_port) as worker, pytest.raises(Refused) as refused:
            check(worker, both.token)
        assert refused.value.code.name == "UNAVAILABLE"
        assert first.process.wait(END_SECONDS) == 1
        assert "give each service on one database a `service_name` of its own" in first.logged
        with Client(second.decision_port) as worker:
            assert check(worker, both.token).effect == PERMIT
        assert second.stop() == 0


def _shared(url: str, key_file: Path) -> dict[str, str]:
    return {"facts_url": url, "log_url": url, "key_file": str(key_file)}


def _entries(log: LogReader, slot: str) -> Iterator[LogEntry]:
    for head in log.streams():
        if head.slot == slot:
            for stored in log.entries(head.stream_id, 0, limit=head.size):
                yield LogEntry.FromString(stored.data)


def _start_and_fail(var_dir: Path, bent: Mapping[str, object] | None, /, **settings: str) -> str:
    process = start(var_dir, settings, stderr=subprocess.PIPE, bent=bent)
    _, said = process.communicate(timeout=240)
    assert process.returncode == 1
    return str(said).strip().splitlines()[-1]
