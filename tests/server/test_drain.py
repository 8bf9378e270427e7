"""The end of a process: what it began is finished, and who only waits does not hold it up."""

from __future__ import annotations

import signal
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

from tests.server.calling import NOT_SERVING, SERVING, Client, Edge, Refused, refused, running_edge
from tests.server.edge_app import DRAIN_SECONDS, LONG_DRAIN_SECONDS
from tests.support.http2 import RawConnection

ECHO = b"/policy_service.api.v1.TestService/Echo"


@pytest.fixture
def ending() -> Iterator[Edge]:
    """A process that the test may end."""
    with running_edge() as running:
        running.tell()
        yield running


def test_calls_in_flight_finish_and_no_new_ones_are_let_in() -> None:
    with (
        running_edge(drain_seconds=LONG_DRAIN_SECONDS) as ending,
        Client(ending.port) as client,
        ThreadPoolExecutor(4) as threads,
    ):
        begun = [
            threads.submit(client.call, "TestService/Wait", token="friend", seconds=60.0) for _ in range(4)
        ]
        ending.until(lambda told: told["inside"] == 4)
        ending.end()
        deadline = time.monotonic() + 20.0
        while (told := _told_who_comes(ending)) != "UNAVAILABLE":
            assert time.monotonic() < deadline, told
        with pytest.raises(subprocess.TimeoutExpired):
            ending.process.wait(2.0)
        ending.process.send_signal(signal.SIGUSR1)
        assert [future.result(10) for future in begun] == [b"done"] * 4
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
        ending.until(lambda told: told["seats"] == 15)
        began = time.monotonic()
        ending.end()
        assert ending.process.wait(30) == 0
        assert time.monotonic() - began < LONG_DRAIN_SECONDS / 3


def test_what_does_not_finish_is_cancelled_when_the_drain_is_over(ending: Edge) -> None:
    with Client(ending.port) as client, ThreadPoolExecutor(1) as threads:
        held = threads.submit(client.call, "TestService/Wait", token="friend", seconds=30.0)
        ending.until(lambda told: told["inside"] == 1)
        began = time.monotonic()
        ending.end()
        assert isinstance(held.exception(20), Refused)
    ending.process.wait(10)
    assert DRAIN_SECONDS - 0.5 < time.monotonic() - began < DRAIN_SECONDS + 8.0


def test_who_watches_health_is_told_before_the_end(ending: Edge) -> None:
    with Client(ending.port) as client:
        watch = cast(
            "Callable[..., Iterator[bytes]]", client.channel.unary_stream("/grpc.health.v1.Health/Watch")
        )
        stream = watch(b"", timeout=20)
        answers = [next(stream)]
        ending.end()
        with suppress(grpc.RpcError):
            answers.extend(stream)

    told = [health_pb2.HealthCheckResponse.FromString(answer).status for answer in answers]
    assert told == [SERVING, NOT_SERVING]


def test_guests_are_sent_away_in_words(ending: Edge) -> None:
    silent = threading.Event()
    with Client(ending.port) as client:
        check = cast(
            "Callable[..., Iterator[bytes]]", client.channel.stream_stream("/grpc.health.v1.Health/Check")
        )
        stream = check(iter(silent.wait, True), timeout=20)
        ending.until(lambda told: told["seats"] == 1)
        ending.end()
        with pytest.raises(grpc.RpcError) as error:
            next(stream)
        silent.set()

    assert refused(error.value).reason == "OVERLOADED"


def test_the_last_second_of_refusals_is_written(ending: Edge) -> None:
    with Client(ending.port) as client, pytest.raises(Refused):
        client.call("TestService/Echo", token="nobody")
    ending.end()

    assert ending.process.wait(10) == 0
    assert int(_last_words(ending)[2]) >= 1


def _told_who_comes(ending: Edge) -> str:
    """What a call on a connection of its own is told: `OK`, or the name of the status that refuses it.

    One that comes just while the port is closed may be told something else than those after it.
    """
    with Client(ending.port) as late:
        try:
            late.call("TestService/Echo", token="friend", seconds=2.0)
        except Refused as refused:
            return refused.code.name
        return "OK"


def _last_words(running: Edge) -> list[str]:
    return running.process.stdout.read().split()


def test_many_drains_in_vain_end_the_server_and_not_the_process() -> None:
    """When grpcio's own grace was as long as the drain, it cancelled calls of a server that was destroyed."""
    command = [sys.executable, "-m", "tests.server.many_ends", "200"]
    ended = subprocess.run(command, capture_output=True, timeout=240, check=False)
    assert ended.returncode == 0
