"""Lists: by organisation, page by page, as of a revision."""

from __future__ import annotations

from policy_service.facts.reader import FactsReader
from policy_service.facts.store import FactStore
from policy_service.model.facts import Controller, Person, PersonId, Record, RecordId, Revision
from tests.facts.world import NHS, POLICE, put, vera


def records(controller: Controller, count: int) -> list[Record]:
    return [Record(RecordId(f"{controller}-{n:02}"), controller, f"CR/{n}", "case") for n in range(count)]


def test_a_list_stops_at_its_organisation(store: FactStore, reader: FactsReader) -> None:
    put(store, *records(POLICE, 3), *records(NHS, 2), vera)
    assert reader.list_facts(Record, NHS, "", 10, store.head()) == tuple(records(NHS, 2))
    assert len(reader.list_facts(Record, None, "", 10, store.head())) == 5
    assert reader.list_facts(Person, NHS, "", 10, store.head()) == ()


def test_a_list_is_in_the_order_of_code_points_on_both_databases(
    store: FactStore, reader: FactsReader
) -> None:
    ids = ["a", "B", "é", "Z", "_", "b-1", "b1"]
    put(store, *(Person(PersonId(i), POLICE) for i in ids))
    listed = reader.list_facts(Person, POLICE, "", 10, store.head())
    assert [person.person_id for person in listed] == sorted(ids)


def test_pages_follow_one_another_and_a_write_between_them_does_not_show(
    store: FactStore, reader: FactsReader
) -> None:
    put(store, *records(POLICE, 7))
    revision = store.head()
    listed: list[Record] = []
    while page := reader.list_facts(Record, POLICE, listed[-1].record_id if listed else "", 3, revision):
        listed += page
        put(store, removed=(records(POLICE, 7)[-1],))
    assert listed == records(POLICE, 7)
    assert reader.list_facts(Record, POLICE, "", 10, Revision(0)) == ()
