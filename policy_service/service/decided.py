"""What comes of a call."""

from __future__ import annotations

from dataclasses import dataclass

from policy_service.model.decision import Decision
from policy_service.model.trace import DecisionTrace


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision (its id and token are the caller's to give) and what it leaves for the auditor."""

    decision: Decision
    trace: DecisionTrace
