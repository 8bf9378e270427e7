"""What is wrong with a base type's file, with the line and the words to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, ten times faster where libyaml is linked
_WORDS = {
    "missing": "this key is missing: write it",
    "extra_forbidden": "no such key: leave it out, or look for a slip of the pen",
    "string_type": "write a text, perhaps in quotes",
    "tuple_type": "write a list, in square brackets",
    "too_short": "the list is empty: name at least one",
    "string_too_short": "the text is empty",
    "string_too_long": "the text is too long",
    "model_type": "write a mapping with the keys `name`, `categories`, `about`",
    "string_pattern_mismatch": "a base type is named `base.` and lower-case letters, as in `base.case`",
}


MOST_FAULTS = 100
"""Of one file; with more, the last says that there are more."""


@dataclass(frozen=True, slots=True)
class BaseTypeFault:
    """One fault; `line` counts from 1."""

    line: int
    text: str


def unknown(value: str, known: Iterable[str], what: str) -> str:
    """Say that `value` is no such word, and which one is likely meant."""
    near = get_close_matches(value, sorted(known), n=1, cutoff=0.6)
    return f"`{value}` is not {what}" + (f", perhaps `{near[0]}` is meant" if near else "")


def faults_of_yaml(error: yaml.YAMLError) -> tuple[BaseTypeFault, ...]:
    """The one fault of a file that is not readable as YAML."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return (BaseTypeFault(error.problem_mark.line + 1, f"not readable as YAML: {error.problem}"),)
    return (BaseTypeFault(1, "not readable as YAML: a character that YAML does not allow"),)


def faults_of_values(text: str, error: ValidationError) -> tuple[BaseTypeFault, ...]:
    """Every fault of a file that is readable and says something else than a base type."""
    top = yaml.compose(text, _LOADER)
    errors = error.errors(include_url=False, include_input=False)
    # A list whose members are all wrong counts as empty; that is said by what is wrong with them.
    within = {each["loc"][:depth] for each in errors for depth in range(len(each["loc"]))}
    found = (
        BaseTypeFault(_line(top, each["loc"]), _text(each)) for each in errors if each["loc"] not in within
    )
    in_order = sorted(found, key=lambda fault: fault.line)
    if len(in_order) > MOST_FAULTS:
        in_order[MOST_FAULTS - 1 :] = [
            BaseTypeFault(in_order[MOST_FAULTS - 1].line, "there is more: mend these first")
        ]
    return tuple(in_order)


def _text(error: ErrorDetails) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"])
    if error["type"] == "value_error":
        words = str(error["ctx"]["error"])
    else:
        words = _WORDS.get(error["type"]) or f"{error['msg'][:1].lower()}{error['msg'][1:]}"
    return f"{place.removeprefix('.')}: {words}" if place else words


def _line(top: yaml.Node | None, place: tuple[int | str, ...]) -> int:
    """The line of the value at `place`, or of the nearest that holds it."""
    line = 1
    for node in _down(top, place):
        line = node.start_mark.line + 1
    return line


def _down(node: yaml.Node | None, place: tuple[int | str, ...]) -> Iterator[yaml.Node]:
    for part in place:
        match node:
            case yaml.MappingNode():
                pairs = {key.value: (key, value) for key, value in node.value}
                if part not in pairs:
                    return
                key, node = pairs[part]
                yield key
            case yaml.SequenceNode() if isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                yield node
            case _:
                return
