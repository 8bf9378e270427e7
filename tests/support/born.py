"""A supervisor and its first nursery, each forked from one process that has loaded what they do, and compiled
the shipped policies.

That is most of what a start costs. Every other nursery is begun as ever, and every other set compiled.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import policy_service.server.child  # noqa: F401 - what every nursery loads
from policy_service.server import nursery
from policy_service.service.policies import published
from tests.support import bent_child, serving  # noqa: F401 - what a bent one loads
from tests.support.processes import BORN_NURSERY
from tests.support.shipped import POLICY_SET

_MOST_BYTES = 1_000

published(POLICY_SET)  # remembered, for all that are forked


def start(environment: str, log: str) -> None:
    """Be the supervisor of a service whose environment is this JSON; `log`: the file of its stderr."""
    os.environ.clear()
    os.environ.update(json.loads(environment))
    with Path(log).open("a") as file:
        os.dup2(file.fileno(), sys.stderr.fileno())
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        sys.exit(_be_a_nursery(theirs))
    theirs.close()
    asyncio.create_subprocess_exec = _First(pid, ours)  # type: ignore[assignment]
    sys.exit(serving.main())


def _be_a_nursery(asked: socket.socket) -> int:
    with asked:
        module, descriptors, _, _ = socket.recv_fds(asked, _MOST_BYTES, 1)
    if not module:
        return 0
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for place, descriptor in enumerate((descriptors[0], nowhere)):  # stdin, stdout
        os.dup2(descriptor, place)
        os.close(descriptor)  # or its children would hold it open, and nobody hear when it ends
    os.setsid()
    Path("/proc/self/comm").write_text(BORN_NURSERY)
    return nursery.main(module.decode())


class _First:
    """In the place of `asyncio.create_subprocess_exec`: the first nursery is there already."""

    def __init__(self, pid: int, way: socket.socket) -> None:
        self._pid = pid
        self._way: socket.socket | None = way
        self._begin = asyncio.create_subprocess_exec

    async def __call__(self, *command: str, stdin: int, **how: Any) -> Any:
        if self._way is None or nursery.MODULE not in command:
            return await self._begin(*command, stdin=stdin, **how)
        socket.send_fds(self._way, [command[-1].encode()], [stdin])
        self._way.close()
        self._way = None
        return _Process(self._pid)


class _Process:
    """Of `asyncio.subprocess.Process` what `Nursery` uses."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._waited = False

    def kill(self) -> None:
        if self._waited:
            raise ProcessLookupError
        os.kill(self.pid, signal.SIGKILL)

    async def wait(self) -> int:
        over = asyncio.Event()
        descriptor = os.pidfd_open(self.pid)
        loop = asyncio.get_running_loop()
        loop.add_reader(descriptor, over.set)
        await over.wait()
        loop.remove_reader(descriptor)
        os.close(descriptor)
        self._waited = True
        return _code_of(self.pid)


def _code_of(ended: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(ended, 0)[1])
