"""The whole service behind PgBouncer in transaction mode: each transaction may get another connection."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from policy_service.api.v1 import decision_log_pb2
from policy_service.decision_log.reader import LogReader
from tests.server.calling import Client
from tests.support import pgbouncer
from tests.support.asking import DENY, PERMIT, check, check_at_last
from tests.support.postgres import postgres_url
from tests.support.running import running
from tests.system.conftest import Clinic, opened

PROGRAM = pgbouncer.find()

pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="PgBouncer is not here; Debian's package is called `pgbouncer`"
)

ASKING, TIMES = 4, 8


@pytest.fixture(scope="module")
def pooled() -> Iterator[str]:
    assert PROGRAM is not None
    with pgbouncer.pooled(PROGRAM, postgres_url()) as url:
        yield url


@pytest.fixture(scope="module")
def clinic(pooled: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    var_dir = tmp_path_factory.mktemp("pooled") / "var"
    with running(var_dir, facts_url=pooled, log_url=pooled, workers="2") as service:
        yield opened(service)


def test_what_is_recorded_decides_at_once_and_every_answer_is_in_the_log(clinic: Clinic, pooled: str) -> None:
    service, manager = clinic.service, clinic.manager
    told: list[str] = []

    def ask(number: int) -> None:
        with Client(service.decision_port) as client:
            for each in range(TIMES):
                nurse = f"nurse-{number}-{each}"
                manager.put_nurse(nurse)
                permit = check_at_last(client, clinic.token, nurse)
                manager.exclude(nurse, seconds=30.0)
                deny = check_at_last(client, clinic.token, nurse)
                assert (permit.effect, deny.effect) == (PERMIT, DENY)
                told.extend((permit.decision_id, deny.decision_id))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(ASKING)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(told) == ASKING * TIMES * 2
    log = LogReader(pooled)
    assert all(log.get(each) is not None for each in told)
    for head in log.streams():
        verified = log.verify(head.stream_id)
        assert verified is not None
        assert verified.holds


def test_the_log_is_searched(clinic: Clinic) -> None:
    _, auditor = clinic.manager.issue(principal="audrey", roles=("auditor",))
    decision = check(clinic.worker, clinic.token).decision_id
    search = decision_log_pb2.DecisionLogServiceSearchRequest(
        filter=decision_log_pb2.EntryFilter(user="nurse")
    )
    answer = clinic.manager.call("DecisionLogService/Search", search, token=auditor)
    found = decision_log_pb2.DecisionLogServiceSearchResponse.FromString(answer).entries
    assert decision in {each.entry.entry_id for each in found}


def test_the_service_starts_again(clinic: Clinic) -> None:
    for role in ("worker", "control"):
        clinic.service.kill(role)
        clinic.service.wait_until_serving()
    clinic.manager.put_nurse("again")
    assert check(clinic.worker, clinic.token, "again").effect == PERMIT


def test_the_service_had_more_connections_than_the_server(clinic: Clinic, pooled: str) -> None:
    """Or nothing here would show that any connection does."""
    check(clinic.worker, clinic.token)
    name = make_url(pooled).database
    admin = make_url(pooled).set(drivername="postgresql", database="pgbouncer")
    with psycopg.connect(
        admin.render_as_string(hide_password=False), autocommit=True, prepare_threshold=None
    ) as connection:
        clients = [row for row in connection.execute("SHOW CLIENTS") if name in row]
        servers = [row for row in connection.execute("SHOW SERVERS") if name in row]
    assert len(clients) > len(servers) > 0
    assert len(servers) <= pgbouncer.SERVER_CONNECTIONS


def test_the_run_left_no_error_of_the_store_behind(clinic: Clinic) -> None:
    assert "PreparedStatement" not in clinic.service.logged
    assert "ProgrammingError" not in clinic.service.logged
    assert Path(clinic.service.var_dir, "admin.token").exists()
