"""DecisionLogService, method by method."""

from __future__ import annotations

from typing import Any

from policy_service.server import convert_log as convert
from policy_service.server.handlers import Method
from policy_service.server.tails import TailMethod
from policy_service.service.log_questions import LogQuestions
from policy_service.service.log_search import LogSearches
from policy_service.service.replay import Replays

SERVICE = "DecisionLogService"


def log_methods(
    log: LogQuestions, searches: LogSearches, replays: Replays
) -> tuple[Method[Any, Any] | TailMethod[Any, Any], ...]:
    return (
        Method(SERVICE, "Get", convert.parse_get, log.get, convert.get_response),
        Method(SERVICE, "Search", convert.parse_search, searches.search, convert.search_response),
        Method(SERVICE, "Replay", convert.parse_replay, replays.replay, convert.replay_response),
        TailMethod(SERVICE, "Follow", convert.parse_follow, searches.follow, convert.follow_response),
    )
