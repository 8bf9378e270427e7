"""Attributes that a policy set declares: what a declaration says, and where a policy may name one."""

from __future__ import annotations

import importlib
import inspect
import re
import string

import pytest

from policy_service.engine import (
    CATALOGUE,
    AttributeType,
    Catalogue,
    PolicyDocument,
    PolicyDocumentError,
    PolicySetError,
    abac,
    compile_set,
    parse_document,
)
from policy_service.engine.declared import Owner, check_set, holds, names_of, parse_attribute
from policy_service.model.vocabulary import Effect, Gate, Tier
from tests.engine.extended import TENURE, TRAINING

SHIFTS = """\
name: shifts
of: user
type: number
sentence: How many shifts somebody works in a week.
example: 3
"""


def declared(text: str) -> Catalogue:
    return CATALOGUE.extended([parse_attribute(text, name="a.yaml")])


def test_what_a_declaration_says() -> None:
    training = parse_attribute(TRAINING, name="a.yaml")
    assert (training.path, training.type) == ("subject.attributes.training", AttributeType.STRINGS)
    assert training.gates == set(Gate)
    assert training.example == "[domestic_abuse_basics]"
    assert training.declared
    assert not training.total
    assert training.protected  # any text may stand there
    tenure = parse_attribute(TENURE, name="a.yaml")
    assert (tenure.path, sorted(tenure.values)) == ("resource.attributes.tenure", ["licence", "tenancy"])
    assert not tenure.protected
    assert not parse_attribute(SHIFTS, name="a.yaml").protected
    assert names_of([training, tenure], Owner.RECORD) == {"tenure": tenure}


@pytest.mark.parametrize(
    ("text", "old", "new", "line", "said"),
    [
        (TRAINING, "name: training", "name: Training", 1, "lower-case words joined by `_`"),
        (TRAINING, "name: training", "name: training_", 1, "lower-case words joined by `_`"),
        (TRAINING, "name: training", f"name: {'a' * 65}", 1, "of at most 64 characters"),
        (TRAINING, "of: user", "of: usr", 2, "perhaps `user` is meant"),
        (TRAINING, "of: user", "of: person", 2, "write one of `user`, `record`"),
        (TRAINING, "strings", "list", 3, "write one of `string`, `strings`, `boolean`, `number`"),
        (TRAINING, "passed.", "passed", 4, "ends in a full stop"),
        (TRAINING, "The courses", "the courses", 4, "begins with a capital"),
        (TRAINING, "[domestic_abuse_basics]", "domestic_abuse_basics", 5, "write a list"),
        (TRAINING, "[domestic_abuse_basics]", "[1]", 5, "write a text"),
        (TRAINING, "[domestic_abuse_basics]", f"[{'a' * 256}]", 5, "at most 256 characters"),
        (TRAINING, "example", "exmple", 5, "perhaps `example` is meant"),
        (TRAINING, "of: user\n", "", 1, "`of` is missing: write whose it is, one of `user`, `record`"),
        (TRAINING, "of: user", "of: user\nof: record", 3, "stands here and in line"),
        (TRAINING, "of: user", "of: &x user", 2, "anchor `&x`"),
        (SHIFTS, "example: 3", 'example: "3"', 5, "without quotes"),
        (SHIFTS, "example: 3", "example: 3\nvalues: [a]", 6, "only texts have a closed vocabulary"),
        (TENURE, "example: licence", "example: licens", 5, "perhaps `licence` is meant"),
        (TENURE, "[licence, tenancy]", "[licence, licence]", 6, "stands there twice"),
        (TENURE, "[licence, tenancy]", "[]", 6, "the list is empty"),
        (TENURE, "[licence, tenancy]", "[licence, 3]", 6, "write a text"),
        (TENURE, "[licence, tenancy]", str([f"v{i}" for i in range(201)]), 6, "there may be 200"),
    ],
)
def test_a_declaration_that_is_refused_says_where_and_what_to_write(
    text: str, old: str, new: str, line: int, said: str
) -> None:
    wrong = text.replace(old, new, 1)
    assert wrong != text
    with pytest.raises(PolicyDocumentError) as refused:
        parse_attribute(wrong, name="attributes/own.yaml")
    assert any(one.line == line and said in one.message for one in refused.value.problems)
    assert refused.value.message.startswith("attributes/own.yaml:")


def test_a_number_has_no_values_whatever_they_are() -> None:
    """And whoever wrote them is not first told to write texts."""
    with pytest.raises(PolicyDocumentError) as refused:
        parse_attribute(SHIFTS + "values: [1, 2]\n", name="a.yaml")
    assert [one.text for one in refused.value.problems] == [
        "values: only texts have a closed vocabulary: leave it out"
    ]


@pytest.mark.parametrize("name", ["n", "t", "in", "matches", "nil", "now", "len", "e", "a1"])
def test_whatever_may_be_declared_a_policy_can_name(name: str) -> None:
    """A path is an expression to py-abac, in which some words are no names."""
    text = TENURE.replace("name: tenure", f"name: {name}")
    if name in abac.NO_NAMES:
        with pytest.raises(PolicyDocumentError, match=f"say more, as in `is_{name}`"):
            declared(text)
        return
    named = OF_TENURE.replace("TIER", "baseline").replace("CONDITION", "{condition: Equals, value: licence}")
    parse_document(named.replace("tenure:", f"{name}:"), name="own.yaml", catalogue=declared(text))


def test_the_words_that_are_no_names_are_all_that_py_abac_has() -> None:
    """Told without our own check, by py-abac itself."""
    source = inspect.getsource(importlib.import_module("objectpath.core.parser"))
    words = {*re.findall(r'"([a-z]+)"', source), *string.ascii_lowercase}
    assert len(words) > 30

    def is_refused(word: str) -> bool:
        part = {"rules": {"resource": {f"$.attributes.{word}": {"condition": "Equals", "value": "a"}}}}
        try:
            abac.parse(part, uid="own.a", effect=Effect.DENY, priority=1)
        except abac.NotPyAbac:
            return True
        return False

    assert {word for word in words | abac.NO_NAMES if is_refused(word)} == abac.NO_NAMES


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(PolicyDocumentError) as refused:
        parse_attribute("name: A\nof: x\ntype: y\nsentence: z\nexample: 1\ncolour: red\n", name="a.yaml")
    assert [one.line for one in refused.value.problems] == [1, 2, 3, 4, 6]


def test_a_set_declares_each_once_and_not_too_many() -> None:
    training, tenure = (parse_attribute(text, name="a.yaml") for text in (TRAINING, TENURE))
    assert check_set([training, tenure]) == (tenure, training)  # in the order of their paths
    with pytest.raises(PolicySetError, match=r"`subject\.attributes\.training` is in the set twice"):
        check_set([training, tenure, training])
    many = (parse_attribute(TRAINING.replace("training", f"t{i}"), name="a.yaml") for i in range(201))
    with pytest.raises(PolicySetError, match="declares 201 attributes, and may declare 200"):
        check_set(many)


def test_what_an_attribute_can_hold() -> None:
    tenure = parse_attribute(TENURE, name="a.yaml")
    assert holds(tenure, "licence")
    assert not holds(tenure, "lease")
    assert not holds(tenure, ("licence",))
    assert not holds(parse_attribute(SHIFTS, name="a.yaml"), True)


# --- in a policy ------------------------------------------------------------------------------------------

POLICY = """\
uid: own.policy
title: A policy of our own
gate: GATE
tier: TIER
reason: OWN_POLICY
owner: privacy-office
policy:
  rules:
    subject:
      $.attributes.training: {condition: AnyIn, values: [domestic_abuse_basics]}
"""
MAY = (Tier.BASELINE, Tier.BASIS)


def policy(tier: Tier, gate: Gate = Gate.DISCLOSURE) -> str:
    return POLICY.replace("GATE", gate).replace("TIER", tier.label)


def parsed(text: str) -> PolicyDocument:
    return parse_document(text, name="own.yaml", catalogue=declared(TRAINING))


@pytest.mark.parametrize("gate", [Gate.AUTHORITY, Gate.DISCLOSURE, Gate.DELIVERY])
@pytest.mark.parametrize("tier", Tier)
def test_only_where_a_callers_word_may_move_something(tier: Tier, gate: Gate) -> None:
    if tier in MAY:
        assert parsed(policy(tier, gate)).tier is tier
        return
    with pytest.raises(PolicyDocumentError) as refused:
        parsed(policy(tier, gate))
    words = f"nobody talks his way round the tier `{tier.label}`: write it in `baseline` or `basis`"
    (said,) = (one for one in refused.value.problems if words in one.text)
    assert said.line == 10


@pytest.mark.parametrize("tier", [tier for tier in Tier if tier not in MAY])
def test_nor_beside_an_attribute_that_the_service_works_out(tier: Tier) -> None:
    compared = policy(tier).replace(
        "$.attributes.training: {condition: AnyIn, values: [domestic_abuse_basics]}",
        "$.roles: {condition: AnyInAttribute, ace: subject, path: $.attributes.training}",
    )
    with pytest.raises(PolicyDocumentError, match="nobody talks his way round"):
        parsed(compared)


def test_an_obligation_may_name_it_and_hands_no_text_on() -> None:
    text = policy(Tier.BASIS).replace("tier: basis\nreason: OWN_POLICY", "kind: obligation\nowes: OWES")
    warns = text.replace("OWES", "{kind: show_warning}")
    assert parsed(warns).tier is None
    tells = text.replace("OWES", "{kind: show_warning, parameters: {courses: subject.attributes.training}}")
    with pytest.raises(PolicyDocumentError, match="what is owed stands in the log"):
        parsed(tells)


def test_what_is_not_declared_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(PolicyDocumentError, match=r"perhaps `subject\.attributes\.training` is meant"):
        parsed(policy(Tier.BASIS).replace("training", "trainin"))
    with pytest.raises(PolicyDocumentError, match=r"no attribute `subject\.attributes\.training`"):
        parse_document(policy(Tier.BASIS), name="own.yaml")
    with pytest.raises(PolicyDocumentError, match=r"declare it in a file below `attributes`"):
        parse_document(policy(Tier.BASIS), name="own.yaml")
    assert "subject.training" not in CATALOGUE  # nothing supplied it


@pytest.mark.parametrize("value", [None, "domestic_abuse_basics", True, 3, (1,)])
def test_promise_1_missing_and_of_another_type_permit_nothing(value: object) -> None:
    for tier, asks in ((Tier.BASIS, True), (Tier.BASELINE, False)):
        document = parsed(policy(tier))
        plan = compile_set([document], declared(TRAINING))
        given = {} if value is None else {"subject.attributes.training": value}
        outcome = plan.decide(Gate.DISCLOSURE, given, denies_only=not asks)
        assert outcome.effect is Effect.DENY
        assert outcome.by_error == (() if asks else ("own.policy",))
    right = compile_set([parsed(policy(Tier.BASIS))], declared(TRAINING))
    passed = {"subject.attributes.training": ("domestic_abuse_basics",)}
    assert right.decide(Gate.DISCLOSURE, passed).effect is Effect.PERMIT


LEFT_OVER = "Flat 2, Refuge House"
"""Put on file before the declaration had `values`."""
OF_TENURE = """\
uid: own.of_tenure
title: A policy of our own
gate: authority
tier: TIER
reason: OWN_POLICY
owner: privacy-office
policy:
  rules:
    resource:
      $.attributes.tenure: CONDITION
"""


@pytest.mark.parametrize("tier", [Tier.BASIS, Tier.BASELINE])
@pytest.mark.parametrize(
    "condition",
    [
        "{condition: Equals, value: licence}",
        "{condition: NotEquals, value: licence}",
        "{condition: IsNotIn, values: [licence]}",
        "{condition: Not, value: {condition: Contains, value: lic}}",
        "{condition: EqualsAttribute, ace: resource, path: $.attributes.tenure}",
    ],
)
def test_promise_1_a_value_that_a_later_set_has_no_more_permits_nothing(tier: Tier, condition: str) -> None:
    catalogue = declared(TENURE)
    text = OF_TENURE.replace("TIER", tier.label).replace("CONDITION", condition)
    plan = compile_set([parse_document(text, name="own.yaml", catalogue=catalogue)], catalogue)
    given = {"resource.attributes.tenure": LEFT_OVER}
    outcome = plan.decide(Gate.AUTHORITY, given, denies_only=tier is Tier.BASELINE)
    assert outcome.effect is Effect.DENY
    assert outcome.by_error == (() if tier is Tier.BASIS else ("own.of_tenure",))


def test_promise_1_nor_is_it_passed_over() -> None:
    """So many that the policies of a tier are found by what they require."""
    catalogue = declared(TENURE)
    text = OF_TENURE.replace("TIER", "baseline").replace("CONDITION", "{condition: Equals, value: licence}")
    documents = [
        parse_document(
            text.replace("own.of_tenure", f"own.of_tenure_{i}"), name="own.yaml", catalogue=catalogue
        )
        for i in range(50)
    ]
    plan = compile_set(documents, catalogue)
    outcome = plan.decide(Gate.AUTHORITY, {"resource.attributes.tenure": LEFT_OVER}, denies_only=True)
    assert (outcome.effect, len(outcome.by_error)) == (Effect.DENY, 50)


OBLIGATION = """\
uid: own.obligation
title: An obligation of our own
kind: obligation
gate: disclosure
owes: {kind: show_warning, parameters: {part: resource.attributes.tenure}}
owner: privacy-office
policy:
  rules: {}
"""


def test_promise_6_and_it_is_not_handed_on() -> None:
    catalogue = declared(TENURE)
    plan = compile_set([parse_document(OBLIGATION, name="own.yaml", catalogue=catalogue)], catalogue)
    (owed,) = plan.owed(Gate.DISCLOSURE, Effect.PERMIT, {"resource.attributes.tenure": LEFT_OVER})
    assert (owed.parameters, owed.by_error) == ((), True)
    (owed,) = plan.owed(Gate.DISCLOSURE, Effect.PERMIT, {"resource.attributes.tenure": "licence"})
    assert (owed.parameters, owed.by_error) == ((("part", "licence"),), False)
