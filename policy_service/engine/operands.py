"""Checks what stands beside `condition:`, against the type of the attribute that it is compared with.

py-abac turns `"14"` into 14.0 and compares numbers as doubles, so types are checked before it sees them.
"""

from __future__ import annotations

import math
import re
from typing import Final

import re2

from policy_service.engine.catalogue import Attribute, AttributeType
from policy_service.engine.conditions import Kind
from policy_service.engine.places import Place, perhaps, spelt

_MOST_VALUES_TOLD: Final = 12
_WHOLE_TEXT: Final = frozenset({Kind.EQUALS, Kind.NOT_EQUALS})
_LOOKS_LIKE_A_NUMBER = re.compile(r"\s*[-+]?[0-9][0-9.]*\s*")
_SET_IN_A_SET = re.compile(r"\[\^?\]?[^\]]*(\[|--|&&|\|\||~~)")

_LOOKS_ROUND = re.compile(r"\(\?<?[=!]")
_REFERS_BACK = re.compile(r"\\[1-9]|\(\?P=")

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
    """Check a regular expression: RE2 evaluates it, and py-abac (Python's `re`) must be able to read it."""
    expression = place.text()
    if not expression:
        raise place.fault("the empty expression matches every text: leave the condition out")
    options = re2.Options()
    options.log_errors = False  # RE2 would write to standard error
    try:
        re2.compile(expression, options)
    except re2.error as error:
        cause = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise place.fault(
            f"RE2 does not accept the regular expression: {cause}: {_instead(expression)}"
        ) from None
    if _SET_IN_A_SET.search(re.sub(r"\\.", "", expression)):
        raise place.fault(
            "a set inside a set is not read alike by all readers: write its members out, as in `[0-9_]`"
        )
    try:
        re.compile(expression)
    except (re.error, OverflowError, RecursionError):
        raise place.fault("RE2 accepts the regular expression, but py-abac (Python) does not") from None


def _instead(expression: str) -> str:
    """Tell what to write instead of an expression that RE2 cannot read."""
    if _LOOKS_ROUND.search(expression):
        return (
            "it looks neither ahead nor back; write two conditions in `AllOf`, `Not` before what may not be"
        )
    if _REFERS_BACK.search(expression):
        return "it refers to nothing that it found; write out what may stand there"
    return "put a backslash before a sign that stands for itself, or write `Contains`, for which all do"


def _check_number(attribute: Attribute, place: Place) -> None:
    value = place.value
    if isinstance(value, str) and _LOOKS_LIKE_A_NUMBER.fullmatch(value):
        raise place.fault(f"`{attribute.path}` is a number: write {value.strip()} without quotes")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise place.fault(f"`{attribute.path}` is a number: write a number")
    if not math.isfinite(value) or (isinstance(value, int) and int(float(value)) != value):
        raise place.fault("the number is too large to be compared exactly")
