"""RetentionService: what is over is erased when its time has come, what holds and what is held is not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import AsyncMock

import pytest

from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.facts import erasing, keys
from policy_service.facts.reader import FactsReader
from policy_service.facts.store import Change
from policy_service.model.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    PermissionDeniedError,
    UnavailableError,
)
from policy_service.model.facts import (
    ContactPoint,
    Controller,
    CourtOrder,
    Fact,
    Fingerprint,
    LegalHold,
    PersonId,
    Record,
    RecordId,
    RecordParty,
    User,
)
from policy_service.model.ids import random_id
from policy_service.model.vocabulary import ContactKind, OnLapse, RelationKind, RequestKind, Role
from policy_service.service.asking import Note
from policy_service.service.casework import GrantOverride
from policy_service.service.erasure import ErasePerson
from policy_service.service.outbox import Outbox
from policy_service.service.people_asked import PutContactPoint, PutPerson, PutRelationship
from policy_service.service.requests import RecordRequest
from policy_service.service.retention import LiftHold, ListHolds, PlaceHold, RunRetention
from policy_service.service.retention_clock import keep_to_the_schedule
from policy_service.service.retention_rules import PutRule
from tests.service.control import (
    ADMIN,
    APPROVER,
    AUDITOR,
    BESIDE,
    FIRST,
    NOON,
    OFFICER,
    TRUST_OFFICER,
    Control,
    Manager,
    refusals,
    values_at_rest,
)
from tests.service.test_casework import BREAK_GLASS, grant

VERA, ADAM = "police-ref:P-1", "police-ref:P-2"
DAYS = 40
RULE = PutRule("contact_point", 30)


async def person(control: Control, identifier: str = VERA, by: Manager = OFFICER) -> PersonId:
    put = await control.people.put_person(by.calling(), PutPerson((identifier,)))
    return put.answer.person.person_id


async def point(control: Control, value: str, owner: str = VERA, reference: str = "PHONE") -> ContactPoint:
    asked = PutContactPoint(owner=owner, kind=ContactKind.PHONE, value=value, reference=reference)
    return (await control.people.put_contact_point(OFFICER.calling(), asked)).answer


async def two_versions(control: Control) -> tuple[ContactPoint, ContactPoint]:
    """Vera's number, and the one that replaced it."""
    await person(control)
    return await point(control, "07700 900101"), await point(control, "07700 900102")


async def test_what_was_replaced_is_erased_when_its_time_has_come_and_no_sooner(control: Control) -> None:
    old, new = await two_versions(control)
    replaced_at = control.reader.head()
    await control.retention.put_rule(OFFICER.calling(), RULE)
    control.clock.now = NOON + timedelta(days=29)
    early = await control.retention.run(OFFICER.calling(), RunRetention())
    assert not early.versions
    assert old.fingerprint.encode() in set(values_at_rest(control.stores))

    control.clock.now = NOON + timedelta(days=DAYS)
    told = await control.retention.run(OFFICER.calling(), RunRetention(validate_only=True))
    assert (told.versions, told.more) == ({"contact_point": 1}, False)
    assert old.fingerprint.encode() in set(values_at_rest(control.stores))
    done = await control.retention.run(OFFICER.calling(), RunRetention(note=Note("our schedule")))
    assert done.versions == {"contact_point": 1}
    stored = [value for value in values_at_rest(control.stores) if value == old.fingerprint.encode()]
    assert not stored
    view = await control.seen_elsewhere(keys.contact_points_of(new.person_id))
    assert view.contact_points_of(new.person_id) == (new,)
    entry = control.entries()[-1]
    assert list(entry.write.facts) == [f"contact_point:{old.contact_point_id}"]
    gone = erasing.erased(
        control.reader, ContactPoint, [old.contact_point_id], type(replaced_at)(replaced_at - 1)
    )
    assert [(each.fact_id, each.erased_by) for each in gone] == [
        (old.contact_point_id, control.reader.head())
    ]
    assert not erasing.erased(control.reader, ContactPoint, [old.contact_point_id], replaced_at)
    again = await control.retention.run(OFFICER.calling(), RunRetention())
    assert not again.versions


async def test_a_kind_without_a_rule_and_another_organisations_facts_stay(control: Control) -> None:
    old, _ = await two_versions(control)
    await control.retention.put_rule(OFFICER.calling(), PutRule("relationship", 30))
    await control.retention.put_rule(TRUST_OFFICER.calling(), RULE)
    control.clock.now = NOON + timedelta(days=DAYS)
    for manager in (OFFICER, TRUST_OFFICER):
        assert not (await control.retention.run(manager.calling(), RunRetention())).versions
    assert old.fingerprint.encode() in set(values_at_rest(control.stores))


async def test_what_has_ended_by_itself_is_removed_and_erased(control: Control) -> None:
    override = await grant(control)
    await control.retention.put_rule(OFFICER.calling(), PutRule("override", 30))
    control.clock.now = NOON + timedelta(days=DAYS)
    running = (await control.casework.grant_override(APPROVER.calling(), BREAK_GLASS)).answer
    done = await control.retention.run(OFFICER.calling(), RunRetention())
    assert done.versions == {"override": 1}
    view = await control.seen_elsewhere(
        keys.override(override.override_id), keys.override(running.override_id)
    )
    assert view.override(override.override_id) is None
    assert view.override(running.override_id) == running


async def test_a_request_that_protects_is_never_over(control: Control) -> None:
    await person(control)
    await control.requests.record(OFFICER.calling(), RecordRequest(VERA, RequestKind.WITHHOLD_LOCATION))
    await control.retention.put_rule(OFFICER.calling(), PutRule("request", 30))
    control.clock.now = NOON + timedelta(days=DAYS)
    assert not (await control.retention.run(OFFICER.calling(), RunRetention())).versions


async def test_a_request_that_lapsed_is_over_from_that_moment_on(control: Control) -> None:
    await person(control)
    until = (NOON + timedelta(days=50)).isoformat()
    lapses, held = [
        (
            await control.requests.record(
                OFFICER.calling(),
                RecordRequest(VERA, RequestKind.WITHHOLD_LOCATION, valid_until=until, on_lapse=on_lapse),
            )
        ).answer.request
        for on_lapse in (OnLapse.LAPSE, OnLapse.HOLD)
    ]
    await control.retention.put_rule(OFFICER.calling(), PutRule("request", 30))
    control.clock.now = NOON + timedelta(days=79)
    assert not (await control.retention.run(OFFICER.calling(), RunRetention())).versions
    with pytest.raises(FailedPreconditionError):
        await control.erasure.erase_person(OFFICER.calling(), ErasePerson(VERA))
    control.clock.now = NOON + timedelta(days=81)
    assert (await control.retention.run(OFFICER.calling(), RunRetention())).versions == {"request": 1}
    view = await control.seen_elsewhere(keys.requests_about(lapses.person_id))
    assert view.requests_about(lapses.person_id) == (held,)


async def test_who_has_requests_that_lapsed_alone_may_be_erased(control: Control) -> None:
    await person(control)
    await person(control, ADAM)
    until = (NOON + timedelta(days=50)).isoformat()
    for who, named in ((VERA, ()), (ADAM, (VERA,))):
        kind = RequestKind.EXCLUDED_PERSON if named else RequestKind.WITHHOLD_LOCATION
        asked = RecordRequest(who, kind, recipients=named, valid_until=until, on_lapse=OnLapse.LAPSE)
        await control.requests.record(OFFICER.calling(), asked)
    with pytest.raises(FailedPreconditionError):
        await control.erasure.erase_person(OFFICER.calling(), ErasePerson(VERA))
    control.clock.now = NOON + timedelta(days=51)
    done = await control.erasure.erase_person(OFFICER.calling(), ErasePerson(VERA))
    assert dict(done.answer.facts) == {"request": 1}


async def test_a_hold_keeps_what_is_due_until_it_is_lifted(control: Control) -> None:
    old, _ = await two_versions(control)
    await control.retention.put_rule(OFFICER.calling(), RULE)
    hold = (await control.retention.place_hold(OFFICER.calling(), PlaceHold(VERA, "INQ/7"))).answer
    assert hold == LegalHold(
        hold.hold_id, Controller("police"), old.person_id, "INQ/7", "police-officer", NOON
    )
    control.clock.now = NOON + timedelta(days=DAYS)
    assert not (await control.retention.run(OFFICER.calling(), RunRetention())).versions
    listed = await control.retention.list_holds(AUDITOR.calling(), ListHolds(VERA))
    assert (
        listed.items == (hold,) == (await control.retention.list_holds(AUDITOR.calling(), ListHolds())).items
    )
    with pytest.raises(FailedPreconditionError, match="hold") as refused:
        await control.erasure.erase_person(OFFICER.calling(), ErasePerson(VERA))
    assert refused.value.reason == "LEGAL_HOLD"
    await control.retention.lift_hold(OFFICER.calling(), LiftHold(hold.hold_id))
    assert (await control.retention.run(OFFICER.calling(), RunRetention())).versions == {"contact_point": 1}


async def test_another_organisations_hold_keeps_it_too(control: Control) -> None:
    old, _ = await two_versions(control)
    control.put(LegalHold("hold-t", Controller("trust"), old.person_id, "CLAIM/1", "officer", NOON))
    await control.retention.put_rule(OFFICER.calling(), RULE)
    control.clock.now = NOON + timedelta(days=DAYS)
    assert not (await control.retention.run(OFFICER.calling(), RunRetention())).versions


async def test_more_than_a_run_may_erase_is_erased_in_several(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policy_service.service.due.VERSIONS_A_RUN", 2)
    await person(control)
    for number in range(6):
        await point(control, f"07700 90010{number}")
    await control.retention.put_rule(OFFICER.calling(), RULE)
    control.clock.now = NOON + timedelta(days=DAYS)
    runs = [await control.retention.run(OFFICER.calling(), RunRetention()) for _ in range(4)]
    assert [(run.versions.get("contact_point", 0), run.more) for run in runs] == [
        (2, True),
        (2, True),
        (1, False),
        (0, False),
    ]


async def test_the_service_keeps_to_the_schedule_by_itself(control: Control) -> None:
    old, _ = await two_versions(control)
    await control.retention.put_rule(OFFICER.calling(), RULE)
    control.clock.now = NOON + timedelta(days=DAYS)
    schedule = asyncio.create_task(
        keep_to_the_schedule(control.retention, control.erasure, first=0, every=0.05)
    )
    entries: list[LogEntry] = []
    for _ in range(400):
        entries = [each for each in control.entries() if each.method == "RetentionService/Run"]
        if entries:
            break
        await asyncio.sleep(0.05)
    schedule.cancel()
    await asyncio.wait((schedule,))
    (entry,) = entries
    assert old.fingerprint.encode() not in set(values_at_rest(control.stores))
    assert (entry.caller.principal, list(entry.write.facts)) == (
        "",
        [f"contact_point:{old.contact_point_id}"],
    )
    assert entry.controller == "police"


async def test_an_organisation_for_which_it_fails_stops_no_other(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, _ = await two_versions(control)
    await control.retention.put_rule(OFFICER.calling(), RULE)
    await control.retention.put_rule(TRUST_OFFICER.calling(), RULE)
    control.clock.now = NOON + timedelta(days=DAYS)
    due = erasing.closed_until

    def fails_for_the_trust(
        reader: FactsReader, kind: type[Fact], controller: Controller, *args: Any, **more: Any
    ) -> Any:
        if controller == "trust":
            raise UnavailableError
        return due(reader, kind, controller, *args, **more)

    monkeypatch.setattr(erasing, "closed_until", fails_for_the_trust)
    monkeypatch.setattr(
        control.retention._schedule, "controllers", AsyncMock(return_value=["trust", "police"])
    )
    failed: set[Controller] = set()
    assert await control.retention.run_by_itself(failed) == 1
    assert failed == {"trust"}
    assert await control.retention.run_by_itself(failed) == 0
    assert old.fingerprint.encode() not in set(values_at_rest(control.stores))


async def test_what_another_run_has_erased_is_erased_and_logged_once(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have found the same to be due before either erases."""
    await two_versions(control)
    await control.retention.put_rule(OFFICER.calling(), RULE)
    control.clock.now = NOON + timedelta(days=DAYS)
    found = await control.retention._schedule.due(Controller("police"), control.clock.now)
    monkeypatch.setattr(control.retention._schedule, "due", AsyncMock(return_value=found))
    assert await control.retention.run_by_itself(set()) == 1
    head, entries = control.reader.head(), len(control.entries())
    assert await control.retention.run_by_itself(set()) == 0
    assert (control.reader.head(), len(control.entries())) == (head, entries)
    asked = await control.retention.run(OFFICER.calling(), RunRetention())
    assert (asked.versions, control.reader.head()) == ({}, head)
    assert control.entries()[-1].WhichOneof("event") == "read"


async def test_by_a_clock_that_has_leapt_nothing_is_erased(control: Control) -> None:
    old, _ = await two_versions(control)
    await control.retention.put_rule(OFFICER.calling(), RULE)
    control.store.witness(NOON, back=True)
    control.clock.now = NOON + timedelta(hours=23)
    await control.retention.run(OFFICER.calling(), RunRetention())
    control.clock.now = NOON + timedelta(days=DAYS)
    head = control.reader.head()
    for _ in range(2):
        with pytest.raises(UnavailableError) as refused:
            await control.retention.run(OFFICER.calling(), RunRetention())
        assert refused.value.reason == "CLOCK_AWAY"
        schedule = keep_to_the_schedule(control.retention, control.erasure, first=0, every=60)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(schedule, 0.3)
    assert control.reader.head() == head
    assert old.fingerprint.encode() in set(values_at_rest(control.stores))
    told = await control.retention.run(OFFICER.calling(), RunRetention(validate_only=True))
    assert told.versions == {"contact_point": 1}, "telling erases nothing"
    with pytest.raises(PermissionDeniedError) as not_theirs:
        await control.retention.run(OFFICER.calling(), RunRetention(clock_is_right=True))
    assert not_theirs.value.reason == "INSTALLATION_ONLY"
    assert control.reader.head() == head
    first = replace(FIRST.calling(), controller=Controller("police"))
    vouched = await control.retention.run(first, RunRetention(clock_is_right=True))
    assert "clock:vouched_for" in control.entries()[-1].write.facts
    assert vouched.versions == {"contact_point": 1}
    control.clock.now += timedelta(hours=1)
    assert not (await control.retention.run(OFFICER.calling(), RunRetention())).versions


async def test_bad_rules_and_holds_are_refused_with_field_and_reason(control: Control) -> None:
    await person(control)
    assert await refusals(
        (
            control.retention.put_rule(OFFICER.calling(), PutRule("phone", 365)),
            control.retention.put_rule(OFFICER.calling(), PutRule("policy_set", 365)),
            control.retention.put_rule(OFFICER.calling(), PutRule("request", 29)),
            control.retention.put_rule(OFFICER.calling(), PutRule("request", -1)),
            control.retention.put_rule(OFFICER.calling(), PutRule("request", 36_526)),
            control.retention.place_hold(OFFICER.calling(), PlaceHold("police-ref:P-99", "INQ/1")),
            control.retention.place_hold(OFFICER.calling(), PlaceHold(VERA, " INQ/1")),
            control.erasure.erase_person(OFFICER.calling(), ErasePerson("police-ref:P-99")),
            control.erasure.erase_person(TRUST_OFFICER.calling(), ErasePerson(VERA)),
        )
    ) == [
        ("rule.kind", "UNKNOWN_WORD"),
        ("rule.kind", "UNKNOWN_WORD"),
        ("rule.days", "OUT_OF_RANGE"),
        ("rule.days", "OUT_OF_RANGE"),
        ("rule.days", "OUT_OF_RANGE"),
        ("hold.person", "UNKNOWN_PERSON"),
        ("hold.matter", "BAD_REFERENCE"),
        ("person", "UNKNOWN_PERSON"),
        ("person", "UNKNOWN_PERSON"),
    ]


async def test_who_may(control: Control) -> None:
    await person(control)
    for ask in (
        control.retention.put_rule(AUDITOR.calling(), RULE),
        control.retention.run(AUDITOR.calling(), RunRetention()),
        control.retention.place_hold(ADMIN.calling(), PlaceHold(VERA, "INQ/1")),
        control.erasure.erase_person(ADMIN.calling(), ErasePerson(VERA)),
    ):
        with pytest.raises(PermissionDeniedError):
            await ask


# --- erasure on request ---


async def everything_about(control: Control) -> PersonId:
    """A person with something of each kind on file, which protects nobody."""
    put = await control.people.put_person(OFFICER.calling(), PutPerson((VERA,), names=("Vera Sample",)))
    await person(control, ADAM)
    await point(control, "07700 900101")
    await point(control, "07700 900102")
    tie = PutRelationship(from_person=VERA, to_person=ADAM, kind=RelationKind.SIBLING)
    await control.people.put_relationship(OFFICER.calling(), tie)
    return put.answer.person.person_id


async def test_everything_about_a_person_is_erased_every_version_of_it(control: Control) -> None:
    who = await everything_about(control)
    before = {value for value in values_at_rest(control.stores) if len(value) == 64}
    done = await control.erasure.erase_person(OFFICER.calling(), ErasePerson(VERA, Note("asked on 2 March")))
    assert dict(done.answer.facts) == {"contact_point": 1, "name": 1, "relationship": 1}
    wanted = (
        keys.person(who),
        keys.identifiers_of(who),
        keys.names_of(who),
        keys.relationships_from(who),
        keys.contact_points_of(who),
    )
    view = await control.seen_elsewhere(*wanted)
    assert view.person(who) is None
    assert not (*view.identifiers_of(who), *view.names_of(who), *view.relationships_from(who))
    assert not view.contact_points_of(who)
    # No fact's row has her fingerprints any more; `changes` keeps keys, which is another matter.
    gone = before - {value for value in values_at_rest(control.stores) if len(value) == 64}
    assert len(gone) >= 4  # her identifier, her name, and both numbers
    assert len(control.entries()[-1].write.facts) == 5
    with pytest.raises(InvalidArgumentError):  # she is nobody now
        await control.erasure.erase_person(OFFICER.calling(), ErasePerson(VERA))


async def test_what_protects_her_or_somebody_else_is_not_erased(control: Control) -> None:
    await everything_about(control)
    request = await control.requests.record(
        OFFICER.calling(),
        RecordRequest(ADAM, RequestKind.EXCLUDED_PERSON, recipients=(VERA,)),
    )
    assert request.answer.request.recipients
    with pytest.raises(FailedPreconditionError) as refused:
        await control.erasure.erase_person(OFFICER.calling(), ErasePerson(VERA))
    assert refused.value.reason == "STILL_PROTECTS"
    for who in (VERA, ADAM):
        with pytest.raises(FailedPreconditionError):
            await control.erasure.erase_person(OFFICER.calling(), ErasePerson(who))


async def test_somebody_adverse_cannot_have_himself_forgotten_nor_whom_he_lives_with(
    control: Control,
) -> None:
    await everything_about(control)
    eve = "police-ref:P-3"
    await person(control, eve)
    adverse = PutRelationship(from_person=ADAM, to_person=eve, kind=RelationKind.ADVERSE_TO, basis="order")
    await control.people.put_relationship(OFFICER.calling(), adverse)
    for who in (ADAM, eve, VERA):  # VERA is ADAM's sister
        with pytest.raises(FailedPreconditionError) as refused:
            await control.erasure.erase_person(OFFICER.calling(), ErasePerson(who))
        assert refused.value.reason == "STILL_PROTECTS"


async def test_who_shares_a_number_with_somebody_protected_stays(control: Control) -> None:
    await person(control)
    await person(control, ADAM)
    await point(control, "07700 900101", VERA, "V")
    await point(control, "07700 900101", ADAM, "A")
    await control.requests.record(OFFICER.calling(), RecordRequest(VERA, RequestKind.WITHHOLD_LOCATION))
    with pytest.raises(FailedPreconditionError):
        await control.erasure.erase_person(OFFICER.calling(), ErasePerson(ADAM))


async def test_whose_login_is_linked_stays(control: Control) -> None:
    who = await person(control)
    control.put(User("user-1", Controller("police"), "v.officer", person_id=who))
    with pytest.raises(FailedPreconditionError):
        await control.erasure.erase_person(OFFICER.calling(), ErasePerson(VERA))


async def test_an_override_that_runs_keeps_whom_it_names(control: Control) -> None:
    await person(control)
    control.put(User("user-d", Controller("police"), "d.clinician"))
    named = GrantOverride(
        BREAK_GLASS.kind, "d.clinician", "W-1", ("health.report",), "urgent", people=(VERA,)
    )
    await control.casework.grant_override(APPROVER.calling(), named)
    with pytest.raises(FailedPreconditionError):
        await control.erasure.erase_person(OFFICER.calling(), ErasePerson(VERA))
    control.clock.now = NOON + timedelta(days=1)
    await control.erasure.erase_person(OFFICER.calling(), ErasePerson(VERA))


async def test_what_another_organisation_has_about_her_keeps_her_id(control: Control) -> None:
    who = await everything_about(control)
    theirs = ContactPoint("point-t", Controller("trust"), who, ContactKind.PHONE, Fingerprint("e" * 64))
    control.put(theirs)
    done = await control.erasure.erase_person(OFFICER.calling(), ErasePerson(VERA))
    assert dict(done.answer.facts) == {"contact_point": 1, "name": 1, "relationship": 1}
    view = await control.seen_elsewhere(
        keys.person(who), keys.identifiers_of(who), keys.contact_points_of(who)
    )
    assert view.person(who) is not None
    assert view.identifiers_of(who)
    assert view.contact_points_of(who) == (theirs,)


async def test_whom_a_record_has_in_a_role_stays(control: Control) -> None:
    """A scheme protects its applicant by her role alone, without a request by anyone."""
    who = await person(control)
    control.put(
        Record(RecordId("record-1"), Controller("police"), "DV/1", "base.case"),
        RecordParty("party-1", Controller("police"), RecordId("record-1"), "applicant", Role.APPLICANT, who),
    )
    with pytest.raises(FailedPreconditionError) as refused:
        await control.erasure.erase_person(OFFICER.calling(), ErasePerson(VERA))
    assert refused.value.reason == "STILL_PROTECTS"


async def test_a_hold_on_somebody_keeps_what_names_them_together(control: Control) -> None:
    await everything_about(control)
    await control.retention.place_hold(OFFICER.calling(), PlaceHold(ADAM, "INQ/8"))
    with pytest.raises(FailedPreconditionError) as refused:
        await control.erasure.erase_person(OFFICER.calling(), ErasePerson(VERA))
    assert refused.value.reason == "LEGAL_HOLD"


async def test_a_hold_keeps_an_override_about_every_party_of_a_record(control: Control) -> None:
    who = await person(control)
    control.put(
        Record(RecordId("record-1"), Controller("police"), BREAK_GLASS.record, "base.case"),
        RecordParty("party-1", Controller("police"), RecordId("record-1"), "victim", Role.VICTIM, who),
    )
    await grant(control)
    hold = await control.retention.place_hold(OFFICER.calling(), PlaceHold(VERA, "INQ/9"))
    await control.retention.put_rule(OFFICER.calling(), PutRule("override", 30))
    control.clock.now = NOON + timedelta(days=DAYS)
    assert not (await control.retention.run(OFFICER.calling(), RunRetention())).versions
    await control.retention.lift_hold(OFFICER.calling(), LiftHold(hold.answer.hold_id))
    assert (await control.retention.run(OFFICER.calling(), RunRetention())).versions == {"override": 1}


async def test_what_was_recorded_when_it_had_ended_long_ago_is_kept_as_long(control: Control) -> None:
    ended = CourtOrder(
        "order-1",
        Controller("police"),
        "",
        "W-1",
        (),
        ("finance",),
        ("team:court",),
        "officer",
        NOON - timedelta(days=90),
        NOON - timedelta(days=60),
    )
    control.clock.now = NOON + timedelta(days=DAYS)
    change = Change("test", Controller("police"), "", (ended,), random_id(), control.clock.now)
    control.store.write(change, lambda _: LogEntry(method=BESIDE).SerializeToString())
    Outbox(control.store, control.log).deliver()
    await control.retention.put_rule(OFFICER.calling(), PutRule("order", 30))
    assert not (await control.retention.run(OFFICER.calling(), RunRetention())).versions
