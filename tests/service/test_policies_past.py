"""Policies as of a revision or a moment: every reading of what was published then, and the history of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from policy_service.model.errors import FailedPreconditionError, InvalidArgumentError, NotAvailableError
from policy_service.model.facts import PolicySet
from policy_service.service.asking import Listed
from policy_service.service.history import HistoryOf, Version
from policy_service.service.pages import PageAsked
from policy_service.service.past import AsOf
from policy_service.service.policies import files_of, set_of, to_file
from policy_service.service.policy_questions import GetPolicy, ListAttributes, ListPolicies
from policy_service.service.policy_sets import Diff, GetSet, ListSets
from tests.service.control import AUDITOR, FIRST, NOON, Control
from tests.service.test_publishing import CONTRACT, SHIPPED

OWES = "name: owes\nof: record\ntype: boolean\nsentence: The rent is owed.\nexample: true\n"
UID = "disclosure.basis.contract"


def changed(*, without: str = "", **more: str) -> PolicySet:
    """The shipped set, other than it is."""
    kept = {name: text for name, text in files_of(SHIPPED) if name != without}
    return set_of({**kept, **{f"{name.replace('_', '/')}.yaml": text for name, text in more.items()}}.items())


FEWER = changed(without=CONTRACT, attributes_owes=OWES)
CALL = AUDITOR.calling("PolicyService/Test")


async def history(control: Control, asked: HistoryOf) -> Listed[Version[str]]:
    return await control.policy_sets.history(AUDITOR.calling("PolicyService/History"), asked)


@pytest.mark.parametrize("stores", ["sqlite"], indirect=True)
async def test_every_reading_is_of_the_set_that_was_published_then(control: Control) -> None:
    questions, sets = control.policy_questions, control.policy_sets
    control.put(to_file(FEWER))
    control.publish(SHIPPED, FEWER)
    after, before = (await history(control, HistoryOf(""))).items
    for version, policy_set in ((after, FEWER), (before, SHIPPED)):
        name, as_of = policy_set.policy_set_id, AsOf(version.facts_token)
        assert version.fact == name
        found: list[str] = []
        token = ""
        while not found or token:
            page = await questions.list(CALL, ListPolicies(PageAsked(60, token, as_of)))
            assert page.policy_set_id == name
            found += [each.uid for each in page.listed.items]
            token = page.listed.next_page_token
        assert len(found) == len(policy_set.documents)
        assert (UID in found) is (policy_set is SHIPPED)
        paths = [each.path for each in await questions.list_attributes(CALL, ListAttributes(as_of))]
        assert ("resource.attributes.owes" in paths) is (policy_set is FEWER)
        whole = await sets.get_set(CALL, GetSet(page=PageAsked(as_of=as_of)))
        assert tuple((file.name, file.text) for file in whole.files.items) == files_of(policy_set)
        assert whole.on_file.is_published
        listed = (await sets.list_sets(CALL, ListSets(PageAsked(as_of=as_of)))).items
        assert [each.policy_set_id for each in listed if each.is_published] == [name]
        assert all(each.publications[0].ended_at is None for each in listed if each.is_published)
        assert (await sets.diff(CALL, Diff(as_of=as_of))).published == name
    then = AsOf(before.facts_token)
    assert (await questions.get(CALL, GetPolicy(UID, then))).policy_set_id == SHIPPED.policy_set_id
    with pytest.raises(NotAvailableError):
        await questions.get(CALL, GetPolicy(UID))
    # What came on file later was not there to be read.
    assert FEWER.policy_set_id not in [
        each.policy_set_id for each in (await sets.list_sets(CALL, ListSets(PageAsked(as_of=then)))).items
    ]
    with pytest.raises(NotAvailableError):
        await sets.get_set(CALL, GetSet(FEWER.policy_set_id, PageAsked(as_of=then)))


@pytest.mark.parametrize("stores", ["sqlite"], indirect=True)
async def test_a_page_of_the_past_goes_on_with_the_set_of_its_first_page(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though another was published in the very moment that the call names."""
    monkeypatch.setattr("policy_service.service.policy_sets.PAGE_BYTES", 20_000)
    just_now = AsOf(moment=NOON + timedelta(minutes=1))
    control.clock.now = NOON + timedelta(minutes=1)
    first = await control.policy_sets.get_set(CALL, GetSet(page=PageAsked(as_of=just_now)))
    pages, token = [first], first.files.next_page_token
    control.publish(SHIPPED, FEWER)
    while token:
        asked = GetSet(page=PageAsked(token=token, as_of=just_now))
        pages.append(await control.policy_sets.get_set(CALL, asked))
        token = pages[-1].files.next_page_token
    assert len(pages) > 2
    files = tuple((file.name, file.text) for page in pages for file in page.files.items)
    assert files == files_of(SHIPPED)
    with pytest.raises(InvalidArgumentError) as refused:
        await control.policy_sets.get_set(CALL, GetSet(page=PageAsked(token=first.files.next_page_token)))
    assert refused.value.reason == "BAD_PAGE_TOKEN"


@pytest.mark.parametrize("stores", ["sqlite"], indirect=True)
async def test_a_set_that_cannot_be_read_any_more_is_still_given_as_files(control: Control) -> None:
    """As a set would be that was published by a version with another catalogue."""
    odd = changed(own_odd="uid: own.odd\n")
    control.publish(SHIPPED, odd)
    control.publish(odd, SHIPPED)
    _, then, _ = (await history(control, HistoryOf(""))).items
    as_of = AsOf(then.facts_token)
    for ask in (
        control.policy_questions.list(CALL, ListPolicies(PageAsked(as_of=as_of))),
        control.policy_questions.get(CALL, GetPolicy(UID, as_of)),
    ):
        with pytest.raises(FailedPreconditionError) as refused:
            await ask
        assert refused.value.reason == "SET_NOT_VALID"
    whole = await control.policy_sets.get_set(CALL, GetSet(page=PageAsked(as_of=as_of)))
    assert tuple((file.name, file.text) for file in whole.files.items) == files_of(odd)


async def test_the_history_tells_what_was_published_and_of_one_set_everything(control: Control) -> None:
    one, name = FEWER, FEWER.policy_set_id
    control.put(to_file(one))
    for _ in range(2):
        control.publish(SHIPPED, one)
        control.publish(one, SHIPPED)
    found = (await history(control, HistoryOf(""))).items
    shipped = SHIPPED.policy_set_id
    assert [each.fact for each in found] == [shipped, name, shipped, name, shipped]
    assert {each.changed for each in found} == {("policy_set",)}
    of_one = (await history(control, HistoryOf(name))).items
    assert [each.fact for each in of_one] == [shipped, name, shipped, name, shipped]
    assert [each.changed for each in of_one] == [("policy_set",)] * 4 + [("filed_policy_set",)]
    assert list(control.entries()[-1].read.facts) == [f"policy_set:{name}"]
    with pytest.raises(NotAvailableError) as refused:
        await history(control, HistoryOf("set-none"))
    assert refused.value.field == "policy_set"


@pytest.mark.parametrize("stores", ["sqlite"], indirect=True)
async def test_a_history_has_every_publication_page_by_page(control: Control) -> None:
    for _ in range(12):
        control.publish(SHIPPED, FEWER)
        control.publish(FEWER, SHIPPED)
    (fewer, _) = (await control.policy_sets.list_sets(CALL, ListSets())).items
    assert len(fewer.publications) == 12
    found: list[str | None] = []
    token = ""
    while not found or token:
        page = await history(control, HistoryOf("", page=PageAsked(10, token)))
        found += [each.fact for each in page.items]
        token = page.next_page_token
        control.put(FIRST.token)  # what is written meanwhile shifts nothing
    assert found == [SHIPPED.policy_set_id, FEWER.policy_set_id] * 12 + [SHIPPED.policy_set_id]
