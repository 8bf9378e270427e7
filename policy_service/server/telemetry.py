"""What each call leaves for operators: plain numbers, a span if it is sampled, and its trace id on log lines.

Counting costs a microsecond and no lock, and so is always on; `exporting` shows the numbers to instruments a
few times a second, if at all.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from typing import Final

from opentelemetry.trace import Span

from policy_service.model.counting import SECONDS, Histogram
from policy_service.server import tracing
from policy_service.server.errors import Refusal
from policy_service.server.tracing import TraceParent, Tracing, trace_id_of

CANCELLED: Final = "CANCELLED"
"""The status of a call that neither answered nor refused: the process ended under it."""


class Observed:
    """One call, from its message to its answer."""

    __slots__ = ("_began", "_calls", "_effect", "_method", "_reason", "_span", "trace_id")

    def __init__(
        self, calls: dict[tuple[str, str], Histogram], method: str, span: Span | None, trace_id: bytes
    ) -> None:
        self._calls = calls
        self._method = method
        self._span = span
        self.trace_id = trace_id
        """16 bytes, or empty: the caller's, or that of the trace which the call began."""
        self._effect = self._reason = ""
        self._began = time.perf_counter()

    def decided(self, effect: str, reason: str) -> None:
        """Note what the caller is told, in codes: the effect of the whole, and its reason."""
        self._effect, self._reason = effect, reason

    def end(self, outcome: bytes | Refusal | None) -> None:
        """Count the call; None where it came to no end of its own."""
        status = "OK"
        if isinstance(outcome, Refusal):
            status, self._reason = outcome.code.name, outcome.reason
        elif outcome is None:
            status = CANCELLED
        key = (self._method, status)
        times = self._calls.get(key)
        if times is None:
            times = self._calls[key] = Histogram(SECONDS)
        times.add(time.perf_counter() - self._began)
        if self._span is not None:
            tracing.end(self._span, status, self._effect, self._reason)


_observed: ContextVar[Observed | None] = ContextVar("observed", default=None)


def decided(effect: str, reason: str) -> None:
    """Note what the call that runs here tells its caller."""
    observed = _observed.get()
    if observed is not None:
        observed.decided(effect, reason)


def current_trace_id() -> str:
    """The trace id of the call that runs here, 32 hexadecimal digits, or nothing."""
    observed = _observed.get()
    return "" if observed is None else observed.trace_id.hex()


class Telemetry:
    """Of one process. Event loop only, but for reading."""

    def __init__(self, tracing: Tracing | None = None) -> None:
        self.calls: dict[tuple[str, str], Histogram] = {}
        """How many seconds calls took, by method (as log entries name it) and the name of their status."""
        self.refused: dict[str, int] = {"OVERLOADED": 0}
        """Calls that the edge refused before anything of them was done, by cause."""
        self._tracing = tracing

    def begin(self, service: str, method: str, parent: TraceParent | None) -> Observed:
        """Begin to observe a call whose caller is known, in the task that does its work.

        `service` is the full name, as gRPC has it, `parent` what the caller sent.
        """
        trace_id, span = trace_id_of(parent), None
        if self._tracing is not None:
            span = self._tracing.begin(service, method, parent)
            if span is not None and parent is None:
                trace_id = trace_id_of(span.get_span_context())
        name = f"{service.rpartition('.')[2]}/{method}"
        observed = Observed(self.calls, name, span, trace_id)
        _observed.set(observed)
        return observed
