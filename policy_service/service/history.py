"""The history of what is on file: its versions, newest first, as readings at the time would have shown it.

A version is a revision at which a row of it begins or ends; what it was is looked up as of that revision, by
the function that shows it in Get. So a history and the readings of the past cannot tell different things.
Whoever may read something may read its history, and nobody else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar

from policy_service.facts.history import Change, Erasure, Rows
from policy_service.facts.mapping import F, fact_id
from policy_service.facts.view import FactsView
from policy_service.model.errors import NotAvailableError
from policy_service.model.facts import INSTALLATION, Controller, Fact, Revision
from policy_service.model.vocabulary import StaffRole
from policy_service.service.asking import Asking, Found, Listed, organisation
from policy_service.service.desk import ControlDesk
from policy_service.service.naming import KIND_NAMES, fact_name
from policy_service.service.pages import FIRST_PAGE, PageAsked, Pages

T = TypeVar("T")

DEFAULT_VERSIONS = 20
MOST_VERSIONS = 100
"""A version is a few look-ups, and may be a record with 256 parties."""
MOST_IDS = 1_000
"""Versions in which a reference is looked for under other ids; more than any reference has had."""


@dataclass(frozen=True, slots=True)
class HistoryOf:
    """Of what, named as Get names it; `kind` where a service has several."""

    what: str
    kind: type[Fact] | None = None
    page: PageAsked = FIRST_PAGE


@dataclass(frozen=True, slots=True)
class Version(Generic[T]):
    """As it was from a revision on; `fact` None: it was taken off file, or what it said was erased since."""

    facts_token: str
    committed_at: datetime
    actor: str
    reason: str
    changed: tuple[str, ...]
    """Kinds of facts, as log entries name them."""
    fact: T | None
    erased: bool = False
    """What it said is gone."""


@dataclass(frozen=True, slots=True)
class Sought(Generic[F, T]):
    """A fact by the values of its fields, and what a history of it is made of."""

    kind: type[F]
    by: Mapping[str, str]
    shown: Callable[[FactsView, F], T | None]
    """What a reading shows; given the newest version that there is, whose ids it may use."""
    beside: Callable[[tuple[str, ...]], tuple[Rows, ...]] = field(default=lambda _: ())
    """Rows of other kinds that a reading shows with it, by the ids that it has had."""


class Histories:
    """Reads histories for the use cases of all services."""

    def __init__(self, desk: ControlDesk) -> None:
        self._desk = desk
        self._pages = Pages(desk.fingerprinter)

    async def read(
        self,
        call: Asking,
        asked: HistoryOf,
        roles: frozenset[StaffRole],
        sought_by: Callable[[Controller], Awaitable[Sought[F, T]]],
        *,
        for_whom: Callable[[Asking], Controller] = organisation,
    ) -> Listed[Version[T]]:
        """A page of versions. Of what the organisation never had on file, nothing is available."""
        desk = self._desk

        async def look(view: FactsView, controller: Controller) -> Found[Listed[Version[T]]]:
            sought = await sought_by(controller)
            listing = (call.method, controller, KIND_NAMES[_kind(sought.kind)], asked.what)
            page = self._pages.read(bounded(asked.page), *listing)
            up_to = view.revision
            if page.after:
                up_to = Revision(desk.past.opened(page.after, up_to, "page_token") - 1)
            where = {name: (value,) for name, value in sought.by.items()}
            if controller != INSTALLATION:
                where["controller"] = (controller,)
            ever = await desk.facts.in_thread(
                partial(desk.past.ever, sought.kind, where, view.revision, MOST_IDS)
            )
            if not ever:
                raise NotAvailableError
            ids = tuple(dict.fromkeys(fact_id(fact) for fact in ever))
            rows = (Rows(_kind(sought.kind), where), *sought.beside(ids))
            changes = await desk.facts.in_thread(partial(desk.past.changes, rows, up_to, page.size + 1, ids))
            erased = await desk.facts.in_thread(partial(desk.past.erased, sought.kind, ids))
            versions = [
                await self._version(change, sought, ever[0], erased) for change in changes[: page.size]
            ]
            tokens = [version.facts_token for version in versions]
            token = self._pages.token(tokens[-1], *listing) if len(changes) > page.size else ""
            return Found(Listed(tuple(versions), token), (fact_name(ever[0]),), ever[0].controller)

        return await desk.read(call, roles, look, for_whom=for_whom)

    async def _version(
        self, change: Change, sought: Sought[F, T], newest: F, erased: Sequence[Erasure]
    ) -> Version[T]:
        async def look(view: FactsView) -> T | None:
            return sought.shown(view, newest)

        return Version(
            facts_token=self._desk.past.seal_version(change.revision),
            committed_at=change.committed_at,
            actor=change.actor,
            reason=change.reason,
            changed=tuple(dict.fromkeys(KIND_NAMES[kind] for kind in change.kinds)),
            fact=await self._desk.facts.as_of(change.revision, look),
            erased=any(gone.revision_from <= change.revision < gone.revision_to for gone in erased),
        )


def bounded(asked: PageAsked) -> PageAsked:
    """A page of versions."""
    return replace(asked, size=min(asked.size or DEFAULT_VERSIONS, MOST_VERSIONS))


def _kind(kind: type[F]) -> type[Fact]:
    return kind  # type: ignore[return-value]  # mypy does not see that F is one of the union's members
