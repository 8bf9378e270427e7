"""A look-up that finds more than a decision may look at, a statement that finds more than one may bring, and
loads that go together.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pytest

from policy_service.facts import keys
from policy_service.facts.keys import Key
from policy_service.facts.memory import FactsMemory
from policy_service.facts.reader import LOADING_CONNECTIONS, FactsReader
from policy_service.facts.seeking import BoundedView, SeekingView
from policy_service.facts.store import FactStore
from policy_service.facts.view import ColdFacts, FactsView, TooManyFacts
from policy_service.model.errors import UnavailableError
from policy_service.model.facts import Fact, Fingerprint, PersonId, PersonIdentifier, Revision
from tests.facts.conftest import migrated
from tests.facts.world import POLICE, put
from tests.support.statements import statements

MOST = 5
CROWD = PersonId("crowd")
PEOPLE = [PersonId(f"p{number}") for number in range(16)]
OF_CROWD = keys.identifiers_of(CROWD)
ALL = [*map(keys.identifiers_of, PEOPLE), OF_CROWD]


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """On SQLite alone: nothing here depends on the store."""
    with migrated("sqlite", tmp_path) as url:
        yield url


def identifiers(owner: PersonId, count: int) -> list[PersonIdentifier]:
    return [
        PersonIdentifier(f"{owner}-{n}", POLICE, owner, "ref", Fingerprint(f"{owner}-{n}"))
        for n in range(count)
    ]


def put_everybody(store: FactStore, crowd: int = MOST + 1) -> Revision:
    return put(store, *(each for one in PEOPLE for each in identifiers(one, 2)), *identifiers(CROWD, crowd))


def test_a_look_up_that_finds_too_much_is_left_out(store: FactStore, reader: FactsReader) -> None:
    revision = put_everybody(store)
    assert set(reader.load(ALL, revision, MOST)) == {*ALL} - {OF_CROWD}
    with statements() as asked:
        assert reader.load([OF_CROWD], revision, MOST) == {}
    assert len(asked) == 1
    assert "LIMIT" in asked[0], "nobody reads all of them to see that they are too many"
    assert len(reader.load(ALL, revision)[OF_CROWD]) == MOST + 1, "who must mend it reads all"
    assert len(reader.load(ALL, revision, MOST + 1)[OF_CROWD]) == MOST + 1


def test_a_statement_brings_so_many_facts_and_no_more(
    store: FactStore, reader: FactsReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = put_everybody(store)
    whole = reader.load(ALL, revision)
    monkeypatch.setattr("policy_service.facts.reader.FACTS_A_STATEMENT", 12)
    with statements() as asked:
        assert reader.load(ALL, revision) == whole
    assert 2 * len(PEOPLE) / 12 < len(asked) < len(ALL)


async def test_memory_says_that_it_is_too_much_until_it_is_not(store: FactStore, reader: FactsReader) -> None:
    put_everybody(store)
    memory, everything = FactsMemory(reader, most=MOST), FactsMemory(reader, most=None)
    for each in (memory, everything):
        await each.advance(reader.head())
        await each.load(ALL)
    assert len(everything.view.identifiers_of(CROWD)) == MOST + 1
    assert len(memory.view.identifiers_of(PEOPLE[0])) == 2
    before = memory.view
    before.prefetch(*ALL)  # nothing is cold: what is too much is not asked for again
    with pytest.raises(TooManyFacts):
        before.identifiers_of(CROWD)
    with pytest.raises(TooManyFacts):
        SeekingView(before).identifiers_of(CROWD)

    put(store, removed=(identifiers(CROWD, 1)[0],))
    await memory.advance(reader.head())
    for view in (memory.view, before):
        with pytest.raises(ColdFacts):
            view.identifiers_of(CROWD)
    await memory.load([OF_CROWD])
    assert len(memory.view.identifiers_of(CROWD)) == MOST
    memory.close()
    everything.close()


def test_a_bounded_view_shows_what_a_worker_would_see() -> None:
    crowd = tuple(identifiers(CROWD, MOST + 1))
    one = tuple(identifiers(PEOPLE[0], MOST))
    found: dict[Key, tuple[Fact, ...]] = {OF_CROWD: crowd, keys.identifiers_of(PEOPLE[0]): one}
    view = BoundedView(FactsView(Revision(1), found), MOST)
    assert view.identifiers_of(PEOPLE[0]) == one
    with pytest.raises(TooManyFacts):
        view.identifiers_of(CROWD)
    with pytest.raises(ColdFacts):
        view.identifiers_of(PEOPLE[1])


def test_who_seeks_hears_of_nothing_and_everything_cold_is_noted() -> None:
    known = tuple(identifiers(PEOPLE[0], 1))
    base = FactsView(Revision(1), {keys.identifiers_of(PEOPLE[0]): known})
    seeking = SeekingView(base)
    assert seeking.identifiers_of(PEOPLE[0]) == known
    assert not seeking.missing
    assert seeking.identifiers_of(PEOPLE[1]) == ()
    assert seeking.person(PEOPLE[1]) is None
    seeking.prefetch(OF_CROWD)
    seeking.prefetch_about([PEOPLE[2]])
    assert seeking.missing == {
        keys.identifiers_of(PEOPLE[1]),
        keys.person(PEOPLE[1]),
        OF_CROWD,
        *keys.about_person(PEOPLE[2]),
    }
    seeking.derived[("x",)] = 1
    assert not base.derived, "what follows from half of the facts is nobody else's"


class HeldReader(FactsReader):
    """Reads when the test says so, and notes how much it is asked for; or cannot read."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.may_read = threading.Event()
        self.asked: list[int] = []
        self.broken = False

    def load(
        self, wanted: Collection[Key], revision: Revision, most: int | None = None
    ) -> Mapping[Key, tuple[Fact, ...]]:
        self.asked.append(len(wanted))
        assert self.may_read.wait(10)
        if self.broken:
            raise UnavailableError
        return super().load(wanted, revision, most)


async def test_who_comes_while_the_store_is_busy_is_loaded_together(store: FactStore, url: str) -> None:
    put_everybody(store)
    reader = HeldReader(url)
    memory = FactsMemory(reader)
    await memory.advance(reader.head())
    at_once = [asyncio.create_task(memory.load([key])) for key in ALL[:4]]
    for _ in range(4):
        await asyncio.sleep(0)
    later = [asyncio.create_task(memory.load([key])) for key in ALL[4:]]
    for _ in range(4):
        await asyncio.sleep(0)
    later[0].cancel()
    reader.may_read.set()
    await asyncio.gather(*at_once, *later[1:])
    assert {4, len(ALL) - 4} <= set(reader.asked), "besides those around"
    assert memory.counters.loads == 2 == LOADING_CONNECTIONS
    memory.view.prefetch(*ALL)

    reader.broken = True
    failed = [asyncio.create_task(memory.load([keys.person(one)])) for one in PEOPLE]
    told = await asyncio.gather(*failed, return_exceptions=True)
    assert all(isinstance(each, UnavailableError) for each in told)
    reader.broken = False
    await memory.load([keys.person(CROWD)])
    memory.close()
    reader.close()
