"""The contact point by which something would reach a recipient, or through which a private user looks,
and who else opens what arrives there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from policy_service.facts.gather.cast import Cast, Who, person
from policy_service.facts.view import FactsView
from policy_service.model.facts import ContactPoint, Fingerprint
from policy_service.model.vocabulary import ContactKind, Shared


@dataclass(frozen=True, slots=True)
class PointSeen:
    """A contact point towards one recipient. `others` are those known to share it, the recipient left out."""

    given: bool = False
    kind: str = ""
    belongs: bool = False
    shared: Shared = Shared.UNKNOWN
    others: frozenset[Who] = frozenset()
    more_may: bool = False
    """For all that is known others open it, besides those in `others`: naming one hides none."""
    voicemail_safe: bool = False
    verified_at: datetime | None = None
    from_herself: bool = False
    institution: bool = False
    home: bool = False
    """The recipient lives there, as far as anybody said."""
    place: str = ""
    """The place that a postal address is, as `Home.place` names it."""
    ids: frozenset[str] = frozenset()
    """Ids of the recipient's own contact points on file that it is."""
    name: str = ""
    """For the log entry: `point:ID` on file, or the keyed fingerprint of a described one."""


NO_POINT = PointSeen()


def find_point(view: FactsView, cast: Cast, who: Who, reference: str) -> PointSeen:
    """Resolve `reference`: the key of a described point, or a reference on file. An unknown one belongs to
    nobody.
    """
    if not reference:
        return NO_POINT
    described = cast.described_point(reference)
    if described is None:
        stored = view.contact_point_by_reference(cast.controller, reference)
        if not stored:
            return PointSeen(given=True, name="unknown")
        first = stored[0]
        sharers = cast.sharers_of(first.kind, first.fingerprint, first.uprn)
        return _seen(view, who, first.kind, first.fingerprint, first.uprn, (), sharers, stored, home=False)
    fingerprint, uprn = cast.contact(described), cast.uprn(described)
    seen = _seen(
        view,
        who,
        described.kind,
        fingerprint,
        uprn,
        cast.owners(described),
        cast.sharers_of(described.kind, fingerprint, uprn),
        view.contact_points_by_fingerprint(fingerprint),
        home=described.home,
    )
    if cast.has_unknown_owner(described) and not seen.institution:
        seen = replace(seen, more_may=True, shared=Shared.YES if seen.others else Shared.UNKNOWN)
    if (
        described.voicemail_safe
        and not seen.others
        and not seen.more_may
        and not seen.name.startswith("point:")
    ):
        return replace(seen, voicemail_safe=True)
    return seen


def _seen(
    view: FactsView,
    who: Who,
    kind: ContactKind,
    fingerprint: Fingerprint,
    uprn: Fingerprint,
    described_owners: tuple[Who, ...],
    described_sharers: frozenset[Who],
    stored: tuple[ContactPoint, ...],
    *,
    home: bool,
) -> PointSeen:
    rows = {row.contact_point_id: row for row in (*stored, *view.contact_points_by_fingerprint(fingerprint))}
    if uprn:
        rows |= {row.contact_point_id: row for row in view.contact_points_by_uprn(uprn)}
    rows = {key: row for key, row in rows.items() if row.kind is kind}
    his = [row for row in rows.values() if person(row.person_id) == who]
    others = {person(row.person_id) for row in rows.values() if not row.institution}
    others |= described_sharers
    others.discard(who)
    # Described as his counts only where it is not on file for others alone: nobody talks his way to
    # another's letterbox.
    belongs = bool(his) or (who in described_owners and not rows)
    institution = any(row.institution for row in rows.values())
    more_may = not institution and _more_may_open(kind, his, rows.values())
    return PointSeen(
        given=True,
        kind=kind,
        belongs=belongs,
        shared=Shared.YES if others else Shared.UNKNOWN if more_may else Shared.NO,
        more_may=more_may,
        others=frozenset(others),
        voicemail_safe=bool(his) and all(row.voicemail_safe for row in his) and not others,
        verified_at=max((row.verified_at for row in his if row.verified_at is not None), default=None),
        from_herself=any(row.from_herself for row in his),
        institution=institution,
        home=home or any(row.home and not row.institution for row in his),
        place=_place(kind, fingerprint, uprn, his),
        ids=frozenset(row.contact_point_id for row in his),
        name=f"point:{his[0].contact_point_id}" if his else f"fingerprint:{fingerprint}",
    )


def _place(kind: ContactKind, fingerprint: Fingerprint, uprn: Fingerprint, his: list[ContactPoint]) -> str:
    if kind is not ContactKind.POST:
        return ""
    known = uprn or next((row.uprn for row in his if row.uprn), "")
    return f"uprn:{known}" if known else f"text:{fingerprint}"


def _more_may_open(kind: ContactKind, his: Iterable[ContactPoint], rows: Iterable[ContactPoint]) -> bool:
    """Tell whether somebody else may open it for all that is known.

    Phones and e-mail addresses with unequal fingerprints are not shared; an account is where somebody
    said so; a postal address without a canonical identity can never be said not to be. What comes to a
    prison, a hostel or a switchboard tells nothing.
    """
    if any(row.shared for row in rows):
        return True  # somebody said that it is, and nobody said with whom
    # A canonical identity that the caller alone gives would talk an adversary out of the house.
    return kind is ContactKind.POST and not any(row.uprn for row in his)
