"""Nobody holds more than his part, and whoever is over it is told so; the others never notice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.server.calling import Client, Edge, Refused, running_edge

CAPACITY = 32


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
    time.sleep(2.2)  # summaries are written once a second
    summaries = small.tell()["summaries"]
    assert sum(s["count"] for s in summaries if s["cause"] == "OVERLOADED") >= 1


def test_what_a_client_began_goes_on_without_it_and_holds_its_part_until_then(small: Edge) -> None:
    finished = small.tell()["finished"]
    with Client(small.port) as client, ThreadPoolExecutor(CAPACITY) as threads:
        begun = [
            threads.submit(client.call, "TestService/Slow", "5.0", token="friend", seconds=1.5)
            for _ in range(CAPACITY // 4)
        ]
        assert [type(future.exception(10)) for future in begun] == [Refused] * (CAPACITY // 4)
        with pytest.raises(Refused) as refused:
            client.call("TestService/Echo", token="friend")
        assert refused.value.reason == "OVERLOADED"

        _allowed_at_last(lambda: client.call("TestService/Echo", token="friend"))
        # One place is free as soon as the first of them has ended; the others end a moment later.
        _until(lambda: small.tell()["finished"] == finished + CAPACITY // 4)


def _until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20.0
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


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
