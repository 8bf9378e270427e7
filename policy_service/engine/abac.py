"""The only module that imports py_abac: it parses a policy with it, and gives back our own frozen conditions.

Two things about py-abac's parser decide how it is used here. It *executes* the attribute paths that it is
given (ObjectPath expressions), so it is only ever given parts that `policy_part` has passed. And it is not
thread-safe, so it runs under one lock. Its evaluator is not used at all: it fails open (see the tests named
after its faults).
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from policy_service.engine.conditions import (
    SHAPES,
    AllOf,
    AnyOf,
    Condition,
    Kind,
    Not,
    Operand,
    Test,
)
from policy_service.model.vocabulary import Effect

with warnings.catch_warnings():
    # py-abac 0.4.1, the newest there is, speaks of schemas as marshmallow 3 did: a warning for each.
    warnings.simplefilter("ignore")
    import py_abac
    from py_abac import exceptions as py_abac_exceptions

TARGETS: Mapping[str, str] = {
    "subject_id": "subject.kind",
    "resource_id": "resource.record_type",
    "action_id": "action.verb",
}
"""py-abac's targets, and the attributes that they are matched against."""

ACES = ("subject", "resource", "action", "context")
"""py-abac's access control elements; with a path `$.a.b` inside them they make a catalogue path `ace.a.b`."""

NO_NAMES = frozenset(
    ("and", "f", "false", "in", "is", "matches", "n", "nil", "none", "not", "null", "or", "t", "true")
)
"""Words that mean something else to py-abac where a name stands in a path."""

_PARSING = threading.Lock()


class NotPyAbac(Exception):
    """py-abac does not accept the policy, though our own checks did."""


def as_py_abac(part: Mapping[str, Any], *, uid: str, effect: Effect, priority: int) -> dict[str, Any]:
    """Give the whole py-abac policy, as JSON, that a document's `policy:` part stands for.

    Its number conditions refuse true and false when they are parsed, and read them as 1 and 0 when they are
    evaluated, so they are written as these.
    """
    return {
        "uid": uid,
        "description": "",
        "effect": "allow" if effect is Effect.PERMIT else "deny",
        "priority": priority,
        "targets": part.get("targets", {}),
        "rules": {ace: _booleans_as_numbers(rules) for ace, rules in part.get("rules", {}).items()},
    }


def parse(part: Mapping[str, Any], *, uid: str, effect: Effect, priority: int) -> Condition:
    """Parse a checked `policy:` part with py-abac, targets and rules together; raises NotPyAbac."""
    policy = as_py_abac(part, uid=uid, effect=effect, priority=priority)
    with _PARSING:
        try:
            parsed = py_abac.Policy.from_json(policy)
        except (py_abac_exceptions.PolicyCreateError, TypeError):
            # TypeError: its path check fails on an ObjectPath error that carries no text.
            raise NotPyAbac("py-abac does not accept it") from None
    return AllOf((*_targets(parsed.targets), *_rules(parsed.rules)))


def _booleans_as_numbers(value: Any, key: str = "") -> Any:
    match value:
        case dict():
            return {inner: _booleans_as_numbers(part, inner) for inner, part in value.items()}
        case list():
            return [_booleans_as_numbers(part) for part in value]
        case bool() if key == "value":
            return int(value)
        case _:
            return value


def _targets(targets: Any) -> Iterator[Condition]:
    for name, path in TARGETS.items():
        patterns = getattr(targets, name)
        listed = patterns if isinstance(patterns, list) else [patterns]
        if "*" not in listed:
            yield AnyOf(tuple(_pattern(path, pattern) for pattern in listed))


def _pattern(path: str, pattern: str) -> Condition:
    if pattern.endswith("*"):
        return Test(Kind.STARTS_WITH, path, pattern[:-1])
    return Test(Kind.EQUALS, path, pattern)


def _rules(rules: Any) -> Iterator[Condition]:
    for ace in ACES:
        conditions = getattr(rules, ace)
        if isinstance(conditions, list):
            yield AnyOf(tuple(AllOf(tuple(_all_of(ace, alternative))) for alternative in conditions))
        else:
            yield from _all_of(ace, conditions)


def _all_of(ace: str, conditions: Mapping[str, Any]) -> Iterator[Condition]:
    for path, condition in conditions.items():
        yield _condition(catalogue_path(ace, path), condition)


def catalogue_path(ace: str, path: str) -> str:
    """Give the catalogue path of py-abac's `path` (`$.a.b`) in `ace`."""
    return ace + path.removeprefix("$")


def _condition(path: str, condition: Any) -> Condition:
    kind = Kind(type(condition).__name__)
    match SHAPES[kind].operand:
        case Operand.NOTHING:
            return Test(kind, path)
        case Operand.VALUE | Operand.EXPRESSION:
            return Test(kind, path, condition.value)
        case Operand.TEXT:
            return Test(kind, path, condition.value, ignore_case=condition.case_insensitive)
        case Operand.VALUES:
            return Test(kind, path, tuple(condition.values))
        case Operand.ATTRIBUTE:
            return Test(kind, path, other=catalogue_path(condition.ace, condition.path))
        case Operand.CONDITION:
            return Not(_condition(path, condition.value))
        case Operand.CONDITIONS:
            parts = tuple(_condition(path, part) for part in condition.values)
            return AllOf(parts) if kind is Kind.ALL_OF else AnyOf(parts)
