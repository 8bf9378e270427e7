"""Every error has one status, a stable reason and one entry; nothing of an exception goes any further."""

from __future__ import annotations

import json

import pytest

from tests.server.calling import Client, Edge, Refused, running_edge
from tests.server.edge_app import CANARY

TABLE = {
    "invalid": ("INVALID_ARGUMENT", "TOO_LONG", "system.name"),
    "denied": ("PERMISSION_DENIED", "ROLE_REQUIRED", ""),
    "missing": ("NOT_FOUND", "NOT_AVAILABLE", ""),
    "conflict": ("ALREADY_EXISTS", "ALREADY_EXISTS", ""),
    "unavailable": ("UNAVAILABLE", "STORE_UNAVAILABLE", ""),
    "canary": ("INTERNAL", "INTERNAL", ""),
    "library": ("INTERNAL", "INTERNAL", ""),
    "unlisted": ("INTERNAL", "INTERNAL", ""),
    "key": ("INTERNAL", "INTERNAL", ""),
    "assertion": ("INTERNAL", "INTERNAL", ""),
}


@pytest.mark.parametrize("failure", TABLE)
def test_each_error_has_its_status_and_leaves_one_entry(edge: Edge, client: Client, failure: str) -> None:
    status, reason, field = TABLE[failure]
    before = edge.tell()["entries"]
    with pytest.raises(Refused) as refused:
        client.call("TestService/Fail", failure, token="friend")

    told = refused.value
    assert (told.code.name, told.reason, told.field) == (status, reason, field)
    assert len(told.error_id) == 16
    assert CANARY not in repr(told)
    after = edge.tell()["entries"]
    assert after[len(before) :] == [
        {
            "method": "TestService/Fail",
            "token": "t1",
            "status": status,
            "reason": _logged(failure),
            "field": field,
        }
    ]


def _logged(failure: str) -> str:
    return "SOMETHING" if failure == "unlisted" else TABLE[failure][1]


def test_something_cancelled_inside_is_an_answer_all_the_same(client: Client) -> None:
    with pytest.raises(Refused) as refused:
        client.call("TestService/Cancelled", token="friend", seconds=5.0)

    assert refused.value.code.name == "UNAVAILABLE"


def test_a_message_that_is_no_message_is_refused_by_us_and_leaves_an_entry(
    edge: Edge, client: Client
) -> None:
    before = len(edge.tell()["entries"])
    with pytest.raises(Refused) as refused:
        client.call("DecisionService/Check", b"\xff\xff\xff", token="friend")

    assert (refused.value.reason, refused.value.field) == ("UNREADABLE_MESSAGE", "")
    assert [e["reason"] for e in edge.tell()["entries"][before:]] == ["UNREADABLE_MESSAGE"]


def test_bad_input_under_a_token_that_was_revoked_meanwhile_is_a_strangers(
    edge: Edge, client: Client
) -> None:
    edge.tell("issue short-lived")
    client.call("TestService/Echo", token="short-lived")
    edge.tell("revoke short-lived")
    before = len(edge.tell()["entries"])
    with pytest.raises(Refused) as refused:
        client.call("DecisionService/Check", b"\xff\xff\xff", token="short-lived")

    assert refused.value.reason == "UNAUTHENTICATED"
    assert len(edge.tell()["entries"]) == before


def test_only_an_installations_token_names_another_organisation(client: Client) -> None:
    named = (("x-controller", "trust"),)
    own = (("x-controller", "police"),)

    answer = json.loads(client.call("TestService/Echo", token="manager", metadata=named))
    assert answer["controller"] == "trust"
    assert json.loads(client.call("TestService/Echo", token="friend", metadata=own))["controller"] == "police"
    with pytest.raises(Refused) as refused:
        client.call("TestService/Echo", token="friend", metadata=named)
    assert (refused.value.code.name, refused.value.reason) == ("PERMISSION_DENIED", "CONTROLLER_NOT_YOURS")
    with pytest.raises(Refused) as refused:
        client.call("TestService/Echo", token="manager", metadata=(("x-controller", "x" * 257),))
    assert (refused.value.reason, refused.value.field) == ("TOO_LONG", "x-controller")


@pytest.mark.parametrize(
    ("header", "trace"),
    [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "0af7651916cd43dd8448eb211c80319c"),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", ""),
        ("nonsense", ""),
        ("", ""),
    ],
)
def test_the_trace_id_of_a_call_is_read(client: Client, header: str, trace: str) -> None:
    answer = client.call("TestService/Echo", token="friend", metadata=(("traceparent", header),))

    assert json.loads(answer)["trace"] == trace


def test_a_log_line_has_the_trace_id_of_its_call() -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    with running_edge() as running:
        with Client(running.port) as client:
            for metadata in ((("traceparent", f"00-{trace_id}-b7ad6b7169203331-00"),), ()):
                with pytest.raises(Refused):
                    client.call("TestService/Fail", "canary", token="friend", metadata=metadata)
        running.process.stdin.close()
        logged = [json.loads(line) for line in running.process.stderr]

    failed = [line for line in logged if line["message"] == "a call failed"]
    assert [line.get("trace_id") for line in failed] == [trace_id, None]
    assert all("trace_id" not in line for line in logged if line not in failed)


def test_the_logs_of_a_process_repeat_nothing_that_was_sent() -> None:
    with running_edge() as running:
        with Client(running.port) as client:
            for failure in TABLE:
                with pytest.raises(Refused):
                    client.call("TestService/Fail", failure, token="friend")
            with pytest.raises(Refused):
                client.call("TestService/Echo", b"\xff" + CANARY.encode(), token="friend")
        running.process.stdin.close()
        lines = running.process.stderr.read().splitlines()

    logged = [json.loads(line) for line in lines]
    assert not any(CANARY in line for line in lines)
    assert {entry["error"] for entry in logged if entry["message"] == "a call failed"} >= {
        "ValueError",
        "KeyError",
        "UnicodeDecodeError",
    }
