"""One server to be measured: the product's worker, or an echo on the same stack.

    python -m tests.bench.server check|echo|durable-echo VAR_DIR PORT CORE

All three are accepted, judged at the door and wrapped by the same code. `echo` answers with the message;
`durable-echo` appends one entry for each call through the commit round first, the size of a decision's.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from policy_service.decision_log.entry import Entry
from policy_service.decision_log.round import CommitRound
from policy_service.decision_log.stream import StreamWriter
from policy_service.facts.memory import FactsMemory
from policy_service.facts.reader import FactsReader
from policy_service.model.caller import Caller
from policy_service.model.errors import PolicyServiceError
from policy_service.model.facts import Revision
from policy_service.model.ids import time_ordered_id
from policy_service.server import logs
from policy_service.server.authenticator import Authenticator
from policy_service.server.child import prepare_process, tune_collector
from policy_service.server.compose import Parts, open_worker, utc_now
from policy_service.server.errors import Refusal
from policy_service.server.handlers import Call, Method, Router
from policy_service.server.health import Health
from policy_service.server.role import Role
from policy_service.server.serving import serve
from policy_service.server.settings import Settings
from policy_service.service.caller import authenticate

ENTRY_BYTES = 400
"""About a decision's entry with one field."""


@dataclass
class _Pending:
    entry: Entry
    revision: int

    async def decide_again(self) -> None:
        """The facts do not move here."""


@asynccontextmanager
async def open_echo(settings: Settings) -> AsyncIterator[Parts]:
    """Answers with the message."""

    async def echo(_: Call, message: bytes) -> bytes:
        return message

    async with _open(settings, lambda _round, _memory: echo) as parts:
        yield parts


@asynccontextmanager
async def open_durable_echo(settings: Settings) -> AsyncIterator[Parts]:
    """Answers with the message, once an entry is durable."""
    data = os.urandom(ENTRY_BYTES)

    def make(commit_round: CommitRound, memory: FactsMemory) -> Callable[[Call, bytes], Awaitable[bytes]]:
        async def echo(_: Call, message: bytes) -> bytes:
            now = datetime.now(UTC)
            entry = Entry(time_ordered_id(now), int(now.timestamp() * 1_000_000), data)
            await commit_round.commit(_Pending(entry, memory.view.revision))
            return message

        return echo

    async with _open(settings, make) as parts:
        yield parts


@asynccontextmanager
async def _open(
    settings: Settings,
    make: Callable[[CommitRound, FactsMemory], Callable[[Call, bytes], Awaitable[bytes]]],
) -> AsyncIterator[Parts]:
    with ExitStack() as stack:
        log = stack.enter_context(StreamWriter.open(settings.log, "worker-0"))
        reader = FactsReader(settings.facts)
        stack.callback(reader.close)
        memory = FactsMemory(reader)
        stack.callback(memory.close)

        async def advance(revision: int) -> None:
            await memory.advance(Revision(revision))

        async def to_head() -> None:
            await advance(reader.head())

        def judge(authorization: str) -> Caller:
            return authenticate(memory.view, authorization, utc_now())

        async def write_refusal(_: Call, error: PolicyServiceError, refusal: Refusal) -> None:
            raise AssertionError(refusal.reason) from error

        async def write_summaries(_: object) -> None:
            pass

        await to_head()
        async with CommitRound(head=reader.head, advance=advance, writer=log) as commit_round:
            method = Method("DecisionService", "Check", bytes, make(commit_round, memory), bytes)
            authenticator = Authenticator(judge, to_head=to_head, load=memory.load)
            yield Parts(Router.of([method]), authenticator, write_refusal, write_summaries, asyncio.Event())


OPEN: dict[str, Callable[[Settings], AbstractAsyncContextManager[Parts]]] = {
    "check": open_worker,
    "echo": open_echo,
    "durable-echo": open_durable_echo,
}


async def _run(kind: str, settings: Settings, port: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    async with OPEN[kind](settings) as parts:

        def on_ready(_: Health) -> None:
            tune_collector()
            said = {"loop": type(asyncio.get_running_loop()).__module__, "prometheus": parts.prometheus}
            print(json.dumps(said), flush=True)

        await serve(parts, settings, port, stop, share_port=True, on_ready=on_ready)


def main() -> None:
    kind, var_dir, port, core = sys.argv[1:]
    logs.set_up(Role.WORKER)
    if int(core) >= 0:
        os.sched_setaffinity(0, {int(core)})
    prepare_process()
    settings = Settings(var_dir=Path(var_dir), drain_seconds=1.0)
    uvloop.run(_run(kind, settings, int(port)))


if __name__ == "__main__":
    main()
