"""A store that cannot be reached, or is not what it should be: UnavailableError, without a driver's text."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine, event, make_url

from policy_service.facts import keys
from policy_service.facts.connect import parse_url, sqlite_path
from policy_service.facts.reader import FactsReader, HeadReader
from policy_service.facts.schema import migrate
from policy_service.facts.store import FactStore
from policy_service.model.errors import UnavailableError
from policy_service.model.facts import Revision
from tests.facts.world import change, entry, put, vera, write
from tests.support.postgres import postgres_url

PERSON = keys.person(vera.person_id)
EVERYBODY_ELSE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def assert_says_nothing(error: UnavailableError) -> None:
    assert str(error) == "the service cannot answer now"
    assert error.reason == "STORE_UNAVAILABLE"
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


def nobody_listens() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(
    params=["no file", "not a database", "not migrated", "a directory", "no server", "no database"]
)
def broken_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    path = tmp_path / "facts.db"
    which: str = request.param
    match which:
        case "not a database":
            path.write_bytes(b"something else " * 1_000)
        case "not migrated":
            path.touch()
        case "a directory":
            path.mkdir()
        case "no server":
            return f"postgresql://somebody:a-password@127.0.0.1:{nobody_listens()}/facts"
        case "no file":
            pass
        case _:
            return make_url(postgres_url()).set(database="not_there").render_as_string(hide_password=False)
    return f"sqlite:///{path}"


def test_nothing_is_read_of_a_store_that_is_not_there(
    broken_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    reader = FactsReader(broken_url)
    with pytest.raises(UnavailableError) as refused:
        reader.head()
    assert_says_nothing(refused.value)
    with pytest.raises(UnavailableError) as refused:
        reader.load([PERSON], Revision(0))
    assert_says_nothing(refused.value)
    reader.close()
    assert "a-password" not in caplog.text


def test_nothing_is_written_to_a_store_that_is_not_there(broken_url: str) -> None:
    with pytest.raises(UnavailableError) as refused, FactStore(broken_url, stream_id="s") as store:
        write(store, change(vera))
    assert_says_nothing(refused.value)


@pytest.mark.parametrize(
    "url",
    ["", "no url", "sqlite://", "sqlite:///:memory:", "mysql://secret@host/db", "sqlite:///file:x?mode=rw"],
)
def test_another_kind_of_store_is_refused_without_repeating_its_url(url: str) -> None:
    with pytest.raises(UnavailableError) as refused:
        parse_url(url)
    assert refused.value.reason == "STORE_URL_INVALID"
    assert "secret" not in str(refused.value)


def test_the_operators_log_names_the_failure_and_no_value(
    caplog: pytest.LogCaptureFixture, postgresql: str
) -> None:
    with FactStore(postgresql, stream_id="control-1") as store, pytest.raises(UnavailableError) as refused:
        # A text that PostgreSQL cannot hold; its driver would repeat the statement with its values.
        store.write(change(vera, actor="somebody\0"), entry)
    assert_says_nothing(refused.value)
    assert "DataError" in caplog.text
    assert "somebody" not in caplog.text


def test_one_process_writes_a_sqlite_file(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if sqlite_path(url) is None:
        with FactStore(url, stream_id="control-1"), FactStore(url, stream_id="control-2"):
            return
    monkeypatch.setattr("policy_service.facts.connect.WAIT_SECONDS", 0.2)
    with FactStore(url, stream_id="control-1"):
        for second_writer in (lambda: FactStore(url, stream_id="control-2"), lambda: migrate(url)):
            with pytest.raises(UnavailableError) as refused:
                second_writer()
            assert refused.value.reason == "STORE_IN_USE"
    FactStore(url, stream_id="control-2").close()


def test_connections_that_were_lost_are_replaced(store: FactStore, reader: FactsReader, url: str) -> None:
    if sqlite_path(url):
        pytest.skip("a file has no server that ends connections")
    put(store, vera)
    assert reader.load([PERSON], reader.head())[PERSON] == (vera,)
    with connected(url) as other:
        other.execute(EVERYBODY_ELSE)
    assert reader.head() == 1
    assert reader.load([PERSON], Revision(1))[PERSON] == (vera,)
    assert put(store, vera) == 2
    assert store.head() == 2


def test_a_head_whose_connection_is_lost_twice_in_one_reading_is_read_again_at_the_next(
    postgresql: str,
) -> None:
    reader, losses = HeadReader(postgresql), 2

    def lose(*_: object) -> None:
        nonlocal losses
        if losses:
            losses -= 1
            with connected(postgresql) as other:
                other.execute(EVERYBODY_ELSE)

    with closing(reader):
        assert reader.read().revision == 0
        event.listen(reader._engine, "before_cursor_execute", lose)
        with pytest.raises(UnavailableError):
            reader.read()
        assert reader.read().revision == 0


def test_a_writer_that_waits_too_long_for_its_turn_gives_up(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as impatient:
        impatient.setattr("policy_service.facts.connect.WAIT_SECONDS", 0.2)
        with FactStore(url, stream_id="control-1") as store, head_held_by_another(url):
            with pytest.raises(UnavailableError) as refused:
                put(store, vera)
            assert_says_nothing(refused.value)
            assert store.head() == 0, "the head is read meanwhile"
    with FactStore(url, stream_id="control-1") as store:
        assert put(store, vera) == 1


@contextmanager
def head_held_by_another(url: str) -> Iterator[None]:
    engine = create_engine(parse_url(url))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE head SET committed_at = committed_at")
        yield
    engine.dispose()


def test_loads_that_are_too_slow_fail_and_the_head_is_read_meanwhile(
    postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policy_service.facts.connect.WAIT_SECONDS", 3.0)
    url = postgresql
    reader = FactsReader(url)
    with ThreadPoolExecutor(2) as pool, connected(url) as other, other.transaction():
        other.execute("LOCK TABLE people")
        loads = [pool.submit(reader.load, [PERSON], Revision(0)) for _ in range(2)]
        while not all(load.running() or load.done() for load in loads):
            time.sleep(0.001)
        assert reader.head() == 0
        assert not any(load.done() for load in loads), "the head waited for them"
        for load in loads:
            with pytest.raises(UnavailableError) as refused:
                load.result(timeout=60)
            assert_says_nothing(refused.value)
    assert reader.load([PERSON], Revision(0)) == {PERSON: ()}
    reader.close()


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_loses_what_it_acknowledged_is_refused(setting: str, postgresql: str) -> None:
    url = postgresql
    with setting_off(url, setting):
        with pytest.raises(UnavailableError) as refused:
            FactStore(url, stream_id="control-1")
        assert refused.value.reason == "STORE_NOT_DURABLE"
        assert f"`{setting}`" in refused.value.message
    FactStore(url, stream_id="control-1").close()


@contextmanager
def setting_off(url: str, setting: str) -> Iterator[None]:
    with connected(url) as connection:

        def wait_for(value: str) -> None:
            connection.execute("SELECT pg_reload_conf()")
            deadline = time.monotonic() + 10
            while connection.execute(f"SHOW {setting}").fetchone() != (value,):
                assert time.monotonic() < deadline
                time.sleep(0.01)

        connection.execute(f"ALTER SYSTEM SET {setting} = off")
        wait_for("off")
        yield
        connection.execute(f"ALTER SYSTEM RESET {setting}")
        wait_for("on")


def test_a_commit_that_the_server_warns_of_is_not_acknowledged(postgresql: str) -> None:
    """PostgreSQL that stops waiting for a synchronous standby answers COMMIT with success and a warning."""
    url = postgresql
    with connected(url) as connection:
        connection.execute(
            "CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE WARNING 'canceling wait for synchronous replication'; RETURN NULL; END $$"
        )
        connection.execute(
            "CREATE CONSTRAINT TRIGGER warn AFTER INSERT ON revisions DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION warn()"
        )
    with FactStore(url, stream_id="control-1") as store, pytest.raises(UnavailableError) as refused:
        put(store, vera)
    assert_says_nothing(refused.value)


def test_each_write_waits_for_the_disk_whatever_the_database_is_set_to(postgresql: str) -> None:
    url = postgresql
    with connected(url) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET synchronous_commit = off")
        connection.execute(
            "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN NEW.reason := current_setting('synchronous_commit'); RETURN NEW; END $$"
        )
        connection.execute(
            "CREATE TRIGGER look BEFORE INSERT ON revisions FOR EACH ROW EXECUTE FUNCTION look()"
        )
        with FactStore(url, stream_id="control-1") as store:
            put(store, vera)
        assert connection.execute("SELECT reason FROM revisions").fetchone() == ("on",)


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        yield connection
