"""What a worker remembers: look-ups as of one revision, and nothing of another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace

import pytest

from policy_service.facts import keys
from policy_service.facts.keys import Key
from policy_service.facts.memory import ColdFacts, FactsMemory, FactsView
from policy_service.facts.reader import FactsReader
from policy_service.facts.store import FactStore
from policy_service.model.errors import OverloadedError
from policy_service.model.facts import ContactPoint, Fact, Fingerprint, PersonId, RecordId, Revision
from tests.facts import world
from tests.facts.world import (
    ADAM,
    CHILD,
    HOME,
    ONE_OF_EACH,
    PHONE,
    POLICE,
    VERA,
    case,
    change,
    put,
    token,
    vera,
    write,
)

CASE = keys.record(POLICE, "CR/1")


@pytest.fixture
def memory(reader: FactsReader) -> Iterator[FactsMemory]:
    memory = FactsMemory(reader)
    yield memory
    memory.close()


async def at_head(memory: FactsMemory, reader: FactsReader, *wanted: Key) -> FactsView:
    await memory.advance(reader.head())
    await memory.load(wanted)
    return memory.view


EVERY_LOOK_UP: tuple[tuple[Key, Callable[[FactsView], object], object], ...] = (
    (keys.person(VERA), lambda view: view.person(VERA), world.vera),
    (
        keys.person_by_identifier(world.vera_nhs_number.fingerprint),
        lambda view: view.person_by_identifier(world.vera_nhs_number.fingerprint),
        world.vera_nhs_number,
    ),
    (keys.identifiers_of(VERA), lambda view: view.identifiers_of(VERA), (world.vera_nhs_number,)),
    (keys.names_of(VERA), lambda view: view.names_of(VERA), (world.vera_name,)),
    (
        keys.names_with_birth_date(world.vera_name.with_birth_date),
        lambda view: view.names_with_birth_date(world.vera_name.with_birth_date),
        (world.vera_name,),
    ),
    (keys.relationships_from(ADAM), lambda view: view.relationships_from(ADAM), (world.adverse,)),
    (keys.relationships_to(VERA), lambda view: view.relationships_to(VERA), (world.adverse,)),
    (keys.contact_points_of(VERA), lambda view: view.contact_points_of(VERA), (world.vera_phone,)),
    (
        keys.contact_points_by_fingerprint(PHONE),
        lambda view: view.contact_points_by_fingerprint(PHONE),
        (world.vera_phone,),
    ),
    (keys.contact_points_by_uprn(HOME), lambda view: view.contact_points_by_uprn(HOME), (world.vera_phone,)),
    (
        keys.own_points_by_fingerprint(POLICE, PHONE),
        lambda view: view.own_points_by_fingerprint(POLICE, PHONE),
        (world.vera_phone,),
    ),
    (
        keys.own_points_by_uprn(POLICE, HOME),
        lambda view: view.own_points_by_uprn(POLICE, HOME),
        (world.vera_phone,),
    ),
    (
        keys.contact_point_by_reference(POLICE, "CRM/7"),
        lambda view: view.contact_point_by_reference(POLICE, "CRM/7"),
        (world.vera_phone,),
    ),
    (CASE, lambda view: view.record(POLICE, "CR/1"), case),
    (keys.record_by_id(case.record_id), lambda view: view.record_by_id(case.record_id), case),
    (keys.parties_of(case.record_id), lambda view: view.parties_of(case.record_id), (world.vera_in_case,)),
    (keys.parties_by_person(VERA), lambda view: view.parties_by_person(VERA), (world.vera_in_case,)),
    (
        keys.declarations(POLICE, world.declared.digest),
        lambda view: view.declarations(POLICE, world.declared.digest),
        (world.declared,),
    ),
    (keys.overrides(POLICE, "CR/1"), lambda view: view.overrides(POLICE, "CR/1"), (world.glass_broken,)),
    (keys.override("override-1"), lambda view: view.override("override-1"), world.glass_broken),
    (keys.orders(POLICE, "CR/1"), lambda view: view.orders(POLICE, "CR/1"), (world.order,)),
    (keys.order("order-1"), lambda view: view.order("order-1"), world.order),
    (keys.requests_about(VERA), lambda view: view.requests_about(VERA), (world.withhold,)),
    (keys.requests_about(CHILD), lambda view: view.requests_about(CHILD), (world.withhold,)),
    (keys.request("request-1"), lambda view: view.request("request-1"), world.withhold),
    (keys.user(POLICE, "PC-1"), lambda view: view.user(POLICE, "PC-1"), world.officer),
    (
        keys.users_of_person(PersonId("officer")),
        lambda view: view.users_of_person(PersonId("officer")),
        (world.officer,),
    ),
    (keys.system(POLICE, "crm"), lambda view: view.system(POLICE, "crm"), world.crm),
    (keys.systems_of(POLICE), lambda view: view.systems_of(POLICE), (world.crm,)),
    (keys.record_types_of(POLICE), lambda view: view.record_types_of(POLICE), (world.case_type,)),
    (keys.artefact_types_of(POLICE), lambda view: view.artefact_types_of(POLICE), (world.letter,)),
    (keys.token(token.token_id), lambda view: view.token(token.token_id), token),
    (keys.record_type(POLICE, "case"), lambda view: view.record_type(POLICE, "case"), world.case_type),
    (keys.artefact_type(POLICE, "letter"), lambda view: view.artefact_type(POLICE, "letter"), world.letter),
    (keys.policy_set(), lambda view: view.policy_set(), world.policies),
    (keys.legal_hold("hold-1"), lambda view: view.legal_hold("hold-1"), world.hold),
    (keys.legal_holds_on(VERA), lambda view: view.legal_holds_on(VERA), (world.hold,)),
    (
        keys.retention_rule(POLICE, "contact_point"),
        lambda view: view.retention_rule(POLICE, "contact_point"),
        world.rule,
    ),
    (keys.filed_policy_set("set-1"), lambda view: view.filed_policy_set("set-1"), world.filed),
)


def test_every_look_up_is_tried_here() -> None:
    assert {key[0] for key, _, _ in EVERY_LOOK_UP} == set(keys.LOOKUPS)


async def test_every_look_up_is_cold_then_empty_then_found(
    store: FactStore, reader: FactsReader, memory: FactsMemory
) -> None:
    wanted = [key for key, _, _ in EVERY_LOOK_UP]
    for key, look_up, _ in EVERY_LOOK_UP:
        with pytest.raises(ColdFacts) as cold:
            look_up(memory.view)
        assert cold.value.keys == {key}
    empty = await at_head(memory, reader, *wanted)
    for _, look_up, _ in EVERY_LOOK_UP:
        assert look_up(empty) in (None, ())
    put(store, *ONE_OF_EACH)
    view = await at_head(memory, reader, *wanted)
    for _, look_up, answer in EVERY_LOOK_UP:
        assert look_up(view) == answer
    for _, look_up, _ in EVERY_LOOK_UP:
        assert look_up(empty) in (None, ()), "who holds the old view keeps it whole"


async def test_prefetch_names_all_that_is_missing_at_once(memory: FactsMemory) -> None:
    wanted = [keys.person(VERA), keys.person(ADAM), CASE]
    await memory.load(wanted[:1])
    with pytest.raises(ColdFacts) as cold:
        memory.view.prefetch(*wanted)
    assert cold.value.keys == set(wanted[1:])
    await memory.load(cold.value.keys)
    memory.view.prefetch(*wanted)


async def test_an_empty_value_finds_nothing_and_is_never_cold(
    store: FactStore, reader: FactsReader, memory: FactsMemory
) -> None:
    """Two homes whose UPRN nobody knows are not one home, nor are two logins of unknown people one person."""
    put(store, ContactPoint("p", POLICE, VERA, world.vera_phone.kind, PHONE))
    nobody, unknown = PersonId(""), Fingerprint("")
    memory.view.prefetch(keys.contact_points_by_uprn(unknown), keys.users_of_person(nobody))
    for _ in range(2):
        view = memory.view
        assert view.contact_points_by_uprn(unknown) == ()
        assert view.users_of_person(nobody) == ()
        assert view.contact_point_by_reference(POLICE, "") == ()
        assert view.parties_of(RecordId("")) == ()
        assert view.person(nobody) is None
        await at_head(memory, reader, keys.contact_points_by_uprn(unknown))


async def test_several_answers_come_in_the_order_of_their_ids(
    store: FactStore, reader: FactsReader, memory: FactsMemory
) -> None:
    ids = ["b", "B", "a-", "a", "é", "Z", "1"]
    points = [ContactPoint(i, POLICE, VERA, world.vera_phone.kind, PHONE, uprn=HOME) for i in ids]
    put(store, *points)
    view = await at_head(memory, reader, keys.contact_points_of(VERA))
    assert [point.contact_point_id for point in view.contact_points_of(VERA)] == sorted(ids)


async def test_what_is_loaded_is_as_of_the_views_revision(
    store: FactStore, reader: FactsReader, memory: FactsMemory
) -> None:
    put(store, vera)
    await memory.advance(reader.head())
    put(store, case)
    await memory.load([CASE])
    assert memory.view.revision == 1
    assert memory.view.record(POLICE, "CR/1") is None


async def test_memory_never_goes_back(store: FactStore, reader: FactsReader, memory: FactsMemory) -> None:
    put(store, vera)
    put(store, case)
    await memory.advance(Revision(2))
    view = memory.view
    await memory.advance(Revision(1))
    await memory.advance(Revision(2))
    assert memory.view is view


class SlowReader(FactsReader):
    """Reads when the test says so."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.may_read = threading.Event()
        self.asked = threading.Event()
        self.loads = 0

    def load(
        self, wanted: Collection[Key], revision: Revision, most: int | None = None
    ) -> Mapping[Key, tuple[Fact, ...]]:
        self.loads += 1
        self.asked.set()
        assert self.may_read.wait(10)
        return super().load(wanted, revision, most)


async def test_what_comes_back_for_an_older_revision_is_thrown_away(store: FactStore, url: str) -> None:
    reader = SlowReader(url)
    memory = FactsMemory(reader)
    loading = asyncio.create_task(memory.load([CASE]))
    assert await asyncio.to_thread(reader.asked.wait, 10)
    put(store, case)
    await memory.advance(reader.head())
    reader.may_read.set()
    await loading
    with pytest.raises(ColdFacts):
        memory.view.record(POLICE, "CR/1")
    await memory.load([CASE])
    assert memory.view.record(POLICE, "CR/1") == case
    memory.close()
    reader.close()


async def test_what_is_in_memory_is_not_read_again(store: FactStore, url: str) -> None:
    reader = SlowReader(url)
    reader.may_read.set()
    memory = FactsMemory(reader)
    await memory.load([key for key, _, _ in EVERY_LOOK_UP])
    for _, look_up, _ in EVERY_LOOK_UP:
        look_up(memory.view)
    assert reader.loads == 1
    memory.close()
    reader.close()


async def test_a_call_may_load_so_much_and_no_more(
    memory: FactsMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policy_service.facts.memory.MAX_KEYS_A_LOAD", 8)
    references = [keys.record(POLICE, f"CR/{n}") for n in range(9)]
    with pytest.raises(OverloadedError):
        await memory.load(references)
    await memory.load(references[:8])
    memory.view.prefetch(*references[:8])


async def test_a_revision_of_this_process_is_followed_without_reading_what_it_changed(
    store: FactStore, reader: FactsReader, memory: FactsMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, case)
    before = await at_head(memory, reader, CASE)
    changed = replace(case, teams=("another",))
    written = write(store, change(changed))
    assert written.touched == {*keys.keys_of(case), *keys.keys_of(changed)}
    monkeypatch.setattr(reader, "changed", None)  # it would be called
    memory.follow(written.revision, written.touched)
    assert before.record(POLICE, "CR/1") == case
    view = await at_head(memory, reader, CASE)
    assert (view.revision, view.record(POLICE, "CR/1")) == (written.revision, changed)


async def test_a_revision_that_is_not_the_next_one_is_not_followed(
    store: FactStore, reader: FactsReader, memory: FactsMemory
) -> None:
    put(store, case)
    await at_head(memory, reader, CASE)
    put(store, replace(case, teams=("another",)))
    last = write(store, change(vera))
    memory.follow(last.revision, last.touched)
    assert memory.view.revision < last.revision
    view = await at_head(memory, reader, CASE)
    found = view.record(POLICE, "CR/1")
    assert found is not None
    assert found.teams == ("another",)


async def test_what_was_looked_up_holds_until_a_revision_touches_it(
    store: FactStore, reader: FactsReader, memory: FactsMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it found something or nothing, and however many revisions about others lie between."""
    put(store, vera)
    await memory.advance(reader.head())
    view, nothing = memory.view, keys.person_by_identifier(Fingerprint("nobody"))
    await memory.load([CASE, nothing])
    for reference in ("CR/2", "CR/3"):
        put(store, replace(case, record_id=RecordId(reference), reference=reference))
        await memory.advance(reader.head())
        assert memory.still_holds(view, [CASE, nothing])
    before = memory.view
    put(store, case)
    await memory.advance(reader.head())
    for older in (view, before):
        assert not memory.still_holds(older, [nothing, CASE])
        assert memory.still_holds(older, [nothing])
    assert memory.still_holds(memory.view, [CASE])
    # Too much has changed to be told: nothing is known to be the same.
    latest = memory.view
    put(store, replace(case, teams=("another",)))
    monkeypatch.setattr(reader, "changed", lambda *_: None)
    await memory.advance(reader.head())
    assert not memory.still_holds(latest, [nothing])
