"""Who is what to whom in this call: relationships, living together, adversity, and whom a protection covers.

What is on file and what the call describes count alike, so that "her ex, this number" protects as a
registered adversary does. Everything here is total: unknown means no tie, save where a docstring says
otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from policy_service.facts import keys
from policy_service.facts.gather.cast import Cast, Who, person, person_id_of
from policy_service.facts.gather.clock import Moment
from policy_service.facts.view import FactsView
from policy_service.model.facts import ContactPoint, PersonId, Relationship
from policy_service.model.vocabulary import ContactKind, RelationKind


@dataclass(frozen=True, slots=True)
class Tie:
    """`source` is `kind` of `target`. `fact` names the relationship on file, or is empty for a described
    one.
    """

    source: Who
    target: Who
    kind: RelationKind
    parental_responsibility: bool
    fact: str = ""


@dataclass(frozen=True, slots=True)
class Home:
    """A place where somebody lives. Two homes are one place where their `place` is equal.

    `place` is the canonical identity where there is one; else the address text within this call; else a name
    of its own, since two addresses without a canonical identity can be neither said to be one nor said to be
    two.
    """

    place: str
    on_file: bool


class Ties:
    """Derives ties for one decision, all as of one view and one moment; each is derived once."""

    def __init__(self, view: FactsView, cast: Cast, moment: Moment) -> None:
        self._view = view
        self._cast = cast
        self._moment = moment
        self._described = tuple(self._described_ties())
        self._from: dict[Who, tuple[Tie, ...]] = {}
        self._to: dict[Who, tuple[Tie, ...]] = {}
        self._homes: dict[Who, tuple[Home, ...]] = {}
        self._protectors: dict[Who, frozenset[Who]] = {}
        self._adversaries: dict[Who, frozenset[Who]] = {}
        self.looked_at: set[str] = set()
        """Facts that a tie rests on, each `relationship:ID`."""

    def of(self, who: Who) -> tuple[Tie, ...]:
        """Ties in force whose source is `who`."""
        if who not in self._from:
            person_id = person_id_of(who)
            stored = () if person_id is None else self._view.relationships_from(person_id)
            self._from[who] = self._in_force(stored) + tuple(t for t in self._described if t.source == who)
        return self._from[who]

    def towards(self, who: Who) -> tuple[Tie, ...]:
        """Ties in force whose target is `who`."""
        if who not in self._to:
            person_id = person_id_of(who)
            stored = () if person_id is None else self._view.relationships_to(person_id)
            self._to[who] = self._in_force(stored) + tuple(t for t in self._described if t.target == who)
        return self._to[who]

    def between(self, source: Who, target: Who) -> tuple[Tie, ...]:
        """Ties in force from `source` to `target`."""
        return tuple(tie for tie in self.of(source) if tie.target == target)

    def homes(self, who: Who) -> tuple[Home, ...]:
        """Where `who` lives, as far as anybody said."""
        if who not in self._homes:
            self._homes[who] = tuple(dict.fromkeys(self._homes_of(who)))
        return self._homes[who]

    def live_together(self, one: Who, other: Who) -> bool:
        """Tell whether two people live together; not known is no."""
        if one == other:
            return True
        if any(
            tie.kind is RelationKind.LIVES_WITH
            for tie in (*self.between(one, other), *self.between(other, one))
        ):
            return True
        return bool({home.place for home in self.homes(one)} & {home.place for home in self.homes(other)})

    def residents(self, who: Who) -> frozenset[Who]:
        """Those who live with `who`, herself left out."""
        found = {tie.target for tie in self.of(who) if tie.kind is RelationKind.LIVES_WITH}
        found |= {tie.source for tie in self.towards(who) if tie.kind is RelationKind.LIVES_WITH}
        places = {home.place for home in self.homes(who)}
        for place in places:
            if place.startswith("uprn:"):
                uprn = self._cast.fingerprint_of_place(place)
                found |= {person(p.person_id) for p in self._view.contact_points_by_uprn(uprn) if p.home}
        for point in self._cast.description.contact_points:
            if point.home and point.kind is ContactKind.POST and self._cast.place_of(point) in places:
                found |= set(self._cast.owners(point))
        return frozenset(found - {who})

    def protectors(self, who: Who) -> frozenset[Who]:
        """Those whose protection covers `who`: the parents and guardians she lives with, unless she is
        adverse to them.
        """
        if who not in self._protectors:
            kinds = {RelationKind.PARENT_OF, RelationKind.GUARDIAN_OF, RelationKind.FOSTER_CARER_OF}
            self._protectors[who] = frozenset(
                tie.source
                for tie in self.towards(who)
                if tie.kind in kinds
                and self.live_together(tie.source, who)
                and not self._is_adverse_by_tie(who, tie.source)
            )
        return self._protectors[who]

    def adversaries(self, who: Who) -> frozenset[Who]:
        """Those who are adverse to `who` or to somebody whose protection covers her; never she herself or
        such a protector.
        """
        if who not in self._adversaries:
            protectors = self.protectors(who)
            found = {
                tie.source
                for protected in (who, *protectors)
                for tie in self.towards(protected)
                if tie.kind is RelationKind.ADVERSE_TO
            }
            self._adversaries[who] = frozenset(found - {who})
        return self._adversaries[who]

    def is_adverse(self, one: Who, to: Who) -> bool:
        """Tell whether `one` is adverse to `to`, or to somebody whose protection covers her."""
        return one in self.adversaries(to)

    def is_associate(self, one: Who, of_adversary_of: Who) -> bool:
        """Tell whether `one` is the current partner of somebody adverse to `of_adversary_of`.

        Never she herself, or somebody with whom her protection is shared.
        """
        her = of_adversary_of
        if one == her or one in self.protectors(her) or her in self.protectors(one):
            return False
        return any(
            tie.kind is RelationKind.PARTNER
            for adversary in self.adversaries(her)
            if adversary != one
            for tie in (*self.between(one, adversary), *self.between(adversary, one))
        )

    def has_responsibility(self, parent: Who, child: Who) -> bool:
        """Tell whether `parent` has parental responsibility (Children Act 1989, section 3), which parent_of
        alone is not.
        """
        return any(
            tie.kind is RelationKind.PARENT_OF and tie.parental_responsibility
            for tie in self.between(parent, child)
        )

    def parents(self, who: Who) -> frozenset[Who]:
        """The parents of `who`, with or without parental responsibility."""
        return frozenset(tie.source for tie in self.towards(who) if tie.kind is RelationKind.PARENT_OF)

    def prefetch(self, people: frozenset[Who]) -> None:
        """Load what the ties of `people` need, together."""
        ids = [person_id for who in people if (person_id := person_id_of(who)) is not None]
        self._view.prefetch(
            *(
                key(person_id)
                for person_id in ids
                for key in (
                    keys.person,
                    keys.relationships_from,
                    keys.relationships_to,
                    keys.contact_points_of,
                    keys.requests_about,
                )
            )
        )

    def _is_adverse_by_tie(self, one: Who, other: Who) -> bool:
        return any(tie.kind is RelationKind.ADVERSE_TO for tie in self.between(one, other))

    def _homes_of(self, who: Who) -> Iterator[Home]:
        for point in self._cast.description.contact_points:
            if point.home and point.kind is ContactKind.POST and who in self._cast.owners(point):
                yield Home(self._cast.place_of(point), on_file=False)
        person_id = person_id_of(who)
        for stored in self._points_on_file(person_id):
            if stored.home and stored.kind is ContactKind.POST and not stored.institution:
                place = f"uprn:{stored.uprn}" if stored.uprn else f"file:{stored.contact_point_id}"
                yield Home(place, on_file=True)

    def _points_on_file(self, person_id: PersonId | None) -> tuple[ContactPoint, ...]:
        return () if person_id is None else self._view.contact_points_of(person_id)

    def _in_force(self, stored: tuple[Relationship, ...]) -> tuple[Tie, ...]:
        ties = []
        for relationship in stored:
            # Whatever restricts (adversity) holds from its recording; only a permit waits for its first day.
            restricts = relationship.kind is RelationKind.ADVERSE_TO
            if not restricts and not self._moment.begun(relationship.valid_from):
                continue
            if self._moment.ended(relationship.valid_until, permits=not restricts):
                continue
            self.looked_at.add(f"relationship:{relationship.relationship_id}")
            ties.append(
                Tie(
                    source=person(relationship.from_person),
                    target=person(relationship.to_person),
                    kind=relationship.kind,
                    parental_responsibility=relationship.parental_responsibility,
                    fact=relationship.relationship_id,
                )
            )
        return tuple(ties)

    def _described_ties(self) -> Iterator[Tie]:
        for described in self._cast.description.relationships:
            source = self._cast.resolve(described.from_person)
            target = self._cast.resolve(described.to_person)
            if source is not None and target is not None:
                yield Tie(source, target, described.kind, described.parental_responsibility)
