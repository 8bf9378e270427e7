"""What may be noted with a write: its reason, and the key by which it can be asked for again."""

from __future__ import annotations

import hashlib

from policy_service.facts.fingerprints import Fingerprinter
from policy_service.model.errors import InvalidArgumentError
from policy_service.service.asking import Asking, Note

MAX_REASON = 200
MAX_IDEMPOTENCY_KEY = 128


def body_hash(fingerprinter: Fingerprinter, call: Asking, note: Note) -> bytes:
    # Keyed, since a body may hold a phone number, and all phone numbers can be hashed in an afternoon.
    if not note.idempotency_key:
        return b""
    digest = hashlib.sha256(note.body).hexdigest()
    return bytes.fromhex(fingerprinter.asserted("idempotent_body", f"{call.method}\0{digest}"))


def check_note(note: Note) -> None:
    if len(note.reason) > MAX_REASON:
        raise InvalidArgumentError("reason", "TOO_LONG", f"`reason` is longer than {MAX_REASON} characters")
    if len(note.idempotency_key) > MAX_IDEMPOTENCY_KEY:
        raise InvalidArgumentError(
            "idempotency_key",
            "TOO_LONG",
            f"`idempotency_key` is longer than {MAX_IDEMPOTENCY_KEY} characters",
        )
