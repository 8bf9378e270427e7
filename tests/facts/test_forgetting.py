"""What a memory forgets when it moves to a newer revision, and what a view of an older one still sees."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

import pytest

from policy_service.facts import keys
from policy_service.facts.keys import Key
from policy_service.facts.memory import ColdFacts, FactsMemory, FactsView
from policy_service.facts.reader import FactsReader
from policy_service.facts.store import FactStore
from policy_service.model.errors import UnavailableError
from policy_service.model.facts import Fact, Person, PersonId, Revision
from tests.facts.test_memory import EVERY_LOOK_UP
from tests.facts.world import ADAM, CHILD, ONE_OF_EACH, POLICE, VERA, adverse, case, put, vera, withhold

CASE = keys.record(POLICE, "CR/1")


class CountingReader(FactsReader):
    """Counts what it is asked, and lets go of what it has loaded when the test says so."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.loads = 0
        self.questions_of_changes = 0
        self.loaded = threading.Event()
        self.may_leave = threading.Event()
        self.may_leave.set()

    def load(
        self, wanted: Collection[Key], revision: Revision, most: int | None = None
    ) -> Mapping[Key, tuple[Fact, ...]]:
        found = super().load(wanted, revision, most)
        self.loads += 1
        self.loaded.set()
        assert self.may_leave.wait(10)
        return found

    def changed(self, after: Revision, until: Revision) -> frozenset[Key] | None:
        self.questions_of_changes += 1
        return super().changed(after, until)


@pytest.fixture
def counting(url: str) -> Iterator[CountingReader]:
    reader = CountingReader(url)
    yield reader
    reader.close()


@pytest.fixture
def memory(counting: CountingReader) -> Iterator[FactsMemory]:
    memory = FactsMemory(counting)
    yield memory
    memory.close()


async def to_head(memory: FactsMemory, store: FactStore, *wanted: Key) -> FactsView:
    await memory.advance(store.head())
    if wanted:
        await memory.load(wanted)
    return memory.view


def cold(view: FactsView, *wanted: Key) -> frozenset[Key]:
    """Those of the keys that the view does not find in memory."""
    try:
        view.prefetch(*wanted)
    except ColdFacts as missing:
        return missing.keys
    return frozenset()


EVERY_KEY = [key for key, _, _ in EVERY_LOOK_UP]


async def test_a_revision_forgets_what_it_touched_and_nothing_else(
    store: FactStore, counting: CountingReader, memory: FactsMemory
) -> None:
    put(store, *ONE_OF_EACH)
    await to_head(memory, store, *EVERY_KEY)
    put(store, replace(adverse, basis="conviction"))
    before = counting.loads
    view = await to_head(memory, store)
    assert view.revision == 2
    assert cold(view, *EVERY_KEY) == {keys.relationships_from(ADAM), keys.relationships_to(VERA)}, "both ends"
    for key, look_up, answer in EVERY_LOOK_UP:
        if not key[0].startswith("relationships"):
            assert look_up(view) == answer
    assert counting.loads == before
    assert memory.counters.changed == 2


async def test_nothing_on_file_is_forgotten_when_there_is_something(
    store: FactStore, memory: FactsMemory
) -> None:
    put(store, vera)
    view = await to_head(memory, store, CASE, keys.requests_about(CHILD), keys.requests_about(ADAM))
    assert view.requests_about(CHILD) == ()
    put(store, withhold)
    view = await to_head(memory, store)
    assert cold(view, CASE, keys.requests_about(CHILD), keys.requests_about(ADAM)) == {
        keys.requests_about(CHILD)
    }


async def test_an_old_view_sees_nothing_of_what_came_later(store: FactStore, memory: FactsMemory) -> None:
    put(store, vera, withhold)
    seen, unseen = keys.requests_about(VERA), keys.requests_about(CHILD)
    old = await to_head(memory, store, seen)
    put(store, replace(withhold, legal_basis="amended"))
    middle = await to_head(memory, store, keys.person(VERA))
    put(store, removed=(withhold,))
    new = await to_head(memory, store, seen, unseen, CASE)

    assert old.requests_about(VERA) == (withhold,)
    assert cold(old, unseen) == {unseen}, "not what a later revision says"
    assert cold(middle, seen, unseen) == {seen, unseen}
    assert new.requests_about(VERA) == ()
    for view in (old, middle, new):
        assert view.person(VERA) == vera
        assert view.record(POLICE, "CR/1") is None, "loaded later, and the same at all three"


async def test_an_old_view_does_not_tell_the_new_one_that_all_is_there(
    store: FactStore, memory: FactsMemory
) -> None:
    put(store, vera)
    old = await to_head(memory, store, *keys.about_person(VERA))
    old.prefetch_about([VERA])
    put(store, replace(vera, categories=("x",)))
    new = await to_head(memory, store)
    old.prefetch_about([VERA])
    with pytest.raises(ColdFacts) as missing:
        new.prefetch_about([VERA])
    assert missing.value.keys == {keys.person(VERA)}


@pytest.mark.parametrize("last", [case, vera], ids=["touched by the last", "touched by the first"])
async def test_what_is_on_its_way_while_the_head_moves_is_heeded_where_nothing_touched_it(
    store: FactStore, counting: CountingReader, memory: FactsMemory, last: Fact
) -> None:
    touched, untouched = CASE, keys.user(POLICE, "PC-1")
    put(store, vera)
    await to_head(memory, store, keys.person(VERA))
    first = vera if last is case else case
    counting.may_leave.clear()
    counting.loaded.clear()
    loading = asyncio.create_task(memory.load([touched, untouched]))
    await asyncio.to_thread(counting.loaded.wait, 10)
    for fact in (first, last):
        put(store, fact if fact is case else replace(vera, categories=("x",)))
        await to_head(memory, store)
    counting.may_leave.set()
    await loading
    assert memory.view.revision == 3
    assert cold(memory.view, touched, untouched) == {touched}


async def test_after_too_many_changes_all_is_forgotten_at_once(
    store: FactStore, counting: CountingReader, memory: FactsMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policy_service.facts.reader.MAX_CHANGES", 20)
    put(store, *ONE_OF_EACH)
    old = await to_head(memory, store, *EVERY_KEY)
    put(store, *(Person(PersonId(f"p{n}"), POLICE) for n in range(20)))
    view = await to_head(memory, store)
    assert memory.counters.restarts == 0, "as many as may be"
    put(store, *(Person(PersonId(f"q{n}"), POLICE) for n in range(21)))
    loading = asyncio.create_task(memory.load([keys.person(PersonId("q1"))]))
    await asyncio.sleep(0)
    view = await to_head(memory, store)
    await loading
    assert memory.counters.restarts == 1
    assert len(memory) == 0, "and what was on its way does not come"
    assert cold(view, *EVERY_KEY) == set(EVERY_KEY)
    for _, look_up, answer in EVERY_LOOK_UP:
        assert look_up(old) == answer


async def test_a_view_that_much_has_overtaken_keeps_what_changed_and_finds_the_rest_cold(
    store: FactStore, memory: FactsMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policy_service.facts.memory.MAX_KEYS_PAST", 4)
    put(store, vera, withhold)
    old = await to_head(memory, store, keys.person(VERA), keys.requests_about(VERA))
    put(store, removed=(vera,))
    await to_head(memory, store)
    assert cold(old, keys.person(VERA), keys.requests_about(VERA)) == frozenset()
    put(store, removed=(withhold,))
    await to_head(memory, store)
    assert cold(old, keys.person(VERA), keys.requests_about(VERA)) == {keys.requests_about(VERA)}
    assert old.person(VERA) == vera


async def test_many_who_advance_at_once_read_the_changes_once(
    store: FactStore, counting: CountingReader, memory: FactsMemory
) -> None:
    put(store, vera)
    await to_head(memory, store, keys.person(VERA))
    put(store, removed=(vera,))
    await asyncio.gather(*(memory.advance(store.head()) for _ in range(20)))
    assert counting.questions_of_changes == 1
    assert cold(memory.view, keys.person(VERA)) == {keys.person(VERA)}


async def test_memory_stays_where_it_is_while_the_changes_cannot_be_read(
    store: FactStore, counting: CountingReader, memory: FactsMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(after: Revision, until: Revision) -> frozenset[Key] | None:
        raise UnavailableError

    put(store, vera)
    old = await to_head(memory, store, keys.person(VERA))
    put(store, removed=(vera,))
    with monkeypatch.context() as broken:
        broken.setattr(counting, "changed", unreachable)
        with pytest.raises(UnavailableError):
            await to_head(memory, store)
    assert memory.view is old
    view = await to_head(memory, store, keys.person(VERA))
    assert view.person(VERA) is None


async def test_a_call_that_gives_up_leaves_the_way_free(
    store: FactStore, counting: CountingReader, memory: FactsMemory
) -> None:
    put(store, vera)
    await to_head(memory, store, keys.person(VERA))
    put(store, removed=(vera,))
    advancing = asyncio.create_task(memory.advance(store.head()))
    await asyncio.sleep(0)
    advancing.cancel()
    view = await to_head(memory, store, keys.person(VERA))
    assert view.revision == 2
    assert view.person(VERA) is None
