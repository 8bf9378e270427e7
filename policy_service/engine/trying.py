"""Tries cases: each is put to the compiled set as a check would put it, and compared with what it expects.

What is told of a case that fails is made of the functions that decide, as an explanation is.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from policy_service.engine.cases import Case, Expected
from policy_service.engine.catalogue import CATALOGUE, Catalogue
from policy_service.engine.combine import NO_BASIS, NOT_DENIED, Outcome, Owed, applies
from policy_service.engine.compile import compile_set
from policy_service.engine.covered import Coverage, Uncovered
from policy_service.engine.documents import PolicyDocument
from policy_service.engine.evaluate import Compiler, Evaluate
from policy_service.engine.explain import ExplainedCondition, Part, as_text, explained, parts_of
from policy_service.engine.looks import Looks
from policy_service.engine.quiet import attributes_of, is_implied
from policy_service.engine.truth import Truth
from policy_service.model.attributes import Attributes, Value
from policy_service.model.vocabulary import Effect, Gate, Tier

MOST_TOLD: Final = 20_000
"""Conditions of failed cases whose values are told; of what fails after these, that it failed."""
LONGEST_VALUE: Final = 200
"""Characters of a value that is told."""


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a case. `outcome` is None in the gate `answer`, which decides nothing."""

    outcome: Outcome | None
    owed: tuple[Owed, ...]


@dataclass(frozen=True, slots=True)
class Saw:
    """One condition, what it saw, and whether the case said so or left it out."""

    condition: ExplainedCondition
    said: bool


@dataclass(frozen=True, slots=True)
class Looked:
    """A policy or an obligation, and what its conditions saw. `counted`: it decided, or it is owed.

    `asked` is false where a higher tier had decided before.
    """

    uid: str
    tier: Tier | None
    truth: Truth
    counted: bool
    asked: bool
    conditions: tuple[Saw, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that came out otherwise. `looked` are the policies that make the difference; none, once more
    than `MOST_TOLD` conditions are told.
    """

    case: Case
    came: Came
    looked: tuple[Looked, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of all cases."""

    failures: tuple[Failure, ...]
    uncovered: tuple[Uncovered, ...]


@dataclass(frozen=True, slots=True)
class _Compiled:
    document: PolicyDocument
    evaluate: Evaluate
    parts: tuple[Part, ...]


def try_cases(
    documents: Iterable[PolicyDocument],
    cases: Iterable[Case],
    catalogue: Catalogue = CATALOGUE,
    *,
    most_told: int = MOST_TOLD,
) -> Tried:
    """Try each case, and tell what none of them has decided; raises PolicySetError."""
    trial = _Trial(tuple(documents), catalogue, most_told)
    failures = [failure for case in cases if (failure := trial.failure(case)) is not None]
    return Tried(tuple(failures), trial.coverage.uncovered())


class _Trial:
    def __init__(self, documents: tuple[PolicyDocument, ...], catalogue: Catalogue, most_told: int) -> None:
        self._catalogue: Final = catalogue
        self._most_told: Final = most_told
        self._plan: Final = compile_set(documents, catalogue)
        self._compiled: Final[dict[Gate, tuple[_Compiled, ...]]] = {}
        self._in_turn: Final[dict[Gate, tuple[_Compiled, ...]]] = {}
        self._told = 0
        self.coverage: Final = Coverage(self._plan.documents, catalogue)
        for gate in Gate:
            of_gate = [document for document in self._plan.documents if document.gate is gate]
            compiler = Compiler(catalogue, (document.condition for document in of_gate))
            self._compiled[gate] = tuple(
                _Compiled(each, compiler.compile(each.condition), parts_of(each.condition, compiler))
                for each in of_gate
            )
            policies = [each for each in self._compiled[gate] if each.document.tier is not None]
            self._in_turn[gate] = tuple(sorted(policies, key=lambda each: _turn(each.document)))

    def failure(self, case: Case) -> Failure | None:
        """Try one case, and count what it decides."""
        implied = is_implied(case.gate, case.given)
        known = attributes_of(case.gate, case.given, self._catalogue)
        outcome: Outcome | None = None
        if case.gate is not Gate.ANSWER:
            outcome = self._plan.decide(case.gate, known, denies_only=implied)
        known = _answered(known, outcome, case)
        effect = _effect(outcome, known)
        came = Came(outcome, self._plan.owed(case.gate, effect, known))
        looks = Looks(known)
        first = self._first_two(case.gate, looks, implied=implied)
        for each in self._compiled[case.gate]:
            if _is_checked(each.document, case.expected, effect) and _is_asked(
                each.document, outcome, implied=implied
            ):
                truths = [part.evaluate(looks) for part in each.parts]
                self.coverage.count(
                    each.document.uid,
                    truths,
                    counted=_counts(each.document, came),
                    tells=_tells(each.document, case.expected, first, implied=implied),
                )
        if _as_expected(case.expected, came):
            return None
        if self._told >= self._most_told:
            return Failure(case, came, ())
        concerned = _concerned(case.expected, came, (each.document for each in self._compiled[case.gate]))
        looked = [
            self._looked(each, case, looks, came, asked=_is_asked(each.document, outcome, implied=implied))
            for each in self._compiled[case.gate]
            if each.document.uid in concerned
        ]
        self._told += sum(len(each.conditions) for each in looked)
        looked.sort(key=lambda each: (not each.counted, each.uid))
        return Failure(case, came, tuple(looked))

    def _first_two(self, gate: Gate, looks: Looks, *, implied: bool) -> tuple[PolicyDocument, ...]:
        """The policies that apply, the one whose reason is told first, and the one whose it would be without
        that.
        """
        applying = (
            each.document
            for each in self._in_turn[gate]
            if _is_asked(each.document, None, implied=implied)
            and applies(each.evaluate(looks), each.document.tier)
        )
        return tuple(itertools.islice(applying, 2))

    def _looked(self, each: _Compiled, case: Case, looks: Looks, came: Came, *, asked: bool) -> Looked:
        return Looked(
            uid=each.document.uid,
            tier=each.document.tier,
            truth=each.evaluate(looks),
            counted=_counts(each.document, came),
            asked=asked,
            conditions=tuple(self._saw(part, case, looks) for part in each.parts),
        )

    def _saw(self, part: Part, case: Case, looks: Looks) -> Saw:
        said = all(path in case.given for path in part.paths)
        return Saw(explained(part, looks, self._catalogue, _shown), said=said)


def _shown(path: str, value: Value) -> str:
    text = as_text(path, value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]} …"


def _answered(known: Attributes, outcome: Outcome | None, case: Case) -> Attributes:
    """The same, and how the cell was decided, which obligations may name."""
    if outcome is None or case.gate is not Gate.DISCLOSURE:
        return known
    tier = "" if outcome.tier is None else outcome.tier.label
    decided = {"context.cell.tier": tier, "context.cell.told": outcome.tell}
    return known.but({path: value for path, value in decided.items() if path not in case.given})


def _effect(outcome: Outcome | None, known: Attributes) -> Effect:
    """What obligations are attached to; of the answer as a whole, whether it permits anything."""
    if outcome is not None:
        return outcome.effect
    return Effect.PERMIT if known["context.answer.permits"] is True else Effect.DENY


def _is_checked(document: PolicyDocument, expected: Expected, effect: Effect) -> bool:
    """Tell whether a case looks at what this document does: else it decides nothing about it."""
    if document.tier is None:
        return expected.owed is not None and effect in document.on
    return expected.effect is not None


def _is_asked(document: PolicyDocument, outcome: Outcome | None, *, implied: bool) -> bool:
    if document.tier is None:
        return True
    if implied and document.tier.effect is Effect.PERMIT:
        return False
    return outcome is None or outcome.tier is None or document.tier >= outcome.tier


def _turn(document: PolicyDocument) -> tuple[int, str]:
    """In this order one reason comes before another: highest tier first, by uid inside a tier."""
    assert document.tier is not None  # noqa: S101 - obligations have no turn
    return -document.tier, document.uid


def _tells(
    document: PolicyDocument, expected: Expected, first: tuple[PolicyDocument, ...], *, implied: bool
) -> bool:
    """Tell whether the case would come out otherwise if this document alone did. `first` are the policies
    that apply, as far as it depends on them.
    """
    if document.tier is None or expected.policies is not None:
        return True  # it names all that there may be
    if document in first[:1]:
        otherwise = first[1:]
    elif not first or _turn(document) < _turn(first[0]):
        otherwise = (document,)
    else:
        return False
    return _said(first, implied=implied) != _said(otherwise, implied=implied)


def _said(first: tuple[PolicyDocument, ...], *, implied: bool) -> tuple[Effect, str]:
    for document in first:
        assert document.tier is not None  # noqa: S101 - obligations are not among them
        return document.tier.effect, document.reason
    nothing = NOT_DENIED if implied else NO_BASIS
    return nothing.effect, nothing.reason


def _counts(document: PolicyDocument, came: Came) -> bool:
    if document.tier is None:
        return any(owed.policy == document.uid for owed in came.owed)
    return came.outcome is not None and document.uid in came.outcome.policies


def _as_expected(expected: Expected, came: Came) -> bool:
    outcome = came.outcome
    if outcome is not None and expected.effect is not None:
        if (outcome.effect, outcome.reason) != (expected.effect, expected.reason):
            return False
        if expected.policies is not None and outcome.policies != expected.policies:
            return False
    if expected.owed is None:
        return True
    if [owed.policy for owed in came.owed] != [each.uid for each in expected.owed]:
        return False
    return all(
        each.parameters.items() <= dict(owed.parameters).items()
        for each, owed in zip(expected.owed, came.owed, strict=True)
    )


def _concerned(expected: Expected, came: Came, documents: Iterable[PolicyDocument]) -> frozenset[str]:
    """The uids of what decided and should not have, or should have and did not, and of what is owed so."""
    found: set[str] = set()
    outcome = came.outcome
    if outcome is not None and expected.effect is not None:
        if expected.policies is not None:
            found.update(set(outcome.policies) ^ set(expected.policies))
        elif (outcome.effect, outcome.reason) != (expected.effect, expected.reason):
            found.update(outcome.policies)
            found.update(each.uid for each in documents if _gives(each, expected))
    if expected.owed is not None:
        found |= {owed.policy for owed in came.owed} ^ {each.uid for each in expected.owed}
    return frozenset(found)


def _gives(document: PolicyDocument, expected: Expected) -> bool:
    tier = document.tier
    return tier is not None and tier.effect is expected.effect and document.reason == expected.reason
