"""Which policies of one tier a question can concern: an index from the values that they require.

A policy that can hold only where an attribute has one of some values is found by these. It is passed over
only where the attribute is there, of its type, and has none of them, so that its condition is certainly
false: what is missing or ill-typed makes all of them candidates, since an error in a deny denies.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Self, TypeVar

from policy_service.engine.catalogue import AttributeType, Catalogue
from policy_service.engine.conditions import AllOf, AnyOf, Condition, Kind, Not, Test
from policy_service.engine.evaluate import fits
from policy_service.engine.looks import Looks

WORTH: Final = 3.0
"""So many policies an attribute must save for the index to look at it, should all its values be as likely."""
MOST_COPIES: Final = 20.0
"""How often a policy may stand in the index, in the mean. One that requires one of many values of several
attributes would stand below each combination of them: an attribute that asks for more is not indexed by.
"""

Policy = TypeVar("Policy")


class Candidates(Generic[Policy]):
    """The policies of one tier, indexed; what one attribute leaves is indexed by another."""

    __slots__ = ("_by_value", "_others")

    def __init__(self, policies: Iterable[tuple[Policy, Condition]], catalogue: Catalogue) -> None:
        known = tuple(_Known(policy, _required(condition, catalogue)) for policy, condition in policies)
        self._by_value, self._others = _indexed(known, catalogue, MOST_COPIES)

    def of(self, looks: Looks) -> Iterable[Policy]:
        """Those whose condition is not certainly false, each once."""
        found: dict[int, Policy] = {}
        self._add(looks, found)
        return found.values()

    def _add(self, looks: Looks, found: dict[int, Policy]) -> None:
        found.update(self._others)
        for index in self._by_value:
            index.add(looks, found)

    @classmethod
    def _of(cls, known: tuple[_Known[Policy], ...], catalogue: Catalogue, copies: float) -> Self:
        made = cls.__new__(cls)
        made._by_value, made._others = _indexed(known, catalogue, copies)
        return made


@dataclass(frozen=True, slots=True)
class _Required:
    """Without one of `values` the condition is false; a list must have one, or, with `all_in`, be empty."""

    values: frozenset[Any]
    all_in: bool = False


@dataclass(frozen=True, slots=True)
class _Known(Generic[Policy]):
    """A policy, and what it requires, by path."""

    policy: Policy
    required: Mapping[str, _Required]


class _ByValue(Generic[Policy]):
    """The policies that require some value of the attribute at one path, each in `copies` places at most, in
    the mean.
    """

    __slots__ = ("_empty", "_every", "_fits", "_path", "_type", "_values")

    def __init__(
        self, path: str, known: tuple[_Known[Policy], ...], catalogue: Catalogue, copies: float
    ) -> None:
        self._path: Final = path
        self._type: Final = catalogue[path].type
        self._fits: Final = fits(catalogue[path])
        by_value: defaultdict[Any, list[_Known[Policy]]] = defaultdict(list)
        for each in known:
            for value in each.required[path].values:
                by_value[value].append(_Known(each.policy, _without(each.required, path)))
        left = copies * len(known) / sum(map(len, by_value.values()))
        self._values: Final[dict[Any, Candidates[Policy]]] = {
            value: Candidates._of(tuple(found), catalogue, left) for value, found in by_value.items()
        }
        self._every: Final = _by_id(known)
        self._empty: Final = _by_id(each for each in known if each.required[path].all_in)

    def add(self, looks: Looks, found: dict[int, Policy]) -> None:
        value = looks[self._path]
        if not self._fits(value):
            found.update(self._every)
        elif self._type is not AttributeType.STRINGS:
            if (of_value := self._values.get(value)) is not None:
                of_value._add(looks, found)
        elif not value:
            found.update(self._empty)
        else:
            for member in value:
                if (of_member := self._values.get(member)) is not None:
                    of_member._add(looks, found)


def _indexed(
    known: tuple[_Known[Policy], ...], catalogue: Catalogue, copies: float
) -> tuple[tuple[_ByValue[Policy], ...], dict[int, Policy]]:
    """Indexes by the attributes that save most, and the policies that none of them would save."""
    left, by_value = known, []
    while (path := _best(left, copies)) is not None:
        requiring = tuple(each for each in left if path in each.required)
        by_value.append(_ByValue(path, requiring, catalogue, copies))
        left = tuple(each for each in left if path not in each.required)
    return tuple(by_value), _by_id(left)


def _by_id(known: Iterable[_Known[Policy]]) -> dict[int, Policy]:
    return {id(each.policy): each.policy for each in known}


def _without(required: Mapping[str, _Required], path: str) -> dict[str, _Required]:
    return {other: of_other for other, of_other in required.items() if other != path}


def _best(left: Collection[_Known[Any]], copies: float) -> str | None:
    """The attribute by which most of these policies are passed over; None where hardly any are. One that
    would put them in more than `copies` places, in the mean, is none.
    """
    policies: Counter[str] = Counter()
    places: Counter[str] = Counter()
    for each in left:
        for path, required in each.required.items():
            policies[path] += 1
            places[path] += len(required.values)
    saved: dict[str, float] = {}
    for path, requiring in policies.items():
        if requiring >= WORTH and places[path] <= copies * requiring:
            values = {value for each in left if path in each.required for value in each.required[path].values}
            saved[path] = requiring - places[path] / (len(values) + 1)
    best = max(sorted(saved), key=saved.__getitem__, default=None)
    return best if best is not None and saved[best] >= WORTH else None


def _required(condition: Condition, catalogue: Catalogue) -> dict[str, _Required]:
    """For attributes without one of whose values the condition is false: these values."""
    match condition:
        case Test():
            required = _of_test(condition, catalogue)
            return {} if required is None else {condition.path: required}
        case AllOf(parts):
            found: dict[str, _Required] = {}
            for part in parts:
                for path, required in _required(part, catalogue).items():
                    # Either alone is required; the smaller finds fewer.
                    if path not in found or len(required.values) < len(found[path].values):
                        found[path] = required
            return found
        case AnyOf(parts):
            each = [_required(part, catalogue) for part in parts]
            shared = set(each[0]).intersection(*each[1:]) if each else set()
            return {
                path: _Required(
                    frozenset().union(*(one[path].values for one in each)),
                    all_in=any(one[path].all_in for one in each),
                )
                for path in shared
            }
        case Not():
            return {}


def _of_test(test: Test, catalogue: Catalogue) -> _Required | None:
    type_ = catalogue[test.path].type
    match test.kind, test.operand:
        case Kind.EQUALS, str(text) if not test.ignore_case:
            return _Required(frozenset({text}))
        case Kind.IS_IN, tuple(texts) if type_ is AttributeType.STRING:
            return _Required(frozenset(texts))
        case Kind.ANY_IN, tuple(texts):
            return _Required(frozenset(texts))
        case Kind.ALL_IN, tuple(texts):
            return _Required(frozenset(texts), all_in=True)
        case Kind.EQ, operand if type_ is AttributeType.BOOLEAN:
            return _Required(frozenset({bool(operand)}))
        case _:
            return None
