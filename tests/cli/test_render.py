"""What is printed fits 80 columns, is broken at blanks alone, and shows a moment in one way."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from policy_service.cli.render import moment_of, print_pairs, print_table, say

ID = "01a2081b-c1c8-7f29-ba1d-f67582ec4d09"


def test_a_long_value_goes_on_below_itself(capsys: pytest.CaptureFixture[str]) -> None:
    names = ", ".join(f"disclosure.absolute.name_{number}" for number in range(5))
    print_pairs([("decided by", names), ("n", "1"), ("", "x"), ("left out", "")])
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert [line[:12] for line in lines] == ["decided by  ", " " * 12, " " * 12, "n           ", " " * 12]
    assert " ".join(line[12:] for line in lines[:3]) == names


def test_what_is_to_be_copied_is_not_broken(capsys: pytest.CaptureFixture[str]) -> None:
    print_pairs([("to 1", f"person:{ID} {ID} post"), ("digest", "ab" * 60)])
    say(f"subject.address deny: towards shares_point:person:{ID} and others who may open it")
    lines = capsys.readouterr().out.splitlines()
    assert f"to 1    person:{ID}" in lines[0]
    assert lines[1].strip() == f"{ID} post"
    assert lines[2].endswith("ab" * 60)
    assert all(len(line) <= 80 for line in (*lines[:2], *lines[3:]))
    assert f"shares_point:person:{ID}" in "\n".join(lines[3:])


def test_a_person_as_commands_name_her_stands_whole_in_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("other", "relationship", "basis"), [(f"person:{ID}", "this adverse_to other", "allegation")])
    assert f"person:{ID}  this" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-28T22:16:54+00:00", "2026-11-28T22:16:54Z"),
        ("2026-11-28T23:16:54.5+01:00", "2026-11-28T22:16:54Z"),
        ("2026-11-28T22:16:54Z", "2026-11-28T22:16:54Z"),
        ("2026-11-28", "2026-11-28"),
        ("2026-11-28T22:16:54", "2026-11-28T22:16:54"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        ("20261128T231654+0100", "20261128T231654+0100"),
        ("soon", "soon"),
        ("", ""),
    ],
)
def test_a_moment_is_shown_in_one_way(text: str, shown: str) -> None:
    assert moment_of(text) == shown


@pytest.mark.parametrize("words", [("version",), ("--help",), ("policies", "--help")], ids=" ".join)
def test_what_nobody_reads_ends_as_every_program_does(words: tuple[str, ...]) -> None:
    """And not with 1, which is a deny."""
    unread, to_nobody = os.pipe()
    os.close(unread)
    command = [sys.executable, "-m", "policy_service", *words]
    ended = subprocess.run(command, stdout=to_nobody, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(to_nobody)
    assert (ended.returncode, ended.stderr) == (141, b"")
