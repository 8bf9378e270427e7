"""What the event loop puts off while control writes."""

from __future__ import annotations

import asyncio
import threading

from policy_service.service.writing_thread import WritingThread


async def test_what_can_wait_waits_for_the_work_that_is_under_way() -> None:
    writing = WritingThread()
    goes_on = threading.Event()
    work = asyncio.create_task(writing.do(goes_on.wait))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(writing.over())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    goes_on.set()
    await asyncio.wait_for(asyncio.gather(work, waiting), 5)
    await asyncio.wait_for(writing.over(), 5)  # nothing is under way
    await writing.close()


async def test_whoever_waits_has_his_turn_although_more_is_begun_at_once() -> None:
    writing = WritingThread()
    first, second = threading.Event(), threading.Event()

    async def one_after_the_other() -> None:
        await writing.do(first.wait)
        await writing.do(second.wait)

    work = asyncio.create_task(one_after_the_other())
    await asyncio.sleep(0)
    waiting = asyncio.create_task(writing.over())
    await asyncio.sleep(0)
    first.set()
    await asyncio.wait_for(waiting, 5)
    assert not work.done()
    second.set()
    await work
    await writing.close()
