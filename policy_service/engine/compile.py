"""A published set of documents becomes a plan: immutable, one part per gate, safe under threads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from policy_service.engine.catalogue import CATALOGUE, Catalogue
from policy_service.engine.combine import NO_BASIS, NOT_DENIED, Outcome, Owed, Voice, applies, combine
from policy_service.engine.documents import PolicyDocument, Tell
from policy_service.engine.errors import PolicySetError
from policy_service.engine.evaluate import Attributes, Compiler, Evaluate, Truth, Value, is_typed
from policy_service.engine.explain import Explainable, Explanation, Mask, as_text, explain, parts_of
from policy_service.model.vocabulary import Effect, Gate

__all__ = ["MAX_DOCUMENTS", "Attributes", "Outcome", "Owed", "Plan", "PolicySetError", "Value", "compile_set"]

MAX_DOCUMENTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Obligation:
    document: PolicyDocument
    evaluate: Evaluate


@dataclass(frozen=True, slots=True)
class _GatePlan:
    """One gate: policies, highest tier first and then by uid; of these the denies; obligations by uid."""

    policies: tuple[Explainable, ...]
    denies: tuple[Explainable, ...]
    obligations: tuple[_Obligation, ...]


class Plan:
    """A compiled set. Nothing of it changes once it is made, and nothing is remembered between questions."""

    __slots__ = ("_catalogue", "_gates", "documents")

    def __init__(self, documents: tuple[PolicyDocument, ...], catalogue: Catalogue) -> None:
        """Compile `documents`, sorted by uid; see `compile_set`."""
        self.documents: Final = documents
        self._catalogue: Final = catalogue
        self._gates: Final = {gate: _gate_plan(documents, gate, catalogue) for gate in Gate}

    def decide(self, gate: Gate, attributes: Attributes, *, denies_only: bool = False) -> Outcome:
        """Answer one question of `gate`. What is implied needs no permit, only no deny: `denies_only`."""
        policies, otherwise = self._asked(gate, denies_only=denies_only)
        verdicts = ((policy.voice, policy.evaluate(attributes)) for policy in policies)
        return combine(verdicts, otherwise=otherwise)

    def explain(
        self, gate: Gate, attributes: Attributes, *, denies_only: bool = False, mask: Mask = as_text
    ) -> Explanation:
        """Say why `decide` answers as it does. `mask` gives what is shown of a value, by its path."""
        policies, otherwise = self._asked(gate, denies_only=denies_only)
        return explain(policies, attributes, self._catalogue, otherwise=otherwise, mask=mask)

    def _asked(self, gate: Gate, *, denies_only: bool) -> tuple[tuple[Explainable, ...], Outcome]:
        """Give the policies that a question is put to, and its outcome where none of them applies."""
        plan = self._gates[gate]
        return (plan.denies, NOT_DENIED) if denies_only else (plan.policies, NO_BASIS)

    def owed(self, gate: Gate, effect: Effect, attributes: Attributes) -> tuple[Owed, ...]:
        """Give what is owed with an answer of `gate` that came out as `effect`, by the policies' uids."""
        return tuple(self._owed(gate, effect, attributes))

    def _owed(self, gate: Gate, effect: Effect, attributes: Attributes) -> Iterator[Owed]:
        for obligation in self._gates[gate].obligations:
            if effect not in obligation.document.on:
                continue
            truth = obligation.evaluate(attributes)
            if applies(truth, None):
                yield self._what_is_owed(obligation.document, truth, attributes)

    def _what_is_owed(self, document: PolicyDocument, truth: Truth, attributes: Attributes) -> Owed:
        assert document.owes is not None  # noqa: S101 - an obligation document always has it
        known = tuple(
            (name, attributes[path])
            for name, path in document.owes.parameters
            if is_typed(attributes.get(path), self._catalogue[path].type)
        )
        # A parameter that is not known is left out, never made up; the obligation is owed all the same.
        incomplete = len(known) < len(document.owes.parameters)
        parameters = (*known, *document.owes.texts)
        return Owed(document.owes.kind, document.uid, parameters, by_error=truth is Truth.ERROR or incomplete)


def compile_set(documents: Iterable[PolicyDocument], catalogue: Catalogue = CATALOGUE) -> Plan:
    """Compile a set; raises PolicySetError. `catalogue` is the one that the documents were parsed with."""
    by_uid: dict[str, PolicyDocument] = {}
    for document in documents:
        if document.uid in by_uid:
            raise PolicySetError(f"policy `{document.uid}` is in the set twice")
        by_uid[document.uid] = document
    if len(by_uid) > MAX_DOCUMENTS:
        raise PolicySetError(f"the set has {len(by_uid)} policies, and may have {MAX_DOCUMENTS}")
    return Plan(tuple(by_uid[uid] for uid in sorted(by_uid)), catalogue)


def _gate_plan(documents: tuple[PolicyDocument, ...], gate: Gate, catalogue: Catalogue) -> _GatePlan:
    policies: list[Explainable] = []
    obligations: list[_Obligation] = []
    compiler = Compiler(catalogue)
    for document in documents:
        if document.gate is not gate:
            continue
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
            policies.append(Explainable(voice, evaluate, parts_of(document.condition, compiler)))
    policies.sort(key=lambda policy: -policy.voice.tier)  # stable: by uid inside a tier
    denies = tuple(policy for policy in policies if policy.voice.tier.effect is Effect.DENY)
    return _GatePlan(tuple(policies), denies, tuple(obligations))
