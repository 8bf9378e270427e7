"""Whether a condition can ever hold, as far as that shows from what it says of one attribute at a time.

A condition is taken apart into ways in which it can hold, each a list of tests that must come out true (or,
under a `Not`, false). Of each attribute some values are tried that between them stand for all: those that the
tests name, and one that none does. If none of them satisfies the tests, nothing does. Where that cannot be
known (texts that begin, end or match, comparisons with another attribute), the tests are taken to be
satisfiable: what is told is certain.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from policy_service.engine.catalogue import Attribute, AttributeType, Catalogue
from policy_service.engine.conditions import AllOf, AnyOf, Condition, Kind, Not, Test
from policy_service.engine.evaluate import Compiler
from policy_service.engine.looks import Looks
from policy_service.engine.truth import Truth
from policy_service.model.attributes import Attributes, Value

MOST_LOOKS_OF_ONE: Final = 20_000
MOST_LOOKS: Final = 1_000_000
"""Tests of values, for one condition and for all together: some seconds' worth. What would take more is taken
to be satisfiable.
"""
MOST_CHOICES: Final = 100
"""Alternatives inside one way."""

_OPEN: Final = frozenset(
    {Kind.CONTAINS, Kind.NOT_CONTAINS, Kind.STARTS_WITH, Kind.ENDS_WITH, Kind.REGEX_MATCH}
)
"""Tests of a text for which no few values stand for all."""
_ANY: Final = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Clash:
    """Conditions on one attribute that cannot all be true, and each of them needed for it."""

    path: str
    parts: tuple[Test | Not, ...]


@dataclass(frozen=True, slots=True)
class _Must:
    """A test, and whether it must be true or false."""

    test: Test
    truth: Truth


class _TooManyWays(Exception):
    pass


class Contradictions:
    """Looks for them, in one condition after another."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue: Final = catalogue
        self._compiler: Final = Compiler(catalogue, ())
        self._left = MOST_LOOKS
        self._left_of_one = 0

    def clash(self, condition: Condition) -> Clash | None:
        """Give what keeps `condition` from ever being true, or None where something may make it true."""
        self._left_of_one = min(MOST_LOOKS_OF_ONE, self._left)
        self._left -= self._left_of_one
        try:
            return self._in_each_way([(condition, Truth.TRUE)], {}, 0)
        except _TooManyWays:
            return None
        finally:
            self._left += self._left_of_one

    def _in_each_way(
        self, left: list[tuple[Condition, Truth]], found: dict[str, tuple[_Must, ...]], choices: int
    ) -> Clash | None:
        """Add what is `left` to what was `found`, in each way that there is, until one is without a clash."""
        either: list[tuple[Condition, Truth]] = []
        while left:
            condition, truth = left.pop()
            match condition:
                case Test(path=path):
                    self._spend(1)
                    found[path] = together = (*found.get(path, ()), _Must(condition, truth))
                    if not self._possible(together):
                        return Clash(path, tuple(_as_condition(each) for each in self._needed(together)))
                case Not(part):
                    left.append((part, Truth.FALSE if truth is Truth.TRUE else Truth.TRUE))
                case AllOf(parts) | AnyOf(parts):
                    if isinstance(condition, AllOf) is (truth is Truth.TRUE):
                        left += [(part, truth) for part in reversed(parts)]
                    else:
                        either.append((condition, truth))
        return self._in_some_way(either, found, choices)

    def _in_some_way(
        self, either: list[tuple[Condition, Truth]], found: dict[str, tuple[_Must, ...]], choices: int
    ) -> Clash | None:
        if not either:
            return None
        if choices == MOST_CHOICES:
            raise _TooManyWays
        (condition, truth), *others = either
        assert isinstance(condition, AllOf | AnyOf)  # noqa: S101 - nothing else leaves a choice
        clash: Clash | None = None
        for part in condition.parts:
            clash = self._in_each_way([*reversed(others), (part, truth)], dict(found), choices + 1)
            if clash is None:
                return None
        return clash

    def _needed(self, tests: tuple[_Must, ...]) -> tuple[_Must, ...]:
        """Leave out, of tests that clash, one after the other that is not needed for it."""
        for each in tests:
            fewer = tuple(other for other in tests if other is not each)
            if fewer and not self._possible(fewer):
                tests = fewer
        return tests

    def _spend(self, looks: int) -> None:
        self._left_of_one -= looks
        if self._left_of_one < 0:
            self._left_of_one = 0
            raise _TooManyWays

    def _possible(self, tests: tuple[_Must, ...]) -> bool:
        known = tuple(must for must in tests if must.test.other is None)
        if not known:
            return True
        attribute = self._catalogue[known[0].test.path]
        values = tuple(_standing_for_all(attribute, known))
        if not values:
            return True
        self._spend(len(known) * len(values))
        compiled = [(self._compiler.compile(must.test), must.truth) for must in known]
        for value in (None, *values):
            looks = Looks(Attributes({attribute.path: value}))
            if all(evaluate(looks) is truth for evaluate, truth in compiled):
                return True
        return False


def _as_condition(must: _Must) -> Test | Not:
    return must.test if must.truth is Truth.TRUE else Not(must.test)


def _standing_for_all(attribute: Attribute, tests: tuple[_Must, ...]) -> Iterator[Value]:
    """Values of the attribute of which one satisfies the tests, if any does; none where that is unknown."""
    match attribute.type:
        case AttributeType.BOOLEAN:
            yield from (True, False)
        case AttributeType.NUMBER:
            yield from _numbers(tests)
        case AttributeType.STRING:
            yield from _texts(attribute, tests)
        case AttributeType.STRINGS:
            yield from _lists(attribute, tests)


def _numbers(tests: tuple[_Must, ...]) -> Iterator[int | float]:
    named = sorted({float(each) for must in tests for each in _operands(must.test)})
    if not named:
        yield 0.0
        return
    yield from named
    for low, high in pairwise(named):
        yield (low + high) / 2
        # Where doubles lie further apart than whole numbers do, these stand between them.
        yield (int(low) + int(high)) // 2
    # One less and one more is the same double where that is large.
    yield from (int(named[0]) - 1, int(named[-1]) + 1)


def _texts(attribute: Attribute, tests: tuple[_Must, ...]) -> Iterator[str]:
    if attribute.values and not attribute.families:
        yield from attribute.values
        return
    named = {str(each) for must in tests for each in _operands(must.test)}
    required = any(
        must.truth is Truth.TRUE and must.test.kind in (Kind.EQUALS, Kind.IS_IN) and not must.test.ignore_case
        for must in tests
    )
    if not required and any(must.test.kind in _OPEN or must.test.ignore_case for must in tests):
        return
    yield from named
    yield _other(named)


def _lists(attribute: Attribute, tests: tuple[_Must, ...]) -> Iterator[tuple[str, ...]]:
    """The list without members, and the longest that is allowed, which has what any test asks for."""
    longest = {str(each) for must in tests for each in _operands(must.test)} | set(attribute.values)
    if not attribute.values or attribute.families:
        longest.add(_other(longest))
    for must in tests:
        operands = set(map(str, _operands(must.test)))
        if must.test.kind is Kind.ALL_IN and must.truth is Truth.TRUE:
            longest &= operands
        elif must.test.kind is Kind.ANY_IN and must.truth is Truth.FALSE:
            longest -= operands
    yield ()
    yield tuple(sorted(longest))


def _other(named: Collection[str]) -> str:
    """A text that none of these is."""
    return _ANY * (1 + max(map(len, named), default=0))


def _operands(test: Test) -> tuple[str | float, ...]:
    match test.operand:
        case None:
            return ()
        case tuple():
            return test.operand
        case _:
            return (test.operand,)
