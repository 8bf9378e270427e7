"""AccessService: grants, users, tokens. Nobody reaches beyond his organisation; a secret is shown once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from policy_service.facts import keys
from policy_service.model.caller import Caller
from policy_service.model.errors import (
    InvalidArgumentError,
    NotAvailableError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from policy_service.model.facts import INSTALLATION, RolePurpose, Token, User
from policy_service.model.vocabulary import Purpose, StaffRole, UserKind, Verb
from policy_service.service.access import GetUser, RevokeToken, TokenIssued
from policy_service.service.access_asked import IssueToken, PutSystem, PutUser
from policy_service.service.asking import Done
from policy_service.service.caller import authenticate
from policy_service.service.pages import PageAsked
from policy_service.service.people_asked import PutPerson
from tests.service.control import (
    ADMIN,
    APPROVER,
    AUDITOR,
    EVERYBODY,
    FIRST,
    NOON,
    OFFICER,
    POLICE,
    TRUST,
    TRUST_ADMIN,
    Call,
    Control,
    refusals,
)

RECORDS = PutSystem(
    "police-records",
    record_types=("*",),
    verbs=(Verb.SEE, Verb.SEND),
    purposes=(Purpose.CASEWORK, Purpose.CRIME),
    may_describe=True,
    assert_roles=("caseworker",),
    assert_teams=("offender-managers",),
    role_purposes=(RolePurpose(Purpose.CRIME, ("detective", "sergeant")),),
    declare_contents=True,
    may_explain=True,
)


async def test_a_system_keeps_its_id_and_nothing_of_its_old_grant(control: Control) -> None:
    first = (await control.access.put_system(ADMIN.calling(), RECORDS)).answer
    assert (first.controller, first.purposes) == (POLICE, (Purpose.CASEWORK, Purpose.CRIME))
    assert first.role_purposes == RECORDS.role_purposes
    assert (first.declare_contents, first.may_explain) == (True, True)
    second = (await control.access.put_system(ADMIN.calling(), PutSystem("police-records"))).answer
    assert second == replace(
        first,
        record_types=(),
        verbs=(),
        purposes=(),
        may_describe=False,
        assert_roles=(),
        assert_teams=(),
        role_purposes=(),
        declare_contents=False,
        may_explain=False,
    )
    view = await control.seen_elsewhere(keys.system(POLICE, "police-records"))
    assert view.system(POLICE, "police-records") == second


def limited(purpose: Purpose, *roles: str) -> PutSystem:
    return replace(RECORDS, role_purposes=(RolePurpose(purpose, roles),))


async def test_what_no_system_can_be(control: Control) -> None:
    refused = {
        replace(RECORDS, name=""): ("system.name", "REQUIRED"),
        replace(RECORDS, name="police records"): ("system.name", "BAD_NAME"),
        replace(RECORDS, record_types=("base.case", "*")): ("system.grant.record_types", "ALL_AND_MORE"),
        replace(RECORDS, record_types=("base.case", "police.none")): (
            "system.grant.record_types[1]",
            "UNKNOWN_RECORD_TYPE",
        ),
        replace(RECORDS, verbs=(Verb.SEE, Verb.SEE)): ("system.grant.verbs[1]", "REPEATED"),
        limited(Purpose.CARE, "nurse"): ("system.grant.role_purposes[0].purpose", "NOT_GRANTED"),
        limited(Purpose.CRIME): ("system.grant.role_purposes[0].roles", "REQUIRED"),
        limited(Purpose.CRIME, "a", "a"): ("system.grant.role_purposes[0].roles[1]", "REPEATED"),
        limited(Purpose.CRIME, " a"): ("system.grant.role_purposes[0].roles[0]", "BAD_REFERENCE"),
        replace(RECORDS, role_purposes=RECORDS.role_purposes * 2): (
            "system.grant.role_purposes[1].purpose",
            "REPEATED",
        ),
        replace(RECORDS, assert_roles=("x ",)): ("system.grant.assert_roles[0]", "BAD_REFERENCE"),
        replace(RECORDS, assert_teams=("x", "x")): ("system.grant.assert_teams[1]", "REPEATED"),
    }
    asks = (control.access.put_system(ADMIN.calling(), asked) for asked in refused)
    assert await refusals(asks) == list(refused.values())


async def test_a_user_keeps_its_id_and_is_linked_to_a_person_on_file(control: Control) -> None:
    put = await control.people.put_person(OFFICER.calling(), PutPerson(("police-ref:P-2",)))
    asked = PutUser("o.adam", person="police-ref:P-2", roles=("caseworker",), teams=("offender-managers",))
    first = (await control.access.put_user(ADMIN.calling(), asked)).answer
    second = (await control.access.put_user(ADMIN.calling(), replace(asked, suspended=True))).answer
    assert second == replace(first, suspended=True)
    assert first.person_id == put.answer.person.person_id


async def test_what_no_user_can_be(control: Control) -> None:
    await control.access.put_user(ADMIN.calling(), PutUser("c.secretary"))
    job = PutUser("nightly", kind=UserKind.JOB, owner="c.secretary", record_types=("base.letter",))
    await control.access.put_user(ADMIN.calling(), job)
    refused = {
        PutUser(""): ("user.reference", "REQUIRED"),
        PutUser("x", kind=UserKind.SELF): ("user.kind", "UNKNOWN_WORD"),
        PutUser("x", person="police-ref:P-9"): ("user.person", "UNKNOWN_PERSON"),
        PutUser("x", owner="c.secretary"): ("user.owner", "ONLY_FOR_JOBS"),
        PutUser("x", record_types=("base.case",)): ("user.record_types", "ONLY_FOR_JOBS"),
        PutUser("x", roles=("a", "a")): ("user.roles[1]", "REPEATED"),
        replace(job, owner=""): ("user.owner", "REQUIRED"),
        replace(job, owner="nobody"): ("user.owner", "UNKNOWN_USER"),
        replace(job, owner="nightly"): ("user.owner", "OWNS_ITSELF"),
        replace(job, reference="monthly", owner="nightly"): ("user.owner", "OWNER_IS_A_JOB"),
        replace(job, record_types=("none",)): ("user.record_types[0]", "UNKNOWN_RECORD_TYPE"),
        replace(job, person="police-ref:P-1"): ("user.person", "ONLY_FOR_STAFF"),
    }
    asks = (control.access.put_user(ADMIN.calling(), asked) for asked in refused)
    assert await refusals(asks) == list(refused.values())


async def caller_by(control: Control, issued: Done[TokenIssued]) -> Caller:
    """Who the service elsewhere takes the bearer of this secret for."""
    token = issued.answer.token
    view = await control.seen_elsewhere(
        keys.token(token.token_id), keys.system(token.controller, token.system)
    )
    return authenticate(view, issued.answer.secret, control.clock.now)


async def test_a_systems_token_is_good_at_once(control: Control) -> None:
    await control.access.put_system(ADMIN.calling(), RECORDS)
    issued = await control.access.issue_token(ADMIN.calling(), IssueToken(system="police-records"))
    token = issued.answer.token
    assert await caller_by(control, issued) == Caller(token.token_id, POLICE, system="police-records")
    assert token.expires_at - token.created_at == timedelta(days=90)
    suspended = replace(RECORDS, suspended=True)
    await control.access.put_system(ADMIN.calling(), suspended)
    with pytest.raises(UnauthenticatedError) as caught:
        await caller_by(control, issued)
    assert caught.value.reason == "SYSTEM_SUSPENDED"


async def test_a_persons_token_has_the_roles_that_it_was_issued_with(control: Control) -> None:
    asked = IssueToken(principal="m.new", roles=(StaffRole.AUDITOR, StaffRole.APPROVER), valid_days=1)
    issued = await control.access.issue_token(ADMIN.calling(), asked)
    caller = await caller_by(control, issued)
    assert (caller.principal, caller.controller) == ("m.new", POLICE)
    assert caller.roles == {StaffRole.AUDITOR, StaffRole.APPROVER}
    control.clock.now = NOON + timedelta(days=1)
    with pytest.raises(UnauthenticatedError) as caught:
        await caller_by(control, issued)
    assert caught.value.reason == "TOKEN_EXPIRED"


async def test_what_no_token_can_be(control: Control) -> None:
    await control.access.put_system(ADMIN.calling(), RECORDS)
    person = IssueToken(principal="m.new", roles=(StaffRole.AUDITOR,))
    refused = {
        IssueToken(): ("principal", "EXACTLY_ONE"),
        replace(person, system="police-records"): ("principal", "EXACTLY_ONE"),
        replace(person, roles=()): ("roles", "REQUIRED"),
        replace(person, roles=(StaffRole.AUDITOR,) * 2): ("roles[1]", "REPEATED"),
        replace(person, principal=" m"): ("principal", "BAD_REFERENCE"),
        replace(person, valid_days=367): ("valid_days", "OUT_OF_RANGE"),
        replace(person, valid_days=-1): ("valid_days", "OUT_OF_RANGE"),
        IssueToken(system="police-records", roles=(StaffRole.AUDITOR,)): ("roles", "ONLY_FOR_PEOPLE"),
        IssueToken(system="other"): ("system", "UNKNOWN_SYSTEM"),
    }
    asks = (control.access.issue_token(ADMIN.calling(), asked) for asked in refused)
    assert await refusals(asks) == list(refused.values())


async def test_a_revoked_token_opens_nothing_from_the_next_call_on(control: Control) -> None:
    token = OFFICER.token
    await control.people.put_person(OFFICER.calling(), PutPerson(("police-ref:P-1",)))
    revoked = (await control.access.revoke_token(ADMIN.calling(), RevokeToken(token.token_id))).answer
    assert revoked == replace(token, revoked_at=NOON)
    with pytest.raises(UnauthenticatedError) as caught:
        await control.people.put_person(OFFICER.calling(), PutPerson(("police-ref:P-1",)))
    assert caught.value.reason == "TOKEN_REVOKED"

    control.clock.now += timedelta(hours=1)
    again = (await control.access.revoke_token(ADMIN.calling(), RevokeToken(token.token_id))).answer
    assert again.revoked_at == NOON


async def test_another_organisations_token_cannot_be_revoked_nor_told_from_none(control: Control) -> None:
    told = set()
    for token_id in (ADMIN.token.token_id, FIRST.token.token_id, "0" * 16):
        with pytest.raises(NotAvailableError) as caught:
            await control.access.revoke_token(TRUST_ADMIN.calling(), RevokeToken(token_id))
        told.add((caught.value.reason, caught.value.message))
    assert len(told) == 1
    await control.people.put_person(FIRST.calling(acting_for=POLICE), PutPerson(("police-ref:P-1",)))


async def test_an_administrator_never_reaches_beyond_his_organisation(control: Control) -> None:
    auditor = IssueToken(principal="m.new", roles=(StaffRole.AUDITOR,))
    asks = (
        control.access.put_system(ADMIN.calling(), replace(RECORDS, controller=TRUST)),
        control.access.put_user(ADMIN.calling(), PutUser("x", controller=TRUST)),
        control.access.issue_token(ADMIN.calling(), replace(auditor, controller=TRUST)),
        # However he came to act for the installation: its tokens are not his to issue.
        control.access.issue_token(ADMIN.calling(acting_for=INSTALLATION), auditor),
        control.access.issue_token(installation_claimed_by_the_edge(), auditor),
    )
    for ask in asks:
        with pytest.raises(PermissionDeniedError) as caught:
            await ask
        assert caught.value.reason == "CONTROLLER_NOT_YOURS"
    issued = await control.access.issue_token(ADMIN.calling(), replace(auditor, controller=POLICE))
    assert issued.answer.token.controller == POLICE


def installation_claimed_by_the_edge() -> Call:
    """A police administrator's credentials, whom the door mistakes for the installation's."""
    call = ADMIN.calling()
    return replace(call, caller=replace(call.caller, controller=INSTALLATION), controller=INSTALLATION)


async def test_the_installations_administrator_names_the_organisation(control: Control) -> None:
    for ask in (
        control.access.put_system(FIRST.calling(), RECORDS),
        control.access.put_user(FIRST.calling(), PutUser("x")),
        control.access.issue_token(FIRST.calling(), IssueToken(system="police-records")),
    ):
        with pytest.raises(InvalidArgumentError) as caught:
            await ask
        assert caught.value.reason == "CONTROLLER_REQUIRED"
    named = replace(RECORDS, controller=POLICE)
    assert (await control.access.put_system(FIRST.calling(), named)).answer.controller == POLICE
    assert (
        await control.access.put_system(FIRST.calling(acting_for=POLICE), RECORDS)
    ).answer.controller == POLICE
    with pytest.raises(InvalidArgumentError) as conflict:
        await control.access.put_system(FIRST.calling(acting_for=TRUST), named)
    assert conflict.value.reason == "CONTROLLER_CONFLICT"
    with pytest.raises(InvalidArgumentError) as bad:
        await control.access.put_system(FIRST.calling(), replace(RECORDS, controller="Police Force"))
    assert bad.value.reason == "BAD_NAME"

    another = IssueToken(principal="second", roles=(StaffRole.ADMINISTRATOR,))
    assert (
        await control.access.issue_token(FIRST.calling(), another)
    ).answer.token.controller == INSTALLATION


async def test_lists_stop_at_the_organisation_and_come_in_pages(control: Control) -> None:
    for name in ("a", "b", "c"):
        await control.access.put_system(ADMIN.calling(), PutSystem(name))
    await control.access.put_system(TRUST_ADMIN.calling(), PutSystem("d"))

    found, token = [], ""
    while True:
        listed = await control.access.list_systems(ADMIN.calling(), PageAsked(2, token))
        found += [system.name for system in listed.items]
        if not (token := listed.next_page_token):
            break
    assert sorted(found) == ["a", "b", "c"]
    everywhere = await control.access.list_systems(FIRST.calling(), PageAsked())
    assert {system.name for system in everywhere.items} == {"a", "b", "c", "d"}
    at_trust = await control.access.list_systems(FIRST.calling(acting_for=TRUST), PageAsked())
    assert [system.name for system in at_trust.items] == ["d"]

    def tokens(*controllers: str) -> set[Token]:
        return {manager.token for manager in EVERYBODY if manager.token.controller in controllers}

    assert set((await control.access.list_tokens(ADMIN.calling(), PageAsked())).items) == tokens(POLICE)
    everyones = await control.access.list_tokens(FIRST.calling(), PageAsked())
    assert set(everyones.items) == tokens(POLICE, TRUST, INSTALLATION)


async def test_users_are_read_within_the_organisation(control: Control) -> None:
    put = [
        (await control.access.put_user(ADMIN.calling(), PutUser(reference, roles=("r",)))).answer
        for reference in ("a", "b", "c")
    ]
    theirs = (await control.access.put_user(TRUST_ADMIN.calling(), PutUser("d"))).answer
    for reader in (ADMIN, OFFICER, AUDITOR):
        assert await control.access.get_user(reader.calling(), GetUser("b")) == put[1]
        found: list[User] = []
        token = ""
        while True:
            listed = await control.access.list_users(reader.calling(), PageAsked(2, token))
            found += listed.items
            if not (token := listed.next_page_token):
                break
        assert found == sorted(put, key=lambda user: user.user_id)
    with pytest.raises(NotAvailableError):
        await control.access.get_user(ADMIN.calling(), GetUser("d"))
    everybody = await control.access.list_users(FIRST.calling(), PageAsked())
    assert set(everybody.items) == {*put, theirs}
    assert await control.access.get_user(FIRST.calling(acting_for=TRUST), GetUser("d")) == theirs
    with pytest.raises(InvalidArgumentError) as unnamed:
        await control.access.get_user(FIRST.calling(), GetUser("d"))
    assert unnamed.value.reason == "CONTROLLER_REQUIRED"
    for ask in (
        control.access.get_user(APPROVER.calling(), GetUser("b")),
        control.access.list_users(APPROVER.calling(), PageAsked()),
    ):
        with pytest.raises(PermissionDeniedError) as caught:
            await ask
        assert caught.value.reason == "ROLE_REQUIRED"


async def test_only_administrators_manage_access(control: Control) -> None:
    for caller in (OFFICER, AUDITOR):
        for ask in (
            control.access.put_system(caller.calling(), RECORDS),
            control.access.put_user(caller.calling(), PutUser("x")),
            control.access.issue_token(caller.calling(), IssueToken(system="police-records")),
            control.access.revoke_token(caller.calling(), RevokeToken(ADMIN.token.token_id)),
            control.access.list_systems(caller.calling(), PageAsked()),
            control.access.list_tokens(caller.calling(), PageAsked()),
        ):
            with pytest.raises(PermissionDeniedError) as caught:
                await ask
            assert caught.value.reason == "ROLE_REQUIRED"


def test_a_secret_is_in_no_repr(control: Control) -> None:
    token = ADMIN.token
    assert ADMIN.secret not in repr(TokenIssued(token, ADMIN.secret))
