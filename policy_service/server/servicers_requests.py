"""PrivacyRequestService, method by method."""

from __future__ import annotations

from typing import Any

from policy_service.server import convert_requests as convert
from policy_service.server.handlers import Method
from policy_service.service.requests import Requests

SERVICE = "PrivacyRequestService"


def request_methods(requests: Requests) -> tuple[Method[Any, Any], ...]:
    return (
        Method(SERVICE, "Record", convert.parse_record, requests.record, convert.record_response),
        Method(SERVICE, "Get", convert.parse_get, requests.get, convert.get_response),
        Method(SERVICE, "List", convert.parse_list, requests.list, convert.list_response),
        Method(SERVICE, "History", convert.parse_history, requests.history, convert.history_response),
    )
