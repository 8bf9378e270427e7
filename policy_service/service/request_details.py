"""What a request of one kind says and those of others do not: how alone she may be reached, what she needs.

Each kind has what belongs to it and nothing else; a detail of another kind would be on file without effect,
and whoever wrote it would think that it protects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import CommunicationSupport, ContactPoint, Person, PersonId, SafeContact
from policy_service.model.hours import parse_window
from policy_service.model.language import is_language_tag
from policy_service.model.vocabulary import (
    Channel,
    InterpreterGender,
    InterpreterMode,
    RequestKind,
    Visibility,
    WrittenFormat,
)
from policy_service.service.references import numbered
from policy_service.service.words import checked_name, no_repeats

SAFE_CONTACT = "request.safe_contact"
COMMUNICATION = "request.communication"

_SEE = frozenset({Channel.SEE_SCREEN, Channel.SEE_PRINT})
_WITHOUT_RECIPIENTS = frozenset({RequestKind.SAFE_CONTACT, RequestKind.COMMUNICATION_SUPPORT})
_NEED_RECIPIENTS = frozenset(
    {RequestKind.EXCLUDED_PERSON, RequestKind.RESTRICTED_ACCESS, RequestKind.AUTHORISED_REPRESENTATIVE}
)


@dataclass(frozen=True, slots=True)
class SafeContactAsked:
    """As `SafeContact`; `contact_points` are references, as the systems know them."""

    contact_points: tuple[str, ...] = ()
    channels: tuple[Channel, ...] = ()
    hours: tuple[str, ...] = ()
    no_voicemail: bool = False
    neutral_sender: bool = False


@dataclass(frozen=True, slots=True)
class CommunicationAsked:
    """As `CommunicationSupport`; `not_these` are `scheme:value` or `person:ID`."""

    language: str = ""
    modes: tuple[InterpreterMode, ...] = ()
    sign_language: str = ""
    interpreter_gender: tuple[InterpreterGender, ...] = ()
    not_these: tuple[str, ...] = ()
    written_formats: tuple[WrittenFormat, ...] = ()
    access_needs: tuple[str, ...] = ()


def check_details(
    kind: RequestKind,
    recipients: Sequence[str],
    safe_contact: SafeContactAsked | None,
    communication: CommunicationAsked | None,
    visibility: Visibility,
) -> None:
    """What the call alone shows: each detail belongs to the kind, none that it needs is missing."""
    _check_recipients(kind, recipients)
    if kind is RequestKind.COMMUNICATION_SUPPORT and visibility is Visibility.SECRET:
        # Whoever books the interpreter is told whom she will not have.
        raise InvalidArgumentError(
            "request.visibility",
            "NEED_NOT_SECRET",
            f"a need is met by those who know of it; whom she will not meet is a request of the kind "
            f"`{RequestKind.EXCLUDED_PERSON}`, which may be secret",
        )
    for field, detail, of_kind in (
        (SAFE_CONTACT, safe_contact, RequestKind.SAFE_CONTACT),
        (COMMUNICATION, communication, RequestKind.COMMUNICATION_SUPPORT),
    ):
        if detail is not None and kind is not of_kind:
            raise InvalidArgumentError(
                field, "ONLY_FOR_ANOTHER_KIND", f"`{field}` goes with the kind `{of_kind}` alone"
            )
        if kind is of_kind and detail in (None, SafeContactAsked(), CommunicationAsked()):
            raise InvalidArgumentError(
                field, "REQUIRED", f"a request of the kind `{kind}` says in `{field}` what is asked for"
            )
    if safe_contact is not None:
        _check_safe_contact(safe_contact)
    if communication is not None:
        _check_communication(communication)


def safe_contact_of(
    asked: SafeContactAsked | None, points: Sequence[ContactPoint], person: Person
) -> SafeContact | None:
    """The detail as it is kept. `points` are the person's; whatever is not on file for her is refused."""
    if asked is None:
        return None
    by_reference = {
        point.reference: point.contact_point_id
        for point in points
        if point.controller == person.controller and point.reference
    }
    for field, reference in numbered(asked.contact_points, f"{SAFE_CONTACT}.contact_points").items():
        if reference not in by_reference:
            raise InvalidArgumentError(
                field, "UNKNOWN_CONTACT_POINT", f"`{field}` names no contact point on file for the person"
            )
    return SafeContact(
        contact_points=tuple(by_reference[reference] for reference in asked.contact_points),
        channels=asked.channels,
        hours=asked.hours,
        no_voicemail=asked.no_voicemail,
        neutral_sender=asked.neutral_sender,
    )


def communication_of(
    asked: CommunicationAsked | None, people: Mapping[str, Person], person: Person
) -> CommunicationSupport | None:
    """The detail as it is kept. `people` are found by field, as `references.find` gives them."""
    if asked is None:
        return None
    excluded: dict[PersonId, None] = {}
    for field in numbered(asked.not_these, f"{COMMUNICATION}.not_these"):
        if people[field].person_id == person.person_id:
            raise InvalidArgumentError(field, "SAME_PERSON", f"`{field}` is the person who makes the request")
        excluded[people[field].person_id] = None
    return CommunicationSupport(
        language=asked.language,
        modes=asked.modes,
        sign_language=asked.sign_language,
        interpreter_gender=asked.interpreter_gender,
        not_these=tuple(excluded),
        written_formats=asked.written_formats,
        access_needs=asked.access_needs,
    )


def _check_recipients(kind: RequestKind, recipients: Sequence[str]) -> None:
    field = "request.recipients"
    if kind in _NEED_RECIPIENTS and not recipients:
        # An empty list means everything elsewhere; here it would shut everybody out, let everybody in, or
        # nobody.
        who = ": those who are let in" if kind is RequestKind.RESTRICTED_ACCESS else ""
        raise InvalidArgumentError(
            field, "REQUIRED", f"a request of the kind `{kind}` names its recipients{who}"
        )
    if kind in _WITHOUT_RECIPIENTS and recipients:
        raise InvalidArgumentError(
            field, "ONLY_FOR_ANOTHER_KIND", f"a request of the kind `{kind}` is against nobody"
        )
    if kind is RequestKind.AUTHORISED_REPRESENTATIVE:
        for place, recipient in numbered(recipients, field).items():
            if recipient.partition(":")[0] in {"user", "role"}:
                raise InvalidArgumentError(
                    place, "NO_REPRESENTATIVE", f"`{place}` is neither a person nor a team"
                )


def _check_safe_contact(asked: SafeContactAsked) -> None:
    no_repeats(asked.contact_points, f"{SAFE_CONTACT}.contact_points")
    no_repeats(asked.channels, f"{SAFE_CONTACT}.channels")
    no_repeats(asked.hours, f"{SAFE_CONTACT}.hours")
    for i, channel in enumerate(asked.channels):
        field = f"{SAFE_CONTACT}.channels[{i}]"
        if channel in _SEE:
            raise InvalidArgumentError(field, "CHANNEL_OF_SEE", f"`{field}` is no way to reach somebody")
        if channel is Channel.PHONE_VOICEMAIL and asked.no_voicemail:
            raise InvalidArgumentError(
                field, "CONTRADICTION", f"`{field}` is what `no_voicemail` says never to use"
            )
    for i, window in enumerate(asked.hours):
        field = f"{SAFE_CONTACT}.hours[{i}]"
        try:
            parse_window(window)
        except ValueError as error:
            raise InvalidArgumentError(field, "BAD_HOURS", f"`{field}`: {error}") from None


def _check_communication(asked: CommunicationAsked) -> None:
    for field, tag in (("language", asked.language), ("sign_language", asked.sign_language)):
        if tag and not is_language_tag(tag):
            raise InvalidArgumentError(
                f"{COMMUNICATION}.{field}",
                "BAD_LANGUAGE",
                f"`{COMMUNICATION}.{field}` is not a BCP 47 tag like pl",
            )
    for i, need in enumerate(asked.access_needs):
        checked_name(need, f"{COMMUNICATION}.access_needs[{i}]")
    for field, values in (
        ("modes", asked.modes),
        ("interpreter_gender", asked.interpreter_gender),
        ("not_these", asked.not_these),
        ("written_formats", asked.written_formats),
        ("access_needs", asked.access_needs),
    ):
        no_repeats(values, f"{COMMUNICATION}.{field}")
