"""Checks what stands beside `condition:`, against the type of the attribute that it is compared with.

py-abac turns `"14"` into 14.0 and compares numbers as doubles, so types are checked before it sees them.
"""

from __future__ import annotations

import math
import re
from typing import Final

from policy_service.engine.catalogue import Attribute, AttributeType
from policy_service.engine.conditions import Kind
from policy_service.engine.expressions import fault_in
from policy_service.engine.places import Place
from policy_service.model.spelling import perhaps, spelt

_MOST_VALUES_TOLD: Final = 12
_WHOLE_TEXT: Final = frozenset({Kind.EQUALS, Kind.NOT_EQUALS})
_LOOKS_LIKE_A_NUMBER = re.compile(r"\s*[-+]?[0-9][0-9.]*\s*")

TYPE_WORDS: Final = {
    AttributeType.STRING: "a text",
    AttributeType.STRINGS: "a list of texts",
    AttributeType.BOOLEAN: "true or false",
    AttributeType.NUMBER: "a number",
}


def check_value(attribute: Attribute, place: Place) -> None:
    """Check one value: of the attribute's type, or, where that is a list, of its members' type."""
    match attribute.type:
        case AttributeType.BOOLEAN:
            if not isinstance(place.value, bool):
                raise place.fault(f"`{attribute.path}` is true or false: write `true` or `false`")
        case AttributeType.NUMBER:
            _check_number(attribute, place)
        case AttributeType.STRING | AttributeType.STRINGS:
            if not isinstance(place.value, str):
                raise place.fault(f"`{attribute.path}` holds texts: write a text, perhaps in quotes")


def check_member(attribute: Attribute, place: Place) -> None:
    """Check one value that the attribute is to be, or to contain: it must be one that it can hold."""
    check_value(attribute, place)
    if isinstance(place.value, str) and not attribute.can_hold(place.value):
        near = perhaps(place.value, sorted(attribute.values), otherwise=_what_it_holds(attribute))
        raise place.fault(f"`{attribute.path}` is never `{place.value}`{near}")


def _what_it_holds(attribute: Attribute) -> str:
    if len(attribute.values) > _MOST_VALUES_TOLD:
        return f"; `policy-service policies attributes {attribute.path}` lists what it can hold"
    return f"; write one of {spelt(sorted(attribute.values))}"


def check_text(attribute: Attribute, kind: Kind, value: Place, case_insensitive: Place | None) -> None:
    """Check the text of a comparison of texts."""
    if case_insensitive is not None and not isinstance(case_insensitive.value, bool):
        raise case_insensitive.fault("write `true` or `false`")
    if kind in _WHOLE_TEXT and not (case_insensitive and case_insensitive.value):
        check_member(attribute, value)
        return
    check_value(attribute, value)
    if kind not in _WHOLE_TEXT and not value.value:
        raise value.fault("the empty text is in every text: leave the condition out")


def check_expression(place: Place) -> None:
    """Check a regular expression."""
    fault = fault_in(place.text())
    if fault is not None:
        raise place.fault(fault)


def _check_number(attribute: Attribute, place: Place) -> None:
    value = place.value
    if isinstance(value, str) and _LOOKS_LIKE_A_NUMBER.fullmatch(value):
        raise place.fault(f"`{attribute.path}` is a number: write {value.strip()} without quotes")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise place.fault(f"`{attribute.path}` is a number: write a number")
    if not math.isfinite(value) or (isinstance(value, int) and int(float(value)) != value):
        raise place.fault("the number is too large to be compared exactly")
