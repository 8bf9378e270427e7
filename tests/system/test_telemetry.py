"""What operators see of a running service: spans and metrics at a collector, and at the endpoints for
Prometheus.
"""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.parser import text_string_to_metric_families

from policy_service.api.v1 import decision_pb2
from policy_service.server.exporting import SEND_SECONDS
from tests.server.calling import Client, Refused
from tests.support.asking import check, question
from tests.support.collector import Collector, collecting, hangs, labels
from tests.support.running import Service, running, start
from tests.system.conftest import Clinic, opened

pytestmark = pytest.mark.xdist_group("telemetry")  # one service for all of them

SAMPLED, UNSAMPLED = "01", "00"


@dataclass
class Watched:
    """A clinic whose service tells a collector, and lets Prometheus read."""

    clinic: Clinic
    collector: Collector

    def ask(self, number: int, flags: str, message: bytes | None = None) -> str:
        """A check in a trace of its own; returns the trace id."""
        trace_id = f"{number:032x}"
        with suppress(Refused):
            self.clinic.worker.call(
                "DecisionService/Check",
                question() if message is None else message,
                token=self.clinic.token,
                metadata=(
                    ("traceparent", f"00-{trace_id}-{number:016x}-{flags}"),
                    ("tracestate", "canary=9c1f"),
                ),
            )
        return trace_id

    def span(self, trace_id: str) -> Span:
        """The one span of a trace, once it has come."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            found = [span for span in self.collector.spans() if span.trace_id.hex() == trace_id]
            if found:
                (span,) = found
                return span
            time.sleep(0.05)
        raise AssertionError("the span did not come")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with (
        collecting() as collector,
        running(
            tmp_path_factory.mktemp("watched") / "var",
            otlp_endpoint=collector.endpoint,
            trace_ratio="0",
            telemetry_seconds="0.25",
            decision_prometheus="127.0.0.1:0",
            control_prometheus="127.0.0.1:0",
        ) as service,
    ):
        yield Watched(opened(service), collector)


def prometheus(service: Service, process: str) -> str:
    """Where a process says, when it is ready, that it can be read."""
    return f"http://{places(service, process)[-1]}/metrics"


def places(service: Service, process: str) -> list[str]:
    """Where each process of this name could be read."""
    lines = (json.loads(line) for line in service.logged.splitlines())
    return [line["prometheus"] for line in lines if line["process"] == process and "prometheus" in line]


def scraped(
    service: Service, process: str = "worker-0"
) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """What Prometheus reads: samples by name and labels."""
    with urllib.request.urlopen(prometheus(service, process), timeout=10) as answer:
        text = answer.read().decode()
    samples: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            samples.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return samples


def with_labels(samples: dict[tuple[tuple[str, str], ...], float], **wanted: str) -> float:
    """The sum of the samples with these labels."""
    return sum(value for found, value in samples.items() if wanted.items() <= dict(found).items())


def test_a_sampled_call_is_a_span_of_its_callers_trace(watched: Watched) -> None:
    span = watched.span(watched.ask(0xA1, SAMPLED))

    assert span.name == "policy_service.api.v1.DecisionService/Check"
    assert span.kind == Span.SPAN_KIND_SERVER
    assert span.parent_span_id.hex() == f"{0xA1:016x}"
    assert span.trace_state == ""
    assert 0 < span.end_time_unix_nano - span.start_time_unix_nano < 10_000_000_000
    assert labels(span.attributes) == {
        "rpc.system": "grpc",
        "rpc.service": "policy_service.api.v1.DecisionService",
        "rpc.method": "Check",
        "rpc.response.status_code": "OK",
        "policy_service.effect": "permit",
    }


def test_a_span_says_what_its_caller_is_told_and_no_more(watched: Watched) -> None:
    told = check(watched.clinic.worker, watched.clinic.token, "stranger")
    message = question("stranger")
    span = watched.span(watched.ask(0xA2, SAMPLED, message))

    found = labels(span.attributes)
    assert (found["policy_service.effect"], found["policy_service.reason"]) == ("deny", told.reason)
    assert told.reason == "NOT_AVAILABLE"


def test_a_refusal_is_a_span_with_its_status(watched: Watched) -> None:
    found = labels(watched.span(watched.ask(0xA3, SAMPLED, b"\xff")).attributes)

    assert found["rpc.response.status_code"] == "INVALID_ARGUMENT"
    assert found["policy_service.reason"] == "UNREADABLE_MESSAGE"


def test_each_question_of_a_batch_is_a_span(watched: Watched) -> None:
    checks = [decision_pb2.CheckRequest.FromString(question(nurse)) for nurse in ("nurse", "stranger", "")]
    watched.clinic.worker.call(
        "DecisionService/BatchCheck",
        decision_pb2.BatchCheckRequest(checks=checks).SerializeToString(),
        token=watched.clinic.token,
        metadata=(("traceparent", f"00-{0xA4:032x}-{0xA4:016x}-{SAMPLED}"),),
    )
    watched.span(watched.ask(0xA5, SAMPLED))  # whatever came before it has come with it

    spans = [span for span in watched.collector.spans() if span.trace_id.hex() == f"{0xA4:032x}"]
    found = [labels(span.attributes) for span in spans]
    assert {each["rpc.method"] for each in found} == {"BatchCheck"}
    assert sorted(each["policy_service.effect"] for each in found) == ["deny", "deny", "permit"]


def test_calls_that_are_not_sampled_make_no_span(watched: Watched) -> None:
    unsampled = {watched.ask(number, UNSAMPLED) for number in range(0xB0, 0xC0)}
    check(watched.clinic.worker, watched.clinic.token)
    watched.span(watched.ask(0xC1, SAMPLED))  # whatever came before it would have come with it

    spans = watched.collector.spans()
    assert not unsampled & {span.trace_id.hex() for span in spans}
    assert all(span.parent_span_id for span in spans), "a call without a context began a trace"


def test_a_stranger_makes_no_span(watched: Watched) -> None:
    with Client(watched.clinic.service.decision_port) as stranger, pytest.raises(Refused):
        stranger.call(
            "DecisionService/Check",
            question(),
            token="nobody",
            metadata=(("traceparent", f"00-{0xD1:032x}-{0xD1:016x}-01"),),
        )
    watched.span(watched.ask(0xD2, SAMPLED))

    assert not any(span.trace_id.hex() == f"{0xD1:032x}" for span in watched.collector.spans())


def test_prometheus_reads_what_was_decided(watched: Watched) -> None:
    before, service = scraped(watched.clinic.service), watched.clinic.service
    for nurse in ("nurse", "nurse", "stranger"):
        check(watched.clinic.worker, watched.clinic.token, nurse)
    watched.ask(0xE1, UNSAMPLED, b"\xff")
    with Client(service.decision_port) as stranger, pytest.raises(Refused):
        stranger.call("DecisionService/Check", question())
    after = scraped(service)

    def grown(name: str, **wanted: str) -> float:
        return with_labels(after[name], **wanted) - with_labels(before.get(name, {}), **wanted)

    assert grown("policy_service_decisions_total", effect="permit", method="DecisionService/Check") == 2
    assert grown("policy_service_decisions_total", effect="deny") == 1
    assert grown("policy_service_outcomes_total", gate="authority", effect="permit") == 2
    assert grown("policy_service_outcomes_total", gate="disclosure", effect="permit", tier="basis") == 2
    assert grown("policy_service_outcomes_total", effect="deny") == 1
    assert grown("policy_service_edge_refusals_total", cause="TOKEN_MISSING") == 1
    calls = {"rpc_method": "DecisionService/Check"}
    ok, refused = {"rpc_response_status_code": "OK"}, {"rpc_response_status_code": "INVALID_ARGUMENT"}
    assert grown("rpc_server_call_duration_seconds_count", **calls, **ok) == 3
    assert grown("rpc_server_call_duration_seconds_bucket", **calls, **refused, le="+Inf") == 1
    assert 0 < grown("rpc_server_call_duration_seconds_sum", **calls, **ok) < 30
    assert grown("policy_service_round_size_sum") == 4
    assert 1 <= grown("policy_service_round_duration_seconds_count") <= 4
    assert grown("policy_service_round_calls_total", ended="released") == 4


def test_revisions_behind_grow_until_the_next_decision(watched: Watched) -> None:
    service, name = watched.clinic.service, "policy_service_revisions_behind"
    check(watched.clinic.worker, watched.clinic.token)
    watched.clinic.manager.put_nurse("another")
    time.sleep(1.1)  # the head is read once a second at most
    assert with_labels(scraped(service)[name]) >= 1
    check(watched.clinic.worker, watched.clinic.token)
    time.sleep(1.1)
    assert with_labels(scraped(service)[name]) == 0


def test_control_has_an_endpoint_and_spans_of_its_own(watched: Watched) -> None:
    manager, trace_id = watched.clinic.manager, f"{0xF1:032x}"
    with pytest.raises(Refused):
        manager.client.call(
            "PeopleService/GetPerson",
            b"\xff",
            token=manager.token,
            metadata=(("traceparent", f"00-{trace_id}-{0xF1:016x}-01"),),
        )

    assert watched.span(trace_id).name == "policy_service.api.v1.PeopleService/GetPerson"
    found = scraped(watched.clinic.service, "control")
    assert (
        with_labels(found["rpc_server_call_duration_seconds_count"], rpc_method="PeopleService/GetPerson")
        == 1
    )
    assert "policy_service_decisions_total" not in found


def test_the_collector_gets_the_same_metrics(watched: Watched) -> None:
    check(watched.clinic.worker, watched.clinic.token)
    end = time.monotonic() + 20
    while True:
        shown = with_labels(scraped(watched.clinic.service)["policy_service_decisions_total"])
        sent = watched.collector.newest("policy_service.decisions")
        if sent is not None and sum(point.as_int for point in sent.sum.data_points) == shown:
            break
        assert time.monotonic() < end, f"the numbers did not come: {shown}, {sent}"
        time.sleep(0.1)
    assert sent.sum.is_monotonic
    durations = watched.collector.newest("policy_service.round.duration")
    assert durations is not None
    (point,) = durations.histogram.data_points
    assert point.count == sum(point.bucket_counts) > 0
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1


def test_a_worker_that_died_is_read_at_the_same_place(watched: Watched) -> None:
    service, told = watched.clinic.service, prometheus(watched.clinic.service, "worker-0")
    service.kill("worker")
    end = time.monotonic() + 30
    while len(places(service, "worker-0")) < 2:
        assert time.monotonic() < end
        time.sleep(0.1)
    service.wait_until_serving()

    assert prometheus(service, "worker-0") == told
    check(watched.clinic.worker, watched.clinic.token)
    assert with_labels(scraped(service)["policy_service_decisions_total"]) == 1


def test_a_port_that_somebody_has_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        process = start(tmp_path / "var", {"control_prometheus": address})
        assert process.wait(240) == 1
    assert process.stdout is not None
    process.stdout.close()
    assert "`control_prometheus`: port" in (tmp_path / "var" / "stderr").read_text()


def test_a_collector_that_hangs_delays_no_answer_and_no_end(tmp_path: Path) -> None:
    with (
        collecting(hangs) as collector,
        running(
            tmp_path / "var", otlp_endpoint=collector.endpoint, trace_ratio="1", telemetry_seconds="0.25"
        ) as service,
    ):
        clinic = opened(service)
        assert collector.asked.wait(20)
        took = []
        for _ in range(600):  # more than is sent at once
            began = time.monotonic()
            check(clinic.worker, clinic.token)
            took.append(time.monotonic() - began)
        answer = check(clinic.worker, clinic.token)
        # The call began a trace of its own: the entry has its id.
        assert any(clinic.manager.entry(answer.decision_id).trace_id)
        began = time.monotonic()
        assert service.stop() == 0
        ended = time.monotonic() - began
        logged = service.logged
    # Whoever waited for what is being sent would wait as long as that. An fsync of a busy machine may take a
    # second, and not again and again.
    assert max(took) < SEND_SECONDS - 1
    assert sorted(took)[-4] < 1.0
    assert ended < 12.0  # some three seconds, and what a busy machine adds
    assert "the last traces or metrics were not sent in time" in logged
