"""An explanation says what was decided, and why, and can say nothing else."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import event, given

from policy_service.engine import PolicyDocument, Truth, compile_set, parse_document
from policy_service.engine.compile import Plan
from policy_service.engine.conditions import AllOf, AnyOf, Condition, Not, Test
from policy_service.engine.explain import ExplainedCondition, ExplainedPolicy, Mask, as_text
from policy_service.model.vocabulary import Effect, Gate, Tier
from tests.engine import oracle
from tests.engine.generators import CATALOGUE, documents, questions, sets, some, times

GATE = Gate.DISCLOSURE
TRUTHS = {True: Truth.TRUE, False: Truth.FALSE, None: Truth.ERROR}


@times(3)
@given(sets(), some(questions))
def test_the_outcome_is_what_decide_answers(
    policies: list[PolicyDocument], asked: list[dict[str, Any]]
) -> None:
    plan = compile_set(policies, CATALOGUE)
    for attributes, denies_only in itertools.product(asked, (False, True)):
        explains_what_is_decided(plan, policies, attributes, denies_only=denies_only)


def explains_what_is_decided(
    plan: Plan, policies: list[PolicyDocument], attributes: dict[str, Any], *, denies_only: bool
) -> None:
    explained = plan.explain(GATE, attributes, denies_only=denies_only)

    decided = plan.decide(GATE, attributes, denies_only=denies_only)
    assert explained.outcome == decided
    event(f"{decided.effect} {'by error' if decided.by_error else ''}")
    effect, tier, uids, by_error = oracle.decide(
        policies, CATALOGUE, GATE, attributes, denies_only=denies_only
    )
    assert (decided.effect, decided.policies, decided.by_error) == (effect, uids, by_error)
    considered = {each.uid: each for each in explained.policies}
    assert {uid for uid, each in considered.items() if each.decided} == set(uids)
    for document in policies:
        assert document.tier is not None
        if denies_only and document.tier.effect is Effect.PERMIT:
            assert document.uid not in considered
        elif not tier or document.tier >= next(each for each in Tier if each.label == tier):
            assert considered[document.uid].truth is TRUTHS[oracle.holds(document, CATALOGUE, attributes)]
        else:
            assert document.uid not in considered
    assert [each.uid for each in explained.policies] == sorted(
        considered, key=lambda uid: (-considered[uid].tier, uid)
    )


@times(3)
@given(documents("p"), some(questions))
def test_the_conditions_make_the_policys_truth(document: PolicyDocument, asked: list[dict[str, Any]]) -> None:
    """Kleene's logic over what is shown, as the policy joins it, gives the policy's truth."""
    plan = compile_set([document], CATALOGUE)
    for attributes in asked:
        (explained,) = plan.explain(GATE, attributes).policies
        shown = list(explained.conditions)
        assert joined(document.condition, shown) is explained.truth
        assert not shown
        for condition in explained.conditions:
            event(f"{condition.truth.name} {'missing' if condition.missing else ''}")


def joined(condition: Condition, shown: list[ExplainedCondition]) -> Truth:
    """Take the conditions that are shown one by one, and join them as `condition` does."""
    match condition:
        case AllOf(parts):
            return min([joined(part, shown) for part in parts], default=Truth.TRUE)
        case AnyOf(parts) if len(paths(condition)) > 1:
            return max(joined(part, shown) for part in parts)
        case _:
            part = shown.pop(0)
            assert {part.path} == paths(condition)
            return part.truth


def paths(condition: Condition) -> set[str]:
    match condition:
        case Test():
            return {condition.path}
        case Not(part):
            return paths(part)
        case AllOf(parts) | AnyOf(parts):
            return {path for part in parts for path in paths(part)}


# --- what is shown ------------------------------------------------------------------------------------------

POLICY = """\
uid: disclosure.statute.marked
title: A marked one
gate: disclosure
tier: statute
reason: MARKED
owner: nobody
policy:
  targets: {action_id: a*}
  rules:
    subject:
      $.name: {condition: Not, value: {condition: Equals, value: Ab, case_insensitive: true}}
    resource:
      - $.labels: {condition: AnyIn, values: [a, "b, c"]}
        $.tags: {condition: AllInAttribute, ace: resource, path: $.labels}
      - $.labels: {condition: IsEmpty}
    context:
      $.flag: {condition: Eq, value: true}
      $.days: {condition: AnyOf, values: [{condition: Gt, value: 14}, {condition: Lte, value: 0.5}]}
"""
SEEN: dict[str, Any] = {
    "action.verb": "ab",
    "subject.name": "aB",
    "resource.labels": ("b, c", "é"),
    "resource.tags": (),
    "context.flag": False,
    "context.days": 2.5,
}
SHOWN = [
    ("action.verb", 'StartsWith "a"', "ab", "TRUE"),
    ("subject.name", 'Not (Equals "Ab" (in any case))', "aB", "FALSE"),
    ("resource.labels", 'alternative 1 of 2: AnyIn ["a", "b, c"]', '["b, c", "é"]', "TRUE"),
    ("resource.tags", "alternative 1 of 2: AllInAttribute resource.labels", '[]; ["b, c", "é"]', "TRUE"),
    ("resource.labels", "alternative 2 of 2: IsEmpty", '["b, c", "é"]', "FALSE"),
    ("context.flag", "Eq true", "false", "FALSE"),
    ("context.days", "AnyOf (Gt 14; Lte 0.5)", "2.5", "FALSE"),
]


def explained(attributes: dict[str, Any], mask: Mask = as_text) -> ExplainedPolicy:
    document = parse_document(POLICY, name="p.yaml", catalogue=CATALOGUE)
    (policy,) = compile_set([document], CATALOGUE).explain(GATE, attributes, mask=mask).policies
    return policy


def test_each_condition_is_shown_with_what_it_saw() -> None:
    policy = explained(SEEN)
    assert (policy.uid, policy.tier, policy.decided) == ("disclosure.statute.marked", Tier.STATUTE, False)
    assert [(each.path, each.condition, each.value, each.truth.name) for each in policy.conditions] == SHOWN
    assert not any(each.missing for each in policy.conditions)


def test_what_is_missing_is_an_error_and_is_said_to_be_missing() -> None:
    policy = explained({"action.verb": "ab", "resource.tags": ()})
    assert (policy.truth, policy.decided) == (Truth.ERROR, True)
    assert [each.path for each in policy.conditions if not each.missing] == ["action.verb"]
    assert {each.value for each in policy.conditions if each.missing} == {""}
    assert {each.truth for each in policy.conditions if each.missing} == {Truth.ERROR}


def test_of_what_is_not_of_its_type_nothing_is_shown() -> None:
    policy = explained(
        {**SEEN, "subject.name": b"secret", "resource.tags": "secret", "context.days": "secret"}
    )
    assert "secret" not in repr(policy)
    assert {each.path: each.value for each in policy.conditions if each.truth is Truth.ERROR} == {
        "subject.name": "not a text",
        "resource.tags": 'not a list of texts; ["b, c", "é"]',
        "context.days": "not a number",
    }


def test_values_can_be_masked() -> None:
    masked = [
        each.value for each in explained(SEEN, lambda path, value: f"{path}#{len(str(value))}").conditions
    ]
    assert masked[0] == "action.verb#2"
    assert masked[3] == "resource.tags#2; resource.labels#13"
