"""The Check use case: decide from memory, then wait for the round that makes the answer fresh and durable.

The round decides everyone waiting again when the facts moved; that is why a pending check keeps the call and
not its answer, and why credentials are judged within the decision: a revoked token is refused by the
revision that revoked it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from policy_service.decision_log.entries import Head, Versions, decision_entry, refusal_entry
from policy_service.decision_log.entry import Entry
from policy_service.decision_log.pending import Pending
from policy_service.decision_log.round import CommitRound
from policy_service.facts.decision_clock import DecisionClock
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.gather.clock import Moment
from policy_service.facts.memory import FactsMemory
from policy_service.facts.revision_token import RevisionTokens
from policy_service.facts.view import ColdFacts, FactsView
from policy_service.model.caller import Caller
from policy_service.model.decision import Decision
from policy_service.model.errors import PermissionDeniedError, UnavailableError
from policy_service.model.facts import PolicySet, Revision
from policy_service.model.ids import time_ordered_id
from policy_service.model.question import CheckCall
from policy_service.model.trace import DecisionTrace
from policy_service.service.caller import authenticate
from policy_service.service.counters import DecisionCounters
from policy_service.service.decide import Steps, decide_in_steps
from policy_service.service.decided import Decided
from policy_service.service.entry_size import abridged, may_be_logged
from policy_service.service.policies import PublishedPolicies, published
from policy_service.service.withheld import too_large

METHOD = "DecisionService/Check"

Seen = TypeVar("Seen")

Decider = Callable[[FactsView, PublishedPolicies, Fingerprinter, Caller, CheckCall, Moment], Steps]
"""What decides a call, step by step, as of a view: `decide_in_steps`, or something around it."""

TURN = 0.003
"""Seconds that one decision may hold the event loop at a time; a call of one field needs a tenth of it."""

MAX_LOADS = 64
"""Rounds of loading that one decision may take. Each brings those around whom it was asked for, too, so that
the deepest (a household around a household) needs about a dozen.
"""


@dataclass(frozen=True, slots=True)
class DeciderParts:
    """What a decision worker decides with; the composition root makes them."""

    memory: FactsMemory
    round: CommitRound
    fingerprints: Fingerprinter
    tokens: RevisionTokens
    versions: Versions
    clock: DecisionClock


class CheckService:
    """Lives on one event loop, without one lock: whatever runs between two awaits runs alone."""

    def __init__(self, parts: DeciderParts) -> None:
        self._parts = parts
        self._policies: PublishedPolicies | None = None
        self._compiling: tuple[str, asyncio.Task[PublishedPolicies]] | None = None
        self.counters = DecisionCounters()

    async def check(self, authorization: str, call: CheckCall, method: str = METHOD) -> Decision:
        """Answer `call`, durable and valid at the head that was read after it arrived, in an entry of
        `method`.

        Raises `UnauthenticatedError`, `PermissionDeniedError` (a token that is no system's),
        `InvalidArgumentError` (a value that cannot be read), `OverloadedError`, and `UnavailableError` where
        the answer cannot be made durable: then nothing is permitted.
        """
        return (await self.committed(authorization, call, method, decide_in_steps)).decision

    async def committed(
        self, authorization: str, call: CheckCall, method: str, decider: Decider
    ) -> PendingDecision:
        """Decide `call` with `decider`, durable and valid like a check, in an entry of `method`."""
        pending = PendingDecision(self, authorization, call, method, decider)
        await pending.decide_again()
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
        await self._as_of_memory(self._published)

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
        self, authorization: str, call: CheckCall, now: datetime, latest: datetime, decider: Decider
    ) -> tuple[Caller, PublishedPolicies, Decided, Revision]:
        """Decide whole, as of one view."""

        async def look(view: FactsView) -> tuple[Caller, PublishedPolicies, Decided]:
            caller = self._system(view, authorization, latest)
            policies = await self._published(view)
            moment = Moment(now, latest)
            steps = decider(view, policies, self._parts.fingerprints, caller, call, moment)
            return caller, policies, await _in_turns(steps)

        (caller, policies, decided), revision = await self._as_of_memory(look)
        return caller, policies, decided, revision

    async def _as_of_memory(self, look: Callable[[FactsView], Awaitable[Seen]]) -> tuple[Seen, Revision]:
        """What `look` finds as of one view, and its revision; what is not in memory is loaded, and then it
        looks again from the start.
        """
        for _ in range(MAX_LOADS):
            view = self._parts.memory.view
            try:
                return await look(view), view.revision
            except ColdFacts as cold:
                await self._parts.memory.load(cold.keys)
        raise UnavailableError("FACTS_TOO_MANY", "the facts of this call could not be gathered")

    @staticmethod
    def _system(view: FactsView, authorization: str, latest: datetime) -> Caller:
        caller = authenticate(view, authorization, latest)
        if not caller.system:
            raise PermissionDeniedError("NOT_A_SYSTEM", "only a system's token may ask for decisions")
        return caller

    async def _published(self, view: FactsView) -> PublishedPolicies:
        policy_set = view.policy_set()
        if policy_set is None:
            raise UnavailableError("NO_POLICY_SET", "no policy set is published")
        policies = self._policies
        if policies is None or policies.policy_set_id != policy_set.policy_set_id:
            policies = self._policies = await self._compiled(policy_set)
        return policies

    async def _compiled(self, policy_set: PolicySet) -> PublishedPolicies:
        """Compile a set once for everybody who waits for it: when another is published, all calls do."""
        compiling = self._compiling
        if compiling is None or compiling[0] != policy_set.policy_set_id or compiling[1].done():
            work = asyncio.create_task(asyncio.to_thread(published, policy_set))
            compiling = self._compiling = policy_set.policy_set_id, work
        return await asyncio.shield(compiling[1])


class PendingDecision:
    """A decision on its way: decided once at least, and again whenever the facts moved before its round."""

    def __init__(
        self, service: CheckService, authorization: str, call: CheckCall, method: str, decider: Decider
    ) -> None:
        self._service = service
        self._authorization = authorization
        self._call = call
        self._method = method
        self._decider = decider
        self.fits = True
        """The log takes an entry of what was decided; if not, the answer is another one."""
        self._decided: tuple[Revision, Entry, Decision, DecisionTrace] | None = None

    @property
    def revision(self) -> int:
        return self._made[0]

    @property
    def entry(self) -> Entry:
        return self._made[1]

    @property
    def decision(self) -> Decision:
        return self._made[2]

    @property
    def trace(self) -> DecisionTrace:
        return self._made[3]

    @property
    def _made(self) -> tuple[Revision, Entry, Decision, DecisionTrace]:
        if self._decided is None:
            raise UnavailableError("NOT_DECIDED", "the call was not decided")
        return self._decided

    async def decide_again(self) -> None:
        service, now = self._service, self._service.now
        latest = service.latest(now)
        caller, policies, decided, revision = await service.decide(
            self._authorization, self._call, now, latest, self._decider
        )
        head = replace(
            service.head(caller, self._method, now, revision, self._call.trace_id), permits_judged_at=latest
        )
        # THE ANSWER TELLS NO SIZE: of what is on file the entry's size tells, and the answer must not.
        self.fits = may_be_logged(head, self._call, decided.decision)
        if not self.fits:
            decided = too_large(self._call, policies)
        entry = Entry(head.entry_id, microseconds(now), decision_entry(head, decided.trace))
        if entry.is_too_large:
            short = decision_entry(head, abridged(decided.decision, decided.trace))
            entry = Entry(head.entry_id, microseconds(now), short)
        answer = decided.decision
        decision = replace(
            answer,
            decision_id=head.entry_id,
            facts_token=service.seal(revision),
            artefact_digest=self._call.artefact_digest if answer.bound else b"",
            staff_texts=policies.messages.texts(_reasons(answer), self._call.language),
            outsider_text=policies.messages.outsider(self._call.language),
        )
        self._decided = (revision, entry, decision, decided.trace)


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


async def _in_turns(steps: Steps) -> Decided:
    """Decide, and let the event loop do something else whenever a turn is over."""
    while True:
        end = time.perf_counter() + TURN
        try:
            while time.perf_counter() < end:
                next(steps)
        except StopIteration as decided:
            return decided.value  # type: ignore[no-any-return]  # a generator's value reaches `except` untyped
        await asyncio.sleep(0)


def microseconds(moment: datetime) -> int:
    """An aware moment as integer microseconds since 1970, UTC."""
    return int(moment.timestamp() * 1_000_000)
