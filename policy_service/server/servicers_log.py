"""DecisionLogService, method by method."""

from __future__ import annotations

from typing import Any

from policy_service.server import convert_log as convert
from policy_service.server.handlers import Method
from policy_service.service.log_questions import LogQuestions

SERVICE = "DecisionLogService"


def log_methods(log: LogQuestions) -> tuple[Method[Any, Any], ...]:
    return (Method(SERVICE, "Get", convert.parse_get, log.get, convert.get_response),)
