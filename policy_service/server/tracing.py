"""Traces: the W3C trace context that a call came with, and the span of a call that is sampled.

A span says what its caller is told, in codes, and nothing else: who sends the context may know a person's
name by it. So there is no reason here that only auditors see; and no `tracestate`, which is the caller's own
text.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, TypeAlias

from opentelemetry import trace
from opentelemetry.trace import Span, SpanContext, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACEPARENT = "traceparent"
MOST_CHARACTERS: Final = 256
"""Of a `traceparent`, which has 55 today. Whatever is longer says nothing: of its length the propagator would
write a log line, and strangers send it, too.
"""

TraceParent: TypeAlias = SpanContext
"""What a caller says of the trace that his call belongs to: its id, his span's, and whether it is sampled."""

_PROPAGATOR = TraceContextTextMapPropagator()

_SYSTEM: Final = "rpc.system"
_SERVICE: Final = "rpc.service"
_METHOD: Final = "rpc.method"
STATUS: Final = "rpc.response.status_code"
EFFECT: Final = "policy_service.effect"
REASON: Final = "policy_service.reason"

_FAILURES: Final = frozenset({"UNKNOWN", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED"})
"""What is an error of the server, by the conventions for gRPC spans; a refusal is none, nor is a deny."""


def parent_of(traceparent: str) -> TraceParent | None:
    """Read a `traceparent` header; None for one that says nothing (W3C Trace Context 3.2).

    It is read alone: without `tracestate`, which nobody here understands.
    """
    if not 0 < len(traceparent) <= MOST_CHARACTERS:
        return None
    span = trace.get_current_span(_PROPAGATOR.extract({TRACEPARENT: traceparent})).get_span_context()
    return span if span.is_valid else None


def trace_id_of(parent: TraceParent | None) -> bytes:
    """The 16 bytes of the trace id, or nothing."""
    return b"" if parent is None else parent.trace_id.to_bytes(16, "big")


class Tracing:
    """Makes the spans of calls, for those that are sampled: the caller decides, where he sends a context."""

    def __init__(self, tracer: Tracer, ratio: float, draw: Callable[[], float] = random.random) -> None:
        """`ratio`: the share of calls without a context that begin a trace. `tracer` makes every span that it
        is asked for.
        """
        self._tracer = tracer
        self._ratio = ratio
        self._draw = draw

    def begin(self, service: str, method: str, parent: TraceParent | None) -> Span | None:
        """Begin the span of a call, or None: no span is made to find out that it is not wanted."""
        sampled = parent.trace_flags.sampled if parent is not None else self._draw() < self._ratio
        if not sampled:
            return None
        context = None if parent is None else trace.set_span_in_context(trace.NonRecordingSpan(parent))
        return self._tracer.start_span(
            f"{service}/{method}",
            context,
            SpanKind.SERVER,
            {_SYSTEM: "grpc", _SERVICE: service, _METHOD: method},
        )


def end(span: Span, status: str, effect: str, reason: str) -> None:
    """End the span of a call: the name of its gRPC status, and what its caller was told."""
    span.set_attribute(STATUS, status)
    if effect:
        span.set_attribute(EFFECT, effect)
    if reason:
        span.set_attribute(REASON, reason)
    if status in _FAILURES:
        span.set_status(StatusCode.ERROR)
    span.end()
