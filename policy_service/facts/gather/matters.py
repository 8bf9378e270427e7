"""What a field instance is about: its units, those whom each declares, and those whom it implies.

A document is decided part by part. Whoever lives at a place that a field shows, shares a number that it
shows, or may be where it shows for all that is known, is implied: a deny of hers counts, and she gives no
permit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from policy_service.facts.gather.cast import Who
from policy_service.facts.gather.contents import PARTY, Unit
from policy_service.facts.gather.places import PREVIOUS, SHOWS_HOME
from policy_service.facts.gather.readers import Reader, Recipient, is_secret_party
from policy_service.facts.gather.situation import Situation
from policy_service.model.facts import FieldType
from policy_service.model.question import FieldAsked
from policy_service.model.vocabulary import CO_RECIPIENT, PersonKind, ReaderKind, Role

_NEXT_OF_KIN = "contact.next_of_kin"
_LOCATION = "location."


@dataclass(frozen=True, slots=True)
class FieldSeen:
    """A field instance of the record, or of the artefact's envelope."""

    asked: FieldAsked
    type: FieldType
    envelope: bool


@dataclass(frozen=True, slots=True)
class Concerned:
    """A data subject of a unit towards one recipient."""

    who: Who
    implied: bool


@dataclass(frozen=True, slots=True)
class Matter:
    """One unit of a field instance towards one recipient, and everybody whom it is about."""

    field: FieldSeen
    unit: Unit
    concerned: tuple[Concerned, ...]
    protected: bool
    """One of those whom it is about is protected."""
    places: frozenset[str] = frozenset()
    """Where those live, or are, whom it declares; who else is there is implied, and no other place of his."""
    holder_adverse: bool = False


class Matters:
    """Finds what the fields of one call are about. Pure: as of the situation's view and moment."""

    def __init__(self, situation: Situation, is_protected: Callable[[Who], bool]) -> None:
        self._s = situation
        self._is_protected = is_protected
        self._holders: dict[tuple[tuple[str, ...], str, int], tuple[Who, ...] | None] = {}

    def fields(self) -> tuple[FieldSeen | None, ...]:
        """The fields asked, in their order, then the envelope's. None: a field that nobody declared."""
        known = self._s.record.fields
        asked = tuple(
            None if (field := known.get(f.name)) is None else FieldSeen(f, field, envelope=False)
            for f in self._s.call.fields
        )
        envelope = () if self._s.artefact is None else self._s.artefact.envelope
        return asked + tuple(FieldSeen(FieldAsked(field.name), field, envelope=True) for field in envelope)

    def knows_place(self, field: FieldSeen) -> bool:
        """Tell whether the place that a field instance names is one that the call describes or that is on
        file.
        """
        return not field.asked.place or self._s.places.is_known(field.asked.place)

    def of(self, field: FieldSeen, recipient: Recipient) -> tuple[Matter, ...] | None:
        """The units of a field instance, each with its data subjects. None: nobody holds its roles, or those
        of what somebody declared to be in this very document.

        A part that such documents have, and that is about roles which nobody holds, is about nobody and hides
        nothing.
        """
        units = self._s.contents.units(field.type)
        holders = self._declared(field.type.about, field.asked.party, recipient)
        if holders is None or is_secret_party(self._s.record, self._s.user, field.asked.party):
            return None
        place = field.asked.place
        if place and not all(self._s.places.is_hers(who, place) for who in holders):
            return None  # a place of somebody else's is no place that the field can show
        if any(unit.of_digest and self._about(field, unit, recipient) is None for unit in units):
            return None
        return tuple(self._matter(field, unit, recipient) for unit in units)

    def _matter(self, field: FieldSeen, unit: Unit, recipient: Recipient) -> Matter:
        """A unit with those whom it is about, declared ones first.

        Nobody at all is a unit about co-recipients in a send that has none: there is nothing to hide.
        """
        declared = self._about(field, unit, recipient) or ()
        implied = self._implied(field, unit, declared, recipient)
        everyone = [Concerned(who, implied=False) for who in declared]
        everyone += [Concerned(who, implied=True) for who in sorted(implied.difference(declared))]
        return Matter(
            field=field,
            unit=unit,
            concerned=tuple(everyone),
            protected=any(self._is_protected(each.who) for each in everyone),
            places=frozenset(place for who in declared for place in self.shown(field, unit, who)),
            holder_adverse=_NEXT_OF_KIN in unit.categories and self._next_of_kin_is_adverse(declared),
        )

    def _about(self, field: FieldSeen, unit: Unit, recipient: Recipient) -> tuple[Who, ...] | None:
        """Those whom a unit is about; None: nobody holds its roles. The party that a call names says which
        instance of the field is meant, and so which of several holders of its own roles. What a document
        holds about others it holds whichever instance it is.
        """
        party = field.asked.party
        if party and unit.part and not self._holds(party, unit.about):
            party = ""
        return self._declared(unit.about, party, recipient)

    def _holds(self, party: str, about: Iterable[str]) -> bool:
        roles = {holder.role for holder in self._s.record.parties if holder.party == party}
        return f"{PARTY}{party}" in about or not roles.isdisjoint(about)

    def _declared(self, about: tuple[str, ...], party: str, recipient: Recipient) -> tuple[Who, ...] | None:
        """Those whom something about these roles, parties and co-recipients is about. None: nobody holds
        them.
        """
        key = about, party, recipient.index
        if key not in self._holders:
            self._holders[key] = self._holders_of(about, party, recipient)
        return self._holders[key]

    def _holders_of(self, about: tuple[str, ...], party: str, recipient: Recipient) -> tuple[Who, ...] | None:
        s = self._s
        found: dict[Who, None] = {}
        if CO_RECIPIENT in about:
            if party:
                return None
            for other in s.recipients:
                if other is None:
                    return None  # nobody knows whom it would show
                if other.index != recipient.index and other.reader.kind == "private":
                    found[other.who] = None
            found.pop(recipient.who, None)
            if about == (CO_RECIPIENT,):
                return tuple(found)
        for holder in s.record.parties:
            if party in ("", holder.party) and (holder.role in about or f"{PARTY}{holder.party}" in about):
                found[holder.who] = None
        return tuple(found) or None

    def roles_of(self, about: Iterable[str]) -> frozenset[str]:
        """What a unit is about, as roles: those of a party where it names one."""
        parties = self._s.record.parties
        return frozenset(
            role
            for each in about
            for role in (
                [holder.role for holder in parties if f"{PARTY}{holder.party}" == each]
                if each.startswith(PARTY)
                else [each]
            )
        )

    def shown(self, field: FieldSeen, unit: Unit, who: Who) -> frozenset[str]:
        """The places of `who` that a unit shows where it shows any. The place that a call names is that of a
        whole field: which places a document shows no caller says.
        """
        return self._s.places.shown(who, named=_place_named(field, unit), premises=unit.premises)

    def _implied(
        self, field: FieldSeen, unit: Unit, declared: tuple[Who, ...], recipient: Recipient
    ) -> set[Who]:
        """Those whom the unit does not name and is about all the same: who lives at the place it shows, who
        shares the point, who may be at that address for all that is known; in undeclared content, everybody.
        """
        s, categories = self._s, frozenset(unit.categories)
        readers = (recipient.reader, *recipient.implied)
        implied: set[Who] = set()
        for who in declared:
            shown = self.shown(field, unit, who)
            if not SHOWS_HOME.isdisjoint(categories):
                every_home = not (_place_named(field, unit) or unit.premises)
                implied |= s.places.residents(shown, who)
                implied |= self._near(shown, who, readers, every_home=every_home)
            elif any(category.startswith(_LOCATION) for category in categories):
                implied |= self._at_another_place(field, unit, who, readers)
            implied |= s.places.sharers(who, categories)
        if CO_RECIPIENT in unit.about:
            implied |= self._copied_to(recipient, readers)
        if unit.undeclared:
            implied |= {who for who in s.record.people if s.cast.individual(who).kind is PersonKind.PRIVATE}
        return implied

    def _near(
        self, shown: frozenset[str], who: Who, readers: Iterable[Reader], *, every_home: bool
    ) -> set[Who]:
        """Those from whom one of the readers is kept who are recorded at the places shown, or may be there
        for all that is known.
        """
        s = self._s
        found = self._kept_from(readers, s.places.recorded_at(shown))
        for reader in readers:
            if not self._looks_for_her(reader):
                continue
            if s.places.may_be_anywhere(shown, who, reader.who, every_home=every_home):
                found |= s.ties.victims(reader.who)
        return found - {who}

    def _at_another_place(
        self, field: FieldSeen, unit: Unit, who: Who, readers: tuple[Reader, ...]
    ) -> set[Who]:
        """As for a home, at a place that is none of hers now: who lives there lives there."""
        if _place_named(field, unit):
            shown = self.shown(field, unit, who)
            found = set(self._s.places.at_home_at(shown))
            return (found | self._near(shown, who, readers, every_home=False)) - {who}
        if PREVIOUS in unit.categories:
            return self._near(frozenset(), who, readers, every_home=False)
        return set()

    def _copied_to(self, recipient: Recipient, readers: tuple[Reader, ...]) -> set[Who]:
        """Of the organisations and professionals who get it, too, those whom a reader threatens, and those
        who are where they are.
        """
        others = [o for o in self._s.recipients if o is not None and o.index != recipient.index]
        shown = {o.who for o in others if o.reader.kind in ("organisation", "professional")}
        at = self._s.places.recorded_at(
            frozenset(place for who in shown for place in self._s.places.addresses(who))
        )
        return self._kept_from(readers, frozenset(shown | at)) - {recipient.who}

    def _kept_from(self, readers: Iterable[Reader], people: frozenset[Who]) -> set[Who]:
        """Those of `people` to whom a reader is adverse, whose adversary's partner he is, or who excluded
        him.
        """
        ties, protections = self._s.ties, self._s.protections
        return {
            one
            for reader in readers
            for one in people
            if one != reader.who
            and (
                ties.is_adverse(reader.who, one)
                or ties.is_associate(reader.who, one)
                or protections.excludes(one, reader.names)
            )
        }

    def _looks_for_her(self, reader: Reader) -> bool:
        """Tell whether an address that may be anybody's is kept from this reader. Not from staff who send it,
        nor for somebody whom the recipient represents elsewhere: no ordinary letter would go out.
        """
        match reader.why:
            case ReaderKind.USER:
                return False
            case ReaderKind.CLIENT:
                return reader.who in self._s.record.people
            case _:
                return True

    def _next_of_kin_is_adverse(self, declared: tuple[Who, ...]) -> bool:
        """Tell whether a next of kin whom the field may show is adverse to anybody whom the field is about,
        or, where it is about the next of kin alone, to anybody on the record.
        """
        record, ties = self._s.record, self._s.ties
        kin = {party.who for party in record.parties if party.role is Role.NEXT_OF_KIN}
        subjects = set(declared) - kin or record.people - kin
        return any(ties.is_adverse(who, subject) for who in kin for subject in subjects)


def _place_named(field: FieldSeen, unit: Unit) -> str:
    return "" if unit.part else field.asked.place
