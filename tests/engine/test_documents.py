"""Policy documents: what a right one gives; a wrong one is refused with file, line, path and words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_service.engine import (
    CATALOGUE,
    Attribute,
    AttributeType,
    DocumentKind,
    PolicyDocument,
    PolicyDocumentError,
    PolicySetError,
    Tell,
    compile_set,
    parse_document,
)
from policy_service.model.vocabulary import Effect, Gate, Tier
from tests.engine import generators

POLICY = """\
uid: disclosure.absolute.adverse_person
title: Nothing that finds a protected person reaches somebody adverse to her
gate: disclosure
tier: absolute
reason: ADVERSE_PERSON
owner: privacy-office
policy:
  rules:
    resource:
      $.categories: {condition: AnyIn, values: [location.current, health.diagnosis]}
    context:
      $.recipient.adverse: {condition: Eq, value: true}
"""

OBLIGATION = """\
uid: disclosure.show_warning
title: Tell staff of the protection
kind: obligation
gate: disclosure
on: [permit, deny]
owner: privacy-office
owes: {kind: show_warning, parameters: {categories: resource.categories}}
policy:
  rules: {resource: {$.protected: {condition: Eq, value: true}}}
"""

DELIVERY = """\
uid: delivery.baseline.old_point
title: No message to a point that was not verified for long
gate: delivery
tier: baseline
reason: POINT_UNVERIFIED
owner: privacy-office
policy:
  rules: {context: {$.contact_point.verified_days: CONDITION}}
"""


def refused(text: str) -> PolicyDocumentError:
    with pytest.raises(PolicyDocumentError) as error:
        parse_document(text, name="policies/it.yaml")
    return error.value


def test_a_policy_is_read_whole() -> None:
    document = parse_document(POLICY, name="it.yaml")
    assert (document.uid, document.kind) == ("disclosure.absolute.adverse_person", DocumentKind.POLICY)
    assert (document.gate, document.tier, document.tell) == (Gate.DISCLOSURE, Tier.ABSOLUTE, Tell.STAFF)
    assert (document.reason, document.owner) == ("ADVERSE_PERSON", "privacy-office")
    assert (document.on, document.owes, document.source) == (frozenset(), None, POLICY)


def test_an_obligation_is_read_whole() -> None:
    document = parse_document(OBLIGATION, name="it.yaml")
    assert (document.kind, document.tier, document.reason) == (DocumentKind.OBLIGATION, None, "")
    assert document.on == {Effect.PERMIT, Effect.DENY}
    assert document.owes is not None
    assert (document.owes.kind, document.owes.parameters) == (
        "show_warning",
        (("categories", "resource.categories"),),
    )


def test_an_obligation_is_attached_to_permits_unless_it_says_otherwise() -> None:
    text = OBLIGATION.replace("on: [permit, deny]\n", "")
    assert parse_document(text, name="it.yaml").on == {Effect.PERMIT}


def test_the_source_has_plain_line_ends_and_parses_to_the_same_document() -> None:
    document = parse_document(POLICY.replace("\n", "\r\n"), name="it.yaml")
    assert document.source == POLICY
    assert parse_document(document.source, name="it.yaml") == document


def test_the_message_names_the_file_and_the_line() -> None:
    error = refused(POLICY.replace("adverse:", "adverze:"))
    assert (error.file, error.line, error.reason) == ("policies/it.yaml", 12, "POLICY_INVALID")
    assert error.message == (
        'policies/it.yaml:12: policy.rules.context["$.recipient.adverze"]: no attribute '
        "`context.recipient.adverze` in the catalogue, perhaps `context.recipient.adverse` is meant "
        "(in rules: `$.recipient.adverse` under `context`)"
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "text"),
    [
        # --- the envelope
        ("tier: absolute\n", "", 1, "`tier` is missing: write one of `absolute`, `court_order`"),
        ("owner: privacy-office\n", "", 1, "`owner` is missing: write who answers for it, as in"),
        ("tier:", "teir:", 4, "teir: no such key, perhaps `tier` is meant"),
        ("gate: disclosure", "gate: disclosre", 3, "gate: perhaps `disclosure` is meant; write one of"),
        ("gate: disclosure", "gate: Disclosure", 3, "gate: perhaps `disclosure` is meant; write one of"),
        ("tier: absolute", "tier: absolut", 4, "tier: perhaps `absolute` is meant; write one of"),
        ("gate: disclosure", "gate: answer", 3, "gate: the gate `answer` takes obligations only"),
        ("tier: absolute", "tier: 900", 4, "tier: write a text"),
        ("tier: absolute", "tier: highest", 4, "tier: write one of `absolute`, `court_order`"),
        ("ADVERSE_PERSON", "adverse person", 5, "reason: a reason is a code in capitals"),
        ("uid: disclosure", "uid: Disclosure", 1, "uid: a uid is lower-case names joined by dots"),
        ("owner: privacy-office", "owner: ''", 6, "owner: an owner is one line"),
        ("owner:", "effect: deny\nowner:", 6, "effect: leave it out: the tier gives effect and priority"),
        ("owner:", "priority: 3\nowner:", 6, "priority: leave it out: the tier gives effect and priority"),
        ("owner:", "on: [deny]\nowner:", 6, "on: only an obligation has it"),
        ("owner:", "tell: everybody\nowner:", 6, "tell: write one of `staff`, `nobody`"),
        ("owner:", "kind: rule\nowner:", 6, "kind: write one of `policy`, `obligation`"),
        ("owner:", "tier: statute\nowner:", 6, "key `tier` stands here and in line 4"),
        # --- YAML that others might read otherwise
        (
            "owner:",
            "tell: no\nowner:",
            6,
            'not read alike by all readers of YAML: write `false`, or "no" for the text',
        ),
        ("value: true", "value: Yes", 12, 'write `true`, or "Yes" for the text'),
        ("owner:", "tell: 0x1F\nowner:", 6, "`0x1F` is not read alike"),
        ("owner:", "tell: 1e3\nowner:", 6, "`1e3` is not read alike"),
        ("owner:", "tell: 2026-03-29\nowner:", 6, "`2026-03-29` is not read alike"),
        ("owner:", "tell: .nan\nowner:", 6, "`.nan` is not read alike"),
        ("owner:", "tell: -.inf\nowner:", 6, "`-.inf` is not read alike"),
        (
            "privacy-office",
            "&office privacy",
            6,
            "anchor `&office`: leave it out, and write the value at each place",
        ),
        ("privacy-office", "*office", 6, "alias `*office`: write the value out"),
        ("privacy-office", "!!str privacy", 6, "tag `tag:yaml.org,2002:str`: leave it out, tags are refused"),
        ("owner:", "&a owner:", 6, "anchor `&a`"),
        ("owner:", "? [a]\n: b\nowner:", 6, "a key is a plain text"),
        # --- no YAML, told where it begins
        ("owner: privacy-office", "owner: [privacy", 6, "not readable as YAML: a bracket is not closed"),
        ("value: true}", "value: true", 12, "a comma is missing: write `}` where it ends"),
        ("owner: privacy-office", "owner: 'privacy", 6, "a quote is not closed"),
        ("    context:", "\tcontext:", 11, "not readable as YAML: a tab: indent with spaces"),
        ("owner: privacy-office", "owner: @privacy", 6, "nothing can begin with `@`: put the text in quotes"),
        ("owner: privacy-office", "owner privacy-office", 6, "a colon is missing: write `key: value`"),
        ("  rules:", "  rules", 9, "if this line belongs to the one above, that one lacks its colon"),
        ("owner: privacy-office", "owner: a: b", 6, "put a text that holds a colon in quotes"),
        ("owner:", " owner:", 6, "begin it where its neighbours begin"),
        # --- no word that is not near
        ("tier: absolute", "tier: absolute\nprority: 1", 5, "prority: no such key; known are `uid`"),
        ("owner: privacy-office", "owner: \x07", 1, "not readable as YAML: a character"),
        # --- the py-abac part
        ("policy:\n", "policy:\n  uid: x\n", 8, "policy.uid: leave it out: it stands at the top"),
        ("policy:\n", "policy:\n  effect: deny\n", 8, "policy.effect: leave it out: the tier gives it"),
        ("policy:\n", "policy:\n  priority: 1\n", 8, "policy.priority: leave it out: the tier gives it"),
        ("rules:", "rulez:", 8, "policy.rulez: no such key, perhaps `rules` is meant"),
        ("context:", "contxt:", 11, "policy.rules.contxt: no such key, perhaps `context` is meant"),
        ("    context:\n", "    action: {}\n    context:\n", 11, "policy.rules.action: holds no condition"),
        ("    context:\n", "    action: []\n    context:\n", 11, "policy.rules.action: the list is empty"),
        (
            "    context:\n",
            "    action: [see]\n    context:\n",
            11,
            "policy.rules.action[0]: write a mapping",
        ),
        ("  rules:\n", "  targets: {verb: see}\n  rules:\n", 8, "policy.targets.verb: no such key"),
        ("  rules:\n", "  targets: {action_id: 'se?'}\n  rules:\n", 8, "other shell patterns are refused"),
        ("  rules:\n", "  targets: {action_id: '*e'}\n  rules:\n", 8, "other shell patterns are refused"),
        ("  rules:\n", "  targets: {action_id: []}\n  rules:\n", 8, "the list is empty"),
        (
            "  rules:\n",
            "  targets: {action_id: sea}\n  rules:\n",
            8,
            "is never `sea`, perhaps `see` is meant",
        ),
        (
            "  rules:\n",
            "  targets: {verb: see}\n  rules:\n",
            8,
            "targets.verb: no such key, write `action_id`",
        ),
        (
            "  rules:\n",
            "  targets: {record_type: letter}\n  rules:\n",
            8,
            "no such key, write `resource_id`",
        ),
        # --- paths
        ("$.categories", "$.categories[0]", 10, "expressions are refused"),
        ("$.categories", "$..categories", 10, "expressions are refused"),
        ("$.categories", "$.*", 10, "expressions are refused"),
        ("$.categories", "categories", 10, "expressions are refused; perhaps `$.categories` is meant"),
        ("$.categories", ".categories", 10, "expressions are refused; perhaps `$.categories` is meant"),
        ("$.categories", "$.Categories", 10, "expressions are refused"),
        ("$.recipient.adverse", "$.adverse", 12, "perhaps `context.recipient.adverse` is meant"),
        (
            "$.recipient.adverse",
            "$.contact_point.given",
            12,
            "is not known in the gate `disclosure`, only in",
        ),
        ("$.recipient.adverse", "$.cell.told", 12, "only an obligation may name it"),
        # --- conditions
        ("condition: AnyIn", "condition: AnyOf", 10, ".values[0]: write a mapping"),
        ("condition: AnyIn", "condition: AnIn", 10, "no condition `AnIn`, perhaps `AnyIn` is meant"),
        ("condition: AnyIn, ", "", 10, "`condition` is missing"),
        ("condition: AnyIn", "condition: Equals", 10, "which is a list of texts: write one of `AllIn`"),
        ("condition: Eq,", "condition: Equals,", 12, "which is true or false: write one of `Eq`"),
        ("condition: Eq,", "condition: Gt,", 12, "which is true or false: write one of `Eq`"),
        ("condition: AnyIn", "condition: AllNotIn", 10, "write `Not` of `AnyIn` for the first"),
        ("condition: AnyIn", "condition: AnyNotIn", 10, "write `Not` of `AllIn` for the first"),
        ("condition: AnyIn", "condition: AllNotInAttribute", 10, "write `Not` of `AnyInAttribute`"),
        ("condition: AnyIn", "condition: AnyNotInAttribute", 10, "write `Not` of `AllInAttribute`"),
        ("condition: AnyIn", "condition: CIDR", 10, "no attribute of the catalogue is a network address"),
        ("condition: AnyIn", "condition: EqualsObject", 10, "no attribute of the catalogue is an object"),
        ("value: true", "value: 1", 12, "is true or false: write `true` or `false`"),
        ("value: true", 'value: "true"', 12, "is true or false: write `true` or `false`"),
        ("value: true", "values: [true]", 12, "no such key, perhaps `value` is meant"),
        (", value: true", "", 12, "`value` is missing"),
        ("[location.current, health.diagnosis]", "[]", 10, ".values: the list is empty: write at least one"),
        ("[location.current, health.diagnosis]", "[]", 10, "member, or the condition `IsEmpty`"),
        ("[location.current, health.diagnosis]", "location.current", 10, ".values: write a list"),
        ("health.diagnosis", "7", 10, ".values[1]: `resource.categories` holds texts"),
        ("location.current", "location.curent", 10, "is never `location.curent`, perhaps `location.current`"),
        ("{condition: Eq, value: true}", "{condition: Not, value: true}", 12, ".value: write a mapping"),
        ("{condition: Eq, value: true}", "{condition: AllOf, values: []}", 12, ".values: the list is empty"),
        ("value: true}", "value: true, ace: x}", 12, ".ace: no such key"),
    ],
)
def test_what_is_wrong_is_refused_with_line_and_words(old: str, new: str, line: int, text: str) -> None:
    assert old in POLICY
    error = refused(POLICY.replace(old, new, 1))
    assert text in error.text
    assert error.line == line


@pytest.mark.parametrize(
    ("old", "new", "line", "text"),
    [
        ("owner:", "tier: basis\nowner:", 6, "tier: an obligation has none: leave it out"),
        ("owner:", "reason: WHY\nowner:", 6, "reason: an obligation has none: leave it out"),
        ("owner:", "effect: permit\nowner:", 6, "effect: an obligation has none: leave it out"),
        ("owner:", "advice: 1\nowner:", 6, "advice: write `true` or `false`"),
        ("[permit, deny]", "[]", 5, "on: the list is empty"),
        ("[permit, deny]", "permit", 5, "on: write a list"),
        ("[permit, deny]", "[allow]", 5, "on[0]: write one of `permit`, `deny`"),
        ("kind: show_warning, ", "", 7, "owes: `kind` is missing"),
        (
            "kind: show_warning",
            "kind: shw_warning",
            7,
            "owes.kind: no obligation `shw_warning`, perhaps `show",
        ),
        (
            "kind: show_warning",
            "kind: phone her",
            7,
            "no obligation `phone her`: write one of `redact`, `omit",
        ),
        ("resource.categories", "resource.catgories", 7, "perhaps `resource.categories` is meant"),
        ("resource.categories", "last4", 7, "a word that is always the same stands under `texts`"),
        ("resource.categories", "$.categories", 7, "no attribute `$.categories` in the catalogue"),
        ("resource.categories", "context.contact_point.kind", 7, "is not known in the gate `disclosure`"),
        ("categories:", "Categories:", 7, "a parameter is named in lower case"),
    ],
)
def test_what_is_wrong_with_an_obligation_is_refused(old: str, new: str, line: int, text: str) -> None:
    assert old in OBLIGATION
    error = refused(OBLIGATION.replace(old, new, 1))
    assert text in error.text
    assert error.line == line


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        ('{condition: Gt, value: "180"}', "is a number: write 180 without quotes"),
        ("{condition: Gt, value: true}", "is a number: write a number"),
        ("{condition: Gt, value: many}", "is a number: write a number"),
        ("{condition: Gt, value: 9007199254740993}", "too large to be compared exactly"),
        (
            "{condition: IsIn, values: [14, a]}",
            ".values[1]: `context.contact_point.verified_days` is a number",
        ),
        ("{condition: Contains, value: a}", "which is a number: write one of `Eq`"),
        ("{condition: Exists}", "a deny may not end where `context.contact_point.verified_days` is missing"),
        ("{condition: Not, value: {condition: NotExists}}", "a deny may not end where"),
        ("{condition: EqualsAttribute, ace: subject, path: $.kind}", "cannot compare"),
        ("{condition: EqualsAttribute, ace: user, path: $.kind}", ".ace: write one of `subject`"),
        (
            "{condition: EqualsAttribute, ace: subject, path: '$.kind[0]'}",
            ".path: a path is `$` and plain names",
        ),
        ("{condition: EqualsAttribute, ace: subject, path: 7}", ".path: write a text"),
    ],
)
def test_conditions_on_numbers(condition: str, text: str) -> None:
    assert text in refused(DELIVERY.replace("CONDITION", condition)).text


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (
            "{condition: RegexMatch, value: '(?=a)'}",
            "RE2 does not accept the regular expression: invalid perl",
        ),
        (
            r"{condition: RegexMatch, value: '(a)\1'}",
            "RE2 does not accept the regular expression: invalid escape",
        ),
        ("{condition: RegexMatch, value: 'a(?!b)'}", "two conditions in `AllOf`, `Not` before what may not"),
        (r"{condition: RegexMatch, value: '(a)\1'}", "write out what may stand there"),
        ("{condition: RegexMatch, value: 'a('}", "put a backslash before a sign that stands for itself"),
        ("{condition: RegexMatch, value: '['}", "RE2 does not accept the regular expression: missing ]"),
        (
            "{condition: RegexMatch, value: '[[:alpha:]]'}",
            "a set inside a set is not read alike by all readers",
        ),
        (r"{condition: RegexMatch, value: '\pL'}", "RE2 accepts the regular expression, but py-abac"),
        ("{condition: RegexMatch, value: ''}", "the empty expression matches every text"),
        ("{condition: RegexMatch, value: a, case_insensitive: true}", "no such key"),
        ("{condition: Contains, value: ''}", "the empty text is in every text"),
        ("{condition: Equals, value: 7}", "holds texts: write a text, perhaps in quotes"),
        ('{condition: Equals, value: x, case_insensitive: "true"}', "write `true` or `false`"),
        (
            "{condition: AnyInAttribute, ace: subject, path: $.teams}",
            "which is a text: write one of `Equals`",
        ),
        ("{condition: IsInAttribute, ace: subject, path: $.kind}", "cannot compare `subject.organisation`"),
    ],
)
def test_conditions_on_texts(condition: str, text: str) -> None:
    policy = DELIVERY.replace("context: {$.contact_point.verified_days:", "subject: {$.organisation:")
    assert text in refused(policy.replace("CONDITION", condition)).text


def test_a_policy_of_the_absolute_tier_names_only_what_is_never_missing() -> None:
    text = DELIVERY.replace("baseline\n", "absolute\n").replace("CONDITION", "{condition: Gt, value: 180}")
    assert "`context.contact_point.verified_days` may be missing" in refused(text).text


@pytest.mark.parametrize(
    ("ace", "path", "condition", "text"),
    [
        ("context", "recipient.adverse", "Exists", "so that `Exists` always holds: leave it out"),
        ("context", "recipient.adverse", "NotExists", "never holds: write `{condition: Eq, value: false}`"),
        ("context", "recipient.relations", "NotExists", "never holds: write `IsEmpty`"),
        ("subject", "kind", "NotExists", "never holds: write `{condition: Equals"),
    ],
)
@pytest.mark.parametrize("tier", ["baseline", "basis"])
@pytest.mark.parametrize("negated", [False, True])
def test_presence_of_what_is_never_missing_is_refused(
    ace: str, path: str, condition: str, text: str, tier: str, negated: bool
) -> None:
    """`Exists` would always hold and `NotExists` never: a policy of no effect, or of too much."""
    said = f"{{condition: {condition}}}"
    said = f"{{condition: Not, value: {said}}}" if negated else said
    policy = DELIVERY.replace("gate: delivery", "gate: disclosure").replace("tier: baseline", f"tier: {tier}")
    policy = policy.replace(
        "context: {$.contact_point.verified_days: CONDITION}", f"{ace}: {{$.{path}: {said}}}"
    )
    assert f"`{ace}.{path}` is never missing" in refused(policy).text
    assert text in refused(policy).text


@pytest.mark.parametrize(
    ("condition", "instead"),
    [
        ("{condition: AnyIn, values: [finance]}", "write `AllIn`"),
        ("{condition: Not, value: {condition: AllIn, values: [finance]}}", "write `Not` of `AnyIn`"),
        (
            "{condition: AnyInAttribute, ace: context, path: $.recipient.contract_categories}",
            "write `AllInAttribute`",
        ),
        ("{condition: AnyOf, values: [{condition: AnyIn, values: [finance]}]}", "write `AllIn`"),
    ],
)
@pytest.mark.parametrize("tier", ["basis", "override", "court_order"])
def test_a_permit_is_not_content_with_one_category(condition: str, instead: str, tier: str) -> None:
    for path in ("categories", "category_families"):
        policy = DELIVERY.replace("gate: delivery", "gate: disclosure").replace("baseline\n", f"{tier}\n")
        rules = f"resource: {{$.{path}: {condition}}}"
        policy = policy.replace("context: {$.contact_point.verified_days: CONDITION}", rules)
        if path == "category_families":
            policy = policy.replace("[finance]", "[health]")
        error = refused(policy)
        assert "a permit covers every category of a field" in error.text
        assert error.text.endswith(instead)
        denies = policy.replace(f"tier: {tier}\n", "tier: baseline\n")
        assert parse_document(denies, name="it.yaml").tier is Tier.BASELINE


def test_a_permit_compares_the_fields_categories_and_nothing_with_them() -> None:
    turned = "{condition: AnyInAttribute, ace: resource, path: $.categories}"
    rules = f"context: {{$.recipient.contract_categories: {turned}}}"
    policy = DELIVERY.replace("gate: delivery", "gate: disclosure").replace("baseline\n", "basis\n")
    policy = policy.replace("context: {$.contact_point.verified_days: CONDITION}", rules)
    assert "write it the other way round, `AllInAttribute` on `resource.categories`" in refused(policy).text


def test_a_permit_may_not_rest_on_absence() -> None:
    text = DELIVERY.replace("tier: baseline", "tier: basis").replace("CONDITION", "{condition: NotExists}")
    assert (
        "a permit may not rest on `context.contact_point.verified_days` being missing" in refused(text).text
    )


def test_a_permit_without_a_condition_is_refused_and_with_any_is_meant() -> None:
    text = DELIVERY.replace("tier: baseline", "tier: basis")
    bare = text[: text.index("  rules")] + "  rules: {}\n"
    assert "a permit without a condition permits everything" in refused(bare).text
    meant = parse_document(text.replace("CONDITION", "{condition: Any}"), name="it.yaml")
    assert compile_set([meant]).decide(Gate.DELIVERY, {}).effect is Effect.PERMIT


def test_a_deny_without_a_condition_denies_everything() -> None:
    bare = parse_document(DELIVERY[: DELIVERY.index("  rules")] + "  rules: {}\n", name="it.yaml")
    outcome = compile_set([bare]).decide(Gate.DELIVERY, {})
    assert (outcome.effect, outcome.by_error) == (Effect.DENY, ())
    assert outcome.tier is Tier.BASELINE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        ("- a\n- b\n", "a policy is a mapping that starts with `uid:`"),
        ("just a text", "a policy is a mapping that starts with `uid:`"),
        (POLICY + "---\n" + POLICY, "one file holds a policy and no more"),
        (POLICY + "#" * 65536, "bytes, and a policy may have 65536"),
        ("\ud800", "the file is not valid Unicode"),
        ("uid: " + "[" * 40 + "]" * 40, "nested more than 32 deep"),
        ("uid: " + "[" * 60000, "nested more than 32 deep"),
        ("a: &a [x]\nb: [*a, *a]\n", "anchor `&a`"),
    ],
    ids=["empty", "comment", "list", "text", "two", "large", "unicode", "nested", "deep", "exploding"],
)
def test_files_that_are_no_policy(text: str, words: str) -> None:
    assert words in refused(text).text


@pytest.mark.parametrize("key", ["a\\nb", "\\x07", "x" * 900], ids=["lines", "bell", "long"])
def test_a_message_is_one_line_whatever_the_file_holds(key: str) -> None:
    error = refused(POLICY.replace("owner:", f'"{key}": 1\nowner:'))
    assert error.message.isprintable()
    assert len(error.message) < 1000
    assert "no such key" in error.text


def document_or_refusal(text: str) -> PolicyDocument | PolicyDocumentError:
    try:
        return parse_document(text, name="policies/it.yaml")
    except PolicyDocumentError as error:
        return error


_PIECES = st.sampled_from(
    [
        *"{}[]:,-?&*!|>'\"%@`# \n\t\\0",
        "- ",
        ": ",
        "<<: ",
        "true",
        "null",
        "1",
        "1e999",
        "$.x",
        "Not",
        "value",
        "\x00",
    ]
)


@generators.times(3)
@given(start=st.integers(0, len(POLICY)), length=st.integers(0, 30), pieces=st.lists(_PIECES, max_size=4))
def test_whatever_is_written_is_a_document_or_a_refusal(start: int, length: int, pieces: list[str]) -> None:
    text = POLICY[:start] + "".join(pieces) + POLICY[start + length :]
    found = document_or_refusal(text)
    if isinstance(found, PolicyDocumentError):
        assert 1 <= found.line <= text.count("\n") + 2
    else:
        assert document_or_refusal(found.source) == found


def test_conditions_may_be_nested_as_deep_as_a_file_may() -> None:
    deep = "{condition: Gt, value: 180}"
    for _ in range(24):
        deep = f"{{condition: Not, value: {deep}}}"
    document = parse_document(DELIVERY.replace("CONDITION", deep), name="it.yaml")
    days = {"context.contact_point.verified_days": 181}
    assert compile_set([document]).decide(Gate.DELIVERY, days).tier is Tier.BASELINE


def test_declared_attributes_extend_the_catalogue() -> None:
    declared = Attribute(
        "resource.ward", AttributeType.STRING, False, frozenset({Gate.DELIVERY}), "The ward.", "7b"
    )
    text = DELIVERY.replace("context: {$.contact_point.verified_days:", "resource: {$.ward:")
    text = text.replace("CONDITION", "{condition: Equals, value: 7b}")
    assert "no attribute `resource.ward`" in refused(text).text
    catalogue = CATALOGUE.extended([declared])
    document = parse_document(text, name="it.yaml", catalogue=catalogue)
    plan = compile_set([document], catalogue)
    assert plan.decide(Gate.DELIVERY, {"resource.ward": "7b"}).tier is Tier.BASELINE
    with pytest.raises(PolicySetError, match=r"no attribute `resource\.ward` in the catalogue"):
        compile_set([document])


def test_one_uid_stands_for_one_policy() -> None:
    document = parse_document(POLICY, name="it.yaml")
    with pytest.raises(PolicySetError, match="is in the set twice"):
        compile_set([document, document])


def test_a_set_is_bounded() -> None:
    document = parse_document(POLICY, name="it.yaml")
    documents = (replace(document, uid=f"p{index}") for index in range(10_001))
    with pytest.raises(PolicySetError, match="the set has 10001 policies, and may have 10000"):
        compile_set(documents)
