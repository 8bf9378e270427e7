"""`import`: many people, relationships, contact points and records, from a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from policy_service.api.v1 import import_pb2
from policy_service.api.v1.people_pb2 import PeopleServiceImportRequest
from policy_service.api.v1.people_pb2_grpc import PeopleServiceStub
from policy_service.api.v1.record_pb2 import RecordServiceImportRequest
from policy_service.api.v1.record_pb2_grpc import RecordServiceStub
from policy_service.cli import flags
from policy_service.cli.connect import Connection, control
from policy_service.cli.exits import CODES_IN_WORDS, Exit, Failure
from policy_service.cli.import_lines import Line, Reading, Refused, forms_in_help, open_file, read_lines
from policy_service.cli.import_stream import Chunk, Sender, chunks
from policy_service.cli.render import counted, print_json, progress, say, say_finding
from policy_service.cli.run import current, manager

SHOWN: Final = 1_000
"""Refused lines that are listed; the others are counted."""

EPILOG = f"""\b
Example
  policy-service import examples/import/police.ndjson \\
      --controller example-police

\b
Each is one line of the file, though it is broken here
{forms_in_help()}
with the words of the messages PeopleItem and Record of the API.

{CODES_IN_WORDS}"""


@dataclass
class _Tally:
    """What has come of the file so far."""

    written: int = 0
    unchanged: int = 0
    refused: int = 0
    errors: list[Refused] = field(default_factory=list)
    """The first of them."""

    @property
    def lines(self) -> int:
        return self.written + self.unchanged + self.refused

    def refuse(self, refused: Refused) -> None:
        self.refused += 1
        if len(self.errors) < SHOWN:
            self.errors.append(refused)

    def count(self, chunk: Chunk[Any], came: import_pb2.Imported) -> None:
        self.written += came.written
        self.unchanged += came.unchanged
        for each in came.refused:
            line = chunk.lines[each.index]
            self.refuse(Refused(line.number, each.field, each.reason, each.message))


def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.ndjson", help="An object of JSON a line, UTF-8.")],
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    json: flags.AsJson = False,
) -> None:
    """Put the people, relationships, contact points and records of a file on file.

    A line may name whomever another line puts on file. One that is refused is told with its field and the
    reason, and the others are put on file all the same. Checks go on meanwhile.

    What is on file already stays as it is: given again, after whatever ended it, the command goes on.
    """
    run = current(context)
    tally = _Tally()
    with open_file(file) as opened, control(run, manager(run)) as connection:
        try:
            with _bar(file.stat().st_size) as advance:
                for reading in Reading:
                    _import(connection, opened, reading, controller, reason, tally, advance)
        except Failure:
            if tally.lines:
                done = counted(tally.lines, "line")
                progress(f"{done} done; the same command goes on, and leaves them as they are")
            raise
    _tell(tally, json=json)
    if tally.refused:
        raise typer.Exit(Exit.DENIED)


def _import(
    connection: Connection,
    file: IO[bytes],
    reading: Reading,
    controller: str,
    reason: str,
    tally: _Tally,
    advance: Callable[[int], None],
) -> None:
    def lines() -> Iterator[Line]:
        for each in read_lines(file, reading):
            if isinstance(each, Line):
                yield each
            elif isinstance(each, Refused):
                tally.refuse(each)

    def told(chunk: Chunk[Any], came: import_pb2.Imported) -> None:
        tally.count(chunk, came)
        advance(sum(line.size for line in chunk.lines))

    def people(held: list[Line]) -> PeopleServiceImportRequest:
        return PeopleServiceImportRequest(items=[_any(line) for line in held], reason=reason)

    def records(held: list[Line]) -> RecordServiceImportRequest:
        return RecordServiceImportRequest(records=[_any(line) for line in held], reason=reason)

    began = tally.written + tally.unchanged > 0
    sender: Sender[Any]
    if reading is Reading.RECORDS:
        sender = Sender(connection, RecordServiceStub(connection.channel).Import, controller, told, began)
        sender.send(chunks(lines(), records))
    else:
        sender = Sender(connection, PeopleServiceStub(connection.channel).Import, controller, told, began)
        sender.send(chunks(lines(), people))


def _any(line: Line) -> Any:
    """The message, of the kind that this reading gives."""
    return line.message


@contextmanager
def _bar(size: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error, for a person who waits; it is told the bytes that were answered."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (TextColumn("importing"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("importing", total=size)
        yield lambda done: bar.advance(task, done)


def _tell(tally: _Tally, *, json: bool) -> None:
    errors = sorted(tally.errors, key=lambda each: each.line)
    more = tally.refused - len(errors)
    if json:
        print_json(
            {
                "lines": tally.lines,
                "written": tally.written,
                "unchanged": tally.unchanged,
                "refused": tally.refused,
                "errors": [
                    {"line": each.line, "field": each.field, "reason": each.reason, "message": each.message}
                    for each in errors
                ],
                "errorsLeftOut": more,
            }
        )
        return
    say(
        f"{counted(tally.lines, 'line')}: {tally.written:,} written, {tally.unchanged:,} unchanged,"
        f" {tally.refused:,} refused"
    )
    if errors:
        say()
    for each in errors:
        at = f"`{each.field}`: " if each.field and each.field not in each.message else ""
        say_finding(f"line {each.line:,}: {at}{each.message} ({each.reason})")
    if more:
        say(f"and {more:,} more")
    if errors:
        say()
        say("correct these lines and import the file again: the others stay as they are")
