"""Start, drain, restart, end: the process tree."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server.calling import SERVING, Client, Refused
from tests.support.asking import DENY, PERMIT, check
from tests.support.processes import nursery_of
from tests.support.running import Service, running, start
from tests.system.conftest import Clinic, opened


def test_both_ports_are_healthy_and_each_serves_its_own(clinic: Clinic) -> None:
    package = "policy_service.api.v1"
    with Client(clinic.service.control_port) as control:
        assert control.health() == SERVING
        assert control.health(f"{package}.PrivacyRequestService") == SERVING
        # Which it does not serve: it tells whether any worker does, as it is told every second.
        deadline = time.monotonic() + 30
        while control.health(f"{package}.DecisionService") != SERVING:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        with pytest.raises(Refused) as elsewhere:
            control.call("DecisionService/Check", token=clinic.token)
    assert clinic.worker.health(f"{package}.DecisionService") == SERVING
    assert elsewhere.value.code.name == "UNIMPLEMENTED"


def test_the_first_administrators_token_is_for_its_owner_alone_and_in_no_log(clinic: Clinic) -> None:
    file = clinic.service.var_dir / "admin.token"

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text().strip()
    assert text.startswith("psk_")
    assert text not in clinic.service.logged
    assert text.rpartition("_")[2] not in clinic.service.logged


def test_nothing_that_is_made_can_be_read_by_others(clinic: Clinic) -> None:
    open_to_others = [
        path.name
        for path in clinic.service.var_dir.rglob("*")
        if path.is_file() and path.name != "stderr" and path.stat().st_mode & 0o077
    ]

    assert open_to_others == []


@pytest.mark.parametrize("role", ["worker", "control"])
def test_a_child_that_is_killed_is_started_again_and_the_other_never_stops(clinic: Clinic, role: str) -> None:
    other = "control" if role == "worker" else "worker"
    untouched = clinic.service.child(other)
    killed = clinic.service.kill(role)
    clinic.service.wait_until_serving()

    assert clinic.service.child(role) not in (None, killed)
    assert clinic.service.child(other) == untouched
    answer = check(clinic.worker, clinic.token)
    assert answer.effect == PERMIT
    assert clinic.manager.entry(answer.decision_id).entry_id == answer.decision_id


def test_sigterm_drains_and_a_second_start_keeps_what_is_there(tmp_path: Path) -> None:
    with running(tmp_path / "var") as service:
        clinic = opened(service)
        administrator = service.administrator
        answered = _answered_until_stopped(clinic, service)
        assert service.stop() == 0
        assert answered() > 0
        clinic.manager.close()
        clinic.worker.close()
    with running(tmp_path / "var") as again:
        assert again.administrator == administrator
        with Client(again.decision_port) as worker:
            assert check(worker, clinic.token).effect == PERMIT


def _answered_until_stopped(clinic: Clinic, service: Service) -> Callable[[], int]:
    """Ask without pause, from now on; returns what tells how many were answered, each of them rightly."""
    answered, wrong = 0, []

    def ask() -> None:
        nonlocal answered
        with Client(service.decision_port) as client:
            while True:
                try:
                    if check(client, clinic.token).effect != PERMIT:
                        wrong.append("denied")
                    answered += 1
                except Refused as refused:
                    if refused.code.name not in ("UNAVAILABLE", "CANCELLED"):
                        wrong.append(refused.code.name)
                    return

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    while answered < 20:
        assert any(thread.is_alive() for thread in threads), wrong
        time.sleep(0.01)

    def result() -> int:
        for thread in threads:
            thread.join(30)
        assert wrong == []
        return answered

    return result


def test_when_the_supervisor_is_killed_its_children_end(tmp_path: Path) -> None:
    with running(tmp_path / "var") as service:
        children = [service.child("control"), service.child("worker"), nursery_of(service.process.pid)]
        service.process.kill()
        service.process.wait()
        deadline = time.monotonic() + 30.0
        while any(_runs(pid) for pid in children):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    with running(tmp_path / "var") as again:
        again.wait_until_serving()


def test_when_the_nursery_is_killed_all_are_replaced(tmp_path: Path) -> None:
    """Nobody would hear any more when one of its children ends; so none of them goes on."""
    with running(tmp_path / "var") as service:
        clinic = opened(service)
        assert check(clinic.worker, clinic.token).effect == PERMIT
        nursery, worker = nursery_of(service.process.pid), service.child("worker")
        assert nursery is not None
        threads = Path(f"/proc/{nursery}/task")
        assert len(list(threads.iterdir())) == 1, "a fork would take the locks of the others along"
        os.kill(nursery, signal.SIGTERM)  # as a service manager sends it to all of a service at once
        ignored = next(line for line in _status(nursery) if line.startswith("SigIgn:"))
        assert int(ignored.split()[1], 16) >> (signal.SIGTERM - 1) & 1
        drains = next(line for line in _status(worker) if line.startswith("SigIgn:"))
        assert not int(drains.split()[1], 16) >> (signal.SIGTERM - 1) & 1
        assert check(clinic.worker, clinic.token).effect == PERMIT
        os.kill(nursery, signal.SIGKILL)
        deadline = time.monotonic() + 60.0
        while _runs(worker) or service.child("worker") is None:
            assert time.monotonic() < deadline, service.logged[-4_000:]
            time.sleep(0.05)
        service.wait_until_serving()
        assert nursery_of(service.process.pid) not in (nursery, None)
        with Client(service.decision_port) as again:
            assert check(again, clinic.token).effect == PERMIT
        assert service.stop() == 0


def test_a_port_that_somebody_else_has_is_said_plainly(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        said = _start_and_fail(tmp_path / "var", decision_port=str(port))

    assert f"port {port} on 127.0.0.1 cannot be used" in said


@pytest.mark.parametrize("folder", [".", "base_types"])
def test_policies_that_cannot_be_published_are_said_plainly(tmp_path: Path, folder: str) -> None:
    bad = tmp_path / "policies" / folder / "bad.yaml"
    bad.parent.mkdir(parents=True)
    bad.write_text("name: base.x\nuid: 1\n")

    said = _start_and_fail(tmp_path / "var", policies_dir=str(tmp_path / "policies"))

    assert "the policies cannot be published" in said
    assert "bad.yaml:" in said


def test_a_second_service_on_the_same_data_is_refused(clinic: Clinic) -> None:
    said = _start_and_fail(clinic.service.var_dir)

    assert "another service runs on the data in" in said
    assert check(clinic.worker, clinic.token).effect == PERMIT


def _start_and_fail(var_dir: Path, **settings: str) -> str:
    process = start(var_dir, settings, stderr=subprocess.PIPE)
    _, said = process.communicate(timeout=240)
    assert process.returncode == 1
    return str(said).strip().splitlines()[-1]


def _status(pid: int | None) -> list[str]:
    return Path(f"/proc/{pid}/status").read_text().splitlines()


def _runs(pid: int | None) -> bool:
    assert pid is not None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.torture
def test_a_child_that_hangs_is_killed_and_started_again(tmp_path: Path) -> None:
    with running(tmp_path / "var") as service:
        hung = service.child("worker")
        assert hung is not None
        os.kill(hung, signal.SIGSTOP)
        deadline = time.monotonic() + 90.0
        while service.child("worker") in (hung, None):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        service.wait_until_serving()
        clinic = opened(service)
        assert check(clinic.worker, clinic.token, "nobody").effect == DENY
