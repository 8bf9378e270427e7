"""The delivery gate's question for one recipient: by this point, channel and interpreter, now?

`context.contact_point.verified_days` is missing where nobody ever verified the point.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final

from policy_service.facts.gather.call_attributes import in_order
from policy_service.facts.gather.making import Makers
from policy_service.facts.gather.needs import Needs, needs
from policy_service.facts.gather.points import PointSeen
from policy_service.facts.gather.reaching import Reaching
from policy_service.facts.gather.readers import CHANNELS_TO, Recipient
from policy_service.facts.gather.situation import Situation
from policy_service.facts.gather.standing import Standing
from policy_service.model.vocabulary import RequestKind, Verb


class DeliveryAsked:
    """One recipient."""

    def __init__(self, situation: Situation, standing: Standing, recipient: Recipient) -> None:
        self.s: Final = situation
        self.standing: Final = standing
        self.recipient: Final = recipient

    @property
    def point(self) -> PointSeen:
        """Where it arrives."""
        return self.recipient.point

    @property
    def safe(self) -> Reaching:
        """What her safe contacts say of the way."""
        return self.recipient.reaching

    @cached_property
    def needed(self) -> Needs:
        """What the recipient of a send needs; on a see, as advice, what the people of the record need."""
        s = self.s
        people = (self.recipient.who,) if s.call.verb is Verb.SEND else tuple(sorted(s.record.people))
        asked = {
            request.request_id: request
            for who in people
            for request in s.protections.of_kind(who, RequestKind.COMMUNICATION_SUPPORT)
        }
        return needs(asked.values(), s.cast.fingerprints)

    def is_shared_with_adverse(self) -> bool:
        """Somebody else who opens the point is adverse to the recipient or to a party."""
        at_risk = (self.recipient.who, *sorted(self.s.record.people))
        return any(
            self.s.ties.is_adverse(other, one) for other in sorted(self.point.others) for one in at_risk
        )

    def days_since_verified(self) -> int | None:
        """Whole days; None where the point was never verified."""
        verified_at = self.point.verified_at
        return None if verified_at is None else (self.s.moment.now - verified_at).days

    def lifts_hours(self) -> bool:
        """An override lifts the hours in which she is reached."""
        return self.s.warrants.lifts_hours(self.recipient.who, self.recipient.reader.names.certain)

    def has_adverse_interpreter(self) -> bool:
        """Towards the recipient or a party; towards one of whom the user may not know by what is on file
        alone.
        """
        through = self.recipient.interpreter
        if through is None:
            return False
        ties, on_file, people = self.s.ties, self.s.ties_on_file, self.s.record.people
        secret = frozenset(one for one in people if self.standing.is_secret_party(one))
        return any(
            ties.is_adverse(through.who, one) or ties.is_associate(through.who, one)
            for one in (self.recipient.who, *sorted(people - secret))
        ) or any(
            on_file.is_adverse(through.who, one) or on_file.is_associate(through.who, one)
            for one in sorted(secret)
        )

    def has_excluded_interpreter(self) -> bool:
        """By an exclusion, or as one of those who must never interpret for her. His agency is not."""
        through = self.recipient.interpreter
        if through is None:
            return False
        s = self.s
        barred = {
            f"person:{never}"
            for request in s.protections.of_kind(self.recipient.who, RequestKind.COMMUNICATION_SUPPORT)
            if request.communication is not None
            for never in request.communication.not_these
        }
        return not barred.isdisjoint(s.ties.selves(through.who)) or any(
            one != through.who and s.protections.excludes(one, through.names)
            for one in (self.recipient.who, *sorted(s.record.people))
        )


OF_DELIVERY: Final[Makers[DeliveryAsked]] = {
    "action.channel_spoken": lambda q: q.recipient.channel.is_spoken,
    "action.channel_by_phone": lambda q: q.recipient.channel.is_by_phone,
    "context.recipient.protected": lambda q: q.standing.is_openly_protected(q.recipient.who),
    # Associates and exclusions are of the disclosure gate: nobody is either towards himself.
    "context.recipient.associate": lambda _: False,
    "context.recipient.excluded": lambda _: False,
    "context.contact_point.given": lambda q: q.point.given,
    "context.contact_point.kind": lambda q: q.point.kind,
    "context.contact_point.belongs": lambda q: q.point.belongs,
    "context.contact_point.fits_channel": lambda q: (
        q.recipient.channel in CHANNELS_TO.get(q.point.kind, frozenset())
    ),
    "context.contact_point.shared": lambda q: q.point.shared,
    "context.contact_point.shared_with_adverse": lambda q: q.is_shared_with_adverse(),
    "context.contact_point.voicemail_safe": lambda q: q.point.voicemail_safe and not q.safe.no_voicemail,
    "context.contact_point.from_herself": lambda q: q.point.from_herself,
    "context.contact_point.verified_days": lambda q: q.days_since_verified(),
    "context.safe_contact.on_file": lambda q: q.safe.on_file,
    "context.safe_contact.point_allowed": lambda q: q.safe.point_allowed and q.safe.channel_allowed,
    "context.safe_contact.within_hours": lambda q: q.safe.within_hours,
    "context.safe_contact.hours_lifted": lambda q: q.lifts_hours(),
    "context.safe_contact.no_voicemail": lambda q: q.safe.no_voicemail,
    "context.safe_contact.neutral_sender": lambda q: q.safe.neutral_sender,
    "context.safe_contact.references": lambda q: q.safe.references,
    "context.safe_contact.hours": lambda q: q.safe.hours,
    "context.interpreter.named": lambda q: q.recipient.interpreter is not None,
    "context.interpreter.adverse": lambda q: q.has_adverse_interpreter(),
    "context.interpreter.excluded": lambda q: q.has_excluded_interpreter(),
    "context.need.interpreter": lambda q: q.needed.interpreter,
    "context.need.interpreter_languages": lambda q: in_order({*q.needed.languages, *q.needed.sign_languages}),
    "context.need.languages": lambda q: q.needed.languages,
    "context.need.modes": lambda q: q.needed.modes,
    "context.need.genders": lambda q: q.needed.genders,
    "context.need.exclusions": lambda q: q.needed.exclusions,
    "context.need.formats": lambda q: q.needed.formats,
    "context.need.access": lambda q: q.needed.access,
}
