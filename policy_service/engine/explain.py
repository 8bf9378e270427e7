"""Why a question came out as it did: each policy that was considered, condition by condition.

**Invariant: EXPLAINS WHAT DECIDES.** An explanation is made of the functions that decide: a policy's truth is
that of its own compiled condition, a part's that of the same compiled tests, and the outcome is `combine`'s.

A part is as much of a condition as looks at one attribute; a policy's parts stand in the order in which it is
written. All of them must hold, but for those that belong to alternatives, of which one suffices.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from policy_service.engine.catalogue import AttributeType, Catalogue
from policy_service.engine.combine import Outcome, Voice, combine
from policy_service.engine.conditions import AllOf, AnyOf, Condition, Not, Test
from policy_service.engine.evaluate import Compiler, Evaluate, is_typed
from policy_service.engine.looks import Looks
from policy_service.engine.operands import TYPE_WORDS
from policy_service.engine.truth import Truth
from policy_service.model.attributes import Value
from policy_service.model.vocabulary import Tier

Mask = Callable[[str, Value], str]
"""Gives what is shown of the value at a path, e.g. a fingerprint of it."""


@dataclass(frozen=True, slots=True)
class ExplainedCondition:
    """One part of a policy's condition, and the value that it saw.

    `condition` is e.g. `AnyIn ["care"]`; where it stands in one of several alternatives, that stands before
    it. `value` is empty where the attribute (or the one that it is compared with) is `missing`.
    """

    path: str
    condition: str
    value: str
    missing: bool
    truth: Truth


@dataclass(frozen=True, slots=True)
class ExplainedPolicy:
    """A policy that was considered. One whose truth is `ERROR` decides where it denies (`ErrorMeans`)."""

    uid: str
    tier: Tier
    truth: Truth
    decided: bool
    conditions: tuple[ExplainedCondition, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The outcome that `Plan.decide` gives, and the policies that were considered for it.

    They stand highest tier first, by uid inside a tier; below the deciding tier none is considered.
    """

    outcome: Outcome
    policies: tuple[ExplainedPolicy, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a condition, compiled. `paths` are what it looks at, its own attribute first."""

    paths: tuple[str, ...]
    text: str
    evaluate: Evaluate


@dataclass(frozen=True, slots=True)
class Explainable:
    """A policy as it decides, and its condition in parts."""

    voice: Voice
    evaluate: Evaluate
    parts: tuple[Part, ...]


def as_text(_path: str, value: Value) -> str:
    """Show a value as it is; lists, numbers, true and false as a policy would write them."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def explain(
    policies: Iterable[Explainable],
    looks: Looks,
    catalogue: Catalogue,
    *,
    otherwise: Outcome,
    mask: Mask = as_text,
) -> Explanation:
    """Explain a question to `policies`, given highest tier first; `otherwise` as in `combine`."""
    evaluated = [(policy, policy.evaluate(looks)) for policy in policies]
    outcome = combine(((policy.voice, truth) for policy, truth in evaluated), otherwise=otherwise)
    lowest = min(Tier) if outcome.tier is None else outcome.tier
    return Explanation(
        outcome,
        tuple(
            ExplainedPolicy(
                uid=policy.voice.uid,
                tier=policy.voice.tier,
                truth=truth,
                decided=policy.voice.uid in outcome.policies,
                conditions=tuple(explained(part, looks, catalogue, mask) for part in policy.parts),
            )
            for policy, truth in evaluated
            if policy.voice.tier >= lowest
        ),
    )


def parts_of(condition: Condition, compiler: Compiler) -> tuple[Part, ...]:
    """Take a condition apart, each part compiled with the tests that `compiler` made for the whole."""
    return tuple(
        Part(
            paths=tuple(dict.fromkeys(_paths(part))),
            text=f"{alternative}{in_words(part, compiler.catalogue)}",
            evaluate=compiler.compile(part),
        )
        for part, alternative in _parts(condition, "")
    )


def _parts(condition: Condition, alternative: str) -> Iterator[tuple[Condition, str]]:
    match condition:
        case AllOf(parts):
            for part in parts:
                yield from _parts(part, alternative)
        case AnyOf(parts) if has_alternatives(condition):
            for number, part in enumerate(parts, start=1):
                yield from _parts(part, f"{alternative}alternative {number} of {len(parts)}: ")
        case _:
            yield condition, alternative


def has_alternatives(condition: AnyOf) -> bool:
    """Tell whether it is taken apart, or is one part since all of it looks at one attribute."""
    return len({test.path for test in tests_of(condition)}) != 1


def tests_of(condition: Condition) -> Iterator[Test]:
    """The tests that a condition is made of, in their order."""
    match condition:
        case Test():
            yield condition
        case Not(part):
            yield from tests_of(part)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from tests_of(part)


def _paths(condition: Condition) -> Iterator[str]:
    tests = tuple(tests_of(condition))
    yield from (test.path for test in tests)
    yield from (test.other for test in tests if test.other is not None)


def in_words(condition: Condition, catalogue: Catalogue) -> str:
    """Spell a condition as explanations do, e.g. `AnyIn ["care"]`, without the attribute that it looks at."""
    match condition:
        case Test():
            return _test_text(condition, catalogue)
        case Not(part):
            return f"Not ({in_words(part, catalogue)})"
        case AllOf((part,)) | AnyOf((part,)):
            return in_words(part, catalogue)
        case AllOf(parts):
            return f"AllOf ({'; '.join(in_words(part, catalogue) for part in parts)})"
        case AnyOf(parts):
            return f"AnyOf ({'; '.join(in_words(part, catalogue) for part in parts)})"


def _test_text(test: Test, catalogue: Catalogue) -> str:
    if test.other is not None:
        return f"{test.kind} {test.other}"
    if test.operand is None:
        return str(test.kind)
    operand: object = test.operand
    if catalogue[test.path].type is AttributeType.BOOLEAN:
        operand = bool(operand)  # py-abac makes numbers of them
    elif isinstance(operand, float) and operand.is_integer():
        operand = int(operand)  # and of whole numbers decimals
    text = json.dumps(operand, ensure_ascii=False)
    return f"{test.kind} {text}{_ANY_CASE if test.ignore_case else ''}"


_ANY_CASE: Final = " (in any case)"


def explained(part: Part, looks: Looks, catalogue: Catalogue, mask: Mask = as_text) -> ExplainedCondition:
    """Say what one part of a condition saw, and how it came out."""
    missing = any(looks[path] is None for path in part.paths)
    own, *others = (_seen(path, looks, catalogue, mask) for path in part.paths)
    return ExplainedCondition(
        path=part.paths[0],
        condition=part.text,
        value="" if missing else "; ".join((own, *others)),
        missing=missing,
        truth=part.evaluate(looks),
    )


def _seen(path: str, looks: Looks, catalogue: Catalogue, mask: Mask) -> str:
    value, type_ = looks[path], catalogue[path].type
    if value is None:
        return ""
    # What is not of its type might be anything, so nothing of it is shown.
    return mask(path, value) if is_typed(value, type_) else f"not {TYPE_WORDS[type_]}"
