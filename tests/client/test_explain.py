"""Either client explains; what it gives is for people to read, and no Decision."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.client import AsyncPolicyClient, PolicyClient, open_async_channel, open_channel, question
from policy_service.client.errors import NotAllowed
from tests.client.conftest import TOKEN
from tests.support.fake_service import FakeService, Refusal

ASKED = question("u", "R", ["f"])


def explain(fake: FakeService, kind: str) -> pb.ExplainResponse:
    if kind == "threads":
        with open_channel(fake.address) as channel:
            return PolicyClient(channel, TOKEN).explain(ASKED)

    async def explained() -> pb.ExplainResponse:
        async with open_async_channel(fake.address) as channel:
            return await AsyncPolicyClient(channel, TOKEN).explain(ASKED)

    return asyncio.run(explained())


@pytest.mark.parametrize("kind", ["threads", "asyncio"])
def test_an_explanation(fake: FakeService, kind: str) -> None:
    answer = pb.ExplainResponse(questions=[pb.ExplainedQuestion(gate="authority")])
    fake.answers["DecisionService/Explain"] = lambda _: answer
    assert explain(fake, kind) == answer
    assert fake.calls[0].request == pb.ExplainRequest(check=ASKED)
    assert fake.calls[0].metadata["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("kind", ["threads", "asyncio"])
def test_a_refusal_raises(fake: FakeService, kind: str) -> None:
    def refuse(_: object) -> pb.ExplainResponse:
        raise Refusal(grpc.StatusCode.PERMISSION_DENIED, "no", "NOT_A_SYSTEM")

    fake.answers["DecisionService/Explain"] = refuse
    with pytest.raises(NotAllowed):
        explain(fake, kind)
