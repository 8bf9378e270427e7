"""A file of people, relationships, contact points and records, an object of JSON a line (NDJSON).

A line has one of the `FORMS`, with the words of the API (`PeopleItem`, `Record`). The file is read three
times, people first, then what names two of them, then records: so a line may name whomever another line of
the file puts on file, wherever that stands.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import IO, Final

from policy_service.api.v1 import people_pb2, record_pb2
from policy_service.cli.documents import STDIN, readable, refused
from policy_service.cli.exits import Exit, Failure
from policy_service.cli.messages import NoMessageError, message_of
from policy_service.cli.question_files import KeyTwiceError, each_key_once
from policy_service.model.spelling import perhaps

MOST_BYTES_OF_LINE: Final = 256 << 10
"""A record with 256 parties has about 30,000."""

_FIRST_KEY: Final = re.compile(rb'\s*\{\s*"(\w{1,20})"\s*:')
_COMPRESSED: Final = {
    b"\x1f\x8b": "gunzip",
    b"BZh": "bunzip2",
    b"\xfd7zXZ": "unxz",
    b"\x28\xb5\x2f\xfd": "unzstd",
}
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Reading(Enum):
    """What is looked for when the file is read, in this order."""

    PEOPLE = "people"
    LINKS = "relationships and contact points"
    RECORDS = "records"


FORMS: Final = (
    """{"person": {"identifiers": ["police-ref:I-1"], "names": ["Ana Example"]}, \
"contact_points": [{"kind": "phone", "value": "07700 900123"}]}""",
    """{"contact_point": {"owner": "police-ref:I-1", "kind": "email", "value": "ana@example.com"}}""",
    """{"relationship": {"from_person": "police-ref:I-2", "kind": "adverse_to", \
"to_person": "police-ref:I-1", "basis": "staff_assessment"}}""",
    """{"record": {"reference": "OM-1", "record_type": "police.offender_management", \
"parties": [{"party": "ana", "role": "victim", "person": "police-ref:I-1"}]}}""",
)
"""A whole line of each kind."""
_KEYS: Final = ("person", "contact_point", "relationship", "record")
"""Of which a line has one."""
_MOST_OF_HELP: Final = 72

_READ_WITH: Final = {
    b"contact_point": Reading.LINKS,
    b"contactPoint": Reading.LINKS,
    b"relationship": Reading.LINKS,
    b"record": Reading.RECORDS,
}
"""By the first key of a line; whatever else it is, is read, or refused, with the people."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that is not put on file, with the field and the reason, and never what stands there."""

    line: int
    field: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line that can be sent: where it stands, its bytes in the file, and its message."""

    number: int
    size: int
    message: people_pb2.PeopleItem | record_pb2.Record


def forms_in_help() -> str:
    """The forms for a person to read: each line of them narrow, and broken behind commas alone."""
    shown: list[str] = []
    for form in FORMS:
        lines = [""]
        for part in re.split(r"(?<=,) ", form):
            if lines[-1] and len(lines[-1]) + len(part) >= _MOST_OF_HELP:
                lines.append("")
            lines[-1] += f" {part}" if lines[-1] else part
        shown.append("  " + "\n    ".join(lines))
    return "\n".join(shown)


def open_file(path: Path) -> IO[bytes]:
    """Open a file that may be imported. Raises Failure."""
    with readable(path):
        mode = stat.S_IFIFO if path == STDIN else path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise Failure(
            "import reads a file more than once, so it takes no standard input and no pipe",
            do_next="write it to a file, and name that",
            code=Exit.USAGE,
        )
    with readable(path):
        file = path.open("rb")
    try:
        _look_at_beginning(path, file)
    except BaseException:
        file.close()
        raise
    return file


def read_lines(file: IO[bytes], reading: Reading) -> Iterator[Line | Refused | int]:
    """The lines that belong to this reading, and its refusals; the size of any other line, which is blank.

    Each line comes in one reading of the three.
    """
    file.seek(0)
    number = 0
    while data := _read(file, MOST_BYTES_OF_LINE + 1):
        number += 1
        size = len(data)
        if size > MOST_BYTES_OF_LINE and not data.endswith(b"\n"):
            while data and not data.endswith(b"\n"):
                data = _read(file, MOST_BYTES_OF_LINE)
                size += len(data)
            if reading is Reading.PEOPLE:
                most = f"{MOST_BYTES_OF_LINE >> 10} KiB"
                yield Refused(number, "", "LINE_TOO_LONG", f"the line is longer than {most}")
            continue
        if number == 1:
            data = data.removeprefix(_BYTE_ORDER_MARK)
        first = _FIRST_KEY.match(data)
        if _READ_WITH.get(first.group(1) if first else b"", Reading.PEOPLE) is not reading:
            continue
        yield _line(number, size, data, reading) if data.strip() else size


def _read(file: IO[bytes], most: int) -> bytes:
    with readable(Path(file.name)):
        return file.readline(most)


def _look_at_beginning(path: Path, file: IO[bytes]) -> None:
    with readable(path):
        begins = file.read(8)
    if not begins:
        raise refused(path, "there is nothing in it")
    for mark, unpack in _COMPRESSED.items():
        if begins.startswith(mark):
            raise Failure(
                f"`{path}`: it is compressed",
                do_next=f"unpack it first, as with `{unpack} --keep {path}`, and import what comes out",
                code=Exit.USAGE,
            )
    if begins[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in begins:
        raise refused(path, "this is not UTF-8 (it looks like UTF-16)")


def _line(number: int, size: int, data: bytes, reading: Reading) -> Line | Refused:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return Refused(number, "", "NOT_UTF8", "the line is not UTF-8")
    try:
        found = json.loads(text, object_pairs_hook=each_key_once)
    except KeyTwiceError as error:
        return Refused(number, "", "KEY_TWICE", f"`{error}` stands twice")
    except json.JSONDecodeError as error:
        ends_early = error.pos >= len(text.rstrip())
        why = "it ends early" if ends_early else f"character {error.colno} cannot stand there"
        return Refused(number, "", "NOT_JSON", f"the line is not an object of JSON: {why}")
    except (ValueError, RecursionError):
        return Refused(number, "", "NOT_JSON", "the line is not an object of JSON")
    if not isinstance(found, dict) or not found:
        return Refused(number, "", "NOT_AN_ITEM", _WHAT_A_LINE_IS)
    if "record" in found and len(found) > 1:
        return Refused(number, "record", "NOT_AN_ITEM", "nothing stands beside `record`")
    if not set(_KEYS) & {"contact_point" if key == "contactPoint" else key for key in found}:
        near = perhaps(next(iter(found)), _KEYS)
        return Refused(number, "", "NOT_AN_ITEM", f"{_WHAT_A_LINE_IS}{near}")
    try:
        return Line(number, size, _message(found, reading))
    except NoMessageError as error:
        keys = error.keys or ""
        if error.why.startswith("the top "):
            keys = _WHAT_A_LINE_IS
        why = f"{error.why.replace('the top ', 'the line ', 1)}; {keys}" if keys else error.why
        field = re.match(r"`([\w.\[\]]+)`", error.why)
        return Refused(number, field.group(1) if field else "", "UNREADABLE_LINE", why)


def _message(found: dict[str, object], reading: Reading) -> people_pb2.PeopleItem | record_pb2.Record:
    if reading is not Reading.RECORDS:
        return message_of(found, people_pb2.PeopleItem())
    # Read as a part of what holds it, so that a place begins with `record`.
    return message_of(found, record_pb2.PutRecordRequest()).record


_WHAT_A_LINE_IS: Final = (
    "a line is an object with the key `person` (and beside it perhaps `contact_points`), `contact_point`, "
    "`relationship` or `record`"
)
