"""Tails: one entry at the start, bounded, and over when the client, the token or the process is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import cast

import grpc
import pytest

from policy_service.server.tails import MOST_TAILS
from tests.server.calling import Client, Edge, Refused, refused, running_edge
from tests.server.edge_app import CANARY, LONG_DRAIN_SECONDS

TAIL = "/policy_service.api.v1.TestService/Tail"
SHARE = MOST_TAILS // 4


@pytest.fixture(scope="module")
def edge() -> Iterator[Edge]:
    with running_edge() as running:
        yield running


@pytest.fixture
def ending() -> Iterator[Edge]:
    """A process that the test may end."""
    with running_edge(drain_seconds=LONG_DRAIN_SECONDS) as running:
        running.tell()
        yield running


def follow(client: Client, message: str, token: str | None = "friend") -> grpc._CallIterator[bytes]:
    start = cast("Callable[..., grpc._CallIterator[bytes]]", client.channel.unary_stream(TAIL))
    metadata = () if token is None else (("authorization", f"Bearer {token}"),)
    return start(message.encode(), metadata=metadata, timeout=30.0)


def end_of(stream: grpc._CallIterator[bytes]) -> Refused:
    with pytest.raises(grpc.RpcError) as error:
        for _ in stream:
            pass
    return refused(error.value)


def eventually(edge: Edge, *, tails: int, tasks: int = 1_000) -> None:
    """Wait until there are so many tails, and at most so many tasks."""
    deadline = time.monotonic() + 10.0
    while True:
        told = edge.tell()
        if told["tails"] == tails and told["tasks"] <= tasks:
            return
        assert time.monotonic() < deadline, told
        time.sleep(0.05)


def test_messages_come_one_by_one_until_the_client_leaves_and_nothing_is_left(edge: Edge) -> None:
    edge.tell()
    time.sleep(0.3)  # in which what looked the token up ends
    before, entries = edge.tell()["tasks"], len(edge.tell()["entries"])
    with Client(edge.port) as client:
        streams = [follow(client, "0.01 3") for _ in range(5)]
        for stream in streams:
            assert [next(stream) for _ in range(4)] == [b"begun", b"xxx", b"xxx", b"xxx"]
        assert edge.tell()["tails"] == 5
        assert edge.tell()["tasks"] > before + 4
        for stream in streams[:3]:
            stream.cancel()
        eventually(edge, tails=2)
    eventually(edge, tails=0, tasks=before)
    left = edge.tell()["entries"][entries:]
    assert [each["method"] for each in left] == ["TestService/Tail"] * 5


@pytest.mark.parametrize("memory", ["warm", "cold"])
def test_a_refusal_at_the_start_leaves_an_entry_and_one_in_the_middle_none(edge: Edge, memory: str) -> None:
    if memory == "cold":
        edge.tell("forget")
    entries = len(edge.tell()["entries"])
    with Client(edge.port) as client:
        if memory == "cold":
            edge.tell("forget")
        start = end_of(follow(client, "refuse denied"))
        middle = end_of(follow(client, "fail denied"))
        assert (start.code.name, start.reason) == ("PERMISSION_DENIED", "ROLE_REQUIRED")
        assert (middle.code.name, middle.reason) == ("PERMISSION_DENIED", "ROLE_REQUIRED")
        revoked = end_of(follow(client, "fail revoked"))
        assert (revoked.code.name, revoked.reason) == ("UNAUTHENTICATED", "UNAUTHENTICATED")
        unknown = end_of(follow(client, "fail canary"))
        assert (unknown.code.name, unknown.reason) == ("INTERNAL", "INTERNAL")
        assert CANARY not in unknown.text
    left = [each["status"] for each in edge.tell()["entries"][entries:]]
    assert left == ["PERMISSION_DENIED", "OK", "OK", "OK"]
    eventually(edge, tails=0)


@pytest.mark.parametrize("token", [None, "stranger", "revoked"])
def test_a_stranger_follows_nothing(edge: Edge, token: str | None) -> None:
    with Client(edge.port) as client:
        assert end_of(follow(client, "0.01 3", token)).code.name == "UNAUTHENTICATED"
    assert edge.tell()["tails"] == 0


def test_a_slow_reader_is_held_back_and_harms_nobody(edge: Edge) -> None:
    with Client(edge.port) as slow, Client(edge.port) as quick:
        stalled = follow(slow, f"0 {1 << 20}")
        assert next(stalled) == b"begun"
        time.sleep(0.5)  # in which 1 GiB would come, if nobody held it back
        other = follow(quick, "0.001 3", "other")
        began = time.monotonic()
        assert [next(other) for _ in range(100)][1:] == [b"xxx"] * 99
        assert time.monotonic() - began < 5.0
        assert quick.call("TestService/Echo", "x", token="friend", seconds=2.0)
        stalled.cancel()
        other.cancel()
    eventually(edge, tails=0)


def test_nobody_has_more_than_a_quarter_of_the_tails_there_may_be(edge: Edge) -> None:
    with Client(edge.port) as client:
        streams = [follow(client, "1 3") for _ in range(SHARE)]
        assert [next(stream) for stream in streams] == [b"begun"] * SHARE
        one_more = end_of(follow(client, "1 3"))
        assert (one_more.code.name, one_more.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
        other = follow(client, "1 3", "other")
        assert next(other) == b"begun"
    eventually(edge, tails=0)
    with Client(edge.port) as client:
        assert next(follow(client, "1 3")) == b"begun"
    eventually(edge, tails=0)


@pytest.mark.parametrize("message", ["60 3", "0.01 3", f"0 {1 << 20}"], ids=["idle", "busy", "stalled"])
def test_the_end_of_the_process_ends_every_tail(ending: Edge, message: str) -> None:
    with Client(ending.port) as client:
        streams = [follow(client, message) for _ in range(4)]
        assert [next(stream) for stream in streams] == [b"begun"] * 4
        began = time.monotonic()
        ending.process.stdin.close()
        if not message.startswith("0 "):
            ended = [end_of(stream) for stream in streams]
            assert {(each.code.name, each.reason) for each in ended} == {("UNAVAILABLE", "ENDING")}
        assert ending.process.wait(30) == 0
        assert time.monotonic() - began < LONG_DRAIN_SECONDS / 3
        assert "Traceback" not in (said := ending.process.stderr.read())
        assert "a call failed" not in said


def test_who_reads_on_while_the_process_ends_is_told_why_as_well(ending: Edge) -> None:
    """A first write that waits for a slow reader is not cut off: grpc would send its headers once more."""
    with Client(ending.port, ("grpc.http2.bdp_probe", 0)) as client:
        stream = follow(client, f"once {3 << 20}")  # more than grpc sends ahead
        eventually(ending, tails=1)
        ending.end()  # what waits, in the step of its loop that says so
        ended = end_of(stream)
        assert (ended.code.name, ended.reason) == ("UNAVAILABLE", "ENDING")
        assert ending.process.wait(15) == 0
