"""Promise 3, fresh: what was written before a check began decides it, and what was written as it waited."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from policy_service.api.v1 import decision_pb2 as pb
from tests.promises.conftest import ON_BOTH
from tests.promises.world import check, open_world, record_request
from tests.support.installation import installation

SEND = {
    "user": "w.nurse",
    "record": "F-P",
    "verb": "VERB_SEND",
    "fields": [{"name": "summary"}],
    "recipients": [{"person": "ref:gp", "contact_point": "gp-post"}],
}
TOGETHER = 20


async def until(reached: Callable[[], bool]) -> None:
    """Wait, 20 seconds at most, for something that other tasks bring about."""
    for _ in range(4_000):
        if reached():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it was not reached within 20 seconds")


@ON_BOTH
async def test_a_request_recorded_a_moment_ago_decides(urls: tuple[str, str]) -> None:
    async with installation(*urls) as road:
        token = await open_world(road)
        assert (await check(road, token, **SEND)).effect == pb.EFFECT_PERMIT
        await record_request(road, person="ref:P", kind="do_not_share")
        assert (await check(road, token, **SEND)).effect == pb.EFFECT_DENY


@ON_BOTH
async def test_everyone_who_waits_is_decided_again_when_the_head_moves(urls: tuple[str, str]) -> None:
    """The head moves between the decisions and their commit: none of those who wait gets the older answer."""
    decided, written = threading.Event(), threading.Event()
    held = threading.Event()

    def before_head() -> None:
        if held.is_set():
            decided.set()
            written.wait(20)

    async with installation(*urls, before_head=before_head) as road:
        token = await open_world(road)
        assert (await check(road, token, **SEND)).effect == pb.EFFECT_PERMIT
        held.set()
        waiting = [asyncio.create_task(check(road, token, **SEND)) for _ in range(TOGETHER)]
        await asyncio.to_thread(decided.wait, 20)
        await until(lambda: road.round.waiting == TOGETHER)
        redecided = road.round.counters.redecided
        held.clear()
        await record_request(road, person="ref:P", kind="do_not_share")
        written.set()
        answers = await asyncio.gather(*waiting)
        assert [answer.effect for answer in answers] == [pb.EFFECT_DENY] * TOGETHER
        assert road.round.counters.redecided - redecided == TOGETHER
        assert {road.log.get(answer.decision_id) is not None for answer in answers} == {True}
