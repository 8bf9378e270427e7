"""OWED: a revision has its log entry beside it from the same commit on."""

from __future__ import annotations

import pytest

from policy_service.facts.mapping import to_microseconds
from policy_service.facts.store import FactStore, OutboxRow
from policy_service.model.facts import Revision
from tests.facts.world import NOON, adam, change, put, vera, write


def test_what_is_owed_is_there_after_the_writer_is_gone(url: str) -> None:
    with FactStore(url, stream_id="control-1") as store:
        write(store, change(vera, entry_id="entry-1"))
        write(store, change(adam, entry_id="entry-2"))
        # The process ends here: committed, and not in the log.
    with FactStore(url, stream_id="control-1") as restarted:
        time_us = to_microseconds(NOON)
        assert list(restarted.undelivered(Revision(0))) == [
            OutboxRow(Revision(1), "entry-1", time_us, b"entry of 1"),
            OutboxRow(Revision(2), "entry-2", time_us, b"entry of 2"),
        ]
        assert [row.revision for row in restarted.undelivered(Revision(1))] == [2]
        assert list(restarted.undelivered(Revision(2))) == []


def test_each_stream_is_owed_its_own_revisions(url: str) -> None:
    for stream_id in ("control-1", "control-2", "control-1"):
        with FactStore(url, stream_id=stream_id) as store:
            put(store, vera)
    with FactStore(url, stream_id="control-1") as store:
        assert [row.revision for row in store.undelivered(Revision(0))] == [1, 3]


def test_more_is_owed_than_one_statement_reads(store: FactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(7):
        put(store)
    monkeypatch.setattr("policy_service.facts.rows.IDS_A_STATEMENT", 3)
    assert [row.revision for row in store.undelivered(Revision(0))] == list(range(1, 8))
