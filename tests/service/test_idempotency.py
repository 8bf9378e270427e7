"""A write that is asked again by its key is answered as it was, and written once (AIP-155)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from policy_service.facts import keys
from policy_service.model.errors import ConflictError, InvalidArgumentError
from policy_service.model.vocabulary import RequestKind, RequestState, UserKind
from policy_service.service.access_asked import PutUser
from policy_service.service.asking import Note
from policy_service.service.people_asked import PutPerson
from policy_service.service.requests import RecordRequest
from tests.service.control import ADMIN, FIRST, OFFICER, POLICE, TRUST_OFFICER, Control

VERA = PutPerson(("police-ref:P-1",))
KEYED = Note("asked by phone", "key-1", b"the body")
REQUEST = RecordRequest("police-ref:P-1", RequestKind.WITHHOLD_LOCATION, note=KEYED)


async def test_a_request_that_is_recorded_again_is_one_request(control: Control) -> None:
    person_id = (await control.people.put_person(OFFICER.calling(), VERA)).answer.person.person_id
    first = await control.requests.record(OFFICER.calling(), REQUEST)
    control.clock.now += timedelta(minutes=1)
    again = await control.requests.record(OFFICER.calling(), REQUEST)

    assert again.answer == first.answer
    view = await control.seen_elsewhere(keys.requests_about(person_id))
    assert view.requests_about(person_id) == (first.answer.request,)
    # One entry for each call: what was not written again is a reading.
    write, reading = control.entries()[-2:]
    assert (
        list(write.write.facts) == list(reading.read.facts) == [f"request:{first.answer.request.request_id}"]
    )
    assert reading.revision == write.revision


async def test_it_is_answered_as_it_was_then(control: Control) -> None:
    await control.people.put_person(OFFICER.calling(), VERA)
    first = await control.requests.record(OFFICER.calling(), REQUEST)
    control.put(replace(first.answer.request, state=RequestState.WITHDRAWN))
    again = await control.requests.record(OFFICER.calling(), REQUEST)
    assert again.answer == first.answer


async def test_it_is_answered_though_it_would_be_refused_by_now(control: Control) -> None:
    await control.access.put_user(ADMIN.calling(), PutUser("owner"))
    job = PutUser("nightly", kind=UserKind.JOB, owner="owner", note=KEYED)
    first = await control.access.put_user(ADMIN.calling(), job)
    await control.access.put_user(ADMIN.calling(), PutUser("chief"))
    await control.access.put_user(ADMIN.calling(), PutUser("owner", kind=UserKind.JOB, owner="chief"))
    again = await control.access.put_user(ADMIN.calling(), job)
    assert again.answer == first.answer
    revisions = control.store.head()
    with pytest.raises(InvalidArgumentError) as caught:
        await control.access.put_user(ADMIN.calling(), replace(job, note=replace(KEYED, idempotency_key="2")))
    assert caught.value.reason == "OWNER_IS_A_JOB"
    assert control.store.head() == revisions


async def test_another_body_under_the_same_key_is_a_conflict(control: Control) -> None:
    await control.people.put_person(OFFICER.calling(), VERA)
    await control.requests.record(OFFICER.calling(), REQUEST)
    other = replace(REQUEST, note=replace(KEYED, body=b"another body"))
    with pytest.raises(ConflictError) as caught:
        await control.requests.record(OFFICER.calling(), other)
    assert caught.value.reason == "IDEMPOTENCY_KEY_REUSED"


async def test_another_method_under_the_same_key_is_a_conflict(control: Control) -> None:
    await control.people.put_person(OFFICER.calling("PeopleService/PutPerson"), replace(VERA, note=KEYED))
    with pytest.raises(ConflictError):
        await control.requests.record(OFFICER.calling("PrivacyRequestService/Record"), REQUEST)


async def test_a_key_is_the_askers_own(control: Control) -> None:
    keyed = replace(VERA, note=KEYED)
    by_officer = await control.people.put_person(OFFICER.calling(), keyed)
    by_admin = await control.people.put_person(ADMIN.calling(), keyed)
    by_first = await control.people.put_person(FIRST.calling(acting_for=POLICE), keyed)
    other = replace(keyed, identifiers=("trust-ref:1",))
    at_trust = await control.people.put_person(TRUST_OFFICER.calling(), other)
    assert by_officer.answer == by_admin.answer == by_first.answer != at_trust.answer
    assert [entry.WhichOneof("event") for entry in control.entries()] == ["write"] * 4


async def test_a_key_outlives_the_token(control: Control) -> None:
    keyed = replace(VERA, note=KEYED)
    first = await control.people.put_person(OFFICER.calling(), keyed)
    renewed = control.manager("police-officer", *OFFICER.token.roles)
    again = await control.people.put_person(renewed.calling(), keyed)
    assert again.answer == first.answer
    assert control.entries()[-1].WhichOneof("event") == "read"


@pytest.mark.parametrize(
    ("note", "field"), [(Note("x" * 201), "reason"), (Note(idempotency_key="k" * 129), "idempotency_key")]
)
async def test_what_comes_with_a_write_is_bounded(control: Control, note: Note, field: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        await control.people.put_person(OFFICER.calling(), replace(VERA, note=note))
    assert (caught.value.field, caught.value.reason) == (field, "TOO_LONG")
