"""Policies published in a running service: the next check knows it, and where a worker cannot, nothing is."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from policy_service.server.settings import Settings
from tests.server.calling import Client, Refused
from tests.support.asking import DENY, PERMIT, check
from tests.support.connections import to_each_worker
from tests.support.publishing import publish, published, put_set, rollback, withholding
from tests.support.running import running
from tests.support.shipped import POLICY_SET as SHIPPED
from tests.system.conftest import Clinic, opened

NOBODY = withholding("health.summary")
PATIENCE = 60.0


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """With two decision workers."""
    with running(tmp_path_factory.mktemp("published") / "var", workers="2") as service:
        yield opened(service)


def effect(clinic: Clinic) -> int:
    """On a connection of its own, so that whichever worker accepts it answers."""
    with Client(clinic.service.decision_port) as worker:
        return check(worker, clinic.token, seconds=PATIENCE).effect


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_next_check_is_decided_by_what_was_published(clinic: Clinic) -> None:
    """In each worker, though it was asked a moment before."""
    manager, service = clinic.manager, clinic.service
    stricter = put_set(manager, NOBODY)
    with to_each_worker(
        service.decision_port,
        service.log_url,
        lambda worker: check(worker, clinic.token).decision_id,
        {"worker-0", "worker-1"},
    ) as workers:

        def effects() -> set[int]:
            return {check(worker, clinic.token, seconds=PATIENCE).effect for worker in workers.values()}

        assert effects() == {PERMIT}
        for _ in range(5):
            publish(manager, stricter, SHIPPED.policy_set_id)
            assert effects() == {DENY}
            assert rollback(manager, stricter) == SHIPPED.policy_set_id
            assert effects() == {PERMIT}
        answer = check(workers["worker-1"], clinic.token)
    assert manager.entry(answer.decision_id).versions.policy_set == SHIPPED.policy_set_id


def test_of_two_officers_at_once_one_is_refused(clinic: Clinic) -> None:
    policy = NOBODY["own/nobody.yaml"]
    names = [
        put_set(clinic.manager, {**NOBODY, "own/nobody.yaml": f"{policy}# {number}\n"}) for number in range(2)
    ]

    def publishing(name: str) -> str:
        try:
            publish(clinic.manager, name, SHIPPED.policy_set_id)
        except Refused as refused:
            return refused.reason
        return name

    with ThreadPoolExecutor(2) as pool:
        came = set(pool.map(publishing, names))
    (won,) = came & {*names}
    assert came == {won, "PUBLISHED_MEANWHILE"}
    assert published(clinic.manager) == won
    assert effect(clinic) == DENY
    rollback(clinic.manager, won)


def test_what_was_put_on_file_before_control_was_killed_is_published_after_it(clinic: Clinic) -> None:
    policy = NOBODY["own/nobody.yaml"]
    name = put_set(clinic.manager, {**NOBODY, "own/nobody.yaml": f"{policy}# before\n"})
    clinic.service.kill("control")
    clinic.service.wait_until_serving()
    assert published(clinic.manager) == SHIPPED.policy_set_id
    assert effect(clinic) == PERMIT
    publish(clinic.manager, name, SHIPPED.policy_set_id)
    assert effect(clinic) == DENY
    rollback(clinic.manager, name)


def test_a_worker_says_whether_it_can_prepare_a_set(tmp_path: Path) -> None:
    """The child itself, with the test in the supervisor's place."""
    with running(tmp_path / "var") as service:
        name = put_set(opened(service).manager, NOBODY)
        assert service.stop() == 0
    settings = Settings(var_dir=tmp_path / "var")
    with (tmp_path / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "policy_service.server.child", "worker", "0"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
    assert process.stdin is not None
    assert process.stdout is not None

    def tell(message: dict[str, object]) -> None:
        assert process.stdin is not None
        process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()

    def heard(word: str) -> object:
        assert process.stdout is not None
        for line in process.stdout:
            if word in (said := json.loads(line)):
                return said[word]
        raise AssertionError((tmp_path / "stderr").read_text())

    with closing(process.stdout):
        tell({"settings": settings.model_dump(mode="json"), "port": 0})
        assert heard("ready") is True
        head = _head(settings)
        for asked, revision, ok in ((name, head, True), ("set-none", head, False), (name, 1, False)):
            tell({"prepare": {"id": f"{asked} {revision}", "set": asked, "revision": revision}})
            assert heard("prepared") == {"id": f"{asked} {revision}", "ok": ok}
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
    assert "a policy set could not be prepared" in (tmp_path / "stderr").read_text()


def test_a_worker_that_cannot_compile_what_is_published_answers_nobody_until_another_is(
    tmp_path: Path,
) -> None:
    """Published by whatever is no control of this version; no hand is needed once another set is."""
    with running(tmp_path / "var") as service:
        clinic = opened(service)
        assert effect(clinic) == PERMIT
        worker = service.child("worker")
        with _facts(tmp_path / "var") as facts:
            _publish_by_hand(facts, "documents = '[[\"own.yaml\",\"uid: [\"]]', policy_set_id = 'set-broken'")
        with pytest.raises(Refused) as refused:
            effect(clinic)
        assert refused.value.code.name == "UNAVAILABLE"
        until(lambda: service.child("worker") != worker)
        with pytest.raises((Refused, AssertionError)):
            effect(clinic)
        assert "the published policies cannot be compiled" in service.logged
        # An officer's way out: the workers that do not serve are not waited for.
        assert rollback(clinic.manager, "set-broken") == SHIPPED.policy_set_id
        service.wait_until_serving()
        assert effect(clinic) == PERMIT


@contextmanager
def _facts(var_dir: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(var_dir / "facts.db", isolation_level=None, timeout=20)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # the writer's affair
        yield connection


def _head(settings: Settings) -> int:
    with _facts(settings.var_dir) as facts:
        (head,) = facts.execute("SELECT revision FROM head").fetchone()
    return int(head)


def _publish_by_hand(facts: sqlite3.Connection, changed: str) -> None:
    """As the store would write it, but for `changed` of the set's row."""
    facts.execute("BEGIN IMMEDIATE")
    facts.execute("UPDATE head SET revision = revision + 1")
    ((head,),) = facts.execute("SELECT revision FROM head").fetchall()
    columns = "controller, policy_set_id, documents, base_types, messages, attributes"
    ((row,),) = facts.execute(f"SELECT row_id FROM policy_sets WHERE revision_to = {2**63 - 1}").fetchall()
    facts.execute(f"UPDATE policy_sets SET revision_to = {head} WHERE row_id = {row}")
    facts.execute(
        f"INSERT INTO policy_sets (revision_from, revision_to, {columns})"
        f" SELECT {head}, {2**63 - 1}, {columns} FROM policy_sets WHERE row_id = {row}"
    )
    facts.execute(f"UPDATE policy_sets SET {changed} WHERE revision_from = {head}")
    facts.execute(f"INSERT INTO changes (revision, key) VALUES ({head}, '[\"policy_set\"]')")
    facts.execute(
        "INSERT INTO revisions (revision, time, committed_at, actor, controller, reason, stream_id, entry_id,"
        f" entry, idempotency_key, body_hash) SELECT {head}, time, committed_at, 'test', '', '', 'test',"
        " 'test', x'', '', x'' FROM revisions WHERE revision = 1"
    )
    facts.execute("COMMIT")
