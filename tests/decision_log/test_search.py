"""Search and tail over two streams: what a naive reader of the whole log finds, piece by piece."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.decision_log.blocks import BLOCK, Blocks
from policy_service.decision_log.entry import Entry, StoredEntry, StreamId
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.search import LogSearch, SearchBounds
from policy_service.decision_log.sought import Sought
from policy_service.decision_log.stream import StreamWriter
from policy_service.decision_log.tail import LogTail, Sizes
from tests.decision_log.meddling import meddle

HERS = Sought(system="hers")
DAY = 86_400_000_000
_numbers = itertools.count()


def entry(time_us: int, system: str = "hers") -> Entry:
    message = LogEntry(method=f"Test/{next(_numbers)}")
    message.caller.system = system
    return Entry(f"{next(_numbers):036d}", time_us, message.SerializeToString())


@dataclass
class CountingReader(LogReader):
    """Counts what is read of entries."""

    url: str
    read: int = field(default=0)

    def __post_init__(self) -> None:
        super().__init__(self.url)

    def entries(self, stream: StreamId, start: int = 0, limit: int = 1000) -> list[StoredEntry]:
        found = super().entries(stream, start, limit)
        self.read += len(found)
        return found


@dataclass
class Log:
    url: str
    control: StreamWriter
    worker: StreamWriter
    reader: CountingReader

    def search(self, **bounds: float) -> LogSearch:
        within = SearchBounds(**bounds)  # type: ignore[arg-type]
        return LogSearch(self.reader, Blocks(self.reader), bounds=within)

    def tail(self, sought: Sought, places: dict[StreamId, int] | None = None) -> LogTail:
        sizes = Sizes(self.reader, seconds=-1.0)
        return LogTail(self.reader, Blocks(self.reader), sizes, sought, places or {})

    def naive(self, sought: Sought) -> list[str]:
        """Newest first."""
        reader = LogReader(self.url)
        every = [e for s in reader.streams() for e in reader.entries(s.stream_id, 0, 100_000)]
        return [
            e.id
            for e in sorted(every, key=lambda e: (e.time_us, e.id), reverse=True)
            if sought.lets_through(e)
        ]


@pytest.fixture
def log(log_url: str) -> Iterator[Log]:
    with ExitStack() as stack:
        control = stack.enter_context(StreamWriter.open(log_url, "control"))
        worker = stack.enter_context(StreamWriter.open(log_url, "worker-0"))
        yield Log(log_url, control, worker, CountingReader(log_url))


def pages(search: LogSearch, sought: Sought, size: int) -> Iterator[list[str]]:
    places = None
    for _ in range(10_000):
        page = search.page(sought, size, places)
        yield [e.id for e in page.found]
        places = page.places
        if not places:
            return
    raise AssertionError("the search does not end")


def fill(log: Log, count: int = 700) -> None:
    """Two streams of which each other entry is hers, in moments that hardly stand in order."""
    for writer, shift in ((log.control, 0), (log.worker, 1)):
        writer.append(
            [
                entry(2 * (number + number % 3 * 2) + shift, "hers" if number % 2 else "another's")
                for number in range(count)
            ]
        )


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_the_pages_of_a_search_are_what_is_there_each_once(log: Log, size: int) -> None:
    fill(log, {1: 6, 7: 50}.get(size, 700))
    found = list(pages(log.search(), HERS, size))
    assert sorted(itertools.chain(*found)) == sorted(log.naive(HERS))
    assert all(len(page) <= size for page in found)
    for page in found:
        assert page == [each for each in log.naive(HERS) if each in page], "newest first"
    if size == 1_000:
        assert found[0] == log.naive(HERS)


def test_what_is_appended_while_searching_is_neither_lost_nor_doubled(log: Log) -> None:
    fill(log, 200)
    before = log.naive(HERS)
    found: list[str] = []
    for page in pages(log.search(), HERS, 20):
        found += page
        log.worker.append([entry(10_000)])
        log.control.append([entry(0)])
    assert sorted(found) == sorted(before)
    assert len(log.naive(HERS)) > len(before)


def test_a_page_looks_at_so_many_entries_and_then_says_where_to_go_on(log: Log) -> None:
    fill(log, 200)
    nobody = Sought(system="nobody")
    search = log.search(entries=100)
    page = search.page(nobody, 10)
    assert page.found == ()
    assert sum(page.places.values()) == 300
    assert list(pages(search, nobody, 10)) == [[]] * 4
    assert sorted(itertools.chain(*pages(log.search(entries=100), HERS, 1_000))) == sorted(log.naive(HERS))


def test_a_page_holds_so_many_bytes(log: Log) -> None:
    fill(log, 8)
    found = list(pages(log.search(bytes=1), HERS, 10))
    assert max(map(len, found)) == 1
    assert sorted(itertools.chain(*found)) == sorted(log.naive(HERS))


@pytest.mark.parametrize("sought", [HERS, Sought(system="hers", since_us=15)], ids=["all", "a time"])
def test_a_store_that_is_slower_than_a_page_may_be_is_searched_all_the_same(log: Log, sought: Sought) -> None:
    fill(log, 15)
    clock = itertools.count(0, 10)
    search = LogSearch(log.reader, Blocks(log.reader), clock=lambda: next(clock))
    found = list(pages(search, sought, 1_000))
    assert sorted(itertools.chain(*found)) == sorted(log.naive(sought))
    assert len(found) > 15


def late_log(log: Log) -> None:
    """Four blocks of a day each, but that a block in the middle waited for two days, and a few for three."""
    for number in range(4):
        day = number if number != 2 else 0
        log.worker.append([entry(day * DAY + each) for each in range(BLOCK)])
    log.worker.append([entry(3 * DAY + 5_000), entry(0), entry(3 * DAY + 5_001)])


@pytest.mark.parametrize(
    ("since", "until"),
    [(3 * DAY, None), (DAY, 2 * DAY), (None, DAY), (None, 1), (9 * DAY, None), (DAY + 3, DAY + 4)],
)
def test_a_search_for_a_time_finds_what_stands_late_and_reads_no_more(
    log: Log, since: int | None, until: int | None
) -> None:
    late_log(log)
    sought = Sought(since_us=since, until_us=until)
    expected = log.naive(sought)
    search = log.search()
    assert sorted(itertools.chain(*pages(search, sought, 100))) == sorted(expected)
    log.reader.read = 0
    assert search.page(sought, 1_000).found or not expected
    blocks = {
        int(e.index) // BLOCK
        for e in LogReader(log.url).entries(log.worker.stream_id, 0, 9_999)
        if sought.may_hold(e.time_us, e.time_us)
    }
    assert log.reader.read <= BLOCK * len(blocks - {4}) + 3 < 4 * BLOCK


def test_an_entry_that_was_removed_or_altered_stops_no_search(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(log, 30)
    meddle(log.url, "control", "DELETE FROM log_entries WHERE leaf_index IN (0, 7, 29)")
    meddle(log.url, "control", "UPDATE log_entries SET data = 'hers' WHERE leaf_index = 9")
    expected = sorted(log.naive(HERS))
    assert sorted(itertools.chain(*pages(log.search(), HERS, 4))) == expected
    monkeypatch.setattr("policy_service.decision_log.tail.AT_ONCE", 4)
    tail = log.tail(HERS)
    assert sorted(e.id for e in followed(tail)) == expected
    assert sum(tail.places.values()) == 60


def followed(tail: LogTail) -> list[StoredEntry]:
    found: list[StoredEntry] = []
    while (step := tail.step()).moved:
        found += step.found
    assert not step.found
    return found


@pytest.mark.parametrize("since", [None, 0, 2 * DAY, 3 * DAY + 5_001, 9 * DAY])
def test_a_tail_brings_each_stream_in_its_order(log: Log, since: int | None) -> None:
    late_log(log)
    log.control.append([entry(DAY), entry(3 * DAY + 5_002)])
    sought = Sought(system="hers", since_us=since)
    tail = log.tail(sought)
    found = followed(tail)
    assert sorted(e.id for e in found) == sorted(log.naive(sought))
    for stream in (log.control.stream_id, log.worker.stream_id):
        indexes = [e.index for e in found if e.stream_id == stream]
        assert indexes == sorted(indexes)
    log.worker.append([entry(9 * DAY, "another's"), entry(9 * DAY)])
    assert [e.index for e in followed(tail)] == [4 * BLOCK + 4]


def test_a_tail_goes_on_from_a_place_and_takes_a_new_stream_from_its_beginning(log: Log) -> None:
    fill(log, 10)
    tail = log.tail(HERS)
    followed(tail)
    log.worker.append([entry(1)])
    with StreamWriter.open(log.url, "worker-1") as new:
        new.append([entry(2), entry(3)])
        again = log.tail(HERS, tail.places)
        assert len(followed(again)) == 3
        assert len(followed(tail)) == 3


def test_a_step_holds_so_many_bytes(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(log, 10)
    monkeypatch.setattr("policy_service.decision_log.tail.MOST_BYTES", 1)
    tail = log.tail(HERS)
    steps = []
    while (step := tail.step()).moved:
        steps.append(len(step.found))
    assert max(steps) == 1
    assert sum(steps) == len(log.naive(HERS))
