"""The store against a naive model: every look-up at every revision answers as a plain dict would, and what a
memory says is what the model says, whenever it moves, loads and forgets.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from policy_service.facts import keys
from policy_service.facts.keys import LOOKUPS, Key, keys_of
from policy_service.facts.memory import FactsMemory
from policy_service.facts.reader import FactsReader
from policy_service.facts.view import ColdFacts, FactsView
from policy_service.facts.weight import weigh
from policy_service.model.errors import ConflictError
from policy_service.model.facts import Fact, Revision
from tests.facts.model import CHANGES, FACTS, Model
from tests.facts.world import ONE_OF_EACH, VERA, Kept, put


@settings(max_examples=8, deadline=None)
@given(changes=st.lists(CHANGES, min_size=5, max_size=20))
def test_every_look_up_at_every_revision_answers_as_the_model(
    kept: Kept, changes: list[tuple[list[Fact], list[Fact]]]
) -> None:
    model = Model()
    start = kept.store.head()
    for facts, removed in changes:
        if model.write(facts, removed):
            put(kept.store, *facts, removed=tuple(removed))
        else:
            with pytest.raises(ConflictError):
                put(kept.store, *facts, removed=tuple(removed))
    assert kept.store.head() == start + len(model.revisions) - 1
    put(kept.store, removed=tuple(model.revisions[-1].values()))
    model.revisions.append({})

    wanted = {key for facts, _ in changes for fact in facts for key in keys_of(fact)}
    for revision in range(len(model.revisions)):
        assert kept.reader.load(wanted, Revision(start + revision)) == model.found(wanted, revision)


class LateReader(FactsReader):
    """Of one load that it is told of, what was read leaves when the test says so."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.late: tuple[threading.Event, threading.Event] | None = None

    def load(
        self, wanted: Collection[Key], revision: Revision, most: int | None = None
    ) -> Mapping[Key, tuple[Fact, ...]]:
        late, self.late = self.late, None
        found = super().load(wanted, revision, most)
        if late is not None:
            read, may_leave = late
            read.set()
            assert may_leave.wait(10)
        return found


class MemoryMachine(RuleBasedStateMachine):
    """Writes, and a memory beside them that moves when it likes, with decisions that hold its views."""

    def __init__(self, kept: Kept) -> None:
        super().__init__()
        self.kept = kept
        self.loop = asyncio.new_event_loop()
        self.model = Model()
        self.start = kept.store.head()
        self.known: dict[Key, None] = dict.fromkeys(keys.about_person(VERA))
        self.held: list[FactsView] = []
        self.on_its_way: tuple[asyncio.Task[None], threading.Event] | None = None

    @initialize(room=st.sampled_from([1 << 30, 8_000, 2_000]), facts=st.lists(FACTS, max_size=3))
    def begin(self, room: int, facts: list[Fact]) -> None:
        """One fact of each kind is on file, and memory has them; `facts` are looked for."""
        self.room = room
        self.known |= dict.fromkeys(key for fact in (*facts, *ONE_OF_EACH) for key in keys_of(fact))
        self.write((list(ONE_OF_EACH), []))
        self.open()
        self.run(self.memory.load(list(self.known)))

    def open(self) -> None:
        self.reader = LateReader(self.kept.url)
        self.memory = FactsMemory(self.reader, self.room)
        self.run(self.memory.advance(self.kept.store.head()))

    def teardown(self) -> None:
        if hasattr(self, "memory"):
            self.arrive()
            self.memory.close()
            self.reader.close()
            put(self.kept.store, removed=tuple(self.model.revisions[-1].values()))
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    def run(self, work: object) -> None:
        self.loop.run_until_complete(work)  # type: ignore[arg-type]  # a coroutine or a task

    def check(self, view: FactsView, wanted: Collection[Key]) -> None:
        """What the view finds is the model's answer, or cold."""
        expected = self.model.found(wanted, view.revision - self.start)
        for key in wanted:
            assert found_by(view, key) in (None, expected[key]), key

    def some(self, data: st.DataObject) -> list[Key]:
        everything = list(self.known)
        if data.draw(st.booleans()):
            return everything
        return data.draw(st.lists(st.sampled_from(everything), min_size=1, max_size=9, unique=True))

    @rule(change=CHANGES)
    def write(self, change: tuple[list[Fact], list[Fact]]) -> None:
        facts, removed = change
        self.known |= dict.fromkeys(key for fact in facts for key in keys_of(fact))
        if self.model.write(facts, removed):
            put(self.kept.store, *facts, removed=tuple(removed))
        else:
            with pytest.raises(ConflictError):
                put(self.kept.store, *facts, removed=tuple(removed))

    @rule(data=st.data(), back=st.integers(0, 20))
    def read_as_of(self, data: st.DataObject, back: int) -> None:
        wanted, revision = self.some(data), max(0, len(self.model.revisions) - 1 - back)
        found = self.kept.reader.load(wanted, Revision(self.start + revision))
        assert found == self.model.found(wanted, revision)

    @rule(change=CHANGES)
    def write_and_advance(self, change: tuple[list[Fact], list[Fact]]) -> None:
        self.write(change)
        self.advance(0)

    @rule(late=st.integers(0, 3))
    def advance(self, late: int) -> None:
        self.run(self.memory.advance(Revision(self.kept.store.head() - late)))

    @rule(data=st.data())
    def load(self, data: st.DataObject) -> None:
        wanted = self.some(data)
        view = self.memory.view
        self.run(self.memory.load(wanted))
        expected = self.model.found(wanted, view.revision - self.start)
        if self.room > 1_000_000:
            assert {key: found_by(view, key) for key in wanted} == expected

    @rule(data=st.data())
    def send_for(self, data: st.DataObject) -> None:
        """A load reads the store now, and its answers come at some later step."""
        wanted = self.some(data)
        self.arrive()
        read, may_leave = self.reader.late = threading.Event(), threading.Event()
        self.on_its_way = self.loop.create_task(self.memory.load(wanted)), may_leave
        self.run(self.loop.run_in_executor(None, read.wait, 10))

    @rule()
    def arrive(self) -> None:
        if self.on_its_way is not None:
            (loading, may_leave), self.on_its_way = self.on_its_way, None
            may_leave.set()
            self.run(loading)

    @rule()
    def hold(self) -> None:
        self.held = [*self.held[-3:], self.memory.view]

    @rule()
    def too_much_has_changed(self) -> None:
        """Once, memory is told so."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(self.reader, "changed", lambda after, until: None)
            self.advance(0)

    @rule()
    def restart(self) -> None:
        self.arrive()
        self.memory.close()
        self.reader.close()
        self.held.clear()
        self.open()

    @rule(data=st.data())
    def look(self, data: st.DataObject) -> None:
        """Also what makes a look-up one of those looked up last."""
        self.check(self.memory.view, self.some(data))

    @rule()
    def look_back(self) -> None:
        for view in self.held:
            self.check(view, self.known)

    @invariant()
    def what_is_remembered_is_so(self) -> None:
        """Without a look-up, which would be one."""
        answers = self.memory._answers
        together = answers.young | answers._old
        assert together == self.model.found(together, self.memory.view.revision - self.start)
        assert len(together) == len(answers)
        assert answers.bytes == sum(weigh(key, found) for key, found in together.items())
        for person_id in answers.people:
            assert all(key in together for key in keys.about_person(person_id))


def found_by(view: FactsView, key: Key) -> tuple[Fact, ...] | None:
    """What the view's method of the key's name finds; None where it is cold."""
    try:
        found = getattr(view, key[0])(*key[1:])
    except ColdFacts:
        return None
    if isinstance(found, tuple):
        return found
    return () if found is None else (found,)


def test_a_memory_says_what_the_model_says(kept: Kept) -> None:
    bounds = settings(max_examples=20, stateful_step_count=40, deadline=None)
    # It takes whatever makes a machine.
    run_state_machine_as_test(lambda: MemoryMachine(kept), settings=bounds)  # type: ignore[arg-type]


def test_the_models_facts_are_found_by_every_look_up() -> None:
    assert {key[0] for fact in ONE_OF_EACH for key in keys_of(fact)} == set(LOOKUPS)
