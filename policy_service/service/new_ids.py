"""Ids of facts that have no name of their own by which a call sent again could find them."""

from __future__ import annotations

import uuid

from policy_service.facts.fingerprints import Fingerprinter
from policy_service.model.ids import random_id
from policy_service.service.drafting import Occasion


def new_id(fingerprinter: Fingerprinter, kind: str, occasion: Occasion) -> str:
    """Random; with an idempotency key the same for the same key and asker, so that asking again finds it.

    `kind` keeps apart what one key was used for: `request_id`, `override_id`. Look for the id among what
    another key finds: one that is random would be cold each time that the facts are looked at again.
    """
    if not occasion.idempotency_key:
        return random_id()
    asker = f"{occasion.controller}\0{occasion.caller.controller}\0{occasion.caller.principal}"
    digest = fingerprinter.asserted(kind, f"{asker}\0{occasion.idempotency_key}")
    return str(uuid.UUID(bytes=bytes.fromhex(digest)[:16], version=4))
