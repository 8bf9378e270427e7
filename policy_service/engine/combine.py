"""From what each policy of a gate says to the gate's outcome.

The highest tier that has an outcome decides; a tier holds denies or permits, never both; the default is deny.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policy_service.engine.truth import Truth
from policy_service.model.attributes import Value
from policy_service.model.vocabulary import Effect, Tier


class ErrorMeans(StrEnum):
    """What it means that a policy's condition could not be evaluated."""

    DENY = "an error in a deny denies"
    NO_PERMIT = "an error in a permit does not count"
    OWED = "an error in an obligation is owed"


def error_means(tier: Tier | None) -> ErrorMeans:
    """Give what an error means for a policy of `tier`, or, where that is None, for an obligation."""
    if tier is None:
        return ErrorMeans.OWED
    return ErrorMeans.DENY if tier.effect is Effect.DENY else ErrorMeans.NO_PERMIT


@dataclass(frozen=True, slots=True)
class Voice:
    """What combination needs to know of a policy."""

    uid: str
    tier: Tier
    reason: str
    tell: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a gate answers to one question.

    `tier` is None where no policy applied. `reason` is that of the first deciding policy in uid order. `tell`
    is true where staff may be told the reason: all deciding policies allow it. `policies` are the uids of
    those that decided, sorted; `by_error` those of them that decided because their condition could not be
    evaluated.
    """

    effect: Effect
    tier: Tier | None
    reason: str
    tell: bool
    policies: tuple[str, ...] = ()
    by_error: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Owed:
    """What an obligation asks for. `by_error`: its condition, or a parameter, could not be evaluated."""

    kind: str
    policy: str
    parameters: tuple[tuple[str, Value], ...]
    by_error: bool


NO_BASIS: Final = Outcome(Effect.DENY, None, "NO_BASIS", tell=True)
"""Nothing applied: the default deny."""
NOT_DENIED: Final = Outcome(Effect.PERMIT, None, "", tell=True)
"""Nothing denies what is tested against denies alone."""


def applies(truth: Truth, tier: Tier | None) -> bool:
    """Tell whether a policy of `tier` (None: an obligation) whose condition came out as `truth` counts."""
    match truth:
        case Truth.TRUE:
            return True
        case Truth.FALSE:
            return False
        case Truth.ERROR:
            return error_means(tier) is not ErrorMeans.NO_PERMIT


def combine(verdicts: Iterable[tuple[Voice, Truth]], *, otherwise: Outcome = NO_BASIS) -> Outcome:
    """Decide from the verdicts of a gate's policies, given in the order of their tiers, highest first.

    What comes after the deciding tier is not looked at, so a lazy iterable is evaluated no further than
    needed. `otherwise` is the outcome where nothing applies.
    """
    deciding: list[tuple[Voice, Truth]] = []
    for voice, truth in verdicts:
        if deciding and voice.tier is not deciding[0][0].tier:
            break
        if applies(truth, voice.tier):
            deciding.append((voice, truth))
    if not deciding:
        return otherwise
    deciding.sort(key=lambda verdict: verdict[0].uid)
    first = deciding[0][0]
    return Outcome(
        effect=first.tier.effect,
        tier=first.tier,
        reason=first.reason,
        tell=all(voice.tell for voice, _ in deciding),
        policies=tuple(voice.uid for voice, _ in deciding),
        by_error=tuple(voice.uid for voice, truth in deciding if truth is Truth.ERROR),
    )
