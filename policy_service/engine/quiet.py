"""What a case does not say: nothing is so, but for what follows from what it says.

An attribute that is never missing is false, 0, empty, or a list without members; what may be missing is
missing. Several attributes say one thing twice, in a form that suits policies: whoever gives the first has
given the others, unless he says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from policy_service.engine.catalogue import AttributeType, Catalogue
from policy_service.model.attributes import Attributes, Value
from policy_service.model.vocabulary import Channel, Gate

NOTHING: Final[Mapping[AttributeType, Value]] = {
    AttributeType.STRING: "",
    AttributeType.STRINGS: (),
    AttributeType.BOOLEAN: False,
    AttributeType.NUMBER: 0,
}
"""The value of an attribute that is never missing and of which nothing is said."""


def attributes_of(gate: Gate, given: Mapping[str, Value], catalogue: Catalogue) -> Attributes:
    """Give the attributes of a question of `gate`: what is given, what follows from it, and nothing else."""
    values: dict[str, Value] = {
        attribute.path: NOTHING[attribute.type]
        for attribute in catalogue
        if attribute.total and gate in attribute.gates
    }
    values |= given
    # In this order: what follows may be followed.
    for path, (source, follow) in FOLLOWS.items():
        if path in values and path not in given:
            values[path] = follow(values[source])
    return Attributes(values)


def is_implied(gate: Gate, given: Mapping[str, Value]) -> bool:
    """Tell whether the question is about somebody who is implied: such are tested against denies alone."""
    return gate is Gate.DISCLOSURE and any(given.get(path) is True for path in _IMPLIED)


_IMPLIED: Final = ("resource.implied", "context.reader.implied")


def _same(value: Value) -> Value:
    return value


def _first_words(value: Value) -> Value:
    assert isinstance(value, tuple)  # noqa: S101 - the catalogue has it so
    return tuple(dict.fromkeys(category.partition(".")[0] for category in value))


def _alone(value: Value) -> Value:
    return (value,) if isinstance(value, str) and value else ()


def _spoken(value: Value) -> Value:
    return isinstance(value, str) and value != "" and Channel(value).is_spoken


def _by_phone(value: Value) -> Value:
    return isinstance(value, str) and value != "" and Channel(value).is_by_phone


FOLLOWS: Final[Mapping[str, tuple[str, Callable[[Value], Value]]]] = {
    "resource.record_types": ("resource.record_type", _alone),
    "resource.categories_not_his": ("resource.categories", _same),
    "resource.categories_not_his_on_file": ("resource.categories", _same),
    "resource.category_families": ("resource.categories", _first_words),
    "resource.families_not_his_on_file": ("resource.categories_not_his_on_file", _first_words),
    "action.channel_spoken": ("action.channel", _spoken),
    "action.channel_by_phone": ("action.channel", _by_phone),
}
"""What follows, and from what; policies/README.md tells it to those who write cases."""
