"""A peer that speaks just enough HTTP/2 to misbehave: calls without a message, bytes that no client sends.

RFC 9113 for frames, RFC 7541 6.2.2 for headers (literals that are not indexed).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping, Sequence
from typing import Self

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS, _PING, _GOAWAY = 0x0, 0x1, 0x4, 0x6, 0x7
_ACK, _END_STREAM, _END_HEADERS = 0x1, 0x1, 0x4


class RawConnection:
    """One connection. Streams have odd numbers, from 1 on."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._socket.sendall(_PREFACE + _frame(_SETTINGS, 0, 0, b""))
        self._next = 1

    def headers(self, path: bytes, metadata: Mapping[str, str] | Sequence[tuple[str, bytes]] = ()) -> int:
        """Begin a call and send no message. Returns the stream's number."""
        pairs = (
            [(k, v.encode()) for k, v in metadata.items()]
            if isinstance(metadata, Mapping)
            else list(metadata)
        )
        block = b"".join(
            _literal(name.encode(), value)
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
        self._socket.sendall(_frame(_HEADERS, _END_HEADERS, stream, block))
        return stream

    def message(self, stream: int, message: bytes, *, compressed: int = 0, length: int | None = None) -> None:
        """Send a message; `length` may lie."""
        framed = struct.pack(">BI", compressed, len(message) if length is None else length) + message
        self._socket.sendall(_frame(_DATA, _END_STREAM, stream, framed))

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
                buffer += got
                while len(buffer) >= 9 and len(buffer) >= 9 + int.from_bytes(buffer[:3], "big"):
                    length = int.from_bytes(buffer[:3], "big")
                    kind, flags, stream = buffer[3], buffer[4], int.from_bytes(buffer[5:9], "big")
                    body, buffer = buffer[9 : 9 + length], buffer[9 + length :]
                    if kind in (_HEADERS, _DATA) and flags & _END_STREAM:
                        ended.add(stream)
                    elif kind == _SETTINGS and not flags & _ACK:
                        self._socket.sendall(_frame(_SETTINGS, _ACK, 0, b""))
                    elif kind == _PING and not flags & _ACK:
                        self._socket.sendall(_frame(_PING, _ACK, 0, body))
        except TimeoutError:
            pass
        return len(ended)

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return len(body).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + body


def _literal(name: bytes, value: bytes) -> bytes:
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
