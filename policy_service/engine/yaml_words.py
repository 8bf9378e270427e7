"""What libyaml says of a text that is no YAML, in words that tell its writer what to write instead."""

from __future__ import annotations

from typing import Final

import yaml

_NO_COLON: Final = "could not find expected ':'"
_COLON_TOO_MANY: Final = "mapping values are not allowed in this context"
_NO_START: Final = "found character that cannot start any token"
_OPEN_BRACKET: Final = ("did not find expected ',' or '}'", "did not find expected ',' or ']'")
_OPEN_QUOTE: Final = "found unexpected end of stream"
_OUT_OF_LINE: Final = (
    "did not find expected key",
    "did not find expected '-' indicator",
    "block sequence entries are not allowed in this context",
)


def fault_of(error: yaml.MarkedYAMLError, text: str) -> tuple[int, str]:
    """Give the line (from 1) that the writer has to mend, and what to do there.

    Of a key without its colon, a bracket and a quote, libyaml finds out lines below; where they begin is
    what it calls the context.
    """
    found = _line(error.problem_mark, 1)
    began = _line(error.context_mark, found)
    problem = error.problem or ""
    if problem == _NO_COLON:
        return began, "a colon is missing: write `key: value`, with a blank after the colon"
    if problem == _COLON_TOO_MANY:
        return found, (
            "a colon where none can stand: put a text that holds a colon in quotes; "
            "if this line belongs to the one above, that one lacks its colon; "
            "if it does not, begin it where its neighbours begin"
        )
    if problem == _NO_START:
        return found, _no_start(error.problem_mark, text)
    if problem in _OPEN_BRACKET:
        closing = problem.rpartition("or ")[2].strip("'")
        return began, f"a bracket is not closed, or a comma is missing: write `{closing}` where it ends"
    if problem == _OPEN_QUOTE:
        return began, "a quote is not closed: write it once more where the text ends"
    if problem in _OUT_OF_LINE:
        return found, "this line begins where nothing can: begin it where its neighbours begin"
    return found, problem


def _no_start(mark: yaml.Mark | None, text: str) -> str:
    character = _at(mark, text)
    if character == "\t":
        return "a tab: indent with spaces"
    named = f"`{character}`" if character.isprintable() and character != "`" else "this character"
    return f"nothing can begin with {named}: put the text in quotes"


def _at(mark: yaml.Mark | None, text: str) -> str:
    lines = text.splitlines()
    if mark is None or mark.line >= len(lines):
        return ""
    return lines[mark.line][mark.column : mark.column + 1]


def _line(mark: yaml.Mark | None, otherwise: int) -> int:
    return otherwise if mark is None else mark.line + 1
