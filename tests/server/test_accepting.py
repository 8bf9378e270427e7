"""What `accepting` rests on: names that are private to grpcio still mean what they meant."""

from __future__ import annotations

import pytest

from policy_service.server import accepting
from policy_service.server.errors import StartError
from tests.server.calling import Client, Edge, Refused
from tests.support.http2 import RawConnection

ECHO = b"/policy_service.api.v1.TestService/Echo"


@pytest.mark.parametrize(
    ("path", "metadata"),
    [
        (b"/policy\xff", [("authorization", b"Bearer friend")]),
        (b"/policy_service.api.v1.TestService/\xc3\x28", []),
        (b"", []),
        (b"/a\x00b", []),
        (ECHO, [("authorization", b"Bearer \xff\xfe")]),
        (ECHO, [("authorization", b"Bearer nobody"), ("x-other", b"\xc3\x28")]),
        (ECHO, [("authorization", b"Bearer nobody"), ("x-other-bin", b"!!!")]),
        (ECHO, [("traceparent", b"\xff" * 55)]),
    ],
    ids=["path", "method", "empty", "nul", "credentials", "metadata", "binary", "trace"],
)
def test_bytes_that_no_client_sends_harm_nobody_else(
    edge: Edge, client: Client, path: bytes, metadata: list[tuple[str, bytes]]
) -> None:
    with RawConnection(edge.port) as stranger:
        stranger.headers(path, metadata)
        assert stranger.answered(1, 5.0) == 1

    assert client.call("TestService/Echo", "still there", token="friend")


def test_a_path_that_is_not_served_is_refused_and_told_so_to_friends_alone(client: Client) -> None:
    with pytest.raises(Refused) as stranger:
        client.call("TestService/Missing", token="nobody")
    with pytest.raises(Refused) as friend:
        client.call("TestService/Missing", token="friend")

    assert stranger.value.reason == "UNAUTHENTICATED"
    assert (friend.value.code.name, friend.value.reason) == ("UNIMPLEMENTED", "UNKNOWN_METHOD")


def test_a_grpcio_without_the_names_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "_NEEDED", ("AioServer", "a_name_that_went_away"))

    with pytest.raises(StartError, match="is not one that this version can run on"):
        accepting.Server((), None, ())  # type: ignore[arg-type]
