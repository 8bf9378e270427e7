"""A policy set is prepared in every worker that serves, or it is not published; no answer is a no."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from policy_service.model.errors import UnavailableError
from policy_service.model.facts import Revision
from policy_service.server.preparing import (
    MOST_AT_ONCE,
    Relay,
    SupervisorLine,
    prepare_when_told,
    preparing_in_workers,
)

AT = Revision(7)
Prepare = Callable[[str, Revision], Any]


class Process:
    """A child in this process: what it is told reaches its line, what it says the relay."""

    def __init__(self, name: str, pid: int | None = 1) -> None:
        self.name = name
        self.process_id = pid
        self.ready = asyncio.Event()
        if pid is not None:
            self.ready.set()
        self.relay: Relay | None = None
        self.line = SupervisorLine(self._say)
        self.was_told = asyncio.Event()

    async def until_ready(self) -> None:
        await self.ready.wait()

    async def tell(self, message: dict[str, Any]) -> None:
        self.was_told.set()
        self.line.hear(json.dumps(message).encode())

    def _say(self, message: dict[str, Any]) -> None:
        assert self.relay is not None
        self.relay.heard(self, json.loads(json.dumps(message)))


async def willing(_: str, __: Revision) -> None:
    return


async def unwilling(_: str, __: Revision) -> None:
    raise ValueError("canary")


async def silent(_: str, __: Revision) -> None:
    await asyncio.sleep(60)


def put_together(*workers: Process, seconds: float = 0.5, start_seconds: float = 0.2) -> Prepare:
    control = Process("control")
    relay = Relay(control, workers, seconds=seconds, start_seconds=start_seconds)
    for each in (control, *workers):
        each.relay = relay
    return preparing_in_workers(control.line, seconds=2.0)


def worker(name: str, prepare: Prepare, pid: int | None = 1) -> Process:
    process = Process(name, pid)
    prepare_when_told(process.line, prepare)
    return process


async def refused(prepare: Prepare) -> bool:
    try:
        await prepare("set-1", AT)
    except UnavailableError as error:
        return error.reason == "SET_NOT_PREPARED" and "canary" not in error.message
    return False


async def test_each_worker_is_told_which_set_and_as_of_when() -> None:
    asked: list[tuple[str, str, Revision]] = []

    def noting(name: str) -> Prepare:
        async def prepare(policy_set_id: str, revision: Revision) -> None:
            asked.append((name, policy_set_id, revision))

        return prepare

    await put_together(*(worker(f"worker-{n}", noting(f"worker-{n}")) for n in range(4)))("set-1", AT)
    assert asked == [(f"worker-{n}", "set-1", AT) for n in range(4)]


@pytest.mark.parametrize("one", [unwilling, silent])
async def test_one_that_cannot_or_does_not_answer_is_enough(
    one: Prepare, caplog: pytest.LogCaptureFixture
) -> None:
    prepare = put_together(worker("worker-0", willing), worker("worker-1", one), worker("worker-2", willing))
    assert await refused(prepare)
    assert any(getattr(record, "child", "") == "worker-1" for record in caplog.records)
    assert "canary" not in caplog.text


async def test_one_that_ends_meanwhile_has_not_prepared_it() -> None:
    dying = worker("worker-0", silent)
    asking = asyncio.create_task(refused(put_together(dying, seconds=60.0)))
    await dying.was_told.wait()
    dying.process_id = 2  # and another one is in its place
    async with asyncio.timeout(2.0):
        assert await asking


async def test_one_that_starts_is_waited_for() -> None:
    starting = worker("worker-0", unwilling, pid=None)
    asking = asyncio.create_task(refused(put_together(starting, start_seconds=5.0)))
    await asyncio.sleep(0.1)
    assert not asking.done()
    starting.process_id = 1
    starting.ready.set()
    assert await asking


async def test_one_that_does_not_serve_is_passed_over() -> None:
    """Else nobody could roll back from a set that no worker can compile."""
    assert not await refused(put_together(worker("worker-0", willing, pid=None)))


async def test_a_supervisor_that_says_nothing_is_a_no() -> None:
    prepare = preparing_in_workers(SupervisorLine(lambda _: None), seconds=0.1)
    assert await refused(prepare)


async def test_several_are_told_apart() -> None:
    async def prepare(policy_set_id: str, _: Revision) -> None:
        if policy_set_id == "set-bad":
            raise ValueError
        await asyncio.sleep(0.1)

    ask = put_together(worker("worker-0", prepare), worker("worker-1", prepare))
    came = await asyncio.gather(ask("set-1", AT), ask("set-bad", AT), return_exceptions=True)
    assert came[0] is None
    assert isinstance(came[1], UnavailableError)


async def test_a_worker_compiles_a_few_at_a_time() -> None:
    said: list[dict[str, Any]] = []
    line = SupervisorLine(said.append)
    prepare_when_told(line, silent)
    for number in range(MOST_AT_ONCE + 1):
        line.hear(json.dumps({"prepare": {"id": str(number), "set": "s", "revision": 1}}).encode())
    await asyncio.sleep(0)
    assert said == [{"prepared": {"id": str(MOST_AT_ONCE), "ok": False}}]


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"1", b'{"other": {}}', b'{"prepared": 1}'])
async def test_what_cannot_be_read_is_passed_over(line: bytes) -> None:
    control = SupervisorLine(lambda _: None)
    preparing_in_workers(control)
    control.hear(line)
    control.hear(b'{"prepared": {"id": "of nobody", "ok": true}}')
