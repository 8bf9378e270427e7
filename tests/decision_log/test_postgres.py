"""What PostgreSQL needs beyond the contract: durable whatever the settings, lost connections, PgBouncer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from policy_service.decision_log.entry import Entry
from policy_service.decision_log.errors import LogUnavailable, StreamLost
from policy_service.decision_log.location import Timeouts
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.stream import StreamWriter
from policy_service.decision_log.url import migrate
from tests.decision_log.making import acknowledged, entries, entry, indexes
from tests.decision_log.meddling import held, libpq


@contextmanager
def administrator(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        yield connection


@contextmanager
def server_setting(url: str, name: str, value: str) -> Iterator[None]:
    """A setting of the whole server, for as long as this lasts."""
    with administrator(url) as connection:
        before = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
        connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
        connection.execute("SELECT pg_reload_conf()")
        try:
            _until(connection, name, value)
            yield
        finally:
            connection.execute(f"ALTER SYSTEM RESET {name}".encode())
            connection.execute("SELECT pg_reload_conf()")
            assert before is not None
            _until(connection, name, before[0])


def _until(connection: psycopg.Connection, name: str, value: str) -> None:
    """The server takes new settings up in its own time."""
    for _ in range(500):
        if connection.execute("SELECT current_setting(%s)", [name]).fetchone() == (value,):
            return
        connection.execute("SELECT pg_sleep(0.01)")
    raise AssertionError(name)


def until(writer: StreamWriter, refusals: list[str]) -> tuple[int | str, Entry]:
    """Appends until the outcome is one of these refusals; without any, until it is a place in the stream."""
    for _ in range(200):
        last = entry()
        (outcome,) = indexes(writer.append([last]))
        if outcome in refusals or (not refusals and isinstance(outcome, int)):
            return outcome, last
    raise AssertionError(outcome)


def cut_off(url: str) -> None:
    """Ends the connections of everyone else to this database."""
    with administrator(url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_promise_2_a_server_that_would_lose_commits_is_refused(postgres_log: str, setting: str) -> None:
    with (
        server_setting(postgres_log, setting, "off"),
        pytest.raises(LogUnavailable, match=f"`{setting} = off`"),
    ):
        StreamWriter.open(postgres_log, "worker-0")
    StreamWriter.open(postgres_log, "worker-0").close()


def test_promise_2_each_round_is_synchronous_whatever_the_database_says(postgres_log: str) -> None:
    with administrator(postgres_log) as connection:
        # As an operator may, who has not thought of this.
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET synchronous_commit = off".encode())
    with StreamWriter.open(postgres_log, "worker-0") as writer, writer._connection.transaction() as cursor:
        cursor.execute("SHOW synchronous_commit")
        assert list(cursor.fetchall()) == [("on",)]


def test_nothing_of_a_round_stays_with_the_session(postgres_log: str) -> None:
    """As PgBouncer in transaction mode needs it: the next transaction may run in another session."""
    with StreamWriter.open(postgres_log, "worker-0") as writer:
        for _ in range(12):
            writer.append(entries(3))
        with writer._connection.transaction() as cursor:
            cursor.execute("SELECT count(*) FROM pg_prepared_statements")
            assert list(cursor.fetchall()) == [(0,)]
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
            assert list(cursor.fetchall()) == [(0,)]
        connection = writer._connection._connection
        assert connection is not None
        cursor = connection.cursor()
        cursor.execute("SELECT name FROM pg_settings WHERE source = 'session' AND name LIKE '%timeout%'")
        assert list(cursor.fetchall()) == []
        # What PgBouncer may do between two transactions changes nothing.
        cursor.execute("DISCARD ALL")
        assert indexes(writer.append(entries(2))) == [36, 37]


def test_a_connection_that_was_lost_between_two_rounds_is_made_again(postgres_log: str) -> None:
    with StreamWriter.open(postgres_log, "worker-0") as writer:
        writer.append(entries(3))
        cut_off(postgres_log)
        assert indexes(writer.append(entries(3))) == [3, 4, 5]
        verification = LogReader(postgres_log).verify(writer.stream_id)
    assert verification is not None
    assert verification.holds


def test_promise_2_a_connection_that_is_lost_in_a_round_loses_nothing_and_doubles_nothing(
    postgres_log: str,
) -> None:
    told: list[str] = []
    done = threading.Event()

    def cut() -> None:
        while not done.wait(0.05):
            cut_off(postgres_log)

    cutting = threading.Thread(target=cut)
    with StreamWriter.open(postgres_log, "worker-0") as writer:
        cutting.start()
        try:
            for _ in range(60):
                group = entries(3)
                told += acknowledged(group, writer.append(group))
        finally:
            done.set()
            cutting.join()
        last = entry()
        assert writer.append_now(last).index >= len(told)
        stream = writer.stream_id
    reader = LogReader(postgres_log)
    stored = [one.id for one in reader.entries(stream)]
    assert len(stored) == len(set(stored))
    assert set(stored) >= {*told, last.id}
    verification = reader.verify(stream)
    assert verification is not None
    assert verification.holds


def test_promise_5_the_later_writer_takes_the_stream_over(postgres_log: str) -> None:
    with StreamWriter.open(postgres_log, "worker-0") as earlier:
        earlier.append(entries(2))
        with StreamWriter.open(postgres_log, "worker-0") as later:
            assert indexes(later.append(entries(1))) == [2]
            with pytest.raises(StreamLost):
                earlier.append(entries(1))
            assert indexes(later.append(entries(1))) == [3]


def test_two_processes_that_create_a_stream_at_once_make_one(postgres_log: str) -> None:
    results: list[StreamWriter | BaseException] = []
    barrier = threading.Barrier(4)

    def open_one() -> None:
        barrier.wait()
        try:
            results.append(StreamWriter.open(postgres_log, "control"))
        except BaseException as error:
            results.append(error)

    threads = [threading.Thread(target=open_one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        assert isinstance(result, StreamWriter), result
        result.close()
    assert len(LogReader(postgres_log).streams()) == 1


def test_promise_2_a_commit_without_its_standby_is_no_commit(postgres_log: str) -> None:
    timeouts = Timeouts(statement=1.0, turn=1.0, again=0.1)
    with StreamWriter.open(postgres_log, "worker-0", timeouts=timeouts) as writer:
        assert indexes(writer.append([first := entry()])) == [0]
        with server_setting(postgres_log, "synchronous_standby_names", "nobody"):
            # The server waits for it for ever; the writer does not.
            until(writer, ["LogUnavailable"])
            assert indexes(writer.append(entries(1))) == ["LogUnavailable"]
        # Without it again, the stream goes on; what was not acknowledged may be in it, or not.
        at, last = until(writer, [])
        stored = [one.id for one in LogReader(postgres_log).entries(writer.stream_id)]
    assert stored[0] == first.id
    assert stored[int(at)] == last.id


def test_promise_2_a_wait_for_the_standby_that_is_cancelled_is_no_commit(postgres_log: str) -> None:
    """The server calls it a success, with a warning beside it."""
    done = threading.Event()

    def cancel() -> None:
        with administrator(postgres_log) as connection:
            while not done.wait(0.02):
                connection.execute(
                    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                )

    cancelling = threading.Thread(target=cancel)
    with (
        StreamWriter.open(postgres_log, "worker-0", timeouts=Timeouts(again=0.1)) as writer,
        server_setting(postgres_log, "synchronous_standby_names", "nobody"),
    ):
        cancelling.start()
        try:
            until(writer, ["LogUnavailable"])
        finally:
            done.set()
            cancelling.join()


def test_a_database_that_is_not_there_is_unavailable() -> None:
    url = "postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=1"
    with pytest.raises(LogUnavailable):
        StreamWriter.open(url, "worker-0")
    with pytest.raises(LogUnavailable):
        LogReader(url).get("an id")
    with pytest.raises(LogUnavailable):
        migrate(url)


def test_a_writer_waits_for_another_s_head_within_bounds(postgres_log: str) -> None:
    StreamWriter.open(postgres_log, "worker-0").close()
    with held(postgres_log, "worker-0"), pytest.raises(LogUnavailable):
        StreamWriter.open(postgres_log, "worker-0", timeouts=Timeouts(turn=0.2))
