"""The facts as they would be once some drafts were written: several drafts of one revision are made from it.

A draft that comes later sees what an earlier one puts on file, although nothing is on file yet. Which of the
drafted facts differ from what is on file comes out by the way, since who drafts looks up what he replaces.

Invariants:
- GIVEN OR SEEN: whatever is drafted has an id that was given here (`fresh_id`), or was shown here. So a fact
  is new because its id is, and not because nobody happened to look.
- SORTED ONCE: what a look-up finds is put in order when it is first asked for. A draft that changes it moves
  one fact in it, so that a thousand drafts about one person do not sort her thousand facts each.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from policy_service.facts.keys import LOOKUPS, Key, Lookup, keys_by, keys_of
from policy_service.facts.mapping import fact_id
from policy_service.facts.view import FactsView
from policy_service.model.facts import Fact
from policy_service.model.ids import random_id

_Named = tuple[type[Fact], str]
"""A fact, by its kind and its id."""


class FactsAhead(FactsView):
    """What `base` shows, with what was drafted on top of it. `base` may be another of its kind.

    `ColdFacts` is raised as `base` raises it: about what somebody has just been given an id for, nothing can
    be on file, and is not asked for.
    """

    __slots__ = (
        "_answers",
        "_at_hand",
        "_base",
        "_drafted",
        "_given",
        "_gone",
        "_indexed",
        "_kinds",
        "_new",
        "_seen",
    )

    def __init__(self, base: FactsView) -> None:
        super().__init__(base.revision, {})
        self.derived = base.derived
        self._base = base
        self._given: set[str] = set()
        """Ids that were given here."""
        self._seen: dict[_Named, Fact] = {}
        """What the base has shown so far."""
        self._drafted: dict[_Named, Fact] = {}
        self._gone: dict[_Named, Fact] = {}
        self._new: set[str] = set()
        """Of the ids that were given, those of what was drafted."""
        self._answers: dict[Key, tuple[Any, ...]] = {}
        """What was looked up so far, as it would be."""
        self._at_hand: set[Key] = set()
        """What the base has shown not to be cold."""
        self._kinds: defaultdict[type[Fact], list[Fact]] = defaultdict(list)
        """What was drafted, in that order; some of it was drafted again since, or is gone."""
        self._indexed: dict[str, _Index] = {}
        """By look-up: most are never asked of what is drafted, and cost nothing."""

    @property
    def drafted(self) -> tuple[Fact, ...]:
        """What was drafted, each fact as it would be in the end; only what differs from what is on file."""
        return tuple(fact for named, fact in self._drafted.items() if self._seen.get(named) != fact)

    @property
    def new(self) -> frozenset[str]:
        """Ids of what was drafted and is not on file."""
        return frozenset(self._new)

    @property
    def removed(self) -> tuple[Fact, ...]:
        """What is on file, and would not be any more."""
        return tuple(fact for named, fact in self._gone.items() if named in self._seen)

    def fresh_id(self) -> str:
        given = random_id()
        self._given.add(given)
        return given

    def add(self, facts: Iterable[Fact], removed: Iterable[Fact] = ()) -> int:
        """Draft these facts; how many of them would change something.

        GIVEN OR SEEN: ValueError for one that is neither.
        """
        changed = 0
        drafted, gone, given = self._drafted, self._gone, self._given
        for fact in removed:
            named = type(fact), fact_id(fact)
            self._refuse_unseen(named)
            self._forget(named)
            gone[named] = fact
            changed += 1
        for fact in facts:
            named = type(fact), fact_id(fact)
            known = drafted.get(named)
            if known is None and named not in gone:
                known = self._seen.get(named)
            if known is not None:
                if known == fact:
                    continue
                self._forget(named)
            changed += 1
            if named[1] in given:
                self._new.add(named[1])
            else:
                self._refuse_unseen(named)
            if gone:
                gone.pop(named, None)
            drafted[named] = fact
            self._kinds[named[0]].append(fact)
        return changed

    def prefetch(self, *wanted: Key) -> None:
        at_hand, given = self._at_hand, self._given
        if missing := [key for key in wanted if key not in at_hand and key[-1] not in given]:
            self._base.prefetch(*missing)
            at_hand.update(missing)

    def _refuse_unseen(self, named: _Named) -> None:
        if named not in self._seen and named[1] not in self._given:
            raise ValueError("a fact was drafted that was not looked up, with an id that was not given here")

    def _forget(self, named: _Named) -> None:
        """No look-up finds the fact as it was before, on file or drafted."""
        for version in (self._drafted.pop(named, None), self._seen.get(named)):
            for key in () if version is None else keys_of(version):
                if answer := self._answers.get(key):
                    self._answers[key] = _without(answer, named[1])

    def _all(self, key: Key) -> tuple[Any, ...]:
        index = self._indexed.get(key[0])
        if index is None:
            lookup = LOOKUPS[key[0]]
            index = self._indexed[key[0]] = _Index(lookup, self._kinds[lookup.kind])
        if index.done < len(index.drafted):
            self._bring_up_to_date(index)
        answer = self._answers.get(key)
        return self._first_answer(key, index) if answer is None else answer

    def _one(self, key: Key) -> Any | None:
        found = self._all(key)
        return found[0] if found else None

    def _first_answer(self, key: Key, index: _Index) -> tuple[Any, ...]:
        if not key[-1]:
            return ()  # an empty value finds nothing
        answer: tuple[Any, ...] = () if key[-1] in self._given else self._base._all(key)
        if answer:
            # What counts may be older than the facts: an earlier version writes without announcing its keys.
            if not index.lookup.counts:
                for fact in answer:
                    self._seen[type(fact), fact_id(fact)] = fact
            # What is drafted or gone stands on file under the key as it was.
            answer = tuple([fact for fact in answer if not self._replaced((type(fact), fact_id(fact)))])
        for fact in index.ahead.pop(key, ()):
            if self._drafted.get((type(fact), fact_id(fact))) is fact:
                answer = _with(answer, fact)
        self._answers[key] = answer
        return answer

    def _bring_up_to_date(self, index: _Index) -> None:
        """What was drafted since the look-up was last made, where it finds it."""
        lookup, drafted, answers = index.lookup, index.drafted, self._answers
        for fact in drafted[index.done :]:
            if self._drafted.get((lookup.kind, fact_id(fact))) is not fact:
                continue  # drafted again since, or gone
            for key in keys_by(lookup, fact):
                if (answer := answers.get(key)) is None:
                    index.ahead[key].append(fact)
                else:
                    answers[key] = _with(answer, fact)
        index.done = len(drafted)

    def _replaced(self, named: _Named) -> bool:
        return named in self._drafted or named in self._gone


class _Index:
    """What one look-up finds of what was drafted, where it was not asked for yet."""

    __slots__ = ("ahead", "done", "drafted", "lookup")

    def __init__(self, lookup: Lookup, drafted: list[Fact]) -> None:
        """`drafted` grows: what was drafted of the look-up's kind, in that order."""
        self.lookup = lookup
        self.drafted = drafted
        self.done = 0
        """How many of them it knows."""
        self.ahead: defaultdict[Key, list[Fact]] = defaultdict(list)


# SORTED ONCE: what a look-up finds, in the order of the facts' ids.


def _with(answer: tuple[Any, ...], fact: Fact) -> tuple[Any, ...]:
    """Add a fact, or put it in the place of the one that has its id."""
    added = fact_id(fact)
    place = bisect_left(answer, added, key=fact_id)
    after = place + 1 if place < len(answer) and fact_id(answer[place]) == added else place
    return (*answer[:place], fact, *answer[after:])


def _without(answer: tuple[Any, ...], dropped: str) -> tuple[Any, ...]:
    place = bisect_left(answer, dropped, key=fact_id)
    if place < len(answer) and fact_id(answer[place]) == dropped:
        return (*answer[:place], *answer[place + 1 :])
    return answer
