"""Settings: environment variables `POLICY_SERVICE_…`, or what the command line gives instead."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from policy_service.facts.room import ROOM

MOST_WORKERS = 64
_LAST_PORT = 65_535


class Settings(BaseSettings):
    """How one installation runs. Everything has a default that works on one machine."""

    model_config = SettingsConfigDict(env_prefix="POLICY_SERVICE_", extra="forbid", frozen=True)

    var_dir: Path = Path("var")
    """Where the embedded databases, the fingerprints' key and the first administrator's token are."""
    facts_url: str = ""
    """SQLAlchemy URL of the facts; default: `facts.db` in `var_dir`."""
    log_url: str = ""
    """SQLAlchemy URL of the decision log; for SQLite a directory; default: `log` in `var_dir`."""
    key_file: Path | None = None
    """Of the fingerprints. No backup of a database may hold it. Default: `fingerprint.key` in `var_dir`."""
    policies_dir: Path | None = None
    """What is published on the first start; default: the policies that ship with the product."""
    bind: str = "127.0.0.1"
    decision_port: int = Field(default=50051, ge=0, le=_LAST_PORT)
    """0: any free port, as for `control_port`; which, is logged."""
    control_port: int = Field(default=50052, ge=0, le=_LAST_PORT)
    tls_certificate: Path | None = None
    """PEM of the server's certificate chain. Without it the service binds to loopback only."""
    tls_key: Path | None = None
    workers: int = Field(default=1, ge=1, le=MOST_WORKERS)
    """Decision workers on the decision port. More than there are cores only get into each other's way."""
    service_name: str = Field(default="", pattern=r"^([a-z][a-z0-9-]{0,39})?$")
    """Tells services apart that share one PostgreSQL: each must have another one."""
    reflection: bool = True
    drain_seconds: float = Field(default=10.0, ge=0, le=300)
    """How long calls in flight may take to finish after SIGTERM."""
    max_calls: int = Field(default=2_048, ge=4)
    """Calls in flight in one process; no system holds more than a quarter."""

    cache_bytes: int = Field(default=ROOM, ge=32 * 1024 * 1024, le=2**40)
    """What a process remembers of the facts, in bytes; the least recently used is forgotten to make room."""

    otlp_endpoint: str = ""
    """Where traces and metrics are sent to, by OTLP over gRPC: `http://127.0.0.1:4317`; empty: nowhere.
    Headers, certificates and the like are the exporter's own settings, `OTEL_EXPORTER_OTLP_…`.
    """
    trace_ratio: float = Field(default=0.01, ge=0, le=1)
    """The share of calls that begin a trace; whoever sends a trace context decides for himself."""
    telemetry_seconds: float = Field(default=5.0, ge=0.25, le=3_600)
    """How often metrics are sent, and at the latest spans."""
    decision_prometheus: str = ""
    """Where Prometheus may read the decision workers' metrics, on this machine alone: `127.0.0.1:9464` for
    the first worker, the next port for the next; port 0: any free ports, which are logged; empty: nowhere.
    """
    control_prometheus: str = ""
    """The same for control."""

    @model_validator(mode="after")
    def _telemetry(self) -> Self:
        _check_endpoint(self.otlp_endpoint)
        taken = {self.decision_port, self.control_port}
        for name in ("decision_prometheus", "control_prometheus"):
            address = getattr(self, name)
            if not address:
                continue
            host, port = host_and_port(address)
            if port is None or not _is_loopback(host):
                raise ValueError(f"`{name}` must be a loopback address and a port, as in `127.0.0.1:9464`")
            count = self.workers if name == "decision_prometheus" else 1
            ports = set(range(port, port + count)) if port else set()
            if ports & taken:
                each = " for each worker" if count > 1 else ""
                raise ValueError(f"`{name}` must have a port of its own{each}")
            if any(number > _LAST_PORT for number in ports):
                raise ValueError(f"`{name}` must leave a port for each worker after the first")
            taken |= ports
        return self

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("`tls_certificate` and `tls_key` go together: set both or none")
        if self.tls_certificate is None and not _is_loopback(self.bind):
            raise ValueError(
                "`bind` must be a loopback address as long as `tls_certificate` and `tls_key` are not set:"
                " tokens would cross the network in clear"
            )
        if self.decision_port and self.decision_port == self.control_port:
            raise ValueError("`decision_port` and `control_port` must differ")
        return self

    def prometheus_of_worker(self, number: int) -> str:
        """Where the metrics of the worker of this number can be read, from 0; or empty."""
        host, colon, port = self.decision_prometheus.rpartition(":")
        return f"{host}{colon}{int(port) + number}" if port and int(port) else self.decision_prometheus

    @property
    def facts(self) -> str:
        """The facts' URL."""
        return self.facts_url or f"sqlite:///{self.var_dir.absolute() / 'facts.db'}"

    @property
    def log(self) -> str:
        """The decision log's URL."""
        return self.log_url or f"sqlite:///{self.var_dir.absolute() / 'log'}"

    @property
    def fingerprint_key(self) -> Path:
        """The file of the fingerprints' key."""
        return self.key_file or self.var_dir / "fingerprint.key"

    @property
    def admin_token(self) -> Path:
        """The file that the first administrator's token is written to."""
        return self.var_dir / "admin.token"


def host_and_port(address: str) -> tuple[str, int | None]:
    """Take `127.0.0.1:9464` or `[::1]:9464` apart; the port is None where there is none."""
    host, _, port = address.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        return address, None  # an IPv6 address without its brackets: where would it end?
    number = int(port) if port.isascii() and port.isdigit() else -1
    return host, number if 0 <= number <= _LAST_PORT else None


def _check_endpoint(endpoint: str) -> None:
    if not endpoint:
        return
    try:
        parts = urlsplit(endpoint)
        whole = bool(parts.hostname and parts.port) and parts.path in ("", "/")
    except ValueError:
        whole = False
    if not whole or parts.scheme not in ("http", "https") or parts.username is not None or parts.query:
        raise ValueError("`otlp_endpoint` must be a URL with host and port, as in `http://127.0.0.1:4317`")
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise ValueError(
            "`otlp_endpoint` must begin with `https://`, unless it is on this machine:"
            " what happens here would cross the network in clear"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
