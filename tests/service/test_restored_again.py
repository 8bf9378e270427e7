"""What a restore undoes is named: who was erased after the backup, and which tokens were revoked."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from policy_service.api.v1.decision_log_pb2 import LogEntry, WriteEvent
from policy_service.decision_log.entry import Entry
from policy_service.decision_log.since import ERASED, REVOKED, DoneSince, Ended
from policy_service.decision_log.stream import StreamWriter
from policy_service.facts.store import FactStore
from policy_service.model.facts import Fact, Person, PersonId, Revision
from policy_service.model.ids import random_id, time_ordered_id
from policy_service.service.backup import back_up
from policy_service.service.backup_files import BackupError
from policy_service.service.naming import fact_name
from policy_service.service.outbox import Outbox
from policy_service.service.restore import Restore
from tests.facts.world import NOON, POLICE, adam, change, token, vera
from tests.service.backing_up import KEY, VERSIONS, Pair, prepare, quiet

other_token = replace(token, token_id="fedcba9876543210")
late = Person(PersonId("late"), POLICE)


def write(pair: Pair, method: str, *facts: Fact, removed: tuple[Fact, ...] = ()) -> None:
    with (
        StreamWriter.open(pair.log, "control") as log,
        FactStore(pair.facts, stream_id=log.stream_id) as store,
    ):
        names = [fact_name(fact) for fact in (*facts, *removed)]

        def entry(revision: Revision) -> bytes:
            said = WriteEvent(facts=names)
            return LogEntry(
                entry_id=random_id(), method=method, revision=revision, controller=POLICE, write=said
            ).SerializeToString()

        store.write(change(*facts, removed=removed, entry_id=time_ordered_id(datetime.now(UTC))), entry)
        Outbox(store, log).deliver()


def test_a_restore_names_what_was_ended_after_the_backup(tmp_path: Path) -> None:
    old, new, blind = (
        Pair(f"sqlite:///{tmp_path / name}-facts.db", f"sqlite:///{tmp_path / name}-log")
        for name in ("old", "new", "blind")
    )
    prepare(old)
    write(old, "PeopleService/Import", vera, adam, token, other_token)
    write(old, REVOKED, replace(other_token, revoked_at=NOON))  # before the backup, which has it revoked
    back_up(old.facts, old.log, KEY, tmp_path / "backup", quiet)
    write(old, "PeopleService/PutPerson", late)
    write(old, ERASED, removed=(vera,))
    write(old, ERASED, removed=(late,))  # whom the backup has not
    write(old, REVOKED, replace(token, revoked_at=NOON))
    write(old, REVOKED, replace(token, revoked_at=NOON))
    restoring = Restore(new.facts, new.log, KEY, VERSIONS, lambda: datetime.now(UTC))
    done = restoring.run(tmp_path / "backup", quiet, old_log=old.log)
    assert done.undone == DoneSince(
        (Ended("person:vera", POLICE), Ended(f"token:{token.token_id}", POLICE)),
        {"PeopleService/PutPerson": 1},
    )
    blind_restore = Restore(blind.facts, blind.log, KEY, VERSIONS, lambda: datetime.now(UTC))
    with pytest.raises(BackupError) as other:
        blind_restore.run(tmp_path / "backup", quiet, old_log=f"sqlite:///{tmp_path}/nowhere")
    assert other.value.reason == "OLD_LOG_OTHER"
    assert blind.restore(tmp_path / "backup").undone is None, "and nothing was begun"


def test_an_old_log_that_lacks_anything_of_the_backup_is_refused(tmp_path: Path) -> None:
    """Else it would be said that nobody was erased since."""
    old, new = (
        Pair(f"sqlite:///{tmp_path / name}-facts.db", f"sqlite:///{tmp_path / name}-log")
        for name in ("old", "new")
    )
    prepare(old)
    write(old, "PeopleService/Import", vera, token)
    earlier, forked, part, last = (tmp_path / name for name in ("earlier", "forked", "part", "old-log"))
    shutil.copytree(last, earlier)
    shutil.copytree(last, forked)
    shutil.copytree(last, part)
    write(old, "PeopleService/PutPerson", adam)
    back_up(old.facts, old.log, KEY, tmp_path / "backup", quiet)
    for number in range(3):  # as many entries, and other ones
        with StreamWriter.open(f"sqlite:///{forked}", "control") as log:
            name = time_ordered_id(datetime.now(UTC))
            log.append_now(Entry(name, number, LogEntry(entry_id=name).SerializeToString()))
    (control,) = part.glob("control*.db")
    control.unlink()
    write(old, ERASED, removed=(vera,))
    restoring = Restore(new.facts, new.log, KEY, VERSIONS, lambda: datetime.now(UTC))
    for log_of in (earlier, forked, part):
        with pytest.raises(BackupError) as other:
            restoring.run(tmp_path / "backup", quiet, old_log=f"sqlite:///{log_of}")
        assert other.value.reason == "OLD_LOG_OTHER"
    undone = restoring.run(tmp_path / "backup", quiet, old_log=old.log).undone
    assert undone == DoneSince((Ended("person:vera", POLICE),))
