"""One field instance towards one recipient: every unit of it, about everybody, to everybody who would
read it.

The strictest answer wins, over units, data subjects and readers alike, with three things between a deny and a
permit: a part that can be taken out where the rest is permitted; an address that can stand where a protected
person's place would show; and an order or override that permits what the field declares, which outranks lower
denies for those whom the field implies and for the user who sends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from policy_service.engine.combine import Outcome
from policy_service.engine.compile import Plan
from policy_service.facts.gather.cast import Who
from policy_service.facts.gather.contents import Unit
from policy_service.facts.gather.matters import Concerned, FieldSeen, Matter
from policy_service.facts.gather.questions import Questions
from policy_service.facts.gather.readers import Reader, Recipient
from policy_service.facts.gather.situation import Situation
from policy_service.model.attributes import Attributes
from policy_service.model.decision import NOT_AVAILABLE
from policy_service.model.obligation import ObligationKind
from policy_service.model.trace import TracedOutcome
from policy_service.model.vocabulary import (
    SECRET_EXISTENCE_CATEGORIES,
    Effect,
    Gate,
    ReaderKind,
    Tier,
    UserKind,
)
from policy_service.service.judged import CellJudged, Judged, Notes

_WARRANTED = frozenset({Tier.COURT_ORDER, Tier.OVERRIDE})

_PLACES = ("location.", "contact.post")


SERVICE_ADDRESS = "SERVICE_ADDRESS"
"""Why an envelope field is permitted in which a service address stands for a place."""

UNKNOWN = TracedOutcome(Effect.DENY, "UNKNOWN_FIELD", NOT_AVAILABLE)
TOO_MANY = TracedOutcome(Effect.DENY, "TOO_MANY_QUESTIONS", NOT_AVAILABLE)


class Judge:
    """Judges the cells of one call."""

    def __init__(self, situation: Situation, plan: Plan, questions: Questions, notes: Notes) -> None:
        self._s = situation
        self._plan = plan
        self._questions = questions
        self._notes = notes
        self._clients: dict[int, Reader] = {}

    def cell(self, seen: FieldSeen, recipient: Recipient, delivery: Outcome) -> Iterator[CellJudged | None]:
        """Judge one field instance towards one recipient. Gives None after each data subject, so that a large
        call need not hold up the small ones, and the cell last.
        """
        matters = self._questions.matters.of(seen, recipient)
        if matters is None:
            yield CellJudged(UNKNOWN)
            return
        if not self._questions.affords(matters, recipient):
            yield CellJudged(TOO_MANY)
            return
        judged: list[tuple[Matter, list[Judged]]] = []
        for matter in matters:
            of_unit: list[Judged] = []
            for each in self._unit(matter, recipient):
                of_unit.append(each)
                yield None
            judged.append((matter, self._outranked(of_unit)))
        yield self._whole(seen, recipient, delivery, judged)

    # --- questions ------------------------------------------------------------------------------------------

    def _unit(self, matter: Matter, recipient: Recipient) -> Iterator[Judged]:
        for reader in (recipient.reader, *recipient.implied):
            for concerned in matter.concerned:
                yield self._question(matter, concerned, reader)

    def _question(self, matter: Matter, concerned: Concerned, reader: Reader) -> Judged:
        attributes = self._questions.disclosure(matter, concerned, reader)
        denies_only = concerned.implied or reader.implied
        attributes["context.recipient.client_permitted"] = not denies_only and self._client_may(
            matter, concerned, reader
        )
        outcome = self._plan.decide(Gate.DISCLOSURE, attributes, denies_only=denies_only)
        warrant = None
        if not denies_only and outcome.tier in _WARRANTED and outcome.effect is Effect.PERMIT:
            # An override or order is used where it is needed: what would be permitted anyway owes nothing
            # for it, and is explained without it.
            without = attributes.but({"context.order.covers": False, "context.override.kinds": ()})
            unaided = self._plan.decide(Gate.DISCLOSURE, without)
            if unaided.effect is Effect.PERMIT:
                warrant = outcome, attributes
                outcome, attributes = unaided, without
        if denies_only and outcome.effect is Effect.DENY and _is_named(attributes):
            # An order that names him, or his representative, names him for its scope.
            by_all = self._plan.decide(Gate.DISCLOSURE, attributes)
            if by_all.tier in _WARRANTED:
                outcome, denies_only = by_all, False
        self._notes.asked(
            Gate.DISCLOSURE,
            attributes,
            outcome,
            matter=matter,
            concerned=concerned,
            reader=reader,
            denies_only=denies_only,
        )
        return Judged(matter, concerned, reader, outcome, attributes, warrant)

    def _client_may(self, matter: Matter, concerned: Concerned, reader: Reader) -> bool:
        """Tell whether a client of the reader's may have it: what a legal representative may have."""
        recipient = self._s.recipients[reader.index]
        if recipient is None:
            return False
        for client in recipient.implied:
            if client.why is not ReaderKind.CLIENT:
                continue
            if self._questions.standing.is_protected(
                concerned.who
            ) and not self._questions.represents_on_file(reader.who, client.who):
                continue  # near a protected person nobody is a representative by a caller's word
            in_person = self._in_person(client)
            attributes = self._questions.disclosure(matter, concerned, in_person)
            attributes["context.recipient.client_permitted"] = False
            if self._plan.decide(Gate.DISCLOSURE, attributes).effect is Effect.PERMIT:
                return True
        return False

    def _in_person(self, client: Reader) -> Reader:
        """The client as if he were the recipient: one for all questions, which share what is of him."""
        known = self._clients.get(id(client))
        if known is None:
            known = self._clients[id(client)] = replace(client, why=ReaderKind.RECIPIENT)
        return known

    def _outranked(self, judged: list[Judged]) -> list[Judged]:
        """Drop the denies that an order or override outranks: where each declared question is permitted by
        one, lower denies about those whom the field implies, and towards the user who sends. One that no
        declared question needs is used where such a deny does.
        """
        declared = [j for j in judged if not (j.concerned.implied or j.reader.implied)]
        tiers = [j.outcome.tier if j.warrant is None else j.warrant[0].tier for j in declared]
        if not declared or any(tier not in _WARRANTED for tier in tiers):
            return judged
        floor = min(tier for tier in tiers if tier is not None)

        def stands(j: Judged) -> bool:
            lower = j.denied and j.outcome.tier is not None and j.outcome.tier < floor
            about_implied = j.concerned.implied and not j.reader.implied
            return not (lower and (about_implied or j.reader.why is ReaderKind.USER))

        left = [j for j in judged if stands(j)]
        return judged if len(left) == len(judged) else [self._by_warrant(j) for j in left]

    def _by_warrant(self, j: Judged) -> Judged:
        """The question as an order or override answers it."""
        if j.warrant is None:
            return j
        outcome, attributes = j.warrant
        self._notes.asked(
            Gate.DISCLOSURE, attributes, outcome, matter=j.matter, concerned=j.concerned, reader=j.reader
        )
        return replace(j, outcome=outcome, attributes=attributes, warrant=None)

    # --- from the questions to the cell ---------------------------------------------------------------------

    def _whole(
        self,
        seen: FieldSeen,
        recipient: Recipient,
        delivery: Outcome,
        judged: list[tuple[Matter, list[Judged]]],
    ) -> CellJudged:
        everything = [j for _, of_unit in judged for j in of_unit]
        denied = [j for j in everything if j.denied]
        about = _about(everything)
        if denied:
            without_parts = self._without_parts(judged)
            if without_parts is not None and delivery.effect is Effect.PERMIT:
                kept, parts = without_parts
                return self._permit(seen, kept, about, redacted=parts)
            address = self._substitute(seen, denied)
            if address and delivery.effect is Effect.PERMIT:
                return self._substituted(seen, everything, about, address)
            return self._deny(seen, everything, denied, about)
        if delivery.effect is Effect.DENY:
            told = self.told(seen, delivery, about=None, recipient=recipient)
            outcome = traced(delivery, told, about, seen.envelope)
            return CellJudged(
                outcome, self._witnesses(everything), tier=_label(delivery), subjects=_subjects(everything)
            )
        return self._permit(seen, everything, about)

    def _deny(
        self, seen: FieldSeen, everything: list[Judged], denied: list[Judged], about: tuple[str, ...]
    ) -> CellJudged:
        # The higher tier speaks to the auditor; the caller is told the highest of those that may be told, as
        # he would be if what may not be told were not there.
        by_tier = sorted(denied, key=lambda j: (_speaks(j.outcome), j.concerned.implied, j.reader.label))
        chosen = by_tier[0]
        told = (self.told(seen, j.outcome, about=j.concerned, unit=j.matter.unit) for j in by_tier)
        tellable = next((reason for reason in told if reason != NOT_AVAILABLE), NOT_AVAILABLE)
        result = traced(chosen.outcome, tellable, about, seen.envelope)
        result = replace(
            result,
            reader=chosen.reader.label if chosen.reader.implied else "",
            part=chosen.matter.unit.part,
        )
        declared = [j for j in everything if not (j.concerned.implied or j.reader.implied)]
        people = {j.concerned.who for j in declared}
        refused = {j.concerned.who for j in denied if not j.concerned.implied}
        return CellJudged(
            outcome=result,
            witnesses=self._witnesses(everything),
            permitted_for_some=len(people) > 1 and bool(people - refused) and bool(refused),
            tier=_label(chosen.outcome),
            subjects=_subjects(everything),
        )

    def _permit(
        self,
        seen: FieldSeen,
        judged: list[Judged],
        about: tuple[str, ...],
        *,
        redacted: tuple[str, ...] = (),
    ) -> CellJudged:
        """All data subjects permit. A field about nobody (co-recipients of a send that has none) hides
        nothing.
        """
        # That he may have what is his own says less than why he may have what is others'.
        decided = (j for j in judged if j.outcome.tier is not None)
        by_tier = sorted(decided, key=_speaks_first)
        named = [j.outcome for j in by_tier]
        first = named[0] if named else None
        outcome = TracedOutcome(
            effect=Effect.PERMIT,
            reason="NOTHING_TO_HIDE" if first is None else first.reason,
            tier="" if first is None else _label(first),
            policies=tuple(sorted({uid for o in named for uid in o.policies})),
            data_subjects=about,
            envelope=seen.envelope,
            part=",".join(f"-{part}" for part in redacted),
        )
        return CellJudged(
            outcome=outcome,
            witnesses=self._witnesses(judged),
            redacted=redacted,
            owed_on=Effect.PERMIT,
            tier="" if first is None else _label(first),
            subjects=_subjects(judged),
        )

    def _substituted(
        self, seen: FieldSeen, everything: list[Judged], about: tuple[str, ...], address: str
    ) -> CellJudged:
        """Permitted, since another address stands where the place would show."""
        outcome = TracedOutcome(Effect.PERMIT, SERVICE_ADDRESS, data_subjects=about, envelope=seen.envelope)
        return CellJudged(
            outcome,
            self._witnesses(everything),
            service_address=address,
            owed_on=Effect.PERMIT,
            subjects=_subjects(everything),
        )

    def _witnesses(self, judged: list[Judged]) -> tuple[Judged, ...]:
        return tuple(j for j in judged if not self._questions.standing.leaves_no_trace(j.concerned.who))

    def _without_parts(
        self, judged: list[tuple[Matter, list[Judged]]]
    ) -> tuple[list[Judged], tuple[str, ...]] | None:
        """What is left where the denied parts can be taken out by this caller, and staff may be told that
        they are: the questions about the rest, and the parts. None where nothing would be left, or not all of
        it can be.
        """
        out: list[str] = []
        kept: list[Judged] = []
        for matter, of_unit in judged:
            denied = [j for j in of_unit if j.denied]
            if not denied:
                kept += of_unit
                continue
            # That a part is taken out is told; who else would have been a reason for it is not.
            tellable = any(
                self.told(matter.field, j.outcome, about=j.concerned, unit=matter.unit) != NOT_AVAILABLE
                for j in denied
            )
            if not matter.unit.separable or not tellable:
                return None
            out.append(matter.unit.part)
        return (kept, tuple(sorted(out))) if out and kept else None

    def _substitute(self, seen: FieldSeen, denied: list[Judged]) -> str:
        """The service address that may stand where an envelope field shows a protected person's place: where
        nothing but the place is denied, and the caller can put it there. Empty where it cannot.
        """
        if not seen.envelope or ObligationKind.SUBSTITUTE_ADDRESS not in self._s.capabilities:
            return ""
        addresses = set()
        for j in denied:
            rest = tuple(c for c in j.matter.unit.categories if not c.startswith(_PLACES))
            if rest == j.matter.unit.categories or not self._questions.standing.is_protected(j.concerned.who):
                return ""
            if self.told(seen, j.outcome, about=j.concerned, unit=j.matter.unit) == NOT_AVAILABLE:
                return ""  # an address in her stead would tell that she is there
            addresses.add(self._questions.service_address(j.concerned.who))
            if rest:
                placeless = replace(j.matter, unit=replace(j.matter.unit, categories=rest))
                if self._question(placeless, j.concerned, j.reader).denied:
                    return ""
        return next(iter(addresses)) if len(addresses) == 1 else ""

    def tells_delivery(self, outcome: Outcome, recipient: Recipient) -> bool:
        """Tell whether it may be told why something is not delivered: unless what the recipient asked for is
        a secret of his.
        """
        asked_for = outcome.tier is not None and outcome.tier >= Tier.REQUEST
        return not asked_for or self._questions.standing.may_be_told(recipient.who)

    def told(
        self,
        seen: FieldSeen,
        outcome: Outcome,
        *,
        about: Concerned | None,
        unit: Unit | None = None,
        recipient: Recipient | None = None,
    ) -> str:
        """What the caller is told of a deny: the reason, where the user is staff who may know it, else
        the one answer.

        About somebody whom the field does not name nothing is told: that she lives there may be the secret. A
        default deny rests on no protection, and so gives none away, unless that she is on the record is the
        secret. `about` is None for a deny of the delivery gate, which rests on what `recipient` asked for.
        """
        if not outcome.tell or self._s.user.kind is UserKind.SELF:
            return NOT_AVAILABLE
        shown = seen.type.categories if unit is None else (*seen.type.categories, *unit.categories)
        if not SECRET_EXISTENCE_CATEGORIES.isdisjoint(shown):
            return NOT_AVAILABLE
        if about is None:
            told = recipient is None or self.tells_delivery(outcome, recipient)
            return outcome.reason if told else NOT_AVAILABLE
        if about.implied or self._questions.standing.role_secret(about.who):
            return NOT_AVAILABLE
        if outcome.tier is not None and not self._questions.standing.may_be_told(about.who):
            return NOT_AVAILABLE
        return outcome.reason


def traced(outcome: Outcome, told: str, about: tuple[str, ...] = (), envelope: bool = False) -> TracedOutcome:
    """An outcome as the auditor finds it; `told` is what the caller is told."""
    return TracedOutcome(
        effect=outcome.effect,
        reason=outcome.reason,
        told=told,
        tier=_label(outcome),
        policies=outcome.policies,
        by_error=outcome.by_error,
        data_subjects=about,
        envelope=envelope,
    )


def _about(judged: Iterable[Judged]) -> tuple[str, ...]:
    """Whom the cell is about, each once, in the order of the questions to the recipient."""
    found: dict[str, None] = {}
    for j in judged:
        found[f"implied:{j.concerned.who}" if j.concerned.implied else str(j.concerned.who)] = None
    return tuple(found)


def _subjects(judged: Iterable[Judged]) -> frozenset[Who]:
    return frozenset(j.concerned.who for j in judged)


def _is_named(attributes: Attributes) -> bool:
    return attributes["context.order.covers"] is True or attributes["context.override.kinds"] != ()


def _speaks_first(judged: Judged) -> tuple[int, bool, str]:
    outcome = judged.outcome
    return -(outcome.tier or 0), judged.concerned.who == judged.reader.who, outcome.reason


def _speaks(outcome: Outcome) -> tuple[int, str]:
    """Sorts by who speaks for a cell: the highest tier, and then one order whatever the parties' is."""
    return -(outcome.tier or 0), outcome.reason


def _label(outcome: Outcome) -> str:
    return "" if outcome.tier is None else outcome.tier.label
