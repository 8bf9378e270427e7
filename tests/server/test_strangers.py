"""Who is not known is refused before his message is read, alike whatever was wrong, at nobody's cost."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest

from tests.server.calling import Client, Edge, Refused
from tests.server.edge_app import CANARY
from tests.support.http2 import RawConnection

ECHO = b"/policy_service.api.v1.TestService/Echo"


def test_a_stranger_is_refused_before_his_message_is_read(edge: Edge) -> None:
    with RawConnection(edge.port) as stranger:
        for _ in range(50):
            stranger.headers(ECHO, {"authorization": "Bearer nobody"})
        for _ in range(50):
            stranger.headers(ECHO)

        assert stranger.answered(100, 5.0) == 100


def test_a_friend_is_not_answered_before_his_message_is_read(edge: Edge) -> None:
    edge.tell()
    with RawConnection(edge.port) as friend:
        stream = friend.headers(ECHO, {"authorization": "Bearer friend"})
        assert friend.answered(1, 0.5) == 0
        friend.message(stream, b"now")
        assert friend.answered(1, 5.0) == 1


STRANGERS: list[tuple[tuple[tuple[str, str], ...], str]] = [
    ((), "TOKEN_MISSING"),
    ((("authorization", ""),), "TOKEN_MALFORMED"),
    ((("authorization", "friend"),), "TOKEN_MALFORMED"),
    ((("authorization", "Basic friend"),), "TOKEN_MALFORMED"),
    ((("authorization", "Bearer friend"), ("authorization", "Bearer friend")), "TOKEN_MALFORMED"),
    ((("authorization", "Bearer wrong"),), "TOKEN_UNKNOWN"),
    ((("authorization", "Bearer revoked"),), "TOKEN_REVOKED"),
    ((("authorization", "Bearer expired"),), "TOKEN_EXPIRED"),
    ((("authorization", "Bearer suspended"),), "SYSTEM_SUSPENDED"),
]


def test_all_strangers_are_told_the_same_and_the_cause_is_counted(edge: Edge, client: Client) -> None:
    before = _counted(edge)
    for metadata, _ in STRANGERS:
        with pytest.raises(Refused) as refused:
            client.call("TestService/Echo", "hello", metadata=metadata)
        told = refused.value
        assert told.code.name == "UNAUTHENTICATED"
        assert told.text == "send a valid API token as `authorization: Bearer ...`"
        assert (told.reason, told.field, told.error_id) == ("UNAUTHENTICATED", "", "")
        assert CANARY not in repr(told)

    assert _counted(edge) - before == Counter(cause for _, cause in STRANGERS)
    assert not any(entry["method"] == "TestService/Echo" for entry in edge.tell()["entries"])


def test_the_scheme_is_bearer_in_any_case(client: Client) -> None:
    assert client.call("TestService/Echo", "hello", metadata=(("authorization", "bEARER friend"),))


def test_a_token_issued_a_moment_ago_works_and_one_revoked_a_moment_ago_does_not(
    edge: Edge, client: Client
) -> None:
    with pytest.raises(Refused):
        client.call("TestService/Echo", token="new")
    edge.tell("issue new")
    assert client.call("TestService/Echo", token="new")

    edge.tell("revoke new")
    edge.tell("forget")
    with pytest.raises(Refused) as refused:
        client.call("TestService/Echo", token="new")
    assert refused.value.reason == "UNAUTHENTICATED"


def test_a_use_case_that_finds_the_token_revoked_refuses_like_the_door(edge: Edge, client: Client) -> None:
    entries = len(edge.tell()["entries"])
    before = _counted(edge)
    with pytest.raises(Refused) as refused:
        client.call("TestService/Fail", "revoked", token="friend")

    assert refused.value.text == "send a valid API token as `authorization: Bearer ...`"
    assert _counted(edge) - before == Counter(["TOKEN_REVOKED"])
    assert len(edge.tell()["entries"]) == entries


def test_many_strangers_share_a_few_look_ups_and_a_friend_does_not_wait_behind_them(
    edge: Edge, client: Client
) -> None:
    client.call("TestService/Echo", token="friend")
    before = edge.tell()
    with RawConnection(edge.port) as strangers:
        for number in range(250):
            strangers.headers(ECHO, {"authorization": f"Bearer guess-{number}"})
        edge.tell("forget")
        start = time.monotonic()
        client.call("TestService/Echo", token="friend")
        assert time.monotonic() - start < 2.0
        assert strangers.answered(250, 10.0) == 250
    after = edge.tell()

    assert after["loads"] - before["loads"] < 60
    assert after["head_reads"] - before["head_reads"] < 60


def test_when_the_store_is_down_nobody_is_let_in_and_strangers_are_not_told_apart(
    edge: Edge, client: Client
) -> None:
    edge.tell("down yes")
    try:
        with pytest.raises(Refused) as refused:
            client.call("TestService/Echo", token="never seen before")
        assert (refused.value.code.name, refused.value.reason) == ("UNAVAILABLE", "STORE_UNAVAILABLE")
    finally:
        edge.tell("down no")


def _counted(edge: Edge) -> Counter[str]:
    """Refusals by cause, by the summaries that are written; those of this second are waited for."""
    told = edge.until(lambda told: _summed_up(told) == Counter(told["refused"]))
    return _summed_up(told)


def _summed_up(told: dict[str, Any]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for summary in told["summaries"]:
        counted[summary["cause"]] += summary["count"]
    return counted
