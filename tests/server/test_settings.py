"""Settings that would be dangerous or meaningless are refused, in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from policy_service.server.settings import Settings, host_and_port


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_without_a_certificate_it_listens_to_this_machine(bind: str) -> None:
    assert Settings(bind=bind).bind == bind


@pytest.mark.parametrize("bind", ["0.0.0.0", "::", "192.0.2.7", "example.org", ""])
def test_without_a_certificate_it_listens_to_nobody_else(bind: str) -> None:
    with pytest.raises(ValidationError, match="tokens would cross the network in clear"):
        Settings(bind=bind)


def test_with_a_certificate_it_listens_where_it_is_told() -> None:
    pair = {"tls_certificate": Path("server.crt"), "tls_key": Path("server.key")}

    assert Settings(bind="0.0.0.0", **pair).bind == "0.0.0.0"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"workers": 0}, "workers"),
        ({"workers": 65}, "workers"),
        ({"workers": 2, "decision_prometheus": "127.0.0.1:65535"}, "a port for each worker after the first"),
        ({"workers": 4, "decision_prometheus": "127.0.0.1:50049"}, "a port of its own for each worker"),
        ({"service_name": "North"}, "service_name"),
        ({"service_name": "north-1/"}, "service_name"),
        ({"tls_key": "server.key"}, "go together"),
        ({"tls_certificate": "server.crt"}, "go together"),
        ({"decision_port": 6000, "control_port": 6000}, "must differ"),
        ({"decision_port": 65_536}, "decision_port"),
        ({"no_such_setting": 1}, "no_such_setting"),
        ({"otlp_endpoint": "http://192.0.2.7:4317"}, "must begin with `https://`"),
        ({"otlp_endpoint": "127.0.0.1:4317"}, "a URL with host and port"),
        ({"otlp_endpoint": "http://127.0.0.1"}, "a URL with host and port"),
        ({"otlp_endpoint": "http://127.0.0.1:99999"}, "a URL with host and port"),
        ({"otlp_endpoint": "http://user:secret@127.0.0.1:4317"}, "a URL with host and port"),
        ({"otlp_endpoint": "https://otlp.example.org:4317/v1/traces"}, "a URL with host and port"),
        ({"decision_prometheus": "0.0.0.0:9464"}, "must be a loopback address and a port"),
        ({"decision_prometheus": "9464"}, "must be a loopback address and a port"),
        ({"control_prometheus": "127.0.0.1:"}, "must be a loopback address and a port"),
        ({"control_prometheus": "127.0.0.1:65536"}, "must be a loopback address and a port"),
        ({"control_prometheus": "::1:9464"}, "must be a loopback address and a port"),
        ({"control_prometheus": "127.0.0.1:50051"}, "a port of its own"),
        ({"decision_prometheus": "127.0.0.1:1", "control_prometheus": "[::1]:1"}, "a port of its own"),
        ({"trace_ratio": 1.5}, "trace_ratio"),
        ({"telemetry_seconds": 0}, "telemetry_seconds"),
        ({"cache_bytes": 1_000_000}, "cache_bytes"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings(**given)  # type: ignore[arg-type]


def test_the_environment_says_what_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLICY_SERVICE_DECISION_PORT", "6001")
    monkeypatch.setenv("POLICY_SERVICE_CONTROL_PORT", "6002")

    settings = Settings(control_port=6003)

    assert (settings.decision_port, settings.control_port) == (6001, 6003)


@pytest.mark.parametrize(
    "given",
    [
        {"otlp_endpoint": "http://127.0.0.1:4317"},
        {"otlp_endpoint": "http://[::1]:4317/"},
        {"otlp_endpoint": "https://otlp.example.org:4317"},
        {"decision_prometheus": "127.0.0.1:9464", "control_prometheus": "[::1]:9465"},
        {"decision_prometheus": "localhost:0", "control_prometheus": "127.0.0.1:0"},
    ],
)
def test_where_telemetry_may_go(given: dict[str, object]) -> None:
    settings = Settings(**given)  # type: ignore[arg-type]

    assert {name: getattr(settings, name) for name in given} == given


@pytest.mark.parametrize(
    ("address", "found"),
    [("127.0.0.1:9464", ("127.0.0.1", 9464)), ("[::1]:0", ("::1", 0)), ("localhost", ("", None))],
)
def test_an_address_is_taken_apart(address: str, found: tuple[str, int | None]) -> None:
    assert host_and_port(address) == found


def test_each_worker_has_a_port_for_prometheus() -> None:
    settings = Settings(workers=3, decision_prometheus="[::1]:9464", control_prometheus="[::1]:9467")

    assert [settings.prometheus_of_worker(number) for number in range(3)] == [
        "[::1]:9464",
        "[::1]:9465",
        "[::1]:9466",
    ]
    assert Settings(decision_prometheus="127.0.0.1:0").prometheus_of_worker(1) == "127.0.0.1:0"
    assert Settings().prometheus_of_worker(1) == ""


def test_databases_and_secrets_are_in_the_directory_unless_said_otherwise(tmp_path: Path) -> None:
    settings = Settings(var_dir=tmp_path)

    assert settings.facts == f"sqlite:///{tmp_path}/facts.db"
    assert settings.log == f"sqlite:///{tmp_path}/log"
    assert settings.fingerprint_key == tmp_path / "fingerprint.key"
    assert Settings(facts_url="postgresql://h/f", log_url="postgresql://h/l").facts == "postgresql://h/f"


def test_settings_survive_the_way_to_a_child(tmp_path: Path) -> None:
    settings = Settings(var_dir=tmp_path, decision_port=6001, reflection=False, drain_seconds=1.5)

    assert Settings.model_validate(settings.model_dump(mode="json")) == settings
