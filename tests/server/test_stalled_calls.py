"""Calls that send headers and no message, and connections that send nothing, delay nobody else."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.server.calling import SERVING, Client, Edge, Refused
from tests.server.edge_app import GUEST_SECONDS
from tests.support.http2 import RawConnection

ECHO = b"/policy_service.api.v1.TestService/Echo"
GENEROUS = GUEST_SECONDS / 2
"""Seconds for a call that takes one or two milliseconds: what is tested is that nothing hangs, and a guest
hangs for longer.
"""


@pytest.fixture(params=["strangers", "friends", "health", "watch", "reflection", "idle connections"])
def four_hundred(edge: Edge, request: pytest.FixtureRequest) -> Iterator[str]:
    """Four hundred of a kind."""
    edge.tell()
    paths = {
        "health": b"/grpc.health.v1.Health/Check",
        "watch": b"/grpc.health.v1.Health/Watch",
        "reflection": b"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    }
    metadata = {
        "strangers": {"authorization": "Bearer nobody"},
        "friends": {"authorization": "Bearer friend"},
    }
    with ExitStack() as held:
        if request.param == "idle connections":
            for _ in range(400):
                held.enter_context(socket.create_connection(("127.0.0.1", edge.port)))
        else:
            for _ in range(4):
                connection = held.enter_context(RawConnection(edge.port))
                for _ in range(100):
                    connection.headers(paths.get(request.param, ECHO), metadata.get(request.param, {}))
        yield request.param


def test_four_hundred_stalled_calls_or_idle_connections_delay_nobody(
    edge: Edge, client: Client, four_hundred: str
) -> None:
    # Behind the four hundred as they come; it does not wait until those leave who have to.
    assert client.call("TestService/Echo", "hello", token="other", seconds=GUEST_SECONDS - 1.0)
    slowest = 0.0
    for _ in range(50):
        start = time.monotonic()
        assert client.call("TestService/Echo", "hello", token="other", seconds=GENEROUS)
        slowest = max(slowest, time.monotonic() - start)

    assert client.health(seconds=GENEROUS) == SERVING
    assert slowest < GENEROUS


def test_a_guest_who_says_nothing_has_to_leave(edge: Edge) -> None:
    with RawConnection(edge.port) as guest:
        guest.headers(b"/grpc.health.v1.Health/Check")
        assert guest.answered(1, 3 * GUEST_SECONDS) == 1


def test_many_guests_make_the_oldest_leave_and_the_newest_is_served(edge: Edge, client: Client) -> None:
    with RawConnection(edge.port) as guests:
        for _ in range(64):
            guests.headers(b"/grpc.health.v1.Health/Check")
        assert guests.answered(32, GENEROUS) >= 32
        assert client.health(seconds=GENEROUS) == SERVING


def test_health_knows_its_services_and_no_others(client: Client) -> None:
    assert client.health("policy_service.api.v1.TestService") == SERVING
    with pytest.raises(Refused) as refused:
        client.health("another")
    assert refused.value.code.name == "NOT_FOUND"
