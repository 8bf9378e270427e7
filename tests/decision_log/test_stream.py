"""One contract for the writer of a stream, on both databases."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from policy_service.decision_log.entry import MAX_ENTRY_BYTES
from policy_service.decision_log.errors import (
    DuplicateEntry,
    EntryTooLarge,
    LogCorrupt,
    LogUnavailable,
    StreamLost,
)
from policy_service.decision_log.location import Timeouts
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.stream import StreamWriter
from tests.decision_log.making import entries, entry, indexes
from tests.decision_log.meddling import held, meddle
from tests.decision_log.test_merkle import tree_hash


def test_promise_2_what_append_returned_is_in_the_log(log_url: str) -> None:
    first, second = entries(3), entries(2)
    with StreamWriter.open(log_url, "worker-0") as writer:
        assert indexes(writer.append(first)) == [0, 1, 2]
        assert indexes(writer.append(second)) == [3, 4]
        stream = writer.stream_id
        # By a reader beside the writer, which has not ended.
        assert [stored.data for stored in LogReader(log_url).entries(stream)] == [
            e.data for e in first + second
        ]


def test_promise_5_the_head_is_the_tree_of_the_entries(log_url: str) -> None:
    written = entries(11)
    with StreamWriter.open(log_url, "worker-0") as writer:
        writer.append(written[:4])
        writer.append(written[4:])
    (head,) = LogReader(log_url).streams()
    assert (head.size, head.root) == (11, tree_hash([e.data for e in written]))


def test_a_stream_is_continued_by_the_next_process(log_url: str) -> None:
    with StreamWriter.open(log_url, "worker-0") as writer:
        writer.append(entries(3))
        stream = writer.stream_id
    with StreamWriter.open(log_url, "worker-0") as writer:
        assert writer.stream_id == stream
        assert indexes(writer.append(entries(2))) == [3, 4]
    (head,) = LogReader(log_url).streams()
    assert (head.epoch, head.size) == (2, 5)


def test_each_slot_has_a_stream_of_its_own(log_url: str) -> None:
    with StreamWriter.open(log_url, "worker-0") as worker, StreamWriter.open(log_url, "control") as control:
        worker.append(entries(3))
        assert indexes(control.append(entries(1))) == [0]
        assert worker.stream_id != control.stream_id
    assert [(head.slot, head.size) for head in LogReader(log_url).streams()] == [
        ("control", 1),
        ("worker-0", 3),
    ]


def test_a_closed_stream_is_left_for_a_new_one(log_url: str) -> None:
    with StreamWriter.open(log_url, "worker-0") as writer:
        old = writer.stream_id
        writer.append(entries(2))
    meddle(log_url, "worker-0", "UPDATE log_streams SET closed = true")
    with StreamWriter.open(log_url, "worker-0") as writer:
        assert writer.stream_id != old
        assert indexes(writer.append(entries(1))) == [0]
    assert [head.closed for head in LogReader(log_url).streams()] == [True, False]


def test_a_finished_stream_ends_with_its_last_entry(log_url: str) -> None:
    last = entry()
    with StreamWriter.open(log_url, "worker-0") as writer:
        old = writer.stream_id
        writer.append(entries(2))
        writer.finish(last)
        assert indexes(writer.append(entries(1))) == ["LogUnavailable"]
    log = LogReader(log_url)
    (head,) = log.streams()
    assert (head.size, head.closed) == (3, True)
    assert log.entries(old)[-1].data == last.data
    verified = log.verify(old)
    assert verified is not None
    assert verified.holds
    with StreamWriter.open(log_url, "worker-0") as writer:
        assert writer.stream_id != old


def test_a_stream_that_another_writes_now_is_not_finished(postgres_log: str) -> None:
    with StreamWriter.open(postgres_log, "worker-0") as earlier:
        with StreamWriter.open(postgres_log, "worker-0") as later:
            with pytest.raises(LogUnavailable):
                earlier.finish(entry())
            assert indexes(later.append(entries(1))) == [0]
        assert [(head.size, head.closed) for head in LogReader(postgres_log).streams()] == [(1, False)]


def test_promise_5_a_second_writer_is_found_at_once(log_url: str) -> None:
    with StreamWriter.open(log_url, "worker-0") as writer:
        writer.append(entries(1))
        meddle(log_url, "worker-0", "UPDATE log_streams SET epoch = epoch + 1, writer = 'another'")
        with pytest.raises(StreamLost):
            writer.append(entries(1))
        with pytest.raises(StreamLost):
            writer.append(entries(1))
    (head,) = LogReader(log_url).streams()
    assert head.size == 1


def test_promise_5_nothing_is_appended_to_a_stream_that_was_closed(log_url: str) -> None:
    with StreamWriter.open(log_url, "worker-0") as writer:
        meddle(log_url, "worker-0", "UPDATE log_streams SET closed = true, epoch = epoch + 1")
        with pytest.raises(StreamLost):
            writer.append(entries(1))


@pytest.mark.parametrize("alteration", ["root = edge", "size = 4"])
def test_promise_5_nothing_is_appended_to_a_head_that_was_altered(log_url: str, alteration: str) -> None:
    with StreamWriter.open(log_url, "worker-0") as writer:
        writer.append(entries(3))
        meddle(log_url, "worker-0", f"UPDATE log_streams SET {alteration}")
        assert indexes(writer.append(entries(1))) == ["LogCorrupt"]
    with pytest.raises(LogCorrupt):
        StreamWriter.open(log_url, "worker-0")


@pytest.mark.parametrize(
    "alteration",
    [
        "DELETE FROM log_entries WHERE leaf_index = 2",
        "UPDATE log_entries SET leaf_index = 3 WHERE leaf_index = 2",
        "UPDATE log_streams SET size = 2",
    ],
)
def test_promise_5_a_stream_whose_end_was_altered_is_not_continued(log_url: str, alteration: str) -> None:
    with StreamWriter.open(log_url, "worker-0") as writer:
        writer.append(entries(3))
    meddle(log_url, "worker-0", alteration)
    with pytest.raises(LogCorrupt):
        StreamWriter.open(log_url, "worker-0")


def test_an_entry_that_is_too_large_spoils_no_other(log_url: str) -> None:
    largest, larger = entry(b"x" * MAX_ENTRY_BYTES), entry(b"x" * (MAX_ENTRY_BYTES + 1))
    with StreamWriter.open(log_url, "worker-0") as writer:
        assert indexes(writer.append([entry(), larger, largest])) == [0, "EntryTooLarge", 1]
        assert indexes(writer.append([larger])) == ["EntryTooLarge"]
        with pytest.raises(EntryTooLarge):
            writer.append_now(larger)
        assert writer.append([]) == []
        # Nobody took the stream over, as after an error: it was found before the transaction.
    (head,) = LogReader(log_url).streams()
    assert (head.epoch, head.size) == (1, 2)


def test_a_group_with_a_bad_entry_is_tried_again_entry_by_entry(log_url: str) -> None:
    known, others = entry(), entries(3)
    with StreamWriter.open(log_url, "worker-0") as writer:
        writer.append([known])
        group = [others[0], known, others[1], known, others[2]]
        assert indexes(writer.append(group)) == [1, "DuplicateEntry", 2, "DuplicateEntry", 3]
        assert indexes(writer.append(entries(1))) == [4]
        verification = LogReader(log_url).verify(writer.stream_id)
    assert verification is not None
    assert verification.holds


def test_an_id_twice_in_a_group_is_one_entry(log_url: str) -> None:
    one = entry()
    with StreamWriter.open(log_url, "worker-0") as writer:
        assert indexes(writer.append([one, one])) == [0, "DuplicateEntry"]


def test_an_id_is_unique_over_the_streams_of_one_database(postgres_log: str) -> None:
    one = entry()
    with (
        StreamWriter.open(postgres_log, "worker-0") as first,
        StreamWriter.open(postgres_log, "worker-1") as second,
    ):
        first.append([one])
        assert indexes(second.append([one])) == ["DuplicateEntry"]


@pytest.mark.parametrize("bad", ["text", None, 3.5])
def test_a_mistake_in_one_entry_spoils_no_other(log_url: str, bad: object) -> None:
    one = entry()
    broken = type(one)(one.id, bad, one.data)  # type: ignore[arg-type]
    with StreamWriter.open(log_url, "worker-0") as writer:
        first, second, third = indexes(writer.append([entry(), broken, entry()]))
        assert first == 0
        if bad is None:
            assert second == "EntryRefused"
        assert third in (1, 2)


def test_the_outbox_rises_with_the_entries_of_its_revision(log_url: str) -> None:
    with StreamWriter.open(log_url, "control") as writer:
        assert writer.outbox_revision == 0
        writer.append(entries(2), outbox_revision=7)
        writer.append(entries(1))
        assert writer.outbox_revision == 7
    with StreamWriter.open(log_url, "control") as writer:
        assert writer.outbox_revision == 7
    assert LogReader(log_url).streams()[0].outbox_revision == 7


def test_a_revision_goes_into_the_log_once(log_url: str) -> None:
    with StreamWriter.open(log_url, "control") as writer:
        writer.append_now(entry(), outbox_revision=7)
        for again in (7, 6):
            with pytest.raises(DuplicateEntry):
                writer.append_now(entry(), outbox_revision=again)
        assert LogReader(log_url).streams()[0].size == 1


def test_the_entries_of_the_outbox_go_in_whole_or_not_at_all(log_url: str) -> None:
    known, large = entry(), entry(b"x" * 70_000)
    with StreamWriter.open(log_url, "control") as writer:
        writer.append([known])
        assert indexes(writer.append([entry(), known], outbox_revision=3)) == ["EntryRefused"] * 2
        assert indexes(writer.append([entry(), large], outbox_revision=3)) == [
            "EntryRefused",
            "EntryTooLarge",
        ]
        assert writer.outbox_revision == 0
        assert indexes(writer.append(entries(2), outbox_revision=3)) == [1, 2]


def test_several_threads_append_through_one_writer(log_url: str) -> None:
    groups = [entries(2) for _ in range(24)]
    with StreamWriter.open(log_url, "control") as writer, ThreadPoolExecutor(6) as threads:
        outcomes = list(threads.map(writer.append, groups))
        verification = LogReader(log_url).verify(writer.stream_id)
    places = sorted(index for outcome in outcomes for index in indexes(outcome) if isinstance(index, int))
    assert places == list(range(48))
    assert verification is not None
    assert verification.holds


def test_a_writer_that_is_closed_appends_nothing(log_url: str) -> None:
    writer = StreamWriter.open(log_url, "worker-0")
    writer.close()
    writer.close()
    assert indexes(writer.append(entries(2))) == ["LogUnavailable"] * 2
    with pytest.raises(LogUnavailable):
        writer.append_now(entry())


@pytest.mark.parametrize("slot", ["", "Worker", "../control", "worker_0", "0", "a" * 64])
def test_a_slot_can_name_a_file(log_url: str, slot: str) -> None:
    with pytest.raises(ValueError, match="slot"):
        StreamWriter.open(log_url, slot)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/log"])
def test_a_url_that_names_no_log_is_refused(url: str) -> None:
    with pytest.raises(LogUnavailable, match="URL"):
        StreamWriter.open(url, "worker-0")


def test_a_store_that_does_not_answer_ends_the_wait(log_url: str) -> None:
    with StreamWriter.open(
        log_url, "worker-0", timeouts=Timeouts(statement=1.0, turn=1.0, again=0.1)
    ) as writer:
        began = time.monotonic()
        with held(log_url, "worker-0"):
            assert indexes(writer.append(entries(2))) == ["LogUnavailable"] * 2
        assert time.monotonic() - began < 15
        assert indexes(writer.append(entries(2))) == [0, 1]


def test_a_thread_that_appends_slowly_keeps_no_other_waiting_for_ever(log_url: str) -> None:
    with StreamWriter.open(
        log_url, "worker-0", timeouts=Timeouts(statement=0.5, turn=0.1, again=0.1)
    ) as writer:
        with held(log_url, "worker-0"), ThreadPoolExecutor(2) as threads:
            outcomes = list(threads.map(writer.append, [entries(1), entries(1)]))
        assert [indexes(outcome) for outcome in outcomes] == [["LogUnavailable"]] * 2
