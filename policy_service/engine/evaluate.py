"""Three-valued evaluation: a condition becomes a function from attributes to true, false or error.

An error means that an attribute is missing, or is not of its type. Kleene's logic carries it as far as it
matters: `AnyOf` of true and error is true, `AllOf` of false and error is false, `Not` of error is error. What
an error then means is said in `combine`. The functions hold no state, so any number of threads may share
them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, Final

import re2

from policy_service.engine.catalogue import AttributeType, Catalogue
from policy_service.engine.conditions import AllOf, AnyOf, Condition, Kind, Not, Test

Value = str | bool | int | float | tuple[str, ...]
"""A value of an attribute; a missing attribute is an absent key."""

Attributes = Mapping[str, Value]


class Truth(IntEnum):
    """Kleene's three values, in their order: `AllOf` is the least of its parts, `AnyOf` the greatest."""

    FALSE = 0
    ERROR = 1
    TRUE = 2


Evaluate = Callable[[Attributes], Truth]

FALSE, ERROR, TRUE = Truth.FALSE, Truth.ERROR, Truth.TRUE


def is_typed(value: object, type_: AttributeType) -> bool:
    """Tell whether `value` is of `type_`. A boolean is no number here, and neither are NaN and infinity."""
    return _TYPED[type_](value)


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return value - value == 0
    return isinstance(value, int) and not isinstance(value, bool)


_TYPED: Final[Mapping[AttributeType, Callable[[object], bool]]] = {
    AttributeType.STRING: lambda value: isinstance(value, str),
    AttributeType.STRINGS: lambda value: (
        isinstance(value, tuple) and all(isinstance(member, str) for member in value)
    ),
    AttributeType.BOOLEAN: lambda value: isinstance(value, bool),
    AttributeType.NUMBER: _is_number,
}


class Compiler:
    """Makes the functions that evaluate conditions. Equal tests, in whichever condition, are one function."""

    __slots__ = ("_tests", "catalogue")

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue: Final = catalogue
        self._tests: Final[dict[Test, Evaluate]] = {}

    def compile(self, condition: Condition) -> Evaluate:
        """Make the function for `condition`; a path that the catalogue lacks raises KeyError."""
        match condition:
            case Test():
                if (known := self._tests.get(condition)) is not None:
                    return known
                return self._tests.setdefault(condition, _test(condition, self.catalogue))
            case Not(part):
                return _negation(self.compile(part))
            case AllOf(parts):
                return _all_of(tuple(self.compile(part) for part in parts))
            case AnyOf(parts):
                return _any_of(tuple(self.compile(part) for part in parts))


def _negation(part: Evaluate) -> Evaluate:
    opposite = {FALSE: TRUE, ERROR: ERROR, TRUE: FALSE}
    return lambda attributes: opposite[part(attributes)]


def _all_of(parts: tuple[Evaluate, ...]) -> Evaluate:
    def evaluate(attributes: Attributes) -> Truth:
        least = TRUE
        for part in parts:
            truth = part(attributes)
            if truth is FALSE:
                return FALSE
            if truth is ERROR:
                least = ERROR
        return least

    return parts[0] if len(parts) == 1 else evaluate


def _any_of(parts: tuple[Evaluate, ...]) -> Evaluate:
    def evaluate(attributes: Attributes) -> Truth:
        greatest = FALSE
        for part in parts:
            truth = part(attributes)
            if truth is TRUE:
                return TRUE
            if truth is ERROR:
                greatest = ERROR
        return greatest

    return parts[0] if len(parts) == 1 else evaluate


def _test(test: Test, catalogue: Catalogue) -> Evaluate:
    path, is_of_type = test.path, _TYPED[catalogue[test.path].type]
    match test.kind:
        # The three that never err: they ask whether there is a value, or nothing at all.
        case Kind.ANY:
            return lambda _: TRUE
        case Kind.EXISTS:
            return lambda attributes: TRUE if attributes.get(path) is not None else FALSE
        case Kind.NOT_EXISTS:
            return lambda attributes: TRUE if attributes.get(path) is None else FALSE
        case _:
            pass
    if test.other is not None:
        other_is_of_type = _TYPED[catalogue[test.other].type]
        return _comparison(path, is_of_type, test.other, other_is_of_type, _RELATIONS[test.kind])
    holds = _predicate(test)

    def evaluate(attributes: Attributes) -> Truth:
        value = attributes.get(path)
        if not is_of_type(value):
            return ERROR
        try:
            return TRUE if holds(value) else FALSE
        except UnicodeEncodeError:  # half a surrogate pair, which RE2 cannot be given: not a text
            return ERROR

    return evaluate


def _comparison(
    path: str,
    is_of_type: Callable[[object], bool],
    other: str,
    other_is_of_type: Callable[[object], bool],
    relation: Callable[[Any, Any], bool],
) -> Evaluate:
    def evaluate(attributes: Attributes) -> Truth:
        value, with_value = attributes.get(path), attributes.get(other)
        if not is_of_type(value) or not other_is_of_type(with_value):
            return ERROR
        return TRUE if relation(value, with_value) else FALSE

    return evaluate


_RELATIONS: Final[Mapping[Kind, Callable[[Any, Any], bool]]] = {
    Kind.EQUALS_ATTRIBUTE: operator.eq,
    Kind.NOT_EQUALS_ATTRIBUTE: operator.ne,
    Kind.IS_IN_ATTRIBUTE: lambda value, others: value in others,
    Kind.IS_NOT_IN_ATTRIBUTE: lambda value, others: value not in others,
    Kind.ALL_IN_ATTRIBUTE: lambda values, others: set(values).issubset(others),
    Kind.ANY_IN_ATTRIBUTE: lambda values, others: not set(values).isdisjoint(others),
}


def _predicate(test: Test) -> Callable[[Any], bool]:
    """Give the question that `test` asks of a value that is of its type."""
    operand: Any = test.operand
    if test.ignore_case:
        lowered = _TEXTS[test.kind](operand.lower())
        return lambda value: lowered(value.lower())
    if test.kind in _TEXTS:
        return _TEXTS[test.kind](operand)
    return _OTHERS[test.kind](operand)


_TEXTS: Final[Mapping[Kind, Callable[[str], Callable[[str], bool]]]] = {
    Kind.EQUALS: lambda operand: lambda value: value == operand,
    Kind.NOT_EQUALS: lambda operand: lambda value: value != operand,
    Kind.CONTAINS: lambda operand: lambda value: operand in value,
    Kind.NOT_CONTAINS: lambda operand: lambda value: operand not in value,
    Kind.STARTS_WITH: lambda operand: lambda value: value.startswith(operand),
    Kind.ENDS_WITH: lambda operand: lambda value: value.endswith(operand),
}


def _searches(expression: str) -> Callable[[str], bool]:
    options = re2.Options()
    options.log_errors = False  # RE2 would write to standard error
    search = re2.compile(expression, options).search
    return lambda value: search(value) is not None


def _among(operand: tuple[Any, ...]) -> Callable[[Any], bool]:
    members = frozenset(operand)
    return lambda value: value in members


def _outside(operand: tuple[Any, ...]) -> Callable[[Any], bool]:
    members = frozenset(operand)
    return lambda value: value not in members


def _all_among(operand: tuple[str, ...]) -> Callable[[tuple[str, ...]], bool]:
    members = frozenset(operand)
    return members.issuperset


def _some_among(operand: tuple[str, ...]) -> Callable[[tuple[str, ...]], bool]:
    members = frozenset(operand)
    return lambda values: not members.isdisjoint(values)


_OTHERS: Final[Mapping[Kind, Callable[[Any], Callable[[Any], bool]]]] = {
    Kind.EQ: lambda operand: lambda value: bool(value == operand),
    Kind.NEQ: lambda operand: lambda value: bool(value != operand),
    Kind.GT: lambda operand: lambda value: bool(value > operand),
    Kind.GTE: lambda operand: lambda value: bool(value >= operand),
    Kind.LT: lambda operand: lambda value: bool(value < operand),
    Kind.LTE: lambda operand: lambda value: bool(value <= operand),
    Kind.REGEX_MATCH: _searches,
    Kind.IS_IN: _among,
    Kind.IS_NOT_IN: _outside,
    Kind.ALL_IN: _all_among,
    Kind.ANY_IN: _some_among,
    Kind.IS_EMPTY: lambda _: lambda values: not values,
    Kind.IS_NOT_EMPTY: lambda _: bool,
}
