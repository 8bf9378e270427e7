"""Promise 3, fresh, in every worker and on every service: a check that starts after a write has returned.

300 rounds in `make test`, 10,000 in `make torture`, half of them on SQLite and half on PostgreSQL. The same
rounds must see it when what makes the promise hold is taken away, and within as many: without validation in
`make test`, what takes longer to show in `make torture`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tests.promises.rounds import Rounds
from tests.support.asking import Manager, check
from tests.support.connections import to_each_worker
from tests.support.postgres import postgres_url
from tests.support.running import Service, running

pytestmark = pytest.mark.timeout(600)

FEW, MANY = 150, 5_000
"""On each store."""
HOUR = 3_600
A_MOMENT = 0.02
"""Seconds, at most, for which a write waits in its transaction."""


@contextmanager
def four_workers(directory: Path, **bent: Any) -> Iterator[Rounds]:
    """One service of four workers, on SQLite."""
    slots = {f"worker-{number}" for number in range(4)}
    with (
        running(directory / "var", _bent(directory, bent), workers="4") as service,
        _rounds([service], service.log_url, slots) as rounds,
    ):
        _bend_clocks(directory)
        yield rounds


@contextmanager
def two_services(directory: Path, north: Mapping[str, Any], south: Mapping[str, Any]) -> Iterator[Rounds]:
    """Two services of two workers each, on one PostgreSQL."""
    url, key = postgres_url(), str(directory / "key")
    if "without" in north:
        _make_sequence(url, north["without"])
    shared = {"facts_url": url, "log_url": url, "key_file": key, "workers": "2"}
    with ExitStack() as stack:
        services = [
            stack.enter_context(
                running(directory / name, _bent(directory, bent), service_name=name, **shared)
            )
            for name, bent in (("north", north), ("south", south))
        ]
        slots = {f"{name}-worker-{number}" for name in ("north", "south") for number in range(2)}
        rounds = stack.enter_context(_rounds(services, url, slots))
        _bend_clocks(directory)
        yield rounds


def test_four_workers_on_sqlite_answer_nothing_stale(tmp_path: Path) -> None:
    with four_workers(tmp_path, clock={"worker-2": -HOUR, "worker-3": HOUR}) as rounds:
        rounds.run(FEW)
        assert_none_stale(rounds, FEW)


def test_two_services_on_postgresql_answer_nothing_stale(tmp_path: Path) -> None:
    bent = {"delays": A_MOMENT}
    with two_services(tmp_path, bent, {**bent, "clock": {"worker-1": HOUR}}) as rounds:
        rounds.run(FEW)
        assert_none_stale(rounds, FEW)
        assert rounds.why["CLOCK_AWAY"] > 0, "the process whose clock is off answers"


@pytest.mark.torture
@pytest.mark.timeout(3_600)
def test_four_workers_on_sqlite_answer_nothing_stale_for_long(tmp_path: Path) -> None:
    with four_workers(tmp_path, clock={"worker-2": -HOUR, "worker-3": HOUR}) as rounds:
        rounds.run(MANY)
        assert_none_stale(rounds, MANY)


@pytest.mark.torture
@pytest.mark.timeout(3_600)
def test_two_services_on_postgresql_answer_nothing_stale_for_long(tmp_path: Path) -> None:
    bent = {"delays": A_MOMENT}
    with two_services(tmp_path, bent, {**bent, "clock": {"worker-1": HOUR}}) as rounds:
        rounds.run(MANY)
        assert_none_stale(rounds, MANY)
        assert rounds.why["CLOCK_AWAY"] > 0, "the process whose clock is off answers"


def test_without_validation_the_rounds_see_it(tmp_path: Path) -> None:
    with four_workers(tmp_path, without="validation") as rounds:
        rounds.run(FEW, until_stale=True)
        assert rounds.stale != []


@pytest.mark.torture
@pytest.mark.timeout(1_800)
def test_with_a_sequence_for_revisions_the_rounds_see_it(tmp_path: Path) -> None:
    bent = {"delays": 10 * A_MOMENT, "without": "order"}
    with two_services(tmp_path, bent, bent) as rounds:
        rounds.run(MANY, until_stale=True)
        assert rounds.stale != []


@pytest.mark.torture
def test_with_eviction_by_one_end_the_rounds_see_it(tmp_path: Path) -> None:
    with four_workers(tmp_path, without="other_end") as rounds:
        rounds.run(MANY, until_stale=True)
        assert rounds.stale != []


def assert_none_stale(rounds: Rounds, count: int) -> None:
    """And that so many rounds were gone: a write that is not acknowledged may break one in a hundred."""
    assert rounds.stale == []
    gone = count - rounds.done["broken"]
    assert gone >= count - count // 100
    assert rounds.done["answered"] >= 2 * gone
    for kind in ("a_request", "a_token", "a_relation_two_hops_away", "a_suspended_system"):
        assert rounds.done[kind] > gone // 8, kind
    assert rounds.done["a_policy_set"] > gone // 200, "one writer of eight, in one of five of his rounds"


@contextmanager
def _rounds(services: list[Service], log_url: str, slots: set[str]) -> Iterator[Rounds]:
    administrator = services[0].administrator
    manager = Manager(services[0].control_port, administrator)
    token = manager.put_clinic()
    manager.close()
    with ExitStack() as stack:
        workers = [
            client
            for service in services
            for client in stack.enter_context(
                to_each_worker(
                    service.decision_port,
                    log_url,
                    lambda client: check(client, token).decision_id,
                    {slot for slot in slots if len(services) == 1 or slot.startswith(service.var_dir.name)},
                )
            ).values()
        ]
        yield Rounds([service.control_port for service in services], workers, administrator, token)


def _bent(directory: Path, bent: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**bent, "when": str(directory / "bend-clocks")}


def _bend_clocks(directory: Path) -> None:
    """From now on: a service whose clock is off at its start does not start."""
    (directory / "bend-clocks").touch()


def _make_sequence(url: str, what: str) -> None:
    if what == "order":
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("CREATE SEQUENCE bent_revisions"))
        engine.dispose()
