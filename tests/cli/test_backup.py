"""`backup` and `restore` as typed: what they print, and how they end."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from policy_service.decision_log.since import DoneSince, Ended
from policy_service.facts.key_file import load_or_create_key
from policy_service.facts.schema import SchemaState, schema_state
from policy_service.model.facts import Controller
from policy_service.server.only_one import OnlyOne
from policy_service.server.settings import Settings
from tests.cli.conftest import Terminal
from tests.service.backing_up import Pair, busy, prepare
from tests.support.migrated import migrations_repeated
from tests.support.postgres import postgres_url

ENDED = (Ended("person:p-1", Controller("police")), Ended("token:0123", Controller("police")))
OTHERS = {"AccessService/SuspendSystem": 1, "RequestService/PutRequest": 1_200}


@pytest.fixture(scope="module", autouse=True)
def _repeated() -> Iterator[None]:
    with migrations_repeated():
        yield


@pytest.fixture
def there(terminal: Terminal) -> Terminal:
    """A folder with databases that were written, and a key."""
    load_or_create_key(terminal.var_dir / "fingerprint.key")
    with busy(
        prepare(Pair(f"sqlite:///{terminal.var_dir / 'facts.db'}", f"sqlite:///{terminal.var_dir / 'log'}"))
    ):
        pass
    return terminal


def test_there_and_back_again(there: Terminal, tmp_path: Path) -> None:
    directory = str(tmp_path / "backup")
    made = there("backup", directory)
    assert made.code == 0, made.err
    assert "keep a copy of" in made.out.replace("\n", " ")
    assert "fingerprint.key" in made.out
    assert re.search(r"^made at +[0-9-]{10}T[0-9:]{8}Z$", made.out, re.MULTILINE)
    verified = there("backup", "--verify", directory, "--json")
    assert verified.code == 0
    assert verified.json["backup"] in made.out
    assert verified.json["revision"] > 0

    new = tmp_path / "new"
    new.mkdir()
    nowhere = there("restore", directory, before=("--var-dir", str(new)))
    assert nowhere.code == 2
    assert "put it back first" in nowhere.err
    assert f"`{new / 'fingerprint.key'}`" in nowhere.err
    (new / "fingerprint.key").write_bytes((there.var_dir / "fingerprint.key").read_bytes())
    (new / "fingerprint.key").chmod(0o600)
    old_log = f"sqlite:///{there.var_dir / 'log'}"
    restored = there("restore", directory, "--json", "--old-log", old_log, before=("--var-dir", str(new)))
    assert restored.code == 0, restored.err
    assert restored.json["revision"] == verified.json["revision"]
    assert restored.json["doAgain"] == []
    assert schema_state(f"sqlite:///{new / 'facts.db'}") is SchemaState.CURRENT

    again = there("restore", directory, before=("--var-dir", str(new)))
    assert again.code == 2
    assert "the facts' store is not empty" in again.err
    assert f"move `{new / 'facts.db'}` away" in again.err
    assert f"move the directory `{new / 'log'}` away, or name a new folder with --var-dir" in again.err


def test_into_postgresql(there: Terminal, tmp_path: Path) -> None:
    directory = str(tmp_path / "backup")
    assert there("backup", directory).code == 0
    url = postgres_url()
    where = {"POLICY_SERVICE_FACTS_URL": url, "POLICY_SERVICE_LOG_URL": url}
    restored = there("restore", directory, env=where)
    assert restored.code == 0, restored.err
    assert "erased once more" in restored.out.replace("\n", " ")
    assert "`restore --old-log URL`" in restored.out.replace("\n", " ")
    assert f"\n  policy-service serve --var-dir {there.var_dir}\n" in restored.out
    assert there("migrate", "--check", env=where).code == 0
    again = there("restore", directory, env=where)
    assert again.code == 2
    assert re.search(
        r"make a new database in place of `\w+` on `.+`, and let `POLICY_SERVICE_FACTS_URL`", again.err
    )
    assert url not in again.err


@pytest.mark.parametrize("form", ["log", "/nowhere/log", "C:log", "sqlite:/log", "http://log"])
def test_an_old_log_that_is_no_url(terminal: Terminal, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(terminal.var_dir)
    (terminal.var_dir / "log").mkdir()
    refused = terminal("restore", "backup", "--old-log", form)
    assert refused.code == 2
    assert "this is none" in refused.err
    written = f"sqlite:///{terminal.var_dir}/log" if form == "log" else "sqlite:////srv/old/log"
    assert f"write `--old-log {written}`" in refused.err or f"`--old-log {written}`" in refused.err


def test_an_old_log_that_is_not_there(there: Terminal, tmp_path: Path) -> None:
    directory = str(tmp_path / "backup")
    assert there("backup", directory).code == 0
    elsewhere = {f"POLICY_SERVICE_{name}_URL": f"sqlite:///{tmp_path}/{name}" for name in ("FACTS", "LOG")}
    old_log = "postgresql+psycopg://officer:secret@127.0.0.1:9/none"
    refused = there("restore", directory, "--old-log", old_log, env=elsewhere)
    assert refused.code == 2
    assert "as `--old-log sqlite:////srv/old/log`" in refused.err
    assert "secret" not in refused.err


def test_an_old_log_in_a_folder_that_is_not_there(there: Terminal, tmp_path: Path) -> None:
    refused = there("restore", "backup", "--old-log", f"sqlite:///{tmp_path}/nowhere")
    assert refused.code == 2
    assert f"there is no `{tmp_path}/nowhere`" in refused.err.replace("\n", "")
    assert "as `--old-log sqlite:////srv/old/log`" in refused.err.replace("\n", " ")


def test_nothing_is_restored_below_a_service_that_runs(there: Terminal, tmp_path: Path) -> None:
    directory = str(tmp_path / "backup")
    assert there("backup", directory).code == 0
    runs = OnlyOne(Settings(var_dir=there.var_dir))
    runs.take()
    refused = there("restore", directory)
    runs.leave()
    assert refused.code == 2
    assert "another service runs on the data in" in refused.err
    assert f"(`kill {os.getpid()}`)" in refused.err
    assert "move" not in refused.err


def test_a_damaged_backup(there: Terminal, tmp_path: Path) -> None:
    directory = tmp_path / "backup"
    assert there("backup", str(directory)).code == 0
    file = directory / "facts" / "people.jsonl"
    file.write_bytes(file.read_bytes()[:-1])
    for command in (("backup", "--verify"), ("restore",)):
        refused = there(*command, str(directory))
        assert refused.code == 1
        assert "`facts/people.jsonl` is not as it was written" in refused.err
        assert "use another backup" in refused.err


def test_what_is_no_backup(there: Terminal, tmp_path: Path) -> None:
    for directory, words in ((tmp_path / "nowhere", "no such directory"), (there.var_dir, "no backup")):
        for command in (("backup", "--verify"), ("restore",)):
            refused = there(*command, str(directory))
            assert refused.code == 2
            assert words in refused.err


def test_a_directory_that_is_taken(there: Terminal) -> None:
    refused = there("backup", str(there.var_dir))
    assert refused.code == 2
    assert "name a new one for each backup" in refused.err


def test_without_a_store(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal("backup", str(tmp_path / "b")).code == 2  # no key
    load_or_create_key(terminal.var_dir / "fingerprint.key")
    refused = terminal("backup", str(tmp_path / "b"))
    assert refused.code == 4
    assert "policy-service migrate" in refused.err
    assert not (tmp_path / "b" / "manifest.json").exists()


def test_what_ended_after_the_backup_is_named_with_the_commands_that_end_it(
    there: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = str(tmp_path / "backup")
    assert there("backup", directory).code == 0
    monkeypatch.setattr("policy_service.service.restore.done_since", lambda *_: DoneSince(ENDED, OTHERS))
    monkeypatch.setattr("policy_service.service.restore._is_there", lambda *_: True)
    where = {f"POLICY_SERVICE_{name}_URL": f"sqlite:///{tmp_path}/{name}" for name in ("FACTS", "LOG")}
    old_log = f"sqlite:///{there.var_dir / 'log'}"
    restored = there("restore", directory, "--old-log", old_log, env=where)
    assert restored.code == 0, restored.err
    assert (
        "on file again though erased: 1 person; hold again though revoked: 1 token;"
        in restored.out.replace("\n", " ")
    )
    assert "\n  policy-service retention erase person:p-1 --yes --controller police\n" in restored.out
    assert "\n  policy-service tokens revoke 0123 --controller police\n" in restored.out
    assert "other writes since the backup, which are undone: 1,201\n" in restored.out
    assert "\nAccessService/SuspendSystem 1\n" in re.sub(" +", " ", restored.out)
    assert all(len(line) <= 80 for line in restored.out.splitlines() if not line.startswith("  policy"))
    where = {f"POLICY_SERVICE_{name}_URL": f"sqlite:///{tmp_path}/2{name}" for name in ("FACTS", "LOG")}
    as_json = there("restore", directory, "--old-log", old_log, "--json", env=where).json
    assert as_json["otherWrites"] == OTHERS
    assert len(as_json["doAgain"]) == 2
