"""The real thing: `policy-service serve` as a process tree of its own, on free ports of the loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import grpc

from policy_service.server.settings import Settings
from tests.server.calling import SERVING, Client, Refused
from tests.support.migrated import place
from tests.support.replaying import replay_served_at_session_end

DEADLINE = 60.0
"""Seconds that a start, an answer or an end may take on a busy machine."""

_DECISION = "DecisionService/"


def free_ports(count: int) -> list[int]:
    """Ports that are free now; all are held until each was chosen, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


@dataclass(frozen=True, slots=True)
class Served:
    """A running service."""

    process: subprocess.Popen[bytes]
    var_dir: Path
    decision_port: int
    control_port: int

    @property
    def administrator(self) -> str:
        return (self.var_dir / "admin.token").read_text("ascii").strip()

    @property
    def logs(self) -> str:
        return (self.var_dir / "serve.log").read_text("utf-8")


@contextmanager
def served(var_dir: Path, **settings: str) -> Iterator[Served]:
    """Start `serve` and wait until both ports answer; end it with SIGTERM. `settings` as `facts_url=...`."""
    decision_port, control_port = free_ports(2)
    environment = os.environ | {f"POLICY_SERVICE_{name.upper()}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "policy_service", "serve", "--var-dir", str(var_dir)]
    command += ["--decision-port", str(decision_port), "--control-port", str(control_port)]
    var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    given = Settings(var_dir=var_dir, **settings)  # type: ignore[arg-type]  # as texts
    place(given.facts)
    replay_served_at_session_end(given)
    with (var_dir / "serve.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        service = Served(process, var_dir, decision_port, control_port)
        for port in (control_port, decision_port):
            _await_port(service, port)
        yield service
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _await_port(service: Served, port: int) -> None:
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if service.process.poll() is not None:
            raise AssertionError(f"serve ended with {service.process.returncode}: {service.logs[-2000:]}")
        # Not by `grpc.channel_ready_future`: its thread may fail in the middle of a later test.
        with Client(port) as client, suppress(Refused):
            if client.health(seconds=1.0) == SERVING:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing answers: {service.logs[-2000:]}")


@dataclass(frozen=True, slots=True)
class SocketRoad:
    """Calls the service over its two sockets, as any client does."""

    decisions: grpc.aio.Channel
    control: grpc.aio.Channel
    administrator: str

    async def call(self, method: str, message: bytes, *, token: str, controller: str = "") -> bytes:
        channel = self.decisions if method.startswith(_DECISION) else self.control
        metadata = [("authorization", f"Bearer {token}")]
        if controller:
            metadata.append(("x-controller", controller))
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            f"/policy_service.api.v1.{method}"
        )
        return await ask(message, metadata=metadata, timeout=DEADLINE)

    async def stream(self, method: str, messages: list[bytes], *, token: str) -> list[bytes]:
        hold: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = self.decisions.stream_stream(
            f"/policy_service.api.v1.{method}"
        )
        metadata = [("authorization", f"Bearer {token}")]
        return [answer async for answer in hold(iter(messages), metadata=metadata, timeout=DEADLINE)]


@asynccontextmanager
async def socket_road(service: Served) -> AsyncIterator[SocketRoad]:
    """Open a channel to each port."""
    async with (
        grpc.aio.insecure_channel(f"127.0.0.1:{service.decision_port}") as decisions,
        grpc.aio.insecure_channel(f"127.0.0.1:{service.control_port}") as control,
    ):
        yield SocketRoad(decisions, control, service.administrator)
