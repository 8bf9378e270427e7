"""Trying cases on policies that are not published: which came out otherwise, and what none has decided.

Pure and blocking; it runs in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from policy_service.engine.cases import Case, parse_cases
from policy_service.engine.catalogue import Catalogue
from policy_service.engine.conditions import Kind, Test
from policy_service.engine.covered import Uncovered
from policy_service.engine.documents import PolicyDocument
from policy_service.engine.errors import PolicyDocumentError, PolicySetError
from policy_service.engine.explain import tests_of
from policy_service.engine.trying import Failure, try_cases
from policy_service.model.vocabulary import Gate
from policy_service.service.validate_policies import (
    Findings,
    PolicyFile,
    Problem,
    check_uids,
    problems_of,
    read_declared,
    read_documents,
)

MOST_CONDITIONS: Final = 2_000_000
"""Conditions that all cases of a call together may look at: some seconds' worth. What ships has 63,000. One
that looks at much counts for several (`_looks`).
"""
_MEMBERS_AS_ONE: Final = 20
_CHARACTERS_AS_ONE: Final = 500


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that no case has decided, and the file that has it."""

    file: str
    uncovered: Uncovered


@dataclass(frozen=True, slots=True)
class CasesTried:
    """Where there are problems, no case was tried. `checked` counts files, `tried` cases and variants."""

    problems: tuple[Problem, ...]
    checked: int
    tried: int = 0
    failures: tuple[Failure, ...] = ()
    gaps: tuple[Gap, ...] = ()


def try_policy_cases(
    documents: tuple[PolicyFile, ...],
    cases: tuple[PolicyFile, ...],
    attributes: tuple[PolicyFile, ...] = (),
    *,
    most: int = MOST_CONDITIONS,
) -> CasesTried:
    """Try the cases of these files on the policies of those; both may name the `attributes`. Every problem of
    every file is told. `most` bounds the conditions that are looked at.
    """
    found = Findings()
    catalogue = read_declared(attributes, found)
    parsed = tuple(read_documents(documents, catalogue, found))
    check_uids(parsed, found)
    if found.problems:
        return CasesTried(tuple(found.problems), found.checked)
    by_uid = {document.uid: document for _, document in parsed}
    read = _cases(cases, by_uid, catalogue, found)
    if not found.problems:
        _check_bounds(read, by_uid, found, most)
    if found.problems:
        return CasesTried(tuple(found.problems), found.checked)
    try:
        tried = try_cases(by_uid.values(), read, catalogue)
    except PolicySetError as error:
        return CasesTried((Problem("", 0, error.message),), found.checked)
    files = {document.uid: file.name for file, document in parsed}
    gaps = tuple(Gap(files[each.uid], each) for each in tried.uncovered)
    return CasesTried((), found.checked, len(read), tried.failures, gaps)


def _cases(
    files: tuple[PolicyFile, ...],
    documents: Mapping[str, PolicyDocument],
    catalogue: Catalogue,
    found: Findings,
) -> list[Case]:
    cases: list[Case] = []
    for file in files:
        if found.enough:
            break
        found.checked += 1
        try:
            cases += parse_cases(file.text, name=file.name, documents=documents, catalogue=catalogue)
        except PolicyDocumentError as error:
            found.problems += problems_of(error)
    return cases


def _check_bounds(
    cases: list[Case], documents: Mapping[str, PolicyDocument], found: Findings, most: int
) -> None:
    tests: dict[Gate, list[Test]] = {gate: [] for gate in Gate}
    for document in documents.values():
        tests[document.gate] += tests_of(document.condition)
    expressions = {
        gate: sum(test.kind is Kind.REGEX_MATCH for test in of_gate) for gate, of_gate in tests.items()
    }
    looks = sum(_looks(case, len(tests[case.gate]), expressions[case.gate]) for case in cases)
    if looks > most:
        text = (
            f"these cases would look at {looks:,} conditions, and may at {most:,}: "
            "test the policies and the cases of one gate at a time, with shorter values"
        )
        found.problems.append(Problem("", 0, text))


def _looks(case: Case, tests: int, expressions: int) -> int:
    """How many conditions a case looks at. A long value takes the time of several, and a regular expression
    at worst that of one for each character.
    """
    members = max((len(value) for value in case.given.values() if isinstance(value, tuple)), default=0)
    characters = max((len(value) for value in case.given.values() if isinstance(value, str)), default=0)
    each = 1 + members // _MEMBERS_AS_ONE + characters // _CHARACTERS_AS_ONE
    return tests * each + expressions * characters
