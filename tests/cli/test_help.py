"""`--help` is complete, and what it shows as an example can be typed."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from policy_service.cli import import_stream
from policy_service.cli.example.questions import read_questions
from policy_service.cli.shipped import shipped
from policy_service.service.retention_rules import RULED
from tests.cli.conftest import Terminal, give_every_token
from tests.support.fake_service import FakeService
from tests.support.typing_here import ROOT, type_here


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        yield from commands(inner, (*path, name))


OF_NO_SERVICE = re.compile(r" (serve|backup|restore|migrate|version)\b")
"""Examples of commands that ask no service."""
COMMANDS = list(commands(ROOT))


@functools.cache
def help_of(path: tuple[str, ...]) -> str:
    code, out, _ = type_here([*path, "--help"], {"COLUMNS": "80"})
    assert code == 0
    return out


@functools.cache
def examples() -> list[str]:
    """Every command line that some help text shows."""
    text = "\n".join(help_of(path) for path, _ in COMMANDS)
    joined = re.sub(r"\\\n\s+", "", text)
    return sorted(
        {line.strip() for line in joined.splitlines() if line.strip().startswith("policy-service ")}
    )


def test_what_there_is() -> None:
    assert {" ".join(path) for path, command in COMMANDS if not hasattr(command, "commands")} == {
        *("serve", "check", "explain", "demo", "version", "example load"),
        *("migrate", "backup", "restore", "import"),
        *("log show", "log search", "log follow", "log replay"),
        *("policies attributes", "policies validate", "policies test", "policies list", "policies show"),
        *("policies push", "policies pull", "policies rollback", "policies diff", "policies sets"),
        "policies history",
        *("requests record", "requests list", "requests show", "requests history"),
        *("people show", "people put", "people relate", "people reach", "people history"),
        *("records show", "records put", "records declare", "records types", "records put-type"),
        *("records history", "records declarations", "artefacts list", "artefacts history"),
        *("artefacts put", "users put", "users show", "users list", "users history"),
        *("overrides grant", "overrides end", "overrides list", "overrides history"),
        *("orders record", "orders end", "orders list", "orders history"),
        *("retention show", "retention set", "retention run", "retention erase"),
        *("retention hold", "retention lift", "retention holds", "retention history"),
        *("systems put", "systems show", "systems list", "systems history"),
        *("tokens issue", "tokens list", "tokens revoke", "tokens history"),
    }


@pytest.mark.parametrize(
    ("path", "command"), COMMANDS, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_help_says_what_it_does_within_80_columns(path: tuple[str, ...], command: Any) -> None:
    text = help_of(path)
    assert command.help
    assert max(len(line) for line in text.splitlines()) <= 80


@pytest.mark.parametrize(
    "path",
    [
        path
        for path, _ in COMMANDS
        if path[-1:]
        and path[-1]
        in {
            *("list", "show", "history", "declarations", "search", "follow", "types", "check", "demo"),
            *("attributes", "validate", "test", "push", "pull", "rollback", "diff", "sets"),
        }
    ],
)
def test_every_reading_command_has_json(path: tuple[str, ...]) -> None:
    assert "--json" in help_of(path)


def test_the_codes_that_scripts_rely_on_are_told() -> None:
    for path in ((), ("check",), ("demo",)):
        for line in ("0  permitted", "1  denied", "2  the command", "3  the token", "4  no answer"):
            assert line in help_of(path)


@pytest.mark.parametrize(
    "path", [path for path, command in COMMANDS if not hasattr(command, "commands")], ids=" ".join
)
def test_every_command_has_an_example(path: tuple[str, ...]) -> None:
    text = help_of(path)
    lines = [line.strip() for line in text.splitlines() if line.startswith("    policy-service ")]
    assert any(f" {' '.join(path)} " in f"{line} " for line in lines), text


def test_the_kinds_that_a_rule_may_be_about_are_listed() -> None:
    listed = help_of(("retention", "set")).partition("Kinds of fact\n")[2].partition("Example")[0]
    assert [kind.strip() for kind in listed.replace("\n", " ").split(",")] == sorted(RULED)


@pytest.mark.parametrize("line", [each for each in examples() if not OF_NO_SERVICE.search(each)])
def test_an_example_can_be_typed(
    terminal: Terminal, fake: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    (tmp_path / "examples").symlink_to(shipped("examples"))
    (tmp_path / "policies").symlink_to(shipped("policies"))
    for question in read_questions(shipped("examples", "world")):
        (terminal.var_dir / "tokens" / f"{question.system}.token").write_text("psk_any_t\n")
    if "--token-file auditor.token" in line:
        (tmp_path / "auditor.token").write_text("psk_any_t\n")
    monkeypatch.chdir(tmp_path)  # some write a file
    monkeypatch.setattr(import_stream, "PAUSES", (0.0,))  # the fake ends each stream, however often
    if "demo" in line or "--as" in line:
        give_every_token(terminal)
    assert len(examples()) > 5
    typed = terminal(*shlex.split(line.removeprefix("policy-service ")))
    # The fake answers with nothing, which no command takes for a permit; but the line itself is right.
    assert "Usage:" not in typed.err
    assert typed.code in (0, 1, 4)
    assert fake.calls


def test_a_fault_in_the_program_is_told_without_a_stack_trace(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: typer.Context) -> None:
        raise KeyError("psk_secret")

    monkeypatch.setattr("policy_service.cli.tokens.manager", broken)
    typed = terminal("tokens", "list")
    assert typed.code == 4
    assert "KeyError" in typed.err
    assert "psk_secret" not in typed.err
    assert "Traceback" not in typed.err
