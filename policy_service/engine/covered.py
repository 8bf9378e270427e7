"""What no case has decided: a policy that never did, a condition that never made the difference.

A case decides a policy where the policy decides it (an obligation, where it is owed). It decides a condition
where both the policy and the case would come out otherwise if this condition alone did; two cases are needed,
one in which it holds and one in which it does not. So whoever leaves the condition out, or turns it round,
meets one of them.
(This is the criterion that avionics knows as modified condition/decision coverage.)

A condition is as much of a policy as looks at one attribute, as explanations tell it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from policy_service.engine.catalogue import Catalogue
from policy_service.engine.conditions import AllOf, AnyOf, Condition, Kind, Test
from policy_service.engine.documents import PolicyDocument
from policy_service.engine.evaluate import Compiler
from policy_service.engine.explain import has_alternatives, parts_of
from policy_service.engine.truth import Truth


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A policy that no case has decided, or (`path`) one of its conditions; `text` says what is missing."""

    uid: str
    path: str
    condition: str
    text: str


@dataclass(frozen=True, slots=True)
class _All:
    parts: tuple[_Shape, ...]


@dataclass(frozen=True, slots=True)
class _Any:
    parts: tuple[_Shape, ...]


_Shape = int | _All | _Any
"""How a policy's conditions, by their numbers, make its own."""


@dataclass(slots=True)
class _Seen:
    """Of one policy: whether it decided, and which of its conditions made the difference, and how."""

    shape: _Shape
    decided: bool = False
    held: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)


class Coverage:
    """Counts what cases decide."""

    def __init__(self, documents: Iterable[PolicyDocument], catalogue: Catalogue) -> None:
        self._catalogue: Final = catalogue
        self._documents: Final = {document.uid: document for document in documents}
        self._seen: Final = {
            uid: _Seen(_shape(document.condition, itertools.count()))
            for uid, document in self._documents.items()
        }

    def count(self, uid: str, truths: Sequence[Truth], *, counted: bool, tells: bool) -> None:
        """Count a case in which a policy was asked. `truths` are those of its conditions, in their order;
        `counted`: the policy decided, or it is owed; `tells`: the case would come out otherwise if the
        policy did.
        """
        seen = self._seen[uid]
        seen.decided |= counted
        if not tells:
            return
        whole, pivots = _pivots(seen.shape, truths)
        if whole:
            seen.held.update(pivots)
        else:
            # One that errs does not hold; but it is no case of a condition that is false.
            seen.failed.update(number for number in pivots if truths[number] is Truth.FALSE)

    def uncovered(self) -> tuple[Uncovered, ...]:
        """Give what is left, by uid, the conditions of a policy in their order."""
        return tuple(each for uid, document in self._documents.items() for each in self._of(uid, document))

    def _of(self, uid: str, document: PolicyDocument) -> Iterator[Uncovered]:
        seen = self._seen[uid]
        if not seen.decided:
            what = "decides" if document.tier is not None else "is owed"
            yield Uncovered(uid, "", "", f"no case in which it {what}")
            return
        compiler = Compiler(self._catalogue, (document.condition,))
        leaves = _leaves(document.condition)
        for number, (part, leaf) in enumerate(
            zip(parts_of(document.condition, compiler), leaves, strict=True)
        ):
            if isinstance(leaf, Test) and leaf.kind is Kind.ANY:
                continue  # it always holds, and says so
            if number not in seen.held:
                yield Uncovered(uid, part.paths[0], part.text, "no case that comes out so because of it")
            elif number not in seen.failed:
                yield Uncovered(uid, part.paths[0], part.text, "no case in which it alone does not hold")


def _shape(condition: Condition, numbers: Iterator[int]) -> _Shape:
    match condition:
        case AllOf(parts):
            return _All(tuple(_shape(part, numbers) for part in parts))
        case AnyOf(parts) if has_alternatives(condition):
            return _Any(tuple(_shape(part, numbers) for part in parts))
        case _:
            return next(numbers)


def _leaves(condition: Condition) -> Iterator[Condition]:
    match condition:
        case AllOf(parts):
            yield from (leaf for part in parts for leaf in _leaves(part))
        case AnyOf(parts) if has_alternatives(condition):
            yield from (leaf for part in parts for leaf in _leaves(part))
        case _:
            yield condition


def _pivots(shape: _Shape, truths: Sequence[Truth]) -> tuple[bool, tuple[int, ...]]:
    """Tell whether it holds, and which conditions alone would turn that round. No part of a shape negates."""
    match shape:
        case int():
            return truths[shape] is Truth.TRUE, (shape,)
        case _All(parts):
            return _of_parts([_pivots(part, truths) for part in parts], whole=True)
        case _Any(parts):
            return _of_parts([_pivots(part, truths) for part in parts], whole=False)


def _of_parts(parts: list[tuple[bool, tuple[int, ...]]], *, whole: bool) -> tuple[bool, tuple[int, ...]]:
    """`whole` comes of parts that are all so, and each turns it round. A single other part decides alone."""
    others = [pivots for holds, pivots in parts if holds is not whole]
    if not others:
        return whole, tuple(number for _, pivots in parts for number in pivots)
    return not whole, others[0] if len(others) == 1 else ()
