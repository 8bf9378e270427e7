"""The nursery and the care for whom it bore, with children that are nothing but processes."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from policy_service.server import kept_child
from policy_service.server.kept_child import KeptChild
from policy_service.server.nursery import Nursery
from policy_service.server.role import Role
from policy_service.server.settings import Settings
from tests.server.newborn import BEATS, ENDS, SLEEPS, TALKS
from tests.support.processes import nursery_of

PATIENCE = 60.0

pytestmark = pytest.mark.timeout(180)


@pytest_asyncio.fixture
async def nursery(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Nursery]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))  # where its children's module is
    nursery = Nursery("tests.server.newborn")
    yield nursery
    await nursery.close()


def child_of(nursery: Nursery, number: int, directory: Path) -> KeptChild:
    return KeptChild(nursery, Role.WORKER, Settings(var_dir=directory), 0, number)


def stop_the_nursery() -> None:
    process = nursery_of(os.getpid())
    assert process is not None
    os.kill(process, signal.SIGSTOP)


async def test_a_child_hears_what_it_is_sent_from_its_first_moment(nursery: Nursery) -> None:
    for _ in range(20):
        born = await nursery.bear(Role.WORKER, SLEEPS)
        born.terminate()
        async with asyncio.timeout(PATIENCE):
            assert await born.wait() == -signal.SIGTERM
        born.close()


async def test_a_killed_child_is_told_and_the_others_live(nursery: Nursery) -> None:
    first, second = [await nursery.bear(Role.WORKER, SLEEPS) for _ in range(2)]
    first.stdin.write(b"unread\n")
    first.kill()
    async with asyncio.timeout(PATIENCE):
        assert await first.wait() == -signal.SIGKILL
    first.close()
    assert second.returncode is None


async def test_a_line_that_is_too_long_ends_nobody(nursery: Nursery, tmp_path: Path) -> None:
    child = child_of(nursery, TALKS, tmp_path)
    said: list[object] = []
    child.on_said = lambda _, line: said.append(line)
    await child._start()
    async with asyncio.timeout(PATIENCE):
        assert await child._over() == TALKS
    assert said == [{"ready": True}, {"serving": True}]


async def test_nobody_is_born_any_more_once_the_service_stops(nursery: Nursery, tmp_path: Path) -> None:
    child, stop = child_of(nursery, ENDS, tmp_path), asyncio.Event()
    await child._start()
    first = child._process
    kept = asyncio.create_task(child.keep(stop))
    async with asyncio.timeout(PATIENCE):
        while child._process is first:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        stop.set()
        await kept
    last = child._process
    await asyncio.sleep(1.0)
    assert child._process is last


async def test_a_nursery_that_does_not_answer_is_replaced(
    nursery: Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_child, "NURSERY_SECONDS", 1.0)
    child, stop = child_of(nursery, BEATS, tmp_path), asyncio.Event()
    await child.start_first()
    first = child._process
    assert first is not None
    kept = asyncio.create_task(child.keep(stop))
    stop_the_nursery()
    first.kill()
    async with asyncio.timeout(PATIENCE):
        while child.process_id in {first.pid, None}:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
        stop.set()
        stop_the_nursery()
        assert await child.end(1.0) in {-signal.SIGTERM, -signal.SIGKILL}
        await kept


async def test_whoever_was_away_himself_takes_nobody_for_silent(
    nursery: Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_child, "SILENCE_SECONDS", 6.0)  # less than he is away
    child = child_of(nursery, BEATS, tmp_path)
    await child.start_first()
    first, stop = child._process, asyncio.Event()
    kept = asyncio.create_task(child.keep(stop))
    await asyncio.sleep(0.1)
    os.kill(child.process_id or 0, signal.SIGSTOP)  # as a machine that is frozen, whole
    time.sleep(kept_child.AWAY_SECONDS + 2.0)  # noqa: ASYNC251 - the event loop is what is away
    await asyncio.sleep(1.5)  # it is the first to turn again
    os.kill(first.pid if first is not None else 0, signal.SIGCONT)
    await asyncio.sleep(2.0)
    assert child._process is first
    assert child.process_id is not None
    stop.set()
    child.kill()
    await kept


async def test_nothing_that_lies_in_the_current_folder_is_loaded(
    nursery: Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "asyncio.py").write_text("raise SystemExit('hostile')")
    monkeypatch.chdir(tmp_path)
    assert (await nursery.bear(Role.WORKER, SLEEPS)).returncode is None
