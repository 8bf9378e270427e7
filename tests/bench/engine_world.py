"""Policy sets of any size, as organisations grow them, in our words and in Cedar's, and questions to them.

Some are about everybody (`GENERAL`, whatever the size); all others are about one record type or two, of
which there are the more the more policies there are, and about categories, roles or purposes. A third
denies, and no permit stands above a deny, so that Cedar's deny-overrides means the same.

"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

from policy_service.engine import PolicyDocument, parse_document
from policy_service.model.vocabulary import CATEGORIES, Purpose

GENERAL: Final = 40
"""Policies of every record type; of small sets half of the policies."""
POLICIES_OF_A_TYPE: Final = 10
ROLES: Final = tuple(f"role-{number}" for number in range(30))
KINDS: Final = ("private", "professional", "organisation", "team")
FLAGS: Final = ("adverse", "associate", "lives_with", "identified", "contact_role", "exempt", "co_parent")
_CATEGORIES: Final = tuple(sorted(CATEGORIES))
_PURPOSES: Final = tuple(Purpose)

DISTRIBUTION: Final = {"absolute": 0.05, "request": 0.13, "baseline": 0.17, "basis": 0.65}
"""Of the tiers."""

Rules = dict[str, dict[str, dict[str, Any]]]


def distribution() -> str:
    """The distribution, in words."""
    return ", ".join(f"{share:.0%} {tier}" for tier, share in DISTRIBUTION.items())


def rules(number: int) -> list[tuple[str, Rules]]:
    """So many policies: the tier, and the rules as py-abac has them."""
    chance = random.Random(number)
    tiers = chance.choices(tuple(DISTRIBUTION), tuple(DISTRIBUTION.values()), k=number)
    general, types = min(GENERAL, number // 2), record_types(number)
    return [
        (tier, _rules(chance, 0 if index < general else types, permits=tier == "basis"))
        for index, tier in enumerate(tiers)
    ]


def record_types(policies: int) -> int:
    """How many record types there are."""
    return max(5, policies // POLICIES_OF_A_TYPE)


def _rules(chance: random.Random, record_types: int, *, permits: bool) -> Rules:
    resource: dict[str, Any] = {}
    context: dict[str, Any] = {}
    if record_types:
        types = sorted({f"type-{chance.randrange(record_types)}" for _ in range(chance.choice((1, 1, 2)))})
        resource["$.record_type"] = (
            {"condition": "Equals", "value": types[0]}
            if len(types) == 1
            else {"condition": "IsIn", "values": types}
        )
    # A permit covers every category of a field, a deny meets any.
    resource["$.categories"] = (
        {"condition": "AllIn", "values": sorted(chance.sample(_CATEGORIES, 12))}
        if permits
        else {"condition": "AnyIn", "values": sorted(chance.sample(_CATEGORIES, 3))}
    )
    if permits or chance.random() < 0.5:
        context["$.recipient.kind"] = {"condition": "Equals", "value": chance.choice(KINDS)}
    if not permits or chance.random() < 0.2:
        flag = chance.choice(FLAGS)
        context[f"$.recipient.{flag}"] = {"condition": "Eq", "value": not permits or chance.random() < 0.5}
    found: Rules = {"resource": resource}
    if context:
        found["context"] = context
    if chance.random() < 0.5:
        found["subject"] = {"$.roles": {"condition": "AnyIn", "values": sorted(chance.sample(ROLES, 3))}}
    if chance.random() < 0.3:
        found["action"] = {"$.purpose": {"condition": "IsIn", "values": sorted(chance.sample(_PURPOSES, 3))}}
    return found


def document(number: int, tier: str, policy: Rules) -> PolicyDocument:
    """One policy as the engine takes it."""
    envelope = {"uid": f"bench.p{number}", "title": "A policy", "gate": "disclosure", "tier": tier}
    text = json.dumps({**envelope, "reason": f"R{number}", "owner": "bench", "policy": {"rules": policy}})
    return parse_document(text, name=f"p{number}.yaml")


def as_cedar(number: int, tier: str, policy: Rules) -> str:
    """The same policy in Cedar's words; every attribute stands in its context."""
    tests = [
        _cedar_test(f"{ace}{path.removeprefix('$')}".replace(".", "_"), condition)
        for ace, paths in policy.items()
        for path, condition in paths.items()
    ]
    effect = "permit" if tier == "basis" else "forbid"
    return f'@id("p{number}") {effect}(principal, action, resource) when {{ {" && ".join(tests)} }};'


def _cedar_test(name: str, condition: Mapping[str, Any]) -> str:
    match condition["condition"]:
        case "Equals" | "Eq":
            return f"context.{name} == {json.dumps(condition['value'])}"
        case "IsIn":
            return f"{json.dumps([str(value) for value in condition['values']])}.contains(context.{name})"
        case "AllIn":
            return f"{json.dumps(condition['values'])}.containsAll(context.{name})"
        case _:
            return f"context.{name}.containsAny({json.dumps(condition['values'])})"


def questions(number: int, policies: int) -> Sequence[dict[str, Any]]:
    """So many distinct questions to so many policies, each attribute present and typed."""
    chance = random.Random(3)
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    while len(found) < number:
        asked: dict[str, Any] = {
            "resource.record_type": f"type-{chance.randrange(record_types(policies))}",
            "resource.categories": tuple(sorted(chance.sample(_CATEGORIES, chance.choice((1, 1, 2))))),
            "subject.roles": tuple(sorted(chance.sample(ROLES, chance.choice((1, 2))))),
            "action.purpose": str(chance.choice(_PURPOSES)),
            "context.recipient.kind": chance.choice(KINDS),
            **{f"context.recipient.{flag}": chance.random() < 0.1 for flag in FLAGS},
        }
        found.setdefault(tuple(asked.values()), asked)
    return list(found.values())
