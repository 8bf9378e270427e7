"""The cases beside the shipped policies: all come out as they say, and they decide all that there is."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from policy_service.model.set_files import CASES
from policy_service.service.policies import shipped_policy_set
from policy_service.service.policy_cases import try_policy_cases
from policy_service.service.validate_policies import PolicyFile
from tests.service.control import POLICIES

DOCUMENTS = tuple(PolicyFile(name, text) for name, text in shipped_policy_set(POLICIES).documents)
CASE_FILES = tuple(
    PolicyFile(str(file.relative_to(POLICIES)), file.read_text("utf-8"))
    for file in sorted((POLICIES / CASES).rglob("*.yaml"))
)


def test_the_shipped_policies_decide_as_their_cases_say_and_none_is_without() -> None:
    started = time.process_time()
    tried = try_policy_cases(DOCUMENTS, CASE_FILES)
    assert tried.problems == ()
    assert [f"{each.case.file}:{each.case.line} {each.case.title}" for each in tried.failures] == []
    assert [(each.file, each.uncovered.path, each.uncovered.text) for each in tried.gaps] == []
    assert tried.checked == len(DOCUMENTS) + len(CASE_FILES)
    assert tried.tried > 400
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("file", "old", "new", "title"),
    [
        ("authority/basis/job.yaml", "value: send", "value: see", "A job sends what it was granted"),
        ("disclosure/request/emergency_only.yaml", "value: false", "value: true", "Only an emergency opens"),
        ("obligations/verify_contact.yaml", "value: 180", "value: 500", "A protected person’s contact point"),
        ("obligations/mask.yaml", "part: resource.mask", "part: resource.part", "Those who need no more"),
        ("delivery/basis/own_point.yaml", "reason: CONTACT_POINT", "reason: OWN_POINT", ""),
    ],
)
def test_whoever_changes_a_shipped_policy_hears_of_it(file: str, old: str, new: str, title: str) -> None:
    changed = tuple(
        PolicyFile(each.name, each.text.replace(old, new)) if each.name == file else each
        for each in DOCUMENTS
    )
    assert changed != DOCUMENTS
    tried = try_policy_cases(changed, CASE_FILES)
    if title:
        assert any(each.case.title.startswith(title) for each in tried.failures)
    else:
        # The cases name a reason that is gone: they are refused, and not passed over.
        assert all("has the reason `CONTACT_POINT`" in each.text for each in tried.problems)
        assert tried.problems


def test_a_case_lies_where_its_gate_says() -> None:
    for file in CASE_FILES:
        _, folder, *rest = Path(file.name).parts
        gate = next(line for line in file.text.splitlines() if line.startswith("gate:")).split()[1]
        assert gate in (folder, rest[-1].removesuffix(".yaml").removesuffix("_advice"))


def test_nothing_is_tried_on_policies_that_are_wrong() -> None:
    wrong = PolicyFile(DOCUMENTS[0].name, DOCUMENTS[0].text.replace("tier:", "teir:"))
    tried = try_policy_cases((wrong, *DOCUMENTS[1:]), CASE_FILES)
    assert [(each.file, each.line) for each in tried.problems] == [(wrong.name, 4)]
    assert (tried.tried, tried.failures, tried.gaps) == (0, (), ())


def test_nothing_is_tried_where_a_case_is_wrong() -> None:
    wrong = PolicyFile("tests/wrong.yaml", "gate: authority\ncases:\n  - {title: a, expct: {}}\n")
    tried = try_policy_cases(DOCUMENTS, (*CASE_FILES, wrong))
    assert [(each.file, each.line) for each in tried.problems] == [("tests/wrong.yaml", 3)]
    assert tried.tried == 0


DECLARED = PolicyFile(
    "attributes/tenure.yaml",
    "name: tenure\nof: record\ntype: string\nsentence: What kind of tenancy it is.\nexample: secure\n"
    "values: [secure, refuge]\n",
)
DECLARING = PolicyFile(
    "refuge.yaml",
    "uid: own.refuge\ntitle: What is owed for a place in a refuge stays there\ngate: disclosure\n"
    "tier: baseline\nreason: REFUGE\nowner: privacy-office\npolicy:\n  rules:\n    resource:\n"
    "      $.attributes.tenure: {condition: Equals, value: refuge}\n",
)
ABOUT_DECLARED = """\
gate: disclosure
cases:
  - title: What is owed for a place in a refuge is told to nobody
    given: {resource.attributes.tenure: refuge}
    expect: {effect: deny, reason: REFUGE}
    but:
      - title: it is a secure tenancy
        given: {resource.attributes.tenure: secure}
        expect: {effect: deny, reason: NO_BASIS}
      - title: nobody says what it is
        given: {resource.attributes.tenure: }
        expect: {effect: deny, reason: REFUGE}
"""


def test_a_case_gives_declared_attributes_and_what_is_missing_counts() -> None:
    about = PolicyFile("tests/refuge.yaml", ABOUT_DECLARED)
    tried = try_policy_cases((DECLARING,), (about,), (DECLARED,))
    assert (tried.problems, tried.failures, tried.gaps) == ((), (), ())
    assert (tried.checked, tried.tried) == (3, 3)

    lenient = PolicyFile(about.name, about.text.replace("REFUGE}\n", "NO_BASIS}\n"))
    failures = try_policy_cases((DECLARING,), (lenient,), (DECLARED,)).failures
    assert [each.came.outcome and each.came.outcome.reason for each in failures] == ["REFUGE", "REFUGE"]
    ((saw,),) = (looked.conditions for looked in failures[1].looked)
    assert (saw.condition.path, saw.condition.missing, saw.said) == (
        "resource.attributes.tenure",
        True,
        False,
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("tenure: refuge", "tenure: refuges", 4, "never `refuges`, perhaps `refuge` is meant"),
        ("tenure: refuge", "tenue: refuge", 4, "perhaps `resource.attributes.tenure` is meant"),
        ("tenure: secure", "tenure: [secure]", 8, "write a text"),
    ],
)
def test_a_case_is_held_to_what_is_declared(old: str, new: str, line: int, says: str) -> None:
    about = PolicyFile("tests/refuge.yaml", ABOUT_DECLARED.replace(old, new, 1))
    tried = try_policy_cases((DECLARING,), (about,), (DECLARED,))
    (problem,) = tried.problems
    assert (problem.file, problem.line) == (about.name, line)
    assert says in problem.text
    assert tried.tried == 0


def test_without_its_declaration_nothing_is_tried() -> None:
    tried = try_policy_cases((DECLARING,), (PolicyFile("tests/refuge.yaml", ABOUT_DECLARED),))
    assert [(each.file, each.line) for each in tried.problems] == [(DECLARING.name, 10)]


def test_one_uid_in_two_files_is_told() -> None:
    tried = try_policy_cases((*DOCUMENTS, PolicyFile("again.yaml", DOCUMENTS[0].text)), CASE_FILES)
    assert [each.file for each in tried.problems] == ["again.yaml"]


def test_the_work_of_a_call_is_bounded() -> None:
    tried = try_policy_cases(DOCUMENTS, CASE_FILES, most=10_000)
    (problem,) = tried.problems
    assert (problem.file, tried.tried) == ("", 0)
    assert "test the policies and the cases of one gate at a time" in problem.text


WORK = """\
uid: own.work
title: A policy that looks at one thing in several ways
gate: authority
tier: baseline
reason: WORK
owner: privacy-office
policy:
  rules:
    subject:
      $.ATTRIBUTE: {condition: AnyOf, values: [CONDITIONS]}
"""
ASKED = """\
gate: authority
given: {subject.ATTRIBUTE: VALUE}
cases:
  - {title: It is looked at, expect: {effect: deny, reason: WORK}}
"""


def looks(attribute: str, conditions: list[str], value: str) -> int:
    """How many conditions a case is said to look at."""
    policy = WORK.replace("ATTRIBUTE", attribute).replace("CONDITIONS", ", ".join(conditions))
    case = ASKED.replace("ATTRIBUTE", attribute).replace("VALUE", value)
    tried = try_policy_cases((PolicyFile("a.yaml", policy),), (PolicyFile("tests/a.yaml", case),), most=0)
    (problem,) = tried.problems
    return int(problem.text.split(" conditions", 1)[0].rpartition(" ")[2].replace(",", ""))


def test_a_condition_counts_for_the_work_that_it_makes() -> None:
    equals = [f"{{condition: Equals, value: a{i}}}" for i in range(7)]
    assert looks("organisation", equals, "a") == 7  # though an explanation shows one part
    assert looks("organisation", equals, "a" * 1_000) == 7 * 3
    # For each character, since a search may make a state of each.
    matches = [f"{{condition: RegexMatch, value: '(a|b)*a(a|b){{14}}{i}'}}" for i in range(7)]
    assert looks("organisation", matches, "a" * 1_000) == 7 * (3 + 1_000)
    among = [f"{{condition: AnyIn, values: [a{i}]}}" for i in range(7)]
    assert looks("roles", among, str(["b"] * 1_000)) == 7 * 51
