"""Channels to the service: TLS, or plain text to this very machine and to nowhere else."""

from __future__ import annotations

import ipaddress
from typing import Final

import grpc
from grpc import aio

_OPTIONS: Final = (
    # A check is judged once: a repeated one would leave a second entry in the log.
    ("grpc.enable_retries", 0),
    # Too rare to be taken for an attack, often enough to find a dead peer before the next letter run does.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
)
# grpc reads `http_proxy` even for 127.0.0.1; a proxy must never see a token that is meant for this machine.
_NO_PROXY: Final = (("grpc.enable_http_proxy", 0),)


def is_loopback(address: str) -> bool:
    """Tell whether `host:port` (or `[host]:port`, or `unix:path`) never leaves this machine."""
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def open_channel(address: str, *, ca: bytes | None = None) -> grpc.Channel:
    """Open a channel to `host:port`; `ca` is the PEM of the authorities that may vouch for the server.

    Raises ValueError for another machine without `ca`: the token would travel in clear.
    """
    _refuse_clear_text(address, ca)
    if ca is None:
        return grpc.insecure_channel(address, options=_OPTIONS + _NO_PROXY)
    credentials = grpc.ssl_channel_credentials(root_certificates=ca)
    return grpc.secure_channel(address, credentials, options=_options(address))


def open_async_channel(address: str, *, ca: bytes | None = None) -> aio.Channel:
    """`open_channel` for asyncio; call it where the event loop runs."""
    _refuse_clear_text(address, ca)
    if ca is None:
        return aio.insecure_channel(address, options=_OPTIONS + _NO_PROXY)
    credentials = grpc.ssl_channel_credentials(root_certificates=ca)
    return aio.secure_channel(address, credentials, options=_options(address))


def _options(address: str) -> tuple[tuple[str, int], ...]:
    return _OPTIONS + _NO_PROXY if is_loopback(address) else _OPTIONS


def _refuse_clear_text(address: str, ca: bytes | None) -> None:
    if ca is None and not is_loopback(address):
        raise ValueError(
            "without a certificate authority only this machine is called, or the token would travel in clear"
        )
