"""One decision, whole: a pure function of the call, the caller, the published policies, the facts in view
and the moment.

1. situate: join the call with what is on file; what only the store could tell ends in the one answer for all
such. 2. authority, once: a deny here withholds the record, and that it exists.
3. delivery, once per recipient.
4. disclosure (`judge`), for each unit of each field instance, data subject and reader.
5. obligations of each gate; what the caller cannot carry out turns a permit into a deny (`settle`).
6. the answer: what is told, what is owed with the whole, what it is bound to.

Invariant ONE ANSWER FOR WHAT IS NOT TO BE TOLD: a withheld field, an unknown field, a withheld record and an
unknown record differ in nothing that the caller sees but ids, times, tokens and his own words.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from datetime import datetime

from policy_service.engine.combine import Outcome
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.gather.cast import NotTold
from policy_service.facts.gather.clock import Moment
from policy_service.facts.gather.matters import FieldSeen
from policy_service.facts.gather.questions import Questions
from policy_service.facts.gather.readers import Recipient
from policy_service.facts.gather.situation import Situation, situate
from policy_service.facts.view import FactsView, TooManyFacts
from policy_service.model.attributes import Attributes
from policy_service.model.caller import Caller
from policy_service.model.decision import (
    NOT_AVAILABLE,
    OBLIGATION_UNSUPPORTED,
    USER_REQUIRED,
    Bound,
    Cell,
    Decision,
    Obligation,
)
from policy_service.model.obligation import ANY_CALLER
from policy_service.model.question import CheckCall, FieldAsked
from policy_service.model.trace import DecisionTrace, TracedOutcome
from policy_service.model.vocabulary import Effect, Gate, Tier, Verb
from policy_service.service.attribute_values import check_described
from policy_service.service.decided import VALID_FOR, Decided
from policy_service.service.judge import UNKNOWN, Judge, traced
from policy_service.service.judged import CellJudged, NoNotes, Notes
from policy_service.service.obligations import (
    Row,
    able_to_omit,
    obligations_of,
    rfc3339,
    settle_row,
    settle_whole,
    silences,
    tasks_of,
)
from policy_service.service.policies import PublishedPolicies
from policy_service.service.tracing import asserted_by, tally, traced_recipients
from policy_service.service.withheld import placeless, withheld

TOO_MANY_FACTS = "too_many_facts"
"""The cause where a look-up finds more than a decision may look at: of what is on file no error may tell."""
VALID_UNTIL = "valid_until"
"""The parameter of recheck_before."""

_UNKNOWN_RECIPIENT = TracedOutcome(Effect.DENY, "UNKNOWN_RECIPIENT", NOT_AVAILABLE)


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
    *,
    notes: Notes | None = None,
) -> Steps:
    """As `decide`, with a step after each question of the disclosure gate, so that a large call need not hold
    up the small ones. `notes` hears each question.

    Between steps nothing may change what it looks at: a view is only added to.
    """
    if not call.user:
        return withheld(call, policies, reason=USER_REQUIRED, cause="user_required")
    check_described(call.description, policies.plan.catalogue)
    try:
        situation = situate(view, policies.base_types, fingerprints, caller, call, moment)
        yield
        decided = yield from _decide(situation, policies, moment, notes or NoNotes())
        kept = _told_of(decided.decision, call)
        if decided.decision.valid_until is None or kept == call.fields:
            return decided
        # When a permit ends is told, and must not tell of what is not: it is the end that it would have
        # alone.
        alone = replace(call, fields=kept)
        by_itself = Moment(moment.now, moment.latest)
        situation = situate(view, policies.base_types, fingerprints, caller, alone, by_itself)
        yield
        without = yield from _decide(situation, policies, by_itself, NoNotes())
        return _ending(decided, without.decision.valid_until)
    except NotTold as untold:
        return withheld(call, policies, reason=NOT_AVAILABLE, cause=untold.cause)
    except TooManyFacts:
        return withheld(call, policies, reason=NOT_AVAILABLE, cause=TOO_MANY_FACTS)


def _told_of(decision: Decision, call: CheckCall) -> tuple[FieldAsked, ...]:
    """The fields of which some recipient's cell is told; the others are as if they were not there."""
    told = {(c.field, c.party) for c in decision.cells if not c.envelope and c.reason != NOT_AVAILABLE}
    return tuple(asked for asked in call.fields if (asked.name, asked.party) in told)


def _ending(decided: Decided, until: datetime | None) -> Decided:
    """The same decision, ending at `until`."""
    if until is None:
        return decided
    end = rfc3339(until)

    def renamed(owed: Obligation) -> Obligation:
        parameters = tuple((name, end if name == VALID_UNTIL else value) for name, value in owed.parameters)
        return replace(owed, parameters=parameters)

    obligations = tuple(renamed(owed) for owed in decided.decision.obligations)
    return Decided(
        replace(decided.decision, valid_until=until, obligations=obligations),
        replace(decided.trace, valid_until=until, obligations=obligations),
    )


def _decide(s: Situation, policies: PublishedPolicies, moment: Moment, notes: Notes) -> Steps:
    plan, questions = policies.plan, Questions(s)
    attributes = questions.authority()
    authority = plan.decide(Gate.AUTHORITY, attributes)
    if authority.tier is Tier.OVERRIDE:
        # An override is used where it is needed; who may act anyway owes nothing for it.
        without = attributes.but({"subject.override_kinds": ()})
        unaided = plan.decide(Gate.AUTHORITY, without)
        if unaided.effect is Effect.PERMIT:
            authority, attributes = unaided, without
    notes.asked(Gate.AUTHORITY, attributes, authority)
    if authority.effect is Effect.DENY:
        return withheld(
            s.call,
            policies,
            reason=NOT_AVAILABLE,
            cause="authority",
            situation=s,
            authority=traced(authority, NOT_AVAILABLE),
            alerts=questions.alerts(),
            facts=questions.facts(),
        )
    owed_always = plan.owed(Gate.AUTHORITY, Effect.PERMIT, attributes)
    judge, fields = Judge(s, plan, questions, notes), questions.matters.fields()
    questions.refuse_too_many(fields)
    deliveries: list[Outcome | None] = []
    rows: list[Row] = []
    for recipient in s.recipients:
        if recipient is None:
            deliveries.append(None)
            rows.append(Row(cells=[CellJudged(_UNKNOWN_RECIPIENT) for _ in fields]))
            continue
        arrival = questions.delivery(recipient)
        delivery = plan.decide(Gate.DELIVERY, arrival)
        notes.asked(Gate.DELIVERY, arrival, delivery, reader=recipient.reader)
        deliveries.append(delivery)
        row = Row(
            arrival=arrival,
            delivery=delivery.effect,
            delivery_told=judge.tells_delivery(delivery, recipient),
            by_override=authority.tier is Tier.OVERRIDE,
            always=owed_always,
        )
        for seen in fields:
            row.cells.append((yield from _cell(judge, seen, recipient, delivery)))
        settle_row(s, plan, row)
        rows.append(row)
    return _answer(s, policies, moment, questions, authority, deliveries, rows, fields)


def _cell(
    judge: Judge, seen: FieldSeen | None, recipient: Recipient, delivery: Outcome
) -> Generator[None, None, CellJudged]:
    if seen is None:
        return CellJudged(UNKNOWN)
    for judged in judge.cell(seen, recipient, delivery):
        if judged is not None:
            return judged
        yield
    raise AssertionError("a cell is judged last")


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
    instances = s.call.fields + tuple(seen.asked for seen in fields[asked:] if seen is not None)
    subjects = {
        who
        for row in rows
        for cell in row.cells
        if cell.outcome.told != NOT_AVAILABLE  # what is not told is no reason for anything that is
        for who in cell.subjects
    }
    valid_until = None
    if s.call.verb is Verb.SEND:
        valid_until = min(moment.now + VALID_FOR, moment.next_change or moment.now + VALID_FOR)

    def attributes(*, permits: bool) -> Attributes:
        until = rfc3339(valid_until) if permits and valid_until is not None else ""
        return questions.answer(
            rows_differ=len({tuple(c.outcome.effect for c in row.cells) for row in rows}) > 1,
            permits=permits,
            protected=any(questions.standing.is_protected(who) for who in subjects),
            valid_until=until,
        )

    whole = settle_whole(s, policies.plan, rows, attributes)
    able = able_to_omit(s.capabilities, rows)
    if not able:
        for row in rows:
            row.refuse_all()
            row.tell_alike()
        whole = ()
    permits = any(c.outcome.effect is Effect.PERMIT for row in rows for c in row.cells[:asked])
    nothing = not able or all(c.outcome.told == NOT_AVAILABLE for row in rows for c in row.cells[:asked])
    one = NOT_AVAILABLE if able else OBLIGATION_UNSUPPORTED
    # ONE ANSWER FOR WHAT IS NOT TO BE TOLD: no envelope, and nothing owed but the silence.
    shown = asked if nothing else len(instances)
    cells = tuple(
        Cell(
            field=instance.name,
            party=instance.party,
            recipient=recipient,
            effect=cell.outcome.effect,
            reason=cell.outcome.told,
            envelope=index >= asked,
        )
        for recipient, row in enumerate(rows)
        for index, (instance, cell) in enumerate(zip(instances[:shown], row.cells, strict=False))
    )
    obligations = silences(cells)
    if not nothing:
        obligations += obligations_of(rows, whole, instances)
    effect = Effect.PERMIT if all(c.effect is Effect.PERMIT for c in cells) else Effect.DENY
    decision = Decision(
        decision_id="",
        effect=effect,
        cells=cells,
        obligations=obligations,
        valid_until=valid_until if permits else None,
        reason=one if nothing else "",
        bound=_bound(s, rows) if permits else (),
    )
    outcomes, indexes = tally([cell.outcome for row in rows for cell in row.cells])
    trace = DecisionTrace(
        call=s.call,
        policy_set=policies.policy_set_id,
        user_kind=s.user.kind,
        purpose=s.purpose,
        record_type=s.record.record_types[0],
        effect=effect,
        reason=decision.reason,
        cause="",
        fields=tuple(
            instance if seen is not None and questions.matters.knows_place(seen) else placeless(instance)
            for instance, seen in zip(instances, fields, strict=True)
        ),
        asked_fields=asked,
        recipients=traced_recipients(s),
        outcomes=outcomes,
        cells=indexes,
        authority=traced(authority, ""),
        delivery=tuple(_UNKNOWN_RECIPIENT if d is None else traced(d, "") for d in deliveries),
        obligations=obligations,
        valid_until=decision.valid_until,
        asserted=asserted_by(s, policies.plan.catalogue),
        facts=questions.facts(),
        tasks=tasks_of(questions.task_owner, obligations),
        possible_matches=tuple(f"{who} {match}" for who, match in s.cast.possible_matches),
        declared_contents=tuple(sorted(s.contents.looked_at)),
        capabilities=tuple(sorted(s.capabilities - ANY_CALLER)),
        alerts=questions.alerts(),
    )
    return Decided(decision, trace)


def _bound(s: Situation, rows: list[Row]) -> tuple[Bound, ...]:
    """To whom something may go, by which point and channel, as the call named them."""
    if s.call.verb is not Verb.SEND:
        return ()
    return tuple(
        Bound(recipient.index, s.call.recipients[recipient.index].contact_point, recipient.channel)
        for recipient, row in zip(s.recipients, rows, strict=True)
        if recipient is not None and any(c.outcome.effect is Effect.PERMIT for c in row.cells)
    )
