"""What stands against an erasure, and what of a person's facts must stay: from a view alone.

Thousands may share a number or an address with her. So this is done step by step (`turns`): each step looks
at one of them.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from policy_service.facts import keys
from policy_service.facts.keys import Key
from policy_service.facts.mapping import F
from policy_service.facts.view import FactsView
from policy_service.model.errors import FailedPreconditionError
from policy_service.model.facts import (
    ContactPoint,
    Controller,
    Fact,
    Person,
    PersonId,
    PersonIdentifier,
    PrivacyRequest,
    Relationship,
    Revision,
)
from policy_service.model.vocabulary import RelationKind
from policy_service.service.holds import is_held, people_of
from policy_service.service.naming import fact_name

T = TypeVar("T")
Steps = Generator[None, None, T]
"""Something that is found out step by step; it may rest at each."""

PEOPLE_A_LOAD = 4_000
"""Whom one load may be about: more than memory loads at once may be near somebody."""


@dataclass(frozen=True, slots=True)
class Needed:
    """What of the facts about a person other organisations' rest on."""

    all_of_it: bool = False
    """They are about her, or about somebody she is tied to, and protect."""
    her_id: bool = False
    """They are about her."""
    points: frozenset[str] = frozenset()
    """Ids of contact points that somebody shares who is protected by them, or from whom they protect."""

    def takes(self, fact: Fact) -> bool:
        """Whether this fact is among it, as it is."""
        match fact:
            case Person() | PersonIdentifier():
                return self.her_id or self.all_of_it
            case PrivacyRequest():
                return False  # her own that protects would have stood against the erasure
            case _:
                return self.all_of_it

    def is_shared(self, point: ContactPoint) -> bool:
        """Whether it is among it, whoever has it."""
        return point.contact_point_id in self.points

    def keeps(self, fact: Fact) -> bool:
        """Whether it goes on where it was kept."""
        match fact:
            case Person():
                return self.her_id or self.all_of_it or bool(self.points)
            case ContactPoint():
                return self.all_of_it or self.is_shared(fact)
            case _:
                return self.takes(fact)


@dataclass(frozen=True, slots=True)
class Judged:
    """That nothing of an organisation's own stands against it, as of a revision."""

    revision: Revision
    needed: Needed
    looked_at: frozenset[str]
    """The people, numbers and addresses that this rests on."""

    def is_touched_by(self, changed: Iterable[Key]) -> bool:
        """Whether a change of these look-ups may make it otherwise."""
        return any(key[-1] in self.looked_at for key in changed)


def judge(view: FactsView, person: Person, now: datetime) -> Steps[Judged]:
    """Whether the organisation's own facts let her go.

    FailedPreconditionError `LEGAL_HOLD` or `STILL_PROTECTS`. What is in force and names her is not looked at:
    no look-up of a view finds it.
    """
    who, controller = person.person_id, person.controller
    own = tuple(fact for fact in about(view, who) if fact.controller == controller)
    if is_held(view, own, who, by=controller):
        raise FailedPreconditionError(
            "LEGAL_HOLD", "a legal hold stands on this person; nothing is erased until it is lifted"
        ).about(fact_name(person))
    if (yield from _protects(view, who, controller, now)):
        raise still_protects(person)
    needed = yield from others_need(view, who, controller, now)
    looked_at: set[str] = set()
    for each in _looked_at(view, who, own):
        looked_at.add(each)
        yield
    return Judged(view.revision, needed, frozenset(looked_at))


def still_protects(person: Person) -> FailedPreconditionError:
    return FailedPreconditionError(
        "STILL_PROTECTS",
        "what is on file about this person protects somebody; ask again when that has ended",
    ).about(fact_name(person))


def _looked_at(view: FactsView, who: PersonId, own: Iterable[Fact]) -> Iterator[str]:
    yield who
    for tie in _ties(view, who, None):
        yield from (tie.from_person, tie.to_person)
    for fact in own:
        yield from people_of(view, fact)
        if isinstance(fact, ContactPoint):
            yield from (fact.fingerprint, fact.uprn)
            yield from (other.person_id for other in _others_with(view, fact, None))


def others_need(view: FactsView, who: PersonId, controller: Controller, now: datetime) -> Steps[Needed]:
    """What of an organisation's facts about a person the others' facts rest on, but for what is in force and
    names her.
    """
    everything = tuple(about(view, who))
    own = tuple(fact for fact in everything if fact.controller == controller)
    all_of_it = is_held(view, own, who) or (yield from _is_near(view, who, None, now))
    points = yield from _shared(view, own, None, now)
    return Needed(all_of_it=all_of_it, her_id=len(own) < len(everything), points=points)


def about(view: FactsView, who: PersonId) -> Iterator[Fact]:
    """Everything on file that is about her, whoever recorded it; but users, who are the organisation's."""
    view.prefetch(
        *keys.about_person(who), keys.identifiers_of(who), keys.names_of(who), keys.parties_by_person(who)
    )
    person = view.person(who)
    if person is not None:
        yield person
    yield from view.identifiers_of(who)
    yield from view.names_of(who)
    yield from view.relationships_from(who)
    yield from view.relationships_to(who)
    yield from view.contact_points_of(who)
    yield from view.parties_by_person(who)
    yield from (request for request in view.requests_about(who) if request.person_id == who)


def _protects(view: FactsView, who: PersonId, by: Controller, now: datetime) -> Steps[bool]:
    """Whether what one organisation has on file of her protects anybody by its own facts: herself, or
    somebody whom she is tied to, lives with or shares a contact point with.
    """
    own = tuple(fact for fact in about(view, who) if fact.controller == by)
    if (yield from _is_near(view, who, by, now)):
        return True
    return bool((yield from _shared(view, own, by, now)))


def _is_near(view: FactsView, who: PersonId, by: Controller | None, now: datetime) -> Steps[bool]:
    """Whether the facts of an organisation (None: of any) protect her, or somebody whom she is tied to, or
    protect from her.
    """
    view.prefetch(keys.parties_by_person(who))
    if _is_in_play(view, who, by, now):
        return True
    if any(_of(view.users_of_person(who), by)) or any(_of(view.parties_by_person(who), by)):
        return True
    near = {end for tie in _ties(view, who, by) for end in (tie.from_person, tie.to_person)} - {who}
    yield from _prefetch_about(view, near)
    return bool((yield from _in_play(view, near, by, now)))


def _shared(
    view: FactsView, own: Iterable[Fact], by: Controller | None, now: datetime
) -> Steps[frozenset[str]]:
    """The ids of those contact points among `own` that somebody shares, on file with an organisation (None:
    any), whom its facts protect or protect from.
    """
    points = [fact for fact in own if isinstance(fact, ContactPoint)]
    view.prefetch(
        *(keys.contact_points_by_fingerprint(point.fingerprint) for point in points),
        *(keys.contact_points_by_uprn(point.uprn) for point in points),
    )
    sharing: dict[str, set[PersonId]] = {}
    for point in points:
        people = sharing[point.contact_point_id] = set()
        for other in _others_with(view, point, by):
            people.add(other.person_id)
            yield
    near = frozenset().union(*sharing.values())
    yield from _prefetch_about(view, near)
    in_play = yield from _in_play(view, near, by, now)
    return frozenset(point for point, people in sharing.items() if people & in_play)


def _prefetch_about(view: FactsView, people: Collection[PersonId]) -> Steps[None]:
    """As `FactsView.prefetch_about`, of any number."""
    some = sorted(people)
    for start in range(0, len(some), PEOPLE_A_LOAD):
        view.prefetch_about(some[start : start + PEOPLE_A_LOAD])
        yield


def _in_play(
    view: FactsView, people: Iterable[PersonId], by: Controller | None, now: datetime
) -> Steps[frozenset[PersonId]]:
    """Those of them who are."""
    found: set[PersonId] = set()
    for who in people:
        if _is_in_play(view, who, by, now):
            found.add(who)
        yield
    return frozenset(found)


def _others_with(view: FactsView, point: ContactPoint, by: Controller | None) -> Iterator[ContactPoint]:
    """The same point as others have it."""
    same = (
        *view.contact_points_by_fingerprint(point.fingerprint),
        *view.contact_points_by_uprn(point.uprn),
    )
    return (other for other in _of(same, by) if other.person_id != point.person_id)


def _is_in_play(view: FactsView, who: PersonId, by: Controller | None, now: datetime) -> bool:
    """Whether she has a request in force, somebody is adverse to her, or she to somebody."""
    apart = {RelationKind.ADVERSE_TO, RelationKind.SEPARATE_IDENTITY_OF}
    return any(tie.kind in apart for tie in _ties(view, who, by)) or any(
        request.is_in_force(now) for request in _of(view.requests_about(who), by)
    )


def _ties(view: FactsView, who: PersonId, by: Controller | None) -> Iterator[Relationship]:
    yield from _of((*view.relationships_from(who), *view.relationships_to(who)), by)


def _of(facts: Iterable[F], by: Controller | None) -> Iterator[F]:
    """Those of an organisation; None: all."""
    return (fact for fact in facts if by is None or fact.controller == by)
