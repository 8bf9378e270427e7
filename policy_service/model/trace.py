"""What a decision leaves for the auditor: everything that the caller is not told.

It holds references, ids and keyed fingerprints. A value that protects somebody (an address, a number, a
name) never enters it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from policy_service.model.decision import Obligation
from policy_service.model.question import CheckCall, FieldAsked
from policy_service.model.vocabulary import Effect, UserKind


@dataclass(frozen=True, slots=True)
class TracedOutcome:
    """One distinct outcome of a gate; cells that came out alike share it."""

    effect: Effect
    reason: str = ""
    told: str = ""
    tier: str = ""
    policies: tuple[str, ...] = ()
    by_error: tuple[str, ...] = ()
    data_subjects: tuple[str, ...] = ()
    envelope: bool = False


@dataclass(frozen=True, slots=True)
class TracedRecipient:
    """A recipient as it was resolved: `person:ID`, `described:KEY`, `team:REF` or `user:REF`."""

    recipient: str
    contact_point: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class DecisionTrace:
    """A decision in full. `cells` indexes `outcomes`, recipient by recipient, the fields in order."""

    call: CheckCall
    """Of which the entry keeps references alone."""
    policy_set: str
    user_kind: UserKind
    purpose: str
    record_type: str
    effect: Effect
    reason: str
    cause: str
    fields: tuple[FieldAsked, ...]
    asked_fields: int
    recipients: tuple[TracedRecipient, ...]
    outcomes: tuple[TracedOutcome, ...]
    cells: tuple[int, ...]
    authority: TracedOutcome | None
    delivery: tuple[TracedOutcome, ...]
    obligations: tuple[Obligation, ...]
    valid_until: datetime | None
    asserted: tuple[tuple[str, tuple[str, ...]], ...] = ()
    facts: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()
