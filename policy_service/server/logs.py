"""Structured logs: one JSON object a line on stderr, without any value of a call, of a person or of a token.

Where stderr is a terminal, a person reads them, and the same is written as plain text.
Our own messages are fixed texts, and what varies stands in named fields. Of other libraries' messages only
the template is kept, not what they fill in, and of an exception its types and place, never its text.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from policy_service.server.errors import cause
from policy_service.server.telemetry import current_trace_id

_OWN = "policy_service"
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON; `process` names the process in each."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """See the module's text."""
        return json.dumps(self.fields(record), default=str, ensure_ascii=False)

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """What is told of a record, by name."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": str(record.msg).partition("\n")[0],
        }
        if record.name.partition(".")[0] == _OWN:
            line["message"] = record.getMessage()
            line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info is not None and record.exc_info[1] is not None:
            line |= cause(record.exc_info[1])
        if trace_id := current_trace_id():
            line["trace_id"] = trace_id
        return line


class PlainFormatter(JsonFormatter):
    """The same for a person: `14:03:07 info control: ready (decision_port=50051)`, by the machine's clock."""

    def format(self, record: logging.LogRecord) -> str:
        """See the class's text; what would steer a terminal is escaped."""
        line = self.fields(record)
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        named = ("time", "level", "process", "logger", "message")
        more = ", ".join(f"{name}={value}" for name, value in line.items() if name not in named)
        text = f"{at} {line['level']} {self._process}: {line['message']}" + (f" ({more})" if more else "")
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def handler(process: str) -> logging.Handler:
    """Write to stderr: JSON, or plain text where it is a terminal."""
    made = logging.StreamHandler(sys.stderr)
    made.setFormatter(PlainFormatter(process) if sys.stderr.isatty() else JsonFormatter(process))
    return made


def set_up(process: str, level: int = logging.INFO) -> None:
    """Send every log of this process to stderr."""
    root = logging.getLogger()
    root.handlers[:] = [handler(process)]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of each start that nothing was to do
    # What an exporter says of a failure, `exporting` says once, without what the other side answered.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
