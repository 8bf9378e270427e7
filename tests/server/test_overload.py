"""Nobody holds more than his part, and whoever is over it is told so; the others never notice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import grpc
import pytest

from tests.server.calling import PACKAGE, Client, Edge, Refused, running_edge

CAPACITY = 32
WAIT = f"/{PACKAGE}.TestService/Wait"


@pytest.fixture(scope="module")
def small() -> Iterator[Edge]:
    with running_edge(CAPACITY) as running:
        yield running


def test_a_system_holds_a_quarter_and_the_others_have_the_rest(small: Edge) -> None:
    with Client(small.port) as client, ThreadPoolExecutor(CAPACITY) as threads:
        held: list[Future[bytes]] = [
            threads.submit(client.call, "TestService/Wait", token="friend") for _ in range(CAPACITY // 4)
        ]
        refused = _refused_until(lambda: client.call("TestService/Echo", token="friend"))
        assert (refused.code.name, refused.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
        assert client.call("TestService/Echo", token="other")

        small.tell("open")
        assert [future.result(10) for future in held] == [b"done"] * (CAPACITY // 4)
        assert client.call("TestService/Echo", token="friend")
    small.until(lambda told: any(summary["cause"] == "OVERLOADED" for summary in told["summaries"]))


def test_what_a_client_began_goes_on_without_it_and_holds_its_part_until_then(small: Edge) -> None:
    finished = small.tell()["finished"]
    with Client(small.port) as client:
        wait: grpc.UnaryUnaryMultiCallable[bytes, bytes] = client.channel.unary_unary(WAIT)
        begun = [
            wait.future(b"", metadata=(("authorization", "Bearer friend"),), timeout=60.0)
            for _ in range(CAPACITY // 4)
        ]
        tasks = small.until(lambda told: told["inside"] == CAPACITY // 4)["tasks"]
        for call in begun:
            call.cancel()
        small.until(lambda told: told["tasks"] <= tasks - CAPACITY // 4)  # it is known that they have left
        with pytest.raises(Refused) as refused:
            client.call("TestService/Echo", token="friend")
        assert refused.value.reason == "OVERLOADED"

        small.tell("open")
        _allowed_at_last(lambda: client.call("TestService/Echo", token="friend"))
        # One place is free as soon as the first of them has ended; the others end a moment later.
        small.until(lambda told: told["finished"] == finished + CAPACITY // 4)


def _allowed_at_last(call: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20.0
    while True:
        try:
            call()
        except Refused:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return


def _refused_until(call: Callable[[], object]) -> Refused:
    deadline = time.monotonic() + 20.0
    while time.monotonic() < deadline:
        try:
            call()
        except Refused as refused:
            return refused
        time.sleep(0.02)
    raise AssertionError("nothing was refused")
