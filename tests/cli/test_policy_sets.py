"""`policies pull`, `diff`, `sets`, `history`: what is sent and written, and how it ends."""

from __future__ import annotations

import os
from pathlib import Path

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from policy_service.api.v1 import past_pb2
from policy_service.api.v1 import policy_pb2 as pb
from policy_service.cli.policy_folder import plan_writing, read_folder, write_folder
from tests.cli.conftest import Terminal
from tests.cli.policy_library import CASE, TEXTS, Library
from tests.support.fake_service import FakeService, Refusal


def test_pull_writes_every_byte_and_push_then_has_nothing_to_do(
    terminal: Terminal, library: Library, folder: Path, tmp_path: Path
) -> None:
    terminal("policies", "push", str(folder), "--yes")
    typed = terminal("policies", "pull", str(tmp_path / "new"))
    assert (typed.code, typed.out.split(":")[1].strip()) == (0, "4 written")
    written = {
        path.relative_to(tmp_path / "new").as_posix(): path.read_bytes().decode()
        for path in (tmp_path / "new").rglob("*")
        if path.is_file()
    }
    assert written == TEXTS
    assert "nothing to publish" in terminal("policies", "push", str(tmp_path / "new")).out
    assert "0 written" in terminal("policies", "pull", str(tmp_path / "new")).out


def test_pull_loses_nothing_unless_told_to(terminal: Terminal, library: Library, folder: Path) -> None:
    terminal("policies", "push", str(folder), "--yes")
    (folder / "b.yaml").write_text("uid: mine\n")
    (folder / "mine.yaml").write_text("uid: mine\n")
    (folder / "own" / "a.yaml").unlink()
    typed = terminal("policies", "pull", str(folder))
    assert typed.code == 1
    assert typed.out.splitlines() == ["differs: b.yaml", "not in the set: mine.yaml"]
    assert not (folder / "own" / "a.yaml").exists()
    told = terminal("policies", "pull", str(folder), "--force", "--json").json
    assert (sorted(told["written"]), told["removed"]) == (["b.yaml", "own/a.yaml"], ["mine.yaml"])
    assert "nothing to publish" in terminal("policies", "push", str(folder)).out
    assert (folder / "README.md").exists()
    assert (folder / "tests/own/a.yaml").exists()


def test_pull_another_set(terminal: Terminal, library: Library, folder: Path, tmp_path: Path) -> None:
    first = library.published[-1]
    terminal("policies", "push", str(folder), "--yes")
    terminal("policies", "pull", str(tmp_path / "first"), "--set", first)
    assert [path.name for path in (tmp_path / "first").rglob("*.yaml")] == ["b.yaml"]
    assert (tmp_path / "first" / "b.yaml").read_bytes() == b"uid: b\n"


@pytest.mark.parametrize(
    "name",
    [
        "../out.yaml",
        "/tmp/out.yaml",
        "a/../../out.yaml",
        "out.sh",
        "link/out.yaml",
        "a/./out.yaml",
        "a\\out.yaml",
        "a\x1b[2Jout.yaml",
    ],
)
def test_no_name_leads_out_of_the_folder(
    terminal: Terminal, library: Library, tmp_path: Path, name: str
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "elsewhere")
    library.sets.append({"a.yaml": "uid: a\n", name: "x"})
    library.published.append([*library.by_id][-1])
    typed = terminal("policies", "pull", str(tmp_path / "in"), "--force")
    assert (typed.code, "leads out of" in typed.err) == (2, True)
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["link"]


def test_diff_takes_a_folder_or_sets(
    terminal: Terminal, fake: FakeService, library: Library, folder: Path
) -> None:
    first = library.published[-1]
    assert "+uid: a" in terminal("policies", "diff", str(folder)).out
    terminal("policies", "push", str(folder), "--yes")
    assert terminal("policies", "diff", str(folder)).out == f"nothing differs from {library.published[-1]}\n"
    assert "-uid: a" in terminal("policies", "diff", first).out
    assert "+uid: a" in terminal("policies", "diff", str(folder), first).out
    assert len(terminal("policies", "diff", library.published[-1], first, "--json").json["changes"]) == 4


def test_sets_tells_when_each_was_published(terminal: Terminal, library: Library, folder: Path) -> None:
    terminal("policies", "push", str(folder), "--yes")
    terminal("policies", "rollback", "--yes")
    library.sets.append({"c.yaml": "uid: c\n"})
    typed = terminal("policies", "sets")
    lines = typed.out.splitlines()
    for name in library.by_id:
        assert sum(line.startswith(name) for line in lines) == 1
    assert max(len(line) for line in lines) <= 80
    assert typed.out.count("since") == 2
    assert "never; on file since" in typed.out
    assert [line.split("  ")[0] for line in lines if "tried" in line] == [
        "tried on 1 case",
        "not tried",
        "not tried",
    ]
    assert "reason 2" in typed.out
    assert len(terminal("policies", "sets", "--json").json["policySets"]) == 3


def test_the_cases_come_too_where_they_are_asked_for(
    terminal: Terminal, library: Library, folder: Path, tmp_path: Path
) -> None:
    terminal("policies", "push", str(folder), "--yes")
    pulled = tmp_path / "pulled"
    (pulled / "tests").mkdir(parents=True)
    (pulled / "tests/mine.yaml").write_text("cases: []")
    assert terminal("policies", "pull", str(pulled)).code == 0
    assert read_folder(pulled).files == read_folder(folder).files
    assert [file.name for file in read_folder(pulled).cases] == ["tests/mine.yaml"]
    assert terminal("policies", "pull", str(pulled), "--cases").code == 0
    assert {(file.name, file.text) for file in read_folder(pulled).cases} == {
        *CASE.items(),
        ("tests/mine.yaml", "cases: []"),
    }
    (pulled / "tests/own/a.yaml").write_text("cases: [mine]")
    typed = terminal("policies", "pull", str(pulled), "--cases")
    assert (typed.code, "differs: tests/own/a.yaml" in typed.out) == (1, True)


def test_a_folder_written_is_the_folder_read(folder: Path, tmp_path: Path) -> None:
    found = read_folder(folder)
    target = tmp_path / "copy"
    write_folder(target, found.files, plan_writing(target, found.files))
    assert read_folder(target).files == found.files
    assert plan_writing(target, found.files).loses == ()


def test_the_history_says_when_who_why_and_which_set(terminal: Terminal, fake: FakeService) -> None:
    def version(number: int, *changed: str) -> past_pb2.FactVersion:
        return past_pb2.FactVersion(
            facts_token=f"token-{number}",
            committed_at=Timestamp(seconds=1_772_452_800 + number),
            actor="installation:first",
            reason=f"reason {number}",
            changed=changed,
        )

    versions = [
        pb.PolicyServiceVersion(version=version(3, "policy_set"), published="set-b"),
        pb.PolicyServiceVersion(version=version(2, "policy_set", "filed_policy_set"), published="set-a"),
        pb.PolicyServiceVersion(version=version(1, "filed_policy_set"), published="set-0"),
    ]
    fake.answers["PolicyService/History"] = lambda asked: pb.PolicyServiceHistoryResponse(
        versions=versions[: asked.page_size], next_page_token="more" if asked.page_size < 3 else ""
    )
    of_all = terminal("policies", "history", "--limit", "2")
    assert [line.split(maxsplit=1)[1] for line in of_all.out.splitlines() if line.startswith("set ")] == [
        "set-b",
        "set-a",
    ]
    assert of_all.out.splitlines()[:4] == [
        "when   2026-03-02T12:00:03Z",
        "who    installation:first",
        "why    reason 3",
        "token  token-3",
    ]
    assert of_all.out.endswith("the newest 2; there are more, see --limit\n")
    of_one = terminal("policies", "history", "set-a")
    assert [line.split(maxsplit=1)[1] for line in of_one.out.splitlines() if line.startswith("what ")] == [
        "set-b was published in its place",
        "put on file",
        "published",
        "put on file",
    ]
    assert [asked.policy_set for asked in fake.requests("PolicyService/History")] == ["", "set-a"]
    told = terminal("policies", "history", "--json").json
    assert (told["versions"][0]["published"], told["more"]) == ("set-b", False)


def test_an_unknown_set_is_told_with_what_lists_them(terminal: Terminal, fake: FakeService) -> None:
    def refuse(_: object) -> pb.PolicyServiceDiffResponse:
        raise Refusal(grpc.StatusCode.NOT_FOUND, "no such policy set is on file", "NOT_AVAILABLE", "after")

    fake.answers["PolicyService/Diff"] = refuse
    typed = terminal("policies", "diff", f"set-{'0' * 32}")
    assert typed.code == 1
    assert "`policy-service policies sets` lists" in " ".join(typed.err.split())


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_what_is_no_file_is_not_written_over(
    terminal: Terminal, library: Library, tmp_path: Path, kind: str
) -> None:
    target = tmp_path / "pulled" / "b.yaml"
    target.parent.mkdir()
    (target.parent / "draft.yaml").write_text("uid: mine\n")
    match kind:
        case "pipe":
            os.mkfifo(target)
        case "link":
            (tmp_path / "elsewhere").write_text("kept")
            target.symlink_to(target.parent / "draft.yaml")
        case _:
            target.mkdir()
    typed = terminal("policies", "pull", str(target.parent), "--force")
    assert (typed.code, "is no file" in typed.err) == (2, True)
    assert (target.parent / "draft.yaml").read_text() == "uid: mine\n"


def test_a_file_is_no_folder_to_pull_into(terminal: Terminal, library: Library, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("kept")
    typed = terminal("policies", "pull", str(file))
    assert typed.code == 2
    assert "is no folder" in typed.err
    assert file.read_text() == "kept"
