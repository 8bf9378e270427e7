"""What the decisions of a process came to, as plain numbers since its start.

The event loop counts, each decision once, when its entry is durable. Whoever shows the numbers reads them a
few times a second, from any thread. They hold what a policy set or this program names, and nothing of a call.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from policy_service.model.trace import DecisionTrace, TracedOutcome
from policy_service.model.vocabulary import Effect, Gate

MOST_OUTCOMES: Final = 1_024
"""Kinds of outcomes that are told apart. Reasons are named by policy sets, which change while a process
lives.
"""
OTHER: Final = "OTHER"
"""The reason of outcomes beyond that."""


class OutcomeKind(NamedTuple):
    """How a gate decided."""

    gate: Gate | None
    """None where no gate was asked: no user was named, or nothing was found that could be decided about."""
    effect: Effect
    tier: str
    """Empty where no policy decided."""
    reason: str


class DecisionCounters:
    """Counts decisions. Event loop only, but for reading."""

    def __init__(self) -> None:
        self.decisions: dict[tuple[str, Effect], int] = {}
        """By method, as log entries name it, and by the effect of the whole."""
        self.outcomes: dict[OutcomeKind, int] = {}
        """The authority gate's once a decision, the delivery gate's once a recipient, the disclosure gate's
        once a field and recipient.
        """
        self.by_error: dict[Gate | None, int] = {}
        """Those of them that a policy's error had a part in."""

    def count(self, method: str, trace: DecisionTrace) -> None:
        """Count one decision."""
        whole = (method, trace.effect)
        self.decisions[whole] = self.decisions.get(whole, 0) + 1
        authority = trace.authority
        if authority is not None:
            self._count(Gate.AUTHORITY, authority, 1)
        if trace.cause:  # withheld before any other gate was asked: every cell says the same
            if authority is None:
                self._count(None, trace.outcomes[0], 1)
            return
        refused: set[tuple[str, tuple[str, ...]]] = set()
        for delivered in trace.delivery:
            self._count(Gate.DELIVERY, delivered, 1)
            if delivered.effect is Effect.DENY:
                refused.add((delivered.reason, delivered.policies))
        cells = trace.cells
        for index, outcome in enumerate(trace.outcomes):
            # What may not be delivered is denied in each cell that disclosure permits: it is counted above.
            if not refused or (outcome.reason, outcome.policies) not in refused:
                self._count(Gate.DISCLOSURE, outcome, cells.count(index))

    def _count(self, gate: Gate | None, outcome: TracedOutcome, times: int) -> None:
        kind = OutcomeKind(gate, outcome.effect, outcome.tier, outcome.reason)
        known = self.outcomes.get(kind)
        if known is None:
            known = 0
            if len(self.outcomes) >= MOST_OUTCOMES:
                kind = OutcomeKind(gate, outcome.effect, "", OTHER)
                known = self.outcomes.get(kind, 0)
        self.outcomes[kind] = known + times
        if outcome.by_error:
            self.by_error[gate] = self.by_error.get(gate, 0) + times
