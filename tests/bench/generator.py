"""The load generator: a closed loop of gRPC calls over several HTTP/2 connections, in a process of its own.

    python -m tests.bench.generator PORT < job.json > result.json

It writes frames that were made beforehand and reads no more than it needs, so that it outruns an echo on
the same machine; grpcio's own client does not. RFC 9113 for frames; headers are literals (RFC 7541 6.2.2).
What was answered has a DATA frame; a refusal has none. A job that is streamed holds one call on each
connection, whose messages are answered in order.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import cast

import uvloop

from tests.support.http2 import ACK, END_HEADERS, END_STREAM, PREFACE, Kind, frame, literal

WINDOW = 1 << 30
FIRST_WINDOW = 65_535
"""What may be sent before the server says otherwise, on a connection and on a stream (RFC 9113 6.9.2)."""
MAX_FRAME = 16_384


@dataclass(frozen=True)
class Job:
    """What is asked for. `messages` are base64; each connection begins at another part of them."""

    path: str
    token: str
    """Empty: none."""
    messages: Sequence[str]
    seconds: float
    warm_up: float
    """Seconds before anything is counted, and, with `all_once`, until every message was answered once."""
    connections: int
    concurrency: int
    """Calls in flight in all; of streams, messages."""
    rate: float = 0.0
    """Calls a second; 0: as many as are answered."""
    core: int = -1
    all_once: bool = False
    streamed: bool = False
    effects: bool = True
    """Each answer is one decision, and is counted by its effect."""


@dataclass(frozen=True)
class Result:
    """What came of it. Times in milliseconds, of the calls that were answered."""

    answered: int
    refused: int
    permits: int
    denials: int
    seconds: float
    p50: float
    p99: float
    longest: float
    cpu: float
    """Share of one core that the generator itself took."""


class Load:
    """All connections together."""

    def __init__(self, job: Job) -> None:
        self.messages = [base64.b64decode(message) for message in job.messages]
        self.per_connection = max(1, job.concurrency // job.connections)
        self.headers = b"".join(
            literal(name, value)
            for name, value in (
                (b":method", b"POST"),
                (b":scheme", b"http"),
                (b":path", job.path.encode()),
                (b":authority", b"localhost"),
                (b"content-type", b"application/grpc"),
                (b"te", b"trailers"),
                *([(b"authorization", b"Bearer " + job.token.encode())] if job.token else ()),
            )
        )
        self.streamed, self.effects = job.streamed, job.effects
        self.interval = job.connections / job.rate if job.rate else 0.0
        self.stopped = False
        self.counting = False
        self.times: list[float] = []
        self.ended = self.refused = self.permits = self.denials = 0


class Connection(asyncio.Protocol):
    """One of them; it begins at message `offset`."""

    def __init__(self, load: Load, offset: int) -> None:
        self._load = load
        self._next_message = offset
        self._next_stream = 1
        self._began: dict[int, float] = {}
        self._answer: dict[int, bytes] = {}
        self._in_order: deque[float] = deque()
        """When the unanswered messages of the stream were sent."""
        self._unread = bytearray()
        """What has come on the stream and is no whole answer yet."""
        self._buffer = bytearray()
        self._window = self._stream_window = self._initial_window = FIRST_WINDOW
        self._owed = 0
        """How many messages wait until the server's windows have room for them."""
        self._received = 0
        self._due = 0.0
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass of it
        settings = (0x4).to_bytes(2, "big") + (WINDOW).to_bytes(4, "big")
        grow = frame(Kind.WINDOW_UPDATE, 0, 0, (WINDOW - FIRST_WINDOW).to_bytes(4, "big"))
        self._transport.write(PREFACE + frame(Kind.SETTINGS, 0, 0, settings) + grow)
        if self._load.streamed:
            self._transport.write(frame(Kind.HEADERS, END_HEADERS, 1, self._load.headers))
        self._due = time.perf_counter()
        if self._load.interval:
            self._pace()
        else:
            self._begin(self._load.per_connection)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True

    def _pace(self) -> None:
        """Begin what is due, whatever has been answered: an open loop."""
        now, load = time.perf_counter(), self._load
        while self._due <= now and not load.stopped:
            self._due += load.interval
            if len(self._began) < 200:
                self._begin(1)
        if not load.stopped:
            asyncio.get_running_loop().call_later(max(0.0005, self._due - now), self._pace)

    def _begin(self, number: int) -> None:
        load, out, now = self._load, [], time.perf_counter()
        number, self._owed = number + self._owed, 0
        for begun in range(number):
            message = load.messages[self._next_message]
            size = 5 + len(message)
            if size > min(self._window, self._stream_window if load.streamed else self._initial_window):
                self._owed = number - begun
                break
            self._next_message = (self._next_message + 1) % len(load.messages)
            self._window -= size
            body = b"\0" + len(message).to_bytes(4, "big") + message
            if load.streamed:
                self._stream_window -= size
                self._in_order.append(now)
                out.append(_data(1, body, 0))
            else:
                stream, self._next_stream = self._next_stream, self._next_stream + 2
                self._began[stream] = now
                out += (
                    frame(Kind.HEADERS, END_HEADERS, stream, load.headers),
                    _data(stream, body, END_STREAM),
                )
        self._transport.write(b"".join(out))

    def data_received(self, data: bytes) -> None:
        buffer, at, ended = self._buffer, 0, 0
        buffer += data
        size = len(buffer)
        while size - at >= 9:
            length = int.from_bytes(buffer[at : at + 3], "big")
            if size - at < 9 + length:
                break
            kind, flags = buffer[at + 3], buffer[at + 4]
            stream = int.from_bytes(buffer[at + 5 : at + 9], "big")
            if kind == Kind.DATA:
                self._received += length
                if self._load.streamed:
                    ended += self._read(buffer[at + 9 : at + 9 + length])
                elif length and stream not in self._answer:
                    self._answer[stream] = bytes(buffer[at + 9 : at + 9 + length])
            elif kind not in (Kind.HEADERS, Kind.RST_STREAM):
                self._other(kind, flags, stream, bytes(buffer[at + 9 : at + 9 + length]))
            if (kind in (Kind.HEADERS, Kind.DATA) and flags & END_STREAM) or kind == Kind.RST_STREAM:
                self.lost |= self._load.streamed
                self._end(self._began.pop(stream, None), self._answer.pop(stream, b""))
                ended += 1
            at += 9 + length
        del buffer[:at]
        if self._received > WINDOW // 2:
            self._transport.write(frame(Kind.WINDOW_UPDATE, 0, 0, self._received.to_bytes(4, "big")))
            self._received = 0
        if ended and not self._load.stopped and not self._load.interval:
            self._begin(ended)

    def _read(self, data: bytearray) -> int:
        """Take the whole answers of the stream; returns how many there were."""
        unread, at, ended = self._unread, 0, 0
        unread += data
        while len(unread) - at >= 5:
            length = 5 + int.from_bytes(unread[at + 1 : at + 5], "big")
            if len(unread) - at < length:
                break
            self._end(self._in_order.popleft(), bytes(unread[at : at + length]))
            ended += 1
            at += length
        del unread[:at]
        return ended

    def _end(self, began: float | None, answer: bytes) -> None:
        load = self._load
        load.ended += 1
        if began is None or not load.counting:
            return
        # CheckResponse: decision_id = 1 (36 characters), then effect = 2, a varint: 0x10 0x01 is a permit.
        # On a stream it stands within an outcome; an outcome without a decision is an error.
        at = answer.find(b"\x0a\x24", 5, 20) if load.effects else 0
        if not answer or at < 0:
            load.refused += 1
            return
        load.times.append(time.perf_counter() - began)
        if load.effects:
            effect = answer[at + 38 : at + 40]
            load.permits += effect == b"\x10\x01"
            load.denials += effect == b"\x10\x02"

    def _other(self, kind: int, flags: int, stream: int, body: bytes) -> None:
        if kind == Kind.SETTINGS and not flags & ACK:
            for at in range(0, len(body), 6):
                if body[at : at + 2] == b"\x00\x04":
                    window = int.from_bytes(body[at + 2 : at + 6], "big")
                    self._stream_window += window - self._initial_window
                    self._initial_window = window
            self._transport.write(frame(Kind.SETTINGS, ACK, 0, b""))
        elif kind == Kind.PING and not flags & ACK:
            self._transport.write(frame(Kind.PING, ACK, 0, body))
        elif kind == Kind.WINDOW_UPDATE and stream == 0:
            self._window += int.from_bytes(body, "big")
        elif kind == Kind.WINDOW_UPDATE and self._load.streamed:
            self._stream_window += int.from_bytes(body, "big")
        if self._owed and not self._load.stopped:
            self._begin(0)


def _data(stream: int, body: bytes, flags: int) -> bytes:
    """DATA frames, none larger than every server takes (RFC 9113 4.2)."""
    parts = range(0, len(body), MAX_FRAME)
    return b"".join(
        frame(Kind.DATA, flags if at == parts[-1] else 0, stream, body[at : at + MAX_FRAME]) for at in parts
    )


async def run(port: int, job: Job) -> Result:
    load, loop = Load(job), asyncio.get_running_loop()
    part = len(load.messages) // job.connections
    connections: list[Connection] = []
    for number in range(job.connections):
        connection = Connection(load, number * part)
        connections.append(connection)
        await loop.create_connection(lambda made=connection: made, "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.sleep(job.warm_up)
    while job.all_once and load.ended < len(load.messages):  # noqa: ASYNC110 - no call pays for an event
        await asyncio.sleep(0.05)
    load.counting = True
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.sleep(job.seconds)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    load.counting, load.stopped = False, True
    if any(connection.lost for connection in connections):
        raise AssertionError("the server closed a connection, or ended a stream")
    times = sorted(load.times) or [0.0]
    p50, p99, longest = (1_000 * times[int(share * (len(times) - 1))] for share in (0.5, 0.99, 1.0))
    return Result(
        answered=len(load.times),
        refused=load.refused,
        permits=load.permits,
        denials=load.denials,
        seconds=seconds,
        p50=p50,
        p99=p99,
        longest=longest,
        cpu=cpu / seconds,
    )


def main() -> None:
    job = Job(**json.load(sys.stdin))
    if job.core >= 0:
        os.sched_setaffinity(0, {job.core})
    json.dump(asdict(uvloop.run(run(int(sys.argv[1]), job))), sys.stdout)


if __name__ == "__main__":
    main()
