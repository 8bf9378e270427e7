"""The table of what was taken out or broken, and what noticed it, as FIGURES.md holds it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SHOWN = 2
"""So many cases are named; of the others the number is told."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One rule without which, or one fault with which, everything was tried."""

    rule: str
    done: str
    cases: tuple[str, ...]
    property_: str = ""

    @property
    def survived(self) -> bool:
        return not self.cases and not self.property_

    @property
    def caught_by(self) -> str:
        if self.survived:
            return "**nothing**"
        if not self.cases:
            return f"`{self.property_}`"
        named = ", ".join(f"`{case}`" for case in self.cases[:SHOWN])
        rest = len(self.cases) - SHOWN
        return f"{named} and {rest} more" if rest > 0 else named


def markdown(head: str, tried: Iterable[Tried]) -> list[str]:
    """A table with a line for each."""
    lines = [f"| {head} | what was done | caught by |", "|---|---|---|"]
    lines += [f"| {each.rule} | {each.done} | {each.caught_by} |" for each in tried]
    return lines
