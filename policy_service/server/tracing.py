"""The W3C trace context that a call came with."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACEPARENT = "traceparent"

_PROPAGATOR = TraceContextTextMapPropagator()


def trace_id_of(traceparent: str) -> bytes:
    """Return the 16 bytes of the trace id in a `traceparent` header, or nothing (W3C Trace Context 2)."""
    if not traceparent:
        return b""
    span = trace.get_current_span(_PROPAGATOR.extract({TRACEPARENT: traceparent})).get_span_context()
    return span.trace_id.to_bytes(16, "big") if span.is_valid else b""
