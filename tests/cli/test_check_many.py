"""`check --from`: the questions of a file, what is printed of each, and the exit code."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.cli.check_many import with_bar
from policy_service.cli.documents import MOST_BYTES
from tests.cli.conftest import POLICE, Terminal
from tests.support.fake_service import FakeService, Refusal

STREAM = "DecisionService/CheckStream"
BY_RECORD = {"R-1": pb.EFFECT_PERMIT, "R-2": pb.EFFECT_DENY}

YAML = """\
- {user: u, record: R-1, fields: [{name: f}]}
- {user: u, record: R-2, fields: [{name: f}]}
"""
DOCUMENTS = """\
user: u
record: R-1
fields: [{name: f}]
---
user: u
record: R-2
fields: [{name: f}]
"""
JSON = json.dumps([{"user": "u", "record": record, "fields": [{"name": "f"}]} for record in ("R-1", "R-2")])
NDJSON = "\n".join(json.dumps(each) for each in json.loads(JSON)) + "\n\n"


def answer(request: pb.CheckStreamRequest) -> Iterator[pb.CheckStreamResponse]:
    check = request.check
    outcome = pb.CheckOutcome()
    if check.record in BY_RECORD:
        effect = BY_RECORD[check.record]
        cells = [
            pb.Cell(field=f.name, effect=effect, reason="" if effect == pb.EFFECT_PERMIT else "NO_BASIS")
            for f in check.fields
        ]
        outcome.answer.CopyFrom(pb.CheckResponse(decision_id="d-1", effect=effect, cells=cells))
    else:
        outcome.error.CopyFrom(pb.CheckError(code="INVALID_ARGUMENT", reason="TOO_LONG", message="no"))
    yield pb.CheckStreamResponse(outcome=outcome)


def ask(terminal: Terminal, source: str, *more: str) -> Any:
    return terminal("check", "--as", "police-records", "--from", source, *more)


@pytest.mark.parametrize(
    ("name", "text"),
    [("q.yaml", YAML), ("q.yml", DOCUMENTS), ("q.json", JSON), ("q.ndjson", NDJSON), ("q.jsonl", NDJSON)],
)
def test_many_questions_of_a_file(
    terminal: Terminal, fake: FakeService, tmp_path: Path, name: str, text: str
) -> None:
    fake.answers[STREAM] = answer
    (tmp_path / name).write_text(text)

    typed = ask(terminal, str(tmp_path / name))

    assert (typed.code, typed.err) == (1, "")
    assert [request.check.record for request in fake.requests(STREAM)] == ["R-1", "R-2"]
    assert fake.calls[0].metadata["authorization"] == f"Bearer {POLICE}"
    lines = [line.split() for line in typed.out.splitlines()]
    assert ["1", "u", "R-1", "permit"] in lines
    assert ["2", "u", "R-2", "deny", "NO_BASIS"] in lines
    assert typed.out.splitlines()[-1] == "2 questions: 1 permit, 1 deny, 0 error"
    assert max(map(len, typed.out.splitlines())) <= 80


@pytest.mark.parametrize("text", [YAML, DOCUMENTS, JSON, NDJSON])
def test_standard_input(terminal: Terminal, fake: FakeService, text: str) -> None:
    fake.answers[STREAM] = answer
    assert terminal("check", "--as", "police-records", "--from", "-", stdin=text).code == 1
    assert [request.check.record for request in fake.requests(STREAM)] == ["R-1", "R-2"]


def test_a_file_that_is_too_large_is_not_read_to_its_end(
    terminal: Terminal, fake: FakeService, tmp_path: Path
) -> None:
    huge = tmp_path / "huge.ndjson"
    with huge.open("wb") as file:
        file.truncate(MOST_BYTES + 1)  # sparse: it takes no room
    typed = ask(terminal, str(huge))
    assert typed.code == 2
    assert "256 MiB" in typed.err
    assert not fake.calls


def test_one_question_of_a_file_is_answered_in_full(
    terminal: Terminal, fake: FakeService, tmp_path: Path
) -> None:
    def permit(request: pb.CheckRequest) -> pb.CheckResponse:
        cells = [pb.Cell(field=f.name, effect=pb.EFFECT_PERMIT) for f in request.fields]
        return pb.CheckResponse(decision_id="d-1", effect=pb.EFFECT_PERMIT, cells=cells)

    fake.answers["DecisionService/Check"] = permit
    (tmp_path / "q.yaml").write_text("{user: u, record: R-1, fields: [{name: f}]}")
    typed = ask(terminal, str(tmp_path / "q.yaml"))
    assert typed.code == 0
    assert "decision  d-1" in typed.out


def test_for_scripts_each_outcome_is_a_line(terminal: Terminal, fake: FakeService, tmp_path: Path) -> None:
    fake.answers[STREAM] = answer
    (tmp_path / "q.ndjson").write_text(NDJSON + json.dumps({"user": "u", "record": "R-3"}))
    typed = ask(terminal, str(tmp_path / "q.ndjson"), "--json")
    assert typed.code == 2  # the worst: the third cannot be right
    first, second, third = (json.loads(line) for line in typed.out.splitlines())
    assert first["answer"]["effect"] == "EFFECT_PERMIT"
    assert second["answer"]["cells"][0]["reason"] == "NO_BASIS"
    assert third["error"]["reason"] == "TOO_LONG"


def test_for_scripts_one_question_of_a_file_is_a_line_as_many_are(
    terminal: Terminal, fake: FakeService, tmp_path: Path
) -> None:
    fake.answers[STREAM] = answer
    (tmp_path / "q.ndjson").write_text(NDJSON.splitlines()[1])
    typed = ask(terminal, str(tmp_path / "q.ndjson"), "--json")
    assert typed.code == 1
    (line,) = typed.out.splitlines()
    assert json.loads(line)["answer"]["effect"] == "EFFECT_DENY"


def test_each_reason_is_told_once_with_what_to_do_next(
    terminal: Terminal, fake: FakeService, tmp_path: Path
) -> None:
    def with_words(request: pb.CheckStreamRequest) -> Iterator[pb.CheckStreamResponse]:
        (response,) = answer(request)
        response.outcome.answer.staff_texts.add(
            reason="NO_BASIS", text="Not without a basis.", next_step="Ask."
        )
        yield response

    fake.answers[STREAM] = lambda request: (
        with_words(request) if request.check.record == "R-2" else answer(request)
    )
    (tmp_path / "q.json").write_text(JSON.replace("R-1", "R-2")[:-1] + ', {"user": "u"}, {"user": "u"}]')

    typed = ask(terminal, str(tmp_path / "q.json"))

    assert typed.out.partition("4 questions: 0 permit, 2 deny, 2 error\n")[2].splitlines() == [
        "",
        "NO_BASIS",
        "  Not without a basis.",
        "  Next: Ask.",
        "TOO_LONG",
        "  Of question 3: no.",
    ]


def test_all_permitted(terminal: Terminal, fake: FakeService, tmp_path: Path) -> None:
    fake.answers[STREAM] = answer
    (tmp_path / "q.json").write_text(JSON.replace("R-2", "R-1"))
    assert ask(terminal, str(tmp_path / "q.json")).code == 0


def test_what_a_lost_stream_did_not_answer_is_not_permitted(
    terminal: Terminal, fake: FakeService, tmp_path: Path
) -> None:
    def once(request: pb.CheckStreamRequest) -> Iterator[pb.CheckStreamResponse]:
        if request.check.record == "R-2":
            raise Refusal(grpc.StatusCode.UNAVAILABLE, "gone")
        yield from answer(request)

    fake.answers[STREAM] = once
    (tmp_path / "q.json").write_text(JSON)
    typed = ask(terminal, str(tmp_path / "q.json"))
    assert typed.code == 4
    assert "1 were not answered: nothing of them is permitted" in typed.err
    assert ["1", "u", "R-1", "permit"] in [line.split() for line in typed.out.splitlines()]


def test_where_nothing_was_answered_there_is_no_table(
    terminal: Terminal, fake: FakeService, tmp_path: Path
) -> None:
    def gone(_: pb.CheckStreamRequest) -> Iterator[pb.CheckStreamResponse]:
        raise Refusal(grpc.StatusCode.UNAVAILABLE, "gone")

    fake.answers[STREAM] = gone
    (tmp_path / "q.json").write_text(JSON)
    typed = ask(terminal, str(tmp_path / "q.json"))
    assert (typed.code, typed.out) == (4, "2 questions: 0 permit, 0 deny, 0 error\n")


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("many", "screen", "bar"), [(25, Tty, True), (5, Tty, False), (25, io.StringIO, False)]
)
def test_a_person_who_waits_for_many_sees_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, many: int, screen: type[io.StringIO], bar: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    written = screen()
    monkeypatch.setattr("sys.stderr", written)
    assert list(with_bar(range(many), many)) == list(range(many))
    assert (f"{many}/{many}" in written.getvalue()) == bar


BAD = {
    "q.yaml": ("[", "line 1"),
    "twice.yaml": ("{user: u, user: v}", "`user` stands"),
    "key.yaml": ("- {user: u}\n- {users: v}", "question 2"),
    "list.yaml": ("- [1]", "question 1 is not a mapping"),
    "documents.yaml": ("user: u\n---\nuser: [v]\n", "question 2"),
    "alone.yaml": ("user: [v]", "the question is none"),
    "none.yaml": ("", "no question"),
    "q.json": ("{", "not JSON"),
    "twice.json": ('{"user": "u", "user": "v"}', "`user` stands twice"),
    "q.ndjson": ('{"user": "u"}\n{"user": 1}', "line 2"),
    "deep.yaml": ("[" * 100_000, "nested too deep"),
    "deep.json": ("[" * 100_000, "not JSON"),
    "broken.ndjson": ('{"user": "u"}\n{', "line 2: this is not JSON"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_right_asks_nothing(
    terminal: Terminal, fake: FakeService, tmp_path: Path, name: str
) -> None:
    text, told = BAD[name]
    (tmp_path / name).write_text(text)
    typed = ask(terminal, str(tmp_path / name))
    assert typed.code == 2
    assert told in typed.err
    assert "next:" in typed.err
    assert not fake.calls


def test_a_file_and_options_are_two_questions(terminal: Terminal, fake: FakeService, tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text(YAML)
    typed = ask(terminal, str(tmp_path / "q.yaml"), "--user", "u")
    assert typed.code == 2
    assert "--from" in typed.err
    assert not fake.calls
