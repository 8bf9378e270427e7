"""`policies push` and `rollback`: what is sent, what is published, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from policy_service.api.v1 import policy_pb2 as pb
from policy_service.cli import policy_publish
from tests.cli.conftest import Terminal
from tests.cli.policy_library import CASE, TEXTS, Library
from tests.support.fake_service import FakeService, Refusal


def test_push_publishes_the_bytes_of_the_folder(
    terminal: Terminal, fake: FakeService, library: Library, folder: Path
) -> None:
    before = library.published[-1]
    typed = terminal("policies", "push", str(folder), "--yes", "--reason", "own")
    assert typed.code == 0, typed
    (put,) = fake.requests("PolicyService/PutSet")
    assert {file.name: file.text for file in put.files} == TEXTS
    assert {file.name: file.text for file in put.cases} == CASE
    (publish,) = fake.requests("PolicyService/Publish")
    assert (publish.policy_set, publish.expected, publish.reason) == (library.published[-1], before, "own")
    assert publish.idempotency_key
    (validate,) = fake.requests("PolicyService/Validate")
    assert [file.name for file in validate.documents] == ["b.yaml", "own/a.yaml"]
    assert [file.name for file in validate.base_types] == ["base_types/base.x.yaml"]
    assert [file.name for file in validate.messages] == ["messages/en.yaml"]
    assert "+uid: a" in typed.out
    assert "4 files: 1 changed, 3 added" in typed.out
    assert "3 cases came out as expected; 2 gaps" in typed.out
    assert f"published: {library.published[-1]}" in typed.out
    assert "x-controller" not in fake.calls[-1].metadata


def test_push_again_has_nothing_to_publish(
    terminal: Terminal, fake: FakeService, library: Library, folder: Path
) -> None:
    terminal("policies", "push", str(folder), "--yes")
    typed = terminal("policies", "push", str(folder))
    assert (typed.code, typed.out.split(":")[0]) == (0, "nothing to publish")
    assert len(fake.requests("PolicyService/PutSet")) == 1
    assert terminal("policies", "push", str(folder), "--json").json["published"] is False


def test_push_of_what_is_published_puts_its_cases_on_file(
    terminal: Terminal, fake: FakeService, library: Library, folder: Path
) -> None:
    """The shipped set is on file without them."""
    terminal("policies", "push", str(folder), "--yes", "--no-cases")
    assert library.cases == []
    assert terminal("policies", "push", str(folder), "--dry-run").code == 0
    assert library.cases == []
    typed = terminal("policies", "push", str(folder))
    assert (typed.code, typed.out.splitlines()[:2]) == (
        0,
        [
            "3 cases came out as expected; 2 gaps that no case has decided",
            "they are on file with the set now",
        ],
    )
    assert {file.name: file.text for file in library.cases} == CASE
    assert len(fake.requests("PolicyService/Publish")) == 1


def test_a_dry_run_and_a_no_publish_nothing(
    terminal: Terminal, fake: FakeService, library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = terminal("policies", "push", str(folder), "--dry-run")
    assert (typed.code, typed.out.splitlines()[-1]) == (0, "nothing was published")
    typed = terminal("policies", "push", str(folder))
    assert (typed.code, "add --yes" in typed.err) == (2, True)
    monkeypatch.setattr(policy_publish, "_somebody_is_there", lambda: True)
    typed = terminal("policies", "push", str(folder), stdin="n\n")
    assert (typed.code, "nothing was published" in typed.err) == (1, True)
    assert fake.requests("PolicyService/PutSet") == fake.requests("PolicyService/Publish") == []
    assert terminal("policies", "push", str(folder), stdin="y\n").code == 0
    assert len(library.published) == 2


def test_what_is_wrong_is_told_and_not_sent_on(
    terminal: Terminal, fake: FakeService, library: Library, folder: Path
) -> None:
    problem = pb.PolicyProblem(file="b.yaml", line=3, text="wrong")
    fake.answers["PolicyService/Validate"] = lambda _: pb.PolicyServiceValidateResponse(
        problems=[problem], checked=4
    )
    typed = terminal("policies", "push", str(folder), "--yes")
    assert (typed.code, "b.yaml:3: wrong" in typed.out) == (1, True)
    assert "1 problem in these files; nothing was published" in typed.err
    typed = terminal("policies", "push", str(folder), "--yes", "--json")
    assert (typed.code, typed.json["published"]) == (1, False)
    assert typed.json["problems"] == [{"file": "b.yaml", "line": 3, "text": "wrong"}]
    assert "1 problem in these files" in typed.err
    fake.answers["PolicyService/Validate"] = lambda _: pb.PolicyServiceValidateResponse(checked=4)
    fake.answers["PolicyService/Test"] = lambda _: pb.PolicyServiceTestResponse(tried=3, failed=1)
    typed = terminal("policies", "push", str(folder), "--yes", "--json")
    assert (typed.code, typed.json["failed"], typed.json["published"]) == (1, 1, False)
    assert fake.requests("PolicyService/PutSet") == []
    assert terminal("policies", "push", str(folder), "--yes", "--no-cases").code == 0
    (put,) = fake.requests("PolicyService/PutSet")
    assert not put.cases


@pytest.mark.parametrize(
    ("reason", "code"),
    [("PUBLISHED_MEANWHILE", 1), ("BASE_TYPE_IN_USE", 1), ("SET_NOT_PREPARED", 4), ("POLICIES_BUSY", 4)],
)
def test_a_refusal_says_that_nothing_was_published(
    terminal: Terminal, fake: FakeService, library: Library, folder: Path, reason: str, code: int
) -> None:
    def refuse(_: object) -> None:
        status = grpc.StatusCode.UNAVAILABLE if code == 4 else grpc.StatusCode.ALREADY_EXISTS
        raise Refusal(status, "no", reason)

    fake.answers["PolicyService/Publish"] = refuse
    typed = terminal("policies", "push", str(folder), "--yes")
    assert (typed.code, reason in typed.err, "nothing was published" in typed.err) == (code, True, True)


def test_who_is_of_an_organisation_is_told_whose_token_it_takes(
    terminal: Terminal, fake: FakeService, library: Library, folder: Path
) -> None:
    def refuse(_: object) -> None:
        raise Refusal(grpc.StatusCode.PERMISSION_DENIED, "no", "INSTALLATION_ONLY")

    fake.answers["PolicyService/PutSet"] = refuse
    typed = terminal("policies", "push", str(folder), "--yes")
    assert (typed.code, "without --controller" in typed.err) == (3, True)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("own/c.yml", b"", "would be passed over"),
        ("own/c.yaml", b"\xff", "is not UTF-8"),
        ("own/c.yaml", b"x" * (4 << 20), "a call may have"),
    ],
)
def test_a_folder_that_cannot_be_sent_whole_is_not_sent(
    terminal: Terminal, fake: FakeService, folder: Path, name: str, data: bytes, said: str
) -> None:
    (folder / name).write_bytes(data)
    typed = terminal("policies", "push", str(folder), "--yes")
    assert (typed.code, said in typed.err) == (2, True)
    assert fake.calls == []
    assert terminal("policies", "push", str(folder / "none"), "--yes").code == 2


@pytest.mark.parametrize("kind", ["linked folder", "dangling link", "pipe", "unreadable folder"])
def test_what_would_be_left_out_of_a_set_refuses_it(
    terminal: Terminal, fake: FakeService, folder: Path, tmp_path: Path, kind: str
) -> None:
    """A set without a folder of denies is whole to everybody else."""
    match kind:
        case "linked folder":
            (tmp_path / "elsewhere").mkdir()
            (folder / "own2").symlink_to(tmp_path / "elsewhere")
        case "dangling link":
            (folder / "own/c.yaml").symlink_to(tmp_path / "nothing")
        case "pipe":
            os.mkfifo(folder / "own/c.yaml")
        case _:
            (folder / "own").chmod(0)
            if os.access(folder / "own", os.R_OK):
                pytest.skip("who is root reads everything")
    for command in ("push", "diff", "validate"):
        typed = terminal("policies", command, str(folder), *(("--yes",) if command == "push" else ()))
        assert (typed.code, "would be left out" in typed.err) == (2, True), typed
    (folder / "own").chmod(0o755)
    assert fake.calls == []


def test_a_key_that_was_used_before_publishes_nothing_and_says_so(
    terminal: Terminal, fake: FakeService, library: Library, folder: Path
) -> None:
    """As of a job of CI that runs again after somebody has gone back."""
    before = library.published[-1]
    fake.answers["PolicyService/Publish"] = lambda asked: pb.PolicyServicePublishResponse(
        policy_set=asked.policy_set
    )
    typed = terminal("policies", "push", str(folder), "--yes", "--idempotency-key", "ci-1")
    assert typed.code == 1
    assert f"{before} is published, and not" in typed.err
    assert "published:" not in typed.out


def test_rollback_publishes_what_was_before_or_what_is_named(
    terminal: Terminal, fake: FakeService, library: Library, folder: Path
) -> None:
    first = library.published[-1]
    assert terminal("policies", "rollback", "--yes").code == 1
    terminal("policies", "push", str(folder), "--yes")
    second = library.published[-1]
    typed = terminal("policies", "rollback", "--yes", "--reason", "back")
    assert (typed.code, library.published) == (0, [first, second, first])
    assert "-uid: a" in typed.out
    (request,) = fake.requests("PolicyService/Rollback")
    assert (request.policy_set, request.expected, request.reason) == (first, second, "back")
    assert not request.despite_cases
    told = terminal("policies", "rollback", second, "--yes", "--despite-cases", "--json").json
    assert fake.requests("PolicyService/Rollback")[-1].despite_cases
    assert (told["policySet"], told["replaced"], library.published[-1]) == (second, first, second)
    assert "nothing to publish" in terminal("policies", "rollback", second).out


@pytest.mark.parametrize("words", [("push", "FOLDER"), ("rollback",)], ids=["push", "rollback"])
def test_what_nobody_reads_is_published_all_the_same(
    terminal: Terminal, fake: FakeService, library: Library, folder: Path, words: tuple[str, ...]
) -> None:
    if words == ("rollback",):
        terminal("policies", "push", str(folder), "--yes")
    before = library.published[-1]
    unread, to_nobody = os.pipe()
    os.close(unread)
    typed = [str(folder) if word == "FOLDER" else word for word in words]
    where = ("--control-address", fake.address, "--var-dir", str(terminal.var_dir))
    command = [sys.executable, "-m", "policy_service", *where, "policies", *typed, "--yes"]
    ended = subprocess.run(command, stdout=to_nobody, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(to_nobody)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert library.published[-1] != before
