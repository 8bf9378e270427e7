"""Validate: every problem of every file, and whether the files make a set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from policy_service.engine.errors import PolicySetError
from policy_service.model.set_files import BASE_TYPES, CASES, MESSAGES
from policy_service.service import validate_policies
from policy_service.service.policies import published, shipped_policy_set
from policy_service.service.validate_policies import (
    MOST_PROBLEMS,
    OnFile,
    PolicyFile,
    Problem,
    Validation,
    validate,
)
from tests.service.control import POLICIES

POLICY = """\
# the first line
uid: own.UID
title: A policy of our own
gate: delivery
tier: baseline
reason: OWN_POLICY
owner: privacy-office
policy:
  rules: {action: {$.verb: {condition: Equals, value: send}}}
"""
BASE = "name: base.visit\nfields:\n  - {name: a, categories: [finance], about: [subject]}\n"


def policy(uid: str, name: str = "") -> PolicyFile:
    return PolicyFile(name or f"{uid}.yaml", POLICY.replace("UID", uid))


def shipped() -> tuple[tuple[PolicyFile, ...], tuple[PolicyFile, ...], tuple[PolicyFile, ...]]:
    policy_set = shipped_policy_set(POLICIES)
    documents, base_types, messages = (
        tuple(PolicyFile(name, text) for name, text in files)
        for files in (policy_set.documents, policy_set.base_types, policy_set.messages)
    )
    return documents, base_types, messages


TENURE = """\
name: tenure
of: record
type: string
sentence: By what right they live there.
example: licence
values: [licence, tenancy]
"""
NAMES_TENURE = POLICY.replace("action: {$.verb: {condition: Equals, value: send}}", "RULE").replace(
    "RULE", "resource: {$.attributes.tenure: {condition: Equals, value: licence}}"
)


def declared(*texts: str) -> tuple[PolicyFile, ...]:
    return tuple(PolicyFile(f"attributes/{i}.yaml", text) for i, text in enumerate(texts))


def test_policies_may_name_what_is_declared_beside_them() -> None:
    document = PolicyFile("own.yaml", NAMES_TENURE.replace("UID", "a"))
    bases = (PolicyFile("base.yaml", f"{BASE}attributes: [tenure]\n"),)
    assert validate((document,), bases, attributes=declared(TENURE)).problems == ()
    assert validate((document,), bases, attributes=declared(TENURE)).checked == 3
    (alone,) = validate((document,), ()).problems
    assert "no attribute `resource.attributes.tenure`" in alone.text
    (misspelt,) = validate(
        (PolicyFile("own.yaml", document.text.replace("licence", "licens")),), (), attributes=declared(TENURE)
    ).problems
    assert "perhaps `licence` is meant" in misspelt.text


def test_a_declaration_stands_once_and_is_right() -> None:
    second, third = validate(
        (), (), attributes=declared(TENURE, TENURE, TENURE.replace("record", "x"))
    ).problems
    assert (second.file, second.line) == ("attributes/1.yaml", 1)
    assert "is declared in attributes/0.yaml:1 as well" in second.text
    assert (third.file, third.line) == ("attributes/2.yaml", 2)


@pytest.mark.parametrize("named", ["tenur", "training"])
def test_a_base_type_names_attributes_that_the_set_declares_of_records(named: str) -> None:
    training = TENURE.replace("tenure", "training").replace("record", "user")
    bases = (PolicyFile("base.yaml", f"{BASE}attributes: [tenure, {named}]\n"),)
    (problem,) = validate((), bases, attributes=declared(TENURE, training)).problems
    assert (problem.file, problem.line) == ("base.yaml", 4)
    assert f"attributes[1]: the set declares no attribute `{named}` of records" in problem.text
    assert ("perhaps `tenure` is meant" in problem.text) is (named == "tenur")


def test_an_attribute_that_no_record_type_names_is_warned_of() -> None:
    """Only an organisation's token tells which record types it has, and what they name."""
    training = TENURE.replace("tenure", "training").replace("record", "user")
    files = declared(training, f"# a comment\n{TENURE}")
    named, unnamed = (PolicyFile("base.yaml", BASE + more) for more in ("attributes: [tenure]\n", ""))
    theirs = OnFile(frozenset({"ward.letter"}))
    for base in (unnamed, None):
        (warning,) = validate((), (base,) if base else (), (), theirs, attributes=files).warnings
        assert (warning.file, warning.line) == ("attributes/1.yaml", 2)
        assert "no record type names `tenure`, so that no record can have it" in warning.text
    assert validate((), (named,), (), theirs, attributes=files).warnings == ()
    assert validate((), (unnamed,), attributes=files).warnings == ()
    has = replace(theirs, attributes=frozenset({"tenure"}))
    assert validate((), (unnamed,), (), has, attributes=files) == Validation((), 3)


def test_such_a_set_is_not_published(tmp_path: Path) -> None:
    for name, text in (
        ("attributes/tenure.yaml", TENURE),
        ("base_types/base.visit.yaml", f"{BASE}attributes: [tenur]\n"),
    ):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(PolicySetError, match="no attribute `tenur` of records"):
        shipped_policy_set(tmp_path)


def test_what_ships_is_right() -> None:
    documents, base_types, messages = shipped()
    validation = validate(documents, base_types, messages)
    assert validation.problems == ()
    assert validation.checked == len(list(POLICIES.rglob("*.yaml"))) - len(
        list((POLICIES / CASES).rglob("*.yaml"))
    )


def test_a_shipped_file_lies_where_its_gate_and_tier_say() -> None:
    for file in POLICIES.rglob("*.yaml"):
        folder = file.relative_to(POLICIES).parts[0]
        if folder in (BASE_TYPES, CASES, MESSAGES, "obligations"):
            continue
        lines = file.read_text("utf-8").splitlines()
        gate, tier = (
            next(line for line in lines if line.startswith(key)).split()[1] for key in ("gate", "tier")
        )
        assert Path(gate, tier) == file.relative_to(POLICIES).parent


def test_a_reason_without_a_text_is_a_problem_where_there_are_messages() -> None:
    _, _, messages = shipped()
    ours = (policy("own.policy"),)
    assert validate(ours, ()).problems == ()
    (problem,) = validate(ours, (), messages).problems
    assert problem.file == "messages/en.yaml"
    assert problem.text == "reasons: no text for `OWN_POLICY`, the reason of the policy `own.own.policy`"


def test_a_part_of_a_set_may_rest_on_texts_of_the_rest() -> None:
    _, _, shipped_messages = shipped()
    ours = (policy("own.policy"), policy("own.other", "other.yaml"))
    text = "reasons:\n  OWN_POLICY: {staff: Ours., next_step: Ask.}\n"
    own = PolicyFile("ours/messages/own/en.yaml", text)
    assert validate(ours, (), (own,)).problems == ()
    assert validate(ours, (), (own, *shipped_messages)).problems == ()
    (problem,) = validate(ours, (), (PolicyFile(own.name, text + "other: A.\n"),)).problems
    assert (problem.file, problem.line) == (own.name, 3)
    (problem,) = validate(
        ours, (), (own, *shipped_messages, PolicyFile("b/messages/b/en.yaml", text))
    ).problems
    assert (problem.file, problem.line) == ("b/messages/b/en.yaml", 2)
    assert "stands in ours/messages/own/en.yaml:2 as well" in problem.text


def test_what_ships_leaves_nothing_to_warn_of() -> None:
    documents, base_types, messages = shipped()
    texts = published(shipped_policy_set(POLICIES)).messages
    assert validate(documents, base_types, messages).warnings == ()
    on_file = OnFile(frozenset({"ward.letter"}), frozenset(), texts)
    assert validate(documents, base_types, messages, on_file).warnings == ()
    assert validate(documents, (), (), on_file).warnings == ()


def test_warnings_are_told_file_by_file_and_are_no_problems() -> None:
    never = policy("b").text.replace("Equals, value: send", "AllOf, values: [SEE, SEND]")
    for verb in ("see", "send"):
        never = never.replace(verb.upper(), f"{{condition: Equals, value: {verb}}}")
    found = validate((policy("c"), PolicyFile("b.yaml", never), policy("a", "last.yaml")), ())
    assert found.problems == ()
    assert [(each.file, each.line) for each in found.warnings] == [("b.yaml", 9), ("last.yaml", 8)]
    assert "the policy can never apply" in found.warnings[0].text
    assert "`own.c` (c.yaml:8) says the same" in found.warnings[1].text


def test_warnings_leave_room_for_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate_policies, "MOST_PROBLEMS", 20)
    same = tuple(policy(f"a{i}", f"{i}.yaml") for i in range(30))
    assert len(validate(same, ()).warnings) == 20
    found = validate((PolicyFile("wrong.yaml", "a: 1"), *same), ())
    assert (len(found.problems), len(found.warnings)) == (8, 12)


def test_a_deny_without_a_text_is_warned_of_where_the_texts_are_published() -> None:
    _, _, messages = shipped()
    on_file = OnFile(texts=published(shipped_policy_set(POLICIES)).messages)
    ours = (policy("own.policy"),)
    assert validate(ours, ()).warnings == ()  # where nothing is published nothing is known
    (warning,) = validate(ours, (), (), on_file).warnings
    assert (warning.file, warning.line) == ("own.policy.yaml", 6)
    assert warning.text.startswith(
        "reason: no text for `OWN_POLICY`, neither among these files nor in what is"
    )
    text = "reasons:\n  OWN_POLICY: {staff: Ours., next_step: Ask.}\n"
    own = PolicyFile("ours/messages/own/en.yaml", text)
    assert validate(ours, (), (own,), on_file).warnings == ()
    told = PolicyFile(ours[0].name, ours[0].text.replace("OWN_POLICY", "VOICEMAIL_NOT_SAFE"))
    assert validate((told,), (), (), on_file).warnings == ()
    permit = PolicyFile(ours[0].name, ours[0].text.replace("baseline", "basis"))
    assert validate((permit,), (), (), on_file).warnings == ()
    # In a whole set it is refused, and told once.
    refused = validate(ours, (), messages, on_file)
    assert (len(refused.problems), refused.warnings) == (1, ())


def test_record_types_are_the_organisations_and_the_bases_of_these_files_or_published() -> None:
    targeted = policy("a").text.replace("policy:", "policy:\n  targets: {resource_id: ward.letter}")
    ours = (PolicyFile("a.yaml", targeted),)
    assert validate(ours, ()).warnings == ()
    assert validate(ours, (), (), OnFile(frozenset({"ward.letter"}))).warnings == ()
    (warning,) = validate(ours, (), (), OnFile(frozenset({"ward.bill"}))).warnings
    assert (warning.line, "no record type `ward.letter`" in warning.text) == (9, True)
    rules = "rules: {resource: {$.record_types: {condition: AnyIn, values: [base.visit]}}}"
    based = policy("a").text.partition("  rules")[0] + f"  {rules}\n"
    ours = (PolicyFile("a.yaml", based),)
    assert validate(ours, (PolicyFile("b.yaml", BASE),), (), OnFile(frozenset())).warnings == ()
    assert validate(ours, (), (), OnFile(frozenset(), frozenset({"base.visit"}))).warnings == ()
    assert len(validate(ours, (), (), OnFile(frozenset())).warnings) == 1


def test_what_is_wrong_with_messages_is_told() -> None:
    documents, _, (en,) = shipped()
    wrong = PolicyFile("set/messages/cy.yaml", "reasons: {NO_BASE: {staff: A.}}\n")
    found = validate(documents, (), (en, wrong))
    assert [(each.file, each.line) for each in found.problems] == [("set/messages/cy.yaml", 1)] * 2
    assert found.checked == len(documents) + 2


def test_all_files_are_looked_at_and_the_wrong_ones_told_in_their_order() -> None:
    wrong = PolicyFile("b.yaml", policy("b").text.replace("title", "titel").replace("send", "sned"))
    unreadable = PolicyFile("d.yaml", "uid: [")
    base = PolicyFile("base_types/e.yaml", BASE.replace("finance", "finanse"))
    validation = validate((policy("a"), wrong, policy("c"), unreadable), (base,))
    assert validation.checked == 5
    assert [(problem.file, problem.line) for problem in validation.problems] == [
        ("b.yaml", 3),
        ("b.yaml", 9),
        ("d.yaml", 2),
        ("base_types/e.yaml", 3),
    ]
    assert "perhaps `finance` is meant" in validation.problems[-1].text


def test_one_uid_in_two_files_is_told_beside_other_problems() -> None:
    files = (policy("a", "first.yaml"), PolicyFile("wrong.yaml", ""), policy("a", "second.yaml"))
    assert validate(files, ()).problems == (
        Problem("wrong.yaml", 1, "the file is empty"),
        Problem(
            "second.yaml", 2, "uid: `own.a` stands in first.yaml:2 as well: give one of them another uid"
        ),
    )


def test_one_base_type_in_two_files() -> None:
    files = (PolicyFile("a.yaml", BASE), PolicyFile("b.yaml", BASE))
    (problem,) = validate((), files).problems
    assert (problem.file, problem.line) == ("b.yaml", 1)
    assert "`base.visit` stands in a.yaml:1 as well" in problem.text


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (BASE + "name: base.other\n", 4, "key `name` stands here and in line 1"),
        (BASE.replace("finance", "no"), 3, "`no` is not read alike by all readers"),
        ("- a", 1, "a base type is a mapping that starts with `name:`"),
        (BASE + "---\n" + BASE, 4, "one file holds a base type and no more"),
        (BASE + "#" * 65_536, 1, "bytes, and a base type may have 65536"),
        ("name: " + "[" * 2_000, 1, "nested more than 32 deep"),
    ],
)
def test_base_types_are_read_as_strictly_as_policies(text: str, line: int, said: str) -> None:
    (problem,) = validate((), (PolicyFile("b.yaml", text),)).problems
    assert problem.line == line
    assert said in problem.text


def test_a_document_that_is_too_large_is_a_problem_like_any_other() -> None:
    (problem,) = validate((PolicyFile("a.yaml", policy("a").text + "#" * 65_536),), ()).problems
    assert "bytes, and a policy may have 65536" in problem.text


def test_a_set_that_does_not_compile_is_a_problem_of_the_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policy_service.engine.compile.MAX_DOCUMENTS", 1)
    assert validate((policy("a"), policy("b")), ()).problems == (
        Problem("", 0, "the set has 2 policies, and may have 1"),
    )


def test_once_too_much_is_wrong_the_files_that_follow_wait() -> None:
    files = tuple(PolicyFile(f"{i}.yaml", "a: 1") for i in range(1_000))
    validation = validate(files, (PolicyFile("base.yaml", ""),))
    assert MOST_PROBLEMS <= len(validation.problems) < MOST_PROBLEMS + 100
    assert validation.checked < 1_000
    assert {problem.file for problem in validation.problems} == {
        f"{i}.yaml" for i in range(validation.checked)
    }
    twice = validate(tuple(policy("a", f"{i}.yaml") for i in range(1_100)), ())
    assert (len(twice.problems), twice.checked) == (MOST_PROBLEMS, 1_100)
