"""Questions about policy sets: which there are, what is in one, and what differs between two.

Everybody who manages may ask. Nothing is stored but the entry that each reading leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from policy_service.facts.history import Rows
from policy_service.facts.policy_history import PolicyHistory, Stood
from policy_service.facts.view import FactsView
from policy_service.model.errors import NotAvailableError
from policy_service.model.facts import Controller, FiledPolicySet, PolicySet, Revision
from policy_service.service.asking import Asking, Found, Listed, any_organisation
from policy_service.service.desk import ControlDesk
from policy_service.service.history import HistoryOf, Version, bounded
from policy_service.service.naming import KIND_NAMES, fact_name
from policy_service.service.pages import FIRST_PAGE, PageAsked, Pages
from policy_service.service.past import AsOf
from policy_service.service.policies import files_of, policy_set_id, set_of
from policy_service.service.policy_diff import FileChange, compare
from policy_service.service.policy_questions import READERS, PolicyQuestions, published_set
from policy_service.service.validate_policies import PolicyFile

MOST_PUBLICATIONS: Final = 20
"""Of one set that are told."""
PAGE_BYTES: Final = 2 << 20
"""Of texts and names in one answer of `get_set`; any set that `PutSet` took is smaller."""


@dataclass(frozen=True, slots=True)
class ListSets:
    page: PageAsked = FIRST_PAGE


@dataclass(frozen=True, slots=True)
class GetSet:
    """Empty: the one that is published."""

    policy_set_id: str = ""
    page: PageAsked = FIRST_PAGE
    """Its size says nothing: a page is as many files as an answer has room for."""


@dataclass(frozen=True, slots=True)
class Diff:
    """Empty: the one that is published. Where there are `files`, `after` is empty."""

    before: str = ""
    after: str = ""
    files: tuple[PolicyFile, ...] = ()
    as_of: AsOf | None = None


@dataclass(frozen=True, slots=True)
class SetOnFile:
    """A set, when it came on file, and the times for which it was published, the newest first."""

    policy_set_id: str
    is_published: bool
    filed_at: datetime
    filed_by: str
    reason: str
    publications: tuple[Stood, ...]
    tried: int
    """How many cases it was tried on; 0: on none that are kept."""


@dataclass(frozen=True, slots=True)
class SetFiles:
    """A set and, page by page, its files."""

    on_file: SetOnFile
    files: Listed[PolicyFile]
    cases: tuple[PolicyFile, ...]
    """Those that it was tried on; they come behind the files, and on pages as these do."""


@dataclass(frozen=True, slots=True)
class Differences:
    before: str
    after: str
    published: str
    changes: tuple[FileChange, ...]


class PolicySets:
    """The use cases of PolicyService that read whole sets."""

    def __init__(self, desk: ControlDesk, questions: PolicyQuestions) -> None:
        self._desk = desk
        self._questions = questions
        self._pages = Pages(desk.fingerprinter, seal=desk.past.seal)

    async def list_sets(self, call: Asking, asked: ListSets) -> Listed[SetOnFile]:
        """A page of the sets on file, the newest first."""

        async def look(view: FactsView, controller: Controller) -> Found[Listed[SetOnFile]]:
            listing = (call.method, controller)
            page = self._pages.read(asked.page, *listing, at=view.revision)
            sets = _sets(await self._desk.facts.policy_history(view.revision))
            ids = [each.policy_set_id for each in sets]
            start = ids.index(page.after) + 1 if page.after in ids else 0
            following = sets[start : start + page.size + 1]
            listed = self._pages.listed(following, page, [each.policy_set_id for each in following], *listing)
            return Found(listed, tuple(f"policy_set:{each.policy_set_id}" for each in listed.items))

        return await self._desk.read(
            call,
            READERS,
            look,
            for_whom=any_organisation,
            as_of=asked.page.as_of,
            page_token=asked.page.token,
        )

    async def get_set(self, call: Asking, asked: GetSet) -> SetFiles:
        """The files of a set, as they were put on file. NotAvailableError where it is not."""

        async def look(view: FactsView, controller: Controller) -> Found[SetFiles]:
            policy_set = _find(view, asked.policy_set_id, asked.page.as_of, "policy_set")
            history = await self._desk.facts.policy_history(view.revision)
            on_file = next(
                (each for each in _sets(history) if each.policy_set_id == policy_set.policy_set_id), None
            )
            if on_file is None:  # older than all that is told of
                raise _no_such_set("policy_set")
            filed = view.filed_policy_set(policy_set.policy_set_id)
            files, cases = files_of(policy_set), filed.cases if filed else ()
            # The files of a set never change, and its cases may: then a page of others does not go on.
            listing = (call.method, controller, policy_set.policy_set_id, policy_set_id(cases))
            page = self._pages.read(asked.page, *listing, at=view.revision)
            texts = (*files, *cases)
            start = int(page.after or 0)
            end = _end_of_page(texts, start)
            token = self._pages.following(page, str(end), *listing) if end < len(texts) else ""
            told = [PolicyFile(*pair) for pair in texts[start:end]]
            of_set = max(0, len(files) - start)
            found = SetFiles(on_file, Listed(tuple(told[:of_set]), token), tuple(told[of_set:]))
            return Found(found, (fact_name(policy_set),))

        return await self._desk.read(
            call,
            READERS,
            look,
            for_whom=any_organisation,
            as_of=asked.page.as_of,
            page_token=asked.page.token,
        )

    async def history(self, call: Asking, asked: HistoryOf) -> Listed[Version[str]]:
        """A page of what was published, the newest first; `Version.fact` is the set that was, or empty.

        Of one set also when it was put on file and when another took its place; NotAvailableError where it
        never was.
        """

        async def look(view: FactsView, controller: Controller) -> Found[Listed[Version[str]]]:
            past, in_thread = self._desk.past, self._desk.facts.in_thread
            listing = (call.method, controller, asked.what)
            page = self._pages.read(bounded(asked.page), *listing)
            up_to = view.revision
            if page.after:
                up_to = Revision(past.opened(page.after, up_to, "page_token") - 1)
            where = {"policy_set_id": (asked.what,)} if asked.what else {}
            kinds = (PolicySet, FiledPolicySet) if asked.what else (PolicySet,)
            rows = tuple(Rows(kind, where) for kind in kinds)
            changes = await in_thread(partial(past.changes, rows, up_to, page.size + 1, ()))
            if asked.what and not changes:
                raise _no_such_set("policy_set")
            told = changes[: page.size]
            published = await in_thread(partial(past.published_at, [each.revision for each in told]))
            versions = tuple(
                Version(
                    past.seal_version(each.revision),
                    each.committed_at,
                    each.actor,
                    each.reason,
                    tuple(KIND_NAMES[kind] for kind in each.kinds),
                    published.get(each.revision, ""),
                )
                for each in told
            )
            token = self._pages.token(versions[-1].facts_token, *listing) if len(changes) > page.size else ""
            named = {asked.what} if asked.what else {*published.values()}
            return Found(Listed(versions, token), tuple(f"policy_set:{name}" for name in sorted(named)))

        return await self._desk.read(call, READERS, look, for_whom=any_organisation)

    async def diff(self, call: Asking, asked: Diff) -> Differences:
        """What differs between two sets, or between one and files that are not on file."""

        async def look(view: FactsView, _: Controller) -> Found[Differences]:
            before = _find(view, asked.before, asked.as_of, "before")
            after: PolicySet | FiledPolicySet
            if asked.files:
                after = set_of((file.name, file.text) for file in asked.files)
                name = f"policy_files:{after.policy_set_id}"
            else:
                after = _find(view, asked.after, asked.as_of, "after")
                name = fact_name(after)
            async with self._questions.turn():
                changes = await asyncio.to_thread(compare, files_of(before), files_of(after))
            published = view.policy_set()
            found = Differences(
                before.policy_set_id,
                after.policy_set_id,
                "" if published is None else published.policy_set_id,
                changes,
            )
            return Found(found, (fact_name(before), name))

        return await self._desk.read(call, READERS, look, for_whom=any_organisation, as_of=asked.as_of)


def _find(view: FactsView, wanted: str, as_of: AsOf | None, field: str) -> PolicySet | FiledPolicySet:
    """A set by its id, or the published one, as `published_set` gives it. NotAvailableError with `field`."""
    if not wanted:
        return published_set(view, as_of)
    published = view.policy_set()
    if published is not None and published.policy_set_id == wanted:
        return published
    filed = view.filed_policy_set(wanted)
    if filed is None:
        raise _no_such_set(field)
    return filed


def _no_such_set(field: str) -> NotAvailableError:
    # Unlike elsewhere it may be told: whoever asks reads every set, as none is an organisation's own.
    return NotAvailableError("no such policy set is on file", field)


def _sets(history: PolicyHistory) -> list[SetOnFile]:
    """Every set, the newest on file first. When it came there never changes, so that pages do not shift."""
    publications: dict[str, list[Stood]] = {}
    for each in history.published:
        publications.setdefault(each.policy_set_id, []).append(each)
    first: dict[str, Stood] = {}
    for each in (*history.filed, *history.published):
        known = first.get(each.policy_set_id)
        if known is None or each.since < known.since:
            first[each.policy_set_id] = each
    newest_first = sorted(first.values(), key=lambda each: (-each.since, each.policy_set_id))
    return [
        _on_file(each, publications.get(each.policy_set_id, ()), history.tried.get(each.policy_set_id, 0))
        for each in newest_first
    ]


def _on_file(first: Stood, publications: Iterable[Stood], tried: int) -> SetOnFile:
    told = tuple(publications)[:MOST_PUBLICATIONS]
    return SetOnFile(
        first.policy_set_id,
        bool(told) and told[0].ended_at is None,
        first.at,
        first.actor,
        first.reason,
        told,
        tried,
    )


def _end_of_page(files: tuple[tuple[str, str], ...], start: int) -> int:
    """The index after the last file that an answer has room for; one at least."""
    room, end = PAGE_BYTES, start
    while end < len(files) and (end == start or room >= 0):
        room -= sum(len(part.encode()) for part in files[end])
        if room < 0 and end > start:
            break
        end += 1
    return end
