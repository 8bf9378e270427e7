"""Attributes that a policy set declares: what an organisation knows of its users or its records, and the
service does not. One attribute per YAML file, strictly parsed.

A declared attribute may be missing, and its value may be no more than a caller's word. So it is never total,
and only policies of tiers that such a word may move can name it (`tiers.MAY_REST_ON_WHAT_IS_SAID`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from typing import Final

from policy_service.engine.abac import NO_NAMES
from policy_service.engine.catalogue import Attribute, AttributeType
from policy_service.engine.errors import PolicySetError
from policy_service.engine.evaluate import fits
from policy_service.engine.faults import Faults
from policy_service.engine.operands import check_member, check_value
from policy_service.engine.places import Place
from policy_service.engine.strict_yaml import read
from policy_service.model.attributes import Value
from policy_service.model.spelling import perhaps, spelt
from policy_service.model.vocabulary import Gate

MAX_NAME: Final = 64
MAX_DECLARED: Final = 200
"""Of one set."""
MAX_VALUES: Final = 200
MAX_TEXT: Final = 256
"""Characters of a text that a declared attribute holds."""

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_SENTENCE = re.compile(r"[^\W\d_].{0,297}\.")
_TEXTS = frozenset({AttributeType.STRING, AttributeType.STRINGS})
_WITHOUT_VALUES = tuple(each for each in AttributeType if each not in _TEXTS)
_NO_VOCABULARY = "only texts have a closed vocabulary: leave it out"


class Owner(StrEnum):
    """Whose attribute it is."""

    USER = "user"
    RECORD = "record"


_WRITE: Final = {
    "name": "lower-case words joined by `_`, as in `home_office`",
    "of": f"whose it is, one of {spelt(Owner)}",
    "type": f"one of {spelt(AttributeType)}",
    "sentence": "what it says, in one sentence",
    "example": "one value",
}
_PREFIXES: Final = {Owner.USER: "subject.attributes.", Owner.RECORD: "resource.attributes."}


def path_of(owner: Owner, name: str) -> str:
    """The catalogue path of a declared attribute."""
    return f"{_PREFIXES[owner]}{name}"


def names_of(attributes: Iterable[Attribute], owner: Owner) -> dict[str, Attribute]:
    """The declared attributes of users, or of records, by name; of a catalogue, too."""
    prefix = _PREFIXES[owner]
    return {each.path.removeprefix(prefix): each for each in attributes if each.path.startswith(prefix)}


def parse_attribute(text: str, *, name: str) -> Attribute:
    """Parse one declaration; raises PolicyDocumentError with all that is wrong. `name` is the file's."""
    source = read(text, name=name, what="an attribute", first_key="name")
    top, faults = Place(source, (), source.data), Faults()
    entries = top.keys(
        "name", "of", "type", "sentence", "example", optional=("values",), faults=faults, write=_WRITE
    )
    readers = {"name": _name, "of": _owner, "type": _type, "sentence": _sentence, "values": _values}
    if "values" in entries and entries.get("type", top).value in _WITHOUT_VALUES:
        del readers["values"]
        faults.note(entries["values"].fault(_NO_VOCABULARY))
    for key, reader in readers.items():
        if key in entries:
            with faults.noted():
                reader(entries[key])
    faults.settle()
    attribute = _declared(entries)
    return _with_example(attribute, entries["example"])


def check_set(attributes: Iterable[Attribute]) -> tuple[Attribute, ...]:
    """The declarations of one set, in the order of their paths; raises PolicySetError."""
    by_path: dict[str, Attribute] = {}
    for attribute in attributes:
        if attribute.path in by_path:
            raise PolicySetError(f"attribute `{attribute.path}` is in the set twice")
        by_path[attribute.path] = attribute
    if len(by_path) > MAX_DECLARED:
        raise PolicySetError(f"the set declares {len(by_path)} attributes, and may declare {MAX_DECLARED}")
    return tuple(by_path[path] for path in sorted(by_path))


def holds(attribute: Attribute, value: Value) -> bool:
    """Tell whether the attribute can have this value: of its type, and of its closed vocabulary."""
    return fits(attribute)(value)


def _declared(entries: dict[str, Place]) -> Attribute:
    type_, owner = _type(entries["type"]), _owner(entries["of"])
    values = _values(entries["values"]) if "values" in entries else frozenset[str]()
    return Attribute(
        path=path_of(owner, _name(entries["name"])),
        type=type_,
        total=False,
        gates=frozenset(Gate),
        sentence=_sentence(entries["sentence"]),
        example="",
        values=values,
        protected=type_ in _TEXTS and not values,
        declared=True,
    )


def _with_example(attribute: Attribute, place: Place) -> Attribute:
    """The attribute with its example, which is one of its values."""
    if attribute.type is AttributeType.STRINGS:
        faults = Faults()
        for member in place.members():
            with faults.noted():
                check_member(attribute, member)
        faults.settle()
        example = f"[{', '.join(member.text() for member in place.members())}]"
    elif attribute.type is AttributeType.STRING:
        check_member(attribute, place)
        example = place.text()
    else:
        check_value(attribute, place)
        example = json.dumps(place.value)
    if len(example) > MAX_TEXT:
        raise place.fault(f"an example has at most {MAX_TEXT} characters")
    return replace(attribute, example=example)


def _name(place: Place) -> str:
    text = place.text()
    if not _NAME.fullmatch(text) or len(text) > MAX_NAME:
        raise place.fault(
            f"a name is lower-case words joined by `_`, of at most {MAX_NAME} characters, as in `home_office`"
        )
    if text in NO_NAMES:
        raise place.fault(f"`{text}` is a word of py-abac's own in a path: say more, as in `is_{text}`")
    return text


def _sentence(place: Place) -> str:
    text = place.text()
    if not _SENTENCE.fullmatch(text) or not text[0].isupper():
        raise place.fault(
            "one sentence of at most 300 characters: it begins with a capital and ends in a full stop"
        )
    return text


def _owner(place: Place) -> Owner:
    return Owner(_word(place, Owner))


def _type(place: Place) -> AttributeType:
    return AttributeType(_word(place, AttributeType))


def _word(place: Place, words: type[StrEnum]) -> str:
    text = place.text()
    if text not in set(words):
        raise place.fault(f"no such word{perhaps(text, words)}; write one of {spelt(words)}")
    return text


def _values(place: Place) -> frozenset[str]:
    members = place.members()
    if len(members) > MAX_VALUES:
        raise place.fault(f"there are {len(members)} values, and there may be {MAX_VALUES}")
    faults, found = Faults(), set[str]()
    for member in members:
        with faults.noted():
            text = member.text()
            if not text or len(text) > MAX_TEXT:
                raise member.fault(f"a value has 1 to {MAX_TEXT} characters")
            if text in found:
                raise member.fault("this value stands there twice: keep one")
            found.add(text)
    faults.settle()
    return frozenset(found)
