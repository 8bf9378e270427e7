"""The naive interpreter that the compiled engine is held against: about as plain as three-valued logic gets.

It reads a document's py-abac part as written (dictionaries and lists) and shares no code with the compiler. A
truth is True, False, or None for an error. It is slow, and meant to be read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import re2

from policy_service.engine import Attribute, Catalogue, PolicyDocument
from policy_service.model.vocabulary import Effect, Gate

Truth = bool | None

DENY_TIERS = {"absolute", "statute", "request", "baseline"}
ORDER = ["absolute", "court_order", "statute", "override", "request", "baseline", "basis"]
TARGETS = {"subject_id": "subject.kind", "resource_id": "resource.record_type", "action_id": "action.verb"}


def decide(
    documents: Iterable[PolicyDocument],
    catalogue: Catalogue,
    gate: Gate,
    attributes: Mapping[str, Any],
    *,
    denies_only: bool = False,
) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    """Give effect, tier (empty: none), the uids that decided, and those of them that did so by error."""
    for label in ORDER:
        denies = label in DENY_TIERS
        if denies_only and not denies:
            continue
        truths = {
            document.uid: holds(document, catalogue, attributes)
            for document in documents
            if document.gate is gate and document.tier is not None and document.tier.label == label
        }
        decided = {uid for uid, truth in truths.items() if truth is True or (truth is None and denies)}
        if decided:
            by_error = {uid for uid in decided if truths[uid] is None}
            return "deny" if denies else "permit", label, tuple(sorted(decided)), tuple(sorted(by_error))
    return "permit" if denies_only else "deny", "", (), ()


def owed(
    documents: Iterable[PolicyDocument],
    catalogue: Catalogue,
    gate: Gate,
    effect: Effect,
    attributes: Mapping[str, Any],
) -> list[tuple[str, Truth]]:
    """Give the obligations that are owed, with the truth of their conditions (None: owed by error)."""
    found: list[tuple[str, Truth]] = []
    for document in sorted(documents, key=lambda document: document.uid):
        if document.gate is gate and document.tier is None and effect in document.on:
            truth = holds(document, catalogue, attributes)
            if truth is not False:
                found.append((document.uid, truth))
    return found


def holds(document: PolicyDocument, catalogue: Catalogue, attributes: Mapping[str, Any]) -> Truth:
    """Evaluate a document's targets and rules together."""
    truths: list[Truth] = []
    for name, patterns in document.policy.get("targets", {}).items():
        listed = patterns if isinstance(patterns, list) else [patterns]
        truths.append(any_of([matches(pattern, attributes.get(TARGETS[name])) for pattern in listed]))
    for ace, rules in document.policy["rules"].items():
        alternatives = rules if isinstance(rules, list) else [rules]
        truths.append(
            any_of(
                [
                    all_of(
                        [
                            condition(part, ace + path[1:], catalogue, attributes)
                            for path, part in alternative.items()
                        ]
                    )
                    for alternative in alternatives
                ]
            )
        )
    return all_of(truths)


def all_of(truths: list[Truth]) -> Truth:
    if False in truths:
        return False
    return None if None in truths else True


def any_of(truths: list[Truth]) -> Truth:
    if True in truths:
        return True
    return None if None in truths else False


def matches(pattern: str, value: object) -> Truth:
    if pattern == "*":
        return True
    if not isinstance(value, str):
        return None
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern


def condition(
    part: Mapping[str, Any], path: str, catalogue: Catalogue, attributes: Mapping[str, Any]
) -> Truth:
    name = part["condition"]
    if name == "Any":
        return True
    if name == "Exists":
        return attributes.get(path) is not None
    if name == "NotExists":
        return attributes.get(path) is None
    if name == "Not":
        inner = condition(part["value"], path, catalogue, attributes)
        return None if inner is None else not inner
    if name == "AllOf":
        return all_of([condition(one, path, catalogue, attributes) for one in part["values"]])
    if name == "AnyOf":
        return any_of([condition(one, path, catalogue, attributes) for one in part["values"]])
    value: Any = attributes.get(path)
    if not can_be(value, catalogue[path]):
        return None
    if name.endswith("Attribute"):
        other_path = part["ace"] + part["path"][1:]
        other = attributes.get(other_path)
        if not can_be(other, catalogue[other_path]):
            return None
        return compare(name.removesuffix("Attribute"), value, other)
    if part.get("case_insensitive"):
        return compare(name, value.lower(), part["value"].lower())
    return compare(name, value, part.get("value", part.get("values")))


def can_be(value: object, attribute: Attribute) -> bool:
    if not typed(value, attribute.type):
        return False
    if attribute.declared and attribute.values:
        return all(one in attribute.values for one in ([value] if isinstance(value, str) else value))  # type: ignore[attr-defined]
    return True


def typed(value: object, type_: str) -> bool:
    if type_ == "string":
        return isinstance(value, str)
    if type_ == "strings":
        return isinstance(value, tuple) and all(isinstance(one, str) for one in value)
    if type_ == "boolean":
        return value is True or value is False
    return type(value) in (int, float) and not math.isnan(value) and abs(value) != math.inf  # type: ignore[arg-type]


def compare(name: str, value: Any, operand: Any) -> bool:
    match name:
        case "Eq" | "Equals":
            return bool(value == operand)
        case "Neq" | "NotEquals":
            return bool(value != operand)
        case "Gt":
            return bool(value > operand)
        case "Gte":
            return bool(value >= operand)
        case "Lt":
            return bool(value < operand)
        case "Lte":
            return bool(value <= operand)
        case "Contains":
            return operand in value
        case "NotContains":
            return operand not in value
        case "StartsWith":
            return bool(value.startswith(operand))
        case "EndsWith":
            return bool(value.endswith(operand))
        case "RegexMatch":
            return re2.search(operand, value) is not None
        case "IsIn":
            return value in operand
        case "IsNotIn":
            return value not in operand
        case "AllIn":
            return all(one in operand for one in value)
        case "AnyIn":
            return any(one in operand for one in value)
        case "IsEmpty":
            return len(value) == 0
        case "IsNotEmpty":
            return len(value) > 0
        case _:
            raise AssertionError(f"the oracle does not know `{name}`")
