"""Promise 2: each call that reaches a handler leaves one entry; strangers leave a summary, health nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2

from policy_service.api.v1 import decision_log_pb2, decision_pb2, people_pb2
from policy_service.decision_log.reader import LogReader
from tests.server.calling import PACKAGE, Client, Refused, refused
from tests.support.asking import PERMIT, check, question
from tests.support.fake_service import SERVICES
from tests.support.new_entries import NewEntries
from tests.system.conftest import Clinic


@pytest.fixture(scope="module")
def log(clinic: Clinic) -> NewEntries:
    return NewEntries(LogReader(clinic.service.log_url))


def _only(log: NewEntries) -> decision_log_pb2.LogEntry:
    (entry,) = log.take()
    return entry


def test_a_decision(clinic: Clinic, log: NewEntries) -> None:
    log.forget()
    answer = check(clinic.worker, clinic.token)

    entry = _only(log)
    assert (entry.entry_id, entry.method) == (answer.decision_id, "DecisionService/Check")
    assert entry.decision.effect == PERMIT
    assert entry.caller.system == "ward-screens"


def test_a_trace_id_stands_in_the_entry(clinic: Clinic, log: NewEntries) -> None:
    log.forget()
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with pytest.raises(Refused):
        clinic.worker.call(
            "DecisionService/Check", b"", token=clinic.token, metadata=(("traceparent", parent),)
        )

    assert _only(log).trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("message", "status", "reason", "field"),
    [
        (b"", "INVALID_ARGUMENT", "NO_FIELD", "fields"),
        (b"\xff", "INVALID_ARGUMENT", "UNREADABLE_MESSAGE", ""),
    ],
)
def test_bad_input(
    clinic: Clinic, log: NewEntries, message: bytes, status: str, reason: str, field: str
) -> None:
    log.forget()
    with pytest.raises(Refused):
        clinic.worker.call("DecisionService/Check", message, token=clinic.token)

    entry = _only(log)
    assert entry.method == "DecisionService/Check"
    assert (entry.refusal.status, entry.refusal.reason, entry.refusal.field) == (status, reason, field)
    assert entry.caller.token_id


def test_a_person_who_asks_like_a_system(clinic: Clinic, log: NewEntries) -> None:
    log.forget()
    with pytest.raises(Refused):
        check(clinic.worker, clinic.manager.token)

    assert _only(log).refusal.reason == "NOT_A_SYSTEM"


def test_control_calls(clinic: Clinic, log: NewEntries) -> None:
    manager = clinic.manager
    log.forget()
    manager.put_nurse("another")
    assert _only(log).write.facts
    manager.entry(check(clinic.worker, clinic.token).decision_id)
    assert sorted(str(entry.WhichOneof("event")) for entry in log.take()) == ["decision", "read"]
    for call in (
        lambda: manager.entry("01234567-89ab-7cde-8fab-0123456789ab"),
        lambda: manager.call("PeopleService/PutPerson", people_pb2.PutPersonRequest()),
        lambda: manager.call("PeopleService/PutPerson", decision_pb2.CheckRequest(user="\x00")),
        lambda: manager.call("AccessService/ListTokens", people_pb2.PutPersonRequest(), token=clinic.token),
    ):
        with pytest.raises(Refused):
            call()
        assert _only(log).WhichOneof("event") == "refusal"


def test_a_system_that_asks_for_what_people_manage(clinic: Clinic, log: NewEntries) -> None:
    """The door of control does not know that a system's token asks for nothing it may have."""
    log.forget()
    with pytest.raises(Refused) as refused:
        clinic.manager.call("PrivacyRequestService/List", people_pb2.PutPersonRequest(), token=clinic.token)

    assert refused.value.code.name == "PERMISSION_DENIED"
    assert _only(log).refusal.status == "PERMISSION_DENIED"


def test_strangers_leave_one_summary_for_each_second_peer_and_cause(clinic: Clinic, log: NewEntries) -> None:
    log.forget()
    for token in ("psk_0123456789abcdef_" + "0" * 64, "nonsense", None):
        for _ in range(5):
            with pytest.raises(Refused) as refused:
                clinic.worker.call("DecisionService/Check", b"", token=token)
            assert refused.value.code.name == "UNAUTHENTICATED"

    counted: dict[str, int] = {}
    deadline = time.monotonic() + 15.0
    while sum(counted.values()) < 15 and time.monotonic() < deadline:
        for entry in log.take():
            assert entry.WhichOneof("event") == "refused_callers"
            assert entry.refused_callers.peer == "ipv4:127.0.0.1"
            assert not entry.caller.token_id
            cause = entry.refused_callers.cause
            counted[cause] = counted.get(cause, 0) + entry.refused_callers.count
        time.sleep(0.1)
    assert counted == {"TOKEN_UNKNOWN": 5, "TOKEN_MALFORMED": 5, "TOKEN_MISSING": 5}


def test_health_and_what_grpc_itself_refuses_leave_nothing(clinic: Clinic, log: NewEntries) -> None:
    log.forget()
    clinic.worker.health()
    with pytest.raises(Refused) as refused:
        clinic.worker.call("DecisionService/Check", b"x" * (2 << 20), token=clinic.token)
    assert refused.value.code.name == "RESOURCE_EXHAUSTED"
    time.sleep(2.1)

    assert log.take() == []


def test_a_client_that_has_left_leaves_its_entry_all_the_same(clinic: Clinic, log: NewEntries) -> None:
    log.forget()
    asked = 40
    with Client(clinic.service.decision_port) as client:
        answered = sum(_in_time(client, clinic.token, 0.0005 * number) for number in range(asked))
    left, quiet = 0, 0
    while quiet < 2:  # what comes later would be taken for another's
        time.sleep(1.0)
        left, quiet = left + (more := len(log.take())), 0 if more else quiet + 1

    # A call whose deadline was over before its headers were read never reached a handler.
    assert answered < asked
    assert answered <= left <= asked


def _in_time(client: Client, token: str, seconds: float) -> bool:
    try:
        check(client, token, seconds=seconds)
    except Refused:
        return False
    return True


# --- each method of each service ----------------------------------------------------------------------------


def _methods(port: int) -> list[tuple[str, bool, bool]]:
    """By reflection, as `Service/Method`: whether messages come as a stream, and whether answers do."""
    known = {
        service.full_name: service
        for file in (decision_pb2, *SERVICES)
        for service in file.DESCRIPTOR.services_by_name.values()
    }
    with Client(port) as client:
        path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
        stream = cast("Callable[..., Iterator[bytes]]", client.channel.stream_stream(path))
        request = reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString()
        (answer,) = stream(iter([request]), timeout=10)
        listed = reflection_pb2.ServerReflectionResponse.FromString(answer).list_services_response.service
    found = []
    for service in listed:
        if service.name.startswith(f"{PACKAGE}."):
            for method in known[service.name].methods:
                name = f"{service.name.removeprefix(f'{PACKAGE}.')}/{method.name}"
                found.append((name, bool(method.client_streaming), bool(method.server_streaming)))
    return found


def _say(client: Client, name: str, message: bytes, token: str, *, streams: tuple[bool, bool]) -> None:
    """Call a method of any shape with one message, hear one answer, and leave."""
    metadata = (("authorization", f"Bearer {token}"), ("x-controller", "clinic"))
    path = f"/{PACKAGE}.{name}"
    try:
        match streams:
            case (True, _):
                both = cast("Callable[..., Iterator[bytes]]", client.channel.stream_stream(path))
                list(both(iter([message]), metadata=metadata, timeout=10))
            case (_, True):
                many = cast("Callable[..., Any]", client.channel.unary_stream(path))
                answers = many(message, metadata=metadata, timeout=10)
                next(answers)
                answers.cancel()
            case _:
                one = cast("Callable[..., bytes]", client.channel.unary_unary(path))
                one(message, metadata=metadata, timeout=10)
    except grpc.RpcError as error:
        code = refused(error).code.name
    else:
        code = "OK"
    assert code not in ("INTERNAL", "UNKNOWN", "UNIMPLEMENTED"), name


def test_each_method_of_each_service_leaves_one_entry_whatever_comes_of_it(
    clinic: Clinic, log: NewEntries
) -> None:
    """With bytes that are no message, with an empty one, and by somebody who may not."""
    worker, control = clinic.service.decision_port, clinic.service.control_port
    manager, system = clinic.manager.token, clinic.token
    seen = 0
    for port, may, may_not in ((worker, system, manager), (control, manager, system)):
        with Client(port) as client:
            for name, asks_on_a_stream, answers_on_a_stream in _methods(port):
                for message, token in ((b"\xff", may), (b"", may), (b"", may_not)):
                    log.forget()
                    streams = asks_on_a_stream, answers_on_a_stream
                    _say(client, name, message, token, streams=streams)
                    entries = log.take()
                    assert [entry.method for entry in entries] == [name], (name, message, entries)
                    seen += 1
    assert seen > 3 * 30


def test_each_question_of_a_batch_and_of_a_stream_leaves_one_entry(clinic: Clinic, log: NewEntries) -> None:
    good = decision_pb2.CheckRequest.FromString(question())
    questions = [good, decision_pb2.CheckRequest(user="nurse"), good]
    batch = decision_pb2.BatchCheckRequest(checks=questions)
    log.forget()
    clinic.worker.call("DecisionService/BatchCheck", batch.SerializeToString(), token=clinic.token)
    by_batch = log.take()
    path = f"/{PACKAGE}.DecisionService/CheckStream"
    hold = cast("Callable[..., Iterator[bytes]]", clinic.worker.channel.stream_stream(path))
    messages = [decision_pb2.CheckStreamRequest(check=each).SerializeToString() for each in questions]
    answers = list(hold(iter(messages), metadata=(("authorization", f"Bearer {clinic.token}"),), timeout=10))
    by_stream = log.take()
    assert len(answers) == 3
    for method, entries in (("BatchCheck", by_batch), ("CheckStream", by_stream)):
        assert {entry.method for entry in entries} == {f"DecisionService/{method}"}
        assert sorted(str(e.WhichOneof("event")) for e in entries) == ["decision", "decision", "refusal"]
