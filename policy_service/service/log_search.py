"""Search in the decision log, and following it. Each page, and each following, leaves one entry."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from policy_service.decision_log.blocks import Blocks
from policy_service.decision_log.entry import StoredEntry, StreamId
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.search import LogSearch, SearchBounds
from policy_service.decision_log.sought import Sought
from policy_service.decision_log.tail import LogTail, Sizes
from policy_service.facts.view import FactsView
from policy_service.model.facts import Controller
from policy_service.service.asking import Asking, Found, Listed, any_organisation
from policy_service.service.desk import ControlDesk
from policy_service.service.log_filter import EVERYTHING, LogFilter, LogFilters, Resolved
from policy_service.service.log_questions import AUDITORS
from policy_service.service.pages import FIRST_PAGE, PageAsked, Pages
from policy_service.service.reading_turns import ReadingTurns

MAX_TOKEN = 16_384
"""Characters of a token that says a place in each stream: some 250 streams."""


@dataclass(frozen=True, slots=True)
class SearchLog:
    filter: LogFilter = EVERYTHING
    page: PageAsked = FIRST_PAGE


@dataclass(frozen=True, slots=True)
class FollowLog:
    filter: LogFilter = EVERYTHING
    resume_token: str = ""


@dataclass(frozen=True, slots=True)
class Followed:
    """What has come, and the token that goes on after it."""

    entries: tuple[StoredEntry, ...]
    resume_token: str


@dataclass(frozen=True, slots=True)
class FollowBounds:
    """In seconds."""

    between: float = 0.5
    """How long somebody who has read everything waits before he looks again."""
    token: float = 30.0
    """After so long a token is sent even if nothing was found, so that resuming does not look again at all of
    it.
    """
    whole: float = 540.0
    """After so long a following ends: before its connection has to, after ten minutes."""


class LogSearches:
    """The use cases of DecisionLogService that read many entries; auditors, each within his organisation."""

    def __init__(
        self,
        desk: ControlDesk,
        reader: LogReader,
        *,
        search: SearchBounds | None = None,
        follow: FollowBounds | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._desk = desk
        self._reader = reader
        self._blocks = Blocks(reader)
        self._sizes = Sizes(reader)
        self._search = LogSearch(reader, self._blocks, bounds=search)
        self._bounds = follow or FollowBounds()
        self._clock = clock
        self._filters = LogFilters(desk.fingerprinter)
        self._pages = Pages(desk.fingerprinter, max_token=MAX_TOKEN)
        self._turns = ReadingTurns()

    async def close(self) -> None:
        """Wait for the threads' work; nothing may be asked after this."""
        await self._turns.close()

    async def search(self, call: Asking, asked: SearchLog) -> Listed[StoredEntry]:
        """A page of what is looked for, newest first; it may be empty and yet not the last."""

        async def look(view: FactsView, controller: Controller) -> Found[Listed[StoredEntry]]:
            resolved = self._filters.resolve(view, controller, asked.filter)
            listing = (call.method, controller, *asked.filter.words)
            page = self._pages.read(asked.page, *listing)
            places = _places(page.after) if page.after else None
            piece = partial(self._search.page, resolved.sought, page.size, places)
            found = await self._turns.take(call.caller.controller, piece)
            token = self._pages.token(_as_text(found.places), *listing) if found.places else ""
            names = (*resolved.names, *(f"entry:{entry.id}" for entry in found.found))
            return Found(Listed(found.found, token), names, found=bool(found.found))

        return await self._desk.read(call, AUDITORS, look, for_whom=any_organisation)

    async def follow(self, call: Asking, asked: FollowLog) -> AsyncIterator[Followed]:
        """Leave the entry, and return what comes from then on."""

        async def look(
            view: FactsView, controller: Controller
        ) -> Found[tuple[Resolved, tuple[str, ...], str]]:
            resolved = self._filters.resolve(view, controller, asked.filter)
            listing = (call.method, controller, *asked.filter.words)
            page = self._pages.read(PageAsked(token=asked.resume_token), *listing, field="resume_token")
            return Found((resolved, listing, page.after), resolved.names, found=False)

        resolved, listing, after = await self._desk.read(call, AUDITORS, look, for_whom=any_organisation)
        places = _places(after) if after else {} if asked.filter.since else None
        return self._followed(call, resolved.sought, places, listing)

    async def _followed(
        self, call: Asking, sought: Sought, places: Mapping[StreamId, int] | None, listing: tuple[str, ...]
    ) -> AsyncIterator[Followed]:
        """From `places` on; None: from now on.

        JUDGED AFRESH: what leaves was read before the head by which its caller is judged.
        """
        began = told_at = self._clock()
        if places is None:  # only here: the call has its entry, and what fails now must not leave another
            places = await self._turns.take(call.caller.controller, self._sizes.now)
        tail = LogTail(self._reader, self._blocks, self._sizes, sought, places)
        yield self._told(tail, (), listing)
        while self._clock() - began < self._bounds.whole:
            step = await self._turns.take(call.caller.controller, tail.step)
            await self._desk.judge(call, AUDITORS, for_whom=any_organisation)
            if step.found or self._clock() - told_at > self._bounds.token:
                told_at = self._clock()
                yield self._told(tail, step.found, listing)
            if not step.moved:
                await asyncio.sleep(self._bounds.between)

    def _told(self, tail: LogTail, found: tuple[StoredEntry, ...], listing: tuple[str, ...]) -> Followed:
        return Followed(found, self._pages.token(_as_text(tail.places), *listing))


def _as_text(places: Mapping[StreamId, int]) -> str:
    """Begins with a mark, since a log without a stream has a place as well."""
    return "@" + ",".join(f"{stream}:{place}" for stream, place in places.items())


def _places(text: str) -> dict[StreamId, int]:
    """What `_as_text` made, as a token has brought it back."""
    parts = (part.partition(":") for part in text.removeprefix("@").split(",") if part)
    return {StreamId(stream): int(place) for stream, _, place in parts}
