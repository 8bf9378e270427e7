"""Moments as people write them in options, and as they were printed to them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from policy_service.model.errors import InvalidArgumentError
from policy_service.service import moments

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MICROSECOND: Final = timedelta(microseconds=1)


def from_then_on(text: str) -> str:
    """What `--since` says, as the API has it: of a day its beginning, else as it stands."""
    return _sent(text, moments.beginning)


def before_then(text: str) -> str:
    """What `--until` says, as the API has it: of a day, which is included, its end, else as it stands."""
    return _sent(text, moments.end)


def looked_at(text: str) -> datetime:
    """Which moment `--as-of` means: the last one of a day; of a time without fractions the last one of that
    second, since what is printed is cut to the second, and what came in it is meant.

    InvalidArgumentError for what is neither.
    """
    over = moments.end(text, _zone(), "--as-of")
    if _DATE.fullmatch(text):
        return over - _MICROSECOND
    return over if "." in text else over + timedelta(seconds=1) - _MICROSECOND


def is_today(text: str, now: datetime) -> bool:
    """Whether it is the date of the day that is not over at `now` (aware)."""
    return bool(_DATE.fullmatch(text)) and text == now.astimezone(_zone()).date().isoformat()


def _sent(text: str, moment: Callable[[str, ZoneInfo, str], datetime]) -> str:
    if not _DATE.fullmatch(text):
        return text
    try:
        return moment(text, _zone(), "").isoformat()
    except InvalidArgumentError:
        return text  # which the service refuses, and names the option


def _zone() -> ZoneInfo:
    return ZoneInfo(moments.DEFAULT_ZONE)
