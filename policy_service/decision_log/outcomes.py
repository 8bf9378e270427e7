"""Reports of what came of a decision: how they stand in the log, beside the decisions that they are about.

The first report of a decision has an id that follows from the decision's, so that it is found without an
index, and so that two first reports that come at once collide in the log (`DuplicateEntry`) and one of them
learns that it is the second.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.api.v1 import decision_pb2 as pb
from policy_service.decision_log.entries import Head, entry_of, timestamp
from policy_service.model.facts import Controller
from policy_service.model.ids import derived_id
from policy_service.model.obligation import ObligationKind
from policy_service.model.outcome import ObligationReport, Outcome, Performance, Standing

_CHECKS: Final = frozenset(
    {"DecisionService/Check", "DecisionService/BatchCheck", "DecisionService/CheckStream"}
)
"""Methods whose decisions somebody may act on; an explanation is none."""

_PERFORMANCE: Final[Mapping[Performance, pb.Performance.ValueType]] = {
    Performance.DONE: pb.PERFORMANCE_DONE,
    Performance.FAILED: pb.PERFORMANCE_FAILED,
}


@dataclass(frozen=True, slots=True)
class Decided:
    """Of a decision's entry, what its report is held against."""

    controller: Controller
    system: str
    time: datetime
    permitted: bool
    """Some cell was."""
    valid_until: datetime | None
    owed: Mapping[ObligationKind, frozenset[int] | None]
    """Kinds of obligations, and the recipients that each concerns; None: all."""
    recipients: int


def decided_in(data: bytes) -> Decided | None:
    """The decision in an entry's bytes; None where it is the entry of something else."""
    entry = log_pb.LogEntry.FromString(data)
    if entry.method not in _CHECKS or not entry.HasField("decision"):
        return None
    event = entry.decision
    owed: dict[ObligationKind, frozenset[int] | None] = {}
    for obligation in event.obligations:
        kind = ObligationKind(obligation.kind)
        before, now = owed.get(kind, frozenset()), frozenset(obligation.recipients)
        owed[kind] = None if before is None or not now else before | now
    return Decided(
        controller=Controller(entry.controller),
        system=entry.caller.system,
        time=entry.time.ToDatetime(tzinfo=UTC),
        permitted=any(event.outcomes[index].effect == pb.EFFECT_PERMIT for index in event.cells)
        and not event.reason,
        valid_until=event.valid_until.ToDatetime(tzinfo=UTC) if event.HasField("valid_until") else None,
        owed=owed,
        recipients=len(event.recipients),
    )


def first_report_id(decision_id: str) -> str:
    """The id of the first report of a decision: a UUIDv7 (RFC 9562 5.7) of the decision's own millisecond."""
    return derived_id(uuid.UUID(decision_id).int >> 80, f"report of {decision_id}")


def report_entry(head: Head, outcome: Outcome, standing: Standing) -> bytes:
    """The entry of a report."""
    entry = entry_of(head)
    event = entry.report
    event.decision_id = outcome.decision_id
    event.dispatch = pb.DISPATCH_DISPATCHED if outcome.dispatched else pb.DISPATCH_NOT_DISPATCHED
    if outcome.dispatched_at is not None:
        event.dispatched_at.CopyFrom(timestamp(outcome.dispatched_at))
    event.obligations.extend(_obligation(report) for report in outcome.obligations)
    event.standing.CopyFrom(standing_message(standing))
    return entry.SerializeToString(deterministic=True)


def says_the_same(data: bytes, outcome: Outcome) -> bool:
    """Tell whether a report's entry holds what `outcome` says."""
    event = log_pb.LogEntry.FromString(data).report
    at = event.dispatched_at.ToDatetime(tzinfo=UTC) if event.HasField("dispatched_at") else None
    return (
        (event.dispatch == pb.DISPATCH_DISPATCHED) is outcome.dispatched
        and at == outcome.dispatched_at
        and sorted(each.SerializeToString(deterministic=True) for each in event.obligations)
        == sorted(_obligation(each).SerializeToString(deterministic=True) for each in outcome.obligations)
    )


def standing_message(standing: Standing) -> pb.ReportStanding:
    """A standing as it is told to the caller and written into the log alike."""
    return pb.ReportStanding(
        late=standing.late,
        repeated=standing.repeated,
        differs=standing.differs,
        against_decision=standing.against_decision,
        unreported=standing.unreported,
    )


def _obligation(report: ObligationReport) -> pb.ObligationReport:
    return pb.ObligationReport(
        kind=report.kind, recipients=report.recipients, performance=_PERFORMANCE[report.performance]
    )
