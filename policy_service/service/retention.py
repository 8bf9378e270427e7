"""How long what is over stays on file: a schedule per kind of fact, and legal holds.

What is over is a version that was replaced or removed, and a fact that has ended by itself (an override or an
order that ran out, a token that expired or was revoked, a request that protects no more). Once it has been
over for the days of its kind's rule, it is erased; a kind without a rule is kept. Nothing that names somebody
on whom a legal hold stands is erased, whoever placed it.

Invariant WHAT HOLDS STAYS: a version that a decision would look at today is never erased by the schedule.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import Any

from policy_service.facts.reader import FactsReader
from policy_service.facts.view import FactsView
from policy_service.model.errors import NotAvailableError, PermissionDeniedError, UnavailableError
from policy_service.model.facts import INSTALLATION, Controller, LegalHold, RetentionRule
from policy_service.model.vocabulary import StaffRole
from policy_service.service.asking import (
    NOTHING_NOTED,
    Asking,
    Done,
    Draft,
    Found,
    Listed,
    Note,
    any_organisation,
    organisation,
)
from policy_service.service.desk import ControlDesk
from policy_service.service.drafting import Occasion
from policy_service.service.due import NothingDue, RetentionRun, Schedule, counted, names_of
from policy_service.service.history import Histories, HistoryOf, Sought, Version
from policy_service.service.log_filter import CLOCKS_DIFFER
from policy_service.service.naming import fact_name
from policy_service.service.new_ids import new_id
from policy_service.service.pages import FIRST_PAGE, PageAsked, Pages
from policy_service.service.past import AsOf
from policy_service.service.people import MANAGERS, READERS
from policy_service.service.references import PersonReferences
from policy_service.service.retention_rules import PutRule, check_rule, rules_of
from policy_service.service.words import checked_id, checked_reference

OFFICERS = frozenset({StaffRole.PRIVACY_OFFICER})

VOUCHED = "clock:vouched_for"
"""What the entry of a run says whose caller vouched for the clock."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PlaceHold:
    person: str
    matter: str
    note: Note = NOTHING_NOTED


@dataclass(frozen=True, slots=True)
class LiftHold:
    hold_id: str
    note: Note = NOTHING_NOTED


@dataclass(frozen=True, slots=True)
class ListHolds:
    person: str = ""
    page: PageAsked = FIRST_PAGE


@dataclass(frozen=True, slots=True)
class RunRetention:
    """Erase what is due, or (`validate_only`) tell what is."""

    validate_only: bool = False
    note: Note = NOTHING_NOTED
    clock_is_right: bool = False
    """The caller, whose token is the installation's, vouches for the clock, however far ahead it is."""


class Retention:
    """The use cases of RetentionService but for `ErasePerson`."""

    def __init__(self, desk: ControlDesk, reader: FactsReader) -> None:
        self._desk = desk
        self._schedule = Schedule(desk, reader)
        self._references = PersonReferences(desk.fingerprinter)
        self._pages = Pages(desk.fingerprinter, seal=desk.past.seal)
        self._histories = Histories(desk)

    async def put_rule(self, call: Asking, asked: PutRule) -> Done[RetentionRule | None]:
        """Say how long what is over of one kind is kept. Privacy officers and administrators."""

        def draft(view: FactsView, occasion: Occasion) -> Draft[RetentionRule | None]:
            check_rule(asked)
            there = view.retention_rule(occasion.controller, asked.kind)
            if not asked.days:
                return Draft(None, (), removed=() if there is None else (there,))
            rule_id = new_id(self._desk.fingerprinter, "rule_id", occasion)
            rule = RetentionRule(
                rule_id if there is None else there.rule_id, occasion.controller, asked.kind, asked.days
            )
            return Draft(rule, (rule,))

        return await self._desk.write(call, MANAGERS, asked.note, draft)

    async def list_rules(self, call: Asking, as_of: AsOf | None) -> tuple[RetentionRule, ...]:
        """The organisation's schedule, by the names of the kinds."""

        async def look(view: FactsView, controller: Controller) -> Found[tuple[RetentionRule, ...]]:
            rules = rules_of(view, controller)
            return Found(tuple(rules.values()), tuple(fact_name(rule) for rule in rules.values()))

        return await self._desk.read(call, READERS, look, as_of=as_of)

    async def history(self, call: Asking, asked: HistoryOf) -> Listed[Version[RetentionRule | LegalHold]]:
        """The versions of the rule for a kind, or of a hold; for whom the lists are."""

        async def sought(_: Controller) -> Sought[Any, RetentionRule | LegalHold]:
            if asked.kind is LegalHold:
                hold_id = checked_id(asked.what, "hold_id")
                return Sought(LegalHold, {"hold_id": hold_id}, lambda view, _: view.legal_hold(hold_id))
            return Sought(
                RetentionRule,
                {"kind": asked.what},
                lambda view, one: view.retention_rule(one.controller, asked.what),
            )

        of_hold = asked.kind is LegalHold
        return await self._histories.read(
            call, asked, READERS, sought, for_whom=any_organisation if of_hold else organisation
        )

    async def place_hold(self, call: Asking, asked: PlaceHold) -> Done[LegalHold]:
        """Keep everything about a person until the hold is lifted. Privacy officers."""

        def draft(view: FactsView, occasion: Occasion) -> Draft[LegalHold]:
            matter = checked_reference(asked.matter, "hold.matter")
            person = self._references.find_one(view, occasion.controller, asked.person, "hold.person")
            hold_id = new_id(self._desk.fingerprinter, "hold_id", occasion)
            for there in view.legal_holds_on(person.person_id):
                if there.hold_id == hold_id:
                    return Draft(there, (there,))  # asked again by its idempotency key
            hold = LegalHold(
                hold_id,
                occasion.controller,
                person.person_id,
                matter,
                occasion.caller.principal,
                occasion.now,
            )
            return Draft(hold, (hold,))

        return await self._desk.write(call, OFFICERS, asked.note, draft)

    async def lift_hold(self, call: Asking, asked: LiftHold) -> Done[LegalHold]:
        """Lift a hold: what is due is erased from then on. One that is lifted is not available."""

        def draft(view: FactsView, occasion: Occasion) -> Draft[LegalHold]:
            hold = view.legal_hold(checked_id(asked.hold_id, "hold_id"))
            if hold is None or occasion.controller not in {hold.controller, INSTALLATION}:
                raise NotAvailableError
            return Draft(hold, (), removed=(hold,), controller=hold.controller)

        return await self._desk.write(call, OFFICERS, asked.note, draft, for_whom=any_organisation)

    async def list_holds(self, call: Asking, asked: ListHolds) -> Listed[LegalHold]:
        """A page of the organisation's holds that stand, or of those on one person."""

        async def look(view: FactsView, controller: Controller) -> Found[Listed[LegalHold]]:
            listing = (call.method, controller, asked.person)
            page = self._pages.read(asked.page, *listing, at=view.revision)
            if asked.person:
                person = self._references.find_one(view, controller, asked.person, "person")
                here = [
                    hold
                    for hold in view.legal_holds_on(person.person_id)
                    if hold.controller == controller and hold.hold_id > page.after
                ]
                found = tuple(sorted(here, key=lambda hold: hold.hold_id)[: page.size + 1])
            else:
                found = await self._desk.facts.page(
                    LegalHold, controller, page.after, page.size + 1, view.revision
                )
            listed = self._pages.listed(found, page, [hold.hold_id for hold in found], *listing)
            return Found(listed, tuple(fact_name(hold) for hold in listed.items))

        return await self._desk.read(call, READERS, look, as_of=asked.page.as_of, page_token=asked.page.token)

    async def run(self, call: Asking, asked: RunRetention) -> RetentionRun:
        """Erase what is due, at most `VERSIONS_A_RUN` versions in one revision.

        UnavailableError `CLOCK_AWAY`: see `witness`. PermissionDeniedError `INSTALLATION_ONLY`: an
        organisation's token vouches for the clock, by which everybody's facts are erased.
        """
        await self._desk.judge(call, MANAGERS, for_whom=_vouching if asked.clock_is_right else organisation)
        controller = organisation(call)
        vouched: tuple[str, ...] = ()
        if not asked.validate_only:
            await self.witness(clock_is_right=asked.clock_is_right)
            if asked.clock_is_right:
                vouched = (VOUCHED,)
                _log.warning("the clock was vouched for", extra={"principal": call.caller.principal})
        due, more = await self._schedule.due(controller, self._desk.now)
        if due and not asked.validate_only:
            try:
                draft = partial(self._schedule.erase, due, more, vouched)
                done = await self._desk.write(call, MANAGERS, asked.note, draft)
            except NothingDue:
                due = ()  # somebody else's run has erased it: this one looked, and that is all
            else:
                return done.answer

        async def look(_: FactsView, __: Controller) -> Found[RetentionRun]:
            return Found(RetentionRun(counted(due), more), (*vouched, *names_of(due)), found=bool(due))

        return await self._desk.read(call, MANAGERS, look)

    async def run_by_itself(self, failed: set[Controller]) -> int:
        """Erase one batch of what is due of each organisation that has a schedule; returns how many versions
        that were. An organisation for which it fails is added to `failed`, and passed over from then on.
        """
        versions = 0
        for controller in await self._schedule.controllers():
            if controller in failed:
                continue
            try:
                versions += await self._run_for(controller)
            except NothingDue:
                continue
            except Exception as error:  # noqa: BLE001 - whatever it is: the others' turn comes all the same
                failed.add(controller)
                # The type alone: a text could hold what is on file.
                _log.error(
                    "the retention schedule failed for an organisation",
                    extra={"controller": controller, "error": type(error).__name__},
                )
        return versions

    async def _run_for(self, controller: Controller) -> int:
        due, more = await self._schedule.due(controller, self._desk.now)
        if not due:
            return 0
        reason = "the retention schedule"
        done = await self._desk.write_by_itself(
            "RetentionService/Run", controller, reason, partial(self._schedule.erase, due, more, ())
        )
        return sum(done.answer.versions.values())

    async def witness(self, *, clock_is_right: bool = False) -> None:
        """Note that it is now, unless the clock has leapt ahead since that was noted last.

        What is over by a clock that is wrong would be erased for good. The schedule asks every hour, so a
        longer time has passed only where the service was down for so long, and somebody says so
        (`clock_is_right`). UnavailableError `CLOCK_AWAY`. A leap of less than a day passes, also one after
        the other: one erases a day early at most what is kept for `LEAST_DAYS` at least, and whoever sets
        the clock ahead step by step has the machine, and with it the databases.
        """
        now = self._desk.now
        if not clock_is_right and now - await self._desk.witnessed_at() > CLOCKS_DIFFER:
            raise UnavailableError(
                "CLOCK_AWAY",
                "the clock is more than a day ahead of the last hour in which this service ran: see that it"
                " is right, then run retention once with `--clock-is-right` and a token of the installation",
            )
        await self._desk.witness(now, back=clock_is_right)


def _vouching(call: Asking) -> Controller:
    """The installation, whose the clock is."""
    if not call.caller.is_installation:
        raise PermissionDeniedError(
            "INSTALLATION_ONLY",
            "the clock is the same for every organisation: only a token of the installation vouches for it;"
            " ask its administrator to run retention with `--clock-is-right`",
        )
    return INSTALLATION
