"""Which policies of one tier a question can concern: an index from the values that they require.

A policy that can hold only where an attribute has one of some values is found by these. It is passed over
only where the attribute is there, of its type, and has none of them, so that its condition is certainly
false: what is missing or ill-typed makes all of them candidates, since an error in a deny denies.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from policy_service.engine.catalogue import AttributeType, Catalogue
from policy_service.engine.conditions import AllOf, AnyOf, Condition, Kind, Not, Test
from policy_service.engine.evaluate import is_typed
from policy_service.engine.looks import Looks

WORTH: Final = 3.0
"""So many policies an attribute must save for the index to look at it, should all its values be as likely."""

Policy = TypeVar("Policy")


@dataclass(frozen=True, slots=True)
class _ByValue(Generic[Policy]):
    """The policies that require one of some values of the attribute at `path`; `every`: all of these."""

    path: str
    type: AttributeType
    values: Mapping[Any, tuple[Policy, ...]]
    every: tuple[Policy, ...]

    def of(self, looks: Looks) -> tuple[Policy, ...]:
        value = looks[self.path]
        if not is_typed(value, self.type):
            return self.every
        if self.type is not AttributeType.STRINGS:
            return self.values.get(value, ())
        found = [self.values[each] for each in value if each in self.values]
        if len(found) == 1:
            return found[0]
        return tuple({id(policy): policy for policies in found for policy in policies}.values())


class Candidates(Generic[Policy]):
    """The policies of one tier, indexed."""

    __slots__ = ("_by_value", "_others")

    def __init__(self, policies: Sequence[tuple[Policy, Condition]], catalogue: Catalogue) -> None:
        left = {number: _required(condition, catalogue) for number, (_, condition) in enumerate(policies)}
        by_value: list[_ByValue[Policy]] = []
        while left:
            path = _best(left)
            if path is None:
                break
            values: defaultdict[Any, list[Policy]] = defaultdict(list)
            indexed = [number for number, required in left.items() if path in required]
            for number in indexed:
                for value in left.pop(number)[path]:
                    values[value].append(policies[number][0])
            by_value.append(
                _ByValue(
                    path,
                    catalogue[path].type,
                    {value: tuple(found) for value, found in values.items()},
                    tuple(policies[number][0] for number in indexed),
                )
            )
        self._by_value: Final = tuple(by_value)
        self._others: Final = tuple(policies[number][0] for number in left)

    def of(self, looks: Looks) -> Iterator[Policy]:
        """Those whose condition is not certainly false, each once."""
        yield from self._others
        for index in self._by_value:
            yield from index.of(looks)


Required = Mapping[str, frozenset[Any]]


def _best(left: Mapping[int, Required]) -> str | None:
    """The attribute by which most of these policies are passed over; None where hardly any are."""
    policies: Counter[str] = Counter()
    places: Counter[str] = Counter()
    values: defaultdict[str, set[Any]] = defaultdict(set)
    for required in left.values():
        for path, of_path in required.items():
            policies[path] += 1
            places[path] += len(of_path)
            values[path] |= of_path
    saved = {path: policies[path] - places[path] / (len(values[path]) + 1) for path in policies}
    best = max(sorted(saved), key=saved.__getitem__, default=None)
    return best if best is not None and saved[best] >= WORTH else None


def _required(condition: Condition, catalogue: Catalogue) -> dict[str, frozenset[Any]]:
    """For attributes without one of whose values the condition is false: these values."""
    match condition:
        case Test():
            values = _values(condition, catalogue)
            return {} if values is None else {condition.path: values}
        case AllOf(parts):
            found: dict[str, frozenset[Any]] = {}
            for part in parts:
                for path, values in _required(part, catalogue).items():
                    # Either set alone is required; the smaller finds fewer.
                    if path not in found or len(values) < len(found[path]):
                        found[path] = values
            return found
        case AnyOf(parts):
            each = [_required(part, catalogue) for part in parts]
            shared = set(each[0]).intersection(*each[1:]) if each else set()
            return {path: frozenset().union(*(one[path] for one in each)) for path in shared}
        case Not():
            return {}


def _values(test: Test, catalogue: Catalogue) -> frozenset[Any] | None:
    type_ = catalogue[test.path].type
    match test.kind, test.operand:
        case Kind.EQUALS, str(text) if not test.ignore_case:
            return frozenset({text})
        case Kind.IS_IN, tuple(texts) if type_ is AttributeType.STRING:
            return frozenset(texts)
        case Kind.ANY_IN, tuple(texts):
            return frozenset(texts)
        case Kind.EQ, operand if type_ is AttributeType.BOOLEAN:
            return frozenset({bool(operand)})
        case _:
            return None
