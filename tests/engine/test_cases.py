"""Cases beside the policies: how they are read, what they leave open, and every refusal with its words."""

from __future__ import annotations

import pytest

from policy_service.engine.cases import Case, ExpectedOwed, parse_cases
from policy_service.engine.catalogue import CATALOGUE
from policy_service.engine.documents import parse_document
from policy_service.engine.errors import PolicyDocumentError
from policy_service.engine.evaluate import is_typed
from policy_service.engine.quiet import attributes_of, is_implied
from policy_service.model.attributes import Value
from policy_service.model.vocabulary import Effect, Gate
from tests.engine.extended import EXTENDED
from tests.support.shipped import POLICY_SET

SHIPPED = {
    document.uid: document
    for document in (parse_document(text, name=name) for name, text in POLICY_SET.documents)
}
FILE = """\
gate: disclosure
given:
  resource.categories: [identity.name]
cases:
  - title: He who is adverse to her does not learn where she lives
    given:
      resource.categories: [location.current]
      context.recipient.adverse: true
    expect:
      effect: deny
      reason: ADVERSE_PERSON
      policies: [disclosure.absolute.adverse_person]
    but:
      - title: he is not
        given: {context.recipient.adverse: false, subject.attributes.training: [first_aid]}
        expect: {effect: deny, reason: NO_BASIS, owed: []}
"""
ADVERSE = "context.recipient.adverse: true"


def read(text: str) -> tuple[Case, ...]:
    return parse_cases(text, name="tests/a.yaml", documents=SHIPPED, catalogue=EXTENDED)


def problems(text: str) -> list[tuple[int, str]]:
    with pytest.raises(PolicyDocumentError) as caught:
        read(text)
    assert {each.file for each in caught.value.problems} == {"tests/a.yaml"}
    return [(each.line, each.text) for each in caught.value.problems]


def test_a_variant_says_what_is_different() -> None:
    case, variant = read(FILE)
    assert (case.line, case.gate, case.title) == (
        5,
        Gate.DISCLOSURE,
        "He who is adverse to her does not learn where she lives",
    )
    assert case.given == {"resource.categories": ("location.current",), "context.recipient.adverse": True}
    assert case.expected.policies == ("disclosure.absolute.adverse_person",)
    assert case.expected.owed is None
    assert (variant.line, variant.title) == (14, f"{case.title}; but he is not")
    assert variant.given == {
        **case.given,
        "context.recipient.adverse": False,
        "subject.attributes.training": ("first_aid",),
    }
    assert (variant.expected.effect, variant.expected.reason) == (Effect.DENY, "NO_BASIS")
    assert (variant.expected.policies, variant.expected.owed) == (None, ())


def test_a_path_without_a_value_takes_back_what_was_said() -> None:
    text = FILE.replace("adverse: false, subject.attributes.training: [first_aid]", "adverse: ")
    assert "context.recipient.adverse" not in read(text)[1].given


def test_what_is_owed_may_name_parameters() -> None:
    owed = "[obligation.no_onward, {obligation.mask: {part: last4}}]"
    (_, variant) = read(FILE.replace("owed: []", f"owed: {owed}"))
    assert variant.expected.owed == (
        ExpectedOwed("obligation.mask", {"part": "last4"}),
        ExpectedOwed("obligation.no_onward", {}),
    )


def test_who_is_implied_is_permitted_without_a_reason() -> None:
    text = FILE.replace("adverse: false", "adverse: false, resource.implied: true")
    wrong = text.replace("deny, reason: NO_BASIS", "permit, reason: TEAM")
    assert "tested against denies alone" in problems(wrong)[0][1]
    variant = read(text.replace("deny, reason: NO_BASIS", "permit"))[1]
    assert (variant.expected.effect, variant.expected.reason) == (Effect.PERMIT, "")
    assert is_implied(variant.gate, variant.given)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("gate: disclosure", "gate: disclosur", 1, "gate: write one of `authority`, `disclosure`"),
        ("given:\n  res", "givn:\n  res", 2, "no such key, perhaps `given` is meant"),
        ("cases:", "case:", 4, "no such key, perhaps `cases` is meant"),
        ("cases:\n", "cases: []\nother:\n", 5, "no such key"),
        ("adverse: true", "advers: true", 8, "`context.recipient.adverse` is meant"),
        (ADVERSE, "$.recipient.adverse: true", 8, "`context.recipient.adverse` is meant"),
        (ADVERSE, "context.nothing.like_it: true", 8, "`policy-service policies attributes` lists them"),
        (ADVERSE, "context.row.held: true", 8, "is not known in the gate `disclosure`"),
        ("adverse: true", 'adverse: "true"', 8, "is true or false: write `true` or `false`"),
        ("[location.current]", "[location.curent]", 7, "is never `location.curent`, perhaps"),
        ("[location.current]", "location.current", 7, "write a list, as in `[this, that]`"),
        ("[first_aid]", f"[{'a' * 1_025}]", 15, 'training"][0]: a text has at most 1,024 characters'),
        ("[first_aid]", str(["a"] * 1_025), 15, 'training"]: a list has at most 1,024 members'),
        ("[first_aid]", "[1]", 15, 'training"][0]: `subject.attributes.training` holds texts'),
        ("effect: deny\n      reason", "effect: denied\n      reason", 10, "write one of `permit`, `deny`"),
        ("reason: ADVERSE_PERSON", "reason: ADVERS_PERSON", 11, "perhaps `ADVERSE_PERSON` is meant"),
        ("reason: ADVERSE_PERSON", "reason: SEEN", 11, "no policy of the gate `disclosure` has"),
        ("      reason: ADVERSE_PERSON\n", "", 9, "expect: `reason` is missing"),
        ("      effect: deny\n", "", 9, "write `effect` and `reason`, or what is `owed`"),
        ("adverse_person]", "advers_person]", 12, "perhaps `disclosure.absolute.adverse_person` is meant"),
        ("[disclosure.absolute.adverse_person]", "[obligation.mask]", 12, "no policy: write it under `owed`"),
        ("[disclosure.absolute.adverse_person]", "[delivery.basis.see]", 12, "is of the gate `delivery`"),
        ("owed: []", "owed: [obligation.maks]", 16, "perhaps `obligation.mask` is meant"),
        ("owed: []", "owed: [disclosure.basis.team]", 16, "no obligation: write it under `policies`"),
        ("owed: []", "owed: [{obligation.mask: {prt: a}}]", 16, "no such key, perhaps `part` is meant"),
        ("owed: []", "owed: [{obligation.mask: {}, obligation.redact: {}}]", 16, "write one uid"),
        ("owed: []", "owed: true", 16, "write a list"),
        ("  - title: He who is adverse", "  - title: ''\n    x: He", 5, "a title is one line"),
        ("- title: he is not", "- titel: he is not", 14, "no such key, perhaps `title` is meant"),
        ("- title: he is not\n        given", "- given", 14, "`title` is missing"),
        ("gate: disclosure", "gate: disclosure\ngate: delivery", 2, "stands here and in line 1"),
        ("gate: disclosure", "gate: &a disclosure", 1, "anchor"),
        ("gate: disclosure\n", "- gate\n", 2, "not readable as YAML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_line_and_words(old: str, new: str, line: int, said: str) -> None:
    text = FILE.replace(old, new, 1)
    assert text != FILE
    found = problems(text)
    assert any(at == line and said in words for at, words in found), found


def test_all_that_is_wrong_is_told_at_once() -> None:
    text = (
        FILE.replace("adverse: true", "advers: true")
        .replace("NO_BASIS", "NO_BASE")
        .replace("[identity", "[id")
    )
    assert [line for line, _ in problems(text)] == [3, 8, 16]


def test_the_answer_gate_decides_nothing() -> None:
    answer = "gate: answer\ncases:\n  - {title: a, expect: EXPECT}\n"
    assert "decides nothing" in problems(answer.replace("EXPECT", "{effect: deny, owed: []}"))[0][1]
    assert "write what is `owed`" in problems(answer.replace("EXPECT", "{}"))[0][1]
    (case,) = read(answer.replace("EXPECT", "{owed: [obligation.split_per_recipient]}"))
    assert case.expected.effect is None


def test_a_file_without_end_is_refused_whole_and_once() -> None:
    case = "  - {title: a, given: {a.b: 1}, expect: {effect: deny, reason: NOTHING}}\n"
    found = problems("gate: authority\ncases:\n" + case * 90)
    assert len(found) == 100
    assert len({line for line, _ in found}) == 50
    assert "mend these first" in found[-1][1]


# --- what a case leaves open ----------------------------------------------------------------------------


@pytest.mark.parametrize("gate", Gate)
def test_what_is_not_said_is_not_so_and_of_its_type(gate: Gate) -> None:
    attributes = attributes_of(gate, {}, CATALOGUE)
    for attribute in CATALOGUE:
        if gate not in attribute.gates:
            continue
        if attribute.total:
            assert is_typed(attributes[attribute.path], attribute.type)
            assert not attributes[attribute.path]
        else:
            assert attributes[attribute.path] is None


def test_what_follows_from_what_is_said() -> None:
    given: dict[str, Value] = {
        "resource.categories": ("health.condition", "location.current", "location.work"),
        "resource.categories_not_his_on_file": ("location.work",),
        "resource.record_type": "ward.admission",
    }
    found = attributes_of(Gate.DISCLOSURE, given, CATALOGUE)
    assert found["resource.categories_not_his"] == given["resource.categories"]
    assert found["resource.category_families"] == ("health", "location")
    assert found["resource.families_not_his_on_file"] == ("location",)
    assert found["resource.record_types"] == ("ward.admission",)
    said = attributes_of(Gate.DISCLOSURE, {**given, "resource.category_families": ("abuse",)}, CATALOGUE)
    assert said["resource.category_families"] == ("abuse",)


@pytest.mark.parametrize(
    ("channel", "spoken", "by_phone"),
    [
        ("phone.live", True, True),
        ("phone.voicemail", False, True),
        ("post", False, False),
        ("", False, False),
    ],
)
def test_what_follows_from_a_channel(channel: str, spoken: bool, by_phone: bool) -> None:
    found = attributes_of(Gate.DELIVERY, {"action.channel": channel}, CATALOGUE)
    assert (found["action.channel_spoken"], found["action.channel_by_phone"]) == (spoken, by_phone)
