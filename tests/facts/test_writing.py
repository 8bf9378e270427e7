"""The one writer: revisions, rows that are kept, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from policy_service.facts import keys
from policy_service.facts.connect import parse_url
from policy_service.facts.reader import FactsReader
from policy_service.facts.store import FactStore
from policy_service.facts.tables import OPEN
from policy_service.model.errors import ConflictError
from policy_service.model.facts import Fact, Record, RecordId, Revision
from policy_service.model.vocabulary import RequestState
from tests.facts.world import (
    NHS,
    NOON,
    POLICE,
    VERA,
    adam,
    case,
    change,
    crm,
    entry,
    put,
    vera,
    withhold,
    write,
)

CASE = keys.record(POLICE, "CR/1")


def found(reader: FactsReader, key: keys.Key, revision: Revision) -> tuple[Fact, ...]:
    return reader.load([key], revision)[key]


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    engine = create_engine(parse_url(url))
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]
    finally:
        engine.dispose()


def test_a_new_store_is_at_revision_0_and_has_nothing_on_file(store: FactStore, reader: FactsReader) -> None:
    assert store.head() == reader.head() == 0
    assert found(reader, CASE, Revision(0)) == ()


def test_each_revision_is_read_as_it_was(store: FactStore, reader: FactsReader) -> None:
    versions = [replace(case, teams=(f"team-{number}",)) for number in range(5)]
    for version in versions:
        put(store, version)
    put(store, removed=(case,))
    put(store, vera)
    assert found(reader, CASE, Revision(0)) == ()
    for revision, version in enumerate(versions, start=1):
        assert found(reader, CASE, Revision(revision)) == (version,)
    assert found(reader, CASE, Revision(6)) == found(reader, CASE, Revision(7)) == ()


def test_what_was_removed_can_be_on_file_again(store: FactStore, reader: FactsReader) -> None:
    put(store, case)
    put(store, removed=(case,))
    put(store, case)
    assert [found(reader, CASE, Revision(r)) for r in (1, 2, 3)] == [(case,), (), (case,)]


def test_nothing_is_overwritten_but_the_end_of_an_open_row(store: FactStore, url: str) -> None:
    columns = "row_id, revision_from, controller, record_id, reference, record_type, teams"
    everything = f"SELECT {columns} FROM records ORDER BY row_id"
    put(store, case)
    before = rows(url, everything)
    put(store, replace(case, teams=("other",)))
    put(store, removed=(case,))
    assert rows(url, everything)[:1] == before
    spans = rows(url, "SELECT revision_from, revision_to FROM records ORDER BY row_id")
    assert spans == [(1, 2), (2, 3)]


def test_a_fact_has_one_open_row(store: FactStore, url: str) -> None:
    for number in range(4):
        put(store, replace(case, teams=(f"team-{number}",)), adam)
    count = f"SELECT count(*) FROM records WHERE revision_to = {OPEN}"
    assert rows(url, count) == [(1,)]
    # The database itself holds it, whatever a writer believes.
    columns = "revision_from, revision_to, controller, record_id, reference, record_type, teams"
    other = columns.replace("reference,", "'another',")
    with pytest.raises(IntegrityError):
        rows(url, f"INSERT INTO records ({columns}) SELECT {other} FROM records WHERE revision_to = {OPEN}")


def test_an_equal_fact_writes_no_row_and_is_a_revision_all_the_same(store: FactStore, url: str) -> None:
    put(store, case, vera)
    written = write(store, change(case, vera, entry_id="again"))
    assert (written.revision, written.entry, written.repeated) == (2, b"entry of 2", False)
    assert rows(url, "SELECT count(*) FROM records") == rows(url, "SELECT count(*) FROM people") == [(1,)]
    assert rows(url, "SELECT count(*) FROM changes WHERE revision = 2") == [(0,)]
    assert rows(url, "SELECT entry_id FROM revisions WHERE revision = 2") == [("again",)]


def test_a_change_of_nothing_is_a_revision(store: FactStore) -> None:
    assert put(store) == 1
    assert put(store, removed=(case,)) == 2


def test_a_revision_says_who_when_and_why(store: FactStore, url: str) -> None:
    write(store, change(vera, actor="principal:priya", entry_id="entry-1", time=NOON))
    columns = "revision, time, actor, controller, reason, stream_id, entry_id"
    assert rows(url, f"SELECT {columns} FROM revisions") == [
        (1, 1772452800_000000, "principal:priya", "police", "asked by phone", "control-1", "entry-1")
    ]


def test_a_clock_that_goes_back_does_not_take_the_commit_time_with_it(
    store: FactStore, reader: FactsReader
) -> None:
    for hours in (0, -1, 2):
        write(store, change(vera, time=NOON + timedelta(hours=hours)))
    assert reader.head_and_time().committed_at == NOON + timedelta(hours=2)
    write(store, change(vera, time=NOON))
    assert reader.head_and_time().committed_at == NOON + timedelta(hours=2)
    assert reader.head_and_time().revision == 4


def test_facts_of_many_kinds_are_one_revision(store: FactStore, reader: FactsReader) -> None:
    assert put(store, vera, case, withhold, crm) == 1
    assert found(reader, keys.requests_about(VERA), Revision(1)) == (withhold,)
    assert found(reader, keys.system(POLICE, "crm"), Revision(1)) == (crm,)


def test_a_request_is_found_by_whom_it_covers_in_each_version(store: FactStore, reader: FactsReader) -> None:
    child, other = withhold.covers[0], adam.person_id
    put(store, withhold)
    put(store, replace(withhold, covers=(other,), state=RequestState.UNDER_REVIEW))
    put(store, removed=(withhold,))

    def covering(person_id: object, revision: int) -> int:
        return len(found(reader, ("requests_about", str(person_id)), Revision(revision)))

    assert [covering(child, r) for r in (1, 2, 3)] == [1, 0, 0]
    assert [covering(other, r) for r in (1, 2, 3)] == [0, 1, 0]
    assert [covering(VERA, r) for r in (1, 2, 3)] == [1, 1, 0]


def test_an_entry_that_cannot_be_made_undoes_the_write(store: FactStore, reader: FactsReader) -> None:
    def fails(revision: Revision) -> bytes:
        raise RuntimeError(f"no entry for {revision}")

    with pytest.raises(RuntimeError, match="no entry for 1"):
        store.write(change(case), fails)
    assert store.head() == 0
    assert put(store, vera) == 1
    assert found(reader, CASE, Revision(1)) == ()


def test_another_controller_cannot_take_a_fact_over(store: FactStore, reader: FactsReader) -> None:
    put(store, case)
    for attempt in (change(replace(case, controller=NHS)), change(removed=(replace(case, controller=NHS),))):
        with pytest.raises(ConflictError) as refused:
            store.write(attempt, entry)
        assert refused.value.reason == "ALREADY_EXISTS"
    assert found(reader, CASE, store.head()) == (case,)


def test_a_fact_stands_once_in_a_change(store: FactStore) -> None:
    for attempt in (change(case, replace(case, teams=())), change(case, removed=(case,))):
        with pytest.raises(ConflictError) as refused:
            store.write(attempt, entry)
        assert refused.value.reason == "WRITTEN_TWICE"
    assert store.head() == 0


def test_many_facts_are_written_and_replaced_at_once(store: FactStore, reader: FactsReader) -> None:
    many = [Record(RecordId(f"r{n}"), POLICE, f"CR/{n}", "case") for n in range(2_500)]
    put(store, *many)
    put(store, *(replace(record, teams=("new",)) for record in many[:2_400]))
    wanted = [keys.record(POLICE, f"CR/{n}") for n in range(2_500)]
    before, after = reader.load(wanted, Revision(1)), reader.load(wanted, Revision(2))
    assert sum(len(facts) for facts in before.values()) == len(many)
    assert sum(facts[0] != many[n] for n, facts in enumerate(after.values())) == 2_400
