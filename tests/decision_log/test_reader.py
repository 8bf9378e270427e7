"""Promise 5, evidence: what is read back is what was appended, or the check says which entry is not."""

from __future__ import annotations

import pytest

from policy_service.decision_log.entry import StreamId
from policy_service.decision_log.merkle import leaf_hash
from policy_service.decision_log.reader import LogReader, Verification
from policy_service.decision_log.stream import StreamWriter
from tests.decision_log.making import entries, entry
from tests.decision_log.meddling import meddle

NOWHERE = StreamId("0" * 32)


@pytest.fixture
def stream(log_url: str) -> StreamId:
    """Of five entries."""
    with StreamWriter.open(log_url, "worker-0") as writer:
        writer.append(entries(5))
        return writer.stream_id


def verify(url: str, stream: StreamId) -> Verification:
    verification = LogReader(url).verify(stream)
    assert verification is not None
    return verification


def test_an_entry_is_found_by_its_id_in_whichever_stream_it_is(log_url: str, stream: StreamId) -> None:
    wanted = entry(b"the bytes that were hashed")
    with StreamWriter.open(log_url, "control") as control:
        control.append([entry(), wanted])
        other = control.stream_id
    found = LogReader(log_url).get(wanted.id)
    assert found is not None
    assert (found.stream_id, found.slot, found.index) == (other, "control", 1)
    assert (found.id, found.time_us, found.data) == (wanted.id, wanted.time_us, wanted.data)
    assert found.leaf_hash == leaf_hash(wanted.data)


def test_an_id_that_nobody_wrote_is_nothing(log_url: str, stream: StreamId) -> None:
    assert LogReader(log_url).get("00000000-0000-7000-8000-000000000000") is None
    assert LogReader(log_url).get("") is None
    assert LogReader(log_url).get("' OR 1=1 --") is None


def test_entries_are_read_page_by_page_in_order(log_url: str, stream: StreamId) -> None:
    reader = LogReader(log_url)
    pages = [[one.index for one in reader.entries(stream, start, 2)] for start in (0, 2, 4, 6)]
    assert pages == [[0, 1], [2, 3], [4], []]
    assert reader.entries(NOWHERE) == []


def test_promise_5_a_stream_as_it_was_appended_holds(log_url: str, stream: StreamId) -> None:
    assert verify(log_url, stream).holds
    assert verify(log_url, stream).size == 5
    assert LogReader(log_url).verify(NOWHERE) is None


def test_promise_5_an_empty_stream_holds(log_url: str) -> None:
    with StreamWriter.open(log_url, "worker-0") as writer:
        assert verify(log_url, writer.stream_id).holds


def test_promise_5_a_stream_of_many_pages_holds(sqlite_log: str) -> None:
    with StreamWriter.open(sqlite_log, "worker-0") as writer:
        writer.append(entries(2_345))
        assert verify(sqlite_log, writer.stream_id).holds
        meddle(sqlite_log, "worker-0", "UPDATE log_entries SET data = id WHERE leaf_index = 1500")
        assert not verify(sqlite_log, writer.stream_id).holds


SWAPPED = "CASE leaf_index WHEN 1 THEN -2 WHEN 2 THEN -1 ELSE leaf_index END"


@pytest.mark.parametrize(
    ("alterations", "problem"),
    [
        (["UPDATE log_entries SET data = 'another' WHERE leaf_index = 3"], "an entry is not the one"),
        (["DELETE FROM log_entries WHERE leaf_index = 2"], "entry 2 is missing"),
        (["DELETE FROM log_entries WHERE leaf_index >= 3"], "entry 3 is missing"),
        (["DELETE FROM log_entries"], "entry 0 is missing"),
        (
            [
                "DELETE FROM log_entries WHERE leaf_index = 2",
                "UPDATE log_entries SET leaf_index = 2 WHERE leaf_index = 3",
                "UPDATE log_entries SET leaf_index = 3 WHERE leaf_index = 4",
                "UPDATE log_streams SET size = 4",
            ],
            "an entry is not the one",
        ),
        (
            [
                f"UPDATE log_entries SET leaf_index = {SWAPPED}",
                "UPDATE log_entries SET leaf_index = -leaf_index WHERE leaf_index < 0",
            ],
            "an entry is not the one",
        ),
        (["UPDATE log_streams SET size = 6"], "entry 5 is missing"),
        (["UPDATE log_streams SET root = edge"], "an entry is not the one"),
    ],
    ids=["altered", "removed", "cut off", "emptied", "removed and renumbered", "reordered", "size", "root"],
)
def test_promise_5_a_stream_that_was_altered_does_not_hold(
    log_url: str, stream: StreamId, alterations: list[str], problem: str
) -> None:
    for alteration in alterations:
        meddle(log_url, "worker-0", alteration)
    verification = verify(log_url, stream)
    assert not verification.holds
    assert problem in str(verification.problem)


def test_what_is_appended_while_it_is_checked_is_not_looked_at(log_url: str, stream: StreamId) -> None:
    meddle(
        log_url,
        "worker-0",
        "INSERT INTO log_entries (stream, leaf_index, time_us, id, data) VALUES (1, 5, 0, 'later', 'later')",
    )
    assert verify(log_url, stream).holds
