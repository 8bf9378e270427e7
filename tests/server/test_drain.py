"""The end of a process: what it began is finished, and who only waits does not hold it up."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import cast

import grpc
import pytest
from grpc_health.v1 import health_pb2

from tests.server.calling import Client, Edge, Refused, refused, running_edge
from tests.server.edge_app import DRAIN_SECONDS, LONG_DRAIN_SECONDS
from tests.support.http2 import RawConnection

ECHO = b"/policy_service.api.v1.TestService/Echo"


@pytest.fixture
def ending() -> Iterator[Edge]:
    """A process that the test may end."""
    with running_edge() as running:
        running.tell()
        yield running


def test_calls_in_flight_finish_and_no_new_ones_are_let_in(ending: Edge) -> None:
    with Client(ending.port) as client, ThreadPoolExecutor(4) as threads:
        begun = [threads.submit(client.call, "TestService/Slow", "1.5", token="friend") for _ in range(4)]
        time.sleep(0.5)
        _end(ending)
        time.sleep(0.3)
        with Client(ending.port) as late, pytest.raises(Refused) as too_late:
            late.call("TestService/Echo", token="friend", seconds=2.0)
        assert [future.result(10) for future in begun] == [b"done"] * 4
    assert too_late.value.code.name == "UNAVAILABLE"
    assert ending.process.wait(10) == 0
    assert _last_words(ending)[:2] == ["asked", "4"]


def test_calls_without_a_message_and_streams_that_wait_do_not_hold_up_the_end() -> None:
    with running_edge(drain_seconds=LONG_DRAIN_SECONDS) as ending, RawConnection(ending.port) as connection:
        for _ in range(50):
            connection.headers(ECHO, {"authorization": "Bearer friend"})
        for path in (
            b"/grpc.health.v1.Health/Watch",
            b"/grpc.health.v1.Health/Check",
            b"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        ):
            for _ in range(5):
                connection.headers(path)
        time.sleep(0.3)
        began = time.monotonic()
        _end(ending)
        assert ending.process.wait(30) == 0
        assert time.monotonic() - began < LONG_DRAIN_SECONDS / 3


def test_what_does_not_finish_is_cancelled_when_the_drain_is_over(ending: Edge) -> None:
    with Client(ending.port) as client, ThreadPoolExecutor(1) as threads:
        held = threads.submit(client.call, "TestService/Wait", token="friend", seconds=30.0)
        time.sleep(0.3)
        began = time.monotonic()
        _end(ending)
        assert isinstance(held.exception(20), Refused)
    ending.process.wait(10)
    assert DRAIN_SECONDS - 0.5 < time.monotonic() - began < DRAIN_SECONDS + 8.0


def test_who_watches_health_is_told_before_the_end(ending: Edge) -> None:
    told: list[int] = []
    with Client(ending.port) as client:
        watch = cast(
            "Callable[..., Iterator[bytes]]", client.channel.unary_stream("/grpc.health.v1.Health/Watch")
        )
        stream = watch(b"", timeout=20)

        def listen() -> None:
            with suppress(grpc.RpcError):
                told.extend(health_pb2.HealthCheckResponse.FromString(answer).status for answer in stream)

        listening = threading.Thread(target=listen)
        listening.start()
        time.sleep(0.3)
        _end(ending)
        listening.join(10)

    assert told == [health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING]


def test_guests_are_sent_away_in_words(ending: Edge) -> None:
    silent = threading.Event()
    with Client(ending.port) as client:
        check = cast(
            "Callable[..., Iterator[bytes]]", client.channel.stream_stream("/grpc.health.v1.Health/Check")
        )
        stream = check(iter(silent.wait, True), timeout=20)
        time.sleep(0.3)
        _end(ending)
        with pytest.raises(grpc.RpcError) as error:
            next(stream)
        silent.set()

    assert refused(error.value).reason == "OVERLOADED"


def test_the_last_second_of_refusals_is_written(ending: Edge) -> None:
    with Client(ending.port) as client, pytest.raises(Refused):
        client.call("TestService/Echo", token="nobody")
    _end(ending)

    assert ending.process.wait(10) == 0
    assert int(_last_words(ending)[2]) >= 1


def _end(running: Edge) -> None:
    running.process.stdin.close()


def _last_words(running: Edge) -> list[str]:
    return running.process.stdout.read().split()


def test_many_drains_in_vain_end_the_server_and_not_the_process() -> None:
    """When grpcio's own grace was as long as the drain, it cancelled calls of a server that was destroyed."""
    command = [sys.executable, "-m", "tests.server.many_ends", "200"]
    ended = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert ended.returncode == 0
