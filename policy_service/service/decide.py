"""One decision, whole: a pure function of the call, the caller, the published policies, the facts in view
and the moment.

1. situate: join the call with what is on file; what only the store could tell ends in the one answer for all
such. 2. authority, once: a deny here withholds the record, and that it exists.
3. delivery, once per recipient.
4. disclosure, for each field instance, data subject and recipient; what is implied is tested against denies
alone. 5. combine: each gate must permit, and over data subjects the stricter answer wins.
6. obligations, of each gate and of the whole answer.

Invariant ONE ANSWER FOR WHAT IS NOT TO BE TOLD: a withheld field, an unknown field, a withheld record and an
unknown record differ in nothing that the caller sees but ids, times, tokens and his own words.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import timedelta

from policy_service.engine.combine import Outcome
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.gather.cast import NotTold
from policy_service.facts.gather.clock import Moment
from policy_service.facts.gather.questions import Attributes, Concerned, FieldSeen, Questions
from policy_service.facts.gather.situation import RecipientSeen, Situation, situate
from policy_service.facts.view import FactsView
from policy_service.model.caller import Caller
from policy_service.model.decision import NOT_AVAILABLE, USER_REQUIRED, Cell, Decision
from policy_service.model.question import CheckCall
from policy_service.model.trace import DecisionTrace, TracedOutcome, TracedRecipient
from policy_service.model.vocabulary import (
    SECRET_EXISTENCE_CATEGORIES,
    Effect,
    Gate,
    UserKind,
    Verb,
)
from policy_service.service.obligations import Row, obligations_of, rfc3339, silences
from policy_service.service.policies import PublishedPolicies
from policy_service.service.tracing import asserted_by, tally

VALID_FOR = timedelta(minutes=15)
"""How long a permitted send may wait before it is asked again, unless a fact changes sooner."""

_UNKNOWN = TracedOutcome(Effect.DENY, "UNKNOWN_FIELD", NOT_AVAILABLE)
_UNKNOWN_RECIPIENT = TracedOutcome(Effect.DENY, "UNKNOWN_RECIPIENT", NOT_AVAILABLE)


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision (its id and token are the caller's to give) and what it leaves for the auditor."""

    decision: Decision
    trace: DecisionTrace


Steps = Generator[None, None, Decided]
"""A decision on its way; it may rest at each step."""


def decide(
    view: FactsView,
    policies: PublishedPolicies,
    fingerprints: Fingerprinter,
    caller: Caller,
    call: CheckCall,
    moment: Moment,
) -> Decided:
    """Decide `call` as of `view` and `moment`. Raises `ColdFacts`, and `InvalidArgumentError` for
    a value that no library can read.
    """
    steps = decide_in_steps(view, policies, fingerprints, caller, call, moment)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # a generator's value reaches `except` untyped


def decide_in_steps(
    view: FactsView,
    policies: PublishedPolicies,
    fingerprints: Fingerprinter,
    caller: Caller,
    call: CheckCall,
    moment: Moment,
) -> Steps:
    """As `decide`, with a step after each cell, so that a large call need not hold up the small ones.

    Between steps nothing may change what it looks at: a view is only added to.
    """
    if not call.user:
        return _withheld(call, policies, reason=USER_REQUIRED, cause="user_required")
    try:
        situation = situate(view, policies.base_types, fingerprints, caller, call, moment)
        return (yield from _decide(situation, policies, moment))
    except NotTold as untold:
        return _withheld(call, policies, reason=NOT_AVAILABLE, cause=untold.cause)


def too_large(call: CheckCall, policies: PublishedPolicies) -> Decided:
    """The answer to a call whose entry would be larger than the log takes; its entry says so, and no more."""
    decided = _withheld(call, policies, reason=NOT_AVAILABLE, cause="entry_too_large")
    return Decided(decided.decision, replace(decided.trace, fields=(), cells=(), obligations=()))


def _decide(s: Situation, policies: PublishedPolicies, moment: Moment) -> Steps:
    plan, questions = policies.plan, Questions(s)
    attributes = questions.authority()
    authority = plan.decide(Gate.AUTHORITY, attributes)
    if authority.effect is Effect.DENY:
        return _withheld(
            s.call,
            policies,
            reason=NOT_AVAILABLE,
            cause="authority",
            situation=s,
            authority=_traced(authority, NOT_AVAILABLE),
            alerts=questions.alerts(),
            facts=questions.facts(),
        )
    owed_always = plan.owed(Gate.AUTHORITY, Effect.PERMIT, attributes)
    fields = questions.fields()
    deliveries: list[Outcome | None] = []
    rows: list[Row] = []
    for recipient in s.recipients:
        if recipient is None:
            deliveries.append(None)
            rows.append(Row(outcomes=[_UNKNOWN_RECIPIENT] * len(fields)))
            continue
        arrival = questions.delivery(recipient)
        delivery = plan.decide(Gate.DELIVERY, arrival)
        deliveries.append(delivery)
        row = Row()
        for index, seen in enumerate(fields):
            if seen is None:
                row.outcomes.append(_UNKNOWN)
            else:
                row.outcomes.append(_cell(s, policies, questions, row, index, seen, recipient, delivery))
            yield
        row.owed += [
            (None, owed) for owed in (*owed_always, *plan.owed(Gate.DELIVERY, delivery.effect, arrival))
        ]
        rows.append(row)
    return _answer(s, policies, moment, questions, authority, deliveries, rows, fields)


def _cell(
    s: Situation,
    policies: PublishedPolicies,
    questions: Questions,
    row: Row,
    index: int,
    seen: FieldSeen,
    recipient: RecipientSeen,
    delivery: Outcome,
) -> TracedOutcome:
    """One field instance for one recipient: all data subjects in the disclosure gate, then the delivery
    gate.
    """
    concerned = questions.concerned(seen, recipient)
    if concerned is None:
        return _UNKNOWN
    questions.count(len(concerned))
    plan = policies.plan
    judged: list[tuple[Outcome, Concerned, Attributes]] = []
    for person in concerned:
        attributes = questions.disclosure(seen, person, recipient)
        outcome = plan.decide(Gate.DISCLOSURE, attributes, denies_only=person.implied)
        judged.append((outcome, person, attributes))
    denied = [each for each in judged if each[0].effect is Effect.DENY]
    about = tuple(f"implied:{p.who}" if p.implied else str(p.who) for p in concerned)
    if denied:
        # What may not be told outweighs what may; then the higher tier speaks.
        told = [_told(s, questions, seen, outcome, about=person) for outcome, person, _ in denied]
        worst = min(
            range(len(denied)), key=lambda i: (told[i] != NOT_AVAILABLE, -(denied[i][0].tier or 0), i)
        )
        outcome, _, _ = denied[worst]
        result = _traced(outcome, told[worst], about, seen.envelope)
        witnesses = [attributes for _, _, attributes in denied]
    elif delivery.effect is Effect.DENY:
        told_reason = _told(s, questions, seen, delivery, about=None)
        result = _traced(delivery, told_reason, about, seen.envelope)
        witnesses = []
    else:
        result = _permit([outcome for outcome, _, _ in judged], about, seen.envelope)
        witnesses = [attributes for _, _, attributes in judged]
    for attributes in witnesses:
        with_cell = {**attributes, "context.cell.told": result.told != NOT_AVAILABLE}
        row.owed += [(index, owed) for owed in plan.owed(Gate.DISCLOSURE, result.effect, with_cell)]
    return result


def _told(
    s: Situation, questions: Questions, seen: FieldSeen, outcome: Outcome, *, about: Concerned | None
) -> str:
    """What the caller is told of a deny: the reason, where the user is staff who may know it, else the one
    answer.

    About somebody whom the field does not name nothing is told: that she lives there may be the secret. A
    default deny rests on no protection, and so gives none away. `about` is None for a deny of the delivery
    gate.
    """
    if not outcome.tell or s.user.kind is UserKind.SELF:
        return NOT_AVAILABLE
    if not SECRET_EXISTENCE_CATEGORIES.isdisjoint(seen.type.categories):
        return NOT_AVAILABLE
    if about is not None and (
        about.implied or (outcome.tier is not None and not questions.may_be_told(about.who))
    ):
        return NOT_AVAILABLE
    return outcome.reason


def _permit(outcomes: list[Outcome], about: tuple[str, ...], envelope: bool) -> TracedOutcome:
    """All data subjects permit. A field about nobody (co-recipients of a send that has none) hides
    nothing.
    """
    named = [outcome for outcome in outcomes if outcome.tier is not None]
    return TracedOutcome(
        effect=Effect.PERMIT,
        reason=named[0].reason if named else "NOTHING_TO_HIDE",
        tier=named[0].tier.label if named and named[0].tier is not None else "",
        policies=tuple(sorted({uid for outcome in named for uid in outcome.policies})),
        data_subjects=about,
        envelope=envelope,
    )


def _traced(
    outcome: Outcome, told: str, about: tuple[str, ...] = (), envelope: bool = False
) -> TracedOutcome:
    return TracedOutcome(
        effect=outcome.effect,
        reason=outcome.reason,
        told=told,
        tier="" if outcome.tier is None else outcome.tier.label,
        policies=outcome.policies,
        by_error=outcome.by_error,
        data_subjects=about,
        envelope=envelope,
    )


def _answer(
    s: Situation,
    policies: PublishedPolicies,
    moment: Moment,
    questions: Questions,
    authority: Outcome,
    deliveries: list[Outcome | None],
    rows: list[Row],
    fields: tuple[FieldSeen | None, ...],
) -> Decided:
    asked = len(s.call.fields)
    nothing = all(outcome.told == NOT_AVAILABLE for row in rows for outcome in row.outcomes[:asked])
    instances = s.call.fields + tuple(seen.asked for seen in fields[asked:] if seen is not None)
    permits = any(o.effect is Effect.PERMIT for row in rows for o in row.outcomes[:asked])
    valid_until = None
    if s.call.verb is Verb.SEND and permits:
        valid_until = min(moment.now + VALID_FOR, moment.next_change or moment.now + VALID_FOR)
    # ONE ANSWER FOR WHAT IS NOT TO BE TOLD: no envelope, and nothing owed but the silence.
    shown = asked if nothing else len(instances)
    cells = tuple(
        Cell(
            field=instance.name,
            party=instance.party,
            recipient=recipient,
            effect=outcome.effect,
            reason=outcome.told,
            envelope=index >= asked,
        )
        for recipient, row in enumerate(rows)
        for index, (instance, outcome) in enumerate(zip(instances[:shown], row.outcomes, strict=False))
    )
    obligations = silences(cells)
    if not nothing:
        differ = len({tuple(o.effect for o in row.outcomes) for row in rows}) > 1
        until = "" if valid_until is None else rfc3339(valid_until)
        attributes = questions.answer(rows_differ=differ, permits=permits, valid_until=until)
        effect = Effect.PERMIT if permits else Effect.DENY
        whole = policies.plan.owed(Gate.ANSWER, effect, attributes)
        obligations += obligations_of(rows, whole, instances)
    effect = Effect.PERMIT if all(c.effect is Effect.PERMIT for c in cells) else Effect.DENY
    decision = Decision(
        decision_id="",
        effect=effect,
        cells=cells,
        obligations=obligations,
        valid_until=valid_until,
        reason=NOT_AVAILABLE if nothing else "",
    )
    outcomes, indexes = tally([outcome for row in rows for outcome in row.outcomes])
    trace = DecisionTrace(
        call=s.call,
        policy_set=policies.policy_set_id,
        user_kind=s.user.kind,
        purpose=s.purpose,
        record_type=s.record.record_types[0],
        effect=effect,
        reason=decision.reason,
        cause="",
        fields=instances,
        asked_fields=asked,
        recipients=_traced_recipients(s),
        outcomes=outcomes,
        cells=indexes,
        authority=_traced(authority, ""),
        delivery=tuple(_UNKNOWN_RECIPIENT if d is None else _traced(d, "") for d in deliveries),
        obligations=obligations,
        valid_until=valid_until,
        asserted=asserted_by(s),
        facts=questions.facts(),
        alerts=questions.alerts(),
    )
    return Decided(decision, trace)


def _withheld(
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
    """The whole answer is denied, and nothing of the record shows: no envelope, no `valid_until`."""
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
        fields=call.fields,
        asked_fields=len(call.fields),
        recipients=() if situation is None else _traced_recipients(situation),
        outcomes=(outcome,),
        cells=(0,) * len(cells),
        authority=authority,
        delivery=(),
        obligations=decision.obligations,
        valid_until=None,
        asserted=() if situation is None else asserted_by(situation),
        facts=facts,
        alerts=alerts,
    )
    return Decided(decision, trace)


def _traced_recipients(s: Situation) -> tuple[TracedRecipient, ...]:
    return tuple(
        TracedRecipient("unknown") if r is None else TracedRecipient(r.who, r.point.name, r.channel)
        for r in s.recipients
    )
