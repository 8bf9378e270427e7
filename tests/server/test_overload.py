"""Nobody holds more than his part, and whoever is over it is told so; the others never notice."""

from __future__ import annotations

import time
from collections.abc import Iterator
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
    summaries = small.tell()["summaries"]
    assert sum(s["count"] for s in summaries if s["cause"] == "OVERLOADED") >= 1


def test_a_client_that_leaves_gives_back_what_it_held(small: Edge) -> None:
    with Client(small.port) as client, ThreadPoolExecutor(CAPACITY) as threads:
        left = [
            threads.submit(client.call, "TestService/Wait", token="friend", seconds=0.3)
            for _ in range(CAPACITY // 4)
        ]
        for future in left:
            with pytest.raises(Refused):
                future.result(10)
        time.sleep(0.2)
        assert client.call("TestService/Echo", token="friend")


def _refused_until(call: object) -> Refused:
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline:
        try:
            call()  # type: ignore[operator]
        except Refused as refused:
            return refused
        time.sleep(0.02)
    raise AssertionError("nothing was refused")
