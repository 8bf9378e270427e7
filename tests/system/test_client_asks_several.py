"""The client library asks several questions, and reports, on the real service; with threads and asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import grpc
import pytest
from grpc import aio

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.client import (
    AsyncPolicyClient,
    Decision,
    InvalidQuestion,
    NotAllowed,
    NotFound,
    Outcome,
    PolicyClient,
    ServiceError,
    Unavailable,
    open_async_channel,
    open_channel,
    question,
)
from tests.system.conftest import Clinic

GOOD = question("nurse", "F-1", ["summary"])
DENIED = question("stranger", "F-1", ["summary"])
BAD = pb.CheckRequest(user="nurse", record="F-1")
QUESTIONS = [GOOD, BAD, DENIED] * 50

Ask = Callable[[str, str, Sequence[pb.CheckRequest]], list[Outcome]]


@pytest.fixture(params=["threads", "asyncio"])
def ask(request: pytest.FixtureRequest, clinic: Clinic) -> Ask:
    """Asks by `check_batch` or `check_stream`, with the client for threads or the one for asyncio."""
    address = f"127.0.0.1:{clinic.service.decision_port}"

    def with_threads(how: str, token: str, questions: Sequence[pb.CheckRequest]) -> list[Outcome]:
        with open_channel(address) as channel:
            return list(getattr(PolicyClient(channel, token), how)(questions))

    def with_asyncio(how: str, token: str, questions: Sequence[pb.CheckRequest]) -> list[Outcome]:
        async def asked() -> list[Outcome]:
            async with open_async_channel(address) as channel:
                answer: Any = getattr(AsyncPolicyClient(channel, token), how)(questions)
                return await answer if how == "check_batch" else [outcome async for outcome in answer]

        return asyncio.run(asked())

    return with_threads if request.param == "threads" else with_asyncio


def _as_expected(outcomes: Sequence[Outcome], *, times: int) -> None:
    assert len(outcomes) == 3 * times
    for good, bad, denied in zip(outcomes[::3], outcomes[1::3], outcomes[2::3], strict=True):
        assert isinstance(good, Decision)
        assert good.permitted
        assert isinstance(bad, InvalidQuestion)
        assert (bad.reason, bad.field) == ("NO_FIELD", "fields")
        assert isinstance(denied, Decision)
        assert not denied.permitted


@pytest.mark.parametrize("how", ["check_batch", "check_stream"])
def test_what_came_of_each_in_their_order(ask: Ask, clinic: Clinic, how: str) -> None:
    outcomes = ask(how, clinic.token, QUESTIONS)
    _as_expected(outcomes, times=50)
    ids = [outcome.decision_id for outcome in outcomes if isinstance(outcome, Decision)]
    assert len(set(ids)) == 100
    for decision_id in (ids[0], ids[-1]):
        assert clinic.manager.entry(decision_id).entry_id == decision_id


@pytest.mark.parametrize("how", ["check_batch", "check_stream"])
def test_a_token_that_nobody_has_is_refused_whole(ask: Ask, how: str) -> None:
    with pytest.raises(NotAllowed):
        ask(how, "psk_0123456789abcdef_" + "0" * 64, [GOOD])


class _Lost:
    """A stream of which grpcio has lost what the service told, as it does when it cannot send any more."""

    def __aiter__(self) -> _Lost:
        return self

    async def __anext__(self) -> pb.CheckStreamResponse:
        raise aio.AioRpcError(
            grpc.StatusCode.INTERNAL, aio.Metadata(), aio.Metadata(), "Internal error from Core"
        )

    def cancel(self) -> None:
        pass


@pytest.mark.parametrize(("known", "error"), [(False, NotAllowed), (True, Unavailable)])
async def test_a_refusal_that_grpcio_has_lost_is_asked_for_again(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, known: bool, error: type[ServiceError]
) -> None:
    async with open_async_channel(f"127.0.0.1:{clinic.service.decision_port}") as channel:
        client = AsyncPolicyClient(channel, clinic.token if known else "psk_0123456789abcdef_" + "0" * 64)
        streams, asked = client._stream, 0

        def ask(*given: Any, **how: Any) -> Any:
            nonlocal asked
            asked += 1
            return _Lost() if asked == 1 else streams(*given, **how)

        monkeypatch.setattr(client, "_stream", ask)
        with pytest.raises(error):
            [outcome async for outcome in client.check_stream([GOOD])]
        assert asked == 2


def test_an_empty_stream_has_no_answers(ask: Ask, clinic: Clinic) -> None:
    assert ask("check_stream", clinic.token, []) == []


def test_an_empty_batch_is_no_question(ask: Ask, clinic: Clinic) -> None:
    with pytest.raises(InvalidQuestion):
        ask("check_batch", clinic.token, [])


def test_a_report_of_what_was_shown(clinic: Clinic) -> None:
    with open_channel(f"127.0.0.1:{clinic.service.decision_port}") as channel:
        client = PolicyClient(channel, clinic.token)
        shown = pb.ReportOutcomeRequest(
            decision_id=client.check(GOOD).decision_id, dispatch=pb.DISPATCH_DISPATCHED
        )
        first, again = client.report(shown), client.report(shown)
        assert (first.standing.repeated, again.standing.repeated) == (False, True)
        assert clinic.manager.entry(first.report_id).report.decision_id == shown.decision_id
        with pytest.raises(NotFound):
            client.report(
                pb.ReportOutcomeRequest(decision_id=first.report_id, dispatch=pb.DISPATCH_DISPATCHED)
            )


def test_a_worker_that_is_killed_under_a_stream_permits_nothing_more(clinic: Clinic) -> None:
    """Last, since the others need the worker."""
    outcomes: list[Outcome] = []

    def hear(client: PolicyClient) -> None:
        for outcome in client.check_stream(GOOD for _ in range(100_000)):
            outcomes.append(outcome)
            if len(outcomes) == 20:
                clinic.service.kill("worker")

    with (
        open_channel(f"127.0.0.1:{clinic.service.decision_port}") as channel,
        pytest.raises(Unavailable),
    ):
        hear(PolicyClient(channel, clinic.token))
    assert 20 <= len(outcomes) < 100_000
    clinic.service.wait_until_serving()
    for outcome in outcomes:
        assert isinstance(outcome, Decision)
        assert clinic.manager.entry(outcome.decision_id).entry_id == outcome.decision_id
