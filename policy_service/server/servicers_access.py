"""AccessService, method by method."""

from __future__ import annotations

from typing import Any

from policy_service.server import convert_access as convert
from policy_service.server.handlers import Method
from policy_service.service.access import Access

SERVICE = "AccessService"


def access_methods(access: Access) -> tuple[Method[Any, Any], ...]:
    return (
        Method(SERVICE, "PutSystem", convert.parse_put_system, access.put_system, convert.system_response),
        Method(
            SERVICE, "ListSystems", convert.parse_list_systems, access.list_systems, convert.systems_response
        ),
        Method(SERVICE, "PutUser", convert.parse_put_user, access.put_user, convert.user_response),
        Method(SERVICE, "GetUser", convert.parse_get_user, access.get_user, convert.get_user_response),
        Method(SERVICE, "ListUsers", convert.parse_list_users, access.list_users, convert.users_response),
        Method(SERVICE, "IssueToken", convert.parse_issue_token, access.issue_token, convert.issued_response),
        Method(
            SERVICE, "RevokeToken", convert.parse_revoke_token, access.revoke_token, convert.revoked_response
        ),
        Method(SERVICE, "ListTokens", convert.parse_list_tokens, access.list_tokens, convert.tokens_response),
        Method(SERVICE, "History", convert.parse_history, access.history, convert.history_response),
    )
