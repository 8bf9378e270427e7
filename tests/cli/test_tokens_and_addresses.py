"""Which token a command uses, where it goes, and that it is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.cli.run import Bearer
from tests.cli.conftest import ADMIN, POLICE, TRUST, Terminal
from tests.support.fake_service import FakeService

ASK = ("check", "--user", "u", "--record", "R", "--field", "f")


@pytest.fixture(autouse=True)
def _answers(fake: FakeService) -> None:
    fake.answers["DecisionService/Check"] = lambda _: pb.CheckResponse(decision_id="d", effect=pb.EFFECT_DENY)


def used(fake: FakeService) -> str:
    return fake.calls[-1].metadata["authorization"].removeprefix("Bearer ")


def test_management_uses_the_first_administrators_token(terminal: Terminal, fake: FakeService) -> None:
    terminal("systems", "list")
    assert used(fake) == ADMIN


def test_a_question_uses_the_token_of_the_system_named(terminal: Terminal, fake: FakeService) -> None:
    terminal(*ASK, "--as", "nhs-letters")
    assert used(fake) == TRUST


def test_a_question_uses_the_only_system_there_is(terminal: Terminal, fake: FakeService) -> None:
    (terminal.var_dir / "tokens" / "nhs-letters.token").unlink()
    terminal(*ASK)
    assert used(fake) == POLICE


def test_of_several_systems_one_must_be_named(terminal: Terminal, fake: FakeService) -> None:
    typed = terminal(*ASK)
    assert typed.code == 3
    assert "--as nhs-letters or --as police-records" in typed.err
    assert not fake.calls


def test_the_environment_names_a_token_for_both(terminal: Terminal, fake: FakeService) -> None:
    for command in (ASK, ("tokens", "list")):
        terminal(*command, env={"POLICY_SERVICE_TOKEN": " psk_env_e\n"})
        assert used(fake) == "psk_env_e"


def test_a_file_goes_before_the_environment(terminal: Terminal, fake: FakeService, tmp_path: Path) -> None:
    file = tmp_path / "mine.token"
    file.write_text("psk_file_f")
    terminal(*ASK, before=("--token-file", str(file)), env={"POLICY_SERVICE_TOKEN": "psk_env_e"})
    assert used(fake) == "psk_file_f"


def test_a_system_named_goes_before_the_environment(terminal: Terminal, fake: FakeService) -> None:
    terminal(*ASK, "--as", "nhs-letters", env={"POLICY_SERVICE_TOKEN": "psk_env_e"})
    assert used(fake) == TRUST


def test_from_another_folder_the_cure_is_told(terminal: Terminal, fake: FakeService) -> None:
    """Where the service runs already, to start one is no help."""
    (terminal.var_dir / "admin.token").unlink()
    typed = terminal("policies", "list")
    assert (typed.code, fake.calls) == (3, [])
    assert "name the folder where the service keeps its data with --var-dir" in typed.err


def test_two_tokens_are_one_too_many(terminal: Terminal, fake: FakeService, tmp_path: Path) -> None:
    typed = terminal(*ASK, "--as", "nhs-letters", before=("--token-file", str(tmp_path / "admin.token")))
    assert typed.code == 2
    assert not fake.calls


@pytest.mark.parametrize(
    ("content", "code"), [(None, 3), ("", 3), (" \n", 3), ("psk two", 3), ("psk_é", 3), ("a\nb", 3)]
)
def test_a_file_without_a_token_says_so_and_repeats_nothing(
    terminal: Terminal, fake: FakeService, tmp_path: Path, content: str | None, code: int
) -> None:
    file = tmp_path / "mine.token"
    if content is not None:
        file.write_text(content)
    typed = terminal(*ASK, before=("--token-file", str(file)))
    assert typed.code == code
    assert str(file) in typed.err
    assert "next:  " in typed.err
    assert ("is empty" in typed.err) is (content is not None and not content.strip())
    assert "psk" not in typed.err
    assert not fake.calls


def test_a_token_is_not_in_what_python_shows_of_it() -> None:
    assert "psk_secret" not in repr(Bearer("psk_secret", "a file"))


def test_no_token_leaves_this_machine_in_clear(terminal: Terminal, fake: FakeService) -> None:
    typed = terminal(*ASK, "--as", "nhs-letters", before=("--address", "policy.example.org:443"))
    assert typed.code == 2
    assert "in clear" in typed.err
    assert "--tls-ca" in typed.err


def test_the_installations_token_acts_for_the_organisation_named(
    terminal: Terminal, fake: FakeService
) -> None:
    terminal("requests", "list", "--controller", "example-police")
    assert fake.calls[-1].metadata["x-controller"] == "example-police"
    terminal("systems", "list")
    assert "x-controller" not in fake.calls[-1].metadata


def test_a_controller_that_no_header_can_carry(terminal: Terminal, fake: FakeService) -> None:
    typed = terminal("requests", "list", "--controller", "a\nb")
    assert typed.code == 2
    assert ADMIN not in typed.err
