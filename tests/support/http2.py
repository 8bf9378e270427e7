"""Just enough HTTP/2 to misbehave, and to send more calls than a proper client can.

RFC 9113 for frames, RFC 7541 6.2.2 for headers (literals that are not indexed).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Self

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
ACK, END_STREAM, END_HEADERS = 0x1, 0x1, 0x4


class Kind(IntEnum):
    """Kinds of frames."""

    DATA = 0x0
    HEADERS = 0x1
    RST_STREAM = 0x3
    SETTINGS = 0x4
    PING = 0x6
    GOAWAY = 0x7
    WINDOW_UPDATE = 0x8


def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    """A frame (RFC 9113 4.1)."""
    return len(body).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + body


def literal(name: bytes, value: bytes) -> bytes:
    """A header, as a literal that is not indexed (RFC 7541 6.2.2)."""
    return b"\x00" + _string(name) + _string(value)


def _string(text: bytes) -> bytes:
    if len(text) < 127:
        return bytes((len(text),)) + text
    rest, length = len(text) - 127, bytearray((127,))
    while rest >= 128:
        length.append(rest % 128 + 128)
        rest //= 128
    length.append(rest)
    return bytes(length) + text


class RawConnection:
    """A peer on one connection. Streams have odd numbers, from 1 on."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._socket.sendall(PREFACE + frame(Kind.SETTINGS, 0, 0, b""))
        self._next = 1

    def headers(self, path: bytes, metadata: Mapping[str, str] | Sequence[tuple[str, bytes]] = ()) -> int:
        """Begin a call and send no message. Returns the stream's number."""
        pairs = (
            [(name, value.encode()) for name, value in metadata.items()]
            if isinstance(metadata, Mapping)
            else list(metadata)
        )
        block = b"".join(
            literal(name.encode(), value)
            for name, value in [
                (":method", b"POST"),
                (":scheme", b"http"),
                (":path", path),
                (":authority", b"localhost"),
                ("content-type", b"application/grpc"),
                ("te", b"trailers"),
                *pairs,
            ]
        )
        stream, self._next = self._next, self._next + 2
        self._socket.sendall(frame(Kind.HEADERS, END_HEADERS, stream, block))
        return stream

    def message(self, stream: int, message: bytes) -> None:
        """Send a message, and end the stream."""
        framed = struct.pack(">BI", 0, len(message)) + message
        self._socket.sendall(frame(Kind.DATA, END_STREAM, stream, framed))

    def answered(self, streams: int, seconds: float) -> int:
        """Read until so many streams have ended (or the time is over); return how many have."""
        ended: set[int] = set()
        self._socket.settimeout(seconds)
        buffer = b""
        try:
            while len(ended) < streams:
                got = self._socket.recv(65_536)
                if not got:
                    break
                buffer = self._read(buffer + got, ended)
        except TimeoutError:
            pass
        return len(ended)

    def _read(self, buffer: bytes, ended: set[int]) -> bytes:
        """Read whole frames; returns what is left."""
        while len(buffer) >= 9 and len(buffer) >= 9 + int.from_bytes(buffer[:3], "big"):
            length = int.from_bytes(buffer[:3], "big")
            kind, flags, stream = buffer[3], buffer[4], int.from_bytes(buffer[5:9], "big")
            body, buffer = buffer[9 : 9 + length], buffer[9 + length :]
            if kind == Kind.RST_STREAM or (kind in (Kind.HEADERS, Kind.DATA) and flags & END_STREAM):
                ended.add(stream)
            elif kind == Kind.SETTINGS and not flags & ACK:
                self._socket.sendall(frame(Kind.SETTINGS, ACK, 0, b""))
            elif kind == Kind.PING and not flags & ACK:
                self._socket.sendall(frame(Kind.PING, ACK, 0, body))
        return buffer

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
