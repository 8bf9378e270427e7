"""The compiled plan equals the naive interpreter always, and py-abac where attributes are whole."""

from __future__ import annotations

import itertools
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_service.engine import (
    CATALOGUE,
    Attribute,
    AttributeType,
    Outcome,
    PolicyDocument,
    candidates,
    compile_set,
)
from policy_service.engine import parse_document as parse
from policy_service.model.vocabulary import Effect, Gate
from tests.engine import generators, oracle, reference


def shape(outcome: Outcome) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    tier = outcome.tier.label if outcome.tier is not None else ""
    return outcome.effect, tier, outcome.policies, outcome.by_error


@generators.times(3)
@given(documents=generators.sets(), questions=generators.some(generators.questions))
def test_decide_equals_the_oracle(documents: list[PolicyDocument], questions: list[dict[str, Any]]) -> None:
    plan = compile_set(documents, generators.CATALOGUE)
    with mock.patch.object(candidates, "WORTH", 0.01):  # every policy that can be indexed is
        indexed = compile_set(documents, generators.CATALOGUE)
    # Each is asked twice: the second answer is a remembered one.
    for attributes, denies_only in itertools.product((*questions, *questions), (False, True)):
        expected = oracle.decide(
            documents, generators.CATALOGUE, Gate.DISCLOSURE, attributes, denies_only=denies_only
        )
        for compiled in (plan, indexed):
            outcome = compiled.decide(Gate.DISCLOSURE, attributes, denies_only=denies_only)
            assert shape(outcome) == expected


@generators.times(1)
@given(
    documents=st.tuples(*(generators.documents(f"o{index}", obligation=True) for index in range(3))),
    questions=generators.some(generators.questions),
)
def test_owed_equals_the_oracle(
    documents: tuple[PolicyDocument, ...], questions: list[dict[str, Any]]
) -> None:
    plan = compile_set(documents, generators.CATALOGUE)
    for attributes, effect in itertools.product((*questions, *questions), Effect):
        owed = plan.owed(Gate.DISCLOSURE, effect, attributes)
        expected = oracle.owed(documents, generators.CATALOGUE, Gate.DISCLOSURE, effect, attributes)
        assert [one.policy for one in owed] == [uid for uid, _ in expected]
        whole = all(
            oracle.typed(attributes.get(path), generators.CATALOGUE[path].type)
            for path in ("resource.labels", "context.days")
        )
        assert [one.by_error for one in owed] == [truth is None or not whole for _, truth in expected]


@generators.times(2)
@given(documents=generators.sets(), questions=generators.some(generators.well_typed))
def test_with_every_attribute_present_and_typed_a_gate_answers_as_py_abac(
    documents: list[PolicyDocument], questions: list[dict[str, Any]]
) -> None:
    plan = compile_set(documents, generators.CATALOGUE)
    pdp = reference.pdp(documents, Gate.DISCLOSURE)
    for attributes in questions:
        permitted = plan.decide(Gate.DISCLOSURE, attributes).effect is Effect.PERMIT
        assert permitted == pdp.is_allowed(reference.request(attributes))


_PROBES: dict[AttributeType, tuple[str, Any, Any]] = {
    AttributeType.BOOLEAN: ("{condition: Eq, value: true}", True, False),
    AttributeType.NUMBER: ("{condition: Gt, value: 10}", 11, 10),
    AttributeType.STRING: ("{condition: StartsWith, value: x}", "xy", "yx"),
    AttributeType.STRINGS: ("{condition: IsNotEmpty}", ("x",), ()),
}


@pytest.mark.parametrize(
    "attribute",
    [one for one in CATALOGUE if not one.obligations_only and one.gates != {Gate.ANSWER}],
    ids=lambda attribute: attribute.path,
)
def test_every_path_of_the_shipped_catalogue_means_the_same_to_py_abac(attribute: Attribute) -> None:
    gate = next(gate for gate in Gate if gate in attribute.gates)
    condition, satisfied, not_satisfied = _PROBES[attribute.type]
    ace, _, rest = attribute.path.partition(".")
    text = (
        f"uid: probe\ntitle: probe\ngate: {gate}\ntier: basis\nreason: PROBE\nowner: nobody\n"
        f"policy: {{rules: {{{ace}: {{$.{rest}: {condition}}}}}}}\n"
    )
    document = parse(text, name="probe.yaml")
    plan = compile_set([document])
    for value, expected in ((satisfied, Effect.PERMIT), (not_satisfied, Effect.DENY)):
        attributes = {attribute.path: value}
        assert plan.decide(gate, attributes).effect is expected
        assert reference.permits([document], gate, attributes) is (expected is Effect.PERMIT)
