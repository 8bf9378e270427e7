"""Two replicas on one PostgreSQL are upgraded, one after the other, under load.

The next versions are copies of this one, with a column more and a migration for it
(`tests.support.next_version`).
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import grpc
import psycopg
import pytest
from sqlalchemy.engine.url import make_url

from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.url import look
from policy_service.model.schema import SchemaState
from tests.server.calling import Client, Refused
from tests.support.asking import DENY, PERMIT, Manager, check
from tests.support.next_version import BADGE, migrate, next_version, version_after
from tests.support.postgres import postgres_url
from tests.support.running import Service, running, start

ASKING = 2
PATIENCE = 60.0
"""Seconds in which one replica or the other must have answered."""
TRY_ELSEWHERE = (
    grpc.StatusCode.UNAVAILABLE,  # it ends, or starts
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
)

Answer = TypeVar("Answer")


@dataclass
class Replicas:
    """The replicas that run, by name; each is ended and started again, of another version."""

    directory: Path
    facts_url: str
    log_url: str
    up: dict[str, Service] = field(default_factory=dict)
    _ends: dict[str, ExitStack] = field(default_factory=dict)

    def start(self, name: str, code: Path | None = None) -> Service:
        stack = ExitStack()
        self._ends[name] = stack
        service = stack.enter_context(running(self.directory / name, None, code, **self.settings(name)))
        service.wait_until_serving()
        self.up[name] = service
        return service

    def settings(self, name: str) -> dict[str, str]:
        key_file = str(self.directory / "fingerprint.key")
        urls = {"facts_url": self.facts_url, "log_url": self.log_url}
        return {**urls, "key_file": key_file, "service_name": name}

    def stop(self, name: str) -> None:
        self.up.pop(name)
        self._ends.pop(name).close()

    def stop_all(self) -> None:
        for name in list(self._ends):
            self._ends.pop(name).close()


@dataclass
class Load:
    """Clients that go to the other replica where one does not answer, as clients of replicas do."""

    replicas: Replicas
    administrator: str
    token: str
    answers: dict[str, int] = field(default_factory=dict)
    """Decision id to effect of every answer that was received."""
    by_replica: dict[str, int] = field(default_factory=lambda: {"a": 0, "b": 0})
    """How many nurses were put on file by each."""
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    _turns: Iterator[int] = field(default_factory=itertools.count)

    def asks(self) -> None:
        while not self.stop.is_set():
            answer = self.from_any(lambda _, service: self.ask(service, "nurse"))
            if answer is not None:
                self.answers[answer[0]] = answer[1]
            time.sleep(0.02)

    def records(self) -> None:
        """A nurse joins the ward and the patient then excludes her: each replica knows at once."""
        for number in itertools.count():
            if self.stop.is_set():
                return
            nurse = f"n-{number}"
            joined = self.from_any(partial(self.joins, nurse=nurse))
            if joined is None:
                return
            self.by_replica[joined] += 1
            self.expect(nurse, PERMIT)
            if self.from_any(partial(self.leaves, nurse=nurse)) is not None:
                self.expect(nurse, DENY)
            time.sleep(0.1)

    def from_any(self, call: Callable[[str, Service], Answer]) -> Answer | None:
        """What one replica or the other answers; each time another is asked first."""
        deadline = time.monotonic() + PATIENCE
        for turn in itertools.count(next(self._turns)):
            up = sorted(self.replicas.up.items())
            name, service = up[turn % len(up)]
            try:
                return call(name, service)
            except Refused as refused:
                if refused.code not in TRY_ELSEWHERE or time.monotonic() > deadline:
                    self.lost.append(f"{name}: {refused.code} {refused.reason}")
                    return None
        raise AssertionError

    def wait_for_more(self) -> None:
        """Until each replica that is up has answered and written something more, whatever is up."""
        answers, written = len(self.answers), sum(self.by_replica.values())
        deadline = time.monotonic() + 2 * PATIENCE
        while len(self.answers) < answers + 10 or sum(self.by_replica.values()) < written + 3:
            assert time.monotonic() < deadline, (self.lost, self.wrong)
            assert not self.lost
            time.sleep(0.05)

    def expect(self, nurse: str, effect: int) -> None:
        for name, service in list(self.replicas.up.items()):
            try:
                _, found = self.ask(service, nurse)
            except Refused:
                continue  # it is just being ended
            if found != effect:
                self.wrong.append(f"{name}: {nurse}")

    def ask(self, service: Service, nurse: str) -> tuple[str, int]:
        with Client(service.decision_port) as client:
            answer = check(client, self.token, nurse, seconds=5.0)
            return answer.decision_id, answer.effect

    def joins(self, name: str, service: Service, nurse: str) -> str:
        with self.manager(service) as manager:
            manager.put_nurse(nurse)
        return name

    def leaves(self, _: str, service: Service, nurse: str) -> str:
        with self.manager(service) as manager:
            return manager.exclude(nurse)

    @contextmanager
    def manager(self, service: Service) -> Iterator[Manager]:
        manager = Manager(service.control_port, self.administrator)
        try:
            yield manager
        finally:
            manager.close()


@contextmanager
def under_load(replicas: Replicas) -> Iterator[Load]:
    first = replicas.up["a"]
    manager = Manager(first.control_port, first.administrator)
    load = Load(replicas, first.administrator, manager.put_clinic())
    manager.close()
    threads = [threading.Thread(target=load.asks) for _ in range(ASKING)]
    threads.append(threading.Thread(target=load.records))
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.stop.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[Replicas]:
    replicas = Replicas(tmp_path, postgres_url(), postgres_url())
    try:
        yield replicas
    finally:
        replicas.stop_all()


@pytest.mark.torture  # minutes of two versions under load
@pytest.mark.timeout(900)
def test_an_upgrade_of_two_replicas_loses_no_answer_and_gives_no_wrong_one(
    replicas: Replicas, tmp_path: Path
) -> None:
    following = next_version(tmp_path / "next")
    last = version_after(following, tmp_path / "last")
    for name in "ab":
        replicas.start(name)
    with under_load(replicas) as load:
        load.wait_for_more()
        migrate(following, facts_url=replicas.facts_url, log_url=replicas.log_url)
        load.wait_for_more()  # both of the old version, on the new schema
        for name in "ba":
            replicas.stop(name)
            load.wait_for_more()
            replicas.start(name, following)
            load.wait_for_more()  # of two versions, then of the new one
    assert load.lost == load.wrong == []
    assert min(load.by_replica.values()) > 0
    assert badges(replicas.facts_url) == {"", BADGE}, "both versions wrote on the new schema"
    assert look(replicas.log_url).state is SchemaState.EXPANDED

    assert set(load.answers.values()) == {PERMIT}
    assert load.answers.keys() <= set(entry_ids(replicas.log_url))

    # The contract step: the version before the last one may run on it no more, the last one may.
    old = replicas.start("c")
    assert load.ask(old, "nurse")[1] == PERMIT
    migrate(last, facts_url=replicas.facts_url, log_url=replicas.log_url)
    with pytest.raises(Refused) as refused:
        load.ask(old, "nurse")
    assert refused.value.code is grpc.StatusCode.UNAVAILABLE
    with pytest.raises(Refused):
        load.leaves("c", old, "nurse")
    for name in "ab":
        assert load.ask(replicas.up[name], "nurse")[1] == PERMIT
    replicas.stop("c")
    with start(tmp_path / "c", replicas.settings("c")) as process:
        assert process.wait(60) != 0
    assert "install the version that migrated it" in (tmp_path / "c" / "stderr").read_text()


def badges(facts_url: str) -> set[str]:
    with psycopg.connect(_plain(facts_url)) as connection:
        return {badge for (badge,) in connection.execute("SELECT DISTINCT badge FROM users")}


def entry_ids(log_url: str) -> Iterator[str]:
    log = LogReader(log_url)
    for stream in log.streams():
        verified = log.verify(stream.stream_id)
        assert verified is not None
        assert verified.holds
        yield from (each.id for each in log.entries(stream.stream_id, 0, limit=stream.size))


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
