"""Where a server listens: a port that nobody else has, and its certificate."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import Any

import grpc

from policy_service.server.errors import PortTakenError, StartError
from policy_service.server.settings import Settings

_PORT_WAIT_SECONDS = 5.0
_SEARCHES = 20


def free_port(host: str, port: int, *, wait_seconds: float = _PORT_WAIT_SECONDS) -> int:
    """Find out that nobody listens on the port, and return it; for 0, choose a free one.

    grpc would share it without a word: SO_REUSEPORT lets every process of the same user listen on it. A
    predecessor that is just ending is waited for. Raises `PortTakenError`.
    """
    family, _, _, _, address = _resolve(host, port)
    deadline = time.monotonic() + wait_seconds
    while True:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
                probe.listen(1)  # on Linux two may bind with SO_REUSEADDR, but only one may listen
                found: int = probe.getsockname()[1]
                return found
            except OSError as error:
                if time.monotonic() >= deadline:
                    why = (error.strerror or "refused").lower()
                    raise PortTakenError(f"port {port} on {host} cannot be used: {why}") from None
        time.sleep(0.1)


def free_ports(host: str, count: int) -> int:
    """Find so many free ports that follow one another, and return the first. Raises `PortTakenError`."""
    for _ in range(_SEARCHES):
        first = free_port(host, 0)
        with suppress(PortTakenError):
            for port in range(first + 1, first + count):
                free_port(host, port, wait_seconds=0.0)
            return first
    raise PortTakenError(f"no {count} ports in a row are free on {host}")


def address_of(settings: Settings, port: int) -> str:
    """As gRPC writes it: `127.0.0.1:50051`, `[::1]:50051`."""
    return f"[{settings.bind}]:{port}" if ":" in settings.bind else f"{settings.bind}:{port}"


def server_credentials(settings: Settings) -> grpc.ServerCredentials | None:
    """The server's TLS certificate, or None where it listens to this machine alone. Raises `StartError`."""
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    try:
        pair = (settings.tls_key.read_bytes(), settings.tls_certificate.read_bytes())
    except OSError as error:
        raise StartError("`tls_certificate` or `tls_key` cannot be read") from error
    return grpc.ssl_server_credentials([pair])


def _resolve(host: str, port: int) -> tuple[Any, ...]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise StartError(f"`{host}` is not an address of this machine") from error
