"""The answer that tells nothing: the whole is denied, whatever was asked and whatever is on file.

Invariant ONE ANSWER FOR WHAT IS NOT TO BE TOLD (`decide`): a withheld record and an unknown one differ in
nothing that the caller sees but ids, times, tokens and his own words.
"""

from __future__ import annotations

from dataclasses import replace

from policy_service.facts.gather.situation import Situation
from policy_service.model.decision import NOT_AVAILABLE, OBLIGATION_UNSUPPORTED, Cell, Decision
from policy_service.model.question import CheckCall, FieldAsked
from policy_service.model.trace import DecisionTrace, TracedOutcome
from policy_service.model.vocabulary import Effect, UserKind, Verb
from policy_service.service.decided import Decided
from policy_service.service.obligations import may_omit, silences
from policy_service.service.policies import PublishedPolicies
from policy_service.service.tracing import asserted_by, traced_recipients


def not_granted(call: CheckCall, policies: PublishedPolicies, cause: str) -> Decided:
    """The answer to a call by a system that is not granted it; `cause` is for the log entry alone."""
    return withheld(call, policies, reason=NOT_AVAILABLE, cause=cause)


def too_large(call: CheckCall, policies: PublishedPolicies) -> Decided:
    """The answer to a call whose entry would be larger than the log takes; its entry says so, and what the
    answer owes: a report of its outcome is held against that, and must tell it from no other such answer.
    """
    decided = withheld(call, policies, reason=NOT_AVAILABLE, cause="entry_too_large")
    owed = tuple(replace(obligation, fields=()) for obligation in decided.decision.obligations)
    return Decided(decided.decision, replace(decided.trace, fields=(), cells=(), obligations=owed))


def withheld(
    call: CheckCall,
    policies: PublishedPolicies,
    *,
    reason: str,
    cause: str,
    situation: Situation | None = None,
    authority: TracedOutcome | None = None,
    alerts: tuple[str, ...] = (),
    facts: tuple[str, ...] = (),
) -> Decided:
    """The whole answer is denied, and nothing of the record shows: no envelope, no `valid_until`.

    A caller who says that he cannot leave out what is not told is told that, whatever it is.
    """
    if reason == NOT_AVAILABLE and not may_omit(call):
        reason = OBLIGATION_UNSUPPORTED
    rows = range(1 if call.verb is Verb.SEE else len(call.recipients))
    cells = tuple(
        Cell(asked.name, asked.party, recipient, Effect.DENY, reason)
        for recipient in rows
        for asked in call.fields
    )
    decision = Decision("", Effect.DENY, cells, silences(cells), reason=reason)
    outcome = authority or TracedOutcome(Effect.DENY, cause.upper(), reason)
    trace = DecisionTrace(
        call=call,
        policy_set=policies.policy_set_id,
        user_kind=UserKind.NONE if situation is None else situation.user.kind,
        purpose=(situation.purpose if situation else call.purpose) or "",
        record_type="" if situation is None else situation.record.record_types[0],
        effect=Effect.DENY,
        reason=reason,
        cause=cause,
        fields=tuple(placeless(asked) for asked in call.fields),
        asked_fields=len(call.fields),
        recipients=() if situation is None else traced_recipients(situation),
        outcomes=(outcome,),
        cells=(0,) * len(cells),
        authority=authority,
        delivery=(),
        obligations=decision.obligations,
        valid_until=None,
        asserted=() if situation is None else asserted_by(situation, policies.plan.catalogue),
        facts=facts,
        alerts=alerts,
    )
    return Decided(decision, trace)


def placeless(asked: FieldAsked) -> FieldAsked:
    """A field instance as the log may hold it, where nobody knows the place that it names: an address could
    stand there.
    """
    return replace(asked, place="unknown") if asked.place else asked
