"""Streams that come and go, are cancelled and killed, for ten minutes: nothing is left behind.

`SOAK_SECONDS` makes it shorter, for whoever writes on it.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.decision_log.reader import LogReader
from tests.server.calling import OPTIONS, PACKAGE
from tests.support.asking import question
from tests.support.running import Service, running
from tests.system.conftest import opened

SECONDS: Final = float(os.environ.get("SOAK_SECONDS", "600"))
STREAMS: Final = 200
CONNECTIONS: Final = 8
PAUSE: Final = 0.4
"""Seconds between two questions of a stream, on the average: half of what the worker answers at most."""

MESSAGE: Final = pb.CheckStreamRequest(check=pb.CheckRequest.FromString(question())).SerializeToString()


@dataclass
class Soaked:
    """What the clients saw, and what was measured of the worker."""

    answered: set[str] = field(default_factory=set)
    ends: dict[str, int] = field(default_factory=dict)
    resident: list[int] = field(default_factory=list)
    """KiB, each few seconds."""
    threads: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)


@pytest.mark.torture
@pytest.mark.timeout(SECONDS + 300)
async def test_streams_that_come_and_go_leave_nothing_behind(tmp_path: Path) -> None:
    with running(tmp_path / "var") as service:
        clinic = opened(service)
        soaked = Soaked()
        end = time.monotonic() + SECONDS
        watch = asyncio.create_task(_watch(service, soaked, end))
        address = f"127.0.0.1:{service.decision_port}"
        channels = [_opened(address) for _ in range(CONNECTIONS)]
        try:
            await asyncio.gather(
                *(
                    _come_and_go(address, channels, clinic.token, soaked, end, random.Random(number))
                    for number in range(STREAMS)
                )
            )
        finally:
            for channel in channels:
                await channel.close()
        await watch
        await asyncio.sleep(3.0)
        pid = service.child("worker")
        assert pid is not None
        entries = await asyncio.to_thread(_decisions, service)
        told = (
            f"{SECONDS:.0f} s, {STREAMS} streams at a time, {len(soaked.answered):,} answers,"
            f" ends {soaked.ends};"
            f" resident {soaked.resident[0] / 1024:.0f} -> {soaked.resident[-1] / 1024:.0f} MiB,"
            f" threads {soaked.threads[0]} -> {_threads(pid)}, files {soaked.files[0]} -> {_files(pid)}"
        )
        print(told)
        assert soaked.answered <= entries, "an answer has no entry"
        warm = soaked.resident[len(soaked.resident) // 5 :]
        assert min(warm[-5:]) < 1.1 * max(warm[:5]), told
        assert _threads(pid) <= soaked.threads[0] + 4, told
        assert _files(pid) <= soaked.files[0] + 4, told


async def _come_and_go(
    address: str,
    channels: list[grpc.aio.Channel],
    token: str,
    soaked: Soaked,
    end: float,
    chance: random.Random,
) -> None:
    """One stream after another, each ended in one of four ways."""
    while time.monotonic() < end:
        way = chance.choice(("done", "cancelled", "in the middle", "killed"))
        slot = chance.randrange(len(channels))
        hold: Any = channels[slot].stream_stream(f"/{PACKAGE}.DecisionService/CheckStream")
        try:
            stream = hold(metadata=(("authorization", f"Bearer {token}"),), timeout=120)
            for _ in range(chance.randrange(1, 12)):
                await stream.write(MESSAGE)
                if way == "in the middle" and chance.random() < 0.2:
                    break
                await _hear(stream, soaked)
                await asyncio.sleep(chance.uniform(0, 2 * PAUSE))
            match way:
                case "done":
                    await stream.done_writing()
                    assert await stream.read() is grpc.aio.EOF
                case "killed" if chance.random() < 0.01:
                    closed, channels[slot] = channels[slot], _opened(address)
                    await closed.close()
                case _:
                    stream.cancel()
        except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError, asyncio.CancelledError):
            # Its connection was closed under it, at whatever it was doing.
            way = "broken off"
        soaked.ends[way] = soaked.ends.get(way, 0) + 1


async def _hear(stream: Any, soaked: Soaked) -> None:
    answer = await stream.read()
    if isinstance(answer, bytes):
        outcome = pb.CheckStreamResponse.FromString(answer).outcome
        assert outcome.answer.decision_id
        soaked.answered.add(outcome.answer.decision_id)


async def _watch(service: Service, soaked: Soaked, end: float) -> None:
    pid = service.child("worker")
    assert pid is not None
    while time.monotonic() < end:
        await asyncio.sleep(max(0.5, SECONDS / 100))
        _measure(pid, soaked)


def _measure(pid: int, soaked: Soaked) -> None:
    status = Path(f"/proc/{pid}/status").read_text()
    soaked.resident.append(_number(status, "VmRSS"))
    soaked.threads.append(_number(status, "Threads"))
    soaked.files.append(_files(pid))


def _number(status: str, name: str) -> int:
    line = next(line for line in status.splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1])


def _threads(pid: int) -> int:
    return _number(Path(f"/proc/{pid}/status").read_text(), "Threads")


def _files(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def _decisions(service: Service) -> set[str]:
    log, found = LogReader(service.log_url), set()
    for stream in log.streams():
        start = 0
        while page := log.entries(stream.stream_id, start):
            found |= {each.id for each in page}
            start += len(page)
    return found


def _opened(address: str) -> grpc.aio.Channel:
    options = (*OPTIONS, ("grpc.use_local_subchannel_pool", 1))
    return grpc.aio.insecure_channel(address, options=options)
