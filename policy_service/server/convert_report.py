"""ReportOutcomeRequest bytes → `Outcome`, and `Reported` → ReportOutcomeResponse bytes."""

from __future__ import annotations

from datetime import UTC

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.decision_log.outcomes import standing_message
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.obligation import ObligationKind
from policy_service.model.outcome import ObligationReport, Outcome, Performance
from policy_service.server.bounds import count, read_message, word
from policy_service.service.report import Reported
from policy_service.service.words import checked_id, unknown_word

MAX_REPORTS = 256
"""Obligations of one report: a kind may stand there once for each group of recipients."""

_PERFORMANCE = {pb.PERFORMANCE_DONE: Performance.DONE, pb.PERFORMANCE_FAILED: Performance.FAILED}
_DISPATCHED = {pb.DISPATCH_DISPATCHED: True, pb.DISPATCH_NOT_DISPATCHED: False}


def parse_report(data: bytes) -> Outcome:
    """Read a report and bound it. Raises `InvalidArgumentError`."""
    request = read_message(pb.ReportOutcomeRequest, data)
    if not request.decision_id:
        raise InvalidArgumentError("decision_id", "REQUIRED", "`decision_id` must not be empty")
    if request.dispatch == pb.DISPATCH_UNSPECIFIED:
        raise InvalidArgumentError("dispatch", "REQUIRED", "`dispatch` must say whether it went out")
    if request.dispatch not in _DISPATCHED:
        raise unknown_word("dispatch", "", map(pb.Dispatch.Name, _DISPATCHED))
    dispatched, at = _DISPATCHED[request.dispatch], None
    if request.HasField("dispatched_at"):
        if not dispatched:
            raise InvalidArgumentError(
                "dispatched_at", "NOT_DISPATCHED", "what was not dispatched has no `dispatched_at`"
            )
        try:
            at = request.dispatched_at.ToDatetime(tzinfo=UTC)
        except (ValueError, OverflowError):
            raise InvalidArgumentError("dispatched_at", "BAD_TIME", "`dispatched_at` is no time") from None
    count(request.obligations, "obligations", MAX_REPORTS)
    return Outcome(
        decision_id=checked_id(request.decision_id, "decision_id"),
        dispatched=dispatched,
        dispatched_at=at,
        obligations=_obligations(request),
    )


def report_response(reported: Reported) -> bytes:
    """The answer as bytes."""
    return pb.ReportOutcomeResponse(
        report_id=reported.report_id, standing=standing_message(reported.standing)
    ).SerializeToString(deterministic=True)


def _obligations(request: pb.ReportOutcomeRequest) -> tuple[ObligationReport, ...]:
    reports: dict[ObligationReport, None] = {}
    said: set[tuple[ObligationKind, int | None]] = set()
    for i, report in enumerate(request.obligations):
        at = f"obligations[{i}]"
        if report.performance not in _PERFORMANCE:
            raise unknown_word(f"{at}.performance", "", map(pb.Performance.Name, _PERFORMANCE))
        kind = word(ObligationKind, report.kind, f"{at}.kind")
        count(report.recipients, f"{at}.recipients", MAX_REPORTS)
        each: list[tuple[ObligationKind, int | None]] = [(kind, r) for r in report.recipients]
        each = each or [(kind, None)]
        if len(set(each)) < len(each) or not said.isdisjoint(each):
            raise InvalidArgumentError(at, "REPEATED", f"`{at}` speaks of what was spoken of before")
        said.update(each)
        reports[ObligationReport(kind, _PERFORMANCE[report.performance], tuple(report.recipients))] = None
    return tuple(reports)
