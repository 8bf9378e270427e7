"""The Replay use case: a decision is computed again, by the very same `decide`, and compared.

It is computed from its entry (the call as kept, the caller, both times) and from the facts as of its
revision, its policy set among them; or, asked what it would be today, from the newest facts and by the clock.
Nothing is written but the entry of the reading. Whether the caller's token held is no part of it: the door
had judged.

Where the versions of what decides are others than the entry names, that is said, and the rest is compared all
the same. An abridged entry has of each cell what its caller was told; that alone is compared then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from policy_service.decision_log.entries import Head, Versions, controller_of, decision_entry
from policy_service.decision_log.entry import StoredEntry
from policy_service.decision_log.recorded import (
    Recorded,
    differences,
    differing_versions,
    names_in,
    recorded_in,
)
from policy_service.facts import erasing
from policy_service.facts.epochs import is_undone
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.gather.clock import Moment
from policy_service.facts.mapping import to_microseconds
from policy_service.facts.reader import FactsReader
from policy_service.facts.seeking import BoundedView, SeekingView
from policy_service.facts.view import ColdFacts, FactsView
from policy_service.model.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotAvailableError,
    UnavailableError,
)
from policy_service.model.facts import INSTALLATION, Controller, Fact, Revision
from policy_service.model.replayed import Difference, NotComputed
from policy_service.service.asking import Asking, Found, any_organisation
from policy_service.service.decide import Steps, decide_in_steps
from policy_service.service.decided import Decided
from policy_service.service.desk import ControlDesk
from policy_service.service.entry_size import ABRIDGED, abridged
from policy_service.service.explain import METHOD as EXPLAIN
from policy_service.service.explain import explained_in_steps
from policy_service.service.fresh_facts import FreshFacts
from policy_service.service.log_questions import AUDITORS
from policy_service.service.naming import KIND_NAMES
from policy_service.service.policies import published
from policy_service.service.restoring import restored
from policy_service.service.together import go_through, sought
from policy_service.service.turns import in_turns
from policy_service.service.words import checked_id

_KINDS: Final = {name: kind for kind, name in KIND_NAMES.items()}


@dataclass(frozen=True, slots=True)
class ReplayDecision:
    decision_id: str
    today: bool = False
    """What it would be now, instead of whether it comes out the same."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """`computed` is the entry that the decision would leave, as bytes; empty where `not_computed` says why
    there is none.
    """

    computed: bytes = b""
    not_computed: NotComputed | None = None
    differences: tuple[Difference, ...] = ()
    versions: tuple[Difference, ...] = ()
    """Versions that are others here than those that the decision names."""
    abridged: bool = False
    """What the caller was told was compared, and no more: the entry has no more."""
    guessed: tuple[str, ...] = ()
    """Attributes of the call of which a policy asks more than their kept fingerprints tell."""
    erased: tuple[str, ...] = ()
    """Inputs that were erased since, each `kind:id`: what differs may come of that."""

    @property
    def same(self) -> bool:
        """Tell whether it was computed, and came out the same in everything that the entry has."""
        return self.not_computed is None and not self.differences


class Replays:
    """The use case of DecisionLogService that computes; auditors, each within his organisation."""

    def __init__(
        self,
        desk: ControlDesk,
        reader: FactsReader,
        get: Callable[[str], StoredEntry | None],
        versions: Versions,
        clock: Callable[[], datetime],
    ) -> None:
        """`get` as for `LogQuestions`; `versions` are those of what decides here."""
        self._desk = desk
        self._reader = reader
        self._get = get
        self._versions = versions
        self._clock = clock

    async def replay(self, call: Asking, asked: ReplayDecision) -> Replayed:
        """Compute one decision again. Another organisation's is not available, like one that is not."""

        async def look(view: FactsView, controller: Controller) -> Found[Replayed]:
            decision_id = checked_id(asked.decision_id, "decision_id")
            entry = await self._desk.facts.in_thread(lambda: self._get(decision_id))
            if entry is None or controller not in {controller_of(entry.data), INSTALLATION}:
                raise NotAvailableError
            recorded = recorded_in(entry.data)
            if recorded is None:
                raise FailedPreconditionError(
                    "NOT_A_DECISION",
                    "`decision_id` is the id of an entry that is no decision: name the decision's",
                )
            facts, fingerprints = self._desk.facts, self._desk.fingerprinter
            if asked.today:
                now = self._clock()
                moment = Moment(now, max(now, recorded.permits_judged_at))
                found = await computed_on(view, facts, fingerprints, recorded, self._versions, moment)
            else:
                found = await computed_again(facts, self._reader, fingerprints, recorded, self._versions)
            told = compared(entry.data, recorded, found, today=asked.today)
            erased = await facts.in_thread(partial(_erased, self._reader, entry.data, recorded.revision))
            told = replace(told, erased=erased)
            return Found(told, (f"entry:{entry.id}",), controller_of(entry.data))

        return await self._desk.read(call, AUDITORS, look, for_whom=any_organisation)


@dataclass(frozen=True, slots=True)
class Computed:
    """What computing gave: the entry's bytes, and as in `Replayed`."""

    entry: bytes = b""
    not_computed: NotComputed | None = None
    guessed: tuple[str, ...] = ()


async def computed_again(
    facts: FreshFacts,
    reader: FactsReader,
    fingerprints: Fingerprinter,
    recorded: Recorded,
    versions: Versions,
) -> Computed:
    """Decide again from what was known then."""
    written = to_microseconds(recorded.time)
    if await facts.in_thread(partial(is_undone, reader, recorded.revision, written)):
        return Computed(not_computed=NotComputed.REVISION_UNDONE)
    moment = _moment_of(recorded)

    async def look(view: FactsView) -> Computed:
        moment_again = Moment(moment.now, moment.latest)  # each attempt notices afresh
        return await computed_on(view, facts, fingerprints, recorded, versions, moment_again)

    return await facts.as_of(recorded.revision, look)


async def computed_on(
    view: FactsView,
    facts: FreshFacts,
    fingerprints: Fingerprinter,
    recorded: Recorded,
    versions: Versions,
    moment: Moment,
) -> Computed:
    """Decide the recorded call as of `view` and `moment`. Raises `ColdFacts`."""
    if recorded.kept is None:
        return Computed(not_computed=recorded.not_kept)
    policy_set = view.policy_set()
    if policy_set is None:
        raise UnavailableError("NO_POLICY_SET", "no policy set is published")
    policies = await facts.in_thread(partial(published, policy_set))
    ready = restored(recorded.kept, fingerprints, policies.plan, _moment_of(recorded))
    decider = explained_in_steps if recorded.method == EXPLAIN else decide_in_steps
    bounded = BoundedView(view)

    def steps(on: FactsView) -> Steps:
        return decider(on, policies, ready.fingerprints, recorded.caller, ready.call, moment)

    async def seek(seeking: SeekingView) -> None:
        await go_through(steps(seeking), seeking)

    try:
        decided = await in_turns(steps(bounded))
    except InvalidArgumentError:
        return Computed(not_computed=NotComputed.REFUSED)
    except ColdFacts as cold:
        raise ColdFacts(cold.keys | await sought(bounded, seek)) from None
    head = Head(
        entry_id=recorded.entry_id,
        time=moment.now,
        caller=recorded.caller,
        method=recorded.method,
        revision=view.revision,
        versions=versions,
        permits_judged_at=moment.latest,
    )
    return Computed(_entry(head, decided, recorded), guessed=ready.guessed)


def compared(entry: bytes, recorded: Recorded, computed: Computed, *, today: bool) -> Replayed:
    """What of the recorded `entry` came out otherwise."""
    if computed.not_computed is not None:
        return Replayed(not_computed=computed.not_computed)
    return Replayed(
        computed=computed.entry,
        differences=differences(entry, computed.entry, same_moment=not today),
        versions=differing_versions(entry, computed.entry),
        abridged=recorded.cause == ABRIDGED,
        guessed=computed.guessed,
    )


def _erased(reader: FactsReader, entry: bytes, revision: Revision) -> tuple[str, ...]:
    """Facts that the entry names, and of which the version as of its revision was erased. Blocking."""
    ids: dict[type[Fact], set[str]] = {}
    for name in names_in(entry):
        word, _, fact_id = name.rpartition(":")
        # Readers have their reason before them: `client:person:ID`.
        kind = _KINDS.get(word.rpartition(":")[2])
        if kind is not None:
            ids.setdefault(kind, set()).add(fact_id)
    return tuple(
        sorted(
            f"{KIND_NAMES[kind]}:{gone.fact_id}"
            for kind, wanted in ids.items()
            for gone in erasing.erased(reader, kind, sorted(wanted), revision)
        )
    )


def _moment_of(recorded: Recorded) -> Moment:
    return Moment(recorded.time, recorded.permits_judged_at)


def _entry(head: Head, decided: Decided, recorded: Recorded) -> bytes:
    trace = replace(decided.trace, kept=None)
    if recorded.cause == ABRIDGED:
        trace = abridged(decided.decision, trace)
    return decision_entry(head, trace)
