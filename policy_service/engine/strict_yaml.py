"""YAML that can be read in one way only, with the line of everything in it.

The grammar is libyaml's; values are what YAML 1.1 and YAML 1.2 agree on. Where the two read a plain scalar
differently (`no` is a boolean in one and a text in the other) it is refused, so that no second reader of a
policy understands another policy. Nor may a person: line ends that only one of the two knows, and characters
that are not seen or that turn the order of what is (Unicode Technical Standard 55), are refused.
Anchors, aliases, tags, duplicate keys and keys that are no text are refused; bytes and nesting are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import yaml
from yaml.resolver import Resolver

from policy_service.engine.errors import PolicyDocumentError
from policy_service.engine.yaml_words import fault_of

MAX_BYTES: Final = 64 * 1024
MAX_NESTING: Final = 32

Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]
Path = tuple[str | int, ...]

_LOADER = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # the same grammar, ten times faster where libyaml is linked
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,17}")
_NUMBER_OF_YAML_1_2 = re.compile(
    r"[-+]?(0o[0-7]+|0x[0-9a-fA-F]+|(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)"
)
_RESOLVER_OF_YAML_1_1 = Resolver()
_TRUTHS: Final = {
    **dict.fromkeys(("yes", "on", "true", "y"), "true"),
    **dict.fromkeys(("no", "off", "false", "n"), "false"),
}
_UNSEEN = re.compile("[\u0085\u200b\u2028-\u202e\u2060\u2066-\u2069]|(?<=.)\ufeff", re.DOTALL)
"""Next line, zero-width space, line and paragraph separators, embeddings, overrides and isolates of
direction, word joiner; and a byte order mark that is not at the beginning. What languages are written with
is not here.
"""
_TEXT_TAG = "tag:yaml.org,2002:str"


@dataclass(frozen=True, slots=True)
class Source:
    """A document's values, and where each of them stands."""

    name: str
    data: dict[str, Plain]
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """Give the line (from 1) of the value at `path`, or of the nearest that holds it."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]


def read(text: str, *, name: str, what: str = "a policy", first_key: str = "uid") -> Source:
    """Read one document whose top is a mapping; raises PolicyDocumentError.

    `what` the document is, and the key that it starts with, are for messages.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise PolicyDocumentError(name, 1, "the file is not valid Unicode") from None
    if size > MAX_BYTES:
        raise PolicyDocumentError(name, 1, f"the file has {size} bytes, and {what} may have {MAX_BYTES}")
    if unseen := _UNSEEN.search(text):
        line, character = text.count("\n", 0, unseen.start()) + 1, ord(unseen.group())
        raise PolicyDocumentError(
            name, line, f"the character U+{character:04X} is not seen, and may turn what is: take it out"
        )
    try:
        return _Reader(name, yaml.parse(text, Loader=_LOADER)).document(what, first_key)
    except yaml.MarkedYAMLError as error:
        line, words = fault_of(error, text)
        raise PolicyDocumentError(name, line, f"not readable as YAML: {words}") from None
    except yaml.YAMLError:
        raise PolicyDocumentError(
            name, 1, "not readable as YAML: a character that YAML does not allow"
        ) from None


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


class _Reader:
    """Builds values from the parser's events, so that nothing is built that would be refused afterwards."""

    def __init__(self, name: str, events: Iterator[yaml.Event]) -> None:
        self._name = name
        self._events = events
        self._lines: dict[Path, int] = {(): 1}

    def document(self, what: str, first_key: str) -> Source:
        next(self._events)  # the stream's start
        if not isinstance(next(self._events), yaml.DocumentStartEvent):
            raise PolicyDocumentError(self._name, 1, "the file is empty")
        event = next(self._events)
        data = self._value(event, (), 1)
        if not isinstance(data, dict):
            raise self._fault(event, f"{what} is a mapping that starts with `{first_key}:`")
        next(self._events)  # the document's end
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._fault(
                after, f"one file holds {what} and no more: put the second document into a file of its own"
            )
        return Source(self._name, data, self._lines)

    def _fault(self, event: yaml.Event, text: str) -> PolicyDocumentError:
        return PolicyDocumentError(self._name, _line(event), text)

    def _refuse_tricks(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.AliasEvent):
            raise self._fault(event, f"alias `*{event.anchor}`: write the value out, aliases are refused")
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            raise self._fault(
                event, f"anchor `&{event.anchor}`: leave it out, and write the value at each place"
            )
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
            raise self._fault(event, f"tag `{event.tag}`: leave it out, tags are refused")

    def _value(self, event: yaml.Event, path: Path, depth: int) -> Plain:
        self._refuse_tricks(event)
        if depth > MAX_NESTING:
            raise self._fault(event, f"nested more than {MAX_NESTING} deep")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path, depth)
        return self._mapping(path, depth)

    def _sequence(self, path: Path, depth: int) -> list[Plain]:
        values: list[Plain] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            inner = (*path, len(values))
            self._lines[inner] = _line(event)
            values.append(self._value(event, inner, depth + 1))
        return values

    def _mapping(self, path: Path, depth: int) -> dict[str, Plain]:
        values: dict[str, Plain] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            self._refuse_tricks(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise self._fault(event, "a key is a plain text")
            key = event.value
            inner = (*path, key)
            if key in values:
                raise self._fault(
                    event, f"key `{key}` stands here and in line {self._lines[inner]}: {_one_of_two(key)}"
                )
            self._lines[inner] = _line(event)
            values[key] = self._value(next(self._events), inner, depth + 1)
        return values

    def _scalar(self, event: yaml.ScalarEvent) -> Plain:
        text = event.value
        if event.style not in (None, ""):  # quoted, or a block: a text whatever it looks like
            return text
        if text in ("true", "false"):
            return text == "true"
        if text in ("", "~", "null"):
            return None
        if _INTEGER.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text):
            return float(text)
        tag = _RESOLVER_OF_YAML_1_1.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
        if tag != _TEXT_TAG or _NUMBER_OF_YAML_1_2.fullmatch(text):
            truth = _TRUTHS.get(text.lower())
            words = f'"{text}" for the text' if truth is None else f'`{truth}`, or "{text}" for the text'
            raise self._fault(event, f"`{text}` is not read alike by all readers of YAML: write {words}")
        return text


def _one_of_two(key: str) -> str:
    if key.startswith("$"):
        return "keep one of the two; for two conditions on one attribute write `AllOf`"
    return "keep one of the two"
