"""A fake service to ask, and a way to ask it with either client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.client import AsyncPolicyClient, Decision, PolicyClient, open_async_channel, open_channel
from tests.support.fake_service import FakeService, running

TOKEN = "psk_abc_def"
Ask = Callable[..., Decision]


@pytest.fixture
def fake() -> Iterator[FakeService]:
    with running() as service:
        yield service


@pytest.fixture(params=["threads", "asyncio"])
def ask(request: pytest.FixtureRequest, fake: FakeService) -> Ask:
    """Asks with the client for threads, and once more with the one for asyncio."""

    def with_threads(question: pb.CheckRequest, timeout: float = 5.0) -> Decision:
        with open_channel(fake.address) as channel:
            return PolicyClient(channel, TOKEN).check(question, timeout=timeout)

    def with_asyncio(question: pb.CheckRequest, timeout: float = 5.0) -> Decision:
        async def asked() -> Decision:
            async with open_async_channel(fake.address) as channel:
                return await AsyncPolicyClient(channel, TOKEN).check(question, timeout=timeout)

        return asyncio.run(asked())

    return with_threads if request.param == "threads" else with_asyncio
