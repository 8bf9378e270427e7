"""Where traces and metrics leave the process: OpenTelemetry's SDK and exporters, wired here and nowhere else.

Whatever an exporter does, it does in threads of its own, from a queue that is bounded, and the process ends
without it. What it says of its failures is not logged, since that holds texts of whoever answered: a line of
ours says when they begin and when they are over.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final, TypeVar

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk import metrics as sdk_metrics
from opentelemetry.sdk.metrics import export as sdk_export
from opentelemetry.sdk.metrics.export import MetricReader, MetricsData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from prometheus_client import CollectorRegistry

from policy_service.server.errors import StartError, cause
from policy_service.server.metrics import Kind, Metric
from policy_service.server.scraping import Endpoint
from policy_service.server.settings import Settings, host_and_port
from policy_service.server.tracing import Tracing

if TYPE_CHECKING:
    from policy_service.server.sending import Metrics, Spans

SEND_SECONDS: Final = 5.0
"""How long one sending may take, its repetitions included."""
END_SECONDS: Final = 2.0
"""How long the last sending may hold up the end of the process."""
CUT_SECONDS: Final = 0.5
"""How long an exporter that was cut off may take to notice."""
MOST_SPANS: Final = 2_048
"""Spans that wait to be sent; the oldest make room."""
MOST_SPANS_AT_ONCE: Final = 512

_SCOPE: Final = "policy_service"

_log = logging.getLogger(__name__)


class Exporters:
    """Of one process, as its settings want them; none is the default."""

    def __init__(self, settings: Settings, process: str) -> None:
        self._settings = settings
        self._resource = Resource.create(
            {
                "service.name": "policy-service",
                "service.version": metadata.version("policy-service"),
                "service.instance.id": process,
            }
        )
        self._senders: list[Spans | Metrics] = []
        self._ends: list[Callable[[], None]] = []
        self.tracing: Tracing | None = None
        """What makes spans, where they are wanted."""
        self.prometheus = ""
        """Where metrics can be read, `host:port`, once they are shown; or empty."""

    def trace(self) -> None:
        """Begin to send spans, if an endpoint is set. Raises `StartError`."""
        if not self._settings.otlp_endpoint:
            return
        from policy_service.server.sending import Spans

        exporter = _made(Spans, self._settings.otlp_endpoint)
        processor = BatchSpanProcessor(
            exporter,
            max_queue_size=MOST_SPANS,
            max_export_batch_size=MOST_SPANS_AT_ONCE,
            schedule_delay_millis=1_000 * self._settings.telemetry_seconds,
        )
        # Whether a call is sampled is decided before a span is asked for.
        provider = TracerProvider(sampler=ALWAYS_ON, resource=self._resource, shutdown_on_exit=False)
        provider.add_span_processor(processor)
        self._senders.append(exporter)
        self._ends.append(provider.shutdown)
        self.tracing = Tracing(provider.get_tracer(_SCOPE), self._settings.trace_ratio)

    def show(self, shown: Iterable[Metric], prometheus: str) -> None:
        """Begin to send metrics, and to let them be read at `prometheus`, where that is set.

        Raises `StartError`, as where somebody else has that port.
        """
        shown = tuple(shown)
        histograms = _Histograms([metric for metric in shown if metric.kind is Kind.HISTOGRAM])
        readers: list[MetricReader] = []
        if self._settings.otlp_endpoint:
            from policy_service.server.sending import Metrics

            exporter = _made(Metrics, self._settings.otlp_endpoint)
            self._senders.append(exporter)
            readers.append(_Sending(histograms, exporter, 1_000 * self._settings.telemetry_seconds))
        if prometheus:
            registry = CollectorRegistry(auto_describe=False)
            host, port = host_and_port(prometheus)
            endpoint = Endpoint(host, port or 0, registry)
            self._ends.append(endpoint.close)
            self.prometheus = endpoint.address
            readers.append(_Shown(histograms, registry))
        if not readers:
            return
        provider = sdk_metrics.MeterProvider(readers, self._resource, shutdown_on_exit=False)
        self._ends.append(lambda: provider.shutdown(1_000 * END_SECONDS))
        meter = provider.get_meter(_SCOPE)
        for metric in shown:
            _observe(meter, metric)

    async def end(self) -> None:
        """Send what is left, and end; within bounds, whatever the other side does."""
        ending = [_in_a_thread(end) for end in self._ends]
        await _over(ending, END_SECONDS)
        if any(thread.is_alive() for thread in ending):
            _log.warning("the last traces or metrics were not sent in time")
            ending += [_in_a_thread(sender.shutdown) for sender in self._senders]
            await _over(ending, CUT_SECONDS)


@asynccontextmanager
async def exporters(settings: Settings, process: str) -> AsyncIterator[Exporters]:
    """Give the exporters of a process, which `process` names, and end them when it is left."""
    made = Exporters(settings, process)
    try:
        made.trace()
        yield made
    finally:
        await made.end()


def _observe(meter: Meter, metric: Metric) -> None:
    def observed(_: CallbackOptions) -> Iterator[Observation]:
        for value, labels in metric.read():
            yield Observation(value, labels)

    match metric.kind:
        case Kind.COUNTER:
            meter.create_observable_counter(metric.name, [observed], metric.unit, metric.text)
        case Kind.GAUGE:
            meter.create_observable_gauge(metric.name, [observed], metric.unit, metric.text)
        case Kind.HISTOGRAM:
            pass  # OpenTelemetry has no observable one: see `_Histograms`


class _Histograms:
    """Adds histograms that were counted already to what a reader has collected.

    An instrument of OpenTelemetry would count them once more, call by call.
    """

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics
        self._since = time.time_ns()

    def added_to(self, collected: MetricsData) -> MetricsData:
        """The same with the histograms, beside the other metrics of this process."""
        now = time.time_ns()
        counted = [metric for each in self._metrics if (metric := self._read(each, now)) is not None]

        def with_them(scope: sdk_export.ScopeMetrics) -> sdk_export.ScopeMetrics:
            ours = scope.scope.name == _SCOPE
            return replace(scope, metrics=[*scope.metrics, *counted]) if ours else scope

        return replace(
            collected,
            resource_metrics=[
                replace(each, scope_metrics=[with_them(scope) for scope in each.scope_metrics])
                for each in collected.resource_metrics
            ],
        )

    def _read(self, metric: Metric, now: int) -> sdk_export.Metric | None:
        """None where it cannot be read: that spoils no other, and ends no reader's thread."""
        try:
            return self._of(metric, now)
        except Exception as error:  # noqa: BLE001 - as for callbacks of instruments
            _log.error("a metric cannot be read", extra={"metric": metric.name, **cause(error)})
            return None

    def _of(self, metric: Metric, now: int) -> sdk_export.Metric:
        points = []
        for ranges, labels in metric.ranges():
            counts = tuple(ranges.counts)
            count = sum(counts)
            if not count:
                continue
            points.append(
                sdk_export.HistogramDataPoint(
                    attributes=labels,
                    start_time_unix_nano=self._since,
                    time_unix_nano=now,
                    count=count,
                    sum=ranges.total,
                    bucket_counts=counts,
                    explicit_bounds=ranges.bounds,
                    min=ranges.least,
                    max=ranges.most,
                )
            )
        cumulative = sdk_export.AggregationTemporality.CUMULATIVE
        return sdk_export.Metric(
            metric.name, metric.text, metric.unit, sdk_export.Histogram(points, cumulative)
        )


class _Sending(sdk_export.PeriodicExportingMetricReader):
    def __init__(self, histograms: _Histograms, exporter: Metrics, milliseconds: float) -> None:
        self._histograms = histograms
        super().__init__(exporter, export_interval_millis=milliseconds)

    def _receive_metrics(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> None:
        super()._receive_metrics(self._histograms.added_to(metrics_data), timeout_millis, **kwargs)


class _Shown(PrometheusMetricReader):
    def __init__(self, histograms: _Histograms, registry: CollectorRegistry) -> None:
        self._histograms = histograms
        super().__init__(scope_info_enabled=False, registry=registry)

    def _receive_metrics(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> None:
        super()._receive_metrics(self._histograms.added_to(metrics_data), timeout_millis, **kwargs)


Sender = TypeVar("Sender", "Spans", "Metrics")


def _made(kind: type[Sender], endpoint: str) -> Sender:
    """An exporter, which reads settings of its own from the environment."""
    try:
        return kind(endpoint, SEND_SECONDS)
    except Exception as error:
        raise StartError("an `OTEL_EXPORTER_OTLP_` setting in the environment cannot be used") from error


def _in_a_thread(work: Callable[..., None]) -> threading.Thread:
    """In one that nothing waits for: the process ends without it."""

    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the interpreter would print its text
            _log.warning("an exporter did not end in order", extra=cause(error))

    thread = threading.Thread(target=run, name="telemetry-end", daemon=True)
    thread.start()
    return thread


async def _over(threads: Sequence[threading.Thread], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(thread.is_alive() for thread in threads) and time.monotonic() < deadline:  # noqa: ASYNC110 - threads set no event of the loop's
        await asyncio.sleep(0.01)
