"""policies/README.md says what the service does: its tables, its documents, and what is refused."""

from __future__ import annotations

import re

import pytest

from policy_service.engine import (
    CATALOGUE,
    DocumentKind,
    PolicyDocument,
    PolicyDocumentError,
    Value,
    compile_set,
    parse_document,
)
from policy_service.engine.abac import TARGETS
from policy_service.engine.attributes import AttributeType
from policy_service.engine.cases import parse_cases
from policy_service.engine.declared import parse_attribute
from policy_service.engine.quiet import FOLLOWS
from policy_service.engine.tiers import gates_of
from policy_service.model.obligation import SUPPORTIVE, ObligationKind
from policy_service.model.set_files import ATTRIBUTES, CASES, MESSAGES
from policy_service.model.vocabulary import Effect, Gate, Tier
from policy_service.service.messages import Messages
from policy_service.service.validate_policies import OnFile, PolicyFile, validate
from tests.service.control import POLICIES

README = (POLICIES / "README.md").read_text("utf-8")
DRAFTS = "drafts/"


def rows(heading: str) -> list[list[str]]:
    """The rows of the table whose first column has this heading."""
    table = re.search(rf"^\| {re.escape(heading)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", README, re.MULTILINE)
    assert table, heading
    return [[cell.strip() for cell in line.strip("|\n").split(" | ")] for line in table[1].splitlines()]


def documents() -> list[PolicyFile]:
    """The documents, each by the file name in its first line."""
    blocks = re.findall(r"^```yaml\n# (\S+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert len(blocks) == README.count("```yaml")
    return [PolicyFile(name, f"# {name}\n{text}") for name, text in blocks]


TEXTS = tuple(file for file in documents() if MESSAGES in file.name.split("/"))
TRIED = tuple(file for file in documents() if CASES in file.name.split("/"))
DECLARED = tuple(file for file in documents() if ATTRIBUTES in file.name.split("/"))
RIGHT = tuple(
    file
    for file in documents()
    if not file.name.startswith(DRAFTS) and file not in (*TEXTS, *TRIED, *DECLARED)
)
EXTENDED = CATALOGUE.extended(parse_attribute(file.text, name=file.name) for file in DECLARED)
SHIPPED_TEXTS = PolicyFile("messages/en.yaml", (POLICIES / "messages" / "en.yaml").read_text("utf-8"))


def own(uid: str) -> PolicyDocument:
    found = (parse_document(file.text, name=file.name, catalogue=EXTENDED) for file in RIGHT)
    return next(document for document in found if document.uid == uid)


# --- tables ---------------------------------------------------------------------------------------------


def test_the_tiers_are_those_that_decide() -> None:
    assert [row[:4] for row in rows("tier")] == [
        [
            f"`{tier.label}`",
            str(tier.value),
            tier.effect.value,
            ", ".join(gate for gate in Gate if gate in gates_of(tier)),
        ]
        for tier in Tier
    ]


def test_every_key_of_a_case_is_told_and_no_other() -> None:
    told = {key for row in rows("key of a case") for key in re.findall(r"`(\w+)`", row[0])}
    known: set[str] = set()
    for text in ("gate: delivery\nx_y_z: 1", "gate: delivery\ncases: [{x_y_z: 1}]"):
        with pytest.raises(PolicyDocumentError) as caught:
            parse_cases(text, name="a.yaml", documents={})
        said = next(each.text for each in caught.value.problems if "known are" in each.text)
        known |= set(re.findall(r"`(\w+)`", said.partition("known are")[2]))
    assert told == known


def test_what_follows_is_told_and_nothing_else() -> None:
    told = {
        path: re.findall(r"`([\w.]+)`", row[1])
        for row in rows("it follows")
        for path in re.findall(r"`([\w.]+)`", row[0])
    }
    decided = {"context.cell.tier", "context.cell.told"}
    assert told.keys() - decided == FOLLOWS.keys()
    assert all(told[path] == [source] for path, (source, _) in FOLLOWS.items())


def test_the_gates_are_those_that_are_asked() -> None:
    assert [row[0] for row in rows("gate")] == [f"`{gate}`" for gate in Gate if gate is not Gate.ANSWER]
    assert f"gate, `{Gate.ANSWER}`, takes obligations alone" in README


def test_every_kind_of_obligation_is_told_and_how_it_binds() -> None:
    protective, supportive = (set(re.findall(r"`(\w+)`", row[1])) for row in rows("what is owed"))
    assert supportive == SUPPORTIVE
    assert protective == {*ObligationKind} - SUPPORTIVE


def test_the_targets_have_the_names_that_are_told() -> None:
    told = re.search(r"py-abac's names for them: (.*?)\.", README)
    assert told
    assert set(re.findall(r"`(\w+)`", told[1])) == TARGETS.keys()


def test_every_key_of_an_attribute_is_told_and_no_other() -> None:
    told = {key for row in rows("key of an attribute") for key in re.findall(r"`(\w+)`", row[0])}
    with pytest.raises(PolicyDocumentError, match="x_y_z") as refused:
        parse_attribute("x_y_z: 1", name="a.yaml")
    known = next(one.text for one in refused.value.problems if "known are" in one.text)
    assert told == set(re.findall(r"`(\w+)`", known.partition("known are")[2]))


def test_every_key_is_told_and_no_other() -> None:
    told = {key for row in rows("key") for key in re.findall(r"`(\w+)`", row[0])}
    refused = validate((PolicyFile("a.yaml", "kind: policy\nx_y_z: 1"),), ()).problems
    known = set(re.findall(r"`(\w+)`", next(each.text for each in refused if "known are" in each.text)))
    assert told == known | {"on", "owes", "advice"}


@pytest.mark.parametrize("row", rows("you want to say"), ids=lambda row: row[0])
def test_a_condition_can_be_written_as_it_stands(row: list[str]) -> None:
    gate = "delivery" if "contact_point" in row[1] else "disclosure"
    heading = "resource" if "$.categories:" in row[1] else "context"
    text = (
        f"uid: a\ntitle: t\ngate: {gate}\ntier: baseline\nreason: A\nowner: o\n"
        f"policy:\n  rules:\n    {heading}:\n      {row[1].strip('`')}\n"
    )
    assert validate((PolicyFile("a.yaml", text),), ()).problems == ()


@pytest.mark.parametrize("row", rows("in"), ids=lambda row: row[0])
def test_what_is_missing_counts_as_told(row: list[str]) -> None:
    text = (
        "uid: a\ntitle: t\ngate: delivery\nowner: o\nENVELOPE\npolicy:\n  rules:\n    subject:\n"
        "      $.attributes.training: {condition: AnyIn, values: [driving]}\n"
    )
    policy = "tier: {}\nreason: A"
    envelope = {
        "a deny": policy.format("baseline"),
        "a permit": policy.format("basis"),
        "an obligation": "kind: obligation\non: [deny]\nowes: {kind: show_warning}",
    }[row[0]]
    document = parse_document(text.replace("ENVELOPE", envelope), name="a.yaml", catalogue=EXTENDED)
    plan = compile_set([document], EXTENDED)
    for attributes in ({}, {"subject.attributes.training": "driving"}):  # missing, and of another type
        outcome = plan.decide(Gate.DELIVERY, attributes)
        owed = plan.owed(Gate.DELIVERY, Effect.DENY, attributes)
        assert {
            "a deny": outcome.by_error == ("a",),
            "no permit": outcome.effect is Effect.DENY and not outcome.policies,
            "owed": bool(owed),
        }[row[1]]


# --- documents ------------------------------------------------------------------------------------------


def test_the_documents_are_right_and_lie_where_they_say() -> None:
    assert validate(RIGHT, (), TEXTS, attributes=DECLARED).problems == ()
    for file in RIGHT:
        document = parse_document(file.text, name=file.name, catalogue=EXTENDED)
        folder = "obligations" if document.tier is None else f"{document.gate}/{document.tier.label}"
        assert file.name.startswith(f"my-policies/{folder}/"), file.name
    assert {document.kind for document in map(own, ["own.obligation.ask_again_on_paper"])} == {
        DocumentKind.OBLIGATION
    }


def test_every_reason_of_the_documents_has_a_text() -> None:
    assert [file.name for file in TEXTS] == ["my-policies/messages/own/en.yaml"]
    assert validate(RIGHT, (), (*TEXTS, SHIPPED_TEXTS), attributes=DECLARED).problems == ()
    assert validate(RIGHT, (), (SHIPPED_TEXTS,), attributes=DECLARED).problems


def attributes(**given: Value) -> dict[str, Value]:
    """Every attribute, quiet; `given` by its path with `__` for the dots."""
    quiet: dict[AttributeType, Value] = {
        AttributeType.STRING: "",
        AttributeType.STRINGS: (),
        AttributeType.BOOLEAN: False,
        AttributeType.NUMBER: 0,
    }
    paths = {path.replace("__", "."): value for path, value in given.items()}
    assert paths.keys() <= {attribute.path for attribute in EXTENDED}
    everything = {attribute.path: quiet[attribute.type] for attribute in CATALOGUE if attribute.total}
    return everything | paths


def effect(document: PolicyDocument, **given: Value) -> Effect:
    found: dict[str, Value] = attributes(**given)
    return (
        compile_set([document], EXTENDED)
        .decide(
            document.gate,
            found,
            denies_only=document.tier is not None and document.tier.effect is Effect.DENY,
        )
        .effect
    )


def test_the_night_desk_gets_what_was_wished_and_no_more() -> None:
    wished: dict[str, Value] = {
        "resource__categories": ("identity.name",),
        "action__verb": "see",
        "action__purpose": "safeguarding",
        "context__recipient__roles": ("night_desk",),
    }
    policy = own("own.disclosure.basis.night_desk")
    assert effect(policy, **wished) is Effect.PERMIT
    for other in (
        {"resource__categories": ("identity.name", "location.current")},
        {"action__verb": "send"},
        {"action__purpose": "billing"},
        {"context__recipient__roles": ("day_desk",)},
    ):
        assert effect(policy, **{**wished, **other}) is Effect.DENY
    opens: dict[str, Value] = {
        "subject__kind": "staff",
        "subject__roles": ("night_desk",),
        "action__verb": "see",
        "action__purpose": "safeguarding",
    }
    assert effect(own("own.authority.basis.night_desk"), **opens) is Effect.PERMIT
    assert effect(own("own.authority.basis.night_desk"), **{**opens, "subject__kind": "job"}) is Effect.DENY


def test_debts_go_by_no_message() -> None:
    policy = own("own.disclosure.baseline.no_debts_by_message")
    debt = ("finance", "identity.name")
    assert effect(policy, resource__categories=debt, action__channel="sms") is Effect.DENY
    assert effect(policy, resource__categories=debt, action__channel="post") is Effect.PERMIT
    assert effect(policy, resource__categories=("identity.name",), action__channel="sms") is Effect.PERMIT


def test_who_declared_no_training_is_denied() -> None:
    policy = own("own.disclosure.baseline.trained_staff")
    asked: dict[str, Value] = {
        "action__verb": "see",
        "subject__kind": "staff",
        "resource__category_families": ("abuse",),
    }
    assert effect(policy, **asked) is Effect.DENY
    assert effect(policy, **{**asked, "action__verb": "send"}) is Effect.PERMIT
    assert effect(policy, **asked, subject__attributes__training=("driving",)) is Effect.DENY
    assert effect(policy, **asked, subject__attributes__training=("domestic_abuse_basics",)) is Effect.PERMIT
    assert effect(policy, **{**asked, "resource__category_families": ("finance",)}) is Effect.PERMIT


# --- what is warned of ----------------------------------------------------------------------------------

WARNED = {
    "says the same in the same gate and tier": ("A policy of our own", "A policy"),
    "owes the same under the same condition": (
        "tier: baseline\nreason: OWN_POLICY",
        "kind: obligation\nowes: {kind: notify}",
    ),
    "the policy can never apply": (
        "{condition: Eq, value: true}",
        "{condition: AllOf, values: [{condition: Eq, value: true}, {condition: Eq, value: false}]}",
    ),
    "can never hold": (
        "      $.contact_point.given: {condition: Eq, value: true}",
        "      - $.contact_point.given: {condition: Eq, value: true}\n      - $.recipient.kind: ROBOT",
    ),
    "holds of nothing that": ("  rules:", "  targets: {action_id: read*}\n  rules:"),
    "it denies everything that the gate": (
        "$.contact_point.given: {condition: Eq, value: true}",
        "$.contact_point.given: {condition: Any}",
    ),
    "records of each type that has no": (
        "  rules:",
        "  rules:\n    resource:\n      $.attributes.tenure: {condition: Equals, value: refuge}",
    ),
    "no record type": ("  rules:", "  targets: {resource_id: ward.lettr}\n  rules:"),
    "is a base, and no record has it for its own type": (
        "  rules:",
        "  targets: {resource_id: base.case}\n  rules:",
    ),
    "so that no record can have it": ("A policy of our own", "A policy"),
    "no text for": ("A policy of our own", "A policy"),
}


def test_every_warning_of_the_table_is_tried() -> None:
    assert [row[0].strip("`") for row in rows("it warns")] == list(WARNED)


@pytest.mark.parametrize("said", WARNED)
def test_what_is_warned_of_says_so(said: str) -> None:
    old, new = WARNED[said]
    text = wrong().replace(old, new).replace("ROBOT", "{condition: StartsWith, value: robot}")
    files = [PolicyFile("first.yaml", text)]
    if "same" in said:
        files.append(PolicyFile("second.yaml", text.replace("own.policy", "own.other")))
    texts = Messages({}) if said == "no text for" else None
    named_by_none = said == "so that no record can have it"
    has = frozenset[str]() if named_by_none else frozenset({"tenure"})
    on_file = OnFile(frozenset({"ward.letter"}), frozenset({"base.case"}), texts, has)
    tenure = PolicyFile(
        "attributes/tenure.yaml",
        "name: tenure\nof: record\ntype: string\nsentence: What kind of tenancy it is.\nexample: refuge\n",
    )
    found = validate(tuple(files), (), (), on_file, attributes=(tenure,))
    assert found.problems == ()
    (warning,) = found.warnings
    assert said in warning.text
    files += [tenure] if named_by_none else []
    assert (warning.file, warning.line > 0) == (files[-1].name, True)


# --- what is refused ------------------------------------------------------------------------------------

POLICY = """\
uid: own.policy
title: A policy of our own
gate: delivery
tier: TIER
reason: OWN_POLICY
owner: privacy-office
policy:
  rules:
    context:
      $.PATH: CONDITION
"""


def wrong(
    tier: str = "baseline", path: str = "contact_point.given", condition: str = "{condition: Eq, value: true}"
) -> str:
    return POLICY.replace("TIER", tier).replace("PATH", path).replace("CONDITION", condition)


SCATTERED = "".join(chr(0x100 + 37 * number) for number in range(60))
REFUSED = {
    "leave it out: the tier gives effect and priority": wrong("baseline\neffect: allow"),
    "belongs in the gate": wrong("court_order"),
    "may be missing, and a policy of the absolute tier may name only what never is": wrong(
        "absolute", "contact_point.verified_days", "{condition: Gt, value: 1}"
    ),
    "is declared, so that it may rest on a caller's word": wrong("statute", "attributes.training").replace(
        "context:", "subject:"
    ),
    "may hold any text, and what is owed stands in the log": wrong("x").replace(
        "tier: x\nreason: OWN_POLICY",
        "kind: obligation\nowes: {kind: show_warning, parameters: {courses: subject.attributes.training}}",
    ),
    "no attribute": wrong(path="contact_point.gven"),
    "declare it in a file below": wrong(path="attributes.on_leave_until").replace("context:", "subject:"),
    "a word that is always the same stands under": wrong("x").replace(
        "tier: x\nreason: OWN_POLICY",
        "kind: obligation\nowes: {kind: human_review, parameters: {prompt: possible_match}}",
    ),
    "is not known in the gate": wrong(path="answer.permits"),
    "only an obligation may name it": wrong(path="cell.told").replace("delivery", "disclosure"),
    "is not for": wrong(condition="{condition: Gt, value: 1}"),
    "is never": wrong(path="contact_point.kind", condition="{condition: Equals, value: fone}"),
    "without quotes": wrong(path="contact_point.verified_days", condition='{condition: Gt, value: "180"}'),
    "no obligation": wrong("x").replace(
        "tier: x\nreason: OWN_POLICY", "kind: obligation\nowes: {kind: tel_her}"
    ),
    "a permit may not rest on": wrong("basis", "contact_point.verified_days", "{condition: NotExists}"),
    "a deny may not end where": wrong(path="contact_point.verified_days", condition="{condition: Exists}"),
    "is never missing, so that": wrong(condition="{condition: NotExists}"),
    "a permit covers every category of a field": wrong(
        "basis", "categories", "{condition: AnyIn, values: [finance]}"
    )
    .replace("delivery", "disclosure")
    .replace("context:", "resource:"),
    "a permit without a condition permits everything": re.sub(
        r"rules:.*", "rules: {}\n", wrong("basis"), flags=re.DOTALL
    ),
    "the regular expression becomes": wrong(
        path="recipient.kind", condition=f"{{condition: RegexMatch, value: '[{SCATTERED}]{{200}}'}}"
    ),
    "the ranges of its sets span": wrong(
        path="recipient.kind", condition="{condition: RegexMatch, value: '[à-\ufffd]'}"
    ),
    "is refused: py-abac says": wrong(path="recipient.roles", condition="{condition: AllNotIn, values: [a]}"),
    "stands in": wrong(),
    "is not read alike by all readers of YAML": wrong("baseline\ntell: no"),
    "is not seen, and may turn what is": f"# ours\u2028tell: nobody\n{wrong()}",
    "not readable as YAML": wrong("baseline\ntell staff"),
    "nothing stands below it": wrong().partition("    context:")[0],
    "stands here and in line": wrong("baseline\ntier: statute"),
    "no text for": wrong().replace("own.policy", "own.other"),
}


def test_every_refusal_of_the_table_is_tried() -> None:
    # The name of a file is the command line's to refuse: `tests/cli/test_policies.py`.
    said = [row[0].strip("`") for row in rows("what it says")]
    assert [each for each in said if each != "give it a name that ends in"] == list(REFUSED)


@pytest.mark.parametrize("said", REFUSED)
def test_what_is_refused_says_so(said: str) -> None:
    files = [PolicyFile("first.yaml", wrong()), PolicyFile("second.yaml", REFUSED[said])]
    texts = (SHIPPED_TEXTS,) if said == "no text for" else ()
    found = validate(tuple(files), (), texts, attributes=DECLARED).problems
    assert [problem.file for problem in found] == [texts[0].name if texts else "second.yaml"]
    assert said in found[0].text
    assert found[0].line > 0
