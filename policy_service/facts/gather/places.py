"""Places: which a field shows, whose they are, and who lives there.

A place is known by its canonical identity, else within one call by its address text, else only by the row
that holds it: two addresses without a canonical identity can be neither said to be one nor said to be
two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from policy_service.facts.gather.cast import Cast, Who, person, person_id_of
from policy_service.facts.gather.ties import Ties, place_on_file
from policy_service.facts.view import FactsView
from policy_service.model.facts import ContactPoint, Fingerprint
from policy_service.model.vocabulary import ContactKind, RelationKind

SHOWS_HOME = frozenset({"location.current", "location.future", "contact.post", "household"})
"""Fields of these are about everyone who lives at the place."""
PREVIOUS = "location.previous"
SHOWS_POINT = {
    "contact.phone": ContactKind.PHONE,
    "contact.email": ContactKind.EMAIL,
    "contact.post": ContactKind.POST,
}
"""Fields of these are about everyone who shares the point."""
NO_UPRN = Fingerprint("")
OWN_PLACE = frozenset({"location.current", "contact.post"})
"""What of a field is only the place, and so the recipient's own where the place is."""


@dataclass(frozen=True, slots=True)
class Premises:
    """The place that a record is about. `on_file`: the record is; `joint`: those whose premises they are."""

    place: str = ""
    on_file: bool = False
    joint: frozenset[Who] = frozenset()


class Places:
    """Derives places for one decision, as of one view."""

    def __init__(self, view: FactsView, cast: Cast, ties: Ties, premises: Premises) -> None:
        self._view = view
        self._cast = cast
        self._ties = ties
        self._premises = premises

    def shown(self, who: Who, *, named: str, premises: bool) -> frozenset[str]:
        """The places of `who` that a location field shows: the one that it names, the record's premises, or
        every one of hers.
        """
        if premises:
            return frozenset({self._premises.place} if self._premises.place else ())
        if named:
            return frozenset(self._named(named))
        return frozenset(home.place for home in self._ties.homes(who))

    def service_address(self, who: Who) -> str:
        """The reference of an address that may stand where a place of hers would show; empty: none is on
        file.
        """
        return next((p.reference for p in self._on_file(who) if p.service_address and p.reference), "")

    def is_known(self, reference: str) -> bool:
        """Tell whether a reference is of a place that the call describes, or that is on file."""
        if self._cast.described_point(reference) is not None:
            return True
        return bool(self._view.contact_point_by_reference(self._cast.controller, reference))

    def is_hers(self, who: Who, reference: str) -> bool:
        """Tell whether the place that a call names is one of `who`, on file or described as hers."""
        described = self._cast.described_point(reference)
        if described is not None:
            return described.kind is ContactKind.POST and who in self._cast.owners(described)
        return any(
            point.kind is ContactKind.POST and person(point.person_id) == who
            for point in self._view.contact_point_by_reference(self._cast.controller, reference)
        )

    def own(
        self,
        who: Who,
        reader: Who,
        shown: frozenset[str],
        *,
        premises: bool,
        by_file_only: bool,
        adverse: bool,
    ) -> bool:
        """Tell whether every place shown is the reader's own, too.

        Towards an adverse or excluded person only by facts on file, or as the premises of the tenancy on
        file; never by description or by equal text, and never because he is said to live with her.
        """
        if premises and reader in self._premises.joint and (self._premises.on_file or not by_file_only):
            return True  # a tenancy's stay its joint tenants' after one has moved out
        his = {home.place for home in self._ties.homes(reader) if home.on_file or not by_file_only}
        if shown and shown <= his:
            return True
        # Said to live together, and there is one place at most that this can be, and none that says
        # otherwise.
        return (
            not (premises or adverse or his)
            and len(shown) <= 1
            and any(
                tie.kind is RelationKind.LIVES_WITH and (tie.fact or not by_file_only)
                for tie in (*self._ties.between(reader, who), *self._ties.between(who, reader))
            )
        )

    def residents(self, shown: frozenset[str], who: Who) -> frozenset[Who]:
        """Those who live at the places shown, or with her; herself left out."""
        found = set(self._ties.residents(who))
        for place in shown:
            found |= set(self._at(place, institutions=False))
        return frozenset(found - {who})

    def recorded_at(self, shown: frozenset[str]) -> frozenset[Who]:
        """Those who are recorded at the places: at home there, or in a refuge, a hostel, a prison."""
        return frozenset(one for place in shown for one in self._at(place, institutions=True))

    def at_home_at(self, shown: frozenset[str]) -> frozenset[Who]:
        """Those who live at the places."""
        return frozenset(one for place in shown for one in self._at(place, institutions=False))

    def addresses(self, who: Who) -> frozenset[str]:
        """The places at which `who` is reached by post, of an organisation its offices."""
        described = {
            self._cast.place_of(point)
            for point in self._cast.points_of(who)
            if point.kind is ContactKind.POST
        }
        return frozenset(
            described | {place_on_file(p) for p in self._on_file(who) if p.kind is ContactKind.POST}
        )

    def may_be_anywhere(self, shown: frozenset[str], who: Who, reader: Who, *, every_home: bool) -> bool:
        """Tell whether for all that is known somebody else lives where the field shows: at no place that is
        known here, at an address without canonical identity that is not the reader's own, or at `every_home`
        of somebody on file whose homes are not, which no caller's word tells.
        """
        if not shown or (every_home and self._lives_nobody_knows_where(who)):
            return True
        his = {home.place for home in self._ties.homes(reader) if home.on_file}
        his |= {f"text:{point.fingerprint}" for point in self._on_file(reader) if point.home}
        return any(not place.startswith("uprn:") and place not in his for place in shown)

    def _lives_nobody_knows_where(self, who: Who) -> bool:
        """Tell whether somebody is on file, and no home of hers is."""
        return person_id_of(who) is not None and not any(home.on_file for home in self._ties.homes(who))

    def sharers(self, who: Who, categories: frozenset[str]) -> frozenset[Who]:
        """Those who share the contact points of `who` that a contact field shows."""
        kinds = {kind for category, kind in SHOWS_POINT.items() if category in categories}
        if not kinds:
            return frozenset()
        found = {
            person(other.person_id)
            for fingerprint, kind in self._points(who)
            if kind in kinds
            for other in self._view.contact_points_by_fingerprint(fingerprint)
            if other.kind is kind and not other.institution
        }
        for fingerprint, kind in self._points(who):
            if kind in kinds:
                found |= self._cast.sharers_of(kind, fingerprint, NO_UPRN)
        return frozenset(found - {who})

    def _points(self, who: Who) -> Iterator[tuple[Fingerprint, ContactKind]]:
        for described in self._cast.points_of(who):
            yield self._cast.contact(described), described.kind
        for stored in self._on_file(who):
            if not stored.institution:
                yield stored.fingerprint, stored.kind

    def _on_file(self, who: Who) -> tuple[ContactPoint, ...]:
        person_id = person_id_of(who)
        return () if person_id is None else self._view.contact_points_of(person_id)

    def _named(self, reference: str) -> Iterator[str]:
        described = self._cast.described_point(reference)
        if described is not None:
            if described.kind is ContactKind.POST:
                yield self._cast.place_of(described)
            return
        for stored in self._view.contact_point_by_reference(self._cast.controller, reference):
            if stored.kind is ContactKind.POST:
                yield place_on_file(stored)

    def _at(self, place: str, *, institutions: bool) -> Iterator[Who]:
        if place.startswith("uprn:"):
            for stored in self._view.contact_points_by_uprn(self._cast.fingerprint_of_place(place)):
                if institutions or (stored.home and not stored.institution):
                    yield person(stored.person_id)
        for point in self._cast.description.contact_points:
            if point.home and point.kind is ContactKind.POST and self._cast.place_of(point) == place:
                yield from self._cast.owners(point)
