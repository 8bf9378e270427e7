"""What comes of a call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from policy_service.model.decision import Decision
from policy_service.model.trace import DecisionTrace

VALID_FOR: Final = timedelta(minutes=15)
"""How long a permitted send may wait before it is asked again, unless a fact changes sooner."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision (its id and token are the caller's to give) and what it leaves for the auditor."""

    decision: Decision
    trace: DecisionTrace
