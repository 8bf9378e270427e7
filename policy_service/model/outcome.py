"""What came of a decision, as its caller reports it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from policy_service.model.obligation import ObligationKind


class Performance(StrEnum):
    """What became of an obligation."""

    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ObligationReport:
    """What became of one obligation; empty `recipients` mean all that it concerns."""

    kind: ObligationKind
    performance: Performance
    recipients: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """A caller's report. `dispatched_at` is an aware moment by the caller's clock; None: the moment of the
    report.
    """

    decision_id: str
    dispatched: bool
    dispatched_at: datetime | None = None
    obligations: tuple[ObligationReport, ...] = ()
    trace_id: bytes = b""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a report stands to its decision, and to what was reported before."""

    late: bool = False
    """It went out after the permit had ended."""
    repeated: bool = False
    differs: bool = False
    """It was reported before, with other words."""
    against_decision: bool = False
    """It went out although nothing was permitted, or although an obligation was not done."""
    unreported: tuple[ObligationKind, ...] = ()
    """Obligations of the decision of which the report says nothing."""
