"""What sets people's requests aside for a time: overrides, and orders of a court.

Both are facts that gates use as far as they name the field, the data subject and the recipient, and while
they run. Neither is changed: one that was granted too widely is ended, and another granted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from policy_service.facts import keys
from policy_service.facts.mapping import F
from policy_service.facts.view import FactsView
from policy_service.model.errors import InvalidArgumentError, NotAvailableError
from policy_service.model.facts import INSTALLATION, Controller, CourtOrder, Override, PersonId
from policy_service.model.vocabulary import OverrideKind, StaffRole, UserKind
from policy_service.service import moments
from policy_service.service.asking import (
    NOTHING_NOTED,
    Asking,
    Done,
    Draft,
    Found,
    Listed,
    Note,
    any_organisation,
)
from policy_service.service.desk import ControlDesk
from policy_service.service.drafting import Occasion
from policy_service.service.history import Histories, HistoryOf, Sought, Version
from policy_service.service.known_words import (
    check_categories_held,
    check_records,
    check_users,
    notes_of_words,
)
from policy_service.service.naming import fact_name
from policy_service.service.new_ids import new_id
from policy_service.service.pages import FIRST_PAGE, PageAsked, Pages
from policy_service.service.references import PersonReferences, as_kept, numbered
from policy_service.service.words import (
    checked_categories,
    checked_id,
    checked_reference,
    no_repeats,
    required,
)

GRANTORS = frozenset({StaffRole.APPROVER, StaffRole.PRIVACY_OFFICER})
RECORDERS = frozenset({StaffRole.PRIVACY_OFFICER})
READERS = GRANTORS | {StaffRole.AUDITOR}

MOST_MINUTES: Mapping[OverrideKind, int] = {
    OverrideKind.BREAK_GLASS: 4 * 60,
    OverrideKind.SAFEGUARDING: 28 * 24 * 60,
}
MAX_JUSTIFICATION = 500

W = TypeVar("W", Override, CourtOrder)


@dataclass(frozen=True, slots=True)
class GrantOverride:
    kind: OverrideKind
    user: str
    record: str
    categories: tuple[str, ...]
    justification: str
    people: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    """Besides the user himself: `scheme:value`, `person:ID`, `user:REF` or `team:REF`."""
    valid_minutes: int = 0
    """0: the most that the kind may run."""
    note: Note = NOTHING_NOTED


@dataclass(frozen=True, slots=True)
class EndOverride:
    override_id: str
    note: Note = NOTHING_NOTED


@dataclass(frozen=True, slots=True)
class RecordOrder:
    record: str
    people: tuple[str, ...]
    categories: tuple[str, ...]
    recipients: tuple[str, ...]
    """`scheme:value`, `person:ID` or `team:REF`."""
    ends: str
    begins: str = ""
    """RFC 3339 times, or dates that include their day in Europe/London; without a beginning it is now."""
    reference: str = ""
    note: Note = NOTHING_NOTED


@dataclass(frozen=True, slots=True)
class EndOrder:
    order_id: str
    note: Note = NOTHING_NOTED


@dataclass(frozen=True, slots=True)
class ListOfRecord:
    """Overrides or orders: of one record, or (empty) all of the organisation's."""

    record: str = ""
    page: PageAsked = FIRST_PAGE


class Casework:
    """The use cases of CaseworkService. Approvers grant overrides, privacy officers record orders, too."""

    def __init__(self, desk: ControlDesk) -> None:
        self._desk = desk
        self._references = PersonReferences(desk.fingerprinter)
        self._pages = Pages(desk.fingerprinter, seal=desk.past.seal)
        self._histories = Histories(desk)

    async def grant_override(self, call: Asking, asked: GrantOverride) -> Done[Override]:
        """Grant an override from now on. Nobody grants one to himself."""

        def draft(view: FactsView, occasion: Occasion) -> Draft[Override]:
            _check_override(asked)
            controller = occasion.controller
            _check_grantee(view, controller, asked.user, occasion.caller.principal)
            notes = check_users(view, controller, _users_of(asked))
            people, recipients = self._named(
                view, controller, "override", asked.people, asked.recipients, frozenset({"user", "team"})
            )
            check_categories_held(view, controller, asked.categories, "override.categories")
            notes += check_records(view, controller, {"override.record": asked.record})
            override_id = new_id(self._desk.fingerprinter, "override_id", occasion)
            for there in view.overrides(controller, asked.record):
                if there.override_id == override_id:
                    return Draft(there, (there,), notes=notes)  # asked again by its idempotency key
            override = Override(
                override_id=override_id,
                controller=controller,
                kind=asked.kind,
                user=asked.user,
                record=asked.record,
                people=people,
                categories=asked.categories,
                recipients=recipients,
                reason=asked.justification,
                granted_by=occasion.caller.principal,
                granted_at=occasion.now,
                ends_at=occasion.now + timedelta(minutes=asked.valid_minutes or MOST_MINUTES[asked.kind]),
            )
            return Draft(override, (override,), notes=notes)

        done = await self._desk.write(call, GRANTORS, asked.note, draft)
        return await self._noted(done, numbered(asked.recipients, "override.recipients"))

    async def end_override(self, call: Asking, asked: EndOverride) -> Done[Override]:
        """End an override now. One that has ended already stays so from when it did."""

        def draft(view: FactsView, occasion: Occasion) -> Draft[Override]:
            override = view.override(checked_id(asked.override_id, "override_id"))
            if override is None or occasion.controller not in {override.controller, INSTALLATION}:
                raise NotAvailableError
            ended = replace(override, ends_at=min(override.ends_at, occasion.now))
            return Draft(ended, (ended,), controller=ended.controller)

        return await self._desk.write(call, GRANTORS, asked.note, draft, for_whom=any_organisation)

    async def record_order(self, call: Asking, asked: RecordOrder) -> Done[CourtOrder]:
        """Record what a court ordered to be disclosed."""

        def draft(view: FactsView, occasion: Occasion) -> Draft[CourtOrder]:
            begins_at, ends_at = _check_order(asked, occasion.now)
            controller = occasion.controller
            people, recipients = self._named(
                view, controller, "order", asked.people, asked.recipients, frozenset({"team"})
            )
            check_categories_held(view, controller, asked.categories, "order.categories")
            notes = check_records(view, controller, {"order.record": asked.record})
            order_id = new_id(self._desk.fingerprinter, "order_id", occasion)
            for there in view.orders(controller, asked.record):
                if there.order_id == order_id:
                    return Draft(there, (there,), notes=notes)  # asked again by its idempotency key
            order = CourtOrder(
                order_id=order_id,
                controller=controller,
                reference=asked.reference,
                record=asked.record,
                people=people,
                categories=asked.categories,
                recipients=recipients,
                recorded_by=occasion.caller.principal,
                begins_at=begins_at,
                ends_at=ends_at,
            )
            return Draft(order, (order,), notes=notes)

        done = await self._desk.write(call, RECORDERS, asked.note, draft)
        return await self._noted(done, numbered(asked.recipients, "order.recipients"))

    async def end_order(self, call: Asking, asked: EndOrder) -> Done[CourtOrder]:
        """End an order now: it was set aside, or complied with. As `end_override`."""

        def draft(view: FactsView, occasion: Occasion) -> Draft[CourtOrder]:
            order = view.order(checked_id(asked.order_id, "order_id"))
            if order is None or occasion.controller not in {order.controller, INSTALLATION}:
                raise NotAvailableError
            ended = replace(order, ends_at=min(order.ends_at, occasion.now))
            return Draft(ended, (ended,), controller=ended.controller)

        return await self._desk.write(call, RECORDERS, asked.note, draft, for_whom=any_organisation)

    async def list_overrides(self, call: Asking, asked: ListOfRecord) -> Listed[Override]:
        """A page of overrides, whether they run or not, in the order of their ids. Auditors too."""
        return await self._list(call, asked, Override, FactsView.overrides, lambda each: each.override_id)

    async def list_orders(self, call: Asking, asked: ListOfRecord) -> Listed[CourtOrder]:
        """A page of orders, as `list_overrides`."""
        return await self._list(call, asked, CourtOrder, FactsView.orders, lambda each: each.order_id)

    async def history(self, call: Asking, asked: HistoryOf) -> Listed[Version[Override | CourtOrder]]:
        """The versions of one override or order; for whom the lists are."""

        async def sought(_: Controller) -> Sought[Any, Override | CourtOrder]:
            if asked.kind is Override:
                override_id = checked_id(asked.what, "override_id")
                return Sought(
                    Override, {"override_id": override_id}, lambda view, _: view.override(override_id)
                )
            order_id = checked_id(asked.what, "order_id")
            return Sought(CourtOrder, {"order_id": order_id}, lambda view, _: view.order(order_id))

        return await self._histories.read(call, asked, READERS, sought, for_whom=any_organisation)

    async def _noted(self, done: Done[W], recipients: Mapping[str, str]) -> Done[W]:
        """What was done, with notes of the teams among `recipients` that nothing names."""
        controller = done.answer.controller
        more: tuple[str, ...] = await notes_of_words(self._desk.facts, controller, recipients)
        return replace(done, notes=(*done.notes, *more))

    async def _list(
        self,
        call: Asking,
        asked: ListOfRecord,
        kind: type[F],
        of_record: Callable[[FactsView, Controller, str], tuple[F, ...]],
        id_of: Callable[[F], str],
    ) -> Listed[F]:
        async def look(view: FactsView, controller: Controller) -> Found[Listed[F]]:
            listing = (call.method, controller, asked.record)
            page = self._pages.read(asked.page, *listing, at=view.revision)
            if asked.record:
                of_this = of_record(view, controller, checked_reference(asked.record, "record"))
                following = sorted((each for each in of_this if id_of(each) > page.after), key=id_of)
                found = tuple(following[: page.size + 1])
            else:
                found = await self._desk.facts.page(
                    kind, controller, page.after, page.size + 1, view.revision
                )
            listed = self._pages.listed(found, page, [id_of(each) for each in found], *listing)
            return Found(listed, tuple(fact_name(each) for each in listed.items))

        return await self._desk.read(call, READERS, look, as_of=asked.page.as_of, page_token=asked.page.token)

    def _named(
        self,
        view: FactsView,
        controller: Controller,
        message: str,
        people: Sequence[str],
        recipients: Sequence[str],
        kinds: frozenset[str],
    ) -> tuple[tuple[PersonId, ...], tuple[str, ...]]:
        """The data subjects' ids, and the recipients as the fact names them; `kinds` need not be people."""
        subjects = numbered(people, f"{message}.people")
        named = numbered(recipients, f"{message}.recipients")
        references = {
            field: recipient for field, recipient in named.items() if recipient.partition(":")[0] not in kinds
        }
        found = self._references.find(view, controller, {**subjects, **references})
        ids = dict.fromkeys(found[field].person_id for field in subjects)
        return tuple(ids), as_kept(named, found)


def _check_lists(
    message: str, people: Sequence[str], categories: Sequence[str], recipients: Sequence[str]
) -> None:
    required(categories, f"{message}.categories")
    checked_categories(categories, f"{message}.categories")
    no_repeats(people, f"{message}.people")
    no_repeats(recipients, f"{message}.recipients")


def _check_override(asked: GrantOverride) -> None:
    """What the call alone shows."""
    checked_reference(asked.user, "override.user")
    checked_reference(asked.record, "override.record")
    _check_lists("override", asked.people, asked.categories, asked.recipients)
    if not asked.justification.strip():
        raise InvalidArgumentError(
            "override.justification", "REQUIRED", "`override.justification` must not be empty"
        )
    if len(asked.justification) > MAX_JUSTIFICATION:
        raise InvalidArgumentError(
            "override.justification",
            "TOO_LONG",
            f"`override.justification` is longer than {MAX_JUSTIFICATION} characters",
        )
    most = MOST_MINUTES[asked.kind]
    if not 0 <= asked.valid_minutes <= most:
        raise InvalidArgumentError(
            "override.valid_minutes",
            "OUT_OF_RANGE",
            f"`override.valid_minutes` of the kind `{asked.kind}` is 1 to {most:,}, or 0 for {most:,}",
        )


def _check_grantee(view: FactsView, controller: Controller, user: str, grantor: str) -> None:
    """Another than who grants, and no job. Who breaks the glass need not be on file: his system may describe
    him.
    """
    if user.casefold() == grantor.casefold():
        raise InvalidArgumentError(
            "override.user", "GRANTED_TO_ONESELF", "`override.user` is who grants it; somebody else must"
        )
    view.prefetch(keys.user(controller, user))
    there = view.user(controller, user)
    if there is not None and there.kind is not UserKind.STAFF:
        raise InvalidArgumentError(
            "override.user", "ONLY_FOR_STAFF", "`override.user` is a job, and decides nothing"
        )


def _users_of(asked: GrantOverride) -> dict[str, str]:
    """The users whom it names, by field."""
    recipients = numbered(asked.recipients, "override.recipients").items()
    named = {field: name.partition(":")[2] for field, name in recipients if name.startswith("user:")}
    return {"override.user": asked.user, **named}


def _check_order(asked: RecordOrder, now: datetime) -> tuple[datetime, datetime]:
    """What the call alone shows; from when until when the order runs."""
    if asked.reference:
        checked_reference(asked.reference, "order.reference")
    checked_reference(asked.record, "order.record")
    required(asked.people, "order.people")
    required(asked.recipients, "order.recipients")
    _check_lists("order", asked.people, asked.categories, asked.recipients)
    if not asked.ends:
        raise InvalidArgumentError("order.ends", "REQUIRED", "`order.ends` must not be empty")
    zone = ZoneInfo(moments.DEFAULT_ZONE)
    begins_at = moments.beginning(asked.begins, zone, "order.begins") if asked.begins else now
    ends_at = moments.end(asked.ends, zone, "order.ends")
    if ends_at <= begins_at:
        raise InvalidArgumentError(
            "order.ends", "ENDS_BEFORE_IT_BEGINS", "`order.ends` is not after `order.begins`"
        )
    return begins_at, ends_at
