"""How somebody is reached: what a call says of a contact point, and what that puts on file.

A put replaces the contact point of its owner and reference, or else of its owner and value, and keeps its id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import Literal

from policy_service.facts import keys
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.keys import Key
from policy_service.facts.view import FactsView
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import ContactPoint, Controller, Fingerprint, PersonId
from policy_service.service.drafting import Occasion
from policy_service.service.people_asked import PutContactPoint, check_contact_point
from policy_service.service.words import at_field

MOST_CONTACT_POINTS = 1_000
"""Of one person, in one organisation."""
MOST_POINTS_OF_ONE_VALUE = 2_000
"""Of one value, and of one UPRN, in one organisation. One look-up finds those of all organisations, and a
decision about anybody who is reached so is withheld where it finds over 10,000 (`reader.MOST_FACTS`). Five
organisations together stay within that, so that none of them can have another's decisions withheld.
"""

OWNER = "contact_point.owner"


def point_read(fingerprinter: Fingerprinter, asked: PutContactPoint, now: datetime) -> PointRead:
    check_contact_point(asked, now)
    with at_field("contact_point.value"):
        fingerprint = fingerprinter.contact(asked.kind, asked.value)
    if not asked.uprn:
        return PointRead(asked, fingerprint, Fingerprint(""))
    with at_field("contact_point.uprn"):
        return PointRead(asked, fingerprint, fingerprinter.uprn(asked.uprn))


@dataclass(frozen=True, slots=True)
class PointRead:
    """What a call says of a contact point, its value and UPRN as fingerprints."""

    asked: PutContactPoint
    fingerprint: Fingerprint
    uprn: Fingerprint

    def wanted(self, whose: Controller) -> tuple[Key, ...]:
        """Who else is reached so, of the organisation's own: how long it takes tells of no other's."""
        return (
            keys.own_points_by_fingerprint(whose, self.fingerprint),
            keys.own_points_by_uprn(whose, self.uprn),
        )

    def of(self, owner: PersonId, view: FactsView, occasion: Occasion) -> ContactPoint:
        """As a new one."""
        asked = self.asked
        return ContactPoint(
            contact_point_id=view.fresh_id(),
            controller=occasion.controller,
            person_id=owner,
            kind=asked.kind,
            fingerprint=self.fingerprint,
            reference=asked.reference,
            uprn=self.uprn,
            home=asked.home,
            voicemail_safe=asked.voicemail_safe,
            verified_at=asked.verified_at,
            institution=asked.institution,
            from_herself=asked.from_herself,
            shared=asked.shared,
            service_address=asked.service_address,
        )


def in_place_of(point: ContactPoint, there: Iterable[ContactPoint]) -> ContactPoint:
    """The point, with the id of the one among its owner's (`there`) that it replaces.

    BOUNDED: every decision about somebody reads all her points, and so does each put of one more.
    """
    # The organisation's own alone: that another has recorded any is not for it to know.
    own = [other for other in there if other.controller == point.controller]
    same = _same_point(own, point)
    if same is None:
        if len(own) >= MOST_CONTACT_POINTS:
            raise InvalidArgumentError(
                "contact_point.owner",
                "TOO_MANY",
                f"`contact_point.owner` has {MOST_CONTACT_POINTS:,} contact points on file already",
            )
        return point
    # Without its reference the calling systems would not find it any more.
    return replace(
        point,
        contact_point_id=same.contact_point_id,
        reference=point.reference or same.reference,
    )


def refuse_crowded(
    point: ContactPoint, view: FactsView, drafted: dict[str, ContactPoint] | None = None
) -> None:
    """BOUNDED: a decision about somebody reads who else is reached as she is. What has the value already may
    be put again, however many have. `drafted`: what the same item puts on file, by its id.
    """
    beside, whose = drafted or {}, point.controller
    by_value = view.own_points_by_fingerprint(whose, point.fingerprint)
    by_uprn = view.own_points_by_uprn(whose, point.uprn)
    _refuse_too_many_of("contact_point.value", "fingerprint", point, by_value, beside)
    _refuse_too_many_of("contact_point.uprn", "uprn", point, by_uprn, beside)


def _refuse_too_many_of(
    field: str,
    by: Literal["fingerprint", "uprn"],
    point: ContactPoint,
    there: Sequence[ContactPoint],
    beside: dict[str, ContactPoint],
) -> None:
    if len(there) + len(beside) < MOST_POINTS_OF_ONE_VALUE:
        return
    value, known = attrgetter(by), point.contact_point_id
    have = [each for each in there if each.contact_point_id not in beside]
    have += [each for each in beside.values() if value(each) == value(point)]
    if len(have) < MOST_POINTS_OF_ONE_VALUE or not value(point):
        return
    if all(each.contact_point_id != known for each in have):
        raise InvalidArgumentError(
            field,
            "TOO_MANY",
            f"`{field}` is that of {MOST_POINTS_OF_ONE_VALUE:,} contact points on file already: put it on "
            "file once, for the organisation that is reached by it, and not for each person",
        )


def _same_point(own: Sequence[ContactPoint], point: ContactPoint) -> ContactPoint | None:
    """The one of its organisation's points of the owner that this one replaces: the one of its reference, or
    else the one of its kind and value.
    """
    if point.reference:
        for other in own:
            if other.reference == point.reference:
                return other
    for other in own:
        if (other.kind, other.fingerprint) == (point.kind, point.fingerprint) and (
            not point.reference or not other.reference
        ):
            return other
    return None
