"""What came out over many generated scenes: how much is permitted, and what decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from policy_service.model.trace import TracedOutcome
from policy_service.model.vocabulary import Effect
from policy_service.service.decided import Decided
from tests.support.shipped import POLICIES

REASON_OF = {
    document.uid: document.reason for document in POLICIES.plan.documents if document.tier is not None
}
"""The reason of each shipped policy."""


@dataclass
class Census:
    """Counts of decisions. `tiers` and `reasons` are of cells; `policies` of all three gates."""

    scenes: int = 0
    permitted: int = 0
    denied: int = 0
    tiers: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    policies: Counter[str] = field(default_factory=Counter)
    owed: Counter[str] = field(default_factory=Counter)

    def count(self, decided: Decided) -> None:
        trace = decided.trace
        self.scenes += 1
        for index in trace.cells:
            outcome = trace.outcomes[index]
            self.permitted += outcome.effect is Effect.PERMIT
            self.denied += outcome.effect is Effect.DENY
            self.tiers[outcome.tier or "no policy"] += 1
            self.reasons[outcome.reason] += 1
        for outcome in _outcomes(decided):
            self.policies.update(outcome.policies)
        self.owed.update({str(each.kind) for each in decided.decision.obligations})

    @property
    def share(self) -> float:
        """The part of all cells that is permitted."""
        return self.permitted / max(1, self.permitted + self.denied)

    @property
    def reached(self) -> set[str]:
        """The reasons of the shipped policies that decided something."""
        return {REASON_OF[uid] for uid in self.policies if uid in REASON_OF}

    def lines(self) -> Iterator[str]:
        """The counts, for people."""
        cells = self.permitted + self.denied
        share = f"{self.share:.0%} of them permitted"
        yield f"{self.scenes:,} worlds with a question each, {cells:,} cells, {share}"
        yield "decided by tier: " + _said(self.tiers)
        yield "for a reason: " + _said(self.reasons)
        yield "policies that decided in some gate: " + _said(self.policies)
        yield "owed in so many answers: " + _said(self.owed)


def _outcomes(decided: Decided) -> Iterator[TracedOutcome]:
    trace = decided.trace
    if trace.authority is not None:
        yield trace.authority
    yield from trace.delivery
    yield from trace.outcomes


def _said(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counted.most_common())
