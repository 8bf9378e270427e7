"""DecisionLogService.Search and Follow: what auditors find, what they may not, what their readings leave."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.decision_log.entry import Entry, StoredEntry, StreamId
from policy_service.decision_log.errors import LogUnavailable
from policy_service.decision_log.search import LogPage, SearchBounds
from policy_service.decision_log.sought import Sought
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.mapping import to_microseconds
from policy_service.model.errors import (
    OverloadedError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from policy_service.model.facts import Controller, Token
from policy_service.model.ids import random_id, time_ordered_id
from policy_service.model.vocabulary import Effect, StaffRole
from policy_service.service.log_filter import LogFilter
from policy_service.service.log_search import FollowBounds, Followed, FollowLog, LogSearches, SearchLog
from policy_service.service.pages import PageAsked
from policy_service.service.people import GetPerson
from policy_service.service.people_asked import PutPerson
from policy_service.service.reading_turns import MOST_WAITING, SHARES
from tests.service.control import (
    ADMIN,
    AUDITOR,
    FIRST,
    KEY,
    NOON,
    OFFICER,
    POLICE,
    TRUST_AUDITOR,
    TRUST_OFFICER,
    Control,
    Manager,
    refusals,
)

SEARCH, FOLLOW = "DecisionLogService/Search", "DecisionLogService/Follow"
CANARY = "Birdsong"


@pytest.fixture
async def vera(control: Control) -> str:
    """On file with the police: her id, after one write and one reading of her, and a write about another."""
    done = await control.people.put_person(
        OFFICER.calling("PeopleService/PutPerson"), PutPerson(("police-ref:P-1",))
    )
    control.clock.now += timedelta(seconds=1)
    await control.people.get_person(OFFICER.calling("PeopleService/GetPerson"), GetPerson("police-ref:P-1"))
    control.clock.now += timedelta(seconds=1)
    await control.people.put_person(
        OFFICER.calling("PeopleService/PutPerson"), PutPerson(("police-ref:P-2",))
    )
    control.clock.now += timedelta(seconds=1)
    return done.answer.person.person_id


async def found(
    control: Control, caller: Manager = AUDITOR, acting_for: Controller | None = None, /, **filter_: str
) -> list[LogEntry]:
    asked = SearchLog(LogFilter(**filter_))  # type: ignore[arg-type]
    listed = await control.log_searches.search(caller.calling(SEARCH, acting_for=acting_for), asked)
    assert not listed.next_page_token
    return [LogEntry.FromString(entry.data) for entry in listed.items]


def methods(entries: list[LogEntry]) -> list[str]:
    return [entry.method.rpartition("/")[2] for entry in entries]


async def test_a_person_is_found_by_what_names_her(control: Control, vera: str) -> None:
    assert methods(await found(control, person="police-ref:P-1")) == ["GetPerson", "PutPerson"]
    # The reading is about her, too.
    assert methods(await found(control, person=f"person:{vera}")) == ["Search", "GetPerson", "PutPerson"]
    assert len(await found(control, method="PeopleService/PutPerson")) == 2


async def test_each_reading_leaves_an_entry_that_names_what_was_looked_for_and_no_value(
    control: Control, vera: str
) -> None:
    before = len(control.entries())
    entries = await found(
        control, person="police-ref:P-1", method="PeopleService/GetPerson", since="2026-03-02T00:00:00Z"
    )
    reading = control.entries()[-1]
    assert len(control.entries()) == before + 1
    assert (reading.method, reading.caller.principal) == (SEARCH, "police-auditor")
    assert reading.read.found
    assert list(reading.read.facts) == [
        f"person:{vera}",
        "method:PeopleService/GetPerson",
        "since:2026-03-02T00:00:00+00:00",
        f"entry:{entries[0].entry_id}",
    ]

    wanted = ("person", "user", "system", "record", "record_type")
    assert not await found(control, **dict.fromkeys(wanted[1:], CANARY), person=f"ref:{CANARY}")
    nothing = control.entries()[-1]
    assert len(control.entries()) == before + 2
    assert not nothing.read.found
    fingerprinter = Fingerprinter(KEY)
    for kind in wanted[1:]:
        assert f"{kind}:unknown:{fingerprinter.asserted(kind, CANARY)}" in nothing.read.facts
    assert len(nothing.read.facts) == 5
    assert CANARY not in str(nothing)


async def test_what_is_about_a_decision_is_looked_for_from_its_day_on(control: Control) -> None:
    """Nothing about it is older, so that a search does not read what came before."""
    view = await control.seen_elsewhere()
    decision = time_ordered_id(NOON)
    day = timedelta(days=1).total_seconds() * 1e6
    for since, earliest in (
        ("", to_microseconds(NOON) - day),
        ("2026-01-01T00:00:00Z", to_microseconds(NOON) - day),
        (NOON.isoformat(), to_microseconds(NOON)),
    ):
        asked = LogFilter(decision=decision, since=since)
        resolved = control.log_searches._filters.resolve(view, POLICE, asked)
        assert (resolved.sought.since_us, resolved.sought.decision) == (earliest, decision)
    for untold in (random_id(), "ffffffff-ffff-7fff-bfff-ffffffffffff"):
        asked = LogFilter(decision=untold)
        resolved = control.log_searches._filters.resolve(view, POLICE, asked)
        assert resolved.sought.since_us is None
    assert not await found(control, decision=decision)
    assert list(control.entries()[-1].read.facts) == [f"decision:{decision}"]


async def test_another_organisation_is_as_if_it_were_not_there(control: Control, vera: str) -> None:
    await control.people.put_person(TRUST_OFFICER.calling(), PutPerson(("nhs-number:1",)))
    hers = control.entries()[-1].write.facts[0]
    for asked in ({"person": "nhs-number:1"}, {"person": hers}, {"person": "nhs-number:2"}):
        assert not await found(control, **asked)
        # Nor does the auditor's own reading tell that somebody else knows her.
        assert hers not in str(control.entries()[-1])
    assert {entry.controller for entry in await found(control)} == {POLICE}
    assert [e.caller.principal for e in await found(control, TRUST_AUDITOR)] == ["trust-officer"]
    with pytest.raises(PermissionDeniedError):
        await found(control, TRUST_AUDITOR, POLICE)


async def test_the_installations_auditor_finds_everything_or_what_is_of_one(
    control: Control, vera: str
) -> None:
    await control.people.put_person(TRUST_OFFICER.calling(), PutPerson(("nhs-number:1",)))
    assert {entry.controller for entry in await found(control, FIRST)} >= {POLICE, "trust"}
    assert {entry.controller for entry in await found(control, FIRST, POLICE)} == {POLICE}
    assert control.entries()[-1].controller == POLICE


async def test_only_auditors_search_and_follow(control: Control) -> None:
    for caller in (ADMIN, OFFICER):
        with pytest.raises(PermissionDeniedError):
            await found(control, caller)
        with pytest.raises(PermissionDeniedError):
            await control.log_searches.follow(caller.calling(FOLLOW), FollowLog())


BAD = [
    ({"person": "nobody"}, "filter.person", "BAD_IDENTIFIER"),
    ({"person": "user:x"}, "filter.person", "RESERVED_SCHEME"),
    ({"reason": "Birdsong"}, "filter.reason", "BAD_FORM"),
    ({"method": "Birdsong"}, "filter.method", "BAD_FORM"),
    ({"decision": "Birdsong"}, "filter.decision", "BAD_ID"),
    ({"since": "yesterday"}, "since", "BAD_TIME"),
    ({"since": "2026-03-02"}, "since", "BAD_TIME"),
    ({"until": "2026-03-02T25:00:00Z"}, "until", "BAD_TIME"),
    ({"since": "2026-03-02T00:00:00Z", "until": "2026-03-02T00:00:00Z"}, "until", "NOT_AFTER_SINCE"),
]


@pytest.mark.parametrize(("asked", "field", "reason"), BAD)
async def test_a_filter_that_cannot_be_right_is_refused(
    control: Control, asked: dict[str, str], field: str, reason: str
) -> None:
    filter_ = LogFilter(**asked)  # type: ignore[arg-type]
    calling = AUDITOR.calling(SEARCH)
    assert await refusals([control.log_searches.search(calling, SearchLog(filter_))]) == [(field, reason)]
    if "until" not in asked:
        assert await refusals([control.log_searches.follow(calling, FollowLog(filter_))]) == [(field, reason)]


async def test_pages_are_of_one_search_one_organisation_and_one_moment(control: Control, vera: str) -> None:
    search = control.log_searches.search

    async def page(token: str, *, size: int = 1, **filter_: object) -> tuple[list[str], str]:
        asked = SearchLog(LogFilter(**filter_), PageAsked(size, token))  # type: ignore[arg-type]
        listed = await search(AUDITOR.calling(SEARCH), asked)
        return [entry.id for entry in listed.items], listed.next_page_token

    expected = [entry.entry_id for entry in reversed(control.entries()) if entry.controller == POLICE]
    ids, token = await page("")
    first_token = token
    while token:
        more, token = await page(token)
        ids += more
    # Its own readings, which came between its pages, are not part of it.
    assert ids == expected

    bad = [("page_token", "BAD_PAGE_TOKEN")]
    assert await refusals([page(first_token, user="x")]) == bad
    assert await refusals([page(first_token[:-4])]) == bad
    assert await refusals([page("x" * 20_000)]) == bad
    assert await refusals([page("", size=-1)]) == [("page_size", "NEGATIVE")]
    for caller, acting_for in ((TRUST_AUDITOR, None), (FIRST, None)):
        calling = caller.calling(SEARCH, acting_for=acting_for)
        assert await refusals([search(calling, SearchLog(page=PageAsked(0, first_token)))]) == bad
    follow = control.log_searches.follow(AUDITOR.calling(FOLLOW), FollowLog(resume_token=first_token))
    assert await refusals([follow]) == [("resume_token", "BAD_PAGE_TOKEN")]


async def test_a_page_that_found_nothing_is_not_the_last(control: Control, vera: str) -> None:
    reader = control.log_searches._reader
    searches = LogSearches(control.desk, reader, search=SearchBounds(entries=1))
    token, pages = "", 0
    entries: list[StoredEntry] = []
    while token or not pages:
        asked = SearchLog(LogFilter(method="PeopleService/GetPerson"), PageAsked(0, token))
        listed = await searches.search(AUDITOR.calling(SEARCH), asked)
        token, pages = listed.next_page_token, pages + 1
        entries += listed.items
        assert control.entries()[-1].read.found is bool(listed.items)
    await searches.close()
    assert pages > 2
    assert len(entries) == 1


async def test_too_many_searches_are_refused(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policy_service.service.reading_turns.MOST_WAITING", 0)
    with pytest.raises(OverloadedError):
        await found(control)


async def test_many_searches_of_one_organisation_keep_no_other_waiting(
    control: Control, following: LogSearches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a search nor a tail of another's, however many there are."""
    may_end = threading.Event()
    page = following._search.page

    def stalled(sought: Sought, *rest: Any) -> LogPage:
        if sought.user == "slow":
            may_end.wait(120)
        return page(sought, *rest)

    monkeypatch.setattr(following._search, "page", stalled)
    slow = SearchLog(LogFilter(user="slow"))
    many = [asyncio.create_task(following.search(AUDITOR.calling(SEARCH), slow)) for _ in range(80)]
    try:
        tail = await following.follow(TRUST_AUDITOR.calling(FOLLOW), FollowLog())
        await asyncio.wait_for(anext(tail), 30)
        await asyncio.wait_for(following.search(TRUST_AUDITOR.calling(SEARCH), SearchLog()), 30)
        assert len((await asyncio.wait_for(anext(tail), 30)).entries) == 1
        async with asyncio.timeout(30):
            while sum(each.done() for each in many) < len(many) - MOST_WAITING // SHARES:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        refused, left = await asyncio.wait(many, timeout=0.5)
        assert len(left) == MOST_WAITING // SHARES
        assert all(isinstance(each.exception(), OverloadedError) for each in refused)
    finally:
        may_end.set()
        await asyncio.gather(*many, return_exceptions=True)


async def test_a_tail_that_fails_after_its_entry_leaves_no_other(
    control: Control, following: LogSearches
) -> None:
    """The wrapper leaves an entry for what `follow` raises: once it has left its own, it raises nothing."""

    def broken() -> dict[StreamId, int]:
        raise LogUnavailable("the decision log cannot be read now")

    following._sizes.now = broken  # type: ignore[method-assign]
    before = len(control.entries())
    stream = await following.follow(AUDITOR.calling(FOLLOW), FollowLog())
    assert len(control.entries()) == before + 1
    with pytest.raises(LogUnavailable):
        await anext(stream)
    assert len(control.entries()) == before + 1


@pytest.fixture
async def following(control: Control) -> AsyncIterator[LogSearches]:
    """A tail that looks again at once."""
    bounds = FollowBounds(between=0.01)
    searches = LogSearches(control.desk, control.log_searches._reader, follow=bounds)
    searches._sizes._seconds = -1.0
    yield searches
    await searches.close()


async def put(control: Control, number: int) -> str:
    await control.people.put_person(
        OFFICER.calling("PeopleService/PutPerson"), PutPerson((f"police-ref:P-{number}",))
    )
    return control.entries()[-1].entry_id


async def some(stream: AsyncIterator[Followed], count: int) -> tuple[list[str], str]:
    ids: list[str] = []
    while len(ids) < count:
        came = await asyncio.wait_for(anext(stream), 10)
        ids += [entry.id for entry in came.entries]
    return ids, came.resume_token


async def test_a_tail_brings_what_comes_from_now_on(control: Control, following: LogSearches) -> None:
    await put(control, 1)
    stream = await following.follow(AUDITOR.calling(FOLLOW), FollowLog())
    at_its_start = control.entries()[-1]
    assert (at_its_start.method, at_its_start.read.found) == (FOLLOW, False)
    first = await anext(stream)
    assert not first.entries

    expected = [await put(control, number) for number in (2, 3)]
    ids, token = await some(stream, 2)
    assert ids == expected
    # One entry at its start, and none for what it brings.
    assert [entry.method for entry in control.entries()].count(FOLLOW) == 1

    expected = [await put(control, 4)]
    resumed = await following.follow(AUDITOR.calling(FOLLOW), FollowLog(resume_token=token))
    ids, _ = await some(resumed, 2)
    assert ids[0] == expected[0]
    again = await following.follow(AUDITOR.calling(FOLLOW), FollowLog(resume_token=first.resume_token))
    assert (await some(again, 4))[0][:2] == [entry.entry_id for entry in control.entries()][2:4]


async def test_a_tail_begins_at_a_moment_and_brings_what_its_filter_lets_through(
    control: Control, following: LogSearches
) -> None:
    control.clock.now = NOON + timedelta(hours=1)
    await put(control, 1)
    control.clock.now = NOON + timedelta(hours=2)
    expected = await put(control, 2)
    asked = LogFilter(since="2026-03-02T14:00:00Z", method="PeopleService/PutPerson")
    stream = await following.follow(AUDITOR.calling(FOLLOW), FollowLog(asked))
    begun = await anext(stream)
    assert (await some(stream, 1))[0] == [expected]
    again = await following.follow(AUDITOR.calling(FOLLOW), FollowLog(asked, begun.resume_token))
    assert (await some(again, 1))[0] == [expected]


async def test_a_tail_brings_nothing_of_another_organisation(
    control: Control, following: LogSearches
) -> None:
    stream = await following.follow(TRUST_AUDITOR.calling(FOLLOW), FollowLog())
    await anext(stream)
    await put(control, 1)
    await control.people.put_person(TRUST_OFFICER.calling(), PutPerson(("nhs-number:1",)))
    assert (await some(stream, 1))[0] == [control.entries()[-1].entry_id]


@pytest.mark.parametrize("how", ["revoked", "expired"])
async def test_a_tail_ends_with_its_token(control: Control, following: LogSearches, how: str) -> None:
    auditor = control.manager("another-auditor", StaffRole.AUDITOR)
    stream = await following.follow(auditor.calling(FOLLOW), FollowLog())
    await anext(stream)
    if how == "revoked":
        token: Token = replace(auditor.token, revoked_at=NOON)
        control.put(token)
    else:
        control.clock.now = NOON + timedelta(days=100)
    before = len(control.entries())
    control.log.append_now(_entry())
    with pytest.raises(UnauthenticatedError) as refused:
        await asyncio.wait_for(anext(stream), 10)
    assert refused.value.reason == f"TOKEN_{how.upper()}"
    assert len(control.entries()) == before + 1


def _entry() -> Entry:
    entry = LogEntry(entry_id=random_id(), controller=POLICE, method="Test/Append")
    return Entry(entry.entry_id, 0, entry.SerializeToString())


async def test_a_tail_ends_after_a_while_and_tells_a_place_before_that(control: Control) -> None:
    bounds = FollowBounds(between=0.01, token=0.1, whole=1.0)
    searches = LogSearches(control.desk, control.log_searches._reader, follow=bounds)
    stream = await searches.follow(AUDITOR.calling(FOLLOW), FollowLog(LogFilter(effect=Effect.DENY)))
    told = [followed async for followed in stream]
    await searches.close()
    assert 2 <= len(told) <= 11
    assert not any(followed.entries for followed in told)
