"""With TLS: only a server that the authorities named vouch for is told the token."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from policy_service.api.v1 import access_pb2
from tests.cli.conftest import Terminal
from tests.support.fake_service import FakeService, running


def certificate() -> tuple[bytes, bytes]:
    """A new key and a certificate of it for 127.0.0.1 that vouches for itself, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, made.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[FakeService]:
    private, public = certificate()
    (tmp_path / "ca.pem").write_bytes(public)
    (tmp_path / "another.pem").write_bytes(certificate()[1])
    with running(grpc.ssl_server_credentials([(private, public)])) as service:
        service.answers["AccessService/ListSystems"] = lambda _: access_pb2.ListSystemsResponse()
        yield service


@pytest.mark.parametrize(
    ("authorities", "code"), [("ca.pem", 0), ("another.pem", 4), (None, 4), ("missing.pem", 2)]
)
def test_who_vouches(
    terminal: Terminal, secure: FakeService, tmp_path: Path, authorities: str | None, code: int
) -> None:
    there = replace(terminal, address=secure.address)
    typed = there("systems", "list", before=("--tls-ca", str(tmp_path / authorities)) if authorities else ())
    assert typed.code == code, typed.err
    assert len(secure.calls) == (1 if code == 0 else 0)
