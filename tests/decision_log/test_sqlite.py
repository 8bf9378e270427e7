"""What SQLite needs beyond the contract: one connection that writes each file, and full disks."""

from __future__ import annotations

import resource
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from policy_service.decision_log.errors import LogUnavailable
from policy_service.decision_log.location import Timeouts
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.stream import StreamWriter
from policy_service.decision_log.url import locate, migrate
from tests.decision_log.making import acknowledged, entries, entry, indexes
from tests.decision_log.meddling import file_of, meddle

IMPATIENT = Timeouts(turn=0.1)


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """As on a full disk: writing beyond this fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_each_stream_is_a_file_of_its_own_for_its_owner_alone(sqlite_log: str) -> None:
    with StreamWriter.open(sqlite_log, "worker-0"), StreamWriter.open(sqlite_log, "control"):
        directory = file_of(sqlite_log, "control").parent
        assert sorted(file.name for file in directory.glob("*.db")) == ["control.db", "worker-0.db"]
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_one_writer_per_file(sqlite_log: str) -> None:
    with StreamWriter.open(sqlite_log, "worker-0") as writer:
        with pytest.raises(LogUnavailable, match="another process writes"):
            StreamWriter.open(sqlite_log, "worker-0", timeouts=IMPATIENT)
        assert indexes(writer.append(entries(1))) == [0]
    with StreamWriter.open(sqlite_log, "worker-0", timeouts=IMPATIENT) as writer:
        assert indexes(writer.append(entries(1))) == [1]


def test_one_writer_per_file_among_processes(sqlite_log: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.decision_log.appending", sqlite_log], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout as stdout:
        stdout.readline()
        with pytest.raises(LogUnavailable, match="another process writes"):
            StreamWriter.open(sqlite_log, "worker-0", timeouts=IMPATIENT)
        process.kill()
        stdout.read()
    process.wait()
    with StreamWriter.open(sqlite_log, "worker-0", timeouts=IMPATIENT):
        pass


def test_promise_2_each_commit_is_synced(sqlite_log: str) -> None:
    with StreamWriter.open(sqlite_log, "worker-0") as writer:
        writer.append(entries(1))
        connection = writer._connection._connection
        assert connection is not None
        cursor = connection.cursor()
        found = {}
        for pragma in ("journal_mode", "synchronous", "fullfsync", "checkpoint_fullfsync"):
            cursor.execute(f"PRAGMA {pragma}")
            ((found[pragma],),) = cursor.fetchall()
    assert found == {"journal_mode": "wal", "synchronous": 2, "fullfsync": 1, "checkpoint_fullfsync": 1}


def test_a_reader_cannot_write(sqlite_log: str) -> None:
    with StreamWriter.open(sqlite_log, "worker-0") as writer:
        writer.append(entries(1))
        with closing(locate(sqlite_log).reading()) as databases:
            for connection in databases:
                with pytest.raises(OperationalError, match="readonly"):
                    connection.execute(text("DELETE FROM log_entries"))
                connection.rollback()


def test_a_reader_leaves_the_write_ahead_log_alone(sqlite_log: str) -> None:
    """Not even the last reader of a log that nobody writes moves it into the file."""
    with StreamWriter.open(sqlite_log, "worker-0") as writer:
        writer.append(entries(3))
        waiting = file_of(sqlite_log, "worker-0").with_suffix(".db-wal")
        before = waiting.stat().st_size
        assert before > 0
        assert len(LogReader(sqlite_log).entries(writer.stream_id)) == 3
        assert waiting.stat().st_size == before


def test_a_file_without_tables_is_no_stream_yet(sqlite_log: str) -> None:
    with StreamWriter.open(sqlite_log, "worker-0"):
        pass
    file_of(sqlite_log, "worker-1").touch()
    assert [head.slot for head in LogReader(sqlite_log).streams()] == ["worker-0"]
    assert LogReader(sqlite_log).get("nothing") is None


def test_a_log_that_is_not_there_yet_is_empty(sqlite_log: str) -> None:
    assert LogReader(sqlite_log).streams() == []


def test_migrating_waits_for_the_writer_of_a_file_that_needs_it(sqlite_log: str) -> None:
    with StreamWriter.open(sqlite_log, "worker-0"):
        locate(sqlite_log, IMPATIENT).migrate()
        meddle(sqlite_log, "worker-0", "UPDATE log_version SET version_num = '0001'")
        with pytest.raises(LogUnavailable, match="another process writes"):
            locate(sqlite_log, IMPATIENT).migrate()


def test_an_empty_file_is_migrated(sqlite_log: str) -> None:
    with StreamWriter.open(sqlite_log, "worker-0"):
        pass
    file_of(sqlite_log, "worker-1").touch()
    migrate(sqlite_log)
    with closing(sqlite3.connect(file_of(sqlite_log, "worker-1"))) as connection:
        assert connection.execute("SELECT count(*) FROM log_streams").fetchone() == (0,)


def test_a_path_may_have_any_characters(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("a log, 100% & more#?")
    url = f"sqlite:///{str(directory).replace('%', '%25').replace('?', '%3F')}/log"
    with StreamWriter.open(url, "worker-0") as writer:
        writer.append(entries(1))
    assert LogReader(url).streams()[0].size == 1


def test_a_directory_that_cannot_be_made_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("log") / "file"
    file.touch()
    with pytest.raises(LogUnavailable, match="directory"):
        StreamWriter.open(f"sqlite:///{file}/log", "worker-0")


def test_promise_2_a_full_disk_loses_nothing_that_was_acknowledged(sqlite_log: str) -> None:
    told: list[str] = []
    with StreamWriter.open(sqlite_log, "worker-0", timeouts=Timeouts(again=0.2)) as writer:
        with files_no_larger_than(300_000):
            for _ in range(60):
                group = [entry(b"x" * 5_000) for _ in range(4)]
                outcomes = writer.append(group)
                told += acknowledged(group, outcomes)
            assert indexes(outcomes) == ["LogUnavailable"] * 4
        assert 0 < len(told) < 240
        # There is room again.
        last = entry()
        assert isinstance(writer.append_now(last).index, int)
        stream = writer.stream_id
    reader = LogReader(sqlite_log)
    stored = {one.id for one in reader.entries(stream)}
    assert stored >= {*told, last.id}
    verification = reader.verify(stream)
    assert verification is not None
    assert verification.holds


def test_a_writer_that_is_waited_for_by_a_long_reader_goes_on(sqlite_log: str) -> None:
    """A reader in the middle of its reading keeps nobody from appending."""
    with StreamWriter.open(sqlite_log, "worker-0") as writer:
        writer.append(entries(3))
        file = file_of(sqlite_log, "worker-0")
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM log_entries").fetchone()
            for _ in range(20):
                writer.append([entry(b"x" * 60_000) for _ in range(5)])
            assert reader.execute("SELECT count(*) FROM log_entries").fetchone() == (3,)
    assert LogReader(sqlite_log).streams()[0].size == 103
