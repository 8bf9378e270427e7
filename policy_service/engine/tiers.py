"""Which effect and which gates a tier is for, in the words of a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from policy_service.model.spelling import spelt
from policy_service.model.vocabulary import Effect, Gate, Tier

_POLICY_GATES: Final = frozenset(gate for gate in Gate if gate is not Gate.ANSWER)
_NARROWER: Final[Mapping[Tier, frozenset[Gate]]] = MappingProxyType(
    {
        Tier.COURT_ORDER: frozenset({Gate.DISCLOSURE}),
        Tier.OVERRIDE: frozenset({Gate.AUTHORITY, Gate.DISCLOSURE}),
    }
)
_WHY: Final[Mapping[Tier, str]] = MappingProxyType(
    {
        Tier.COURT_ORDER: "an order gives a user no authority and opens no contact point",
        Tier.OVERRIDE: "an override opens no contact point",
    }
)
MAY_REST_ON_WHAT_IS_SAID: Final = frozenset({Tier.BASELINE, Tier.BASIS})
"""Tiers whose policies may name a declared attribute: nothing that a caller says lifts what stands above."""
_SPELLINGS: Final = {"allow": Effect.PERMIT, "permit": Effect.PERMIT, "deny": Effect.DENY}


def gates_of(tier: Tier) -> frozenset[Gate]:
    """The gates in which a policy of `tier` may stand. A permit in one gate never answers another."""
    return _NARROWER.get(tier, _POLICY_GATES)


def not_in_gate(tier: Tier, gate: Gate) -> str | None:
    """Say why a policy of `tier` may not stand in `gate` and where it belongs, or None where it may."""
    gates = gates_of(tier)
    if gate in gates:
        return None
    belongs = " or ".join(f"`{other}`" for other in Gate if other in gates)
    return f"{_WHY[tier]}: a policy of the tier `{tier.label}` belongs in the gate {belongs}"


def given_effect(tier: Tier | None, written: object) -> str:
    """Say which effect the tier gives, and, where another is written, which tiers give that one."""
    if tier is None:
        return ""
    said = f", and `{tier.label}` {'permits' if tier.effect is Effect.PERMIT else 'denies'}"
    meant = _SPELLINGS.get(written.lower()) if isinstance(written, str) else None
    if meant is None or meant is tier.effect:
        return said
    tiers = spelt(other.label for other in Tier if other.effect is meant)
    return f"{said}; a {meant} belongs in one of {tiers}"
