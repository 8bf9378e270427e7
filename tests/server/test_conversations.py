"""Several questions in one call, over a real socket: their order, their bounds, and who is harmed by whom."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.server.conversations import MAX_UNANSWERED
from policy_service.server.convert_several import MAX_CHECKS
from policy_service.server.limits import CONVERSATIONS, SHARES
from tests.decisions.roads import part
from tests.server.calling import OPTIONS, PACKAGE, Client, Edge, Refused, running_edge
from tests.server.edge_app import CANARY

CAPACITY = 1_024

Told = tuple[str, str]
"""What came of a question: `answer` and its text, or the status of its error and the reason."""


@pytest.fixture(scope="module")
def wide() -> Iterator[Edge]:
    with running_edge(CAPACITY) as running:
        yield running


@asynccontextmanager
async def channel(edge: Edge) -> AsyncIterator[grpc.aio.Channel]:
    options = (*OPTIONS, ("grpc.use_local_subchannel_pool", 1))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{edge.port}", options=options) as opened:
        yield opened


def hold(opened: grpc.aio.Channel, token: str = "friend", seconds: float = 60.0) -> Any:
    ask: Any = opened.stream_stream(f"/{PACKAGE}.TestService/Stream")
    return ask(metadata=(("authorization", f"Bearer {token}"),), timeout=seconds)


async def say(stream: Any, *questions: str) -> None:
    for question in questions:
        await stream.write(part(question.encode()))


async def hear(stream: Any, count: int = 1) -> list[Told]:
    answers = [pb.CheckStreamResponse.FromString(await stream.read()) for _ in range(count)]
    return [told(answer.outcome) for answer in answers]


def told(outcome: pb.CheckOutcome) -> Told:
    if outcome.HasField("error"):
        return outcome.error.code, outcome.error.reason
    return "answer", outcome.answer.outsider_text


def batch(client: Client, questions: Sequence[str], token: str = "friend") -> list[Told]:
    request = b"".join(part(question.encode()) for question in questions)
    answer = client.call("TestService/Batch", request, token=token)
    return [told(outcome) for outcome in pb.BatchCheckResponse.FromString(answer).outcomes]


# --- order, and one bad question among good ones ------------------------------------------------------------


async def test_answers_come_in_the_order_of_the_questions(wide: Edge) -> None:
    async with channel(wide) as opened:
        stream = hold(opened)
        await say(stream, "slow 0.4", "one", "slow 0.1", "two")
        assert [text for _, text in await hear(stream, 4)] == ["done", "one", "done", "two"]
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF
        assert await stream.code() is grpc.StatusCode.OK


def test_a_batch_answers_in_order(wide: Edge) -> None:
    with Client(wide.port) as client:
        assert batch(client, ["slow 0.3", "one", "two"]) == [
            ("answer", "done"),
            ("answer", "one"),
            ("answer", "two"),
        ]


BAD = {
    "fail invalid": ("INVALID_ARGUMENT", "TOO_LONG"),
    "fail denied": ("PERMISSION_DENIED", "ROLE_REQUIRED"),
    "fail unavailable": ("UNAVAILABLE", "STORE_UNAVAILABLE"),
    "fail overloaded": ("RESOURCE_EXHAUSTED", "OVERLOADED"),
    "fail canary": ("INTERNAL", "INTERNAL"),
    "fail library": ("INTERNAL", "INTERNAL"),
}


async def test_one_bad_question_of_a_stream_harms_no_other(wide: Edge) -> None:
    async with channel(wide) as opened:
        stream = hold(opened)
        for question, expected in BAD.items():
            await say(stream, "before", question, "after")
            assert await hear(stream, 3) == [("answer", "before"), expected, ("answer", "after")]


def test_one_bad_question_of_a_batch_harms_no_other(wide: Edge) -> None:
    with Client(wide.port) as client:
        for question, expected in BAD.items():
            assert batch(client, ["before", question]) == [("answer", "before"), expected]


async def test_nothing_of_an_exception_leaves(wide: Edge) -> None:
    async with channel(wide) as opened:
        stream = hold(opened)
        await say(stream, "fail canary")
        assert CANARY.encode() not in await stream.read()


async def test_each_question_that_is_refused_leaves_an_entry_of_its_own(wide: Edge) -> None:
    before = len(wide.tell()["entries"])
    async with channel(wide) as opened:
        stream = hold(opened)
        await say(stream, "one", "fail invalid", "fail denied")
        await hear(stream, 3)
        await stream.write(b"")  # no question in it
        await hear(stream)
    entries = wide.tell()["entries"][before:]
    assert [(entry["method"], entry["reason"]) for entry in entries] == [
        ("TestService/Stream", "TOO_LONG"),
        ("TestService/Stream", "ROLE_REQUIRED"),
        ("TestService/Stream", "REQUIRED"),
    ]


# --- a batch as a whole -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (b"", "REQUIRED"),
        (part(b"one") * (MAX_CHECKS + 1), "TOO_MANY"),
        (b"\x0a\xff", "UNREADABLE_MESSAGE"),
        (part(b"one") + b"\x10\x01", "UNKNOWN_FIELDS"),
        (
            part(
                pb.CheckRequest(
                    fields=[pb.FieldInstance(name=f"f{i}") for i in range(64)],
                    recipients=[pb.Recipient(team=f"t{i}") for i in range(64)],
                ).SerializeToString()
            )
            * 5,
            "TOO_MANY_QUESTIONS",
        ),
    ],
)
def test_a_batch_that_cannot_be_one_is_refused_whole(wide: Edge, request_: bytes, reason: str) -> None:
    before = len(wide.tell()["entries"])
    with Client(wide.port) as client, pytest.raises(Refused) as whole:
        client.call("TestService/Batch", request_, token="friend")
    assert (whole.value.code.name, whole.value.reason) == ("INVALID_ARGUMENT", reason)
    assert [entry["reason"] for entry in wide.tell()["entries"][before:]] == [reason]


def test_a_batch_ends_whole_when_its_credentials_end(wide: Edge) -> None:
    with Client(wide.port) as client, pytest.raises(Refused) as whole:
        batch(client, ["one", "fail revoked", "two"])
    assert whole.value.code.name == "UNAUTHENTICATED"


# --- bounds -------------------------------------------------------------------------------------------------


async def test_no_more_than_so_many_questions_of_a_stream_are_unanswered(wide: Edge) -> None:
    begun = wide.tell()["begun"]
    async with channel(wide) as opened:
        stream = hold(opened)
        sending = asyncio.create_task(say(stream, *["wait"] * (MAX_UNANSWERED + 30)))
        await until(lambda: wide.tell()["begun"] - begun >= MAX_UNANSWERED)
        await asyncio.sleep(0.3)
        assert wide.tell()["begun"] - begun == MAX_UNANSWERED

        opening = asyncio.create_task(keep_opening(wide))
        assert await hear(stream, MAX_UNANSWERED + 30) == [("answer", "done")] * (MAX_UNANSWERED + 30)
        await sending
        opening.cancel()


async def test_questions_wait_for_room_among_the_calls_in_flight() -> None:
    with running_edge(32) as small:  # a system holds 8 of them
        async with channel(small) as opened:
            stream = hold(opened)
            await say(stream, *["slow 0.05"] * 40)
            assert await hear(stream, 40) == [("answer", "done")] * 40
        with Client(small.port) as client:
            assert batch(client, ["slow 0.05"] * 40) == [("answer", "done")] * 40


async def test_a_system_holds_a_quarter_of_the_conversations(wide: Edge) -> None:
    share = CONVERSATIONS // SHARES
    async with channel(wide) as one, channel(wide) as another:
        held = [hold(one if i % 2 else another) for i in range(share)]
        for stream in held:
            await say(stream, "here")
        for stream in held:
            assert await hear(stream) == [("answer", "here")]
        one_more = hold(one)
        assert await one_more.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        with Client(wide.port) as client:
            with pytest.raises(Refused) as too_many:
                batch(client, ["one"])
            assert too_many.value.reason == "OVERLOADED"
            assert batch(client, ["one"], token="other") == [("answer", "one")]
        for stream in held:
            stream.cancel()
    with Client(wide.port) as client:
        await until(lambda: not _is_refused(client))


async def test_who_does_not_read_harms_nobody_else(wide: Edge) -> None:
    async with channel(wide) as opened, channel(wide) as other:
        before, deaf = wide.tell()["begun"], hold(opened)
        sending = asyncio.create_task(say(deaf, *["large 100000"] * 400))
        await until(lambda: wide.tell()["begun"] - before > MAX_UNANSWERED)
        assert await at_rest(lambda: wide.tell()["begun"]) - before < 300  # he is read no further
        stream = hold(other)
        for _ in range(20):
            await say(stream, "one")
            assert await asyncio.wait_for(hear(stream), 5.0) == [("answer", "one")]
        sending.cancel()
        deaf.cancel()


# --- ends ---------------------------------------------------------------------------------------------------


async def test_what_was_asked_goes_on_to_its_end_when_the_caller_leaves(wide: Edge) -> None:
    before = wide.tell()
    async with channel(wide) as opened:
        stream = hold(opened)
        await say(stream, *["slow 2.0"] * 20)
        await until(lambda: wide.tell()["begun"] - before["begun"] == 20)
        stream.cancel()
    await until(lambda: wide.tell()["finished"] - before["finished"] == 20)
    with Client(wide.port) as client:
        assert batch(client, ["one"]) == [("answer", "one")]


async def test_a_stream_ends_when_its_credentials_end(wide: Edge) -> None:
    async with channel(wide) as opened:
        stream = hold(opened)
        await say(stream, "one")
        assert await hear(stream) == [("answer", "one")]
        await say(stream, "fail revoked")
        assert await stream.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_stranger_holds_no_stream(wide: Edge) -> None:
    async with channel(wide) as opened:
        for token in ("nobody", "revoked", ""):
            assert await hold(opened, token).code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_stream_that_ends_at_once_is_fine(wide: Edge) -> None:
    async with channel(wide) as opened:
        stream = hold(opened)
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF
        assert await stream.code() is grpc.StatusCode.OK


async def test_at_the_end_of_the_process_streams_answer_what_they_were_asked() -> None:
    with running_edge(CAPACITY) as ending:
        ending.tell()
        async with channel(ending) as opened:
            stream, idle = hold(opened), hold(opened)
            await say(stream, *["slow 1.0"] * 5)
            await say(idle, "one")
            assert await hear(idle) == [("answer", "one")]
            await until(lambda: ending.tell()["begun"] == 6)
            began = time.monotonic()
            ending.process.stdin.close()
            assert await hear(stream, 5) == [("answer", "done")] * 5
            for each in (stream, idle):
                assert await each.read() is grpc.aio.EOF
            assert time.monotonic() - began < 4.0
        assert ending.process.wait(10) == 0


async def keep_opening(edge: Edge) -> None:
    while True:
        await asyncio.to_thread(edge.tell, "open")
        await asyncio.sleep(0.02)


async def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20.0
    while not await asyncio.to_thread(reached):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def at_rest(number: Callable[[], int]) -> int:
    """The number, once it has not changed for a second."""
    deadline = time.monotonic() + 60.0
    last, now = -1, await asyncio.to_thread(number)
    while now != last:
        assert time.monotonic() < deadline
        await asyncio.sleep(1.0)
        last, now = now, await asyncio.to_thread(number)
    return now


def _is_refused(client: Client) -> bool:
    try:
        batch(client, ["one"])
    except Refused:
        return True
    return False
