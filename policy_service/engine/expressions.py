"""Regular expressions on RE2's terms: what may be one, and what evaluates it.

RE2 searches in linear time, but an expression of some hundred characters can still become a program of
megabytes, its cache of states grows with what it is given to search, and py-abac reads the same expression
with Python's `re`, which goes through a range of characters one by one. So each is bounded.
"""

from __future__ import annotations

import re
from typing import Any, Final

import re2

MAX_LENGTH: Final = 1_000
"""Characters."""
MAX_STEPS: Final = 10_000
"""Of RE2's program for one expression, some 100 kB."""
MAX_STEPS_OF_SET: Final = 1_000_000
"""Of all programs of one policy set."""
_MAX_MEMORY: Final = 1 << 20
"""Bytes of one program with the states that its searches leave. Beyond it RE2 goes on without them."""

MAX_SPAN: Final = 1_000
"""Characters that the ranges of an expression which end beyond ASCII span together."""

_SET: Final = re.compile(r"\[\^?\]?[^\]]*")
_RANGE_BEYOND_ASCII: Final = re.compile(r"(.)-([^\x00-\x7f])", re.DOTALL)
_LOOKS_ROUND: Final = re.compile(r"\(\?<?[=!]")
_REFERS_BACK: Final = re.compile(r"\\[1-9]|\(\?P=")
_TOO_LARGE: Final = "pattern too large"
_SET_IN_A_SET: Final = re.compile(r"\[\^?\]?[^\]]*(\[|--|&&|\|\||~~)")


def compiled(expression: str) -> Any:
    """Compile for RE2; raises re2.error."""
    options = re2.Options()
    options.log_errors = False  # RE2 would write to standard error
    options.max_mem = _MAX_MEMORY
    return re2.compile(expression, options)


def steps_of(expression: str) -> int:
    """How large RE2's program for an expression is that was found right."""
    return int(compiled(expression).programsize)


def fault_in(expression: str) -> str | None:
    """Say why an expression is refused, or None where it is right: RE2 evaluates it, and py-abac (Python's
    `re`) must be able to read it.
    """
    if not expression:
        return "the empty expression matches every text: leave the condition out"
    if len(expression) > MAX_LENGTH:
        return f"a regular expression has at most {MAX_LENGTH:,} characters"
    try:
        steps = steps_of(expression)
    except re2.error as error:
        cause = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        return f"RE2 does not accept the regular expression: {cause}: {_instead(expression, cause)}"
    if steps > MAX_STEPS:
        return (
            f"the regular expression becomes {steps:,} steps, and may {MAX_STEPS:,}: repeat less in it, "
            "or write `+` for a large number"
        )
    plain = re.sub(r"\\.", "", expression)
    if _SET_IN_A_SET.search(plain):
        return "a set inside a set is not read alike by all readers: write its members out, as in `[0-9_]`"
    if (span := _span(plain)) > MAX_SPAN:
        return (
            f"the ranges of its sets span {span:,} characters, and may {MAX_SPAN:,}: write what is not in "
            "them, as in `[^0-9]`"
        )
    try:
        re.compile(expression)
    except (re.error, OverflowError, RecursionError):
        return "RE2 accepts the regular expression, but py-abac (Python) does not"
    return None


def _span(expression: str) -> int:
    """How many characters those of its ranges span that end beyond ASCII, escapes left out."""
    ranges = (pair for each in _SET.findall(expression) for pair in _RANGE_BEYOND_ASCII.findall(each))
    return sum(max(0, ord(last) - ord(first)) for first, last in ranges)


def _instead(expression: str, cause: str) -> str:
    """Tell what to write instead of an expression that RE2 cannot read."""
    if cause.startswith(_TOO_LARGE):
        return "repeat less in it, or write `+` for a large number"
    if _LOOKS_ROUND.search(expression):
        return (
            "it looks neither ahead nor back; write two conditions in `AllOf`, `Not` before what may not be"
        )
    if _REFERS_BACK.search(expression):
        return "it refers to nothing that it found; write out what may stand there"
    return "put a backslash before a sign that stands for itself, or write `Contains`, for which all do"
