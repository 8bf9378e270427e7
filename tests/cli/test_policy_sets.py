"""`policies push`, `pull`, `rollback`, `diff`, `sets`, `history`: what is sent, written, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from policy_service.api.v1 import past_pb2
from policy_service.api.v1 import policy_pb2 as pb
from policy_service.cli import policy_publish
from policy_service.cli.policy_folder import plan_writing, read_folder, write_folder
from policy_service.service.policies import set_of
from policy_service.service.policy_diff import compare
from tests.cli.conftest import Terminal
from tests.support.fake_service import FakeService, Refusal

TEXTS = {
    "b.yaml": "uid: b\r\n",
    "base_types/base.x.yaml": "name: base.x",
    "messages/en.yaml": "outsider: é\n",
    "own/a.yaml": "uid: a\n",
}
CASE = {"tests/own/a.yaml": "cases: []\n"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "set"
    for name, text in {**TEXTS, **CASE, "README.md": "no policy"}.items():
        (found / name).parent.mkdir(parents=True, exist_ok=True)
        (found / name).write_bytes(text.encode())
    return found


@dataclass
class Library:
    """A service with sets on file, of which the last one is published."""

    sets: list[dict[str, str]] = field(default_factory=lambda: [{}])
    published: list[str] = field(default_factory=list)
    cases: list[pb.PolicyFile] = field(default_factory=list)
    """Of the set that was put on file last."""

    @property
    def by_id(self) -> dict[str, dict[str, str]]:
        return {set_of(texts.items()).policy_set_id: texts for texts in self.sets}

    def diff(self, request: pb.PolicyServiceDiffRequest) -> pb.PolicyServiceDiffResponse:
        known = self.by_id
        before = request.before or self.published[-1]
        files = {file.name: file.text for file in request.files}
        after = set_of(files.items()).policy_set_id if files else request.after or self.published[-1]
        return pb.PolicyServiceDiffResponse(
            before=before,
            after=after,
            published=self.published[-1],
            changes=[
                pb.PolicyFileChange(name=each.name, change=each.kind, diff=each.diff)
                for each in compare(known[before].items(), (files or known[after]).items())
            ],
        )

    def put(self, request: pb.PolicyServicePutSetRequest) -> pb.PolicyServicePutSetResponse:
        self.sets.append({file.name: file.text for file in request.files})
        self.cases = [*request.cases]
        return pb.PolicyServicePutSetResponse(policy_set=set_of(self.sets[-1].items()).policy_set_id)

    def publish(self, request: pb.PolicyServicePublishRequest) -> pb.PolicyServicePublishResponse:
        assert request.expected == self.published[-1]
        self.published.append(request.policy_set)
        return pb.PolicyServicePublishResponse(policy_set=request.policy_set)

    def rollback(self, request: pb.PolicyServiceRollbackRequest) -> pb.PolicyServiceRollbackResponse:
        assert request.expected == self.published[-1]
        self.published.append(request.policy_set)
        return pb.PolicyServiceRollbackResponse(policy_set=request.policy_set)

    def get(self, request: pb.PolicyServiceGetSetRequest) -> pb.PolicyServiceGetSetResponse:
        """A file a page, and the cases with the last one."""
        name = request.policy_set or self.published[-1]
        files = list(self.by_id[name].items())
        at = int(request.page_token or 0)
        more = at + 1 < len(files)
        return pb.PolicyServiceGetSetResponse(
            policy_set=pb.PolicySetOnFile(policy_set=name),
            files=[pb.PolicyFile(name=files[at][0], text=files[at][1])],
            next_page_token=str(at + 1) if more else "",
            cases=() if more else self.cases,
        )

    def list(self, _: pb.PolicyServiceListSetsRequest) -> pb.PolicyServiceListSetsResponse:
        return pb.PolicyServiceListSetsResponse(
            policy_sets=[
                pb.PolicySetOnFile(
                    policy_set=name,
                    is_published=name == self.published[-1],
                    filed_at=Timestamp(seconds=1_700_000_000),
                    filed_by="installation:priya",
                    reason="for later",
                    tried=len(self.cases) if name == [*self.by_id][-1] else 0,
                    publications=[
                        pb.PolicyPublication(
                            published_at=Timestamp(seconds=1_700_000_000 + at),
                            published_by="installation:priya",
                            reason=f"reason {at}",
                            ended_at=None
                            if at + 1 == len(self.published)
                            else Timestamp(seconds=1_700_000_001 + at),
                        )
                        for at, published in reversed([*enumerate(self.published)])
                        if published == name
                    ],
                )
                for name in reversed(self.by_id)
            ]
        )


@pytest.fixture
def library(fake: FakeService) -> Library:
    found = Library([{"b.yaml": "uid: b\n"}])
    found.published.append(next(iter(found.by_id)))
    fake.answers |= {
        "PolicyService/Diff": found.diff,
        "PolicyService/PutSet": found.put,
        "PolicyService/Publish": found.publish,
        "PolicyService/Rollback": found.rollback,
        "PolicyService/GetSet": found.get,
        "PolicyService/ListSets": found.list,
        "PolicyService/Validate": lambda request: pb.PolicyServiceValidateResponse(
            checked=len(request.documents) + len(request.base_types) + len(request.messages)
        ),
        "PolicyService/Test": lambda request: pb.PolicyServiceTestResponse(
            checked=len(request.documents) + len(request.cases), tried=3, uncovered=2
        ),
    }
    return found


# --- push ---------------------------------------------------------------------------------------------------


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
    assert f"{before} is" in typed.err
    assert "published:" not in typed.out


# --- pull ---------------------------------------------------------------------------------------------------


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


# --- rollback, diff, sets -----------------------------------------------------------------------------------


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
