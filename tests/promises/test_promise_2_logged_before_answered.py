"""Promise 2, logged before answered: what cannot be logged is not permitted."""

from __future__ import annotations

import asyncio

import pytest

from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.api.v1 import decision_pb2 as pb
from policy_service.model.errors import UnavailableError
from tests.promises.world import check, open_world
from tests.support.installation import installation

SEE = {"user": "w.nurse", "record": "F-V", "fields": [{"name": "summary"}]}


async def test_an_answer_is_in_the_log_when_it_is_given(urls: tuple[str, str]) -> None:
    async with installation(*urls) as road:
        token = await open_world(road)
        answer = await check(road, token, **SEE)
        stored = road.log.get(answer.decision_id)
        assert stored is not None
        assert log_pb.LogEntry.FromString(stored.data).decision.effect == pb.EFFECT_PERMIT


async def test_many_at_once_leave_one_entry_each(urls: tuple[str, str]) -> None:
    async with installation(*urls) as road:
        token = await open_world(road)
        before = road.round.counters.entries
        answers = await asyncio.gather(*(check(road, token, **SEE) for _ in range(200)))
        assert len({answer.decision_id for answer in answers}) == 200
        assert road.round.counters.entries - before == 200
        assert road.round.counters.largest_group > 1
        assert all(road.log.get(answer.decision_id) is not None for answer in answers)


async def test_without_a_log_nothing_is_permitted(urls: tuple[str, str]) -> None:
    async with installation(*urls) as road:
        token = await open_world(road)
        assert (await check(road, token, **SEE)).effect == pb.EFFECT_PERMIT
        road.worker_log.close()
        with pytest.raises(UnavailableError):
            await check(road, token, **SEE)


async def test_what_is_too_large_for_the_log_is_not_available(urls: tuple[str, str]) -> None:
    """The log takes entries of 65,535 bytes; a call that needs more is denied, and its entry says why."""
    async with installation(*urls) as road:
        token = await open_world(road)
        fields = [{"name": f"{'x' * 60}{number}"} for number in range(1_500)]
        answer = await check(road, token, user="w.nurse", record="F-V", fields=fields)
        assert {(cell.effect, cell.reason) for cell in answer.cells} == {(pb.EFFECT_DENY, "NOT_AVAILABLE")}
        stored = road.log.get(answer.decision_id)
        assert stored is not None
        assert log_pb.LogEntry.FromString(stored.data).decision.cause == "entry_too_large"
