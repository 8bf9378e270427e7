"""What a person reads: tables that fit 80 columns; and what a script reads: JSON with the protos' names."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

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
_WORD: Final = re.compile(r"(?:`[^`]*`|\S)+")


def as_json(message: Message) -> dict[str, Any]:
    """Give a message's JSON form, with fields that are unset, so that keys are the same in each answer."""
    return MessageToDict(message, always_print_fields_with_no_presence=True)


def print_json(value: Message | dict[str, Any]) -> None:
    """Print one JSON document on standard output."""
    typer.echo(
        json.dumps(as_json(value) if isinstance(value, Message) else value, indent=2, ensure_ascii=False)
    )


def say(text: str = "") -> None:
    """Print a line, never wrapped, so that ids and commands can be copied out of it."""
    typer.echo(clean(text))


def say_wrapped(text: str, indent: str) -> None:
    """Print a sentence in lines of at most 80 columns."""
    for line in textwrap.wrap(clean(text), WIDTH - len(indent)):
        typer.echo(indent + line)


def say_sentence(text: str) -> None:
    """As `say_wrapped`, but an id is never broken."""
    for line in wrap_sentence(clean(text), WIDTH):
        typer.echo(line)


def progress(text: str) -> None:
    """Print a line about what goes on, on standard error."""
    typer.echo(clean(text), err=True)


def tell_failure(message: str, do_next: str) -> None:
    """Print on standard error what happened and what to do next.

    In lines of at most 80 columns for a person: on a terminal, or where COLUMNS is set. Else a line each.
    """
    width = None
    if sys.stderr.isatty() or os.environ.get("COLUMNS"):
        width = min(shutil.get_terminal_size().columns, WIDTH)
    for label, text in (("error: ", message), ("next:  ", do_next)):
        lines = wrap_sentence(clean(text), width - len(label)) if width else [clean(text)]
        typer.echo(label + f"\n{' ' * len(label)}".join(lines), err=True)


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


def print_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Print names and values, one pair a line, leaving out what has no value.

    A value that is too long goes on below itself; it is broken at blanks alone, so that ids can be copied.
    """
    shown = [(name, value) for name, value in pairs if value]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        label = f"{name.ljust(width)}  "
        whole = clean(value)
        fits = len(label) + len(whole) <= WIDTH
        lines = [whole] if fits else wrap_sentence(whole, WIDTH - len(label))
        typer.echo(clean(label) + f"\n{' ' * len(label)}".join(lines))


def print_notes(notes: Iterable[str]) -> None:
    """Print what was taken and may not be what was meant, in lines of at most 80 columns."""
    for note in notes:
        for line in wrap_sentence(clean(f"note: {note}"), WIDTH):
            typer.echo(line)


def counted(number: int, what: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def clean(text: str) -> str:
    """Make control characters visible: no answer of a server may steer a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


MOMENT: Final = "%Y-%m-%d %H:%M:%S UTC"
"""How people read a moment; in JSON it is RFC 3339."""


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
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if at.tzinfo is None else at.astimezone(UTC).strftime(MOMENT)


def now() -> datetime:
    """This machine's clock."""
    return datetime.now(UTC)


_STYLE = {"permit": "green", "deny": "red"}
