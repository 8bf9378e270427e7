"""Answers remembered by what led to them: a tree of looks, each at one attribute.

An evaluation is a pure function of the plan and of the attributes that it looks at, and which it looks at
next depends on nothing but what it has seen. So the looks of all evaluations make a tree: at each node the
next attribute, behind each of its values the next node, and an answer at the end. To answer a question from
it, one follows the values; no more is looked at than an evaluation would, and questions that look alike to
the policies share one answer, whatever else is different about them. It lives as long as its plan and needs
no invalidation.

No two values that Python calls equal stand for one another where they mean two things (`True`, `1`), and
what is none of the plain values that attributes have is never remembered. Threads may share it: one adds at a
time, and who reads meanwhile finds what was there or evaluates.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Generic, TypeVar, cast

from policy_service.engine.looks import Looks
from policy_service.model.attributes import Attributes

MAX_NODES: Final = 100_000
"""Of all trees of a plan, some 30 MB; a long value takes the room of several. A tree that finds no room
forgets all that it has.
"""
_CHARACTERS_OF_A_NODE: Final = 64
_CHARACTERS_OF_A_MEMBER: Final = 16
"""As many as a text of a list takes up besides its own."""
MAX_VALUE: Final = 1_024
"""Characters, or texts of a list, above which a value is not remembered."""

Answer = TypeVar("Answer")


class _Unknown:
    """Nothing was remembered here yet."""


_UNKNOWN: Final = _Unknown()


class _Look:
    """One look. True and false have places of their own: a number equal to them finds neither."""

    __slots__ = ("false", "others", "path", "true")

    def __init__(self, path: str) -> None:
        self.path = path
        self.true: Any = _UNKNOWN
        self.false: Any = _UNKNOWN
        self.others: dict[Any, Any] = {}

    def behind(self, value: Any) -> Any:
        """What `value` leads to."""
        if value is True:
            return self.true
        if value is False:
            return self.false
        return self.others.get(value, _UNKNOWN)

    def put(self, value: Any, behind: Any) -> None:
        """Let `value` lead to `behind`."""
        if value is True:
            self.true = behind
        elif value is False:
            self.false = behind
        else:
            self.others[value] = behind


class _Rest(Generic[Answer]):
    """The looks that are left and the answer at their end, as long as no other question comes by here."""

    __slots__ = ("answer", "paths", "values")

    def __init__(self, steps: Sequence[tuple[str, Any]], answer: Answer) -> None:
        self.paths: Final = tuple(path for path, _ in steps)
        self.values: Final = tuple(value for _, value in steps)
        self.answer: Final = answer

    def fits(self, attributes: Attributes) -> bool:
        """Tell whether a question has these values, looking no further than the first that it has not."""
        for path, value in zip(self.paths, self.values, strict=True):
            seen = attributes[path]  # `_is_same`, written out: this is the service's innermost loop
            if seen is not value and (seen.__class__ is not value.__class__ or seen != value):
                return False
        return True


def _may_keep(value: Any) -> bool:
    """Tell whether a value is small, and stands for the same whenever another is equal to it: true and false
    are told from numbers (`_Look`), and numbers that are equal answer alike. NaN is equal to nothing.
    """
    if value is None or value is True or value is False:
        return True
    if isinstance(value, str):
        return len(value) <= MAX_VALUE
    if isinstance(value, tuple):
        small = len(value) <= MAX_VALUE and all(isinstance(part, str) for part in value)
        return small and sum(map(len, value)) <= MAX_VALUE
    return isinstance(value, int | float) and value == value


def _is_same(one: Any, other: Any) -> bool:
    return one is other or (one.__class__ is other.__class__ and one == other)


def _weight(steps: Iterable[tuple[str, Any]]) -> int:
    """How many nodes would take the room of these values."""
    return sum(_characters(value) for _, value in steps) // _CHARACTERS_OF_A_NODE


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, tuple):
        return sum(map(len, value)) + _CHARACTERS_OF_A_MEMBER * len(value)
    return 0


class Room:
    """How many nodes the trees of one plan may still add, and the lock under which one at a time adds."""

    __slots__ = ("adding", "left")

    def __init__(self, nodes: int = MAX_NODES) -> None:
        self.left = nodes
        self.adding: Final = threading.Lock()


class Remembered(Generic[Answer]):
    """Answers of one function of attributes, `evaluate`, remembered."""

    __slots__ = ("_evaluate", "_nodes", "_room", "_root", "evaluations", "hits")

    def __init__(self, evaluate: Callable[[Looks], Answer], room: Room) -> None:
        self._evaluate: Final = evaluate
        self._room: Final = room
        self._root: Any = _UNKNOWN
        self._nodes = 0
        self.evaluations = 0
        """How often it had to evaluate."""
        self.hits = 0
        """How often it had not; of several threads that answer at once some may not be counted."""

    def __call__(self, attributes: Attributes) -> Answer:
        """Give the answer for `attributes`; raises what making an attribute raises."""
        node = self._root
        try:
            while node.__class__ is _Look:
                value = attributes[node.path]
                if value is True:
                    node = node.true
                elif value is False:
                    node = node.false
                else:
                    node = node.others[value]
        except (KeyError, TypeError):  # a value that is new here, or that cannot be looked up
            node = _UNKNOWN
        if node.__class__ is _Rest and node.fits(attributes):
            self.hits += 1
            return cast(Answer, node.answer)
        return self._learn(attributes)

    def _learn(self, attributes: Attributes) -> Answer:
        looks = Looks(attributes)
        answer = self._evaluate(looks)
        with self._room.adding:
            self.evaluations += 1
            if all(map(_may_keep, looks.values())):
                self._add(looks, answer)
        return answer

    def _add(self, looks: Looks, answer: Answer) -> None:
        steps = list(looks.items())
        most = len(steps) + _weight(steps)
        if most >= self._room.left:
            self._room.left += self._nodes
            self._root, self._nodes = _UNKNOWN, 0
            if most >= self._room.left:
                return
        at, node, known = self._end_of(steps)
        if node is _UNKNOWN:
            # With the value that leads here.
            added = 1 + _weight(steps[max(0, known - 1) :])
            self._put(at, steps[:known], _Rest(steps[known:], answer), added=added)
        elif node.__class__ is _Rest:
            self._branch(at, steps, known, node, answer)

    def _end_of(self, steps: Sequence[tuple[str, Any]]) -> tuple[_Look | None, Any, int]:
        """The last look that is known for these steps, what stands behind it, and how many steps that is."""
        at, node, known = None, self._root, 0
        while node.__class__ is _Look and known < len(steps) and node.path == steps[known][0]:
            at, value = node, steps[known][1]
            known += 1
            node = at.behind(value)
        return at, node, known

    def _branch(
        self,
        at: _Look | None,
        steps: Sequence[tuple[str, Any]],
        known: int,
        other: _Rest[Answer],
        answer: Answer,
    ) -> None:
        """Put looks in the place of `other`, up to the first at which the two differ."""
        left = steps[known:]
        shared = 0
        while (
            shared < len(left)
            and shared < len(other.paths)
            and _is_same(left[shared][1], other.values[shared])
        ):
            shared += 1
        if shared in (len(left), len(other.paths)) or left[shared][1] == other.values[shared]:
            return  # it is there, or differs by nothing that tells
        path, value = left[shared]
        others = list(zip(other.paths, other.values, strict=True))
        branch = _Look(path)
        branch.put(other.values[shared], _Rest(others[shared + 1 :], other.answer))
        branch.put(value, _Rest(left[shared + 1 :], answer))
        # From the branch upwards, so that no reader ever meets half a path.
        top = branch
        for path, value in reversed(left[:shared]):
            look = _Look(path)
            look.put(value, top)
            top = look
        self._put(at, steps[:known], top, added=shared + 2 + _weight(left[shared:]))

    def _put(self, at: _Look | None, steps: Sequence[tuple[str, Any]], behind: Any, *, added: int) -> None:
        if at is None:
            self._root = behind
        else:
            at.put(steps[-1][1], behind)
        self._nodes += added
        self._room.left -= added
