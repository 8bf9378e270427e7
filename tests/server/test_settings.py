"""Settings that would be dangerous or meaningless are refused, in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from policy_service.server.settings import Settings


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
        ({"workers": 2}, "this version runs one decision worker"),
        ({"tls_key": "server.key"}, "go together"),
        ({"tls_certificate": "server.crt"}, "go together"),
        ({"decision_port": 6000, "control_port": 6000}, "must differ"),
        ({"decision_port": 65_536}, "decision_port"),
        ({"no_such_setting": 1}, "no_such_setting"),
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


def test_databases_and_secrets_are_in_the_directory_unless_said_otherwise(tmp_path: Path) -> None:
    settings = Settings(var_dir=tmp_path)

    assert settings.facts == f"sqlite:///{tmp_path}/facts.db"
    assert settings.log == f"sqlite:///{tmp_path}/log"
    assert settings.fingerprint_key == tmp_path / "fingerprint.key"
    assert Settings(facts_url="postgresql://h/f", log_url="postgresql://h/l").facts == "postgresql://h/f"


def test_settings_survive_the_way_to_a_child(tmp_path: Path) -> None:
    settings = Settings(var_dir=tmp_path, decision_port=6001, reflection=False, drain_seconds=1.5)

    assert Settings.model_validate(settings.model_dump(mode="json")) == settings
