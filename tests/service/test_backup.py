"""Backup while the stores are written, restore, and everything that may be wrong with either."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.stream import StreamWriter
from policy_service.facts import schema
from policy_service.facts.connect import WriterLock, sqlite_path
from policy_service.facts.epochs import Epochs
from policy_service.facts.reader import FactsReader
from policy_service.facts.revision_token import RevisionTokens
from policy_service.facts.schema import SchemaState
from policy_service.facts.store import FactStore
from policy_service.model.errors import (
    ConflictError,
    InvalidArgumentError,
    PolicyServiceError,
    UnavailableError,
)
from policy_service.model.facts import Revision
from policy_service.service.backup import back_up, verify_backup
from policy_service.service.backup_files import MANIFEST, BackupError, Manifest, read_manifest
from policy_service.service.restore import SLOT
from tests.service.backing_up import CHECK, KEY, PUT, Pair, busy, prepare, quiet, write_one
from tests.service.broken_off import RESTORE_STEPS
from tests.support.forking import forked
from tests.support.migrated import migrations_repeated
from tests.support.postgres import postgres_url

KINDS = ("sqlite", "postgresql")


@pytest.fixture(scope="module", autouse=True)
def _repeated() -> Iterator[None]:
    with migrations_repeated():
        yield


def empty_pair(kind: str, directory: Path) -> Pair:
    if kind == "sqlite":
        directory.mkdir(exist_ok=True)
        return Pair(f"sqlite:///{directory / 'facts.db'}", f"sqlite:///{directory / 'log'}")
    return Pair(postgres_url(), postgres_url())


def tokens(pair: Pair) -> RevisionTokens:
    reader = FactsReader(pair.facts)
    try:
        return RevisionTokens(KEY, Epochs.read(reader))
    finally:
        reader.close()


@pytest.mark.parametrize("source", KINDS)
@pytest.mark.parametrize("target", KINDS)
def test_what_was_backed_up_under_load_is_restored_whole(tmp_path: Path, source: str, target: str) -> None:
    old, new = prepare(empty_pair(source, tmp_path / "old")), empty_pair(target, tmp_path / "new")
    before = tokens(old)
    with busy(old) as load:
        decided, written = set(load.decided), max(load.written)
        made = back_up(old.facts, old.log, KEY, tmp_path / "backup", quiet)
        load.wait_for_more()
    assert verify_backup(tmp_path / "backup", quiet) == made

    restored = new.restore(tmp_path / "backup")
    head = restored.revision
    assert restored.backup == made
    assert written <= head < max(load.written)
    assert new.head() == head
    for revision in (1, head - 1, head):
        assert new.facts_as_of(Revision(revision)) == old.facts_as_of(Revision(revision))

    entries = new.entries()
    decisions = {entry.entry_id: entry for entry in entries if entry.method == CHECK}
    assert decided <= decisions.keys(), "what was decided before the backup is in it"
    assert decisions.keys() < set(load.decided)
    assert all(entry.revision <= head for entry in decisions.values()), "each rests on facts beside it"
    puts = [entry.revision for entry in entries if entry.method == PUT]
    assert sorted(puts) == list(range(1, head + 1)), "the facts owe the log nothing, and it has nothing twice"

    assert new.facts != old.facts
    assert before.open(tokens(old).seal(head)) == head == tokens(new).open(before.seal(head))
    with pytest.raises(InvalidArgumentError) as undone:
        tokens(new).open(before.seal(Revision(head + 1)))
    assert undone.value.reason == "FACTS_TOKEN_UNDONE"


@pytest.mark.parametrize("kind", KINDS)
def test_after_a_restore_the_log_goes_on_in_streams_that_name_the_old_ones(tmp_path: Path, kind: str) -> None:
    old, new = prepare(empty_pair(kind, tmp_path / "old")), empty_pair(kind, tmp_path / "new")
    with busy(old):
        made = back_up(old.facts, old.log, KEY, tmp_path / "backup", quiet)
    new.restore(tmp_path / "backup")
    log = LogReader(new.log)
    restored = {stream.stream_id: stream for stream in log.streams()}
    assert all(stream.closed for stream in restored.values())
    (own,) = (stream for stream in restored.values() if stream.slot == SLOT)
    (first,) = (entry for entry in new.entries() if entry.stream.kind == "restored")
    assert first.stream.backup.hex() == made.name
    assert {(each.stream_id, each.size, each.root) for each in first.stream.before} == {
        (stream.stream_id, stream.size, stream.root) for stream in restored.values() if stream != own
    }
    with (
        StreamWriter.open(new.log, "control") as writer,
        FactStore(new.facts, stream_id="control-2") as store,
    ):
        assert writer.stream_id not in restored
        assert write_one(store) == new.head() == Revision(made.manifest.facts.revision + 1)
    again = prepare_again(new, tmp_path)
    assert {stream.stream_id for stream in LogReader(again.log).streams()} > restored.keys(), "and so on"


def prepare_again(pair: Pair, tmp_path: Path) -> Pair:
    """A backup of what was restored, restored."""
    back_up(pair.facts, pair.log, KEY, tmp_path / "again", quiet)
    new = empty_pair("sqlite", tmp_path / "newer")
    new.restore(tmp_path / "again")
    return new


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", RESTORE_STEPS)
def test_a_restore_that_is_killed_is_served_by_nobody(
    tmp_path: Path, small_backup: Path, kind: str, step: str
) -> None:
    pair = empty_pair(kind, tmp_path / "new")
    kill_when_there("restore", pair, small_backup, step)
    assert schema.schema_state(pair.facts) is SchemaState.HALF_RESTORED
    for refusing in (schema.prepare, schema.migrate):
        with pytest.raises(UnavailableError, match="empty both databases and run `policy-service restore`"):
            refusing(pair.facts)
    with pytest.raises(ConflictError, match="empty both databases"):
        pair.restore(small_backup)
    with pytest.raises(UnavailableError):
        back_up(pair.facts, pair.log, KEY, tmp_path / "of-a-half", quiet)


def test_a_backup_that_is_killed_is_none(tmp_path: Path) -> None:
    pair = prepare(empty_pair("sqlite", tmp_path / "old"))
    directory = tmp_path / "backup"
    kill_when_there("backup", pair, directory, "")
    assert (directory / "facts" / "head.jsonl").exists()
    for refusing in (lambda: verify_backup(directory, quiet), lambda: pair.restore(directory)):
        with pytest.raises(BackupError) as refused:
            refusing()
        assert refused.value.reason == "NO_BACKUP"


def kill_when_there(what: str, pair: Pair, directory: Path, step: str) -> None:
    process = forked("tests.service.broken_off", what, pair.facts, pair.log, str(directory), step)
    try:
        assert process.stdout.readline() == "here\n"
    finally:
        process.kill()
        assert process.wait(20) == -signal.SIGKILL
        process.close()


@pytest.fixture(scope="module")
def small_backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a store with a few revisions, and a log with a few entries."""
    directory = tmp_path_factory.mktemp("small")
    pair = prepare(empty_pair("sqlite", directory / "old"))
    with busy(pair) as load:
        load.wait_for_more()
    back_up(pair.facts, pair.log, KEY, directory / "backup", quiet)
    return directory / "backup"


def a_stream(backup: Path) -> Path:
    return max(backup.glob("log/*.jsonl"), key=lambda file: file.stat().st_size)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])


def exchange(file: Path, old: bytes, new: bytes) -> None:
    text = file.read_bytes()
    assert old in text
    file.write_bytes(text.replace(old, new, 1))


def replace(file: Path, text: bytes) -> None:
    file.write_bytes(text)


def with_hash(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Path], None]:
    """Change the largest stream's lines, and let the manifest say what is then in the file."""

    def meddle(backup: Path) -> None:
        file = a_stream(backup)
        lines = change(file.read_bytes().splitlines(keepends=True))
        file.write_bytes(b"".join(lines))
        manifest = json.loads((backup / MANIFEST).read_text())
        (stream,) = (s for s in manifest["log"]["streams"] if s["written"]["file"] == f"log/{file.name}")
        text = file.read_bytes()
        stream["written"] |= {
            "lines": len(lines),
            "bytes": len(text),
            "sha256": hashlib.sha256(text).hexdigest(),
        }
        put_manifest(backup, manifest)

    return meddle


def put_manifest(backup: Path, manifest: dict[str, Any]) -> None:
    """In the place of what is there, with the checksum of what it says."""
    summed = Manifest.model_validate(manifest).summed()
    (backup / MANIFEST).write_text(json.dumps(summed.model_dump()))


def flipped(old: bytes, new: bytes) -> Callable[[Path], None]:
    """Exchange a word of the manifest, and nothing else."""
    return lambda backup: exchange(backup / MANIFEST, old, new)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "a table that was cut off": lambda backup: cut(backup / "facts" / "people.jsonl"),
    "a stream that was cut off": lambda backup: cut(a_stream(backup)),
    "a stream that is not there": lambda backup: a_stream(backup).unlink(),
    "a table that is not there": lambda backup: (backup / "facts" / "users.jsonl").unlink(),
    "a role that was changed": lambda backup: exchange(backup / "facts" / "users.jsonl", b"role-", b"rolf-"),
    "a manifest that was cut off": lambda backup: cut(backup / MANIFEST),
    "a manifest with a word too many": lambda backup: exchange(
        backup / MANIFEST, b'"format"', b'"x": 1, "format"'
    ),
    "a manifest that leads outside": lambda backup: exchange(
        backup / MANIFEST, b'"facts/people.jsonl"', b'"facts/../../people.jsonl"'
    ),
    "a manifest of another epoch": flipped(b'"epoch": ', b'"epoch": 1'),
    "a manifest of a stream that has delivered more": flipped(
        b'"outbox_revision": ', b'"outbox_revision": 9'
    ),
    "a manifest of an earlier schema": flipped(f'"{schema.newest()}"'.encode(), b'"r0001"'),
    "a manifest without its sum": flipped(b'"checksum"', b'"made_with"'),
    "a manifest that is a list": lambda backup: replace(backup / MANIFEST, b"[]"),
    "a manifest that is deep": lambda backup: replace(backup / MANIFEST, b"[" * 100_000),
    "an entry fewer": with_hash(lambda lines: lines[:-1]),
    "entries in another order": with_hash(lambda lines: [*lines[:-2], lines[-1], lines[-2]]),
    "an entry that is none": with_hash(lambda lines: [*lines[:-1], b'["x", 1, "@"]\n']),
    "a line that is no list": with_hash(lambda lines: [*lines[:-1], b"{}\n"]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_backup_that_is_not_as_it_was_written_is_refused_before_anything_is_written(
    tmp_path: Path, small_backup: Path, damage: str
) -> None:
    backup = tmp_path / "backup"
    shutil.copytree(small_backup, backup)
    DAMAGES[damage](backup)
    pair = empty_pair("sqlite", tmp_path / "new")
    for refusing in (lambda: verify_backup(backup, quiet), lambda: pair.restore(backup)):
        with pytest.raises(BackupError, match="use another backup") as refused:
            refusing()
        assert refused.value.reason == "BACKUP_DAMAGED"
    assert list((tmp_path / "new").iterdir()) == []


def test_a_table_that_a_backup_does_not_name_is_missed(tmp_path: Path, small_backup: Path) -> None:
    """Whoever restored without it would have nobody's requests on file."""
    backup = tmp_path / "backup"
    shutil.copytree(small_backup, backup)
    manifest = json.loads((backup / MANIFEST).read_text())
    tables = manifest["facts"]["tables"]
    manifest["facts"]["tables"] = [table for table in tables if table["table"] != "privacy_requests"]
    put_manifest(backup, manifest)
    pair = empty_pair("sqlite", tmp_path / "new")
    assert refusal(lambda: pair.restore(backup)) == "BACKUP_DAMAGED"


def test_a_backup_of_a_later_version_is_refused(tmp_path: Path, small_backup: Path) -> None:
    backup = tmp_path / "backup"
    shutil.copytree(small_backup, backup)
    exchange(backup / MANIFEST, b'"format": 1', b'"format": 2')
    assert refusal(lambda: read_manifest(backup)) == "BACKUP_TOO_NEW"
    exchange(backup / MANIFEST, b'"format": 2', b'"format": 1')
    manifest = json.loads((backup / MANIFEST).read_text())
    manifest["facts"]["schema_version"] = "r9999"
    put_manifest(backup, manifest)
    pair = empty_pair("sqlite", tmp_path / "new")
    assert refusal(lambda: pair.restore(backup)) == "BACKUP_TOO_NEW"
    assert schema.schema_state(pair.facts) is SchemaState.EMPTY


def test_another_key_would_find_nobody(tmp_path: Path, small_backup: Path) -> None:
    pair = empty_pair("sqlite", tmp_path / "new")
    assert refusal(lambda: pair.restore(small_backup, key=bytes(32))) == "KEY_FILE_WRONG"
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_restored_over_what_is_there(tmp_path: Path, small_backup: Path, kind: str) -> None:
    there, other = prepare(empty_pair(kind, tmp_path / "there")), empty_pair(kind, tmp_path / "other")
    assert refusal(lambda: there.restore(small_backup)) == "RESTORE_NOT_EMPTY"
    with StreamWriter.open(there.log, "control"):
        pass
    assert refusal(lambda: Pair(other.facts, there.log).restore(small_backup)) == "RESTORE_NOT_EMPTY"
    assert schema.schema_state(other.facts) is SchemaState.EMPTY, "it could have been, and nothing is left"


def test_nothing_is_restored_where_a_process_writes(
    tmp_path: Path, small_backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policy_service.facts.connect.WAIT_SECONDS", 0.1)
    pair = empty_pair("sqlite", tmp_path / "new")
    path = sqlite_path(pair.facts)
    assert path
    with ExitStack() as stack:
        stack.callback(WriterLock(path).release)
        assert refusal(lambda: pair.restore(small_backup)) == "STORE_IN_USE"


def test_a_backup_goes_nowhere_but_into_a_new_directory(tmp_path: Path) -> None:
    pair = prepare(empty_pair("sqlite", tmp_path / "old"))
    assert refusal(lambda: back_up(pair.facts, pair.log, KEY, tmp_path, quiet)) == "BACKUP_NOT_EMPTY"
    (tmp_path / "file").touch()
    in_a_file = tmp_path / "file"
    assert refusal(lambda: back_up(pair.facts, pair.log, KEY, in_a_file, quiet)) == "BACKUP_UNWRITABLE"


def test_a_log_that_was_changed_is_not_backed_up(tmp_path: Path) -> None:
    pair = prepare(empty_pair("postgresql", tmp_path))
    with busy(pair):
        pass
    engine = create_engine(pair.log)
    with engine.begin() as connection:
        connection.execute(text("UPDATE log_entries SET data = 'x' WHERE leaf_index = 2"))
    engine.dispose()
    assert refusal(lambda: back_up(pair.facts, pair.log, KEY, tmp_path / "b", quiet)) == "LOG_CORRUPT"
    assert refusal(lambda: verify_backup(tmp_path / "b", quiet)) == "NO_BACKUP"


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(PolicyServiceError) as refused:
        call()
    return refused.value.reason
