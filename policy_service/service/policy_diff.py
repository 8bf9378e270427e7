"""What differs between two sets, file by file. Pure and blocking; it runs in a thread."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policy_service.model.set_files import file_order

MOST_COMPARED: Final = 4_000_000
"""Lines on one side by those on the other, of all files of a call together: some seconds' worth. Of a file
that would take more, all lines are told as taken out and put in.
"""
ABOUT: Final = 3
"""Lines that are shown about each change."""

_NO_LINE_BREAK: Final = "\\ No newline at end of file\n"

Texts = Iterable[tuple[str, str]]
"""(file name, text)."""


class ChangeKind(StrEnum):
    """What became of a file."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that two sets do not have alike, with a unified diff."""

    name: str
    kind: ChangeKind
    diff: str


def compare(before: Texts, after: Texts, *, most: int = MOST_COMPARED) -> tuple[FileChange, ...]:
    """Every file that differs, in the order of their names. `most` bounds the lines that are compared."""
    old, new = dict(before), dict(after)
    left = most
    found = []
    for name in sorted(old.keys() | new.keys(), key=file_order):
        if old.get(name) == new.get(name):
            continue
        kind = (
            ChangeKind.ADDED
            if name not in old
            else ChangeKind.REMOVED
            if name not in new
            else ChangeKind.CHANGED
        )
        was, now = _lines(old.get(name, "")), _lines(new.get(name, ""))
        left -= len(was) * len(now)
        lines = _unified(name, kind, was, now) if left >= 0 else _whole(name, kind, was, now)
        found.append(FileChange(name, kind, "".join(lines)))
    return tuple(found)


def _lines(text: str) -> list[str]:
    """As diff has them: at line feeds alone, and the last one told if it lacks one."""
    *whole, rest = text.split("\n")
    lines = [f"{line}\n" for line in whole]
    return [*lines, f"{rest}\n{_NO_LINE_BREAK}"] if rest else lines


def _names(name: str, kind: ChangeKind) -> tuple[str, str]:
    was = "/dev/null" if kind is ChangeKind.ADDED else f"a/{name}"
    now = "/dev/null" if kind is ChangeKind.REMOVED else f"b/{name}"
    return was, now


def _unified(name: str, kind: ChangeKind, was: list[str], now: list[str]) -> Iterator[str]:
    return difflib.unified_diff(was, now, *_names(name, kind), n=ABOUT)


def _whole(name: str, kind: ChangeKind, was: list[str], now: list[str]) -> Iterator[str]:
    a, b = _names(name, kind)
    yield f"--- {a}\n"
    yield f"+++ {b}\n"
    yield f"@@ -1,{len(was)} +1,{len(now)} @@\n"
    yield from (f"-{line}" for line in was)
    yield from (f"+{line}" for line in now)
