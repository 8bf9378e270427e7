"""A policy is passed over only where its condition is certainly false."""

from __future__ import annotations

import random
from typing import Any

import pytest

from policy_service.engine import PolicyDocument, parse_document
from policy_service.engine.candidates import MOST_COPIES, Candidates
from policy_service.engine.catalogue import CATALOGUE
from policy_service.engine.looks import Looks
from policy_service.model.attributes import Attributes


def requiring(number: int, rules: str) -> PolicyDocument:
    text = (
        f"uid: p{number}\ntitle: A policy\ngate: disclosure\ntier: baseline\nreason: P\nowner: nobody\n"
        f"policy: {{rules: {{resource: {{{rules}}}}}}}\n"
    )
    return parse_document(text, name="p.yaml")


def found(documents: list[PolicyDocument], **values: Any) -> list[str]:
    candidates = Candidates([(each.uid, each.condition) for each in documents], CATALOGUE)
    known = {f"resource.{name}": value for name, value in values.items()}
    return sorted(candidates.of(Looks(Attributes(known))))


BY_TYPE = [requiring(n, f"$.record_type: {{condition: Equals, value: type-{n % 5}}}") for n in range(20)]


def test_of_many_policies_only_those_of_its_value_are_candidates() -> None:
    assert found(BY_TYPE, record_type="type-3") == ["p13", "p18", "p3", "p8"]
    assert found(BY_TYPE, record_type="another") == []


@pytest.mark.parametrize("value", [None, 3, ("type-3",), ["type-3"], True, b"type-3"])
def test_where_the_attribute_is_missing_or_ill_typed_all_are_candidates(value: Any) -> None:
    assert len(found(BY_TYPE, record_type=value)) == len(BY_TYPE)
    assert len(found(BY_TYPE)) == len(BY_TYPE)


def test_a_policy_that_two_values_find_is_one_candidate() -> None:
    documents = [
        requiring(n, f"$.categories: {{condition: AnyIn, values: [health.h{n}, health.h{n + 1}]}}")
        for n in range(10)
    ]
    assert found(documents, categories=("health.h4", "health.h5")) == ["p3", "p4", "p5"]


@pytest.mark.parametrize(
    "rules",
    [
        "$.record_type: {condition: Not, value: {condition: Equals, value: a}}",
        "$.record_type: {condition: NotEquals, value: a}",
        "$.record_type: {condition: Equals, value: a, case_insensitive: true}",
        "$.record_type: {condition: StartsWith, value: a}",
        "$.record_type: {condition: RegexMatch, value: a}",
        "$.record_type: {condition: EqualsAttribute, ace: resource, path: $.field}",
        "$.categories: {condition: AllIn, values: [finance]}",
        "$.record_type: {condition: Any}",
    ],
)
def test_what_requires_no_value_is_always_a_candidate(rules: str) -> None:
    documents = [*BY_TYPE, requiring(99, rules)]
    assert "p99" in found(documents, record_type="type-3", categories=())


def test_alternatives_are_found_by_what_all_of_them_require() -> None:
    either = "$.record_type: {condition: AnyOf, values: [{condition: Equals, value: a}, %s]}"
    documents = [*BY_TYPE, requiring(50, either % "{condition: Equals, value: type-3}")]
    documents.append(requiring(60, either % "{condition: StartsWith, value: b}"))
    assert "p50" in found(documents, record_type="type-3")
    assert "p50" not in found(documents, record_type="type-4")
    assert "p60" in found(documents, record_type="type-4")


def places(candidates: Candidates[str]) -> int:
    """In how many places policies stand, at the ends of the index."""
    found = len(candidates._others)
    for index in candidates._by_value:
        found += sum(places(of_value) for of_value in index._values.values())
    return found


def test_policies_that_require_one_of_many_values_of_several_attributes_stand_in_few_places() -> None:
    chance = random.Random(1)

    def some(name: str) -> str:
        return ", ".join(sorted({f"{name}{chance.randrange(200)}" for _ in range(15)}))

    documents = [
        requiring(
            number,
            f"$.record_type: {{condition: IsIn, values: [{some('t')}]}},"
            f"$.record_types: {{condition: AnyIn, values: [{some('u')}]}},"
            f"$.part: {{condition: IsIn, values: [{some('p')}]}}",
        )
        for number in range(300)
    ]
    candidates = Candidates([(each.uid, each.condition) for each in documents], CATALOGUE)
    assert len(documents) < places(candidates) <= MOST_COPIES * len(documents)
    asked = {"resource.record_type": "t7", "resource.record_types": ("u1",), "resource.part": "p1"}
    found = list(candidates.of(Looks(Attributes(asked))))
    assert 0 < len(found) < len(documents) / 4
