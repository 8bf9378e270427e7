"""What `log show` prints of an entry that is no decision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policy_service.api.v1 import decision_log_pb2 as pb
from policy_service.api.v1 import decision_pb2
from policy_service.cli.render import moment

DISPATCHES: Final = {
    decision_pb2.DISPATCH_DISPATCHED: "dispatched",
    decision_pb2.DISPATCH_NOT_DISPATCHED: "not dispatched",
}
_PERFORMANCES: Final = {decision_pb2.PERFORMANCE_DONE: "done", decision_pb2.PERFORMANCE_FAILED: "failed"}


def event_pairs(entry: pb.LogEntry) -> Iterator[tuple[str, str]]:
    """Give what happened as names and values; nothing for a decision, which is a table."""
    match entry.WhichOneof("event"):
        case "report":
            yield from _report(entry.report)
        case "write":
            yield from (("wrote", fact) for fact in entry.write.facts)
            yield "reason", entry.write.reason
            yield "despite", entry.write.despite
            yield "refused", "yes" if entry.write.refused else ""
            yield from (("kept", kept) for kept in entry.write.kept)
            yield from (("refused for", person) for person in entry.write.refused_people)
        case "read":
            yield from (("looked at", fact) for fact in entry.read.facts)
            yield "found", "yes" if entry.read.found else "no"
            yield "as of", f"revision {entry.read.as_of_revision:,}" if entry.read.as_of_revision else ""
        case "refusal":
            yield "status", entry.refusal.status
            yield "reason", entry.refusal.reason
            yield "field", entry.refusal.field
            yield from (("asked about", person) for person in entry.refusal.people)
        case "refused_callers":
            yield "peer", entry.refused_callers.peer
            yield "cause", entry.refused_callers.cause
            yield "calls", f"{entry.refused_callers.count:,}"
        case "stream":
            yield "kind", entry.stream.kind
            yield "of stream", entry.stream.stream_id
            yield "backup", entry.stream.backup.hex()
            yield "facts' epoch", f"{entry.stream.facts_epoch:012x}" if entry.stream.facts_epoch else ""
            yield "entries", f"{entry.stream.owed:,}" if entry.stream.owed else ""
            yield from (("before it", f"{each.stream_id} {each.size:,}") for each in entry.stream.before)
        case _:
            pass


def _report(report: pb.ReportEvent) -> Iterator[tuple[str, str]]:
    yield "decision", report.decision_id
    yield "it was", DISPATCHES.get(report.dispatch, "unknown")
    yield "at", moment(report.dispatched_at)
    yield from (("obligation", _done(each)) for each in report.obligations)
    standing = report.standing
    yield "not told of", ", ".join(standing.unreported)
    found = {
        "after its permit had ended": standing.late,
        "against the decision": standing.against_decision,
        "the same report again": standing.repeated,
        "other than the report before": standing.differs,
    }
    yield "standing", ", ".join(name for name, holds in found.items() if holds) or "as it should be"


def _done(obligation: decision_pb2.ObligationReport) -> str:
    """As `log show` numbers the recipients of the decision: from 1."""
    towards = ", ".join(str(index + 1) for index in obligation.recipients)
    done = f"{obligation.kind} {_PERFORMANCES.get(obligation.performance, 'unknown')}"
    return f"{done} for {towards}" if towards else done
