"""PolicyService: everybody who manages may ask; each reading is one entry, and nothing else is stored."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from policy_service.engine.catalogue import CATALOGUE
from policy_service.model.errors import (
    InvalidArgumentError,
    NotAvailableError,
    PermissionDeniedError,
    UnavailableError,
)
from policy_service.model.facts import INSTALLATION, RecordType
from policy_service.model.ids import random_id
from policy_service.model.vocabulary import StaffRole
from policy_service.service import policy_questions
from policy_service.service.pages import PageAsked
from policy_service.service.policies import shipped_policy_set
from policy_service.service.policy_questions import (
    GetPolicy,
    ListAttributes,
    ListPolicies,
    TestFiles,
    ValidateFiles,
)
from policy_service.service.validate_policies import PolicyFile, Validation
from tests.service.control import ADMIN, AUDITOR, FIRST, OFFICER, POLICE, POLICIES, TRUST_OFFICER, Control

SET = shipped_policy_set(POLICIES)
RIGHT = PolicyFile("contract.yaml", (POLICIES / "disclosure/basis/contract.yaml").read_text("utf-8"))
WRONG = PolicyFile("wrong.yaml", RIGHT.text.replace("tier: basis", "tier: absolute\neffect: allow"))
CASES = PolicyFile(
    "tests/contract.yaml",
    "gate: disclosure\ncases: [{title: a, given: {context.recipient.organisation_roles: [contractor]}, "
    "expect: {effect: permit, reason: CONTRACT}}]\n",
)


async def test_validate_tells_and_stores_nothing_but_the_entry(control: Control) -> None:
    head = control.store.head()
    asked = ValidateFiles((RIGHT, WRONG))
    validation = await control.policy_questions.validate(OFFICER.calling("PolicyService/Validate"), asked)
    assert [(problem.file, problem.line) for problem in validation.problems] == [("wrong.yaml", 5)]
    assert "a permit belongs in one of" in validation.problems[0].text
    assert control.store.head() == head
    (entry,) = control.entries()
    assert (entry.method, entry.controller) == ("PolicyService/Validate", POLICE)
    assert len(entry.read.facts) == 1
    assert entry.read.facts[0].startswith("policy_files:set-")
    await control.policy_questions.validate(OFFICER.calling(), ValidateFiles((WRONG, RIGHT)))
    await control.policy_questions.validate(OFFICER.calling(), ValidateFiles((RIGHT,)))
    same, other = control.entries()[1:]
    assert same.read.facts == entry.read.facts
    assert other.read.facts != entry.read.facts


async def test_warnings_know_what_is_on_file_and_published(control: Control) -> None:
    text = WRONG.text.replace("effect: allow\n", "").replace("reason: CONTRACT", "reason: OWN_REASON")
    text = text.replace("policy:", "policy:\n  targets: {resource_id: police.enquiry}")
    asked = ValidateFiles((PolicyFile("own.yaml", text),))
    validation = await control.policy_questions.validate(OFFICER.calling(), asked)
    assert validation.problems == ()
    assert [each.text.partition("`,")[0] for each in validation.warnings] == [
        "reason: no text for `OWN_REASON",
        "policy.targets.resource_id: no record type `police.enquiry",
    ]
    control.put(RecordType(random_id(), POLICE, "police.enquiry"))
    validation = await control.policy_questions.validate(OFFICER.calling(), asked)
    assert [each.line for each in validation.warnings] == [5]
    # Whoever acts for no organisation is not told of record types, since others may have them.
    validation = await control.policy_questions.validate(FIRST.calling(), asked)
    assert [each.line for each in validation.warnings] == [5]


async def test_cases_are_tried_and_nothing_is_stored_but_the_entry(control: Control) -> None:
    head = control.store.head()
    asked = TestFiles((RIGHT,), (CASES,))
    tried = await control.policy_questions.test(OFFICER.calling("PolicyService/Test"), asked)
    assert (tried.tried, len(tried.failures), len(tried.gaps)) == (1, 0, 2)
    assert control.store.head() == head
    (entry,) = control.entries()
    assert (entry.method, entry.controller) == ("PolicyService/Test", POLICE)
    assert entry.read.facts[0].startswith("policy_files:set-")


async def test_the_published_set_is_listed_in_pages(control: Control) -> None:
    found: list[str] = []
    token, pages = "", 0
    while not pages or token:
        page = await control.policy_questions.list(
            AUDITOR.calling("PolicyService/List"), ListPolicies(PageAsked(20, token))
        )
        assert page.policy_set_id == SET.policy_set_id
        found += [document.uid for document in page.listed.items]
        token, pages = page.listed.next_page_token, pages + 1
    assert found == sorted(found)
    assert len(found) == len(SET.documents)
    assert pages > 1
    assert len(control.entries()) == pages
    assert {tuple(entry.read.facts) for entry in control.entries()} == {(f"policy_set:{SET.policy_set_id}",)}


async def test_one_document_comes_as_it_was_published(control: Control) -> None:
    found = await control.policy_questions.get(ADMIN.calling(), GetPolicy("disclosure.basis.contract"))
    assert (found.file.name, found.file.text) == ("disclosure/basis/contract.yaml", RIGHT.text)
    assert (found.document.reason, found.policy_set_id) == ("CONTRACT", SET.policy_set_id)
    (entry,) = control.entries()
    assert list(entry.read.facts) == [f"policy_set:{SET.policy_set_id}", "policy:disclosure.basis.contract"]
    with pytest.raises(NotAvailableError):
        await control.policy_questions.get(ADMIN.calling(), GetPolicy("disclosure.basis.contrakt"))


async def test_another_set_is_told_as_soon_as_it_is_published(control: Control) -> None:
    before = await control.policy_questions.list(OFFICER.calling("L"), ListPolicies(PageAsked(1)))
    added = ("own.yaml", RIGHT.text.replace("uid: disclosure.basis.contract", "uid: a.first"))
    own = replace(SET, policy_set_id="set-own", documents=(*SET.documents, added))
    control.publish(SET, own)
    after = await control.policy_questions.list(OFFICER.calling("L"), ListPolicies(PageAsked(1)))
    assert (after.policy_set_id, after.listed.items[0].uid) == ("set-own", "a.first")
    assert (
        await control.policy_questions.get(OFFICER.calling(), GetPolicy("a.first"))
    ).file.name == "own.yaml"
    # A page of the set that was published before is not continued in this one.
    with pytest.raises(InvalidArgumentError) as caught:
        await control.policy_questions.list(
            OFFICER.calling("L"), ListPolicies(PageAsked(1, before.listed.next_page_token))
        )
    assert caught.value.reason == "BAD_PAGE_TOKEN"


async def test_the_catalogue_is_the_one_that_runs(control: Control) -> None:
    found = await control.policy_questions.list_attributes(OFFICER.calling(), ListAttributes())
    assert found == tuple(CATALOGUE)
    (entry,) = control.entries()
    assert list(entry.read.facts) == ["catalogue:shipped", f"policy_set:{SET.policy_set_id}"]


async def test_every_role_may_ask_for_any_organisation_or_for_none(control: Control) -> None:
    approver = control.manager("police-approver", StaffRole.APPROVER)
    for manager in (ADMIN, OFFICER, AUDITOR, approver, TRUST_OFFICER, FIRST):
        assert await control.policy_questions.list_attributes(manager.calling(), ListAttributes())
    assert control.entries()[-1].controller == INSTALLATION


async def test_nobody_without_a_role_has_anything_parsed(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = control.manager("police-nobody")
    for parsing in ("validate", "try_policy_cases"):
        monkeypatch.setattr(policy_questions, parsing, lambda *_: pytest.fail("it was parsed"))
    questions, call = control.policy_questions, nobody.calling()
    for ask in (
        questions.validate(call, ValidateFiles((RIGHT,))),
        questions.test(call, TestFiles((RIGHT,), (CASES,))),
        questions.list(call, ListPolicies()),
        questions.get(call, GetPolicy("disclosure.basis.contract")),
        questions.list_attributes(call, ListAttributes()),
    ):
        with pytest.raises(PermissionDeniedError):
            await ask
    assert control.entries() == []


async def test_one_is_parsed_at_a_time_and_waiting_is_bounded(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_questions, "TURN_SECONDS", 0.05)
    started, release = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(*_: object, **__: object) -> object:
        loop.call_soon_threadsafe(started.set)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result(20)
        return Validation((), 1)

    monkeypatch.setattr(policy_questions, "validate", slow)
    first = asyncio.create_task(control.policy_questions.validate(OFFICER.calling(), ValidateFiles((RIGHT,))))
    await started.wait()
    with pytest.raises(UnavailableError) as caught:
        await control.policy_questions.validate(ADMIN.calling(), ValidateFiles((RIGHT,)))
    assert caught.value.reason == "POLICIES_BUSY"
    with pytest.raises(UnavailableError):
        await control.policy_questions.test(ADMIN.calling(), TestFiles((RIGHT,), (CASES,)))
    # Others are answered meanwhile.
    assert await control.policy_questions.list_attributes(OFFICER.calling(), ListAttributes())
    release.set()
    assert (await first).checked == 1
