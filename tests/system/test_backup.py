"""A service that is backed up while it works, restored elsewhere, served there, and asked to replay there."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest

from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.decision_log.reader import LogReader
from policy_service.facts.epochs import Epochs
from policy_service.facts.key_file import load_key
from policy_service.facts.reader import FactsReader
from policy_service.facts.revision_token import RevisionTokens
from policy_service.model.errors import InvalidArgumentError
from policy_service.service.backup import back_up
from tests.server.calling import Client, Refused
from tests.service.backing_up import KEY, Pair, busy, prepare, quiet
from tests.support.asking import DENY, PERMIT, Manager, check
from tests.support.postgres import postgres_url
from tests.support.replaying import expect_uncomputable
from tests.support.running import running
from tests.support.typing_here import type_here
from tests.system.conftest import opened
from tests.system.load import Load

SAMPLE = 10


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_was_backed_up_under_load_answers_again_elsewhere(tmp_path: Path, kind: str) -> None:
    old, new, directory = tmp_path / "old", tmp_path / "new", tmp_path / "backup"
    where, elsewhere = urls(kind, old), urls(kind, new)
    with running(old, **where) as service:
        clinic = opened(service)
        with Load(clinic) as load:
            wait_for_more(load)
            answered, acknowledged = list(load.answers), list(load.acknowledged)
            typed(old, where, "backup", str(directory))
            wait_for_more(load)
        token_of_later = check(clinic.worker, clinic.token).facts_token
        administrator = service.administrator
    # A machine that has other work to do may be too slow for a round; nothing else is refused.
    assert load.refused <= {"UNAVAILABLE", "DEADLINE_EXCEEDED"}
    assert set(load.answers.values()) == {PERMIT}
    typed(old, where, "backup", "--verify", str(directory))

    new.mkdir()
    shutil.copy2(old / "fingerprint.key", new)
    typed(new, elsewhere, "restore", str(directory))
    with running(new, **elsewhere) as service:
        expect_uncomputable(elsewhere["log_url"])  # the facts of the backup may be older than its log
        manager = Manager(service.control_port, administrator)
        for decision in (answered[0], answered[-1], *answered[:: max(1, len(answered) // SAMPLE)]):
            assert manager.entry(decision).entry_id == decision
            assert_same(manager, decision)
        with pytest.raises(Refused) as lost:
            manager.entry(list(load.answers)[-1])
        assert lost.value.code is grpc.StatusCode.NOT_FOUND
        with Client(service.decision_port) as worker:
            for record in acknowledged:
                denied = check(worker, clinic.token, "nurse", record)
                assert denied.effect == DENY
            assert check(worker, clinic.token).effect == PERMIT
            manager.exclude("nurse")
            assert check(worker, clinic.token).effect == DENY
        assert_same(manager, denied.decision_id)
        manager.close()
    assert not (new / "admin.token").exists(), "nobody was made an administrator anew"
    assert_log_goes_on(elsewhere["log_url"])
    assert_undone(elsewhere["facts_url"], new / "fingerprint.key", token_of_later)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_service_does_not_start_on_what_a_restore_has_not_finished(tmp_path: Path, kind: str) -> None:
    where = urls(kind, tmp_path)
    command = [
        sys.executable,
        "-m",
        "tests.service.broken_off",
        "restore",
        where["facts_url"],
        where["log_url"],
    ]
    with subprocess.Popen(
        [*command, str(a_backup(tmp_path)), "within the log"], stdout=subprocess.PIPE
    ) as restoring:
        assert restoring.stdout
        assert restoring.stdout.readline() == b"here\n"
        restoring.kill()
    with pytest.raises(AssertionError, match="policy-service restore"), running(tmp_path, **where):
        pass


def assert_same(manager: Manager, decision: str) -> None:
    """It is computed again, and comes out the same."""
    replayed = manager.replay(decision)
    assert (replayed.same, replayed.not_computed) == (True, ""), replayed.differences
    assert replayed.computed.cells


def a_backup(directory: Path) -> Path:
    source = directory / "source"
    source.mkdir()
    pair = prepare(Pair(f"sqlite:///{source}/facts.db", f"sqlite:///{source}/log"))
    with busy(pair):
        pass
    back_up(pair.facts, pair.log, KEY, directory / "backup", quiet)
    return directory / "backup"


def urls(kind: str, var_dir: Path) -> dict[str, str]:
    if kind == "sqlite":
        return {"facts_url": f"sqlite:///{var_dir / 'facts.db'}", "log_url": f"sqlite:///{var_dir / 'log'}"}
    return {"facts_url": postgres_url(), "log_url": postgres_url()}


def typed(var_dir: Path, where: dict[str, str], *command: str) -> None:
    given = {f"POLICY_SERVICE_{name.upper()}": value for name, value in where.items()}
    code, _, err = type_here(["--var-dir", str(var_dir), *command], given)
    assert code == 0, err


def wait_for_more(load: Load) -> None:
    answers, acknowledged = len(load.answers), len(load.acknowledged)
    deadline = time.monotonic() + 60
    while len(load.answers) < answers + 20 or len(load.acknowledged) < acknowledged + 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def assert_log_goes_on(log_url: str) -> None:
    """Each stream is whole, each revision has one entry, and the new streams name the ones before them."""
    log = LogReader(log_url)
    streams = log.streams()
    entries: dict[str, list[LogEntry]] = {}
    for stream in streams:
        verified = log.verify(stream.stream_id)
        assert verified is not None
        assert verified.holds
        stored = log.entries(stream.stream_id, 0, limit=stream.size)
        entries[stream.stream_id] = [LogEntry.FromString(each.data) for each in stored]
    writes = [e.revision for each in entries.values() for e in each if e.WhichOneof("event") == "write"]
    assert sorted(writes) == list(range(1, len(writes) + 1))
    for slot in ("control", "worker-0"):
        before, after = (stream for stream in streams if stream.slot == slot)
        assert (before.closed, after.closed) == (True, False)
        first = entries[after.stream_id][0].stream
        assert first.kind == "opened"
        assert [(each.stream_id, each.size, each.root) for each in first.before] == [
            (before.stream_id, before.size, before.root)
        ]


def assert_undone(facts_url: str, key_file: Path, token: str) -> None:
    reader = FactsReader(facts_url)
    tokens = RevisionTokens(load_key(key_file), Epochs.read(reader))
    reader.close()
    with pytest.raises(InvalidArgumentError) as undone:
        tokens.open(token)
    assert undone.value.reason == "FACTS_TOKEN_UNDONE"
