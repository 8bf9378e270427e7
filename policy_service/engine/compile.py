"""A published set of documents becomes a plan: one part per gate, safe under threads.

Nothing of a plan changes but what it remembers (`remembered`), which changes no answer.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from policy_service.engine.candidates import Candidates
from policy_service.engine.catalogue import CATALOGUE, Catalogue
from policy_service.engine.combine import NO_BASIS, NOT_DENIED, Outcome, Owed, Voice, applies, combine
from policy_service.engine.conditions import Kind
from policy_service.engine.documents import PolicyDocument, Tell
from policy_service.engine.errors import PolicySetError
from policy_service.engine.evaluate import Compiler, Evaluate, fits
from policy_service.engine.explain import Explainable, Explanation, Mask, as_text, explain, parts_of, tests_of
from policy_service.engine.expressions import MAX_STEPS_OF_SET, steps_of
from policy_service.engine.looks import Looks
from policy_service.engine.remembered import MAX_NODES, Remembered, Room
from policy_service.engine.truth import Truth
from policy_service.model.attributes import Attributes, Value
from policy_service.model.vocabulary import Effect, Gate

__all__ = ["MAX_DOCUMENTS", "Attributes", "Outcome", "Owed", "Plan", "PolicySetError", "Value", "compile_set"]

MAX_DOCUMENTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Obligation:
    document: PolicyDocument
    evaluate: Evaluate


@dataclass(frozen=True, slots=True)
class _Policies:
    """What a question is put to: policies, highest tier first and then by uid, and the same tier by tier,
    indexed; and the outcome where none of them applies.
    """

    in_order: tuple[Explainable, ...]
    tiers: tuple[Candidates[Explainable], ...]
    otherwise: Outcome

    def decide(self, looks: Looks) -> Outcome:
        verdicts = (
            (policy.voice, policy.evaluate(looks)) for tier in self.tiers for policy in tier.of(looks)
        )
        return combine(verdicts, otherwise=self.otherwise)


def _is_owed(obligations: tuple[_Obligation, ...], looks: Looks) -> tuple[tuple[PolicyDocument, bool], ...]:
    """The obligations that are owed, by uid, and whether it is by error."""
    truths = ((each.document, each.evaluate(looks)) for each in obligations)
    return tuple((document, truth is Truth.ERROR) for document, truth in truths if applies(truth, None))


@dataclass(frozen=True, slots=True)
class Remembering:
    """How often a gate's answers were remembered, and how often it had to evaluate."""

    hits: int
    evaluations: int


class Plan:
    """A compiled set."""

    __slots__ = ("_asked", "_decide", "_owed", "catalogue", "documents")

    def __init__(self, documents: tuple[PolicyDocument, ...], catalogue: Catalogue, room: Room) -> None:
        """Compile `documents`, sorted by uid; see `compile_set`. `room` bounds what is remembered."""
        self.documents: Final = documents
        self.catalogue: Final = catalogue
        self._asked: Final[dict[tuple[Gate, bool], _Policies]] = {}
        self._decide: Final[dict[tuple[Gate, bool], Remembered[Outcome]]] = {}
        self._owed: Final[dict[tuple[Gate, Effect], Remembered[tuple[tuple[PolicyDocument, bool], ...]]]] = {}
        for gate in Gate:
            policies, obligations = _compiled(documents, gate, catalogue)
            denies = tuple(policy for policy in policies if policy[0].voice.tier.effect is Effect.DENY)
            for denies_only in (False, True):
                asked = (
                    _policies(denies, NOT_DENIED, catalogue)
                    if denies_only
                    else (_policies(policies, NO_BASIS, catalogue))
                )
                self._asked[gate, denies_only] = asked
                self._decide[gate, denies_only] = Remembered(asked.decide, room)
            for effect in Effect:
                on = tuple(each for each in obligations if effect in each.document.on)
                self._owed[gate, effect] = Remembered(partial(_is_owed, on), room)

    def decide(self, gate: Gate, attributes: Mapping[str, Any], *, denies_only: bool = False) -> Outcome:
        """Answer one question of `gate`. What is implied needs no permit, only no deny: `denies_only`."""
        return self._decide[gate, denies_only](_as_attributes(attributes))

    def evaluate(self, gate: Gate, attributes: Mapping[str, Any], *, denies_only: bool = False) -> Outcome:
        """As `decide`, and nothing is remembered: what remembering is measured by."""
        return self._asked[gate, denies_only].decide(Looks(_as_attributes(attributes)))

    def explain(
        self, gate: Gate, attributes: Mapping[str, Any], *, denies_only: bool = False, mask: Mask = as_text
    ) -> Explanation:
        """Say why `decide` answers as it does. `mask` gives what is shown of a value, by its path."""
        asked, looks = self._asked[gate, denies_only], Looks(_as_attributes(attributes))
        return explain(asked.in_order, looks, self.catalogue, otherwise=asked.otherwise, mask=mask)

    def owed(self, gate: Gate, effect: Effect, attributes: Mapping[str, Any]) -> tuple[Owed, ...]:
        """Give what is owed with an answer of `gate` that came out as `effect`, by the policies' uids."""
        known = _as_attributes(attributes)
        return tuple(
            self._what_is_owed(document, known, by_error=by_error)
            for document, by_error in self._owed[gate, effect](known)
        )

    def remembering(self) -> dict[tuple[Gate, str], Remembering]:
        """How often answers were remembered, by gate and by what was asked: `decide`, `denies`, `owed`."""
        found: dict[tuple[Gate, str], Remembering] = {}
        for (gate, denies_only), decide in self._decide.items():
            found[gate, "denies" if denies_only else "decide"] = Remembering(decide.hits, decide.evaluations)
        for gate in Gate:
            owed = [self._owed[gate, effect] for effect in Effect]
            found[gate, "owed"] = Remembering(
                sum(each.hits for each in owed), sum(each.evaluations for each in owed)
            )
        return found

    def _what_is_owed(self, document: PolicyDocument, attributes: Attributes, *, by_error: bool) -> Owed:
        assert document.owes is not None  # noqa: S101 - an obligation document always has it
        known = tuple(
            (name, attributes[path])
            for name, path in document.owes.parameters
            if fits(self.catalogue[path])(attributes[path])
        )
        # A parameter that is not known is left out, never made up; the obligation is owed all the same.
        incomplete = len(known) < len(document.owes.parameters)
        parameters = (*known, *document.owes.texts)
        return Owed(document.owes.kind, document.uid, parameters, by_error=by_error or incomplete)


def _as_attributes(attributes: Mapping[str, Any]) -> Attributes:
    return attributes if isinstance(attributes, Attributes) else Attributes(attributes)


def compile_set(
    documents: Iterable[PolicyDocument], catalogue: Catalogue = CATALOGUE, *, nodes: int = MAX_NODES
) -> Plan:
    """Compile a set; raises PolicySetError. `catalogue` is the one that the documents were parsed with;
    `nodes` bounds what the plan remembers.
    """
    by_uid: dict[str, PolicyDocument] = {}
    for document in documents:
        if document.uid in by_uid:
            raise PolicySetError(f"policy `{document.uid}` is in the set twice")
        by_uid[document.uid] = document
    if len(by_uid) > MAX_DOCUMENTS:
        raise PolicySetError(f"the set has {len(by_uid)} policies, and may have {MAX_DOCUMENTS}")
    _check_expressions(by_uid.values())
    return Plan(tuple(by_uid[uid] for uid in sorted(by_uid)), catalogue, Room(nodes))


def _check_expressions(documents: Iterable[PolicyDocument]) -> None:
    """Refuse a set whose regular expressions are too large together, before any is kept."""
    expressions = {
        test.operand
        for document in documents
        for test in tests_of(document.condition)
        if test.kind is Kind.REGEX_MATCH
    }
    steps = 0
    for expression in expressions:
        steps += steps_of(str(expression))
        if steps > MAX_STEPS_OF_SET:
            raise PolicySetError(
                f"the regular expressions of the set become more than {MAX_STEPS_OF_SET:,} steps together: "
                "repeat less in them, or name the texts in `IsIn`"
            )


_Compiled = tuple[Explainable, PolicyDocument]


def _compiled(
    documents: tuple[PolicyDocument, ...], gate: Gate, catalogue: Catalogue
) -> tuple[tuple[_Compiled, ...], tuple[_Obligation, ...]]:
    """The policies of a gate, highest tier first and by uid inside a tier, and its obligations by uid."""
    policies: list[_Compiled] = []
    obligations: list[_Obligation] = []
    of_gate = [document for document in documents if document.gate is gate]
    compiler = Compiler(catalogue, (document.condition for document in of_gate))
    for document in of_gate:
        try:
            evaluate = compiler.compile(document.condition)
        except KeyError as missing:
            raise PolicySetError(
                f"policy `{document.uid}`: no attribute `{missing.args[0]}` in the catalogue"
            ) from None
        if document.tier is None:
            obligations.append(_Obligation(document, evaluate))
        else:
            voice = Voice(document.uid, document.tier, document.reason, tell=document.tell is Tell.STAFF)
            parts = parts_of(document.condition, compiler)
            policies.append((Explainable(voice, evaluate, parts), document))
    policies.sort(key=lambda policy: -policy[0].voice.tier)  # stable: by uid inside a tier
    return tuple(policies), tuple(obligations)


def _policies(policies: tuple[_Compiled, ...], otherwise: Outcome, catalogue: Catalogue) -> _Policies:
    tiers = itertools.groupby(policies, key=lambda policy: policy[0].voice.tier)
    return _Policies(
        in_order=tuple(policy for policy, _ in policies),
        tiers=tuple(
            Candidates([(policy, document.condition) for policy, document in tier], catalogue)
            for _, tier in tiers
        ),
        otherwise=otherwise,
    )
