"""What a privacy request says, in words for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from policy_service.api.v1 import privacy_request_pb2 as pb
from policy_service.cli.render import moment, print_pairs
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.vocabulary import OnLapse, RequestKind, RequestState
from policy_service.service import moments


def _details(request: pb.PrivacyRequest) -> list[tuple[str, str]]:
    """What a request of its kind says besides what all of them do."""
    safe, needs = request.safe_contact, request.communication
    return [
        ("only by", ", ".join(safe.contact_points)),
        ("only via", ", ".join(safe.channels)),
        ("only at", "; ".join(safe.hours)),
        ("voicemail", "never" if safe.no_voicemail else ""),
        ("sender", "neutral" if safe.neutral_sender else ""),
        ("language", needs.language),
        ("sign language", needs.sign_language),
        ("interpreter", ", ".join((*needs.modes, *needs.interpreter_gender))),
        ("not these", ", ".join(needs.not_these)),
        ("formats", ", ".join(needs.written_formats)),
        ("access needs", ", ".join(needs.access_needs)),
    ]


def scope_of(request: pb.PrivacyRequest) -> str:
    """What it is about, in one line; empty where it is about everything."""
    scope = request.scope
    named = {
        "": scope.categories,
        "record types ": scope.record_types,
        "records ": scope.records,
        "systems ": scope.systems,
        "purposes ": request.purposes,
    }
    return "; ".join(f"{what}{', '.join(names)}" for what, names in named.items() if names)


_RECIPIENTS: Final[Mapping[str, str]] = {
    RequestKind.AUTHORISED_REPRESENTATIVE: "authorised",
    RequestKind.RESTRICTED_ACCESS: "only for",
}
"""What the recipients are to a request of each kind that is not against them."""


def towards(request: pb.PrivacyRequest) -> tuple[str, str]:
    """Against whom it is, who is let in, or who is authorised."""
    against = ", ".join(request.recipients)
    if not against and request.kind == RequestKind.DO_NOT_SHARE and not request.everyone_except:
        against = "everybody"
    return (
        _RECIPIENTS.get(request.kind, "against"),
        f"everyone except {against or 'nobody'}" if request.everyone_except else against,
    )


def show_request(request: pb.PrivacyRequest, at: datetime | None) -> None:
    print_pairs(
        [
            ("request", request.request_id),
            ("kind", request.kind),
            ("state", request.state),
            ("person", request.person),
            ("covers", ", ".join(request.covers)),
            towards(request),
            *_details(request),
            ("categories", ", ".join(request.scope.categories)),
            ("record types", ", ".join(request.scope.record_types)),
            ("records", ", ".join(request.scope.records)),
            ("systems", ", ".join(request.scope.systems)),
            ("purposes", ", ".join(request.purposes)),
            ("legal basis", request.legal_basis),
            ("raised by", request.raised_by),
            ("evidence", request.evidence),
            ("from", request.valid_from),
            ("until", f"{request.valid_until}{if_over(request, at)}"),
            ("zone", request.zone),
            ("review", request.review_date),
            ("on lapse", request.on_lapse),
            ("visibility", request.visibility),
            ("received", moment(request.received_at)),
            ("received by", request.received_by),
        ]
    )


def if_over(request: pb.PrivacyRequest, at: datetime | None) -> str:
    """What follows from an end that has passed `at` a moment; nothing where it has not, or none is known."""
    if at is None or not request.valid_until or request.state not in ("", RequestState.ACTIVE):
        return ""
    try:
        zone = moments.zone_of(request.zone, "request.zone")
        if moments.end(request.valid_until, zone, "request.valid_until") > at:
            return ""
    except InvalidArgumentError:
        return ""
    if request.kind == RequestKind.AUTHORISED_REPRESENTATIVE:
        return "; already ended"
    held = request.on_lapse == OnLapse.HOLD
    return "; already ended; held until reviewed" if held else "; already ended; protects no longer"
