"""A log line repeats nothing of a call, whoever wrote it and whatever was raised; it is one JSON object, or
plain text for a person.
"""

from __future__ import annotations

import io
import json
import logging
import re
from typing import Any

import pytest

from policy_service.server import logs
from policy_service.server.logs import JsonFormatter, PlainFormatter

CANARY = "canary-81c4"


def record(name: str, message: str, *arguments: object, **extra: Any) -> logging.LogRecord:
    error = extra.pop("error", None)
    exc_info = (type(error), error, error.__traceback__) if error is not None else None
    made = logging.LogRecord(name, logging.WARNING, "file.py", 1, message, arguments, exc_info)
    vars(made).update(extra)
    return made


def line(name: str, message: str, *arguments: object, **extra: Any) -> dict[str, Any]:
    text = JsonFormatter("worker").format(record(name, message, *arguments, **extra))
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


def test_a_person_reads_the_same_in_plain_words() -> None:
    plain = PlainFormatter("worker")
    said = plain.format(record("policy_service.server.door", "refused %d calls", 3, peer="ipv4:127.0.0.1"))
    assert re.fullmatch(r"[0-9:]{8} warning worker: refused 3 calls \(peer=ipv4:127\.0\.0\.1\)", said)

    said = plain.format(record("policy_service.server.door", "two\nlines \x1b[2J"))
    assert said.endswith("worker: two\\nlines \\x1b[2J")

    said = plain.format(record("sqlalchemy.engine", "parameters %s\nof", CANARY, parameters=CANARY))
    assert said.endswith("worker: parameters %s")


@pytest.mark.parametrize(("terminal", "formatter"), [(True, PlainFormatter), (False, JsonFormatter)])
def test_a_terminal_is_a_person(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, formatter: type[logging.Formatter]
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    monkeypatch.setattr("sys.stderr", stream)
    handler = logs.handler("worker")
    assert type(handler.formatter) is formatter
