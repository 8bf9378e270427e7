"""CaseworkService, method by method."""

from __future__ import annotations

from typing import Any

from policy_service.server import convert_casework as convert
from policy_service.server.handlers import Method
from policy_service.service.casework import Casework

SERVICE = "CaseworkService"


def casework_methods(casework: Casework) -> tuple[Method[Any, Any], ...]:
    return (
        Method(
            SERVICE,
            "GrantOverride",
            convert.parse_grant_override,
            casework.grant_override,
            convert.granted_response,
        ),
        Method(
            SERVICE,
            "EndOverride",
            convert.parse_end_override,
            casework.end_override,
            convert.ended_override_response,
        ),
        Method(
            SERVICE,
            "RecordOrder",
            convert.parse_record_order,
            casework.record_order,
            convert.recorded_order_response,
        ),
        Method(
            SERVICE,
            "EndOrder",
            convert.parse_end_order,
            casework.end_order,
            convert.ended_order_response,
        ),
        Method(
            SERVICE,
            "ListOverrides",
            convert.parse_list_overrides,
            casework.list_overrides,
            convert.overrides_response,
        ),
        Method(
            SERVICE, "ListOrders", convert.parse_list_orders, casework.list_orders, convert.orders_response
        ),
        Method(SERVICE, "History", convert.parse_history, casework.history, convert.history_response),
    )
