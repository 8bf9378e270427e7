"""DecisionService, method by method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from policy_service.decision_log.entry import StoredEntry
from policy_service.model.decision import Decision
from policy_service.model.outcome import Outcome
from policy_service.model.question import CheckCall
from policy_service.server.convert_check import check_response, parse_check
from policy_service.server.convert_explain import explain_response, parse_explain
from policy_service.server.convert_report import parse_report, report_response
from policy_service.server.convert_several import BATCH, STREAM
from policy_service.server.handlers import Call, Method
from policy_service.server.telemetry import decided
from policy_service.service.check import CheckService
from policy_service.service.explain import Explained, ExplainService
from policy_service.service.report import OutcomeReports, Reported

SERVICE: Final = "DecisionService"


def decision_methods(
    checks: CheckService, get: Callable[[str], StoredEntry | None]
) -> tuple[Method[Any, Any], ...]:
    """`get` finds a log entry by its id, in whichever stream it is; blocking."""
    explanations, reports = ExplainService(checks), OutcomeReports(checks, get)

    async def check(call: Call, asked: CheckCall) -> Decision:
        return _noted(
            await checks.check(call.authorization, _traced(asked, call), call.method, call.together)
        )

    async def explain(call: Call, asked: CheckCall) -> Explained:
        explained = await explanations.explain(call.authorization, _traced(asked, call))
        _noted(explained.decision)
        return explained

    async def report(call: Call, outcome: Outcome) -> Reported:
        return await reports.report(call.authorization, replace(outcome, trace_id=call.trace_id))

    return (
        Method(SERVICE, "Check", parse_check, check, check_response),
        Method(SERVICE, "BatchCheck", parse_check, check, check_response, BATCH),
        Method(SERVICE, "CheckStream", parse_check, check, check_response, STREAM),
        Method(SERVICE, "Explain", parse_explain, explain, explain_response),
        Method(SERVICE, "ReportOutcome", parse_report, report, report_response),
    )


def _noted(decision: Decision) -> Decision:
    """Note for the call's span what its caller is told."""
    decided(decision.effect.value, decision.reason)
    return decision


def _traced(asked: CheckCall, call: Call) -> CheckCall:
    return replace(asked, trace_id=call.trace_id) if call.trace_id else asked
