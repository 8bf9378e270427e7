"""The supervisor's care for one child, with real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from policy_service.server import supervisor
from policy_service.server.kept_child import KeptChild
from policy_service.server.nursery import Nursery
from policy_service.server.role import Role
from policy_service.server.settings import Settings
from tests.support.processes import nursery_of


@pytest.mark.timeout(120)
async def test_a_child_that_cannot_be_started_for_a_while_is_started_once_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the machine has no process or no memory to give."""
    nursery = Nursery(supervisor.CHILD_MODULE)
    child = KeptChild(
        nursery, Role.WORKER, Settings(var_dir=tmp_path), 0
    )  # it ends at once: nothing is on file
    await child._start()
    first, stop = child._process, asyncio.Event()
    keeping = asyncio.create_task(child.keep(stop))
    try:
        with monkeypatch.context() as missing:
            missing.setattr(sys, "executable", str(tmp_path / "missing"))
            process = nursery_of(os.getpid())
            assert process is not None
            os.kill(process, signal.SIGKILL)
            while "could not be started" not in child._failed:
                assert not keeping.done()
                await asyncio.sleep(0.05)
            last = child._process
        while child._process is last:
            assert not keeping.done()
            await asyncio.sleep(0.05)
        assert first is not child._process
    finally:
        keeping.cancel()
        await asyncio.wait((keeping,))
        child.kill()
        await nursery.close()


def test_a_port_that_is_free_twice_is_not_taken_for_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = iter((40_001, 40_001, 40_001, 40_002))
    monkeypatch.setattr(supervisor, "free_port", lambda *_: next(free))
    ports = supervisor._two_free_ports(Settings(var_dir=tmp_path, decision_port=0, control_port=0))
    assert ports == (40_001, 40_002)
