"""What the rules forbid is refused with file, line and words to write instead; all of it in one go."""

from __future__ import annotations

import pytest

from policy_service.engine import PolicyDocumentError, parse_document
from policy_service.engine.faults import MOST_FAULTS, Faults
from policy_service.engine.tiers import gates_of
from policy_service.model.vocabulary import Effect, Gate, Tier

POLICY = """\
uid: own.policy
title: A policy of our own
gate: GATE
tier: TIER
reason: OWN_POLICY
owner: privacy-office
policy:
  rules: {action: {$.verb: {condition: Equals, value: send}}}
"""
PERMITS = [tier for tier in Tier if tier.effect is Effect.PERMIT]
DENIES = [tier for tier in Tier if tier.effect is Effect.DENY]


def written(tier: Tier, gate: Gate | None = None) -> str:
    gate = gate or min(gates_of(tier))
    return POLICY.replace("GATE", gate).replace("TIER", tier.label)


def problems(text: str) -> list[tuple[int, str]]:
    with pytest.raises(PolicyDocumentError) as caught:
        parse_document(text, name="policies/own.yaml")
    assert {problem.file for problem in caught.value.problems} == {"policies/own.yaml"}
    return [(problem.line, problem.text) for problem in caught.value.problems]


@pytest.mark.parametrize("effect", ["allow", "permit", "Allow"])
@pytest.mark.parametrize("tier", DENIES)
def test_a_permit_in_a_tier_of_denies(tier: Tier, effect: str) -> None:
    for line, text in (
        (6, written(tier).replace("owner:", f"effect: {effect}\nowner:")),
        (8, written(tier).replace("  rules:", f"  effect: {effect}\n  rules:")),
    ):
        ((at, said),) = problems(text)
        assert at == line
        assert "leave it out: the tier gives" in said
        assert f"`{tier.label}` denies; a permit belongs in one of `court_order`, `override`, `basis`" in said


@pytest.mark.parametrize("tier", PERMITS)
def test_a_deny_in_a_tier_of_permits(tier: Tier) -> None:
    ((_, said),) = problems(written(tier).replace("owner:", "effect: deny\nowner:"))
    assert (
        f"`{tier.label}` permits; a deny belongs in one of `absolute`, `statute`, `request`, `baseline`"
        in said
    )


@pytest.mark.parametrize("tier", Tier)
def test_the_effect_that_the_tier_gives_is_left_out_too(tier: Tier) -> None:
    ((_, said),) = problems(written(tier).replace("owner:", f"effect: {tier.effect}\nowner:"))
    assert said.endswith("permits" if tier in PERMITS else "denies")


@pytest.mark.parametrize(
    ("tier", "gate", "instead"),
    [
        (Tier.COURT_ORDER, Gate.AUTHORITY, "belongs in the gate `disclosure`"),
        (Tier.COURT_ORDER, Gate.DELIVERY, "belongs in the gate `disclosure`"),
        (Tier.OVERRIDE, Gate.DELIVERY, "belongs in the gate `authority` or `disclosure`"),
    ],
)
def test_a_permit_in_a_gate_that_it_never_answers(tier: Tier, gate: Gate, instead: str) -> None:
    ((line, said),) = problems(written(tier, gate))
    assert line == 4
    assert instead in said


@pytest.mark.parametrize("tier", Tier)
def test_every_other_tier_may_stand_in_every_gate(tier: Tier) -> None:
    for gate in gates_of(tier):
        assert parse_document(written(tier, gate), name="own.yaml").tier is tier
    if tier not in (Tier.COURT_ORDER, Tier.OVERRIDE):
        assert len(gates_of(tier)) == 3


def test_an_absolute_policy_over_what_may_be_missing() -> None:
    text = written(Tier.ABSOLUTE, Gate.DELIVERY).replace(
        "{action: {$.verb: {condition: Equals, value: send}}}",
        "\n    context:\n      $.contact_point.verified_days: {condition: Gt, value: 180}",
    )
    ((line, said),) = problems(text)
    assert line == 10
    assert "`context.contact_point.verified_days` may be missing" in said
    assert said.endswith("write it in a lower tier, or name an attribute that never is")
    assert parse_document(text.replace("absolute", "baseline"), name="own.yaml").tier is Tier.BASELINE


EVERYTHING_WRONG = """\
uid: Own Policy
titel: A policy of our own
gate: delivery
tier: absolute
reason: own policy
effect: allow
owner: privacy-office
policy:
  priority: 1
  targets: {action_id: sea, user_id: x}
  rules:
    context:
      - $.contact_point.verified_days: {condition: Gt, value: 180}
        $.contact_point.gven: {condition: Eq, value: true}
      - $.contact_point.kind: {condition: IsIn, values: [fone, post, pst]}
    subject:
      $.kind: {condition: Eq, value: true}
      $.organisation:
        condition: AnyOf
        values:
          - {condition: Equals, value: 7}
          - {condition: AllNotIn, values: [a]}
    action: {}
"""


def test_everything_that_is_wrong_is_told_line_by_line() -> None:
    assert [line for line, _ in problems(EVERYTHING_WRONG)] == [
        *(1, 2, 5, 6, 9, 10, 10, 13, 14, 15, 15, 17, 21, 22, 23)
    ]


def test_the_first_of_them_is_the_error_itself() -> None:
    with pytest.raises(PolicyDocumentError) as caught:
        parse_document(EVERYTHING_WRONG, name="own.yaml")
    assert caught.value.message.startswith("own.yaml:1: uid: a uid is lower-case names joined by dots")
    assert caught.value.problems[0] is caught.value


def test_what_depends_on_a_word_that_is_wrong_is_not_guessed_at() -> None:
    text = EVERYTHING_WRONG.replace("gate: delivery", "gate: delivry").replace("absolute", "highest")
    said = dict(problems(text))
    assert "write one of `authority`" in said[3]
    assert "write one of `absolute`" in said[4]
    assert said[6] == "effect: leave it out: the tier gives effect and priority"
    assert 13 not in said  # whether it may name this depends on the tier


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gate: answer", "the gate `answer` takes obligations only"),
        ("gate: [delivery]", "gate: write a text"),
        ("gate: true", "gate: write a text"),
    ],
)
def test_a_gate_of_any_shape(text: str, said: str) -> None:
    ((line, first), *_) = problems(written(Tier.BASIS, Gate.DELIVERY).replace("gate: delivery", text))
    assert line == 3
    assert said in first


def test_an_obligation_is_told_whole_too() -> None:
    text = (
        "uid: x\ntitle: t\nkind: obligation\ngate: delivery\ntier: basis\nowner: o\non: [allow]\n"
        "owes:\n  kind: K\n  parameters:\n    a: resource.categories\n    b: no.such\n"
        "policy:\n  rules: {action: {$.verb: {condition: Equals, value: sea}}}\n"
    )
    assert [line for line, _ in problems(text)] == [5, 7, 9, 11, 12, 14]


def test_of_too_much_the_last_says_that_there_is_more() -> None:
    values = ", ".join(["sea"] * 500)
    text = written(Tier.BASIS, Gate.DELIVERY).replace(
        "condition: Equals, value: send", f"condition: IsIn, values: [{values}]"
    )
    found = problems(text)
    assert len(found) == MOST_FAULTS
    assert "never `sea`, perhaps `see` is meant" in found[0][1]
    assert found[-1] == (8, "there is more: mend these first, the rest of the file was not looked at")


@pytest.mark.parametrize(
    ("old", "new", "instead"),
    [
        ("$.verb", "$.xyzzy_q", "; `policy-service policies attributes` lists them"),
        ("value: send", "value: xyzzy", "is never `xyzzy`; write one of `see`, `send`"),
        ("$.verb", "$.weekday", "no attribute `action.weekday` in the catalogue; `policy-service"),
        ("$.verb", "$.channel", "`policy-service policies attributes action.channel` lists what it can hold"),
        ("{condition: Equals, value: send}", "send", "write a mapping, as in `{condition: Eq, value: true}`"),
        ("condition: Equals, ", "", "`condition` is missing: write one of `Equals`"),
        ("Equals", "Xyzzy", "no condition `Xyzzy`: write one of `Equals`"),
        ("OWN_POLICY", "A" * 65, "a code in capitals of at most 64 characters"),
    ],
)
def test_where_nothing_comes_near_it_says_what_there_is(old: str, new: str, instead: str) -> None:
    text = written(Tier.BASIS, Gate.DELIVERY)
    if new == "$.channel":
        text = text.replace("value: send", "value: qqqqq")
    assert old in text
    assert any(instead in said for _, said in problems(text.replace(old, new)))


def test_nothing_more_is_looked_at_once_there_is_too_much() -> None:
    faults = Faults()
    for line in range(1, MOST_FAULTS):
        faults.note(PolicyDocumentError("own.yaml", line, "wrong"))
    with pytest.raises(PolicyDocumentError) as caught:
        faults.note(PolicyDocumentError("own.yaml", MOST_FAULTS, "wrong"))
    assert len(caught.value.problems) == MOST_FAULTS


def test_a_line_with_nothing_below_it_says_what_belongs_there() -> None:
    top, _, _ = written(Tier.BASELINE).partition(" {action:")
    below = "nothing stands below it: write "
    aces = "`subject`, `resource`, `action`, `context` there, indented further than this line"
    assert problems(top) == [(8, f"policy.rules: {below}{aces}")]
    ((line, said),) = problems(f"{top}\n    action:\n")
    assert line == 9
    assert said.startswith(f"policy.rules.action: {below}a condition there, indented further than this line")
