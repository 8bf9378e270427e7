"""The ReportOutcome use case: what came of a decision, in an entry of its own beside it.

A decision is never altered by what is reported of it. A report of a decision that is not this system's is not
available, like one of a decision that there never was. It is the caller's word: what is held against it (was
it in time, was anything permitted, what of the obligations is not spoken of) is for auditors to find.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from policy_service.decision_log.entry import Entry, StoredEntry
from policy_service.decision_log.errors import DuplicateEntry
from policy_service.decision_log.outcomes import (
    Decided,
    decided_in,
    first_report_id,
    report_entry,
    says_the_same,
)
from policy_service.model.errors import InvalidArgumentError, NotAvailableError
from policy_service.model.outcome import Outcome, Performance, Standing
from policy_service.service.check import CheckService, microseconds

METHOD: Final = "DecisionService/ReportOutcome"

CLOCKS_DIFFER: Final = timedelta(minutes=1)
"""How far a caller's clock may be ahead of this one's."""


AT_ONCE: Final = 2
"""Reports that read the log at a time. Checks load facts in the same threads, and find some free."""

LookedUp: TypeAlias = tuple[StoredEntry | None, StoredEntry | None]
"""A decision's entry, and that of its first report."""


@dataclass(frozen=True, slots=True)
class Reported:
    """`report_id` names the report's own entry."""

    report_id: str
    standing: Standing


class OutcomeReports:
    """Lives beside the checks of a decision worker; reads the log in threads."""

    def __init__(self, checks: CheckService, get: Callable[[str], StoredEntry | None]) -> None:
        """`get` finds an entry by its id, in whichever stream it is; blocking (`LogReader.get`)."""
        self._checks = checks
        self._get = get
        self._reading = asyncio.Semaphore(AT_ONCE)

    async def report(self, authorization: str, outcome: Outcome) -> Reported:
        """Leave the report's entry; durable when this returns.

        Raises `NotAvailableError`, `InvalidArgumentError` (what the decision does not owe, a moment that has
        not come), and what `CheckService.check` raises.
        """
        pending = PendingReport(self._checks, self._look_up, authorization, outcome)
        await pending.decide_again()
        try:
            await self._checks.commit(pending)
        except DuplicateEntry:  # another first report came at the same time
            pending.look_again()
            await pending.decide_again()
            await self._checks.commit(pending)
        return pending.reported

    async def _look_up(self, decision_id: str) -> LookedUp:
        def look() -> LookedUp:
            stored = self._get(decision_id)
            return stored, None if stored is None else self._get(first_report_id(decision_id))

        async with self._reading:
            return await asyncio.to_thread(look)


class PendingReport:
    """A report on its way: judged once at least, and again whenever the facts moved before its round."""

    def __init__(
        self,
        checks: CheckService,
        look_up: Callable[[str], Awaitable[LookedUp]],
        authorization: str,
        outcome: Outcome,
    ) -> None:
        self._checks = checks
        self._look_up = look_up
        self._found: LookedUp | None = None
        self._authorization = authorization
        self._outcome = outcome
        self.revision = 0
        self.entry = Entry("", 0, b"")
        self.reported = Reported("", Standing())

    def look_again(self) -> None:
        """Read the log once more when it is next judged."""
        self._found = None

    async def decide_again(self) -> None:
        """Judge the caller and the report, and make the entry. Raises as `OutcomeReports.report`."""
        outcome = self._outcome
        now = self._checks.now
        caller, revision = await self._checks.caller(self._authorization, self._checks.latest(now))
        if self._found is None:
            # Once: what is in the log stays, and the round, which decides everybody again when the facts have
            # moved, must not wait for the store.
            self._found = await self._look_up(outcome.decision_id)
        stored, first = self._found
        decided = None if stored is None else decided_in(stored.data)
        if decided is None or (decided.controller, decided.system) != (caller.controller, caller.system):
            raise NotAvailableError
        _refuse_what_is_not_owed(outcome, decided)
        if outcome.dispatched_at is not None and outcome.dispatched_at > now + CLOCKS_DIFFER:
            raise InvalidArgumentError(
                "dispatched_at", "IN_THE_FUTURE", "`dispatched_at` is a moment that has not come yet"
            )
        standing = _standing(outcome, decided, now)
        if first is not None:
            same = says_the_same(first.data, outcome)
            standing = replace(standing, repeated=same, differs=not same)
        head = self._checks.head(caller, METHOD, now, revision, outcome.trace_id)
        if first is None:
            head = replace(head, entry_id=first_report_id(outcome.decision_id))
        self.revision = revision
        self.entry = Entry(head.entry_id, microseconds(now), report_entry(head, outcome, standing))
        self.reported = Reported(head.entry_id, standing)


def _refuse_what_is_not_owed(outcome: Outcome, decided: Decided) -> None:
    for i, report in enumerate(outcome.obligations):
        at = f"obligations[{i}]"
        if report.kind not in decided.owed:
            raise InvalidArgumentError(f"{at}.kind", "NOT_OWED", f"the decision does not owe `{at}.kind`")
        concerned = decided.owed[report.kind]
        within = range(max(1, decided.recipients)) if concerned is None else concerned
        for k, recipient in enumerate(report.recipients):
            if recipient not in within:
                raise InvalidArgumentError(
                    f"{at}.recipients[{k}]",
                    "NOT_CONCERNED",
                    f"`{at}.recipients[{k}]` is none that the obligation concerns",
                )


def _standing(outcome: Outcome, decided: Decided, now: datetime) -> Standing:
    if not outcome.dispatched:
        return Standing()
    at = now if outcome.dispatched_at is None else outcome.dispatched_at
    failed = any(report.performance is Performance.FAILED for report in outcome.obligations)
    before = at < decided.time - CLOCKS_DIFFER
    spoken_of = {report.kind for report in outcome.obligations}
    return Standing(
        late=decided.valid_until is not None and at > decided.valid_until,
        against_decision=failed or before or not decided.permitted,
        unreported=tuple(sorted(kind for kind in decided.owed if kind not in spoken_of)),
    )
