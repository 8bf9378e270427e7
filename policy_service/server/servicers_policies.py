"""PolicyService, method by method."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from policy_service.server import convert_policies as convert
from policy_service.server import convert_policy_sets as convert_sets
from policy_service.server.convert_policy_test import tried_response
from policy_service.server.handlers import Method
from policy_service.server.limits import MAX_FILES_BYTES
from policy_service.service.desk import ControlDesk
from policy_service.service.policy_questions import PolicyQuestions
from policy_service.service.policy_sets import PolicySets
from policy_service.service.publishing import Prepare, Publishing

SERVICE = "PolicyService"
OF_FILES = frozenset({"Validate", "Test", "PutSet", "Diff"})
"""Those that are sent whole sets."""


def policy_methods(desk: ControlDesk, prepare: Prepare) -> tuple[Method[Any, Any], ...]:
    """`prepare` has the decision workers compile what is to be published."""
    policies = PolicyQuestions(desk)
    sets, publishing = PolicySets(desk, policies), Publishing(desk, policies, prepare)
    methods = (
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
        Method(
            SERVICE, "PutSet", convert_sets.parse_put_set, publishing.put_set, convert_sets.put_set_response
        ),
        Method(
            SERVICE, "Publish", convert_sets.parse_publish, publishing.publish, convert_sets.publish_response
        ),
        Method(
            SERVICE,
            "Rollback",
            convert_sets.parse_rollback,
            publishing.rollback,
            convert_sets.rollback_response,
        ),
        Method(SERVICE, "Diff", convert_sets.parse_diff, sets.diff, convert_sets.diff_response),
        Method(
            SERVICE,
            "ListSets",
            convert_sets.parse_list_sets,
            sets.list_sets,
            convert_sets.list_sets_response,
        ),
        Method(SERVICE, "GetSet", convert_sets.parse_get_set, sets.get_set, convert_sets.get_set_response),
        Method(SERVICE, "History", convert_sets.parse_history, sets.history, convert_sets.history_response),
    )
    return tuple(
        replace(method, most_bytes=MAX_FILES_BYTES) if method.name in OF_FILES else method
        for method in methods
    )
