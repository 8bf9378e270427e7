"""DeclareContents: officers, and systems that are granted to, for what they may ask about."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from policy_service.facts import keys
from policy_service.facts.tokens import make_token
from policy_service.model.errors import (
    ConflictError,
    InvalidArgumentError,
    NotAvailableError,
    PermissionDeniedError,
)
from policy_service.model.facts import ContentDeclaration, PartType, Token
from policy_service.model.vocabulary import Verb
from policy_service.service.access_asked import PutSystem, PutUser
from policy_service.service.asking import Note
from policy_service.service.declarations import DeclareContents
from policy_service.service.people_asked import PutPerson
from policy_service.service.record_put import PutRecord
from policy_service.service.records import PutRecordType
from tests.service.control import (
    ADMIN,
    APPROVER,
    FIRST,
    NOON,
    OFFICER,
    POLICE,
    TRUST_OFFICER,
    Control,
    Manager,
    refusals,
)

DIGEST = bytes(range(32))
REPORT = PartType("report", ("health.report",), ("subject", "party:vera"), separable=True)
DECLARED = DeclareContents(DIGEST, "OM-1", "bundle", (REPORT,))
BY_SYSTEM = replace(DECLARED, user="clerk")
BUNDLES = PutSystem("bundles", record_types=("police.case",), verbs=(Verb.SEND,), declare_contents=True)


async def system(control: Control, asked: PutSystem = BUNDLES) -> Manager:
    """A system's token, and what it may ask about: a record, and a user on whose behalf."""
    await control.records.put_record_type(OFFICER.calling(), PutRecordType("police.case", "base.case"))
    await control.records.put_record_type(OFFICER.calling(), PutRecordType("police.other", "base.case"))
    for reference, record_type in (("OM-1", "police.case"), ("OM-2", "police.other")):
        await control.records.put_record(OFFICER.calling(), PutRecord(reference, record_type))
    for user in (PutUser("clerk"), PutUser("gone", suspended=True)):
        await control.access.put_user(ADMIN.calling(), user)
    await control.access.put_system(ADMIN.calling(), asked)
    made = make_token()
    token = Token(made.token_id, POLICE, made.secret_hash, NOON, NOON + timedelta(days=9), system=asked.name)
    control.put(token)
    return Manager(token, made.text)


async def declare(
    control: Control, asked: DeclareContents = DECLARED, by: Manager = OFFICER
) -> ContentDeclaration:
    return (await control.records.declare_contents(by.calling(), asked)).answer


async def test_an_officers_declaration_is_on_file_for_the_digest(control: Control) -> None:
    declared = await declare(control)
    assert declared == ContentDeclaration(
        declared.declaration_id, POLICE, DIGEST.hex(), "OM-1", "bundle", "police-officer", "", NOON, (REPORT,)
    )
    view = await control.seen_elsewhere(keys.declarations(POLICE, DIGEST.hex()))
    assert view.declarations(POLICE, DIGEST.hex()) == (declared,)
    assert list(control.entries()[-1].write.facts) == [f"declaration:{declared.declaration_id}"]


async def test_a_second_one_for_the_same_place_takes_its_place(control: Control) -> None:
    first = await declare(control)
    again = await declare(control, replace(DECLARED, parts=(replace(REPORT, separable=False),)))
    assert again.declaration_id == first.declaration_id
    other_field = await declare(control, replace(DECLARED, field="annex"))
    of_trust = await declare(control, by=TRUST_OFFICER)
    assert len({first.declaration_id, other_field.declaration_id, of_trust.declaration_id}) == 3
    view = await control.seen_elsewhere(keys.declarations(POLICE, DIGEST.hex()))
    assert set(view.declarations(POLICE, DIGEST.hex())) == {again, other_field}


async def test_a_granted_system_declares_on_behalf_of_a_user(control: Control) -> None:
    bundles = await system(control)
    declared = await declare(control, BY_SYSTEM, bundles)
    assert (declared.declared_by, declared.user) == ("bundles", "clerk")
    (entry,) = control.entries()[-1:]
    assert (entry.caller.system, entry.controller) == ("bundles", POLICE)
    note = Note("", "key-1", b"body")
    first = await declare(control, replace(BY_SYSTEM, field="annex", note=note), bundles)
    assert await declare(control, replace(BY_SYSTEM, field="annex", note=note), bundles) == first


async def test_a_system_without_the_grant_is_refused_and_so_is_every_other_role(control: Control) -> None:
    bundles = await system(control, replace(BUNDLES, declare_contents=False))
    for caller in (bundles, ADMIN, APPROVER):
        with pytest.raises(PermissionDeniedError) as caught:
            await declare(control, BY_SYSTEM, caller)
        assert caught.value.reason == "ROLE_REQUIRED"
    assert "declare_contents" in caught.value.message


async def test_the_grant_opens_no_other_method(control: Control) -> None:
    bundles = await system(control)
    with pytest.raises(PermissionDeniedError) as caught:
        await control.people.put_person(bundles.calling(), PutPerson(("police-ref:P-1",)))
    assert caught.value.reason == "ROLE_REQUIRED"


async def test_what_a_system_may_not_ask_about_it_cannot_declare(control: Control) -> None:
    bundles = await system(control)
    for asked in (
        replace(BY_SYSTEM, record="OM-2"),
        replace(BY_SYSTEM, record="OM-9"),
        replace(BY_SYSTEM, user="nobody"),
        replace(BY_SYSTEM, user="gone"),
    ):
        with pytest.raises(NotAvailableError):
            await declare(control, asked, bundles)


async def test_a_system_that_may_describe_need_have_nothing_on_file(control: Control) -> None:
    bundles = await system(control, replace(BUNDLES, may_describe=True, record_types=("base.case",)))
    await declare(control, replace(BY_SYSTEM, record="LETTER-9", user="temp"), bundles)
    await declare(control, replace(BY_SYSTEM, record="OM-2"), bundles)  # by the name of its base
    with pytest.raises(NotAvailableError):
        await declare(control, replace(BY_SYSTEM, user="gone"), bundles)


async def test_what_an_officer_said_no_system_says_differently(control: Control) -> None:
    bundles = await system(control)
    await declare(control)
    with pytest.raises(ConflictError) as caught:
        await declare(control, BY_SYSTEM, bundles)
    assert caught.value.reason == "DECLARED_BY_AN_OFFICER"
    await declare(control, replace(BY_SYSTEM, field="annex"), bundles)
    await declare(control, replace(DECLARED, field="annex"))  # but an officer may


async def test_what_no_declaration_can_be(control: Control) -> None:
    bundles = await system(control)
    place = "declaration.parts[0]"
    refused = {
        replace(DECLARED, digest=b""): ("declaration.digest", "BAD_DIGEST"),
        replace(DECLARED, digest=DIGEST + b"x"): ("declaration.digest", "BAD_DIGEST"),
        replace(DECLARED, record=" OM-1"): ("declaration.record", "BAD_REFERENCE"),
        replace(DECLARED, field="the bundle"): ("declaration.field", "BAD_NAME"),
        replace(DECLARED, parts=()): ("declaration.parts", "REQUIRED"),
        replace(DECLARED, parts=(REPORT, REPORT)): ("declaration.parts[1].name", "REPEATED"),
        replace(DECLARED, parts=(replace(REPORT, categories=("nonsense",)),)): (
            f"{place}.categories[0]",
            "UNKNOWN_CATEGORY",
        ),
        replace(DECLARED, parts=(replace(REPORT, about=("party:a b",)),)): (
            f"{place}.about[0]",
            "UNKNOWN_ROLE",
        ),
        replace(DECLARED, parts=(replace(REPORT, about=("vera",)),)): (f"{place}.about[0]", "UNKNOWN_ROLE"),
        BY_SYSTEM: ("declaration.user", "ONLY_FOR_SYSTEMS"),
    }
    asks = (control.records.declare_contents(OFFICER.calling(), asked) for asked in refused)
    assert await refusals(asks) == list(refused.values())
    by_system = [control.records.declare_contents(bundles.calling(), DECLARED)]
    assert await refusals(by_system) == [("declaration.user", "REQUIRED")]


async def test_an_installations_token_names_the_organisation(control: Control) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        await declare(control, by=FIRST)
    assert caught.value.reason == "CONTROLLER_REQUIRED"
