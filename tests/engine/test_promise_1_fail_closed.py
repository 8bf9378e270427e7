"""Promise 1, fail closed: a missing or ill-typed attribute, or a failing policy, is never a permit."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_service.engine import ErrorMeans, PolicyDocument, Truth, compile_set, parse_document
from policy_service.engine.combine import applies, error_means
from policy_service.model.vocabulary import Effect, Gate, Tier
from tests.engine import generators

DENY = """
uid: no_location_to_adverse
title: No location to somebody adverse
gate: disclosure
tier: absolute
reason: ADVERSE_PERSON
owner: privacy-office
policy:
  rules:
    resource:
      $.categories: {condition: AnyIn, values: [location.current]}
    context:
      $.recipient.adverse: {condition: Eq, value: true}
"""
PERMIT = """
uid: team
title: The team that works on the record
gate: disclosure
tier: basis
reason: WORKS_ON_RECORD
owner: privacy-office
policy:
  rules:
    context:
      $.recipient.works_on_record: {condition: Eq, value: true}
"""
WARN = """
uid: warn
title: Warn
kind: obligation
gate: disclosure
owner: privacy-office
owes: {kind: show_warning, parameters: {categories: resource.categories}}
policy: {rules: {resource: {$.protected: {condition: Eq, value: true}}}}
"""
HARMLESS_FIELD = {
    "resource.categories": ("finance",),
    "context.recipient.adverse": True,
    "context.recipient.works_on_record": True,
}
HARMLESS_RECIPIENT = {
    "resource.categories": ("location.current",),
    "context.recipient.adverse": False,
    "context.recipient.works_on_record": True,
}


def plan(*texts: str) -> Any:
    return compile_set(parse_document(text, name="policy.yaml") for text in texts)


@pytest.mark.parametrize("attributes", [HARMLESS_FIELD, HARMLESS_RECIPIENT])
def test_the_control_with_everything_in_place_permits(attributes: dict[str, Any]) -> None:
    assert plan(DENY, PERMIT).decide(Gate.DISCLOSURE, attributes).effect is Effect.PERMIT


@pytest.mark.parametrize(
    ("attributes", "missing"),
    [
        (HARMLESS_FIELD, "resource.categories"),
        (HARMLESS_RECIPIENT, "context.recipient.adverse"),
        (HARMLESS_FIELD, "context.recipient.works_on_record"),
    ],
)
def test_a_missing_attribute_is_never_a_permit(attributes: dict[str, Any], missing: str) -> None:
    left = {path: value for path, value in attributes.items() if path != missing}
    assert plan(DENY, PERMIT).decide(Gate.DISCLOSURE, left).effect is Effect.DENY


@pytest.mark.parametrize(
    ("attributes", "path", "value"),
    [
        (HARMLESS_FIELD, "resource.categories", "finance"),
        (HARMLESS_FIELD, "resource.categories", ["finance"]),
        (HARMLESS_FIELD, "resource.categories", ("finance", 7)),
        (HARMLESS_FIELD, "resource.categories", None),
        (HARMLESS_RECIPIENT, "context.recipient.adverse", 0),
        (HARMLESS_RECIPIENT, "context.recipient.adverse", "false"),
        (HARMLESS_RECIPIENT, "context.recipient.works_on_record", 1),
        (HARMLESS_RECIPIENT, "context.recipient.works_on_record", "true"),
    ],
)
def test_an_ill_typed_attribute_is_never_a_permit(attributes: dict[str, Any], path: str, value: Any) -> None:
    outcome = plan(DENY, PERMIT).decide(Gate.DISCLOSURE, {**attributes, path: value})
    assert outcome.effect is Effect.DENY


@pytest.mark.parametrize("gate", [Gate.AUTHORITY, Gate.DELIVERY, Gate.ANSWER])
def test_a_permit_in_one_gate_never_answers_another(gate: Gate) -> None:
    outcome = plan(PERMIT).decide(gate, HARMLESS_RECIPIENT)
    assert (outcome.effect, outcome.reason) == (Effect.DENY, "NO_BASIS")
    assert plan(WARN).owed(gate, Effect.PERMIT, HARMLESS_RECIPIENT) == ()


def test_a_deny_by_error_is_named_as_one() -> None:
    outcome = plan(DENY, PERMIT).decide(
        Gate.DISCLOSURE, {**HARMLESS_RECIPIENT, "context.recipient.adverse": 0}
    )
    assert outcome.tier is Tier.ABSOLUTE
    assert outcome.policies == outcome.by_error == ("no_location_to_adverse",)


def test_an_error_that_another_part_makes_irrelevant_is_none() -> None:
    attributes = {"resource.categories": ("finance",), "context.recipient.works_on_record": True}
    outcome = plan(DENY, PERMIT).decide(Gate.DISCLOSURE, attributes)
    assert (outcome.effect, outcome.by_error) == (Effect.PERMIT, ())


@pytest.mark.parametrize("gate", list(Gate))
def test_a_gate_without_policies_denies(gate: Gate) -> None:
    outcome = compile_set([]).decide(gate, {})
    assert (outcome.effect, outcome.tier, outcome.reason) == (Effect.DENY, None, "NO_BASIS")


@pytest.mark.parametrize(
    ("tier", "meaning", "counts"),
    [
        (Tier.ABSOLUTE, ErrorMeans.DENY, True),
        (Tier.COURT_ORDER, ErrorMeans.NO_PERMIT, False),
        (Tier.STATUTE, ErrorMeans.DENY, True),
        (Tier.OVERRIDE, ErrorMeans.NO_PERMIT, False),
        (Tier.REQUEST, ErrorMeans.DENY, True),
        (Tier.BASELINE, ErrorMeans.DENY, True),
        (Tier.BASIS, ErrorMeans.NO_PERMIT, False),
        (None, ErrorMeans.OWED, True),
    ],
)
def test_what_an_error_means(tier: Tier | None, meaning: ErrorMeans, counts: bool) -> None:
    assert error_means(tier) is meaning
    assert applies(Truth.ERROR, tier) is counts


def test_an_obligation_that_cannot_be_evaluated_is_owed() -> None:
    (owed,) = plan(WARN).owed(Gate.DISCLOSURE, Effect.PERMIT, {"resource.categories": ("finance",)})
    assert (owed.kind, owed.by_error, owed.parameters) == (
        "show_warning",
        True,
        (("categories", ("finance",)),),
    )


def before_and_after(attributes: dict[str, Any]) -> st.SearchStrategy[tuple[dict[str, Any], ...]]:
    return st.tuples(st.just(attributes), generators.damaged(attributes))


@generators.times(2)
@given(
    documents=generators.sets(),
    questions=st.lists(generators.well_typed.flatmap(before_and_after), min_size=4, max_size=4),
)
def test_deleting_or_retyping_an_attribute_never_turns_a_deny_into_a_permit(
    documents: list[PolicyDocument], questions: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    compiled = compile_set(documents, generators.CATALOGUE)
    for (attributes, damaged), denies_only in itertools.product(questions, (False, True)):
        if compiled.decide(Gate.DISCLOSURE, attributes, denies_only=denies_only).effect is Effect.DENY:
            after = compiled.decide(Gate.DISCLOSURE, damaged, denies_only=denies_only)
            assert after.effect is Effect.DENY


@generators.times(2)
@given(document=generators.documents("o", obligation=True), attributes=generators.well_typed, data=st.data())
def test_retyping_an_attribute_never_takes_an_obligation_away(
    document: PolicyDocument, attributes: dict[str, Any], data: st.DataObject
) -> None:
    compiled = compile_set([document], generators.CATALOGUE)
    path = data.draw(st.sampled_from(sorted(attributes)))
    ill_typed = [
        value for value in generators.ILL_TYPED[generators.CATALOGUE[path].type] if value is not None
    ]
    damaged = {**attributes, path: data.draw(st.sampled_from(ill_typed))}
    if compiled.owed(Gate.DISCLOSURE, Effect.PERMIT, attributes):
        assert compiled.owed(Gate.DISCLOSURE, Effect.PERMIT, damaged)
