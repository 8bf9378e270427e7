"""Stores that are not those of one installation are refused, by control and by a worker, and not touched.

Whoever mistypes a URL, or puts an old copy of one database back, would else have writes acknowledged that the
log takes for delivered (promise 2), or a log of two installations (promise 5).
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, delete, inspect

from policy_service.api.v1 import people_pb2
from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.decision_log.belonging import belonging_id, epochs_of
from policy_service.decision_log.entry import Entry
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.stream import StreamWriter
from policy_service.decision_log.url import look
from policy_service.facts.identity import Identity
from policy_service.facts.tables import NotedStreamRow
from policy_service.model.errors import PolicyServiceError
from policy_service.model.ids import time_ordered_id
from policy_service.model.schema import SchemaState
from policy_service.server.compose import Parts, open_control, open_worker
from policy_service.server.errors import StartError
from policy_service.server.settings import Settings
from policy_service.service.backup import back_up
from policy_service.service.restore import Restore
from policy_service.service.same_installation import refuse_strangers
from tests.service.backing_up import KEY, VERSIONS, quiet
from tests.support.doors import Side
from tests.support.migrated import migrations_repeated
from tests.support.postgres import postgres_url

PUT = "/policy_service.api.v1.PeopleService/PutPerson"
POLICIES = Path(__file__).parents[2] / "policies"
A_FEW = ("authority/basis/job.yaml", "messages/en.yaml")

Service = Callable[[Settings], AbstractAsyncContextManager[Parts]]


@pytest.fixture(scope="module", autouse=True)
def _repeated() -> Iterator[None]:
    with migrations_repeated():
        yield


@dataclass(frozen=True)
class Stores:
    facts: str
    log: str

    def seen(self) -> tuple[object, ...]:
        """All that a start would change of them."""
        there = look(self.log)
        streams = [] if there.state is SchemaState.EMPTY else LogReader(self.log).streams()
        return Identity.of(self.facts), there, streams


@dataclass
class Installations:
    """Of one database system, in one directory; they all have one key."""

    backend: str
    directory: Path
    made: dict[str, Stores] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(100))

    def settings(self, stores: Stores, var_dir: Path | None = None) -> Settings:
        return Settings(
            var_dir=var_dir or self.directory / "var",
            key_file=self.directory / "key",
            policies_dir=self.directory / "policies",
            facts_url=stores.facts,
            log_url=stores.log,
        )

    def new(self) -> Stores:
        directory = self.directory / str(next(self._numbers))
        if self.backend == "sqlite":
            directory.mkdir()
            return Stores(f"sqlite:///{directory}/facts.db", f"sqlite:///{directory}/log")
        return Stores(postgres_url(), postgres_url())

    @cached_property
    def untouched(self) -> Stores:
        """New ones, in which each test finds nothing, and leaves nothing."""
        return self.new()

    def add(self, name: str, copy_of: str = "") -> Stores:
        """A new installation, or a copy of one that does not run."""
        of = self.made.get(copy_of)
        if of and self.backend == "postgresql":
            made = Stores(postgres_url(copy_of=of.facts), postgres_url(copy_of=of.log))
        else:
            made = self.new()
        if of and self.backend == "sqlite":
            shutil.copytree(directory_of(of), directory_of(made), dirs_exist_ok=True)
        self.made[name] = made
        return made

    async def serve(self, name: str, *people: str) -> None:
        """Serve it once, and put these people on file."""
        settings = self.settings(self.made[name], self.directory / f"var-{name[0]}")
        async with open_control(settings) as control, open_worker(settings):
            token = settings.admin_token.read_text().strip()
            for person in people:
                assert await put(control, settings, token, person) == "OK"


def directory_of(stores: Stores) -> Path:
    """Where both databases are on SQLite."""
    return Path(stores.facts.removeprefix("sqlite:///")).parent


async def put(control: Parts, settings: Settings, token: str, person: str) -> str:
    """The gRPC status of a write."""
    metadata = [("authorization", f"Bearer {token}"), ("x-controller", "police")]
    asked = people_pb2.PutPersonRequest(person=people_pb2.Person(identifiers=[f"police-ref:{person}"]))
    told = await Side.of(control, settings).ask(PUT, [asked.SerializeToString()], metadata)
    return told.code


def empty(backend: str, directory: Path) -> Installations:
    (directory / "key").write_bytes(KEY)
    (directory / "key").chmod(0o600)
    for file in A_FEW:  # nothing is asked here, so that a few do
        (directory / "policies" / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(POLICIES / file, directory / "policies" / file)
    return Installations(backend, directory)


async def live(there: Installations) -> None:
    there.add("a")
    await there.serve("a", "P-1")
    there.add("a, earlier", copy_of="a")
    there.add("a, elsewhere", copy_of="a")
    await there.serve("a", "P-2")
    await there.serve("a, elsewhere", "P-3")


async def live_on(there: Installations) -> None:
    there.add("b")
    await there.serve("b", "P-1", "P-2", "P-3")
    back_up(there.made["a"].facts, there.made["a"].log, KEY, there.directory / "backup", quiet)
    restored = there.add("a, restored")
    restore = Restore(restored.facts, restored.log, KEY, VERSIONS, lambda: datetime.now(UTC))
    restore.run(there.directory / "backup", quiet)
    await there.serve("a, restored")


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Installations:
    there = empty("sqlite", tmp_path_factory.mktemp("sqlite"))
    asyncio.run(live(there))
    asyncio.run(live_on(there))
    return there


CASES = (
    ("new", "a", "LOG_OF_OTHER_FACTS"),
    ("a, earlier", "a", "FACTS_BEHIND_LOG"),
    ("a", "new", "FACTS_OF_OTHER_LOG"),
    ("a", "a, elsewhere", "LOG_OF_OTHER_FACTS"),
)


@pytest.mark.parametrize("service", [open_control, open_worker])
@pytest.mark.parametrize(
    ("facts", "log", "reason"),
    [
        *CASES,
        ("b", "a", "LOG_OF_OTHER_FACTS"),
        ("a", "b", "LOG_OF_OTHER_FACTS"),
        ("a", "a, restored", "LOG_OF_OTHER_FACTS"),
        ("a, restored", "a", "LOG_OF_OTHER_FACTS"),
    ],
)
async def test_facts_and_log_that_do_not_belong_together_are_refused(
    on_sqlite: Installations, tmp_path: Path, service: Service, facts: str, log: str, reason: str
) -> None:
    await refused(on_sqlite, tmp_path, service, facts, log, reason)


async def test_the_same_on_postgresql(tmp_path: Path) -> None:
    there = empty("postgresql", tmp_path)
    await live(there)
    for facts, log, reason in CASES:
        await refused(there, tmp_path, open_control, facts, log, reason)


async def refused(
    there: Installations, tmp_path: Path, service: Service, facts: str, log: str, reason: str
) -> None:
    new = there.untouched
    stores = Stores(there.made.get(facts, new).facts, there.made.get(log, new).log)
    before = stores.seen()
    with pytest.raises(PolicyServiceError) as error:
        async with service(there.settings(stores, tmp_path / "var")):
            pass
    assert error.value.reason == reason
    for variable in ("POLICY_SERVICE_FACTS_URL", "POLICY_SERVICE_LOG_URL"):
        assert variable in error.value.message
    assert stores.seen() == before
    assert not (tmp_path / "var").exists()
    assert is_empty(new), "a database was made"


@pytest.mark.parametrize("name", ["a", "a, restored", "b"])
async def test_what_belongs_together_goes_on(on_sqlite: Installations, name: str) -> None:
    await on_sqlite.serve(name)
    stores = on_sqlite.made[name]
    log, epochs = LogReader(stores.log), Identity.of(stores.facts).epochs
    belongs = epochs_of(log, log.streams())
    going_on = {stream.stream_id for stream in log.streams() if not stream.closed}
    assert {belongs[each] for each in going_on} == {epochs[-1]}
    assert set(belongs.values()) == set(epochs), "streams from before a restore belong to the epoch before it"


async def test_a_streams_file_that_is_being_made_says_nothing_of_the_others(tmp_path: Path) -> None:
    """As of a worker that starts beside this one."""
    there = empty("sqlite", tmp_path)
    there.add("a")
    await there.serve("a")
    stores = there.made["a"]
    begin_a_stream(stores, "worker-7")
    assert look(stores.log).state is SchemaState.EMPTY
    refuse_strangers(stores.facts, stores.log)


def begin_a_stream(stores: Stores, slot: str) -> None:
    Path(stores.log.removeprefix("sqlite:///"), f"{slot}.db").touch()


def is_empty(stores: Stores) -> bool:
    if stores.facts.startswith("sqlite"):
        return not any(directory_of(stores).iterdir())
    for url in (stores.facts, stores.log):
        engine = create_engine(url)
        names = inspect(engine).get_table_names()
        engine.dispose()
        if names:
            return False
    return True


@pytest.mark.parametrize(("backend", "most"), [("sqlite", 2), ("postgresql", 4)])
async def test_an_older_copy_of_the_log_is_refused_but_not_what_a_crash_leaves(
    tmp_path: Path, backend: str, most: int
) -> None:
    there = empty(backend, tmp_path)
    there.add("a")
    await there.serve("a", "P-1")
    there.add("earlier", copy_of="a")
    await there.serve("a", *(f"Q-{each}" for each in range(most)))
    there.add("as after a crash", copy_of="a")
    await there.serve("a", "R-1")
    for service in (open_control, open_worker):
        await refused(there, tmp_path / "none", service, "a", "earlier", "LOG_BEHIND_FACTS")
    crashed = Stores(there.made["as after a crash"].facts, there.made["earlier"].log)
    forget_what_was_noted(crashed)  # as it was not, in a crash
    async with open_control(there.settings(crashed, tmp_path / "crashed")):
        pass
    log = LogReader(crashed.log)
    (control,) = (each for each in log.streams() if each.slot == "control")
    assert control.outbox_revision == Identity.of(crashed.facts).newest
    last = [LogEntry.FromString(each.data) for each in log.entries(control.stream_id)][-most - 1 :]
    assert [entry.method for entry in last[:-1]] == ["PeopleService/PutPerson"] * most
    assert (last[-1].stream.kind, last[-1].stream.owed) == ("completed", most)


def forget_what_was_noted(stores: Stores) -> None:
    engine = create_engine(stores.facts)
    with engine.begin() as connection:
        connection.execute(delete(NotedStreamRow))
    engine.dispose()


async def test_a_stream_of_an_older_version_belongs_to_the_facts_of_the_next_start(tmp_path: Path) -> None:
    there = empty("sqlite", tmp_path)
    stores = there.add("old")
    now = datetime.now(UTC)
    for slot in ("control", "worker-0"):
        with StreamWriter.open(stores.log, slot) as writer:
            entry = LogEntry(entry_id=time_ordered_id(now), method="serve")
            entry.stream.kind, entry.stream.stream_id = "opened", writer.stream_id
            writer.append_now(Entry(entry.entry_id, 0, entry.SerializeToString()))
    await there.serve("old", "P-1")
    await there.serve("old")
    log = LogReader(stores.log)
    (epoch,) = Identity.of(stores.facts).epochs
    for stream in log.streams():
        entries = [LogEntry.FromString(each.data) for each in log.entries(stream.stream_id)]
        told = [entry.stream for entry in entries if entry.HasField("stream")]
        assert [(each.kind, each.facts_epoch) for each in told] == [
            ("opened", 0),
            ("continued", epoch),
            ("continued", epoch),
        ]
        assert [entry.entry_id == belonging_id(stream) for entry in entries].count(True) == 1
        verified = log.verify(stream.stream_id)
        assert verified is not None
        assert verified.holds


FACTS, LOG = "POLICY_SERVICE_FACTS_URL", "POLICY_SERVICE_LOG_URL"


@pytest.mark.parametrize(
    ("variable", "url", "told"),
    [
        (FACTS, "sqlite:///{there}/customers.db", "tables that are not this service's"),
        (FACTS, "sqlite:///{there}/minutes.txt", "tables that are not this service's"),
        (FACTS, "sqlite:///{there}/minutes.txt/facts.db", "cannot be made"),
        (FACTS, "sqlite:///{there}/nowhere/facts.db", "the folder of the file is not there"),
        (FACTS, "postgresql://u:secret@127.0.0.1:1/facts", "cannot be reached"),
        (FACTS, "postgresql://u:secret@127.0.0.1:port/facts", "cannot be read"),
        (FACTS, "mysql://u:secret@127.0.0.1/facts", "a SQLite file or a PostgreSQL database"),
        (FACTS, "nonsense", "cannot be read"),
        (LOG, "sqlite:///{there}", "tables that are not this service's"),
        (LOG, "sqlite:///{there}/minutes.txt", "tables that are not this service's"),
        (LOG, "sqlite:///{there}/minutes.txt/log", "cannot be made"),
        (LOG, "sqlite:///{there}/nowhere/log", "the folder of the file is not there"),
        (LOG, "postgresql://u:secret@127.0.0.1:1/log", "cannot be read now"),
        (LOG, "postgresql://u:secret@127.0.0.1:port/log", "cannot be read"),
        (LOG, "mysql://u:secret@127.0.0.1/log", "must begin with"),
        (LOG, "nonsense", "cannot be read"),
    ],
)
async def test_a_url_of_something_else_leaves_nothing_behind(
    tmp_path: Path, variable: str, url: str, told: str
) -> None:
    there = tmp_path / "there"
    there.mkdir()
    (there / "minutes.txt").write_text("the minutes of the last meeting\n" * 100)
    with closing(sqlite3.connect(there / "customers.db")) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
    before = contents(tmp_path)
    named = {variable.removeprefix("POLICY_SERVICE_").lower(): url.format(there=there)}
    for service in (open_control, open_worker):
        with pytest.raises(StartError) as error:
            async with service(Settings(var_dir=tmp_path / "var", **named)):  # type: ignore[arg-type]
                pass
        assert told in str(error.value)
        assert f"see `{variable}`" in str(error.value)
        assert "secret" not in str(error.value)
    assert contents(tmp_path) == before
    assert not (tmp_path / "var").exists()


def contents(directory: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in directory.rglob("*") if file.is_file()}


async def test_a_database_in_its_own_place_is_named_as_such(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "facts.db")) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
    with pytest.raises(StartError, match=r"`facts\.db` in `var_dir`, since `POLICY_SERVICE_FACTS_URL`"):
        async with open_control(Settings(var_dir=tmp_path)):
            pass
    assert [file.name for file in contents(tmp_path)] == ["facts.db"]
