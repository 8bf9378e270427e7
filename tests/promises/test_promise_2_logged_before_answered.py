"""Promise 2, logged before answered: what cannot be logged is not permitted."""

from __future__ import annotations

import asyncio

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.api.v1 import decision_pb2 as pb
from policy_service.model.errors import UnavailableError
from tests.promises.conftest import ON_BOTH
from tests.promises.world import check, open_world
from tests.support.installation import installation
from tests.support.replaying import expect_uncomputable

SEE = {"user": "w.nurse", "record": "F-V", "fields": [{"name": "summary"}]}


@ON_BOTH
async def test_an_answer_is_in_the_log_when_it_is_given(urls: tuple[str, str]) -> None:
    async with installation(*urls) as road:
        token = await open_world(road)
        answer = await check(road, token, **SEE)
        stored = road.log.get(answer.decision_id)
        assert stored is not None
        assert log_pb.LogEntry.FromString(stored.data).decision.effect == pb.EFFECT_PERMIT


@ON_BOTH
async def test_many_at_once_leave_one_entry_each(urls: tuple[str, str]) -> None:
    async with installation(*urls) as road:
        token = await open_world(road)
        before = road.round.counters.entries
        answers = [
            answer
            for _ in range(4)
            for answer in await asyncio.gather(*(check(road, token, **SEE) for _ in range(50)))
        ]
        assert len({answer.decision_id for answer in answers}) == 200
        assert road.round.counters.entries - before == 200
        assert road.round.counters.largest_group > 1
        assert all(road.log.get(answer.decision_id) is not None for answer in answers)


@ON_BOTH
async def test_without_a_log_nothing_is_permitted(urls: tuple[str, str]) -> None:
    """By no method by which a system asks, explains or reports."""
    async with installation(*urls) as road:
        token = await open_world(road)
        answer = await check(road, token, **SEE)
        assert answer.effect == pb.EFFECT_PERMIT
        asked = ParseDict(SEE, pb.CheckRequest())
        told: dict[str, Message] = {
            "Check": asked,
            "BatchCheck": pb.BatchCheckRequest(checks=[asked]),
            "CheckStream": pb.CheckStreamRequest(check=asked),
            "Explain": pb.ExplainRequest(check=asked),
            "ReportOutcome": pb.ReportOutcomeRequest(
                decision_id=answer.decision_id, dispatch=pb.DISPATCH_DISPATCHED
            ),
        }
        assert {*told} == {*pb.DESCRIPTOR.services_by_name["DecisionService"].methods_by_name}
        for method, message in told.items():
            await road.call(f"DecisionService/{method}", message.SerializeToString(), token=token)
        road.worker_log.close()
        for method, message in told.items():
            with pytest.raises(UnavailableError):
                await road.call(f"DecisionService/{method}", message.SerializeToString(), token=token)


@ON_BOTH
async def test_what_is_too_large_for_the_log_is_not_available(urls: tuple[str, str]) -> None:
    """The log takes entries of 65,535 bytes; a call that needs more is denied, and its entry says why."""
    async with installation(*urls) as road:
        expect_uncomputable(urls[1])
        token = await open_world(road)
        fields = [{"name": f"{'x' * 60}{number}"} for number in range(1_500)]
        answer = await check(road, token, user="w.nurse", record="F-V", fields=fields)
        assert {(cell.effect, cell.reason) for cell in answer.cells} == {(pb.EFFECT_DENY, "NOT_AVAILABLE")}
        stored = road.log.get(answer.decision_id)
        assert stored is not None
        assert log_pb.LogEntry.FromString(stored.data).decision.cause == "entry_too_large"
