"""A stand-in for an OpenTelemetry collector: takes what is sent to it by OTLP over gRPC, or misbehaves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

REFUSAL = "canary-in-a-refusal-7d1c"
"""What a collector that refuses says."""

Behaviour = Callable[[grpc.ServicerContext], None]


class Collector:
    """Keeps what it is sent. `behave` is asked first, each time."""

    def __init__(self, behave: Behaviour) -> None:
        self._behave = behave
        self._lock = threading.Lock()
        self.traces: list[trace_service_pb2.ExportTraceServiceRequest] = []
        self.metrics: list[metrics_service_pb2.ExportMetricsServiceRequest] = []
        self.asked = threading.Event()
        self.endpoint = ""

    def spans(self, wanted: int = 0) -> list[Span]:
        """Every span so far, once there are as many as are wanted."""
        return self._once(wanted, lambda: [s for r in self.traces for s in _spans(r)])

    def newest(self, name: str) -> Metric | None:
        """A metric as it was sent last."""
        with self._lock:
            found = [m for r in self.metrics for m in _metrics(r) if m.name == name]
        return found[-1] if found else None

    @property
    def everything(self) -> list[bytes]:
        """What was sent, as bytes."""
        with self._lock:
            return [message.SerializeToString() for message in (*self.traces, *self.metrics)]

    def _once(self, wanted: int, look: Callable[[], list[Span]]) -> list[Span]:
        end = time.monotonic() + 20
        while True:
            with self._lock:
                found = look()
            if len(found) >= wanted:
                return found
            assert time.monotonic() < end, f"{len(found)} of {wanted} spans came"
            time.sleep(0.05)

    def take(self, kept: list[Any], request: Any, context: grpc.ServicerContext) -> None:
        """Keep a request, or do what this collector does instead."""
        self.asked.set()
        self._behave(context)
        with self._lock:
            kept.append(request)


class _Traces(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name in the proto
        self._collector.take(self._collector.traces, request, context)
        return trace_service_pb2.ExportTraceServiceResponse()


class _Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name in the proto
        self._collector.take(self._collector.metrics, request, context)
        return metrics_service_pb2.ExportMetricsServiceResponse()


def takes(_: grpc.ServicerContext) -> None:
    """Takes what comes."""


def refuses(context: grpc.ServicerContext) -> None:
    """Refuses, in words that nobody should find again."""
    context.abort(grpc.StatusCode.PERMISSION_DENIED, REFUSAL)


def is_down(context: grpc.ServicerContext) -> None:
    """Refuses so that it is asked again and again."""
    context.abort(grpc.StatusCode.UNAVAILABLE, REFUSAL)


def hangs(context: grpc.ServicerContext) -> None:
    """Answers nothing until the other side has left."""
    gone = threading.Event()
    if context.add_callback(gone.set):
        gone.wait(60)


@contextmanager
def collecting(behave: Behaviour = takes) -> Iterator[Collector]:
    """Run a collector on a free port of the loopback."""
    collector = Collector(behave)
    server = grpc.server(ThreadPoolExecutor(8))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(_Traces(collector), server)  # type: ignore[no-untyped-call]  # it has no types
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(_Metrics(collector), server)  # type: ignore[no-untyped-call]
    collector.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield collector
    finally:
        server.stop(None).wait(10)


def labels(attributes: Any) -> dict[str, str]:
    """Attributes as text, by name."""
    return {each.key: _text(each) for each in attributes}


def _text(pair: KeyValue) -> str:
    value = pair.value
    return str(getattr(value, value.WhichOneof("value") or "string_value"))


def _spans(request: trace_service_pb2.ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            yield from scope.spans


def _metrics(request: metrics_service_pb2.ExportMetricsServiceRequest) -> Iterator[Metric]:
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            yield from scope.metrics
