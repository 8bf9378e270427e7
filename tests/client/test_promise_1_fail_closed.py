"""Promise 1 at the caller's side: whatever comes back, and whatever does not, only a permit is a permit."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import grpc
import pytest

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.client import (
    AsyncPolicyClient,
    InvalidQuestion,
    NotAllowed,
    NotFound,
    PolicyClient,
    ServiceError,
    Unavailable,
    is_loopback,
    open_async_channel,
    open_channel,
    question,
)
from tests.client.conftest import TOKEN, Ask
from tests.support.fake_service import FakeService, Refusal

NAME_AND_PHONE = question("u.user", "R-1", ["subject.name", "subject.phone"])


def permit(*fields: str, recipient: int = 0) -> list[pb.Cell]:
    return [pb.Cell(field=name, effect=pb.EFFECT_PERMIT, recipient=recipient) for name in fields]


def answer(
    *cells: pb.Cell, effect: pb.Effect.ValueType = pb.EFFECT_PERMIT, reason: str = ""
) -> pb.CheckResponse:
    return pb.CheckResponse(decision_id="d-1", effect=effect, cells=cells, reason=reason)


def test_a_permit_is_a_permit(ask: Ask, fake: FakeService) -> None:
    fake.answers["DecisionService/Check"] = lambda _: answer(*permit("subject.name", "subject.phone"))

    decision = ask(NAME_AND_PHONE)

    assert decision.permitted
    assert decision.permits("subject.name")
    assert decision.decision_id == "d-1"
    assert fake.calls[0].request == NAME_AND_PHONE
    assert fake.calls[0].metadata["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    "response",
    [
        answer(*permit("subject.name", "subject.phone"), effect=pb.EFFECT_DENY),
        answer(*permit("subject.name", "subject.phone"), effect=pb.EFFECT_UNSPECIFIED),
        answer(*permit("subject.name", "subject.phone"), effect=7),  # type: ignore[arg-type]
        answer(*permit("subject.name", "subject.phone"), reason="NOT_AVAILABLE"),
        answer(*permit("subject.name")),
        answer(*permit("subject.name", "subject.phone", "subject.phone"), pb.Cell(field="subject.phone")),
        answer(*permit("subject.name", "subject.phone"), pb.Cell(field="copy_list", envelope=True)),
        answer(*permit("subject.name"), *permit("subject.phone", recipient=1)),
        answer(),
    ],
    ids=[
        "denied as a whole",
        "no effect",
        "an effect of tomorrow",
        "a reason beside a permit",
        "a field without an answer",
        "a field with two answers",
        "the envelope denied",
        "an answer for another recipient",
        "no answer at all",
    ],
)
def test_anything_else_is_a_deny(ask: Ask, fake: FakeService, response: pb.CheckResponse) -> None:
    fake.answers["DecisionService/Check"] = lambda _: response

    assert not ask(NAME_AND_PHONE).permitted


def test_nothing_asked_is_nothing_permitted(ask: Ask, fake: FakeService) -> None:
    fake.answers["DecisionService/Check"] = lambda _: answer()

    assert not ask(question("u.user", "R-1", [])).permitted


def test_a_cell_permits_its_own_field_party_and_recipient_alone(ask: Ask, fake: FakeService) -> None:
    cell = pb.Cell(field="report", party="b1", recipient=1, effect=pb.EFFECT_PERMIT)
    fake.answers["DecisionService/Check"] = lambda _: answer(cell, effect=pb.EFFECT_DENY)

    decision = ask(
        question("u.user", "R-1", ["report@b1"], to=[pb.Recipient(party="m"), pb.Recipient(party="f")])
    )

    assert decision.permits("report", party="b1", recipient=1)
    assert not decision.permits("report", party="b1")
    assert not decision.permits("report", recipient=1)
    assert not decision.permits("report", party="b2", recipient=1)


@pytest.mark.parametrize(("seconds", "holds"), [(60, True), (0, False), (-60, False)])
def test_an_answer_ends(ask: Ask, fake: FakeService, seconds: int, holds: bool) -> None:
    response = answer(*permit("subject.name", "subject.phone"))
    response.valid_until.FromDatetime(datetime.now(UTC) + timedelta(seconds=seconds))
    fake.answers["DecisionService/Check"] = lambda _: response

    decision = ask(NAME_AND_PHONE)

    assert decision.permitted is holds
    assert decision.permits("subject.name") is holds
    assert bool(decision.only({"subject.name": "x"})) is holds


def test_what_is_denied_renders_as_what_is_not_there(ask: Ask, fake: FakeService) -> None:
    cells = [*permit("subject.name", "subject.school"), pb.Cell(field="subject.phone", effect=pb.EFFECT_DENY)]
    fake.answers["DecisionService/Check"] = lambda _: answer(*cells, effect=pb.EFFECT_DENY)

    decision = ask(question("u.user", "R-1", ["subject.name", "subject.phone", "subject.school"]))

    values = {"subject.name": "n", "subject.phone": "p", "subject.school": None, "never.asked": "v"}
    assert decision.only(values) == {"subject.name": "n"}


def test_obligations_are_found_by_recipient(ask: Ask, fake: FakeService) -> None:
    response = answer(*permit("subject.name", "subject.phone"))
    response.obligations.add(kind="show_warning")
    response.obligations.add(kind="no_voicemail", recipients=[1], parameters={"a": "b"})
    fake.answers["DecisionService/Check"] = lambda _: response

    decision = ask(NAME_AND_PHONE)

    assert [owed.kind for owed in decision.owed(0)] == ["show_warning"]
    assert [owed.kind for owed in decision.owed(1)] == ["show_warning", "no_voicemail"]
    assert decision.obligations[1].parameters == {"a": "b"}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, InvalidQuestion),
        (grpc.StatusCode.UNAUTHENTICATED, NotAllowed),
        (grpc.StatusCode.PERMISSION_DENIED, NotAllowed),
        (grpc.StatusCode.NOT_FOUND, NotFound),
        (grpc.StatusCode.UNAVAILABLE, Unavailable),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Unavailable),
        (grpc.StatusCode.INTERNAL, Unavailable),
        (grpc.StatusCode.UNIMPLEMENTED, Unavailable),
        (grpc.StatusCode.CANCELLED, Unavailable),
    ],
)
def test_an_error_raises_and_names_its_reason(
    ask: Ask, fake: FakeService, status: grpc.StatusCode, error: type[ServiceError]
) -> None:
    def refuse(_: object) -> pb.CheckResponse:
        raise Refusal(status, "not so", reason="THE_REASON", field="fields[0].name")

    fake.answers["DecisionService/Check"] = refuse

    with pytest.raises(error) as raised:
        ask(NAME_AND_PHONE)

    assert type(raised.value) is error
    assert raised.value.status is status
    assert (raised.value.message, raised.value.reason) == ("not so", "THE_REASON")
    assert raised.value.field == "fields[0].name"


def test_a_late_answer_is_no_answer(ask: Ask, fake: FakeService) -> None:
    def late(_: object) -> pb.CheckResponse:
        time.sleep(0.5)
        return answer(*permit("subject.name", "subject.phone"))

    fake.answers["DecisionService/Check"] = late

    with pytest.raises(Unavailable) as raised:
        ask(NAME_AND_PHONE, timeout=0.1)
    assert raised.value.status is grpc.StatusCode.DEADLINE_EXCEEDED


def test_an_answer_ends_at_the_moment_that_it_names(ask: Ask, fake: FakeService) -> None:
    end = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    response = answer(*permit("subject.name", "subject.phone"))
    response.valid_until.FromDatetime(end)
    fake.answers["DecisionService/Check"] = lambda _: response

    decision = ask(NAME_AND_PHONE)

    assert not decision.expired(end - timedelta(microseconds=1))
    assert decision.expired(end)


def test_of_two_answers_the_stricter_counts(ask: Ask, fake: FakeService) -> None:
    cells = [*permit("subject.name", "subject.phone"), pb.Cell(field="subject.phone", effect=pb.EFFECT_DENY)]
    fake.answers["DecisionService/Check"] = lambda _: answer(*cells, effect=pb.EFFECT_DENY)

    decision = ask(NAME_AND_PHONE)

    assert decision.permits("subject.name")
    assert not decision.permits("subject.phone")


def test_an_answer_that_names_no_decision_is_no_answer(ask: Ask, fake: FakeService) -> None:
    fake.answers["DecisionService/Check"] = lambda _: pb.CheckResponse(effect=pb.EFFECT_PERMIT)

    with pytest.raises(Unavailable):
        ask(NAME_AND_PHONE)


def test_an_end_that_is_no_moment_is_no_answer(ask: Ask, fake: FakeService) -> None:
    response = answer(*permit("subject.name", "subject.phone"))
    response.valid_until.seconds = 1 << 62
    fake.answers["DecisionService/Check"] = lambda _: response

    with pytest.raises(Unavailable):
        ask(NAME_AND_PHONE)


def test_nobody_there_is_no_answer(fake: FakeService) -> None:
    with open_channel("127.0.0.1:1") as channel, pytest.raises(Unavailable):
        PolicyClient(channel, TOKEN).check(NAME_AND_PHONE)


def test_a_closed_channel_is_no_answer(fake: FakeService) -> None:
    channel = open_channel(fake.address)
    channel.close()
    with pytest.raises(Unavailable):
        PolicyClient(channel, TOKEN).check(NAME_AND_PHONE)


def test_a_closed_channel_is_no_answer_to_asyncio_either(fake: FakeService) -> None:
    async def asked() -> None:
        channel = open_async_channel(fake.address)
        await channel.close()
        await AsyncPolicyClient(channel, TOKEN).check(NAME_AND_PHONE)

    with pytest.raises(Unavailable):
        asyncio.run(asked())


@pytest.mark.parametrize("token", ["", "two words", "line\nend", "psk_\x00", "psk_é"])
def test_what_is_no_token_is_refused_and_not_repeated(fake: FakeService, token: str) -> None:
    with open_channel(fake.address) as channel, pytest.raises(InvalidQuestion) as raised:
        PolicyClient(channel, token)
    assert raised.value.message == "this is not a token"


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_every_call_has_a_deadline(fake: FakeService, timeout: float) -> None:
    with open_channel(fake.address) as channel, pytest.raises(ValueError, match="deadline"):
        PolicyClient(channel, TOKEN, timeout=timeout)


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1:50051", True),
        ("127.9.9.9:1", True),
        ("[::1]:50051", True),
        ("localhost:50051", True),
        ("unix:/run/service.sock", True),
        ("unix.example.org:1", False),
        ("192.0.2.1:50051", False),
        ("policy.example.org:443", False),
        ("localhost.example.org:443", False),
        ("0.0.0.0:50051", False),
        ("dns:///127.0.0.1:50051", False),
    ],
)
def test_a_token_travels_in_clear_to_this_machine_alone(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback
    if loopback:
        open_channel(address).close()
    else:
        with pytest.raises(ValueError, match="in clear"):
            open_channel(address)
        with pytest.raises(ValueError, match="in clear"):
            open_async_channel(address)
