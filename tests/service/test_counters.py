"""What is counted of decisions: each gate as often as it was asked, and who decided."""

from __future__ import annotations

from dataclasses import replace

from policy_service.model.question import CheckCall
from policy_service.model.trace import DecisionTrace, TracedOutcome
from policy_service.model.vocabulary import Effect, Gate, UserKind, Verb
from policy_service.service.counters import MOST_OUTCOMES, OTHER, DecisionCounters, OutcomeKind

METHOD = "DecisionService/Check"

ALLOWED = TracedOutcome(Effect.PERMIT, "TEAM", tier="basis", policies=("p.team",))
DELIVERED = TracedOutcome(Effect.PERMIT, "SCREEN", tier="basis", policies=("p.screen",))
SEEN = TracedOutcome(Effect.PERMIT, "CARE", tier="basis", policies=("p.care",))
ADVERSE = TracedOutcome(Effect.DENY, "ADVERSE_PERSON", tier="request", policies=("p.adverse",))
NIGHT = TracedOutcome(Effect.DENY, "AT_NIGHT", tier="request", policies=("p.night",))

TRACE = DecisionTrace(
    call=CheckCall(verb=Verb.SEE, user="u", record="r", fields=()),
    policy_set="set",
    user_kind=UserKind.NONE,
    purpose="care",
    record_type="file",
    effect=Effect.DENY,
    reason="",
    cause="",
    fields=(),
    asked_fields=0,
    recipients=(),
    outcomes=(SEEN, ADVERSE),
    cells=(0, 0, 1),
    authority=ALLOWED,
    delivery=(DELIVERED,),
    obligations=(),
    valid_until=None,
)


def counted(*traces: DecisionTrace) -> DecisionCounters:
    counters = DecisionCounters()
    for trace in traces:
        counters.count(METHOD, trace)
    return counters


def test_each_gate_counts_as_often_as_it_was_asked() -> None:
    counters = counted(TRACE, replace(TRACE, effect=Effect.PERMIT, outcomes=(SEEN,), cells=(0,)))

    assert counters.decisions == {(METHOD, Effect.DENY): 1, (METHOD, Effect.PERMIT): 1}
    assert counters.outcomes == {
        OutcomeKind(Gate.AUTHORITY, Effect.PERMIT, "basis", "TEAM"): 2,
        OutcomeKind(Gate.DELIVERY, Effect.PERMIT, "basis", "SCREEN"): 2,
        OutcomeKind(Gate.DISCLOSURE, Effect.PERMIT, "basis", "CARE"): 3,
        OutcomeKind(Gate.DISCLOSURE, Effect.DENY, "request", "ADVERSE_PERSON"): 1,
    }
    assert counters.by_error == {}


def test_what_may_not_be_delivered_is_not_disclosures_deny() -> None:
    counters = counted(replace(TRACE, outcomes=(NIGHT, ADVERSE), cells=(0, 0, 1), delivery=(NIGHT,)))

    assert counters.outcomes == {
        OutcomeKind(Gate.AUTHORITY, Effect.PERMIT, "basis", "TEAM"): 1,
        OutcomeKind(Gate.DELIVERY, Effect.DENY, "request", "AT_NIGHT"): 1,
        OutcomeKind(Gate.DISCLOSURE, Effect.DENY, "request", "ADVERSE_PERSON"): 1,
    }


def test_what_authority_denies_is_asked_of_no_other_gate() -> None:
    denied = replace(TRACE, cause="authority", authority=ADVERSE, outcomes=(ADVERSE,), cells=(0, 0, 0))

    assert counted(replace(denied, delivery=())).outcomes == {
        OutcomeKind(Gate.AUTHORITY, Effect.DENY, "request", "ADVERSE_PERSON"): 1
    }


def test_what_is_denied_before_any_gate_is_counted_once() -> None:
    nobody = TracedOutcome(Effect.DENY, "USER_REQUIRED")
    trace = replace(
        TRACE, cause="user_required", authority=None, outcomes=(nobody,), cells=(0, 0), delivery=()
    )

    assert counted(trace).outcomes == {OutcomeKind(None, Effect.DENY, "", "USER_REQUIRED"): 1}


def test_decided_by_error_is_counted_by_gate() -> None:
    broken = replace(ADVERSE, by_error=("p.adverse",))
    counters = counted(replace(TRACE, outcomes=(SEEN, broken), cells=(0, 1, 1)))

    assert counters.by_error == {Gate.DISCLOSURE: 2}


def test_reasons_beyond_a_bound_are_counted_together() -> None:
    many = [replace(ADVERSE, reason=f"REASON_{number}") for number in range(2 * MOST_OUTCOMES)]
    counters = counted(*(replace(TRACE, outcomes=(one,), cells=(0,)) for one in many))

    assert len(counters.outcomes) == MOST_OUTCOMES + 1
    assert sum(counters.outcomes.values()) == 3 * len(many)
    assert counters.outcomes[OutcomeKind(Gate.DISCLOSURE, Effect.DENY, "", OTHER)] > 0
