"""Exporters that are refused, hang or are somebody else's: nothing waits for them, and no word of theirs is
logged.
"""

from __future__ import annotations

import ast
import asyncio
import json
import logging
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import grpc
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric as PrometheusMetric
from prometheus_client.registry import Collector as Collecting

import policy_service
from policy_service.facts.memory import FactsMemory
from policy_service.facts.reader import FactsReader
from policy_service.model.errors import UnavailableError
from policy_service.server import exporting, scraping
from policy_service.server.errors import StartError
from policy_service.server.exporting import exporters
from policy_service.server.logs import JsonFormatter, set_up
from policy_service.server.metrics import Kind, Metric, of_calls, of_memory
from policy_service.server.scraping import MOST_CONNECTIONS, Endpoint
from policy_service.server.settings import Settings
from policy_service.server.telemetry import Telemetry
from policy_service.server.tracing import parent_of
from tests.support.collector import REFUSAL, Behaviour, Collector, collecting, hangs, is_down, refuses, takes

SERVICE = "policy_service.api.v1.DecisionService"
SAMPLED = parent_of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
ANYWHERE = "127.0.0.1:0"
LONG_SEND_SECONDS = 30.0
"""So long that whoever waits for a sending is told from whoever is slow, on a busy machine, too."""


@pytest.fixture
def lines() -> Iterator[Callable[[], list[str]]]:
    """What the process would have written to stderr, line by line."""
    root = logging.getLogger()
    before, level, records = root.handlers[:], root.level, list[str]()

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(self.format(record))

    set_up("worker")
    kept = Kept()
    kept.setFormatter(JsonFormatter("worker"))
    root.handlers[:] = [kept]
    try:
        yield lambda: records
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        logging.captureWarnings(capture=False)
        logging.getLogger("opentelemetry.exporter").setLevel(logging.NOTSET)


def settings(endpoint: str = "") -> Settings:
    return Settings(otlp_endpoint=endpoint, telemetry_seconds=0.25)


def free_endpoint() -> str:
    """Where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


async def watch(endpoint: str, until: Callable[[], bool]) -> float:
    """Make sampled calls until something is so; returns what the end took, in seconds."""
    async with exporters(settings(endpoint), "worker-0") as sent:
        telemetry = Telemetry(sent.tracing)
        sent.show(of_calls(telemetry), "")
        deadline = time.monotonic() + 20
        while not until():
            assert time.monotonic() < deadline
            telemetry.begin(SERVICE, "Check", SAMPLED).end(b"")
            await asyncio.sleep(0.02)
        began = time.monotonic()
    return time.monotonic() - began


def told(lines: list[str], message: str) -> list[dict[str, str]]:
    return [line for line in map(json.loads, lines) if line["message"] == message]


async def test_a_collector_that_refuses_is_told_of_once_and_not_in_its_words(
    lines: Callable[[], list[str]],
) -> None:
    behaviour: list[Behaviour] = [refuses]

    def behave(context: grpc.ServicerContext) -> None:
        behaviour[-1](context)

    with collecting(behave) as collector:

        def recovered() -> bool:
            if len(told(lines(), "telemetry cannot be sent, and some is lost")) == 2:
                behaviour.append(takes)
            return len(told(lines(), "sending telemetry works again")) == 2

        await watch(collector.endpoint, recovered)

    lost = told(lines(), "telemetry cannot be sent, and some is lost")
    assert sorted(line["what"] for line in lost) == ["metrics", "traces"]
    assert {json.loads(line)["logger"] for line in lines()} == {"policy_service.server.sending"}
    assert not [line for line in lines() if REFUSAL in line or collector.endpoint.rpartition("/")[2] in line]


@pytest.mark.parametrize("kind", ["hangs", "refuses", "is down", "nobody listens"])
async def test_the_end_waits_for_no_collector(
    kind: str, lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "SEND_SECONDS", LONG_SEND_SECONDS)
    with ExitStack() as stack:
        if kind == "nobody listens":
            seen = [time.monotonic()]
            taken = await watch(free_endpoint(), lambda: time.monotonic() > seen[0] + 1)
        else:
            behave = {"hangs": hangs, "refuses": refuses, "is down": is_down}[kind]
            collector = stack.enter_context(collecting(behave))
            taken = await watch(collector.endpoint, collector.asked.is_set)
    assert taken < exporting.END_SECONDS + exporting.CUT_SECONDS + 5  # of which five are a busy machine's
    assert not [line for line in lines() if REFUSAL in line]


async def test_more_spans_than_can_wait_push_out_the_oldest(
    lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "SEND_SECONDS", LONG_SEND_SECONDS)
    with collecting(hangs) as collector:
        async with exporters(settings(collector.endpoint), "worker-0") as sent:
            telemetry = Telemetry(sent.tracing)
            began = time.monotonic()
            for _ in range(2 * exporting.MOST_SPANS + exporting.MOST_SPANS_AT_ONCE):
                telemetry.begin(SERVICE, "Check", SAMPLED).end(b"")
            assert time.monotonic() - began < LONG_SEND_SECONDS * 2 / 3
    assert len(lines()) < 10


async def test_what_is_left_is_sent_at_the_end() -> None:
    with collecting() as collector:
        slow = Settings(otlp_endpoint=collector.endpoint, telemetry_seconds=3_600)
        async with exporters(slow, "worker-0") as sent:
            telemetry = Telemetry(sent.tracing)
            sent.show(of_calls(telemetry), "")
            telemetry.begin(SERVICE, "Check", SAMPLED).end(b"")
        assert len(collector.spans()) == 1
        assert collector.newest("rpc.server.call.duration") is not None


async def test_without_settings_nothing_is_exported() -> None:
    async with exporters(Settings(), "worker-0") as sent:
        sent.show(of_calls(Telemetry()), "")
        assert (sent.tracing, sent.prometheus) == (None, "")


@pytest.mark.parametrize("variable", ["COMPRESSION", "TRACES_TIMEOUT"])
async def test_settings_that_the_exporter_refuses_are_told_of(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{variable}", REFUSAL)
    with pytest.raises(StartError, match="OTEL_EXPORTER_OTLP_") as refused:
        async with exporters(settings("http://127.0.0.1:4317"), "worker-0"):
            pass
    assert REFUSAL not in str(refused.value)


async def test_a_port_that_somebody_has_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with exporters(Settings(), "worker-0") as sent:
            with pytest.raises(StartError, match="for Prometheus"):
                sent.show(of_calls(Telemetry()), f"127.0.0.1:{port}")


def scrape(address: str, seconds: float = 10.0) -> str:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=seconds) as answer:
        text: str = answer.read().decode()
        return text


async def test_the_endpoint_listens_by_ipv6_too() -> None:
    async with exporters(Settings(), "control") as sent:
        sent.show(of_calls(Telemetry()), "[::1]:0")
        assert "policy_service_edge_refusals" in await asyncio.to_thread(scrape, sent.prometheus)


async def test_connections_beyond_a_bound_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scraping._Handler, "timeout", 60.0)  # so that nobody is cut off who stalls
    async with exporters(Settings(), "control") as sent:
        sent.show(of_calls(Telemetry()), ANYWHERE)
        host, _, port = sent.prometheus.rpartition(":")
        with ExitStack() as stack:
            stalled = [
                stack.enter_context(socket.create_connection((host, int(port)), 5))
                for _ in range(MOST_CONNECTIONS + 3)
            ]
            async with asyncio.timeout(20):
                while sum(map(_closed, stalled)) < 3:  # noqa: ASYNC110 - another thread's
                    await asyncio.sleep(0.05)
            over = [one for one in stalled if _closed(one)]
        assert len(over) == 3
        await asyncio.sleep(0.3)
        assert "policy_service_edge_refusals" in await asyncio.to_thread(scrape, sent.prometheus)


async def test_nobody_fills_the_endpoint_by_sending_slowly() -> None:
    async with exporters(Settings(), "control") as sent:
        sent.show(of_calls(Telemetry()), ANYWHERE)
        host, _, port = sent.prometheus.rpartition(":")
        with ExitStack() as stack:
            for _ in range(MOST_CONNECTIONS):
                slow = stack.enter_context(socket.create_connection((host, int(port)), 5))
                slow.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
            await asyncio.sleep(0.2)
            assert "policy_service_edge_refusals" in await asyncio.to_thread(scrape, sent.prometheus)


def _closed(connection: socket.socket) -> bool:
    connection.settimeout(0.05)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False


async def test_a_number_that_cannot_be_read_spoils_no_other(
    lines: Callable[[], list[str]], tmp_path: Path
) -> None:
    reader = FactsReader(f"sqlite:///{tmp_path}/facts.db")  # nobody reads it
    with collecting() as collector, closing(reader), closing(FactsMemory(reader)) as memory:
        await _with_numbers_that_cannot_be_read(collector, memory)
    assert not [line for line in lines() if REFUSAL in line]


async def _with_numbers_that_cannot_be_read(collector: Collector, memory: FactsMemory) -> None:
    def down() -> int:
        raise UnavailableError

    def broken() -> Iterator[tuple[float, dict[str, str]]]:
        raise ValueError(REFUSAL)

    telemetry = Telemetry()
    telemetry.begin(SERVICE, "Check", None).end(b"")
    bad = [
        Metric(Kind.GAUGE, "bad.gauge", "", "", broken),
        Metric(Kind.HISTOGRAM, "bad.ranges", "", "", ranges=broken),  # type: ignore[arg-type]
    ]
    async with exporters(settings(collector.endpoint), "worker-0") as sent:
        sent.show((*bad, *of_memory(down, memory), *of_calls(telemetry)), ANYWHERE)
        shown = await asyncio.to_thread(scrape, sent.prometheus)
        async with asyncio.timeout(20):
            while len(collector.metrics) < 2:  # noqa: ASYNC110 - another thread's
                await asyncio.sleep(0.05)
    assert "policy_service_edge_refusals" in shown
    assert "rpc_server_call_duration_seconds_count" in shown
    assert "policy_service_revisions_behind" not in shown
    assert "policy_service_memory_size" in shown
    assert collector.newest("rpc.server.call.duration") is not None
    assert collector.newest("policy_service.edge.refusals") is not None


def test_a_scrape_that_fails_tells_nothing(lines: Callable[[], list[str]]) -> None:
    class Broken(Collecting):
        def collect(self) -> Iterator[PrometheusMetric]:
            raise ValueError(REFUSAL)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Broken())
    endpoint = Endpoint("127.0.0.1", 0, registry)
    try:
        with pytest.raises(urllib.error.HTTPError) as refused:
            scrape(endpoint.address)
        with refused.value as answer:
            assert (answer.code, REFUSAL.encode() in answer.read()) == (500, False)
    finally:
        endpoint.close()
    assert told(lines(), "the metrics could not be shown")
    assert not [line for line in lines() if REFUSAL in line]


def test_the_sdk_is_wired_in_two_modules() -> None:
    found = set()
    package = Path(policy_service.__file__).parent
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.startswith(("opentelemetry.sdk", "opentelemetry.exporter")) for name in names):
                found.add(file.relative_to(package).as_posix())
    assert found == {"server/exporting.py", "server/sending.py"}
