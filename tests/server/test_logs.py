"""A log line is one JSON object, and repeats nothing of a call, whoever wrote it and whatever was raised."""

from __future__ import annotations

import json
import logging
from typing import Any

from policy_service.server.logs import JsonFormatter

CANARY = "canary-81c4"


def line(name: str, message: str, *arguments: object, **extra: Any) -> dict[str, Any]:
    error = extra.pop("error", None)
    exc_info = (type(error), error, error.__traceback__) if error is not None else None
    record = logging.LogRecord(name, logging.WARNING, "file.py", 1, message, arguments, exc_info)
    vars(record).update(extra)
    text = JsonFormatter("worker").format(record)
    assert "\n" not in text
    formatted: dict[str, Any] = json.loads(text)
    return formatted


def test_our_own_messages_have_their_fields() -> None:
    found = line("policy_service.server.door", "refused %d calls", 3, peer="ipv4:127.0.0.1")

    assert found["message"] == "refused 3 calls"
    assert (found["peer"], found["process"], found["level"]) == ("ipv4:127.0.0.1", "worker", "warning")


def test_of_other_libraries_only_the_template_is_kept() -> None:
    found = line("sqlalchemy.engine", "parameters %s\nof a statement", CANARY, parameters=CANARY)

    assert found["message"] == "parameters %s"
    assert CANARY not in json.dumps(found)


def test_a_package_that_only_begins_like_ours_is_another() -> None:
    assert CANARY not in json.dumps(line("policy_service_extras", "%s", CANARY))


def test_of_an_exception_its_types_and_its_place_are_kept() -> None:
    try:
        try:
            json.loads("{}")[CANARY]
        except KeyError as inner:
            raise ValueError(CANARY) from inner
    except ValueError as error:
        found = line("policy_service.server.door", "a call failed", error=error)

    assert found["error"] == "ValueError: KeyError"
    assert found["at"].startswith("test_logs.py:")
    assert CANARY not in json.dumps(found)
