"""What was on file, read as of a token and as of a moment; by whoever may read it now."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import timedelta

import pytest

from policy_service.facts.epochs import Epochs
from policy_service.facts.revision_token import RevisionTokens
from policy_service.model.errors import (
    NotAvailableError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from policy_service.model.facts import Revision, User
from policy_service.model.vocabulary import StaffRole
from policy_service.service.access import GetUser, RevokeToken
from policy_service.service.access_asked import PutUser
from policy_service.service.asking import NOTHING_NOTED, Done
from policy_service.service.pages import PageAsked
from policy_service.service.past import AsOf
from policy_service.service.requests import GetRequest, ListRequests
from tests.service.control import (
    ADMIN,
    APPROVER,
    AUDITOR,
    FIRST,
    KEY,
    NOON,
    POLICE,
    TRUST_ADMIN,
    TRUST_AUDITOR,
    TRUST_OFFICER,
    Control,
    refusals,
)
from tests.service.past_world import Writer, read_all

SECOND = timedelta(seconds=1)


async def put_user(control: Control, *roles: str, reference: str = "u.one") -> Done[User]:
    """Put a user on file, a second after what was before."""
    control.clock.now += SECOND
    return await control.access.put_user(ADMIN.calling(), PutUser(reference, roles=roles))


async def roles_of(control: Control, as_of: AsOf | None) -> Sequence[str]:
    return (await control.access.get_user(AUDITOR.calling(), GetUser("u.one", as_of))).roles


async def test_amended_twice_it_reads_as_of_each(control: Control) -> None:
    before = AsOf(moment=control.clock.now)
    first = await put_user(control, "nurse")
    between = AsOf(moment=control.clock.now + SECOND / 2)
    second = await put_user(control, "nurse", "clerk")
    third = await put_user(control)
    after = AsOf(moment=control.clock.now)

    with pytest.raises(NotAvailableError):
        await roles_of(control, before)
    assert await roles_of(control, AsOf(first.facts_token)) == ("nurse",)
    assert await roles_of(control, between) == ("nurse",)
    assert await roles_of(control, AsOf(moment=NOON + 2 * SECOND)) == (
        "nurse",
        "clerk",
    )  # at that very moment
    assert await roles_of(control, AsOf(second.facts_token)) == ("nurse", "clerk")
    assert await roles_of(control, AsOf(third.facts_token)) == ()
    assert await roles_of(control, after) == await roles_of(control, None) == ()


async def test_the_entry_names_the_revision_that_was_looked_at(control: Control) -> None:
    first = await put_user(control, "nurse")
    seen = control.store.head()
    await put_user(control)
    await roles_of(control, AsOf(first.facts_token))
    await roles_of(control, None)
    past, present = control.entries()[-2:]
    assert (past.revision, past.read.as_of_revision) == (control.store.head(), seen)
    assert (present.revision, present.read.as_of_revision) == (control.store.head(), 0)
    assert past.read.facts == present.read.facts != []


@pytest.mark.parametrize(
    ("stores", "seed"),
    [
        *(("sqlite", seed) for seed in range(3)),
        ("postgresql", 0),
        *(pytest.param("postgresql", seed, marks=pytest.mark.torture) for seed in (1, 2)),
    ],
    indirect=["stores"],
)
async def test_it_reads_as_it_read_then_whatever_was_written(control: Control, seed: int) -> None:
    """A property: of any sequence of writes, for every way to read there is."""
    writer = Writer(control, seed)
    await writer.begin()
    seen = []
    for _ in range(14):
        done = await writer.write()
        seen.append((AsOf(done.facts_token), AsOf(moment=control.clock.now), await read_all(control, None)))
    assert any(before != after for (*_, before), (*_, after) in itertools.pairwise(seen))
    for number, (by_token, by_moment, told) in enumerate(seen):
        assert await read_all(control, by_token if number % 2 else by_moment) == told


async def test_another_organisations_past_is_not_available(control: Control) -> None:
    writer = Writer(control, 7)
    await writer.begin()
    request_id = (await writer.request(NOTHING_NOTED)).answer.request.request_id
    token = (await put_user(control, "nurse")).facts_token
    at = AsOf(token)
    for ask in (
        control.access.get_user(TRUST_AUDITOR.calling(), GetUser("u.one", at)),
        control.requests.get(TRUST_AUDITOR.calling(), GetRequest(request_id, at)),
    ):
        with pytest.raises(NotAvailableError):
            await ask
    page = PageAsked(as_of=at)
    assert (await control.access.list_users(TRUST_ADMIN.calling(), page)).items == ()
    assert (await control.requests.list(TRUST_OFFICER.calling(), ListRequests(page=page))).items == ()
    assert len((await control.access.list_users(FIRST.calling(acting_for=POLICE), page)).items) == 1


async def test_who_may_read_is_judged_by_what_is_on_file_now(control: Control) -> None:
    """Neither does a token that held then let anybody in, nor need one that holds now have been there."""
    then = AsOf((await put_user(control, "nurse")).facts_token)
    later = control.manager("later", StaffRole.AUDITOR)
    other = control.manager("other", StaffRole.APPROVER)
    assert (await control.access.get_user(later.calling(), GetUser("u.one", then))).roles == ("nurse",)

    held = AsOf((await put_user(control)).facts_token)
    await control.access.revoke_token(ADMIN.calling(), RevokeToken(later.token.token_id))
    for as_of in (then, held):
        with pytest.raises(UnauthenticatedError):
            await control.access.get_user(later.calling(), GetUser("u.one", as_of))
        for without in (other, APPROVER):
            with pytest.raises(PermissionDeniedError):
                await control.access.get_user(without.calling(), GetUser("u.one", as_of))
        with pytest.raises(PermissionDeniedError):
            await control.access.list_tokens(AUDITOR.calling(), PageAsked(as_of=as_of))


async def test_what_names_no_facts_is_refused_with_field_and_reason(control: Control) -> None:
    await put_user(control, "nurse")
    ahead = Revision(control.store.head() + 1)
    epochs = Epochs.read(control.reader)
    undone = RevisionTokens(KEY, Epochs(((0, Revision(0)),))).seal(control.store.head())
    other = RevisionTokens(KEY[::-1], epochs).seal(control.store.head())
    asked = {
        AsOf("x"): ("as_of.facts_token", "BAD_FACTS_TOKEN"),
        AsOf(other): ("as_of.facts_token", "BAD_FACTS_TOKEN"),
        AsOf(RevisionTokens(KEY, epochs).seal(ahead)): ("as_of.facts_token", "FACTS_TOKEN_AHEAD"),
        AsOf(undone): ("as_of.facts_token", "FACTS_TOKEN_UNDONE"),
        AsOf(moment=NOON - timedelta(days=400)): ("as_of.moment", "BEFORE_THE_FIRST_FACTS"),
        AsOf(moment=control.clock.now + SECOND): ("as_of.moment", "IN_THE_FUTURE"),
    }
    asks = [control.access.get_user(AUDITOR.calling(), GetUser("u.one", as_of)) for as_of in asked]
    assert await refusals(asks) == [*asked.values()]
    pages = [control.access.list_users(AUDITOR.calling(), PageAsked(as_of=as_of)) for as_of in asked]
    assert await refusals(pages) == [*asked.values()]


async def test_what_a_clock_that_was_set_back_has_not_reached_can_be_asked_for(control: Control) -> None:
    await put_user(control, "nurse")
    told = control.clock.now
    control.clock.now -= timedelta(hours=1)
    assert await roles_of(control, AsOf(moment=told)) == ("nurse",)


async def test_a_list_of_the_past_goes_on_in_the_past(control: Control) -> None:
    """Also where its moment has only just passed, and is written in again before the next page."""
    for number in range(3):
        token = (await put_user(control, reference=f"u.{number}")).facts_token
    at_moment, at_token = AsOf(moment=control.clock.now), AsOf(token)
    firsts = [await users(control, PageAsked(2, as_of=as_of)) for as_of in (at_moment, at_token)]
    await control.access.put_user(ADMIN.calling(), PutUser("u.3"))  # at the very same moment
    await put_user(control, reference="u.4")

    for (items, next_token), as_of in zip(firsts, (at_moment, at_token), strict=True):
        rest, last = await users(control, PageAsked(2, next_token, as_of))
        assert sorted([*items, *rest]) == ["u.0", "u.1", "u.2"]
        assert last == ""
    # Another token of the same facts.
    same = AsOf(control.desk.past.seal(control.desk.past.opened(token, control.store.head(), "")))
    assert (await users(control, PageAsked(2, firsts[1][1], same)))[1] == ""


async def users(control: Control, page: PageAsked) -> tuple[list[str], str]:
    listed = await control.access.list_users(AUDITOR.calling("AccessService/ListUsers"), page)
    return [user.reference for user in listed.items], listed.next_page_token


async def test_a_page_token_is_of_the_facts_that_it_was_made_for(control: Control) -> None:
    for number in range(3):
        earlier, token = control.clock.now, (await put_user(control, reference=f"u.{number}")).facts_token
    newest = (await put_user(control, reference="u.3")).facts_token
    _, of_now = await users(control, PageAsked(1))
    _, of_then = await users(control, PageAsked(1, as_of=AsOf(token)))
    _, of_moment = await users(control, PageAsked(1, as_of=AsOf(moment=control.clock.now)))
    asks = [
        users(control, PageAsked(1, of_now, AsOf(token))),
        users(control, PageAsked(1, of_then)),
        users(control, PageAsked(1, of_then, AsOf(newest))),
        users(control, PageAsked(1, of_then, AsOf(moment=control.clock.now))),
        users(control, PageAsked(1, of_moment, AsOf(moment=earlier))),
        users(control, PageAsked(1, of_moment[:-4] + "AAAA", AsOf(moment=control.clock.now))),
    ]
    assert await refusals(asks) == [("page_token", "BAD_PAGE_TOKEN")] * len(asks)
