"""With a certificate the service speaks TLS and nothing else; reflection is a setting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.server.calling import OPTIONS, SERVING, Client, Refused
from tests.support.running import running


def test_a_service_with_a_certificate(tmp_path: Path) -> None:
    certificate, key = _pair(tmp_path)
    with running(
        tmp_path / "var", tls_certificate=str(certificate), tls_key=str(key), reflection="false"
    ) as service:
        for port in (service.decision_port, service.control_port):
            with Client(port) as client:
                with pytest.raises(Refused) as in_clear:
                    client.health(seconds=30.0)
                assert in_clear.value.code.name == "UNAVAILABLE"
                client.close()
                client.channel = grpc.secure_channel(
                    f"localhost:{port}",
                    grpc.ssl_channel_credentials(certificate.read_bytes()),
                    options=OPTIONS,
                )
                assert client.health() == SERVING
                with pytest.raises(Refused) as reflection:
                    client.call("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
                assert reflection.value.code.name == "UNAUTHENTICATED"


def _pair(directory: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = directory / "server.crt", directory / "server.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files
