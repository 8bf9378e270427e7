"""Two stores that are written while a backup of them is taken, and what is found in a restored pair."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.decision_log import url as log_url
from policy_service.decision_log.entries import Versions
from policy_service.decision_log.entry import Entry
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.stream import StreamWriter
from policy_service.facts import schema
from policy_service.facts.mapping import to_microseconds
from policy_service.facts.reader import FactsReader
from policy_service.facts.store import FactStore
from policy_service.model.facts import Fact, Person, PersonId, Revision, User
from policy_service.model.ids import random_id, time_ordered_id
from policy_service.service.outbox import Outbox
from policy_service.service.restore import Restore, Restored
from tests.facts.world import POLICE, change

KEY = bytes(range(32))
VERSIONS = Versions(engine=1, key_generation=1, time_zones="test", phone_data="test")
CHECK, PUT = "DecisionService/Check", "PeopleService/PutPerson"


def quiet(what: str, done: int, total: int | None) -> None:
    """A progress that nobody watches."""


@dataclass(frozen=True)
class Pair:
    """Both databases of an installation."""

    facts: str
    log: str

    def restore(self, directory: Path, key: bytes = KEY) -> Restored:
        return Restore(self.facts, self.log, key, VERSIONS, lambda: datetime.now(UTC)).run(directory, quiet)

    def entries(self) -> list[LogEntry]:
        """Of all streams, each of which is whole."""
        log, found = LogReader(self.log), []
        for stream in log.streams():
            verified = log.verify(stream.stream_id)
            assert verified is not None
            assert verified.problem is None
            stored = log.entries(stream.stream_id, 0, limit=stream.size)
            found += [LogEntry.FromString(each.data) for each in stored]
        return found

    def facts_as_of(self, revision: Revision) -> tuple[Fact, ...]:
        reader = FactsReader(self.facts)
        try:
            return (
                *reader.list_facts(Person, None, "", 100_000, revision),
                *reader.list_facts(User, None, "", 100_000, revision),
            )
        finally:
            reader.close()

    def head(self) -> Revision:
        reader = FactsReader(self.facts)
        try:
            return reader.head()
        finally:
            reader.close()


@dataclass
class Busy:
    """An office and a worker that write until they are told to stop."""

    pair: Pair
    decided: list[str] = field(default_factory=list)
    """Ids of decisions that were answered."""
    written: list[Revision] = field(default_factory=list)
    """Revisions that were acknowledged."""
    stop: threading.Event = field(default_factory=threading.Event)

    def wait_for_more(self) -> None:
        decided, written = len(self.decided), len(self.written)
        deadline = time.monotonic() + 20
        while len(self.decided) < decided + 5 or len(self.written) < written + 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def office(self) -> None:
        with (
            StreamWriter.open(self.pair.log, "control") as log,
            FactStore(self.pair.facts, stream_id=log.stream_id) as store,
        ):
            outbox = Outbox(store, log)
            while not self.stop.is_set():
                self.written.append(write_one(store))
                if len(self.written) % 3:  # else the log is behind for a while
                    outbox.deliver()
                time.sleep(0.002)
            outbox.deliver()

    def worker(self) -> None:
        reader = FactsReader(self.pair.facts)
        with StreamWriter.open(self.pair.log, "worker-0") as log:
            while not self.stop.is_set():
                now = datetime.now(UTC)
                entry_id = time_ordered_id(now)
                data = LogEntry(entry_id=entry_id, method=CHECK, revision=reader.head()).SerializeToString()
                log.append_now(Entry(entry_id, to_microseconds(now), data))
                self.decided.append(entry_id)
                time.sleep(0.001)
        reader.close()


def write_one(store: FactStore) -> Revision:
    """A new person, and a user who is changed each time."""
    entry_id = time_ordered_id(datetime.now(UTC))
    number = random_id()
    facts: tuple[Fact, ...] = (
        Person(PersonId(number), POLICE),
        User("user-1", POLICE, "PC-1", roles=(f"role-{number}",)),
    )

    def entry(revision: Revision) -> bytes:
        return LogEntry(entry_id=entry_id, method=PUT, revision=revision).SerializeToString()

    return store.write(change(*facts, entry_id=entry_id), entry).revision


def prepare(pair: Pair) -> Pair:
    schema.migrate(pair.facts)
    log_url.migrate(pair.log)
    for slot in ("control", "worker-0"):  # one after the other: Alembic is for one thread
        StreamWriter.open(pair.log, slot).close()
    return pair


@contextmanager
def busy(pair: Pair) -> Iterator[Busy]:
    """Both at work, after a while."""
    load = Busy(pair)
    threads = [threading.Thread(target=load.office), threading.Thread(target=load.worker)]
    for thread in threads:
        thread.start()
    try:
        load.wait_for_more()
        yield load
    finally:
        load.stop.set()
        for thread in threads:
            thread.join()
