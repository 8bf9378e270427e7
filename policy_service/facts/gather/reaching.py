"""How alone a protected person may be reached: her safe_contact requests against one way of reaching her."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from policy_service.facts.gather.cast import Who, person_id_of
from policy_service.facts.gather.clock import Moment
from policy_service.facts.gather.points import PointSeen
from policy_service.facts.view import FactsView
from policy_service.model.facts import PrivacyRequest, SafeContact
from policy_service.model.hours import as_text, in_common, parse_window, shifted
from policy_service.model.vocabulary import Channel


@dataclass(frozen=True, slots=True)
class Reaching:
    """What her safe contacts say of this point, channel and moment. Without a request everything is allowed.

    `verified`: the point is one of her safe contacts, and was verified; what others who open it may learn is
    then for the absolute tier and for requests that name them.
    """

    on_file: bool = False
    point_allowed: bool = True
    channel_allowed: bool = True
    within_hours: bool = True
    no_voicemail: bool = False
    neutral_sender: bool = False
    references: tuple[str, ...] = ()
    hours: tuple[str, ...] = ()
    """Within which all of her requests allow it; empty: she named none, or they have none in common."""
    verified: bool = False


ANY_WAY = Reaching()


def reaching(
    view: FactsView,
    moment: Moment,
    who: Who,
    requests: tuple[PrivacyRequest, ...],
    point: PointSeen,
    channel: Channel,
) -> Reaching:
    """Hold `point` and `channel` against every one of `requests`, the safe contacts of `who` in force."""
    safe = [(request, request.safe_contact) for request in requests if request.safe_contact is not None]
    if not safe:
        return ANY_WAY
    points = frozenset(named for _, contact in safe for named in contact.contact_points)
    return Reaching(
        on_file=True,
        point_allowed=all(
            not contact.contact_points or not point.ids.isdisjoint(contact.contact_points)
            for _, contact in safe
        ),
        channel_allowed=all(not contact.channels or channel in contact.channels for _, contact in safe),
        within_hours=all(_within(moment, contact, request.zone) for request, contact in safe),
        no_voicemail=any(contact.no_voicemail for _, contact in safe),
        neutral_sender=any(contact.neutral_sender for _, contact in safe),
        references=_references(view, who, points),
        hours=_hours(moment, [(contact.hours, request.zone) for request, contact in safe if contact.hours]),
        verified=not point.ids.isdisjoint(points) and point.verified_at is not None,
    )


def _within(moment: Moment, contact: SafeContact, zone: str) -> bool:
    """Tell whether it is one of her hours now; what is permitted ends with the window."""
    if not contact.hours:
        return True
    windows = [parse_window(text) for text in contact.hours]
    ends = [end for window in windows if (end := window.end_of(moment.now, ZoneInfo(zone))) is not None]
    if not ends:
        return False
    moment.notice(max(ends))
    return True


def _hours(moment: Moment, asked: list[tuple[tuple[str, ...], str]]) -> tuple[str, ...]:
    """Her hours in words: as she wrote them, or what several requests of hers leave in common, as the first
    one's zone has it this week.
    """
    if not asked:
        return ()
    if len(asked) == 1:
        return tuple(sorted(set(asked[0][0])))
    zones = [ZoneInfo(zone) for _, zone in asked]
    offsets = [moment.now.astimezone(zone).utcoffset() or timedelta() for zone in zones]
    schedules = [
        shifted([parse_window(text) for text in hours], offsets[0] - offset)
        for (hours, _), offset in zip(asked, offsets, strict=True)
    ]
    return tuple(as_text(window) for window in in_common(schedules))


def _references(view: FactsView, who: Who, points: frozenset[str]) -> tuple[str, ...]:
    """By which the systems know her safe contact points."""
    person_id = person_id_of(who)
    if person_id is None:
        return ()
    return tuple(
        sorted(
            point.reference
            for point in view.contact_points_of(person_id)
            if point.contact_point_id in points and point.reference
        )
    )
