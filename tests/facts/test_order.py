"""ORDERED: revisions become visible in order, however many write at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from sqlalchemy import create_engine, text

from policy_service.facts import keys
from policy_service.facts.connect import parse_url, sqlite_path
from policy_service.facts.reader import FactsReader
from policy_service.facts.store import FactStore
from policy_service.model.facts import Record, RecordId, Revision
from tests.facts.world import POLICE, change, entry, write

WRITERS = 8
EACH = 12
HEAD_COUNT_GREATEST = (
    "SELECT (SELECT revision FROM head), count(*), coalesce(max(revision), 0) FROM revisions"
)


def writers(stack: ExitStack, url: str) -> list[FactStore]:
    """On PostgreSQL as many stores as writers; on SQLite one, which is all that a file may have."""
    count = 1 if sqlite_path(url) else WRITERS
    stores = [stack.enter_context(FactStore(url, stream_id=f"control-{n}")) for n in range(count)]
    return [stores[n % count] for n in range(WRITERS)]


def test_revisions_become_visible_in_order_under_eight_writers(url: str) -> None:
    seen: list[tuple[int, int, int]] = []
    done = threading.Event()

    def write_some(store: FactStore, number: int) -> list[Revision]:
        facts = [Record(RecordId(f"{number}-{n}"), POLICE, f"{number}/{n}", "case") for n in range(EACH)]
        # Entries of very different sizes, so that those who begin first do not end first by themselves.
        return [
            store.write(change(fact), lambda r: entry(r) * (1 + r * 37 % 4_000)).revision for fact in facts
        ]

    def watch() -> None:
        engine = create_engine(parse_url(url))
        with engine.connect() as connection:
            while not done.is_set():
                statement = (
                    "SELECT (SELECT revision FROM head), count(*), coalesce(max(revision), 0) FROM revisions"
                )
                head, count, greatest = connection.execute(text(statement)).one()
                connection.rollback()
                seen.append((head, count, greatest))
        engine.dispose()

    with ExitStack() as stack:
        stores = writers(stack, url)
        pool = stack.enter_context(ThreadPoolExecutor(WRITERS + 1))
        watching = pool.submit(watch)
        work = [pool.submit(write_some, store, number) for number, store in enumerate(stores)]
        revisions = [future.result() for future in work]
        done.set()
        watching.result()

    assert sorted(r for each in revisions for r in each) == list(range(1, WRITERS * EACH + 1))
    assert all(each == sorted(each) for each in revisions)
    # Whoever sees a revision sees every lower one, and the head says no more and no less than what is there.
    assert all(head == count == greatest for head, count, greatest in seen)
    assert len({head for head, _, _ in seen}) > WRITERS


def test_what_a_head_promises_is_there_to_load(url: str) -> None:
    """A reader that has read head r finds all that revisions up to r wrote, while others write on."""
    with ExitStack() as stack:
        stores = writers(stack, url)
        reader = FactsReader(url)
        stack.callback(reader.close)
        pool = stack.enter_context(ThreadPoolExecutor(WRITERS))

        def write_some(store: FactStore, number: int) -> None:
            for n in range(EACH):
                record = Record(RecordId(f"{number}-{n}"), POLICE, f"{number}/{n}", "case")
                assert write(store, change(record)).revision <= reader.head()

        work = [pool.submit(write_some, store, number) for number, store in enumerate(stores)]
        wanted = [keys.record(POLICE, f"{number}/{n}") for number in range(WRITERS) for n in range(EACH)]
        while not all(future.done() for future in work):
            head = reader.head()
            assert sum(len(facts) for facts in reader.load(wanted, head).values()) == head
        for future in work:
            future.result()
