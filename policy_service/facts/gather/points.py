"""The contact point by which something would reach a recipient, or through which a private user looks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from policy_service.facts.gather.cast import Cast, Who, person
from policy_service.facts.view import FactsView
from policy_service.model.facts import ContactPoint, Fingerprint
from policy_service.model.vocabulary import ContactKind, Shared


@dataclass(frozen=True, slots=True)
class PointSeen:
    """A contact point towards one recipient. `others` are those who share it, the recipient left out."""

    given: bool = False
    kind: str = ""
    belongs: bool = False
    shared: Shared = Shared.UNKNOWN
    others: frozenset[Who] = frozenset()
    voicemail_safe: bool = False
    verified_at: datetime | None = None
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
        return _seen(view, who, stored[0].kind, stored[0].fingerprint, stored[0].uprn, (), stored)
    fingerprint = cast.fingerprints.contact(described.kind, described.value)
    uprn = cast.fingerprints.uprn(described.uprn) if described.uprn else Fingerprint("")
    seen = _seen(
        view,
        who,
        described.kind,
        fingerprint,
        uprn,
        cast.owners(described),
        view.contact_points_by_fingerprint(fingerprint),
    )
    if described.voicemail_safe and not seen.others and not seen.name.startswith("point:"):
        return replace(seen, voicemail_safe=True)
    return seen


def _seen(
    view: FactsView,
    who: Who,
    kind: ContactKind,
    fingerprint: Fingerprint,
    uprn: Fingerprint,
    described_owners: tuple[Who, ...],
    stored: tuple[ContactPoint, ...],
) -> PointSeen:
    rows = {row.contact_point_id: row for row in (*stored, *view.contact_points_by_fingerprint(fingerprint))}
    if uprn:
        rows |= {row.contact_point_id: row for row in view.contact_points_by_uprn(uprn)}
    rows = {key: row for key, row in rows.items() if row.kind is kind}
    his = [row for row in rows.values() if person(row.person_id) == who]
    others = {person(row.person_id) for row in rows.values() if not row.institution} | set(described_owners)
    others.discard(who)
    # Described as his counts only where it is not on file for others alone: nobody talks his way to
    # another's letterbox.
    belongs = bool(his) or (who in described_owners and not rows)
    if others:
        shared = Shared.YES
    elif kind is ContactKind.POST and not uprn:
        shared = Shared.UNKNOWN
    else:
        shared = Shared.NO
    return PointSeen(
        given=True,
        kind=kind,
        belongs=belongs,
        shared=shared,
        others=frozenset(others),
        voicemail_safe=bool(his) and all(row.voicemail_safe for row in his) and not others,
        verified_at=max((row.verified_at for row in his if row.verified_at is not None), default=None),
        name=f"point:{his[0].contact_point_id}" if his else f"fingerprint:{fingerprint}",
    )
