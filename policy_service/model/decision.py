"""An answer: a matrix of field instances by recipients, what is owed with it, and until when it holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from policy_service.model.vocabulary import Effect

NOT_AVAILABLE = "NOT_AVAILABLE"
"""The one answer for what is withheld, unknown, or not for this user to know."""
USER_REQUIRED = "USER_REQUIRED"
OBLIGATION_UNSUPPORTED = "OBLIGATION_UNSUPPORTED"
"""It might be permitted with something that the caller cannot do."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One field instance for one recipient. `reason` is what the caller is told; empty on a permit."""

    field: str
    party: str
    recipient: int
    effect: Effect
    reason: str = ""
    envelope: bool = False


@dataclass(frozen=True, slots=True)
class Obligation:
    """What the caller must do. Empty `fields` or `recipients` mean all; parameters are sorted by name."""

    kind: str
    fields: tuple[str, ...] = ()
    recipients: tuple[int, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Bound:
    """What a permitted send is bound to: this recipient, by this contact point and channel, and no other."""

    recipient: int
    contact_point: str
    channel: str


@dataclass(frozen=True, slots=True)
class StaffText:
    """A reason that was told, as a sentence on which staff can act, and what to do next."""

    reason: str
    text: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What leaves the service, once its log entry is durable."""

    decision_id: str
    effect: Effect
    cells: tuple[Cell, ...]
    obligations: tuple[Obligation, ...] = ()
    valid_until: datetime | None = None
    facts_token: str = ""
    reason: str = ""
    bound: tuple[Bound, ...] = ()
    """Of a send with a permitted cell: the recipients to whom something may go."""
    artefact_digest: bytes = b""
    """To what it is bound, where something is and the call named a digest."""
    staff_texts: tuple[StaffText, ...] = ()
    outsider_text: str = ""
    """What anybody else may be told; the same for every answer."""
