"""What was measured: rows, as a table for people and as JSON for whoever compares runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

WIDTH: Final = 80


@dataclass(frozen=True)
class Row:
    """`target` is what was promised, if anything; a text is a condition, not a measurement."""

    name: str
    value: float | str
    unit: str = ""
    target: float | None = None
    met: bool | None = None

    @property
    def is_condition(self) -> bool:
        """Whether it says how was measured, and nothing that was."""
        return isinstance(self.value, str) and not self.unit and self.target is None


@dataclass
class Report:
    """Rows in the order in which they were measured; told as they come."""

    console: Console = field(default_factory=lambda: Console(width=WIDTH, highlight=False))
    rows: list[Row] = field(default_factory=list)

    def say(self, name: str, value: float | str, unit: str = "") -> None:
        """Add a row without a target."""
        self.rows.append(Row(name, value, unit))

    def at_least(self, name: str, value: float, target: float, unit: str = "") -> None:
        """Add a row whose value should be this much or more."""
        self.rows.append(Row(name, value, unit, target, value >= target))

    def at_most(self, name: str, value: float, target: float, unit: str = "") -> None:
        """Add a row whose value should be this much or less."""
        self.rows.append(Row(name, value, unit, target, value <= target))

    def unmeasured(self, name: str, why: str, target: float, unit: str = "") -> None:
        """Add a row whose target cannot be judged this time."""
        self.rows.append(Row(name, why, unit, target))

    def doing(self, what: str) -> AbstractContextManager[object]:
        """Say what goes on: beside a spinner on a terminal, else as a line on standard error."""
        if self.console.is_terminal:
            return self.console.status(what)
        print(what, file=sys.stderr, flush=True)
        return nullcontext()

    def show(self) -> None:
        """Print the conditions, and then a table of what was measured, in 80 columns."""
        for row in self.rows:
            if row.is_condition:
                self.console.print(f"{row.name}: {row.value}", markup=False)
        self.console.print()
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
        table.add_column("what", overflow="fold")
        table.add_column("value", justify="right", no_wrap=True)
        table.add_column("unit", no_wrap=True)
        table.add_column("target", justify="right", no_wrap=True)
        table.add_column("met", no_wrap=True)
        for row in self.rows:
            if not row.is_condition:
                table.add_row(*_cells(row))
        self.console.print(table)

    def write(self, file: Path) -> None:
        """Write the rows as a JSON list."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps([asdict(row) for row in self.rows], indent=1) + "\n")


def _cells(row: Row) -> Iterator[str]:
    yield row.name
    yield _number(row.value)
    yield row.unit
    yield "" if row.target is None else _number(row.target)
    yield {True: "[green]yes", False: "[red]no", None: ""}[row.met]


def _number(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
