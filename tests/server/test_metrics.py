"""What is shown of what was counted."""

from __future__ import annotations

from policy_service.model.vocabulary import Gate
from policy_service.server.metrics import of_decisions
from policy_service.service.counters import DecisionCounters


def test_what_was_decided_by_error_is_shown_from_nought_on() -> None:
    counters = DecisionCounters()
    (metric,) = (each for each in of_decisions(counters) if each.name == "policy_service.outcomes.by_error")

    assert {labels["gate"]: value for value, labels in metric.read()} == {gate.value: 0 for gate in Gate}
    counters.by_error[Gate.DISCLOSURE] = 2
    counters.by_error[None] = 1
    shown = {labels["gate"]: value for value, labels in metric.read()}
    assert (shown["disclosure"], shown["none"], shown["delivery"]) == (2, 1, 0)
