"""Lint: what is right and most likely not what was meant, with file, line and what to do."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_service.engine.catalogue import CATALOGUE as SHIPPED
from policy_service.engine.catalogue import AttributeType
from policy_service.engine.contradictions import Contradictions
from policy_service.engine.declared import parse_attribute
from policy_service.engine.documents import PolicyDocument, parse_document
from policy_service.engine.evaluate import Compiler
from policy_service.engine.lint import RecordTypes, Warned, lint
from policy_service.engine.looks import Looks
from policy_service.engine.truth import Truth
from policy_service.model.attributes import Attributes, Value
from tests.engine import generators
from tests.engine.generators import CATALOGUE, times
from tests.support.shipped import POLICY_SET

HEAD = """\
uid: UID
title: A policy
gate: delivery
tier: baseline
reason: NO_CALL
owner: privacy-office
policy:
"""
RULES = """\
  rules:
    action:
      $.channel: {condition: IsIn, values: [phone.live, sms]}
    context:
      $.recipient.adverse: {condition: Eq, value: true}
"""
ONE = "{condition: Eq, value: true}"
OBLIGATION = """\
uid: UID
title: An obligation
kind: obligation
gate: delivery
owes: {kind: no_voicemail}
owner: privacy-office
policy:
"""


def document(rules: str, uid: str = "own.a", head: str = HEAD) -> PolicyDocument:
    return parse_document(head.replace("UID", uid) + rules, name="a.yaml")


def warned(*documents: PolicyDocument, record_types: RecordTypes | None = None) -> list[Warned]:
    return list(lint(((f"{each.uid}.yaml", each) for each in documents), record_types=record_types))


def test_nothing_is_said_of_what_ships() -> None:
    documents = [(name, parse_document(text, name=name)) for name, text in POLICY_SET.documents]
    assert list(lint(documents, record_types=RecordTypes(frozenset(), frozenset()))) == []


# --- duplicates -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "again",
    [
        RULES,
        RULES.replace("[phone.live, sms]", "[sms, phone.live]"),
        RULES.replace(ONE, "{condition: AllOf, values: [ONE]}").replace("ONE", ONE),
    ],
)
def test_what_says_the_same_is_told_once_with_both_places(again: str) -> None:
    (found,) = warned(document(RULES), document(again, "own.b"))
    assert (found.file, found.line) == ("own.b.yaml", 7)
    assert found.text.startswith("policy: `own.a` (own.a.yaml:7) says the same in the same gate and tier, so")
    assert found.text.endswith("never matters: leave one out, or say where they differ")


def test_of_two_reasons_one_is_never_told() -> None:
    other = HEAD.replace("NO_CALL", "NOT_NOW")
    (found,) = warned(document(RULES), document(RULES, "own.b", other))
    assert "and only one of their reasons is ever told" in found.text


@pytest.mark.parametrize(
    ("rules", "head"),
    [
        (RULES.replace("true", "false"), HEAD),
        (RULES.replace("sms", "post"), HEAD),
        (RULES, HEAD.replace("baseline", "request")),
        (RULES, HEAD.replace("gate: delivery", "gate: disclosure")),
        (RULES, OBLIGATION),
    ],
)
def test_what_differs_is_not_told(rules: str, head: str) -> None:
    assert warned(document(RULES), document(rules, "own.b", head)) == []


def test_obligations_that_owe_the_same() -> None:
    first = document(RULES, "own.a", OBLIGATION)
    (found,) = warned(first, document(RULES, "own.b", OBLIGATION))
    assert found.text.startswith("policy: `own.a` (own.a.yaml:7) owes the same")
    for other in ("on: [deny]\nowes", "advice: true\nowes"):
        assert warned(first, document(RULES, "own.b", OBLIGATION.replace("owes", other))) == []
    assert warned(first, document(RULES, "own.b", OBLIGATION.replace("no_voicemail", "notify"))) == []


# --- what never holds -------------------------------------------------------------------------------------


def rule(condition: str, path: str = "$.channel", heading: str = "action") -> str:
    return f"  rules:\n    {heading}:\n      {path}: {{condition: {condition}}}\n"


def both(*conditions: str) -> str:
    return f"AllOf, values: [{', '.join(f'{{condition: {each}}}' for each in conditions)}]"


def neither(condition: str) -> str:
    return f"Not, value: {{condition: {condition}}}"


def targets(written: str) -> str:
    return f"  targets: {{{written}}}\n  rules: {{}}\n"


def adverse(*conditions: str) -> str:
    return rule(both(*conditions), "$.recipient.adverse", "context")


def days(*conditions: str) -> str:
    return rule(both(*conditions), "$.contact_point.verified_days", "context")


def roles(*conditions: str) -> str:
    return rule(both(*conditions), "$.recipient.party_roles", "context")


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (rule(both("Equals, value: sms", "Equals, value: post")), '`Equals "sms"` and `Equals "post"`'),
        (rule(both("IsIn, values: [sms, post]", "IsIn, values: [email]")), '`IsIn ["sms", "post"]` and'),
        (
            rule(both("IsIn, values: [sms, post]", "NotEquals, value: sms", "IsNotIn, values: [post]")),
            '`IsIn ["sms", "post"]`, `NotEquals "sms"` and `IsNotIn ["post"]`',
        ),
        (rule(both("Equals, value: sms", neither("Equals, value: sms"))), '"sms"` and `Not (Equals "sms")`'),
        (adverse("Eq, value: true", "Eq, value: false"), "`Eq true` and `Eq false`"),
        (adverse("Eq, value: true", "Neq, value: true"), "`Eq true` and `Neq true`"),
        (days("Gt, value: 30", "Lt, value: 30"), "`Gt 30` and `Lt 30`"),
        (days("Gt, value: 30", "Lt, value: 60", "IsIn, values: [7, 30]"), "`Gt 30` and `IsIn [7, 30]`"),
        (days("NotExists", "Gt, value: 30"), "`NotExists` and `Gt 30`"),
        (roles("IsEmpty", "AnyIn, values: [carer]"), '`IsEmpty` and `AnyIn ["carer"]`'),
        (
            roles("AllIn, values: [carer]", "AnyIn, values: [parent]"),
            '["carer"]` and `AnyIn ["parent"]`',
        ),
        (
            roles("AllIn, values: [carer]", neither("AnyIn, values: [carer]"), "IsNotEmpty"),
            '`AllIn ["carer"]`, `Not (AnyIn ["carer"])` and `IsNotEmpty`',
        ),
    ],
)
def test_what_can_never_hold_is_told_with_its_line(rules: str, said: str) -> None:
    (found,) = warned(document(rules))
    assert found.line == 10
    assert ": the policy can never apply: `" in found.text
    assert f"{said} at once: leave one out" in found.text or (said in found.text and said.endswith("and"))


@pytest.mark.parametrize(
    ("rules", "line", "said"),
    [
        (
            "  targets: {action_id: see}\n" + rule("Equals, value: send", "$.verb"),
            11,
            'policy.rules.action["$.verb"]: the policy can never apply: `action.verb` is never `Equals',
        ),
        (targets("action_id: read*"), 8, '`StartsWith "read"` holds of nothing that `action.verb` can be'),
        (targets("subject_id: [robot*, user*]"), 8, "policy.targets.subject_id: the policy can never apply"),
        (rule("StartsWith, value: fax"), 10, "`policy-service policies attributes action.channel` tells"),
    ],
)
def test_a_target_that_nothing_is_is_told(rules: str, line: int, said: str) -> None:
    (found,) = warned(document(rules))
    assert found.line == line
    assert said in found.text


@pytest.mark.parametrize(
    "rules",
    [
        RULES,
        rule(both("IsIn, values: [sms, post]", "NotEquals, value: sms")),
        days("Gte, value: 30", "Lte, value: 30"),
        days("Gt, value: 30", "Lt, value: 31"),
        roles("AllIn, values: [carer, parent]", "AnyIn, values: [parent]"),
        roles("AnyIn, values: [carer]", "AnyIn, values: [parent]"),
        roles("AllIn, values: [carer]", "IsEmpty"),
        rule(both("StartsWith, value: a", "EndsWith, value: b"), "$.artefact_type"),
        rule(both("Equals, value: A, case_insensitive: true", "Equals, value: a"), "$.artefact_type"),
        targets("action_id: se*, subject_id: [staff, jo*]"),
        # The text that stands for all that no test names is named.
        rule('NotEquals, value: "\\uFFFD"', "$.artefact_type"),
        rule(both("IsNotEmpty", neither('AnyIn, values: ["\\uFFFD"]')), "$.roles", "subject"),
        # One more is the same double, and doubles lie further apart than whole numbers.
        days("Neq, value: 9007199254740992"),
        days("Gt, value: 9007199254740992"),
        days("Gt, value: 9007199254740992", "Lt, value: 9007199254740994"),
        days("Lt, value: -100000000000000000"),
    ],
)
def test_what_may_hold_is_not_told(rules: str) -> None:
    assert warned(document(rules)) == []


def test_what_is_told_is_one_line_however_long_the_operands_are() -> None:
    long = ", ".join(f'"{number}\\u202e{"x" * 50}"' for number in range(500))
    rules = rule(both(f"IsIn, values: [{long}]", "Equals, value: other"), "$.artefact_type")
    (found,) = warned(document(rules))
    assert len(found.text) < 700
    assert found.text.isprintable()


def test_an_alternative_that_never_holds_is_told() -> None:
    alternatives = (
        "  targets: {action_id: send}\n  rules:\n    action:\n"
        "      - $.channel: {condition: Equals, value: sms}\n"
        "      - $.channel: {condition: Equals, value: post}\n"
        "        $.verb: {condition: Equals, value: see}\n"
    )
    (found,) = warned(document(alternatives))
    assert found.line == 13
    assert found.text.startswith('policy.rules.action[1]["$.verb"]: alternative 2 of 2 can never hold: ')


def test_a_condition_of_too_many_ways_is_not_judged() -> None:
    # Each of twelve may hold in twelve ways, and that none goes with the last shows only there.
    way = f"AnyOf, values: [{', '.join(['{condition: AnyIn, values: [carer]}'] * 12)}]"
    assert warned(document(roles(way, "IsEmpty")))
    last = "AnyOf, values: [{condition: IsEmpty}, {condition: IsEmpty}]"
    assert warned(document(roles(way, last)))
    assert warned(document(roles(*[way] * 12, last))) == []


TEXTS = (*generators.TEXTS, "other")
VALUES: dict[AttributeType, tuple[Value | None, ...]] = {
    AttributeType.STRING: (None, *TEXTS),
    AttributeType.STRINGS: (None, (), *((each,) for each in TEXTS), *itertools.combinations(TEXTS, 2), TEXTS),
    AttributeType.BOOLEAN: (None, True, False),
    AttributeType.NUMBER: (None, *generators.NUMBERS, -2, 0.5, 2, 3, 14.5, 9007199254740994),
}


@times(1)
@given(data=st.data())
def test_what_is_said_never_to_hold_never_does(data: st.DataObject) -> None:
    """Several conditions on one attribute, against every value that they can tell apart."""
    attribute = data.draw(st.sampled_from(list(CATALOGUE)))
    one = generators.conditions(attribute, None, negated=False, depth=1)
    parts = data.draw(st.lists(one, min_size=2, max_size=4))
    ace, _, rest = attribute.path.partition(".")
    rules = {ace: {f"$.{rest}": {"condition": "AllOf", "values": parts}}}
    text = OBLIGATION.replace("UID", "own.a") + "  rules: " + json.dumps(rules, ensure_ascii=False)
    text = text.replace("no_voicemail", "notify")
    condition = parse_document(text, name="a.yaml", catalogue=CATALOGUE).condition
    evaluate = Compiler(CATALOGUE, ()).compile(condition)
    holds = [
        value
        for value in VALUES[attribute.type]
        if evaluate(Looks(Attributes({attribute.path: value}))) is Truth.TRUE
    ]
    clash = Contradictions(CATALOGUE).clash(condition)
    assert clash is None or holds == []
    if attribute.type is AttributeType.BOOLEAN and "ttribute" not in text:
        assert (clash is None) is (holds != [])  # of two values nothing is unknown


# --- what holds of too much -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rules",
    [
        "  rules: {}\n",
        rule("Any", "$.verb", "action"),
        rule("Equals, value: see}\n      - $.verb: {condition: Any", "- $.verb"),
    ],
)
def test_what_denies_whatever_is_asked_is_told(rules: str) -> None:
    (found,) = warned(document(rules))
    assert (found.line, found.text) == (
        7,
        "policy: it denies everything that the gate `delivery` is asked: say when",
    )
    (owed,) = warned(document(rules, head=OBLIGATION))
    assert "it is owed for everything" in owed.text
    assert warned(document(rule("Equals, value: see", "$.verb", "action"))) == []


TENURE = "name: tenure\nof: record\ntype: string\nsentence: What kind of tenancy it is.\nexample: refuge\n"
OF_TENURE = rule("Equals, value: refuge", "$.attributes.tenure", "resource")
OF_TENANCIES = OF_TENURE + "      $.record_types: {condition: AnyIn, values: [base.tenancy]}\n"


def test_a_records_attribute_without_its_record_types_is_told_where_a_gap_counts() -> None:
    extended = SHIPPED.extended([parse_attribute(TENURE, name="tenure.yaml")])

    def of(rules: str, head: str = HEAD) -> list[Warned]:
        parsed = parse_document(head.replace("UID", "own.a") + rules, name="a.yaml", catalogue=extended)
        return list(lint([("a.yaml", parsed)], catalogue=extended))

    (found,) = of(OF_TENURE)
    assert found.line == 10
    assert "it denies records of each type that has no `tenure`, too" in found.text
    (owed,) = of(OF_TENURE, OBLIGATION)
    assert "it is owed for records of each type that has no `tenure`, too" in owed.text
    assert of(OF_TENANCIES) == of(OF_TENURE, HEAD.replace("baseline", "basis")) == []
    # Not owed where it is missing, and whoever writes so has thought of it.
    there = rule("Exists", "$.attributes.tenure", "resource")
    assert of(there, OBLIGATION) == of(
        rule(neither("NotExists"), "$.attributes.tenure", "resource"), OBLIGATION
    )
    assert of(there, OBLIGATION) == []


# --- record types -----------------------------------------------------------------------------------------

TYPES = RecordTypes(frozenset({"ward.admission", "ward.letter"}), frozenset({"base.case"}))


@pytest.mark.parametrize(
    ("rules", "line", "said"),
    [
        (targets("resource_id: ward.admision"), 8, "perhaps `ward.admission` is meant: declare"),
        (targets("resource_id: clinic.*"), 8, "no record type begins with `clinic.`"),
        (targets("resource_id: base.case"), 8,
         "write in the rules, under `resource`, `$.record_types: {condition: AnyIn, values: [base.case]}`"),
        (rule("AnyIn, values: [ward.letter, ward.x]", "$.record_types", "resource"), 10, "type `ward.x`"),
        (rule(neither("Equals, value: ward.x"), "$.record_type", "resource"), 10, "no record type `ward.x`"),
    ],
)  # fmt: skip
def test_a_record_type_that_nobody_has_is_told(rules: str, line: int, said: str) -> None:
    (found,) = warned(document(rules), record_types=TYPES)
    assert found.line == line
    assert said in found.text, found.text
    assert warned(document(rules)) == []


@pytest.mark.parametrize(
    "rules",
    [
        targets("resource_id: [ward.letter, ward.a*]"),
        rule("AnyIn, values: [base.case, ward.letter]", "$.record_types", "resource"),
        rule("Contains, value: x", "$.record_type", "resource"),
    ],
)
def test_record_types_that_there_are(rules: str) -> None:
    assert warned(document(rules), record_types=TYPES) == []
