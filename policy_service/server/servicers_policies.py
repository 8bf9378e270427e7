"""PolicyService, method by method."""

from __future__ import annotations

from typing import Any

from policy_service.server import convert_policies as convert
from policy_service.server.convert_policy_test import tried_response
from policy_service.server.handlers import Method
from policy_service.service.policy_questions import PolicyQuestions

SERVICE = "PolicyService"


def policy_methods(policies: PolicyQuestions) -> tuple[Method[Any, Any], ...]:
    return (
        Method(SERVICE, "Validate", convert.parse_validate, policies.validate, convert.validate_response),
        Method(SERVICE, "Test", convert.parse_test, policies.test, tried_response),
        Method(SERVICE, "List", convert.parse_list, policies.list, convert.list_response),
        Method(SERVICE, "Get", convert.parse_get, policies.get, convert.get_response),
        Method(
            SERVICE,
            "ListAttributes",
            convert.parse_list_attributes,
            policies.list_attributes,
            convert.list_attributes_response,
        ),
    )
