"""Who is what to whom in this call: relationships, living together, adversity, and whom a protection covers.

What is on file and what the call describes count alike, so that "her ex, this number" protects as a
registered adversary does. Everything here is total: unknown means no tie, save where a docstring says
otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from policy_service.facts import keys
from policy_service.facts.gather import at_once
from policy_service.facts.gather.cast import Cast, NotTold, Who, person, person_id_of
from policy_service.facts.gather.clock import Moment
from policy_service.facts.view import FactsView
from policy_service.model.facts import ContactPoint, PersonId, Relationship
from policy_service.model.vocabulary import ContactKind, RelationKind

MOST_SELVES = 16
"""Identities that one person may have; with more of them nothing is told."""

_PARENTHOOD = frozenset({RelationKind.PARENT_OF, RelationKind.GUARDIAN_OF, RelationKind.FOSTER_CARER_OF})
_ONE_PERSON = frozenset({RelationKind.SAME_PERSON_AS, RelationKind.SEPARATE_IDENTITY_OF})
_ALLEGED = frozenset({"", "allegation"})
"""Bases of an adverse relationship that nobody but the two stands for."""


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
    alleged: bool = True
    """Nobody but the two says so yet: an allegation that no officer has confirmed, or a description."""
    recorded_at: datetime | None = None
    by_order: bool = False
    """An order of a court stands behind it."""
    last_day: date | None = None
    """Of an adversity that ends by itself."""


@dataclass(frozen=True, slots=True)
class Home:
    """A place where somebody lives. Two homes are one place where their `place` is equal.

    `place` is the canonical identity where there is one; else the address text within this call; else a name
    of its own, since two addresses without a canonical identity can be neither said to be one nor said to be
    two.
    """

    place: str
    on_file: bool
    institution: bool = False
    """A refuge, a hostel, a prison: who is there does not thereby live with anybody."""


class Ties:
    """Derives ties for one decision, all as of one view and one moment; each is derived once."""

    def __init__(self, view: FactsView, cast: Cast, moment: Moment, *, on_file_alone: bool = False) -> None:
        """`on_file_alone`: what the call describes does not count."""
        self._view = view
        self._cast = cast
        self._moment = moment
        self._described_from: defaultdict[Who, list[Tie]] = defaultdict(list)
        self._described_to: defaultdict[Who, list[Tie]] = defaultdict(list)
        for tie in () if on_file_alone else self._described_ties():
            self._described_from[tie.source].append(tie)
            self._described_to[tie.target].append(tie)
        self._by_target: dict[Who, dict[Who, tuple[Tie, ...]]] = {}
        self._associates: dict[tuple[Who, Who], bool] = {}
        self._from: dict[Who, tuple[Tie, ...]] = {}
        self._to: dict[Who, tuple[Tie, ...]] = {}
        self._homes: dict[Who, tuple[Home, ...]] = {}
        self._protectors: dict[Who, frozenset[Who]] = {}
        self._adverse: dict[Who, tuple[Tie, ...]] = {}
        self._selves: dict[Who, frozenset[Who]] = {}
        self.looked_at: set[str] = set()
        """Facts that a tie rests on, each `relationship:ID`."""

    def of(self, who: Who) -> tuple[Tie, ...]:
        """Ties in force whose source is `who`."""
        if who not in self._from:
            person_id = person_id_of(who)
            stored = () if person_id is None else self._view.relationships_from(person_id)
            self._from[who] = self._in_force(stored) + tuple(self._described_from.get(who, ()))
        return self._from[who]

    def towards(self, who: Who) -> tuple[Tie, ...]:
        """Ties in force whose target is `who`."""
        if who not in self._to:
            person_id = person_id_of(who)
            stored = () if person_id is None else self._view.relationships_to(person_id)
            self._to[who] = self._in_force(stored) + tuple(self._described_to.get(who, ()))
        return self._to[who]

    def between(self, source: Who, target: Who) -> tuple[Tie, ...]:
        """Ties in force from `source` to `target`."""
        if source not in self._by_target:
            ties: defaultdict[Who, list[Tie]] = defaultdict(list)
            for tie in self.of(source):
                ties[tie.target].append(tie)
            self._by_target[source] = {each: tuple(found) for each, found in ties.items()}
        return self._by_target[source].get(target, ())

    def may_be_another(self, who: Who) -> bool:
        """Tell whether `who` is only described and may be somebody on file, or was merged with somebody."""
        return bool(self._cast.suspected(who)) or any(
            tie.kind is RelationKind.SAME_PERSON_AS and tie.fact
            for tie in (*self.of(who), *self.towards(who))
        )

    def separate_identities(self, who: Who) -> frozenset[Who]:
        """Other identities of hers that must never be linked or shown."""
        return frozenset(
            other
            for tie in (*self.of(who), *self.towards(who))
            if tie.kind is RelationKind.SEPARATE_IDENTITY_OF and tie.fact
            for other in (tie.source, tie.target)
            if other != who
        )

    def selves(self, who: Who) -> frozenset[Who]:
        """Everybody who `who` is or may be: possible matches, those with whom she was merged, and separate
        identities.

        Only what protects, or tells against somebody, looks at these. A merge gives no Self and no basis.
        """
        if who not in self._selves:
            found: set[Who] = set()
            new = {who, *self._cast.suspected(who)}
            while new - found:
                found |= new
                if len(found) > MOST_SELVES:
                    raise NotTold("too_many_identities")
                new = {
                    other
                    for one in found
                    for tie in (*self.of(one), *self.towards(one))
                    if tie.kind in _ONE_PERSON and tie.fact
                    for other in (tie.source, tie.target)
                }
            self._selves[who] = frozenset(found)
        return self._selves[who]

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
        return not self._private_places(one).isdisjoint(self._private_places(other))

    def residents(self, who: Who) -> frozenset[Who]:
        """Those who live with `who`, herself left out."""
        found = {tie.target for tie in self.of(who) if tie.kind is RelationKind.LIVES_WITH}
        found |= {tie.source for tie in self.towards(who) if tie.kind is RelationKind.LIVES_WITH}
        places = self._private_places(who)
        for place in places:
            if place.startswith("uprn:"):
                uprn = self._cast.fingerprint_of_place(place)
                found |= {
                    person(p.person_id)
                    for p in self._view.contact_points_by_uprn(uprn)
                    if p.home and not p.institution
                }
        for point in self._cast.description.contact_points:
            if point.home and point.kind is ContactKind.POST and self._cast.place_of(point) in places:
                found |= set(self._cast.owners(point))
        return frozenset(found - {who})

    def protectors(self, who: Who) -> frozenset[Who]:
        """Those whose protection covers `who`: the parents and guardians she lives with, unless it is on file
        that she is adverse to them. A caller's word adds protection, and takes none away.
        """
        if who not in self._protectors:
            self._protectors[who] = frozenset(
                tie.source
                for tie in self.towards(who)
                if tie.kind in _PARENTHOOD
                and self.live_together(tie.source, who)
                and not any(
                    back.kind is RelationKind.ADVERSE_TO and back.fact
                    for back in self.between(who, tie.source)
                )
            )
        return self._protectors[who]

    def adversaries(self, who: Who) -> frozenset[Who]:
        """Those who are adverse to `who`, whoever she may be, or to somebody whose protection covers her;
        never she herself.
        """
        return frozenset(tie.source for tie in self._adverse_ties(who))

    def victims(self, who: Who) -> frozenset[Who]:
        """Those to whom `who`, whoever he may be, is adverse."""
        return frozenset(
            tie.target
            for one in self.selves(who)
            for tie in self.of(one)
            if tie.kind is RelationKind.ADVERSE_TO and tie.target != who
        )

    def is_adverse(self, one: Who, to: Who) -> bool:
        """Tell whether `one`, whoever he may be, is adverse to `to`, or to somebody whose protection covers
        her.
        """
        return one != to and not self.selves(one).isdisjoint(self.adversaries(to))

    def is_counter_alleged(self, one: Who, to: Who) -> bool:
        """Tell whether `one` is adverse to `to` by nothing but what `to`, who is adverse to her, alleges."""
        selves = self.selves(one)
        ties = [tie for tie in self._adverse_ties(to) if tie.source in selves]
        return one != to and bool(ties) and all(self._is_counter(tie) for tie in ties)

    def is_first_adverse(self, one: Who, to: Who) -> bool:
        """Tell whether `one` is adverse to `to`, and not by a counter-allegation alone."""
        return self.is_adverse(one, to) and not self.is_counter_alleged(one, to)

    def is_first_adverse_on_file(self, one: Who, to: Who) -> bool:
        """As `is_first_adverse`, by what is on file alone: it tells *for* `to`, and nobody talks that up."""
        return one != to and any(
            tie.source == one and tie.fact and not self._is_counter(tie) and self._runs(tie)
            for tie in self._adverse_ties(to)
        )

    def is_associate(self, one: Who, of_adversary_of: Who) -> bool:
        """Tell whether `one` is the current partner of somebody adverse to `of_adversary_of`.

        Never she herself, or somebody with whom her protection is shared.
        """
        key = one, of_adversary_of
        if key not in self._associates:
            self._associates[key] = self._is_associate(one, of_adversary_of)
        return self._associates[key]

    def _is_associate(self, one: Who, her: Who) -> bool:
        if one == her or one in self.children_with(her) or her in self.children_with(one):
            return False
        # Somebody whom he endangers, too, is not with him against her: a victim is nobody's associate.
        adversaries = {
            tie.source
            for tie in self._adverse_ties(her)
            if not self._is_counter(tie) and not self._is_victim_on_file(one, tie.source)
        }
        # His partner may be with him under another of his identities.
        under_any_name = {identity for adversary in adversaries for identity in self.selves(adversary)}
        selves = self.selves(one)
        return any(
            tie.kind is RelationKind.PARTNER
            for adversary in sorted(under_any_name - selves - {her})
            for one_self in sorted(selves)
            for tie in (*self.between(one_self, adversary), *self.between(adversary, one_self))
        )

    def _is_victim_on_file(self, one: Who, of: Who) -> bool:
        return any(
            tie.kind is RelationKind.ADVERSE_TO and tie.fact and not self._is_counter(tie) and self._runs(tie)
            for tie in self.between(of, one)
        )

    def has_responsibility(self, parent: Who, child: Who) -> bool:
        """Tell whether `parent` has parental responsibility (Children Act 1989, section 3), which parent_of
        alone is not.
        """
        return any(
            tie.kind is RelationKind.PARENT_OF and tie.parental_responsibility
            for tie in self.between(parent, child)
        )

    def is_parent_by_order(self, parent: Who, child: Who) -> bool:
        """Tell whether it is on file that an order (of adoption) made `parent` responsible for `child`."""
        return any(
            tie.kind in _PARENTHOOD and tie.fact and tie.by_order for tie in self.between(parent, child)
        )

    def children_with(self, who: Who) -> frozenset[Who]:
        """Children on file who live with `who`, from whom her protection hides nothing. By what is on file
        alone: nobody becomes her child by a caller's word.
        """
        return frozenset(
            tie.target
            for tie in self.of(who)
            if tie.kind in _PARENTHOOD
            and tie.fact
            and self._live_together_on_file(who, tie.target)
            and not any(back.kind is RelationKind.ADVERSE_TO for back in self.between(tie.target, who))
        )

    def parents(self, who: Who) -> frozenset[Who]:
        """The parents of `who`, with or without parental responsibility."""
        return frozenset(tie.source for tie in self.towards(who) if tie.kind is RelationKind.PARENT_OF)

    def prefetch(self, people: frozenset[Who]) -> None:
        """Load what the ties of `people` need, together."""
        at_once.prefetch_about(
            self._view, [person_id for who in people if (person_id := person_id_of(who)) is not None]
        )

    def prefetch_around(self, people: frozenset[Who]) -> None:
        """Load what the ties of those around `people` need, together: relatives, and who shares a place or a
        point with them.
        """
        points = [
            point
            for who in people
            if (person_id := person_id_of(who)) is not None
            for point in self._view.contact_points_of(person_id)
        ]
        shared = [keys.contact_points_by_fingerprint(point.fingerprint) for point in points]
        shared += [keys.contact_points_by_uprn(point.uprn) for point in points]
        at_once.prefetch(self._view, shared)
        around = {
            other
            for who in people
            for tie in (*self.of(who), *self.towards(who))
            for other in (tie.source, tie.target)
        }
        around |= {
            person(other.person_id)
            for point in points
            for other in (
                *self._view.contact_points_by_fingerprint(point.fingerprint),
                *self._view.contact_points_by_uprn(point.uprn),
            )
        }
        self.prefetch(frozenset(around - people))

    def _adverse_ties(self, who: Who) -> tuple[Tie, ...]:
        """Adverse ties towards her, under any identity she may be, and towards those whose protection covers
        her.
        """
        if who not in self._adverse:
            selves = self.selves(who)
            protected = dict.fromkeys(
                target
                for one in (who, *sorted(selves - {who}))
                for target in (one, *sorted(self.protectors(one)))
            )
            self._adverse[who] = tuple(
                tie
                for target in protected
                for tie in self.towards(target)
                if tie.kind is RelationKind.ADVERSE_TO and tie.source != who
            )
        return self._adverse[who]

    def _is_counter(self, tie: Tie) -> bool:
        """Tell whether an allegation was raised by somebody who was adverse to her already.

        A described one is later than any on file; of two that the call describes neither was first.
        """
        return tie.alleged and any(
            back.kind is RelationKind.ADVERSE_TO
            and back.fact
            and (not tie.fact or _was_before(back, tie))
            and self._runs(back)
            for back in self.between(tie.target, tie.source)
        )

    def _runs(self, adversity: Tie) -> bool:
        """True, and its end is noticed: this adversity tells for somebody, and that ends with it."""
        return not self._moment.ended(adversity.last_day, permits=False)

    def _homes_of(self, who: Who) -> Iterator[Home]:
        for point in self._cast.points_of(who):
            if point.home and point.kind is ContactKind.POST:
                yield Home(self._cast.place_of(point), on_file=False)
        person_id = person_id_of(who)
        for stored in self._points_on_file(person_id):
            if stored.home and stored.kind is ContactKind.POST:
                yield Home(place_on_file(stored), on_file=True, institution=stored.institution)

    def _live_together_on_file(self, one: Who, other: Who) -> bool:
        said = (*self.between(one, other), *self.between(other, one))
        if any(tie.kind is RelationKind.LIVES_WITH and tie.fact for tie in said):
            return True
        places = [
            {home.place for home in self.homes(who) if home.on_file and not home.institution}
            for who in (one, other)
        ]
        return not places[0].isdisjoint(places[1])

    def _private_places(self, who: Who) -> frozenset[str]:
        return frozenset(home.place for home in self.homes(who) if not home.institution)

    def _points_on_file(self, person_id: PersonId | None) -> tuple[ContactPoint, ...]:
        return () if person_id is None else self._view.contact_points_of(person_id)

    def _in_force(self, stored: tuple[Relationship, ...]) -> tuple[Tie, ...]:
        ties = []
        for relationship in stored:
            # Whatever restricts (adversity) holds from its recording; only a permit waits for its first day.
            restricts = relationship.kind is RelationKind.ADVERSE_TO
            if not restricts and not self._moment.begun(relationship.valid_from):
                continue
            # The end of an adversity is noticed where the adversity tells for somebody: elsewhere nothing
            # that is permitted ends with it, and its end would tell of it.
            if restricts:
                if relationship.valid_until is not None and relationship.valid_until < self._moment.today:
                    continue
            elif self._moment.ended(relationship.valid_until, permits=True):
                continue
            self.looked_at.add(f"relationship:{relationship.relationship_id}")
            ties.append(
                Tie(
                    source=person(relationship.from_person),
                    target=person(relationship.to_person),
                    kind=relationship.kind,
                    parental_responsibility=relationship.parental_responsibility,
                    fact=relationship.relationship_id,
                    alleged=relationship.basis in _ALLEGED and relationship.confirmed_at is None,
                    recorded_at=relationship.recorded_at,
                    by_order=relationship.basis == "order",
                    last_day=relationship.valid_until if restricts else None,
                )
            )
        return tuple(ties)

    def _described_ties(self) -> Iterator[Tie]:
        ties = self._cast.description.relationships
        # All of them are looked up before one is refused, so that those that are cold are loaded together.
        resolve = self._cast.resolve
        ends = [(resolve(described.from_person), resolve(described.to_person)) for described in ties]
        for described, (source, target) in zip(ties, ends, strict=True):
            if source is None or target is None:
                raise NotTold("unknown_person_in_relationship")
            yield Tie(source, target, described.kind, described.parental_responsibility)


def place_on_file(stored: ContactPoint) -> str:
    """The place that a postal address on file is, as `Home.place` names it."""
    return f"uprn:{stored.uprn}" if stored.uprn else f"file:{stored.contact_point_id}"


def _was_before(one: Tie, other: Tie) -> bool:
    """Tell whether `one` was recorded first; where nobody knows, neither was."""
    return (
        one.recorded_at is not None and other.recorded_at is not None and one.recorded_at < other.recorded_at
    )
