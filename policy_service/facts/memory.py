"""A worker's memory of facts, and how it moves to a newer revision.

It belongs to the event loop and has no lock. Reading the store is awaited in threads of its own; what comes
back for a revision that is no longer current is thrown away, and the decision that asked for it is made again
and asks again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor

from policy_service.facts import keys
from policy_service.facts.keys import Key
from policy_service.facts.reader import LOADING_CONNECTIONS, FactsReader, Head
from policy_service.facts.view import ColdFacts, FactsView
from policy_service.model.errors import OverloadedError
from policy_service.model.facts import (
    ContactPoint,
    Fact,
    PersonIdentifier,
    RecordParty,
    Relationship,
    Revision,
)

__all__ = ["MAX_KEYS_A_LOAD", "MAX_KEYS_KEPT", "ColdFacts", "FactsMemory", "FactsReader", "FactsView", "Head"]

MAX_KEYS_A_LOAD = 50_000
"""More than any call within the bounds of the edge asks for; so that nobody fills the memory with one."""
MAX_KEYS_KEPT = 200_000
"""Look-ups in memory; when there are more, all are forgotten."""


MAX_KEYS_AHEAD = 2_000
"""Look-ups that one load brings besides those it was asked for."""


def _around(fact: Fact) -> Iterator[Key]:
    """The look-ups about the people whom a fact names, and about the place or number that it is."""
    match fact:
        case Relationship():
            yield from keys.about_person(fact.from_person)
            yield from keys.about_person(fact.to_person)
        case ContactPoint():
            yield from keys.about_person(fact.person_id)
            yield keys.contact_points_by_fingerprint(fact.fingerprint)
            if fact.uprn:
                yield keys.contact_points_by_uprn(fact.uprn)
        case RecordParty() | PersonIdentifier():
            yield from keys.about_person(fact.person_id)
        case _:
            return


class FactsMemory:
    """Look-ups and their answers as of one revision; `view` is what decisions are made from.

    Starts at revision 0, at which nothing is on file: `advance` to the head first.
    """

    def __init__(self, reader: FactsReader) -> None:
        self._reader = reader
        self._threads = ThreadPoolExecutor(LOADING_CONNECTIONS, thread_name_prefix="facts")
        self._found: dict[Key, tuple[Fact, ...]] = {}
        self.view = FactsView(Revision(0), self._found)

    def close(self) -> None:
        self._threads.shutdown()

    async def load(self, wanted: Collection[Key]) -> None:
        """Put what these keys find, as of `view.revision`, into memory: one set of statements, whatever their
        number, and one more for whoever is around those whom it finds, who will be asked for next.

        OverloadedError for more than `MAX_KEYS_A_LOAD` keys; UnavailableError as `FactsReader.load`.
        """
        if len(wanted) > MAX_KEYS_A_LOAD:
            raise OverloadedError("TOO_MANY_FACTS", "the call needs more facts than one call may")
        view = self.view
        answers = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._with_those_around, wanted, view.revision
        )
        if view is not self.view:
            return
        if len(self._found) + len(answers) > MAX_KEYS_KEPT:
            self._start_at(view.revision)
        self._found.update(answers)

    def _with_those_around(self, wanted: Collection[Key], revision: Revision) -> dict[Key, tuple[Fact, ...]]:
        """In a thread of its own: what the keys find, and what finds the people whom that names."""
        answers = dict(self._reader.load(wanted, revision))
        around = dict.fromkeys(key for facts in answers.values() for fact in facts for key in _around(fact))
        known = self._found
        ahead = [key for key in around if key not in answers and key not in known][:MAX_KEYS_AHEAD]
        if ahead:
            answers.update(self._reader.load(ahead, revision))
        return answers

    async def advance(self, revision: Revision) -> None:
        """Move to a revision that the head has shown; never back. Who holds the old view keeps it."""
        if revision > self.view.revision:
            self._start_at(revision)

    def _start_at(self, revision: Revision) -> None:
        self._found = {}
        self.view = FactsView(revision, self._found)
