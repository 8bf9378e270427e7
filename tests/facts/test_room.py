"""What is remembered takes the bytes that it may, and of those the ones that were looked up last."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import pytest

from policy_service.facts import keys
from policy_service.facts.answers import Answers, MemoryCounters
from policy_service.facts.keys import Key
from policy_service.facts.memory import ColdFacts, FactsMemory, FactsView
from policy_service.facts.reader import FactsReader
from policy_service.facts.store import FactStore
from policy_service.facts.weight import hide, weigh
from policy_service.model.facts import Person, PersonId, Revision
from tests.facts.world import ONE_OF_EACH, POLICE, put, vera

NOTHING = weigh(keys.person(PersonId("p00000")), ())


def nobody(number: int) -> Key:
    return keys.person(PersonId(f"p{number:05}"))


def looking_at(answers: Answers) -> FactsView:
    view = FactsView(Revision(1), {})
    view.look_in(answers)
    return view


def is_warm(view: FactsView, key: Key) -> bool:
    try:
        view.prefetch(key)
    except ColdFacts:
        return False
    return True


def test_it_never_takes_more_than_its_room() -> None:
    counters = MemoryCounters()
    answers = Answers(90 * NOTHING, counters)
    most = 0
    for number in range(1_000):
        answers.add([(nobody(number), (), NOTHING)])
        most = max(most, answers.bytes)
        assert answers.bytes == len(answers) * NOTHING
        if number >= 60:
            assert len(answers) >= 60, "never are all forgotten"
    assert most <= 91 * NOTHING
    assert counters.loaded == counters.evicted + len(answers) == 1_000


def test_nor_while_much_comes_at_once() -> None:
    counters = MemoryCounters()
    answers = Answers(90 * NOTHING, counters)
    answers.add([(nobody(number), (), NOTHING) for number in range(50_000)])
    assert answers.bytes <= 91 * NOTHING
    assert answers.bytes == len(answers) * NOTHING
    assert counters.loaded == counters.evicted + len(answers) == 50_000
    assert is_warm(looking_at(answers), nobody(49_999)), "the last that came"


def test_what_is_looked_up_stays_and_what_is_not_goes() -> None:
    answers = Answers(90 * NOTHING, MemoryCounters())
    view = looking_at(answers)
    wanted, ignored = nobody(0), nobody(1)
    answers.add([(wanted, (), NOTHING), (ignored, (), NOTHING)])
    for number in range(2, 1_000):
        answers.add([(nobody(number), (), NOTHING)])
        view.look_in(answers)
        if number % 20 == 0:
            assert view.person(PersonId(wanted[1])) is None
    assert is_warm(view, wanted)
    assert not is_warm(view, ignored)
    assert is_warm(view, nobody(999))
    assert answers.bytes == len(answers) * NOTHING


def test_a_person_of_whom_something_was_forgotten_is_loaded_whole_again() -> None:
    answers = Answers(120 * NOTHING, MemoryCounters())
    view = looking_at(answers)
    about = keys.about_person(vera.person_id)
    answers.add([(key, (), weigh(key, ())) for key in about])
    view.prefetch_about([vera.person_id])
    for number in range(1_000):
        answers.add([(nobody(number), (), NOTHING)])
        view.look_in(answers)
    with pytest.raises(ColdFacts) as cold:
        view.prefetch_about([vera.person_id])
    assert cold.value.keys == set(about)


async def test_memory_forgets_to_make_room_and_reads_again(store: FactStore, reader: FactsReader) -> None:
    people = [Person(PersonId(f"p{number:05}"), POLICE) for number in range(500)]
    put(store, *people)
    room = 100 * weigh(nobody(0), (people[0],))
    memory = FactsMemory(reader, room)
    await memory.advance(reader.head())
    for start in range(0, 500, 20):
        wanted = people[start : start + 20]
        await memory.load([keys.person(person.person_id) for person in wanted])
        assert [memory.view.person(person.person_id) for person in wanted] == wanted
        assert memory.bytes <= room + 20 * room // 100
    assert memory.counters.evicted > 300
    assert memory.counters.loads == 25
    with pytest.raises(ColdFacts):
        memory.view.person(people[0].person_id)
    await memory.load([keys.person(people[0].person_id)])
    assert memory.view.person(people[0].person_id) == people[0]
    memory.close()


def test_facts_in_memory_are_out_of_the_collectors_sight() -> None:
    for fact in ONE_OF_EACH:
        key = ("person", "".join(["somebody", fact.controller]))
        answer = (fact,)
        hide(key, answer)
        assert not any(map(gc.is_tracked, (key, answer, *inside(fact))))


def inside(value: object) -> Iterator[object]:
    """A fact, and each tuple and dataclass in it."""
    if isinstance(value, tuple) or is_dataclass(value):
        yield value
        parts = value if isinstance(value, tuple) else [getattr(value, field.name) for field in fields(value)]
        for part in parts:
            yield from inside(part)


MEASURED = """
import gc, sys
from policy_service.facts.answers import Answers, MemoryCounters
from policy_service.facts.mapping import KINDS, from_row, to_row
from policy_service.facts.weight import hide, weigh
from tests.facts.world import ONE_OF_EACH

def size():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

rows = [(type(fact), [to_row(fact)[name] for name in KINDS[type(fact)].names]) for fact in ONE_OF_EACH]
answers = Answers(1 << 40, MemoryCounters())
before = size()
for number in range(60_000):
    key = ("person", f"01234567-89ab-7def-0123-{number:012}")
    found = ()
    if number % 3 == 0:
        kind, row = rows[number // 3 % len(rows)]
        found = (from_row(kind, [f"{text}x"[:-1] if isinstance(text, str) else text for text in row]),)
    hide(key, found)
    answers.add([(key, found, weigh(key, found))])
print(answers.bytes / (size() - before))
"""


def test_the_weight_is_about_what_a_process_grows_by() -> None:
    told = subprocess.run([sys.executable, "-c", MEASURED], check=True, capture_output=True, text=True)
    assert 0.8 < float(told.stdout) < 1.6
