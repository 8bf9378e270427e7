"""`kill -9` under load: what a client was told is in the log, what was acknowledged protects, all is back.

A few kills in `make test`, twenty of each process in `make torture`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.asking import DENY, PERMIT, check
from tests.support.running import Service, running
from tests.system.conftest import opened
from tests.system.load import Load, entries_by_id, wait_for_more

FEW, MANY = 2, 20


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
            wait_for_more(load.answers, answers + 20)
            wait_for_more(load.acknowledged, recorded + 2)
            time.sleep(chance.uniform(0.0, 0.3))
            for role in ("worker", "control") if victim == "both" else (victim,):
                service.kill(role)
            service.wait_until_serving()
    # A killed process is met by a broken connection, a process that starts by a refused one; nothing else.
    assert load.refused <= {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"}
    assert set(load.answers.values()) == {PERMIT}
    assert load.denied
    assert not load.permitted_wrongly

    entries = entries_by_id(service.log_url)
    assert set(load.answers) <= entries.keys()
    recorded_in_log = {name for entry in entries.values() for name in entry.write.facts}
    assert {f"request:{request}" for request in load.excluded_ids} <= recorded_in_log
    for record in load.acknowledged:
        assert check(clinic.worker, clinic.token, "nurse", record).effect == DENY
