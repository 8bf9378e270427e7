"""Which calls are traced, and as part of which trace; what is not sampled is not even begun."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from policy_service.model.errors import NotAvailableError, UnavailableError
from policy_service.server.errors import refusal_of
from policy_service.server.telemetry import Telemetry, current_trace_id, decided
from policy_service.server.tracing import TraceParent, Tracing, parent_of, trace_id_of

SERVICE = "policy_service.api.v1.DecisionService"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"


class Watched:
    """A tracer that keeps what it made, and counts what it was asked for."""

    def __init__(self) -> None:
        self.kept = InMemorySpanExporter()
        self.begun = 0
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.kept))
        self._tracer = provider.get_tracer("test")
        self.start_span = self._start_span

    def _start_span(self, *arguments: object) -> object:
        self.begun += 1
        return self._tracer.start_span(*arguments)  # type: ignore[arg-type]

    def telemetry(self, ratio: float = 0.0, draws: Iterator[float] | None = None) -> Telemetry:
        draw = (lambda: 0.5) if draws is None else (lambda: next(draws))
        return Telemetry(Tracing(self, ratio, draw))  # type: ignore[arg-type]

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.kept.get_finished_spans()


def read(traceparent: str) -> TraceParent:
    found = parent_of(traceparent)
    assert found is not None
    return found


@pytest.mark.parametrize("traceparent", ["x" * 7_000, f"01-{TRACE}-{SPAN}-01-{'x' * 7_000}"])
def test_a_trace_context_of_any_length_leaves_no_log_line(
    traceparent: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Strangers send it, too: each of their calls would leave one."""
    assert parent_of(traceparent) is None
    assert not caplog.records


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        "\N{CAT FACE}",
    ],
)
def test_a_context_that_cannot_be_read_is_none(traceparent: str) -> None:
    assert parent_of(traceparent) is None
    assert trace_id_of(parent_of(traceparent)) == b""


def test_the_caller_decides_whether_his_call_is_sampled() -> None:
    watched = Watched()
    telemetry = watched.telemetry(ratio=1.0)
    telemetry.begin(SERVICE, "Check", read(UNSAMPLED)).end(b"")
    assert (watched.begun, watched.spans) == (0, ())

    watched.telemetry(ratio=0.0).begin(SERVICE, "Check", read(SAMPLED)).end(b"")
    (span,) = watched.spans
    assert span.parent is not None
    assert (span.context.trace_id, span.parent.span_id) == (int(TRACE, 16), int(SPAN, 16))


def test_of_calls_without_a_context_a_share_begins_a_trace() -> None:
    watched = Watched()
    telemetry = watched.telemetry(0.25, iter((0.0, 0.24, 0.25, 0.9)))
    ids = []
    for _ in range(4):
        observed = telemetry.begin(SERVICE, "Check", None)
        ids.append(observed.trace_id)
        observed.end(b"")

    assert watched.begun == 2
    assert ids[2:] == [b"", b""]
    assert ids[:2] == [span.context.trace_id.to_bytes(16, "big") for span in watched.spans]
    assert len(set(ids[:2])) == 2


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [
        (b"", "OK", StatusCode.UNSET),
        (refusal_of(NotAvailableError()), "NOT_FOUND", StatusCode.UNSET),
        (refusal_of(UnavailableError()), "UNAVAILABLE", StatusCode.ERROR),
        (None, "CANCELLED", StatusCode.UNSET),
    ],
)
def test_a_refusal_is_no_error_of_the_server(outcome: bytes | None, status: str, code: StatusCode) -> None:
    watched = Watched()
    telemetry = watched.telemetry()
    telemetry.begin(SERVICE, "Check", read(SAMPLED)).end(outcome)

    (span,) = watched.spans
    assert dict(span.attributes or {})["rpc.response.status_code"] == status
    assert span.status.status_code is code
    ((key, times),) = telemetry.calls.items()
    assert (key, sum(times.counts)) == (("DecisionService/Check", status), 1)


def test_the_trace_id_is_that_of_the_call_that_runs_here() -> None:
    telemetry = Telemetry()
    telemetry.begin(SERVICE, "Check", read(UNSAMPLED))
    assert current_trace_id() == TRACE
    telemetry.begin(SERVICE, "Check", None)
    assert current_trace_id() == ""


def test_what_was_decided_is_noted_on_the_span() -> None:
    watched = Watched()
    observed = watched.telemetry().begin(SERVICE, "Check", read(SAMPLED))
    decided("deny", "NOT_AVAILABLE")
    observed.end(secrets.token_bytes(8))

    (span,) = watched.spans
    attributes = dict(span.attributes or {})
    assert attributes["policy_service.effect"] == "deny"
    assert attributes["policy_service.reason"] == "NOT_AVAILABLE"
