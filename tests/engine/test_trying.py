"""Trying cases: what fails and why, and what no case has decided."""

from __future__ import annotations

import itertools

import pytest

from policy_service.engine import trying
from policy_service.engine.cases import parse_cases
from policy_service.engine.catalogue import CATALOGUE
from policy_service.engine.covered import Coverage
from policy_service.engine.documents import PolicyDocument, parse_document
from policy_service.engine.truth import Truth
from policy_service.engine.trying import Tried, try_cases
from policy_service.model.vocabulary import Effect, Tier
from tests.engine.extended import EXTENDED

HEAD = "title: A policy\ngate: disclosure\nowner: privacy-office\n"
DENY = (
    "uid: own.deny\n"
    + HEAD
    + """\
tier: request
reason: ADVERSE
policy:
  rules:
    context:
      $.recipient.adverse: {condition: Eq, value: true}
      $.order.covers: {condition: Eq, value: false}
"""
)
TEAM = (
    "uid: own.team\n"
    + HEAD
    + """\
tier: basis
reason: TEAM
policy:
  rules:
    context:
      - $.recipient.works_on_record: {condition: Eq, value: true}
      - $.recipient.is_data_subject: {condition: Eq, value: true}
        $.recipient.identified: {condition: Eq, value: true}
"""
)
TRAINED = (
    "uid: own.trained\n"
    + HEAD
    + """\
tier: baseline
reason: TRAINING
policy:
  rules:
    subject:
      $.attributes.training: {condition: Not, value: {condition: AnyIn, values: [reading]}}
    resource:
      $.categories: {condition: AnyIn, values: [abuse.account]}
"""
)
MASK = (
    "uid: own.mask\nkind: obligation\n"
    + HEAD
    + """\
owes: {kind: mask, parameters: {part: resource.mask}}
policy:
  rules:
    resource: {$.mask: {condition: NotEquals, value: ""}}
    context: {$.cell.tier: {condition: Equals, value: basis}}
"""
)
ALL = (DENY, TEAM, TRAINED, MASK)


def documents(*texts: str) -> dict[str, PolicyDocument]:
    return {
        each.uid: each for each in (parse_document(text, name="a.yaml", catalogue=EXTENDED) for text in texts)
    }


def tried(cases: str, *texts: str, most_told: int = trying.MOST_TOLD) -> Tried:
    known = documents(*(texts or ALL))
    text = f"gate: disclosure\ncases:\n{cases}"
    read = parse_cases(text, name="t", documents=known, catalogue=EXTENDED)
    return try_cases(known.values(), read, EXTENDED, most_told=most_told)


def case(title: str, given: str, expect: str) -> str:
    return f"  - {{title: {title}, given: {{{given}}}, expect: {{{expect}}}}}\n"


TO_TEAM = "context.recipient.works_on_record: true"
ADVERSE = "context.recipient.adverse: true"


@pytest.mark.parametrize(
    ("given", "expect"),
    [
        ("", "effect: deny, reason: NO_BASIS"),
        (TO_TEAM, "effect: permit, reason: TEAM, policies: [own.team], owed: []"),
        (f"{TO_TEAM}, {ADVERSE}", "effect: deny, reason: ADVERSE, policies: [own.deny], owed: []"),
        (f"{TO_TEAM}, resource.mask: last4", "effect: permit, reason: TEAM, owed: [own.mask]"),
        (f"{TO_TEAM}, resource.mask: last4", "owed: [{own.mask: {part: last4}}]"),
        (f"{TO_TEAM}, resource.categories: [abuse.account]", "effect: deny, reason: TRAINING"),
        (f"{TO_TEAM}, resource.categories: [abuse.account], subject.attributes.training: [reading]",
         "effect: permit, reason: TEAM"),
        ("resource.implied: true", "effect: permit"),
        (f"resource.implied: true, {ADVERSE}", "effect: deny, reason: ADVERSE"),
        (f"{TO_TEAM}, resource.mask: last4, context.cell.tier: override", "owed: []"),
    ],
)  # fmt: skip
def test_what_comes_as_expected(given: str, expect: str) -> None:
    assert tried(case("a", given, expect)).failures == ()


@pytest.mark.parametrize(
    ("given", "expect", "looked"),
    [
        # What decided, and what should have.
        (ADVERSE, "effect: permit, reason: TEAM", {"own.deny": True, "own.team": False}),
        (TO_TEAM, "effect: deny, reason: ADVERSE", {"own.team": True, "own.deny": False}),
        (TO_TEAM, "effect: deny, reason: NO_BASIS", {"own.team": True}),
        ("", "effect: permit, reason: TEAM", {"own.team": False}),
        # The same effect for another reason, and the same reason by other policies.
        (ADVERSE, "effect: deny, reason: TRAINING", {"own.deny": True, "own.trained": False}),
        (ADVERSE, "effect: deny, reason: ADVERSE, policies: [own.deny, own.trained]", {"own.trained": False}),
        # What is owed on one side alone, and what is owed otherwise.
        (TO_TEAM, "owed: [own.mask]", {"own.mask": False}),
        (f"{TO_TEAM}, resource.mask: last4", "owed: []", {"own.mask": True}),
        (f"{TO_TEAM}, resource.mask: last4", "owed: [{own.mask: {part: first2}}]", {}),
    ],
)
def test_what_comes_otherwise(given: str, expect: str, looked: dict[str, bool]) -> None:
    (failure,) = tried(case("a", given, expect)).failures
    assert {each.uid: each.counted for each in failure.looked} == looked


def test_a_failure_tells_what_each_condition_saw_and_whether_the_case_said_it() -> None:
    (failure,) = tried(case("a", f"{TO_TEAM}, {ADVERSE}", "effect: permit, reason: TEAM")).failures
    assert failure.came.outcome is not None
    assert (failure.came.outcome.effect, failure.came.outcome.tier) == (Effect.DENY, Tier.REQUEST)
    deny, team = failure.looked
    assert (deny.uid, deny.asked, deny.truth) == ("own.deny", True, Truth.TRUE)
    assert [(each.condition.path, each.condition.value, each.said) for each in deny.conditions] == [
        ("context.recipient.adverse", "true", True),
        ("context.order.covers", "false", False),
    ]
    # It would have applied, had nothing above it.
    assert (team.uid, team.asked, team.truth, team.counted) == ("own.team", False, Truth.TRUE, False)


def test_what_is_told_is_bounded() -> None:
    given = (
        f"{TO_TEAM}, subject.attributes.training: [{', '.join(f'course_{number}' for number in range(200))}]"
    )
    abuse = f"{given}, resource.categories: [abuse.account]"
    cases = case("a", abuse, "effect: permit, reason: TEAM") * 3
    failures = tried(cases, most_told=5).failures
    assert [bool(failure.looked) for failure in failures] == [True, False, False]
    training = next(each for each in failures[0].looked if each.uid == "own.trained").conditions[0]
    assert len(training.condition.value) < trying.LONGEST_VALUE + 3


def test_a_missing_attribute_is_told_as_missing() -> None:
    given = f"{TO_TEAM}, resource.categories: [abuse.account]"
    (failure,) = tried(case("a", given, "effect: permit, reason: TEAM")).failures
    trained = next(each for each in failure.looked if each.uid == "own.trained")
    assert (trained.truth, trained.counted) == (Truth.ERROR, True)
    assert trained.conditions[0].condition.missing


# --- what no case has decided ---------------------------------------------------------------------------


def gaps(cases: str, *texts: str) -> set[tuple[str, str]]:
    return {(each.uid, each.path.rpartition(".")[2]) for each in tried(cases, *texts).uncovered}


def test_a_policy_that_never_decided() -> None:
    assert gaps(case("a", TO_TEAM, "effect: permit, reason: TEAM"), DENY, TEAM) >= {("own.deny", "")}


def test_a_condition_is_decided_where_it_alone_makes_the_difference() -> None:
    holds = case("a", ADVERSE, "effect: deny, reason: ADVERSE")
    assert gaps(holds, DENY) == {("own.deny", "adverse"), ("own.deny", "covers")}
    # Where both do not hold, neither makes the difference.
    both = holds + case("b", "context.order.covers: true", "effect: deny, reason: NO_BASIS")
    assert gaps(both, DENY) == {("own.deny", "adverse"), ("own.deny", "covers")}
    one = holds + case("c", f"{ADVERSE}, context.order.covers: true", "effect: deny, reason: NO_BASIS")
    assert gaps(one, DENY) == {("own.deny", "adverse")}
    assert gaps(one + case("d", "", "effect: deny, reason: NO_BASIS"), DENY) == set()


def test_an_alternative_is_decided_where_no_other_holds() -> None:
    herself = "context.recipient.is_data_subject: true, context.recipient.identified: true"
    permit, deny = "effect: permit, reason: TEAM", "effect: deny, reason: NO_BASIS"
    both = case("a", f"{TO_TEAM}, {herself}", permit) + case("b", "", deny)
    assert gaps(both, TEAM) == {
        ("own.team", "works_on_record"),
        ("own.team", "is_data_subject"),
        ("own.team", "identified"),
    }
    each = both + case("c", TO_TEAM, permit) + case("d", herself, permit)
    assert gaps(each, TEAM) == {("own.team", "is_data_subject"), ("own.team", "identified")}
    assert gaps(each + case("e", "context.recipient.identified: true", deny), TEAM) == {
        ("own.team", "identified")
    }


def test_below_the_deciding_tier_nothing_is_decided() -> None:
    cases = case("a", f"{TO_TEAM}, {ADVERSE}", "effect: deny, reason: ADVERSE")
    assert ("own.team", "") in gaps(cases)


def test_a_case_decides_nothing_of_what_it_does_not_look_at() -> None:
    given = f"{TO_TEAM}, resource.mask: last4"
    assert ("own.mask", "") in gaps(case("a", given, "effect: permit, reason: TEAM"))
    assert ("own.team", "") in gaps(case("a", given, "owed: [own.mask]"))
    assert ("own.mask", "") not in gaps(case("a", given, "owed: [own.mask]"))


ADVERSE_TOO = DENY.replace("own.deny", "own.deny_too").replace("recipient.adverse", "recipient.associate")
ASSOCIATE = "context.recipient.associate: true"


def test_a_case_that_would_not_notice_decides_no_condition() -> None:
    """Another policy says the same there, so that whoever leaves a condition out meets no case."""
    deny, basis = "effect: deny, reason: ADVERSE", "effect: deny, reason: NO_BASIS"
    cases = case("a", ADVERSE, deny) + case("b", ASSOCIATE, deny)
    hidden = cases + case("c", f"{ADVERSE}, {ASSOCIATE}", deny)
    assert gaps(hidden, DENY, ADVERSE_TOO) == {
        (uid, path)
        for uid, path in [
            ("own.deny", "adverse"),
            ("own.deny", "covers"),
            ("own.deny_too", "associate"),
            ("own.deny_too", "covers"),
        ]
    }
    # Where the case names the policies that decide, it does notice.
    named = case("a", ADVERSE, f"{deny}, policies: [own.deny]")
    named += case("b", ASSOCIATE, f"{deny}, policies: [own.deny_too]")
    assert gaps(named, DENY, ADVERSE_TOO) == {("own.deny", "covers"), ("own.deny_too", "covers")}
    without = DENY.replace("      $.recipient.adverse: {condition: Eq, value: true}\n", "")
    assert tried(hidden, without, ADVERSE_TOO).failures == ()
    assert len(tried(named, without, ADVERSE_TOO).failures) == 1
    assert gaps(cases + case("d", "", basis), DENY, ADVERSE_TOO) == {
        ("own.deny", "covers"),
        ("own.deny_too", "covers"),
    }


def test_a_lower_tier_may_say_the_same() -> None:
    low = ADVERSE_TOO.replace("tier: request", "tier: baseline")
    cases = case("a", f"{ADVERSE}, {ASSOCIATE}", "effect: deny, reason: ADVERSE")
    cases += case("b", "", "effect: deny, reason: NO_BASIS")
    assert ("own.deny", "adverse") in gaps(cases, DENY, low)
    assert ("own.deny", "adverse") not in gaps(
        cases + case("c", ADVERSE, "effect: deny, reason: ADVERSE"), DENY, low
    )


def test_a_condition_that_errs_is_not_one_that_does_not_hold() -> None:
    abuse = "resource.categories: [abuse.account]"
    cases = case("a", f"{abuse}, subject.attributes.training: [driving]", "effect: deny, reason: TRAINING")
    missing = cases + case("b", abuse, "effect: deny, reason: TRAINING")
    assert ("own.trained", "training") in gaps(missing, TRAINED)
    trained = missing + case(
        "c", f"{abuse}, subject.attributes.training: [reading]", "effect: deny, reason: NO_BASIS"
    )
    assert ("own.trained", "training") not in gaps(trained, TRAINED)


@pytest.mark.parametrize("text", [DENY, TEAM])
def test_what_makes_the_difference_is_what_turns_the_whole_round(text: str) -> None:
    """Every combination, against turning each condition round and asking again."""

    def whole(truths: tuple[bool, ...]) -> bool:
        return truths[0] and truths[1] if text == DENY else truths[0] or (truths[1] and truths[2])

    (document,) = documents(text).values()
    for truths in itertools.product((False, True), repeat=2 if text == DENY else 3):
        coverage = Coverage([document], CATALOGUE)
        coverage.count(
            document.uid, [Truth.TRUE if truth else Truth.FALSE for truth in truths], counted=True, tells=True
        )
        turned = [tuple(not t if i == j else t for j, t in enumerate(truths)) for i in range(len(truths))]
        decisive = [i for i, other in enumerate(turned) if whole(other) is not whole(truths)]
        held = {i for i in decisive if whole(truths) and truths[i]}
        # Of those that held nothing but the case in which they do not is missing.
        missing = [each.text for each in coverage.uncovered()]
        assert {i for i, each in enumerate(missing) if "alone does not hold" in each} == held


def test_the_order_of_cases_changes_nothing() -> None:
    cases = [
        case("a", TO_TEAM, "effect: permit, reason: TEAM"),
        case("b", "", "effect: deny, reason: NO_BASIS"),
    ]
    assert tried("".join(cases)).uncovered == tried("".join(reversed(cases))).uncovered
