"""What goes wrong in the caller's own questions is told to him as it is, behind what was asked before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator

import pytest

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.client import (
    AsyncPolicyClient,
    Decision,
    Outcome,
    PolicyClient,
    open_async_channel,
    open_channel,
    question,
)
from tests.client.conftest import TOKEN
from tests.support.fake_service import FakeService

ASKED = question("nurse", "R-1", ["name"])

Questions = Iterable[pb.CheckRequest] | AsyncIterator[pb.CheckRequest]


class QueueError(Exception):
    """Of the caller's."""


def breaking() -> Iterator[pb.CheckRequest]:
    yield from (ASKED, ASKED)
    raise QueueError


async def breaking_later() -> AsyncIterator[pb.CheckRequest]:
    for each in breaking():
        yield each


def with_a_text() -> list[pb.CheckRequest]:
    return [ASKED, ASKED, "a text"]  # type: ignore[list-item]


def permit(request: pb.CheckStreamRequest) -> Iterator[pb.CheckStreamResponse]:
    cells = [pb.Cell(field=each.name, effect=pb.EFFECT_PERMIT) for each in request.check.fields]
    answer = pb.CheckResponse(decision_id="d-1", effect=pb.EFFECT_PERMIT, cells=cells)
    yield pb.CheckStreamResponse(outcome=pb.CheckOutcome(answer=answer))


@pytest.mark.parametrize(
    ("kind", "questions", "error"),
    [
        ("threads", breaking, QueueError),
        ("threads", with_a_text, TypeError),
        ("asyncio", breaking, QueueError),
        ("asyncio", breaking_later, QueueError),
        ("asyncio", with_a_text, TypeError),
    ],
)
def test_what_the_questions_raise_comes_out_behind_the_answers(
    fake: FakeService, kind: str, questions: Callable[[], Questions], error: type[Exception]
) -> None:
    fake.answers["DecisionService/CheckStream"] = permit
    outcomes: list[Outcome] = []

    async def ask() -> None:
        if kind == "threads":
            with open_channel(fake.address) as channel:
                asked = questions()
                assert not isinstance(asked, AsyncIterator)
                outcomes.extend(PolicyClient(channel, TOKEN).check_stream(asked))
            return
        async with open_async_channel(fake.address) as channel:
            async for each in AsyncPolicyClient(channel, TOKEN).check_stream(questions()):
                outcomes.append(each)  # noqa: PERF401 - what came before the error is kept

    with pytest.raises(error):
        asyncio.run(ask())
    assert [isinstance(each, Decision) and each.permitted for each in outcomes] == [True, True]
