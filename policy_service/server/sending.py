"""Sending traces and metrics by OTLP. Loaded only where an endpoint is set: it is a tenth of what a process
loads.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

_log = logging.getLogger(__name__)


class _Told:
    """Says when sending begins to fail, and when it works again."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._failing = False

    def of(self, *, sent: bool) -> None:
        if self._failing is sent:
            self._failing = not sent
            if sent:
                _log.info("sending telemetry works again", extra={"what": self._what})
            else:
                _log.warning("telemetry cannot be sent, and some is lost", extra={"what": self._what})


class Spans(OTLPSpanExporter):
    """Sends spans."""

    def __init__(self, endpoint: str, timeout: float) -> None:
        self._told = _Told("traces")
        super().__init__(endpoint=endpoint, timeout=timeout)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = super().export(spans)
        self._told.of(sent=result is SpanExportResult.SUCCESS)
        return result


class Metrics(OTLPMetricExporter):
    """Sends metrics."""

    def __init__(self, endpoint: str, timeout: float) -> None:
        self._told = _Told("metrics")
        super().__init__(endpoint=endpoint, timeout=timeout)

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        result = super().export(metrics_data, timeout_millis, **kwargs)
        self._told.of(sent=result is MetricExportResult.SUCCESS)
        return result
