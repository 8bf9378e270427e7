"""RetentionService, method by method."""

from __future__ import annotations

from typing import Any

from policy_service.server import convert_retention as convert
from policy_service.server.handlers import Method
from policy_service.service.erasure import Erasure
from policy_service.service.retention import Retention

SERVICE = "RetentionService"


def retention_methods(retention: Retention, erasure: Erasure) -> tuple[Method[Any, Any], ...]:
    return (
        Method(SERVICE, "PutRule", convert.parse_put_rule, retention.put_rule, convert.put_rule_response),
        Method(SERVICE, "ListRules", convert.parse_list_rules, retention.list_rules, convert.rules_response),
        Method(SERVICE, "PlaceHold", convert.parse_place_hold, retention.place_hold, convert.placed_response),
        Method(SERVICE, "LiftHold", convert.parse_lift_hold, retention.lift_hold, convert.lifted_response),
        Method(SERVICE, "ListHolds", convert.parse_list_holds, retention.list_holds, convert.holds_response),
        Method(SERVICE, "History", convert.parse_history, retention.history, convert.history_response),
        Method(SERVICE, "Run", convert.parse_run, retention.run, convert.run_response),
        Method(
            SERVICE,
            "ErasePerson",
            convert.parse_erase_person,
            erasure.erase_person,
            convert.erased_response,
        ),
    )
