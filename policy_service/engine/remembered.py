"""Answers remembered by what led to them: a tree of looks, each at one attribute.

An evaluation is a pure function of the plan and of the attributes that it looks at, and which it looks at
next depends on nothing but what it has seen. So the looks of all evaluations make a tree: at each node the
next attribute, behind each of its values the next node, and an answer at the end. To answer a question from
it, one follows the values; no more is looked at than an evaluation would, and questions that look alike to
the policies share one answer, whatever else is different about them. It lives as long as its plan and needs
no invalidation.

What is not of its type is never remembered, so that no two values that Python calls equal (`True`, `1`) can
stand for one another. Threads may share it: one adds at a time, and who reads meanwhile finds what was there
or evaluates.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar, cast

from policy_service.engine.looks import Looks
from policy_service.model.attributes import Attributes

MAX_NODES: Final = 10_000
"""Of one tree, some 3 MB; when there are more, all are forgotten."""
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

    def add(self, value: Any, behind: Any) -> Any:
        """Put `behind` where `value` leads, unless there is something; give what is there."""
        if value is True:
            if self.true is _UNKNOWN:
                self.true = behind
            return self.true
        if value is False:
            if self.false is _UNKNOWN:
                self.false = behind
            return self.false
        return self.others.setdefault(value, behind)


class _Answered(Generic[Answer]):
    __slots__ = ("answer",)

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


class Remembered(Generic[Answer]):
    """Answers of one function of attributes, `evaluate`, remembered."""

    __slots__ = ("_adding", "_evaluate", "_is_typed", "_nodes", "_root", "evaluations", "hits")

    def __init__(self, evaluate: Callable[[Looks], Answer], is_typed: Callable[[str, Any], bool]) -> None:
        self._evaluate: Final = evaluate
        self._is_typed: Final = is_typed
        self._root: Any = _UNKNOWN
        self._nodes = 0
        self._adding: Final = threading.Lock()
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
        if node.__class__ is _Answered:
            self.hits += 1
            return cast(Answer, node.answer)
        return self._learn(attributes)

    def _learn(self, attributes: Attributes) -> Answer:
        looks = Looks(attributes)
        answer = self._evaluate(looks)
        with self._adding:
            self.evaluations += 1
            if all(self._may_keep(path, value) for path, value in looks.items()):
                self._add(looks, answer)
        return answer

    def _may_keep(self, path: str, value: Any) -> bool:
        if value is None:
            return True
        if not self._is_typed(path, value):
            return False
        return not isinstance(value, str | tuple) or (
            len(value) <= MAX_VALUE and sum(len(part) for part in value) <= MAX_VALUE
        )

    def _add(self, looks: Looks, answer: Answer) -> None:
        if self._nodes + len(looks) > MAX_NODES:
            self._root, self._nodes = _UNKNOWN, 0
        behind: Any = _Answered(answer)
        # From the answer to the root, so that no reader ever meets half a path.
        steps = list(looks.items())
        node, known = self._root, 0
        at: _Look | None = None
        while node.__class__ is _Look and known < len(steps) and node.path == steps[known][0]:
            at, value = node, steps[known][1]
            known += 1
            node = _behind(node, value)
        if node is not _UNKNOWN:
            return
        for path, value in reversed(steps[known:]):
            look = _Look(path)
            look.add(value, behind)
            behind = look
        self._nodes += len(steps) - known + 1
        if at is None:
            self._root = behind
        else:
            at.add(steps[known - 1][1], behind)


def _behind(look: _Look, value: Any) -> Any:
    if value is True:
        return look.true
    if value is False:
        return look.false
    return look.others.get(value, _UNKNOWN)
