"""Three-valued evaluation: a condition becomes a function from attributes to true, false or error.

An error means that an attribute is missing, or cannot have this value (`fits`). Kleene's logic carries it as
far as it matters: `AnyOf` of true and error is true, `AllOf` of false and error is false, `Not` of
error is error. What an error then means is said in `combine`. The functions hold no state: what one
evaluation has found out is in its `Looks`, so any number of threads may share them.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from policy_service.engine.catalogue import Attribute, AttributeType, Catalogue
from policy_service.engine.conditions import AllOf, AnyOf, Condition, Kind, Not, Test
from policy_service.engine.expressions import compiled
from policy_service.engine.looks import Looks
from policy_service.engine.truth import Truth

Evaluate = Callable[[Looks], Truth]

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


def fits(attribute: Attribute) -> Callable[[object], bool]:
    """Give what tells whether `attribute` can have a value: one of its type, and, where a set declares it
    with `values`, one of these. What is on file may be older than the set that is published now.
    """
    of_type, values = _TYPED[attribute.type], attribute.values
    if not (attribute.declared and values):
        return of_type
    if attribute.type is AttributeType.STRING:
        return lambda value: isinstance(value, str) and value in values
    return lambda value: of_type(value) and values.issuperset(value)  # type: ignore[arg-type]  # it is a list


class Compiler:
    """Makes the functions that evaluate the conditions of one gate. Equal conditions, in whichever policies,
    are one function, and are evaluated once for a question.

    The parts of `AllOf` and `AnyOf` are evaluated by how many conditions look at the same attribute, most
    first: the order changes no truth, and the fewer attributes an evaluation looks at the more questions are
    alike to it.
    """

    __slots__ = ("_functions", "_looked_at", "_uses", "catalogue")

    def __init__(self, catalogue: Catalogue, conditions: Iterable[Condition]) -> None:
        """`conditions` are those of all policies of the gate."""
        self.catalogue: Final = catalogue
        self._functions: Final[dict[Condition, Evaluate]] = {}
        self._uses: Final[Counter[Condition]] = Counter()
        self._looked_at: Final[Counter[str]] = Counter()
        for condition in conditions:
            distinct = set(_inside(condition))
            self._uses.update(distinct)
            self._looked_at.update({part.path for part in distinct if isinstance(part, Test)})

    def compile(self, condition: Condition) -> Evaluate:
        """Make the function for `condition`; a path that the catalogue lacks raises KeyError."""
        if (known := self._functions.get(condition)) is not None:
            return known
        function = self._compiled(condition)
        if self._uses[condition] > 1:
            function = _shared(function, len(self._functions))
        return self._functions.setdefault(condition, function)

    def _compiled(self, condition: Condition) -> Evaluate:
        match condition:
            case Test():
                return _test(condition, self.catalogue)
            case Not(part):
                return _negation(self.compile(part))
            case AllOf(parts):
                return _all_of(tuple(self.compile(part) for part in self._in_turn(parts)))
            case AnyOf(parts):
                return _any_of(tuple(self.compile(part) for part in self._in_turn(parts)))

    def _in_turn(self, parts: tuple[Condition, ...]) -> list[Condition]:
        return sorted(parts, key=self._rarity)

    def _rarity(self, part: Condition) -> int:
        return max(
            (-self._looked_at[each.path] for each in _inside(part) if isinstance(each, Test)), default=0
        )


def _inside(condition: Condition) -> Iterator[Condition]:
    """The condition and all that it is made of."""
    yield condition
    match condition:
        case Test():
            return
        case Not(part):
            yield from _inside(part)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from _inside(part)


def _shared(function: Evaluate, number: int) -> Evaluate:
    def evaluate(looks: Looks) -> Truth:
        truth = looks.truths.get(number)
        if truth is None:
            truth = looks.truths[number] = function(looks)
        return truth

    return evaluate


def _negation(part: Evaluate) -> Evaluate:
    opposite = {FALSE: TRUE, ERROR: ERROR, TRUE: FALSE}
    return lambda looks: opposite[part(looks)]


def _all_of(parts: tuple[Evaluate, ...]) -> Evaluate:
    def evaluate(looks: Looks) -> Truth:
        least = TRUE
        for part in parts:
            truth = part(looks)
            if truth is FALSE:
                return FALSE
            if truth is ERROR:
                least = ERROR
        return least

    return parts[0] if len(parts) == 1 else evaluate


def _any_of(parts: tuple[Evaluate, ...]) -> Evaluate:
    def evaluate(looks: Looks) -> Truth:
        greatest = FALSE
        for part in parts:
            truth = part(looks)
            if truth is TRUE:
                return TRUE
            if truth is ERROR:
                greatest = ERROR
        return greatest

    return parts[0] if len(parts) == 1 else evaluate


def _test(test: Test, catalogue: Catalogue) -> Evaluate:
    path, is_of_type = test.path, fits(catalogue[test.path])
    match test.kind:
        # The three that never err: they ask whether there is a value, or nothing at all.
        case Kind.ANY:
            return lambda _: TRUE
        case Kind.EXISTS:
            return lambda looks: TRUE if looks[path] is not None else FALSE
        case Kind.NOT_EXISTS:
            return lambda looks: TRUE if looks[path] is None else FALSE
        case _:
            pass
    if test.other is not None:
        other_is_of_type = fits(catalogue[test.other])
        return _comparison(path, is_of_type, test.other, other_is_of_type, _RELATIONS[test.kind])
    holds = _predicate(test)

    def evaluate(looks: Looks) -> Truth:
        value = looks[path]
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
    def evaluate(looks: Looks) -> Truth:
        value, with_value = looks[path], looks[other]
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
    search = compiled(expression).search
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
