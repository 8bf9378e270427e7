"""Which option of a command says what a field of a message says."""

from __future__ import annotations

import re
from typing import Final

_NUMBER: Final = re.compile(r"\[[0-9]*\]")

# By the field's path without numbers; what is inside of a field that stands here is said by the same option.
OPTION_OF: Final = {
    # Check
    "user": "--user",
    "record": "--record",
    "fields": "--field",
    "verb": "--send or --to",
    "purpose": "--purpose",
    "channel": "--channel",
    "recipients": "--to",
    "artefact_type": "--artefact",
    "artefact_digest": "--digest",
    "dispatch_reference": "--dispatch-reference",
    "self_service": "--self-service",
    "contact_point": "--contact-point",
    "description": "the file of --describe",
    # privacy requests
    "request.person": "--person",
    "request.kind": "--kind",
    "request.covers": "--covers",
    "request.scope.categories": "--category",
    "request.scope.record_types": "--record-type",
    "request.scope.records": "--record",
    "request.scope.systems": "--system",
    "request.recipients": "--recipient",
    "request.everyone_except": "--everyone-except",
    "request.purposes": "--purpose",
    "request.legal_basis": "--legal-basis",
    "request.raised_by": "--raised-by",
    "request.evidence": "--evidence",
    "request.valid_from": "--from",
    "request.valid_until": "--until",
    "request.zone": "--zone",
    "request.review_date": "--review-date",
    "request.on_lapse": "--on-lapse",
    "request.visibility": "--visibility",
    "person": "--person",
    "request_id": "the ID",
    # systems and tokens
    "system.name": "the NAME",
    "system.controller": "--controller",
    "system.grant.record_types": "--record-type",
    "system.grant.verbs": "--verb",
    "system.grant.purposes": "--purpose",
    "system.grant.may_describe": "--may-describe",
    "system.grant.may_explain": "--may-explain",
    "system.grant.assert_roles": "--assert-role",
    "system.grant.assert_teams": "--assert-team",
    "system.grant.self_service": "--self-service",
    "system.suspended": "--suspended",
    "system": "--system",
    "principal": "--principal",
    "roles": "--role",
    "valid_days": "--days",
    "token_id": "the TOKEN_ID",
    # the decision log
    "entry_id": "the ID",
    # of several
    "x-controller": "--controller",
    "controller": "--controller",
    "idempotency_key": "--idempotency-key",
    "reason": "--reason",
    "page_size": "--limit",
}


def option_of(field: str) -> str:
    """Name the option that says `request.scope.records[3]`, or nothing where none is known."""
    path = _NUMBER.sub("", field).removeprefix("check.")  # Explain has Check's call inside its own
    while path:
        if path in OPTION_OF:
            return OPTION_OF[path]
        path = path.rpartition(".")[0]
    return ""
