"""Erasure on request (UK GDPR article 17): everything that an organisation has on file about a person.

What protects somebody is never taken away by it (article 17(3)). Where the organisation's own facts protect
(a request in force about her, somebody adverse to her or she to somebody, a record that has her in a role,
which a scheme may protect without any request, anything in force that names her), it is refused as a whole.

What another organisation has recorded never makes it refuse, and is told by nothing that its caller sees:
whoever may erase could put an address that he guesses on a person of his own file, and ask (ONE ANSWER).
What the other's protections rest on goes on under a controller that nobody acts for (`KEPT`), as little of it
as will do (`erasable.Needed`), until they end (`release`). The log entry, which he may read, is the same:
that something was kept stands in the facts alone.

What stays besides is what evidence must keep: the log, which has references alone, the numbers of the
revisions, and which versions were erased (`facts.erasing`).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from policy_service.facts import erasing, named
from policy_service.facts.erasing import Kept
from policy_service.facts.mapping import to_microseconds
from policy_service.facts.reader import FactsReader
from policy_service.facts.view import FactsView
from policy_service.model.errors import OverloadedError, PolicyServiceError
from policy_service.model.facts import (
    KEPT,
    ContactPoint,
    Controller,
    Fact,
    Person,
    PersonId,
    PersonIdentifier,
    Revision,
)
from policy_service.model.ids import random_id
from policy_service.service.asking import NOTHING_NOTED, Asking, Done, Draft, Note, organisation
from policy_service.service.contact_points import MOST_POINTS_OF_ONE_VALUE
from policy_service.service.desk import ControlDesk
from policy_service.service.drafting import Occasion
from policy_service.service.due import NothingDue
from policy_service.service.erasable import Judged, Needed, judge, others_need, still_protects
from policy_service.service.naming import KIND_NAMES, fact_name
from policy_service.service.references import PersonReferences
from policy_service.service.retention import OFFICERS
from policy_service.service.turns import in_turns

_log = logging.getLogger(__name__)

METHOD = "RetentionService/ErasePerson"
VERSIONS_A_REVISION = 1_000
"""Its log entry names them all."""
MOST_REVISIONS = 100
"""Of one call, which its caller waits for."""
PEOPLE_A_LOOK = 1_000


@dataclass(frozen=True, slots=True)
class ErasePerson:
    person: str
    note: Note = NOTHING_NOTED


@dataclass(frozen=True, slots=True)
class PersonErased:
    """How many facts of each kind were on file, but for the person and her identifiers."""

    facts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Part:
    """What one revision erases; `more`: there is more to erase."""

    facts: Mapping[str, int]
    judged: Judged
    more: bool


class Erasure:
    """The use case of RetentionService.ErasePerson, and what it leaves to be done later."""

    def __init__(self, desk: ControlDesk, reader: FactsReader) -> None:
        self._desk = desk
        self._reader = reader
        self._references = PersonReferences(desk.fingerprinter)

    async def erase_person(self, call: Asking, asked: ErasePerson) -> Done[PersonErased]:
        """Erase what the organisation has on file about a person, every version of it. Privacy officers.

        In revisions of at most `VERSIONS_A_REVISION` versions, each of which says what it erased. What she is
        found by goes in the last one, all at once (`_part_of`), so that a call that was broken off is asked
        again in the same words, and goes on.

        FailedPreconditionError `LEGAL_HOLD` or `STILL_PROTECTS`: nothing is erased, or nothing more, where it
        was recorded meanwhile. OverloadedError `TOO_MANY_FACTS`: as much as one call may was erased; ask
        again. The entry of each refusal names the person.
        """
        try:
            await self._desk.judge(call, OFFICERS)
            return await self._erase(call, asked)
        except PolicyServiceError as error:
            if not error.people:
                error.about(self._references.unseen(asked.person))
            raise

    async def _erase(self, call: Asking, asked: ErasePerson) -> Done[PersonErased]:
        counted: Counter[str] = Counter()
        # Beside the writes of others, who wait for no more than what has changed since.
        judged, person = await self._desk.facts.at_head(
            partial(self._judge, organisation(call), asked.person)
        )
        asked = replace(asked, person=fact_name(person))  # however she was named: she is looked for once
        for _ in range(MOST_REVISIONS):
            part = await self._desk.write(call, OFFICERS, asked.note, partial(self._asked_for, asked, judged))
            counted.update(part.answer.facts)
            if not part.answer.more:
                return Done(PersonErased(dict(counted)), part.facts_token)
            judged = part.answer.judged
        raise OverloadedError("TOO_MANY_FACTS", "more is on file about this person: ask again for the rest")

    async def _judge(self, controller: Controller, reference: str, view: FactsView) -> tuple[Judged, Person]:
        person = self._references.find_one(view, controller, reference, "person")
        return await in_turns(judge(view, person, self._desk.now)), person

    async def release(self) -> int:
        """Erase what was kept, and what nothing rests on any more; returns of how many people.

        One for whom it fails is passed over until the next time.
        """
        released = 0
        after = ""
        while page := await self._kept_people(after):
            for person in page:
                try:
                    await self._desk.write_by_itself(
                        METHOD, KEPT, "no longer needed", partial(self._no_longer_needed, person)
                    )
                    released += 1
                except NothingDue:
                    continue
                except Exception as error:  # noqa: BLE001 - whatever it is: the others' turn comes all the same
                    # The type alone: a text could hold what is on file.
                    _log.error(
                        "what was kept of an erasure could not be released",
                        extra={"error": type(error).__name__},
                    )
            after = page[-1].person_id
        return released

    async def _kept_people(self, after: str) -> tuple[Person, ...]:
        facts = self._desk.facts

        async def look(view: FactsView) -> tuple[Person, ...]:
            return await facts.page(Person, KEPT, after, PEOPLE_A_LOOK, view.revision)

        return await facts.at_head(look)

    async def _asked_for(
        self, asked: ErasePerson, judged: Judged, view: FactsView, occasion: Occasion
    ) -> Draft[_Part]:
        person = self._references.find_one(view, occasion.controller, asked.person, "person")
        judged = await self._judged_now(view, person, judged)
        naming = await self._naming(view, person, occasion)
        if person.controller in naming:
            raise still_protects(person)
        versions = await self._versions(view, person)
        # The revision that this becomes is the next one, or none.
        after = replace(judged, revision=Revision(view.revision + 1))
        return _draft(view, person, versions, after, _with(judged.needed, bool(naming)))

    async def _judged_now(self, view: FactsView, person: Person, judged: Judged) -> Judged:
        """The judgement as of `view`: the one there is, unless something that it rests on has changed."""
        if view.revision > judged.revision:
            changed = await self._desk.facts.in_thread(
                partial(self._reader.changed, judged.revision, view.revision)
            )
            if changed is None or judged.is_touched_by(changed):
                return await in_turns(judge(view, person, self._desk.now))
        return judged

    async def _no_longer_needed(self, person: Person, view: FactsView, occasion: Occasion) -> Draft[None]:
        naming = await self._naming(view, person, occasion)
        others = await in_turns(others_need(view, person.person_id, KEPT, occasion.now))
        needed = _with(others, bool(naming))
        versions = await self._versions(view, person)
        gone = [version for version in versions if not needed.keeps(version.fact)][:VERSIONS_A_REVISION]
        if not gone:
            raise NothingDue
        return Draft(
            None,
            (),
            removed=tuple(version.fact for version in gone if not version.closed),
            erased=tuple(version.version for version in gone),
            erased_names=_names(person, gone),
        )

    async def _versions(self, view: FactsView, person: Person) -> tuple[Kept, ...]:
        """What her organisation has on file about her, at most one more than goes into one revision."""
        return await self._desk.facts.in_thread(
            partial(
                erasing.about,
                *(self._reader, person.person_id, person.controller, view.revision),
                limit=VERSIONS_A_REVISION + 1,
            )
        )

    async def _naming(self, view: FactsView, person: Person, occasion: Occasion) -> frozenset[Controller]:
        """Which organisations have something in force that names her."""
        now = to_microseconds(occasion.now)
        return await self._desk.facts.in_thread(
            partial(named.naming, self._reader, person.person_id, view.revision, now)
        )


def _with(needed: Needed, named_by_others: bool) -> Needed:
    return replace(needed, all_of_it=needed.all_of_it or named_by_others)


def _draft(
    view: FactsView, person: Person, versions: Sequence[Kept], judged: Judged, needed: Needed
) -> Draft[_Part]:
    """One revision's part. What is kept changes neither how much it erases nor what its entry names."""
    shared: dict[ContactPoint, ContactPoint] = {}
    taken = _part_of(versions)
    for version in taken:
        if not version.closed and isinstance(version.fact, ContactPoint) and needed.is_shared(version.fact):
            left = _left_behind(view, version.fact)
            shared |= {} if left is None else {left: left}
    still = [version.fact for version in taken if not version.closed]
    handed_over = tuple(_under_no_name(fact) for fact in still if needed.takes(fact))
    left_behind = () if needed.all_of_it else _nobody_with(person, shared)
    counted = Counter(
        KIND_NAMES[type(fact)] for fact in still if not isinstance(fact, (Person, PersonIdentifier))
    )
    return Draft(
        _Part(dict(counted), judged, more=len(taken) < len(versions)),
        (),
        removed=tuple(fact for fact in still if not needed.takes(fact)),
        erased=tuple(version.version for version in taken),
        erased_names=_names(person, taken),
        handed_over=handed_over,
        left_behind=left_behind,
    )


def _part_of(versions: Sequence[Kept]) -> Sequence[Kept]:
    """What one revision takes. Nothing that she is found by goes before the rest of it: by an identifier
    that was left alone, or that is gone, nobody could go on.

    Only where more of them than a revision takes are all that is left, they go in several.
    """
    part = versions[:VERSIONS_A_REVISION]
    if len(part) == len(versions):
        return part
    return [version for version in part if not version.finds_her] or part


def _names(person: Person, versions: Iterable[Kept]) -> tuple[str, ...]:
    """Each entry names the person, whatever else her revision erases."""
    return tuple(dict.fromkeys((fact_name(person), *(fact_name(version.fact) for version in versions))))


def _under_no_name(fact: Fact) -> Fact:
    """A fact as it goes on where nobody reads it."""
    if isinstance(fact, ContactPoint):
        return replace(fact, controller=KEPT, reference="")
    return replace(fact, controller=KEPT)


def _left_behind(view: FactsView, point: ContactPoint) -> ContactPoint | None:
    """That somebody has this point, and not who. None where that is kept already, or so often for its value
    or its place that once more tells a decision nothing more, and would crowd out what others have there.
    """
    left = replace(
        point,
        contact_point_id="",
        controller=KEPT,
        person_id=PersonId(""),
        reference="",
        verified_at=None,
        from_herself=False,
        service_address=False,
    )
    there = _kept(view.contact_points_by_fingerprint(point.fingerprint))
    if any(replace(other, contact_point_id="", person_id=PersonId("")) == left for other in there):
        return None
    near = _kept(view.contact_points_by_uprn(point.uprn)) if point.uprn else []
    return None if max(len(there), len(near)) >= MOST_POINTS_OF_ONE_VALUE else left


def _kept(points: Iterable[ContactPoint]) -> list[ContactPoint]:
    return [point for point in points if point.controller == KEPT]


def _nobody_with(person: Person, points: Iterable[ContactPoint]) -> tuple[Fact, ...]:
    """Somebody who has these points, and of whom nothing else is known."""
    who = PersonId(random_id())
    theirs = tuple(replace(point, contact_point_id=random_id(), person_id=who) for point in points)
    if not theirs:
        return ()
    nobody = Person(
        who, KEPT, person.kind, organisation_roles=person.organisation_roles, categories=person.categories
    )
    return (nobody, *theirs)
