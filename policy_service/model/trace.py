"""What a decision leaves for the auditor: everything that the caller is not told.

It holds references, ids and keyed fingerprints. A value that protects somebody (an address, a number, a
name) never enters it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from policy_service.model.decision import Obligation
from policy_service.model.kept_call import KeptCall
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
    reader: str = ""
    """Towards whom it was decided, where that was not the recipient: `shares_point:person:ID`."""
    part: str = ""
    """The part of a document that decided."""


@dataclass(frozen=True, slots=True)
class TracedRecipient:
    """A recipient as it was resolved: `person:ID`, `described:KEY`, `team:REF` or `user:REF`."""

    recipient: str
    contact_point: str = ""
    channel: str = ""
    implied_readers: tuple[str, ...] = ()
    """Who else would learn what is sent, each `KIND:NAME`."""
    shared: str = ""
    """Whether others open the contact point: yes, no, unknown; empty where none is named."""


@dataclass(frozen=True, slots=True)
class TracedTask:
    """A supportive obligation, and whose it is; control makes a task of it, once for each entry."""

    kind: str
    owner: str
    """`team:REF` or `user:REF`."""
    recipients: tuple[int, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()


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
    tasks: tuple[TracedTask, ...] = ()
    possible_matches: tuple[str, ...] = ()
    """Each `described:KEY person:ID`."""
    declared_contents: tuple[str, ...] = ()
    """Declarations for the digest that were used, each `declaration:ID`."""
    capabilities: tuple[str, ...] = ()
    """Protective obligations that the caller was held able to do besides those that any caller is."""
    alerts: tuple[str, ...] = ()
    kept: KeptCall | None = None
    """The call as its entry keeps it; None where the entry is too small for it."""
