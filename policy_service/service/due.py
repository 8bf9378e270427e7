"""What is due: what has been over for as long as its kind's rule says, and nobody holds (see `retention`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from policy_service.facts import erasing
from policy_service.facts.erasing import Kept
from policy_service.facts.mapping import to_microseconds
from policy_service.facts.reader import FactsReader
from policy_service.facts.view import FactsView
from policy_service.model.facts import (
    Controller,
    CourtOrder,
    Fact,
    Override,
    PrivacyRequest,
    RetentionRule,
    Revision,
    Token,
)
from policy_service.service.asking import Draft
from policy_service.service.desk import ControlDesk
from policy_service.service.drafting import Occasion
from policy_service.service.holds import not_held
from policy_service.service.naming import KIND_NAMES, fact_name
from policy_service.service.retention_rules import RULED, rules_of

VERSIONS_A_RUN = 200
"""Erased in one revision; its log entry names them all."""


@dataclass(frozen=True, slots=True)
class RetentionRun:
    """What one run erased, or would: how many versions of each kind, and whether more is due."""

    versions: Mapping[str, int]
    more: bool


class NothingDue(Exception):  # not an error: nothing is written then
    """By the time that it was its turn, there was nothing left to erase."""


class Schedule:
    """What an organisation's schedule has come to, and what of it is erased."""

    def __init__(self, desk: ControlDesk, reader: FactsReader) -> None:
        self._desk = desk
        self._reader = reader

    async def erase(
        self, due: Sequence[Kept], more: bool, vouched: tuple[str, ...], view: FactsView, _: Occasion
    ) -> Draft[RetentionRun]:
        """What is still due as of `view`: a hold that was placed meanwhile wins, and so does whoever has
        changed what had ended, or erased it. Raises `NothingDue` where that leaves nothing.
        """
        there = await self._desk.facts.in_thread(
            partial(erasing.on_file, self._reader, [kept.version for kept in due])
        )
        now_due = [
            kept
            for kept in not_held(view, due)
            if kept.version in there and (kept.closed or _is_as_it_was(view, kept.fact))
        ]
        if not now_due:
            raise NothingDue
        return Draft(
            RetentionRun(counted(now_due), more),
            (),
            removed=tuple(kept.fact for kept in now_due if not kept.closed),
            erased=tuple(kept.version for kept in now_due),
            erased_names=(*vouched, *names_of(now_due)),
        )

    async def controllers(self) -> list[Controller]:
        async def look(view: FactsView) -> list[Controller]:
            found: dict[Controller, None] = {}
            after = ""
            while True:
                page = await self._desk.facts.page(RetentionRule, None, after, 1_000, view.revision)
                found |= dict.fromkeys(rule.controller for rule in page)
                if len(page) < 1_000:
                    return list(found)
                after = page[-1].rule_id

        return await self._desk.facts.at_head(look)

    async def due(self, controller: Controller, now: datetime) -> tuple[tuple[Kept, ...], bool]:
        """What is due and not held, at most a run's worth; and whether more is."""

        async def schedule(view: FactsView) -> Mapping[str, RetentionRule]:
            return rules_of(view, controller)

        due: list[Kept] = []
        for name, rule in (await self._desk.facts.at_head(schedule)).items():
            kind = RULED[name]
            moment = now - timedelta(days=rule.days)
            async for kept in self._over(kind, controller, to_microseconds(moment)):
                if len(due) == VERSIONS_A_RUN:
                    return tuple(due), True
                due.append(kept)
        return tuple(due), False

    async def _over(self, kind: type[Fact], controller: Controller, moment: int) -> AsyncIterator[Kept]:
        facts, reader = self._desk.facts, self._reader
        until: Revision = await facts.in_thread(partial(erasing.over_since, reader, moment))
        for page in (
            partial(erasing.closed_until, reader, kind, controller, until),
            partial(erasing.ended_until, reader, kind, controller, until, moment),
        ):
            after = erasing.NOTHING_BEFORE
            while True:
                found: tuple[Kept, ...] = await facts.in_thread(
                    partial(page, after=after, limit=VERSIONS_A_RUN)
                )
                if not found:
                    break
                after = found[-1].place

                async def unheld(view: FactsView, found: tuple[Kept, ...] = found) -> tuple[Kept, ...]:
                    return not_held(view, found)

                for kept in await facts.at_head(unheld):
                    yield kept


def _is_as_it_was(view: FactsView, fact: Fact) -> bool:
    match fact:
        case Override():
            return view.override(fact.override_id) == fact
        case CourtOrder():
            return view.order(fact.order_id) == fact
        case Token():
            return view.token(fact.token_id) == fact
        case PrivacyRequest():
            return view.request(fact.request_id) == fact
        case _:
            return False


def counted(due: Iterable[Kept]) -> dict[str, int]:
    return dict(Counter(KIND_NAMES[kept.version.kind] for kept in due))


def names_of(due: Iterable[Kept]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fact_name(kept.fact) for kept in due))
