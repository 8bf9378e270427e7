"""That the generator sends no more than it may, and reads answers however they are cut."""

from __future__ import annotations

import asyncio
import base64
from typing import cast

import pytest

from tests.bench.generator import FIRST_WINDOW, MAX_FRAME, Connection, Job, Load
from tests.support.http2 import END_STREAM, PREFACE, Kind, frame

DECISION = b"\x0a\x24" + b"d" * 36 + b"\x10\x02"  # a CheckResponse: its id, and a deny
OUTCOME = b"\x0a" + bytes((len(DECISION),)) + DECISION
ANSWER = b"\x0a" + bytes((len(OUTCOME),)) + OUTCOME
ERROR = b"\x0a\x05\x12\x03\x0a\x01X"


class Wire:
    """Takes what is written."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def data(self) -> list[bytes]:
        """The bodies of the DATA frames since the preface."""
        return [body for _, body in self.frames()]

    def frames(self) -> list[tuple[int, bytes]]:
        """Their flags, too."""
        at, found = len(PREFACE), []
        while at < len(self.written):
            length = int.from_bytes(self.written[at : at + 3], "big")
            if self.written[at + 3] == Kind.DATA:
                found.append((self.written[at + 4], self.written[at + 9 : at + 9 + length]))
            at += 9 + length
        return found


def connected(message: bytes, concurrency: int, *, streamed: bool) -> tuple[Load, Connection, Wire]:
    job = Job("/p", "", [base64.b64encode(message).decode()], 1, 0, 1, concurrency, streamed=streamed)
    load, wire = Load(job), Wire()
    connection = Connection(load, 0)
    load.counting = True
    connection.connection_made(cast("asyncio.Transport", wire))
    return load, connection, wire


def message(text: bytes) -> bytes:
    return b"\0" + len(text).to_bytes(4, "big") + text


def test_a_large_message_is_cut_into_frames() -> None:
    _, _, wire = connected(b"x" * 40_000, 1, streamed=False)
    frames = [(flags, len(body)) for flags, body in wire.frames()]
    assert frames == [(0, MAX_FRAME), (0, MAX_FRAME), (END_STREAM, 40_005 - 2 * MAX_FRAME)]


def test_it_sends_no_more_than_the_window_has_room_for() -> None:
    _, connection, wire = connected(b"x" * 20_000, 5, streamed=False)
    assert sum(map(len, wire.data())) == 3 * 20_005  # a fourth would be more than the first window
    connection.data_received(frame(Kind.WINDOW_UPDATE, 0, 0, (2 * 20_005).to_bytes(4, "big")))
    assert sum(map(len, wire.data())) == 5 * 20_005


def test_a_stream_has_a_window_of_its_own() -> None:
    _, connection, wire = connected(b"x" * 20_000, 5, streamed=True)
    grow = (1 << 20).to_bytes(4, "big")
    connection.data_received(frame(Kind.WINDOW_UPDATE, 0, 0, grow))
    assert sum(map(len, wire.data())) <= FIRST_WINDOW
    connection.data_received(frame(Kind.WINDOW_UPDATE, 0, 1, grow))
    assert sum(map(len, wire.data())) == 5 * 20_005


@pytest.mark.parametrize("cut", [1, 4, 7, 1_000])
def test_answers_of_a_stream_are_read_however_they_are_cut(cut: int) -> None:
    load, connection, wire = connected(b"x", 3, streamed=True)
    answers = message(ANSWER) + message(ERROR) + message(ANSWER)
    sent = b"".join(frame(Kind.DATA, 0, 1, answers[at : at + cut]) for at in range(0, len(answers), cut))
    connection.data_received(sent)
    assert (len(load.times), load.denials, load.refused) == (2, 2, 1)
    assert len(wire.data()) == 6, "each answer is followed by another question"
