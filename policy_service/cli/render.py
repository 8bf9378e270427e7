"""What a person reads: tables that fit 80 columns; and what a script reads: JSON with the protos' names."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import zip_longest
from typing import IO, Any, Final

import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH: Final = 80
_ID_WIDTH: Final = 44
"""That of `person:` and a UUID, and a little more."""
_LABEL_WIDTH: Final = 40
_WORD: Final = re.compile(r"(?:`[^`]*`|\S)+")


def as_json(message: Message) -> dict[str, Any]:
    """Give a message's JSON form, with fields that are unset, so that keys are the same in each answer."""
    return MessageToDict(message, always_print_fields_with_no_presence=True)


def print_json(value: Message | dict[str, Any]) -> None:
    """Print one JSON document on standard output."""
    typer.echo(
        json.dumps(as_json(value) if isinstance(value, Message) else value, indent=2, ensure_ascii=False)
    )


def print_nowhere() -> None:
    """Let everything that is printed from now on go nowhere, as nobody reads it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@contextmanager
def though_unread() -> Iterator[None]:
    """Go on with what is to be done where nobody reads what is printed before it, as behind `| head`."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        print_nowhere()


def say(text: str = "", indent: str = "") -> None:
    """Print sentences, a line each, within 80 columns: what does not fit goes on below, behind the indent.

    A word is never broken, nor what stands in backticks, so that ids and commands can be copied.
    """
    _print_wrapped(text, indent, _columns(sys.stdout) or WIDTH)


def say_finding(text: str) -> None:
    """Print what was found at a place, as `FILE:LINE: what`.

    Within 80 columns for a person, as `tell_failure` does; else a line each, as editors and `grep` want it.
    """
    _print_wrapped(text, "", _columns(sys.stdout), below="  ")


def say_whole(text: str) -> None:
    """Print what is there to be copied, a command say, or a line of a file: it is never broken."""
    typer.echo(clean(text))


def progress(text: str) -> None:
    """Print a line about what goes on, on standard error: within 80 columns for a person, else whole."""
    _print_wrapped(text, "", _columns(sys.stderr), err=True)


def tell_failure(message: str, do_next: str) -> None:
    """Print on standard error what happened and what to do next.

    In lines of at most 80 columns for a person: on a terminal, or where COLUMNS is set. Else a line each.
    """
    width = _columns(sys.stderr)
    for label, text in (("error: ", message), ("next:  ", do_next)):
        lines = wrap_sentence(clean(text), width - len(label)) if width else [clean(text)]
        typer.echo(label + f"\n{' ' * len(label)}".join(lines), err=True)


def _columns(stream: IO[str]) -> int | None:
    """How wide lines for a person may be; None where nobody said that it is a person who reads."""
    if stream.isatty() or os.environ.get("COLUMNS"):
        return min(shutil.get_terminal_size().columns, WIDTH)
    return None


def _print_wrapped(text: str, indent: str, width: int | None, *, below: str = "", err: bool = False) -> None:
    """Each line of `text` behind the indent and its own blanks; what does not fit, behind `below` as well."""
    for line in clean(text).split("\n"):
        said = line.lstrip(" ")
        before = indent + " " * (len(line) - len(said))
        fits = width is None or len(before + said) <= width
        lines = [said] if width is None or fits else wrap_sentence(said, width - len(before) - len(below))
        typer.echo((before + f"\n{before}{below}".join(lines)).rstrip(" "), err=err)


def wrap_sentence(text: str, width: int) -> list[str]:
    """Break a sentence into lines, but nothing that stands in backticks, so that it can be copied."""
    lines = [""]
    for word in _WORD.findall(text):
        if not lines[-1]:
            lines[-1] = word
        elif len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table within 80 columns, or within the terminal where that is narrower; `none` without rows.

    The first column, which names the row, is not broken as long as it is no wider than an id, so that it can
    be copied. A cell may have several lines.
    """
    rows = list(rows)
    if not rows:
        say("none")
        return
    names = [line for row in rows for line in clean(row[0]).splitlines()]
    whole = max(map(len, names), default=0) <= _ID_WIDTH
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=whole and number == 0)
    for row in rows:
        # Text, so that square brackets of a value are not taken for markup.
        table.add_row(*(Text(clean(value), style=_STYLE.get(value, "")) for value in row))
    console = Console(highlight=False)
    console.width = min(console.width, WIDTH)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        typer.echo(line.rstrip())


def print_columns(widths: Sequence[int], cells: Sequence[str]) -> None:
    """Print cells beside each other, two blanks between them, each folded at its width; within 80 columns.

    For rows that come one by one, where a table, which is as wide as its widest row, cannot be.
    """
    folded = [
        [
            clean(line)[at : at + width]
            for line in cell.split("\n")
            for at in range(0, max(len(clean(line)), 1), width)
        ]
        for width, cell in zip(widths, cells, strict=True)
    ]
    for row in zip_longest(*folded, fillvalue=""):
        typer.echo("  ".join(each.ljust(width) for width, each in zip(widths, row, strict=True)).rstrip())


def print_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Print names and values, one pair a line, leaving out what has no value.

    A value that is too long goes on below itself; it is broken at blanks alone, so that ids can be copied.
    """
    shown = [(clean(name), clean(value)) for name, value in pairs if value]
    width = max((len(name) for name, _ in shown if len(name) <= _LABEL_WIDTH), default=0)
    for name, value in shown:
        label = f"{name.ljust(width)}  "
        if len(name) > width:  # a server's word, which takes lines of its own
            say(name)
            label = " " * (width + 2)
        fits = len(label) + len(value) <= WIDTH
        lines = [value] if fits else wrap_sentence(value, WIDTH - len(label))
        typer.echo(label + f"\n{' ' * len(label)}".join(lines))


def print_notes(notes: Iterable[str]) -> None:
    """Print what was taken and may not be what was meant, in lines of at most 80 columns."""
    for note in notes:
        say(f"note: {note}")


def counted(number: int, what: str, several: str = "") -> str:
    """`1 file`, `2 files`; `several` where it is not by an s alone."""
    return f"{number:,} {what if number == 1 else several or f'{what}s'}"


def clean(text: str) -> str:
    """Make control characters visible: no answer of a server may steer a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


MOMENT: Final = "%Y-%m-%dT%H:%M:%SZ"
_RFC_3339: Final = re.compile(r"[0-9-]{10}T[0-9:]{8}([.][0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})")
"""RFC 3339 to the second, so that every option that takes a time takes one that was printed."""


def moment(timestamp: Timestamp) -> str:
    """Give a timestamp in UTC to the second, or nothing where it is unset."""
    if not timestamp.seconds and not timestamp.nanos:
        return ""
    try:
        at = timestamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        return "no moment"
    return at.strftime(MOMENT)


def moment_of(text: str) -> str:
    """Give an RFC 3339 time as `moment` does; what is none, such as a date, as it stands."""
    if not _RFC_3339.fullmatch(text):
        return text
    try:
        return datetime.fromisoformat(text).astimezone(UTC).strftime(MOMENT)
    except (ValueError, OverflowError):
        return text


def now() -> datetime:
    """This machine's clock."""
    return datetime.now(UTC)


_STYLE = {"permit": "green", "deny": "red"}
