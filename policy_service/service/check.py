"""The Check use case: decide from memory, then wait for the round that makes the answer fresh and durable.

The round decides everyone waiting again when the facts moved; that is why a pending check keeps the call, and
why credentials are judged within the decision: a revoked token is refused by the revision that revoked it.

Invariant WHAT STANDS IS CARRIED: a decision of which no look-up was touched meanwhile would come out the
same; it is not made again, and its entry and answer name the newer revision. So nobody waits for what is
written about others, however much it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from policy_service.decision_log.entries import Head, Versions, decision_entry, refusal_entry
from policy_service.decision_log.entry import Entry
from policy_service.decision_log.pending import Pending
from policy_service.decision_log.round import CommitRound
from policy_service.facts.decision_clock import DecisionClock
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.gather.clock import Moment
from policy_service.facts.keys import Key
from policy_service.facts.memory import FactsMemory
from policy_service.facts.revision_token import RevisionTokens
from policy_service.facts.seeking import NotingView, SeekingView
from policy_service.facts.view import ColdFacts, FactsView
from policy_service.model.caller import Caller
from policy_service.model.decision import Decision
from policy_service.model.errors import PermissionDeniedError, PolicyServiceError, UnavailableError
from policy_service.model.facts import PolicySet, Revision
from policy_service.model.ids import time_ordered_id
from policy_service.model.question import CheckCall
from policy_service.model.trace import DecisionTrace
from policy_service.service.caller import authenticate
from policy_service.service.compiled import CompiledPolicies
from policy_service.service.counters import DecisionCounters
from policy_service.service.decide import Steps, decide_in_steps
from policy_service.service.decided import Decided
from policy_service.service.entry_size import abridged, may_be_logged
from policy_service.service.keeping import keep
from policy_service.service.policies import PublishedPolicies
from policy_service.service.together import Together, go_through, load_all, sought
from policy_service.service.turns import in_turns
from policy_service.service.withheld import too_large

METHOD = "DecisionService/Check"

Seen = TypeVar("Seen")

Decider = Callable[[FactsView, PublishedPolicies, Fingerprinter, Caller, CheckCall, Moment], Steps]
"""What decides a call, step by step, as of a view: `decide_in_steps`, or something around it."""

MAX_LOADS = 64
"""Rounds of loading that one decision may take. Each brings all that is cold at one depth, whatever the size
of the call, and those around whom it was asked for, so that the deepest (a household around a household)
needs about a dozen (AS DEEP AS THE FACTS, `together`).
"""


CARRIED_FOR: Final = timedelta(seconds=5)
"""After so long a decision is made again, whatever stands: its time would be too far from its answer's."""


@dataclass(frozen=True, slots=True)
class DeciderParts:
    """What a decision worker decides with; the composition root makes them."""

    memory: FactsMemory
    round: CommitRound
    fingerprints: Fingerprinter
    tokens: RevisionTokens
    versions: Versions
    clock: DecisionClock


@dataclass(frozen=True, slots=True)
class _Made:
    """A decision, and what it rests on: what it looked up in `view`, and the two times."""

    caller: Caller
    policies: PublishedPolicies
    decided: Decided
    view: FactsView
    looked_up: frozenset[Key]
    moment: Moment

    def stands_at(self, latest: datetime) -> bool:
        """Whether the times say the same at `latest` (`DecisionClock.latest`) as they said."""
        ends = self.moment.next_change, self.decided.decision.valid_until
        return latest - self.moment.latest <= CARRIED_FOR and all(end is None or latest < end for end in ends)


class CheckService:
    """Lives on one event loop, without one lock: whatever runs between two awaits runs alone."""

    def __init__(
        self, parts: DeciderParts, *, on_broken: Callable[[Exception], None] = lambda _: None
    ) -> None:
        """`on_broken` is called when the published policies cannot be compiled: the process must then end."""
        self._parts = parts
        self._policies = CompiledPolicies(on_broken)
        self.counters = DecisionCounters()

    async def check(
        self, authorization: str, call: CheckCall, method: str = METHOD, together: Together | None = None
    ) -> Decision:
        """Answer `call`, durable and valid at the head that was read after it arrived, in an entry of
        `method`. `together`: the calls that are asked with it, itself among them.

        Raises `UnauthenticatedError`, `PermissionDeniedError` (a token that is no system's),
        `InvalidArgumentError` (a value that cannot be read), `OverloadedError`, and `UnavailableError` where
        the answer cannot be made durable: then nothing is permitted.
        """
        return (await self.committed(authorization, call, method, decide_in_steps, together)).decision

    async def committed(
        self,
        authorization: str,
        call: CheckCall,
        method: str,
        decider: Decider,
        together: Together | None = None,
    ) -> PendingDecision:
        """Decide `call` with `decider`, durable and valid like a check, in an entry of `method`."""
        pending = PendingDecision(self, authorization, call, method, decider)
        await pending.decide(together)
        await self.commit(pending)
        self.counters.count(method, pending.trace)
        return pending

    async def commit(self, pending: Pending) -> None:
        """Wait for the round that makes an entry durable, at the facts that it rests on."""
        await self._parts.round.commit(pending)

    async def caller(self, authorization: str, latest: datetime) -> tuple[Caller, Revision]:
        """The system whose token this is, by the facts in memory, and their revision.

        Raises `UnauthenticatedError`, and `PermissionDeniedError` where the token is no system's.
        """

        async def look(view: FactsView) -> Caller:
            return self._system(view, authorization, latest)

        return await self._as_of_memory(look)

    async def refused(
        self, caller: Caller, method: str, *, status: str, reason: str, field: str = "", trace_id: bytes = b""
    ) -> None:
        """Leave the entry of a call that reached a handler and was refused; durable when this returns.

        `status` is the gRPC status' name, `field` the path of the field at fault, never its value.
        """
        now, revision = self.now, self.revision
        head = self.head(caller, method, now, revision, trace_id)
        data = refusal_entry(head, status=status, reason=reason, field=field)
        entry = Entry(head.entry_id, microseconds(now), data)
        await self._parts.round.commit(_PendingRefusal(self, entry, revision))

    async def warm(self) -> None:
        """Compile the published policies, so that the first call does not wait for it."""
        await self._as_of_memory(self._policies.published)

    async def prepare(self, policy_set: PolicySet) -> None:
        """Compile a set before it is published, so that no call waits for it then. Raises what compiling
        does.
        """
        await self._policies.prepare(policy_set)

    def head(self, caller: Caller, method: str, now: datetime, revision: int, trace_id: bytes) -> Head:
        """The head of an entry of this process."""
        return Head(
            entry_id=time_ordered_id(now),
            time=now,
            caller=caller,
            method=method,
            revision=revision,
            versions=self._parts.versions,
            trace_id=trace_id,
        )

    @property
    def now(self) -> datetime:
        return self._parts.clock.now()

    def latest(self, now: datetime) -> datetime:
        """The moment by which a decision at `now` judges ends of permits."""
        return self._parts.clock.latest(now)

    @property
    def revision(self) -> Revision:
        return self._parts.memory.view.revision

    def seal(self, revision: Revision) -> str:
        """The opaque token of a revision."""
        return self._parts.tokens.seal(revision)

    async def decide(
        self,
        authorization: str,
        call: CheckCall,
        now: datetime,
        latest: datetime,
        decider: Decider,
        together: Together | None = None,
    ) -> _Made:
        """Decide whole, as of one view."""

        async def begun(view: FactsView, asked: CheckCall) -> tuple[Caller, PublishedPolicies, Moment, Steps]:
            caller = self._system(view, authorization, latest)
            policies = await self._policies.published(view)
            moment = Moment(now, latest)
            steps = decider(view, policies, self._parts.fingerprints, caller, asked, moment)
            return caller, policies, moment, steps

        async def look(view: FactsView) -> _Made:
            noting = NotingView(view)
            caller, policies, moment, steps = await begun(noting, call)
            decided = await in_turns(steps)
            kept = keep(noting, self._parts.fingerprints, policies.plan.catalogue, caller, call, moment)
            decided = Decided(decided.decision, replace(decided.trace, kept=kept))
            return _Made(caller, policies, decided, view, frozenset(noting.noted), moment)

        async def cold_of(asked: CheckCall) -> frozenset[Key]:
            async def seek(seeking: SeekingView) -> None:
                *_, steps = await begun(seeking, asked)
                await go_through(steps, seeking)

            return await sought(self._parts.memory.view, seek)

        async def load(cold: frozenset[Key]) -> None:
            memory = self._parts.memory
            if together is None or not await together.warm(cold_of, memory.load, MAX_LOADS):
                await load_all(cold | await cold_of(call), memory.load)

        made, _ = await self._as_of_memory(look, load)
        return made

    def stands(self, made: _Made, authorization: str) -> bool:
        """Whether a decision would come out the same at the newest facts in memory, and now."""
        memory, latest = self._parts.memory, self.latest(self.now)
        if not (made.stands_at(latest) and memory.still_holds(made.view, made.looked_up)):
            return False
        try:
            self._system(memory.view, authorization, latest)  # when a token ends, no answer tells
        except (ColdFacts, PolicyServiceError):
            return False
        return True

    async def _as_of_memory(
        self,
        look: Callable[[FactsView], Awaitable[Seen]],
        load: Callable[[frozenset[Key]], Awaitable[None]] | None = None,
    ) -> tuple[Seen, Revision]:
        """What `look` finds as of one view, and its revision; what is not in memory is loaded, and then it
        looks again from the start.
        """
        for _ in range(MAX_LOADS):
            view = self._parts.memory.view
            try:
                return await look(view), view.revision
            except ColdFacts as cold:
                await (load or self._parts.memory.load)(cold.keys)
        raise UnavailableError("FACTS_TOO_MANY", "the facts of this call could not be gathered")

    @staticmethod
    def _system(view: FactsView, authorization: str, latest: datetime) -> Caller:
        caller = authenticate(view, authorization, latest)
        if not caller.system:
            raise PermissionDeniedError("NOT_A_SYSTEM", "only a system's token may ask for decisions")
        return caller


class PendingDecision:
    """A decision on its way: decided once at least, and again whenever the facts moved before its round."""

    def __init__(
        self,
        service: CheckService,
        authorization: str,
        call: CheckCall,
        method: str,
        decider: Decider,
    ) -> None:
        self._service = service
        self._authorization = authorization
        self._call = call
        self._method = method
        self._decider = decider
        self.fits = True
        """The log takes an entry of what was decided; if not, the answer is another one."""
        self._made: _Made | None = None
        self._said: tuple[Revision, Entry, Decision, DecisionTrace] | None = None

    @property
    def revision(self) -> int:
        return self._what_was_said[0]

    @property
    def entry(self) -> Entry:
        return self._what_was_said[1]

    @property
    def decision(self) -> Decision:
        return self._what_was_said[2]

    @property
    def trace(self) -> DecisionTrace:
        return self._what_was_said[3]

    @property
    def _what_was_said(self) -> tuple[Revision, Entry, Decision, DecisionTrace]:
        if self._said is None:
            raise UnavailableError("NOT_DECIDED", "the call was not decided")
        return self._said

    async def decide_again(self) -> None:
        """In a round everybody in its group waits for this one: so it loads what it misses itself, and does
        not wait for what the rest of its batch misses.
        """
        # WHAT STANDS IS CARRIED.
        if self._made is not None and self._service.stands(self._made, self._authorization):
            self._say(self._made, self._service.revision)
        else:
            await self.decide()

    async def decide(self, together: Together | None = None) -> None:
        """`together`: as of `CheckService.check`."""
        service, now = self._service, self._service.now
        made = await service.decide(
            self._authorization, self._call, now, service.latest(now), self._decider, together
        )
        self._made = made
        self._say(made, made.view.revision)

    def _say(self, made: _Made, revision: Revision) -> None:
        """Make entry and answer of a decision that holds at `revision`."""
        service, decided, moment = self._service, made.decided, made.moment
        head = service.head(made.caller, self._method, moment.now, revision, self._call.trace_id)
        head = replace(head, permits_judged_at=moment.latest)
        # THE ANSWER TELLS NO SIZE: of what is on file the entry's size tells, and the answer must not.
        self.fits = may_be_logged(head, self._call, decided.decision)
        if not self.fits:
            decided = too_large(self._call, made.policies)
        entry = Entry(head.entry_id, microseconds(moment.now), decision_entry(head, decided.trace))
        if entry.is_too_large:
            short = decision_entry(head, abridged(decided.decision, decided.trace))
            entry = Entry(head.entry_id, microseconds(moment.now), short)
        answer = decided.decision
        decision = replace(
            answer,
            decision_id=head.entry_id,
            facts_token=service.seal(revision),
            artefact_digest=self._call.artefact_digest if answer.bound else b"",
            staff_texts=made.policies.messages.texts(_reasons(answer), self._call.language),
            outsider_text=made.policies.messages.outsider(self._call.language),
        )
        self._said = (revision, entry, decision, decided.trace)


def _reasons(answer: Decision) -> Iterator[str]:
    """Every reason that the answer tells, the whole's first."""
    yield answer.reason
    for cell in answer.cells:
        yield cell.reason


class _PendingRefusal:
    """A refusal rests on no facts; whatever the head is, it stands."""

    def __init__(self, service: CheckService, entry: Entry, revision: Revision) -> None:
        self._service = service
        self.entry = entry
        self.revision: int = revision

    async def decide_again(self) -> None:
        self.revision = self._service.revision


def microseconds(moment: datetime) -> int:
    """An aware moment as integer microseconds since 1970, UTC."""
    return int(moment.timestamp() * 1_000_000)
