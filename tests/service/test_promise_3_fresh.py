"""Promise 3, Fresh: what a write has put on file, whoever reads the head next sees, control itself too."""

from __future__ import annotations

import asyncio

import pytest

from policy_service.facts import keys
from policy_service.facts.memory import FactsMemory
from policy_service.model.errors import UnauthenticatedError
from policy_service.model.vocabulary import RelationKind, RequestKind
from policy_service.service.access import RevokeToken
from policy_service.service.access_asked import IssueToken, PutSystem
from policy_service.service.pages import PageAsked
from policy_service.service.people_asked import PutPerson, PutRelationship
from policy_service.service.requests import ListRequests, RecordRequest
from tests.service.control import ADMIN, OFFICER, POLICE, Control, Manager, Stores, running

VERA = PutPerson(("police-ref:P-1",))
WITHHOLD = RecordRequest("police-ref:P-1", RequestKind.WITHHOLD_LOCATION)


async def test_a_request_that_was_recorded_is_seen_by_a_memory_that_was_warm(control: Control) -> None:
    person_id = (await control.people.put_person(OFFICER.calling(), VERA)).answer.person.person_id
    memory = FactsMemory(control.reader)
    for number in range(10):
        await memory.advance(control.reader.head())
        await memory.load([keys.requests_about(person_id)])
        assert len(memory.view.requests_about(person_id)) == number
        await control.requests.record(OFFICER.calling(), WITHHOLD)
    memory.close()


async def test_control_reads_what_another_process_wrote(control: Control) -> None:
    assert (await control.access.list_systems(ADMIN.calling(), PageAsked())).items == ()
    issued = control.manager("newcomer", *ADMIN.token.roles)
    await control.access.put_system(issued.calling(), PutSystem("x"))
    assert len((await control.access.list_systems(issued.calling(), PageAsked())).items) == 1


async def test_a_caller_revoked_while_his_write_waits_does_not_write(control: Control) -> None:
    revoke = control.access.revoke_token(ADMIN.calling(), RevokeToken(OFFICER.token.token_id))
    put = control.people.put_person(OFFICER.calling(), VERA)
    revoked, refused = await asyncio.gather(revoke, put, return_exceptions=True)
    assert not isinstance(revoked, BaseException)
    assert isinstance(refused, UnauthenticatedError)


async def test_two_controls_that_write_at_once_each_write_what_still_holds(stores: Stores) -> None:
    """On PostgreSQL several may run: a write that was made from facts that moved is made again."""
    if stores.facts_url.startswith("sqlite"):
        pytest.skip("one process writes a SQLite file")
    async with running(stores) as one, running(stores, slot="control-2") as other:
        both = (one, other)
        # Each puts the same on file, so that each has to find what the other has just put there.
        people = await asyncio.gather(
            *(each.people.put_person(OFFICER.calling(), person(i)) for i in range(8) for each in both)
        )
        ids = [done.answer.person.person_id for done in people]
        assert ids[0::2] == ids[1::2]
        assert len(set(ids)) == 8
        # Of a relationship no index says that it is there once.
        related = await asyncio.gather(
            *(each.people.put_relationship(OFFICER.calling(), tie(i)) for i in range(1, 8) for each in both)
        )
        ties = [done.answer.relationship_id for done in related]
        assert ties[0::2] == ties[1::2]
        writes = [entry.revision for entry in one.entries() if entry.HasField("write")]
        assert len(set(writes)) == len(writes) == 16 + 14


def person(number: int) -> PutPerson:
    return PutPerson((f"x:{number}",))


def tie(number: int) -> PutRelationship:
    return PutRelationship("x:0", f"x:{number}", RelationKind.SIBLING)


async def test_a_token_that_was_issued_opens_the_next_call(control: Control) -> None:
    asked = IssueToken(principal="m.new", roles=OFFICER.token.roles)
    issued = (await control.access.issue_token(ADMIN.calling(), asked)).answer
    newcomer = Manager(issued.token, issued.secret)
    await control.requests.list(newcomer.calling(), ListRequests())
    assert control.entries()[-1].caller.principal == "m.new"
    assert control.entries()[-1].controller == POLICE
