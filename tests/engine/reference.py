"""py-abac itself, asked what a gate is asked: the reference where every attribute is present and typed."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from policy_service.engine import PolicyDocument
from policy_service.model.vocabulary import Effect, Gate

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it is written for marshmallow 3
    from py_abac import PDP, AccessRequest, EvaluationAlgorithm, Policy
    from py_abac.provider.base import AttributeProvider
    from py_abac.storage.memory import MemoryStorage

__all__ = ["AccessRequest", "AttributeProvider", "Policy", "pdp", "pdp_of_json", "permits", "request"]


def permits(documents: Iterable[PolicyDocument], gate: Gate, attributes: Mapping[str, Any]) -> bool:
    """Answer as py-abac does: HIGHEST_PRIORITY over the gate's policies, deny-overrides inside a priority."""
    return bool(pdp(documents, gate).is_allowed(request(attributes)))


def pdp(documents: Iterable[PolicyDocument], gate: Gate) -> Any:
    """Make py-abac's decision point for one gate."""
    return pdp_of_json(
        {
            "uid": document.uid,
            "effect": "allow" if document.tier.effect is Effect.PERMIT else "deny",
            "priority": int(document.tier),
            "targets": document.policy.get("targets", {}),
            # Its numeric conditions refuse `true` when parsed, and read it as 1 when evaluated.
            "rules": json.loads(json.dumps(document.policy["rules"]), object_hook=_booleans_as_numbers),
        }
        for document in documents
        if document.gate is gate and document.tier is not None
    )


def pdp_of_json(policies: Iterable[dict[str, Any]]) -> Any:
    """Make py-abac's decision point, HIGHEST_PRIORITY, for policies as its JSON."""
    storage = MemoryStorage()
    for policy in policies:
        storage.add(Policy.from_json(policy))
    return PDP(storage, EvaluationAlgorithm.HIGHEST_PRIORITY)


def request(attributes: Mapping[str, Any]) -> Any:
    """Make py-abac's request from catalogue paths and values."""
    trees: dict[str, Any] = {"subject": {}, "resource": {}, "action": {}, "context": {}}
    for path, value in attributes.items():
        *parents, last = path.split(".")
        tree = trees
        for parent in parents:
            tree = tree.setdefault(parent, {})
        tree[last] = list(value) if isinstance(value, tuple) else value
    return AccessRequest(
        subject={"id": attributes.get("subject.kind", ""), "attributes": trees["subject"]},
        resource={"id": attributes.get("resource.record_type", ""), "attributes": trees["resource"]},
        action={"id": attributes.get("action.verb", ""), "attributes": trees["action"]},
        context=trees["context"],
    )


def _booleans_as_numbers(mapping: dict[str, Any]) -> dict[str, Any]:
    return {
        key: int(value) if key == "value" and isinstance(value, bool) else value
        for key, value in mapping.items()
    }
