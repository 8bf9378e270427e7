"""`import`: what is sent of a file, what is refused before that, and going on after a lost connection."""

from __future__ import annotations

import gzip
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from policy_service.api.v1 import import_pb2, people_pb2, record_pb2
from policy_service.cli import import_lines, import_stream, importing
from tests.cli.conftest import Terminal
from tests.support.fake_service import FakeService, Refusal

EXAMPLE = Path(__file__).parents[2] / "examples" / "import" / "police.ndjson"
PEOPLE, RECORDS = "PeopleService/Import", "RecordService/Import"
ANA = {"person": {"identifiers": ["s:1"]}}


@pytest.fixture(autouse=True)
def _takes_all(fake: FakeService) -> None:
    fake.answers[PEOPLE] = lambda asked: [_people(written=len(asked.items))]
    fake.answers[RECORDS] = lambda asked: [_records(written=len(asked.records))]


def _people(**imported: Any) -> people_pb2.PeopleServiceImportResponse:
    return people_pb2.PeopleServiceImportResponse(imported=import_pb2.Imported(**imported))


def _records(**imported: Any) -> record_pb2.RecordServiceImportResponse:
    return record_pb2.RecordServiceImportResponse(imported=import_pb2.Imported(**imported))


def _file(directory: Path, *lines: object) -> str:
    """A file with a line for each: bytes as they are, all else as JSON."""
    path = directory / "some.ndjson"
    path.write_bytes(b"".join(_bytes(line) + b"\n" for line in lines))
    return str(path)


def _bytes(line: object) -> bytes:
    return line if isinstance(line, bytes) else json.dumps(line).encode()


def test_the_example_is_sent_people_first_then_links_then_records(
    terminal: Terminal, fake: FakeService
) -> None:
    typed = terminal("import", str(EXAMPLE), "--controller", "c", "--reason", "why")
    assert (typed.code, typed.out) == (0, "6 lines: 6 written, 0 unchanged, 0 refused\n")
    first, second, third = fake.calls
    assert [call.method for call in fake.calls] == [PEOPLE, PEOPLE, RECORDS]
    assert {call.metadata["x-controller"] for call in fake.calls} == {"c"}
    assert {call.request.reason for call in fake.calls} == {"why"}
    assert [item.person.identifiers[0] for item in first.request.items] == [
        *("police-ref:I-3001", "police-ref:I-3002", "police-ref:I-3003")
    ]
    assert [point.kind for point in first.request.items[0].contact_points] == ["phone", "post"]
    assert [item.WhichOneof("item") for item in second.request.items] == ["contact_point", "relationship"]
    assert [record.reference for record in third.request.records] == ["OM-3001"]


def test_lines_that_cannot_be_read_are_told_and_the_others_sent(
    terminal: Terminal, fake: FakeService, tmp_path: Path
) -> None:
    path = _file(
        tmp_path,
        b"\xef\xbb\xbf" + _bytes(ANA),
        b"person: 1",
        b'{"person": {"identifiers": ["s:\xff"]}}',
        b"",
        b'{"person": {"identifiers": ["s:1"]',
        [ANA],
        {"person": {"identifiers": "s:2"}},
        {"person": {"identifiers": ["s:2"], "birth_date": 1990}},
        {"person": {"identifier": ["s:2"]}},
        b'{"person": {}, "person": {"identifiers": ["s:3"]}}',
        b'{"person": {"identifiers": ["s:4"], "names": ["' + b"n" * import_lines.MOST_BYTES_OF_LINE + b'"]}}',
        {"record": {"reference": "R"}, "person": {}},
        {"record": {"reference": 7}},
        {"user": {"reference": "u"}},
        {},
        ANA,
    )
    typed = terminal("import", path, "--json")
    assert typed.code == 1
    assert [(each["line"], each["field"], each["reason"]) for each in typed.json["errors"]] == [
        (2, "", "NOT_JSON"),
        (3, "", "NOT_UTF8"),
        (5, "", "NOT_JSON"),
        (6, "", "NOT_AN_ITEM"),
        (7, "person.identifiers", "UNREADABLE_LINE"),
        (8, "person.birth_date", "UNREADABLE_LINE"),
        (9, "person", "UNREADABLE_LINE"),
        (10, "", "KEY_TWICE"),
        (11, "", "LINE_TOO_LONG"),
        (12, "record", "NOT_AN_ITEM"),
        (13, "record.reference", "UNREADABLE_LINE"),
        (14, "", "NOT_AN_ITEM"),
        (15, "", "NOT_AN_ITEM"),
    ]
    assert [each["message"] for each in typed.json["errors"] if each["reason"] == "NOT_JSON"] == [
        "the line is not an object of JSON: character 1 cannot stand there",
        "the line is not an object of JSON: it ends early",
    ]
    assert {key: typed.json[key] for key in ("lines", "written", "refused")} == {
        "lines": 15,
        "written": 2,
        "refused": 13,
    }
    assert "1990" not in typed.out
    assert [len(call.request.items) for call in fake.calls] == [2]


def test_each_form_in_the_help_is_a_line(terminal: Terminal, fake: FakeService, tmp_path: Path) -> None:
    told = " ".join(terminal("import", "--help").out.split())
    for form in import_lines.FORMS:
        assert form in told
    typed = terminal("import", _file(tmp_path, *(form.encode() for form in import_lines.FORMS)))
    assert (typed.code, typed.out) == (0, "4 lines: 4 written, 0 unchanged, 0 refused\n")
    assert [next(iter(json.loads(form))) for form in import_lines.FORMS] == [*import_lines._KEYS]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ({"record": {"ref": "R"}}, "`record` has no key `ref`; the keys of `record` are reference, "),
        ({"record": {"parties": [{"name": "x"}]}}, "`record.parties[0]` has no key `name`; the keys of "),
        (
            {"person": {}, "contactpoints": []},
            "the line has no key `contactpoints`; a line is an object with",
        ),
        ({"recrod": {"reference": "R"}}, "`relationship` or `record`, perhaps `record` is meant"),
        ({"Ana Example": 1}, "`relationship` or `record`"),
    ],
)
def test_a_wrong_key_is_told_with_what_may_stand_there(
    terminal: Terminal, tmp_path: Path, line: object, told: str
) -> None:
    said = " ".join(terminal("import", _file(tmp_path, line)).out.split())
    assert told in said
    assert "Ana" not in said


def test_what_the_service_refuses_is_told_by_its_line(
    terminal: Terminal, fake: FakeService, tmp_path: Path
) -> None:
    refused = import_pb2.RefusedItem(
        index=1, field="person.names[0]", reason="NAME_UNREADABLE", message="a name has at least one letter"
    )
    fake.answers[PEOPLE] = lambda _: [_people(written=1, unchanged=1, refused=[refused])]
    path = _file(tmp_path, b"", ANA, b"   ", ANA, ANA)
    typed = terminal("import", path)
    assert typed.code == 1
    assert typed.out == (
        "3 lines: 1 written, 1 unchanged, 1 refused\n\n"
        "line 4: `person.names[0]`: a name has at least one letter (NAME_UNREADABLE)\n\n"
        "correct these lines and import the file again: the others stay as they are\n"
    )


def test_no_more_refused_lines_are_listed_than_somebody_reads(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "SHOWN", 2)
    path = _file(tmp_path, *[b"none"] * 5)
    assert "and 3 more\n" in terminal("import", path).out
    told = terminal("import", path, "--json").json
    assert (len(told["errors"]), told["errorsLeftOut"], told["refused"]) == (2, 3, 5)


def test_files_that_are_none(terminal: Terminal, fake: FakeService, tmp_path: Path) -> None:
    packed = tmp_path / "people.ndjson.gz"
    packed.write_bytes(gzip.compress(_bytes(ANA)))
    empty = tmp_path / "empty.ndjson"
    empty.write_bytes(b"")
    wide = tmp_path / "wide.ndjson"
    wide.write_text(json.dumps(ANA), encoding="utf-16")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)  # which nobody ever writes to
    for path, told in (
        (packed, f"unpack it first, as with `gunzip --keep {packed}`"),
        (empty, "there is nothing in it"),
        (wide, "this is not UTF-8"),
        (tmp_path, "cannot be read: is a directory"),
        (tmp_path / "none", "cannot be read: no such file"),
        (Path("-"), "write it to a file"),
        (pipe, "write it to a file"),
        (Path("/dev/zero"), "write it to a file"),
        (Path("/proc/self/mem"), "cannot be read: input/output error"),
    ):
        typed = terminal("import", str(path))
        assert typed.code == 2, path
        assert told in typed.err, path
    assert fake.calls == []


def test_messages_are_bounded(
    terminal: Terminal, fake: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = {"person": {"identifiers": ["s:1"]}, "contact_points": [{"kind": "phone", "value": "1"}] * 2}
    monkeypatch.setattr(import_stream, "MOST_FACTS", 9)  # of which each has 4
    assert terminal("import", _file(tmp_path, *[two] * 5)).code == 0
    assert [len(call.request.items) for call in fake.calls] == [2, 2, 1]
    fake.calls.clear()
    monkeypatch.setattr(import_stream, "MOST_FACTS", 1_000)
    monkeypatch.setattr(import_stream, "MOST_BYTES", 300)
    terminal("import", _file(tmp_path, *[two] * 5))
    assert [len(call.request.items) for call in fake.calls] == [2, 2, 1]


@pytest.mark.parametrize("status", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED])
def test_a_lost_connection_is_gone_on_from_what_was_not_answered(
    status: grpc.StatusCode,
    terminal: Terminal,
    fake: FakeService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(import_stream, "MOST_ITEMS", 1)
    monkeypatch.setattr(import_stream, "PAUSES", (0.0, 0.0))
    heard: list[str] = []

    def answer(asked: people_pb2.PeopleServiceImportRequest) -> Iterator[Any]:
        (item,) = asked.items
        heard.append(item.person.identifiers[0])
        if len(heard) in (3, 6, 7):
            raise Refusal(status)
        yield _people(written=1)

    fake.answers[PEOPLE] = answer
    path = _file(tmp_path, *({"person": {"identifiers": [f"s:{i}"]}} for i in range(8)))
    typed = terminal("import", path)
    assert (typed.code, typed.out) == (0, "8 lines: 8 written, 0 unchanged, 0 refused\n")
    assert heard == ["s:0", "s:1", "s:2", "s:2", "s:3", "s:4", "s:4", "s:4", "s:5", "s:6", "s:7"]


def test_a_service_that_stays_away_ends_it_and_tells_how_to_go_on(
    terminal: Terminal, fake: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_stream, "MOST_ITEMS", 1)
    monkeypatch.setattr(import_stream, "PAUSES", (0.0, 0.0))

    def answer(_: object) -> Iterator[Any]:
        if len(fake.calls) > 2:
            raise Refusal(grpc.StatusCode.UNAVAILABLE)
        yield _people(written=1)

    fake.answers[PEOPLE] = answer
    typed = terminal("import", _file(tmp_path, *[ANA] * 5))
    assert typed.code == 4
    assert "2 lines done; the same command goes on" in typed.err
    assert len(fake.calls) == 2 + 1 + 2


def test_a_connection_that_is_lost_before_the_first_answer_is_gone_on_with(
    terminal: Terminal, fake: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first message may have been written, and nobody knows: what is on file already writes nothing."""
    monkeypatch.setattr(import_stream, "PAUSES", (0.0, 0.0))

    def answer(_: object) -> Iterator[Any]:
        if len(fake.calls) < 3:
            raise Refusal(grpc.StatusCode.UNAVAILABLE, ("lost", "failed to connect")[len(fake.calls) - 1])
        yield _people(unchanged=1)

    fake.answers[PEOPLE] = answer
    typed = terminal("import", _file(tmp_path, ANA))
    assert (typed.code, typed.out) == (0, "1 line: 0 written, 1 unchanged, 0 refused\n")
    assert len(fake.calls) == 3


def test_what_was_never_answered_is_not_tried_again(
    terminal: Terminal, fake: FakeService, tmp_path: Path
) -> None:
    def answer(_: object) -> Iterator[Any]:
        raise Refusal(grpc.StatusCode.PERMISSION_DENIED, reason="ROLE_REQUIRED")

    fake.answers[PEOPLE] = answer
    assert terminal("import", _file(tmp_path, ANA)).code == 3
    assert len(fake.calls) == 1


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("screen", "shown"), [(Tty, True), (io.StringIO, False)])
def test_who_waits_at_a_terminal_sees_a_bar(
    monkeypatch: pytest.MonkeyPatch, screen: type[io.StringIO], shown: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    written = screen()
    monkeypatch.setattr("sys.stderr", written)
    with importing._bar(400) as advance:
        advance(100)
        advance(300)
    assert ("importing" in written.getvalue()) is shown
    assert ("100%" in written.getvalue()) is shown
