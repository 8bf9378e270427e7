"""CaseworkService: overrides and orders are facts, bounded in time, and nobody's own to grant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from policy_service.facts import keys
from policy_service.model.errors import InvalidArgumentError, NotAvailableError, PermissionDeniedError
from policy_service.model.facts import CourtOrder, Override, PersonId, User
from policy_service.model.ids import random_id
from policy_service.model.vocabulary import OverrideKind, StaffRole, UserKind
from policy_service.service.access_asked import PutSystem, PutUser
from policy_service.service.asking import Note
from policy_service.service.casework import EndOrder, EndOverride, GrantOverride, ListOfRecord, RecordOrder
from policy_service.service.pages import PageAsked
from policy_service.service.people_asked import PutPerson
from tests.service.control import (
    ADMIN,
    APPROVER,
    AUDITOR,
    FIRST,
    NOON,
    OFFICER,
    POLICE,
    TRUST_AUDITOR,
    TRUST_OFFICER,
    Control,
    Manager,
    refusals,
)

WHY = "she is unconscious, her canary-7f allergies are needed"
BREAK_GLASS = GrantOverride(OverrideKind.BREAK_GLASS, "d.clinician", "W-1", ("health.report",), WHY)
SAFEGUARDING = replace(
    BREAK_GLASS,
    kind=OverrideKind.SAFEGUARDING,
    people=("police-ref:P-1", "nhs-number:9434765919"),
    recipients=("police-ref:P-2", "user:other", "team:mash", "team:mash-2"),
)
ORDER = RecordOrder(
    "W-1",
    people=("police-ref:P-1",),
    categories=("legal.orders",),
    recipients=("police-ref:P-2", "team:court"),
    ends="2026-03-29",
    reference="FC/12",
)


STAFF = tuple(
    User(f"user-{reference}", POLICE, reference, UserKind.STAFF, PersonId(""))
    for reference in ("d.clinician", "other")
)


async def on_file(control: Control) -> tuple[PersonId, PersonId]:
    """Vera, with two identifiers, and Adam; and who may be granted something."""
    control.put(*STAFF)
    ids = []
    for identifiers in (("police-ref:P-1", "nhs-number:9434765919"), ("police-ref:P-2",)):
        put = await control.people.put_person(OFFICER.calling(), PutPerson(identifiers))
        ids.append(put.answer.person.person_id)
    return ids[0], ids[1]


async def grant(control: Control, asked: GrantOverride = BREAK_GLASS, by: Manager = APPROVER) -> Override:
    control.put(*STAFF)
    return (await control.casework.grant_override(by.calling(), asked)).answer


async def record(control: Control, asked: RecordOrder = ORDER, by: Manager = OFFICER) -> CourtOrder:
    return (await control.casework.record_order(by.calling(), asked)).answer


async def test_an_override_runs_from_now_for_as_long_as_it_may(control: Control) -> None:
    vera, adam = await on_file(control)
    override = await grant(control, SAFEGUARDING)
    assert override == Override(
        override.override_id,
        POLICE,
        OverrideKind.SAFEGUARDING,
        "d.clinician",
        "W-1",
        (vera,),  # one person under two identifiers is one
        ("health.report",),
        (f"person:{adam}", "user:other", "team:mash", "team:mash-2"),
        WHY,
        "police-approver",
        NOON,
        NOON + timedelta(days=28),
    )
    view = await control.seen_elsewhere(keys.overrides(POLICE, "W-1"))
    assert view.overrides(POLICE, "W-1") == (override,)
    assert list(control.entries()[-1].write.facts) == [f"override:{override.override_id}"]
    short = await grant(control, replace(BREAK_GLASS, valid_minutes=30), OFFICER)
    assert (short.ends_at, short.granted_by) == (NOON + timedelta(minutes=30), "police-officer")
    assert (await grant(control)).ends_at == NOON + timedelta(hours=4)


async def test_the_justification_stands_in_no_entry(control: Control) -> None:
    override = await grant(control, replace(BREAK_GLASS, note=Note("by phone")))
    await control.casework.end_override(APPROVER.calling(), EndOverride(override.override_id))
    await control.casework.list_overrides(AUDITOR.calling(), ListOfRecord())
    for entry in control.stores.stored_entries():
        assert b"canary-7f" not in entry.data
    assert control.entries()[0].write.reason == "by phone"


async def test_nobody_grants_an_override_to_himself(control: Control) -> None:
    both = control.manager("d.Clinician", StaffRole.APPROVER)
    with pytest.raises(InvalidArgumentError) as caught:
        await grant(control, by=both)
    assert (caught.value.field, caught.value.reason) == ("override.user", "GRANTED_TO_ONESELF")


async def test_what_no_override_can_be(control: Control) -> None:
    await on_file(control)
    await control.people.put_person(TRUST_OFFICER.calling(), PutPerson(("trust-ref:1",)))
    await control.access.put_user(ADMIN.calling(), PutUser("chief"))
    nightly = PutUser("nightly", kind=UserKind.JOB, owner="chief")
    await control.access.put_user(ADMIN.calling(), nightly)
    await control.access.put_system(ADMIN.calling(), PutSystem("ward"))  # which describes nobody
    refused = {
        replace(BREAK_GLASS, user=""): ("override.user", "REQUIRED"),
        replace(BREAK_GLASS, user="d.clinicain"): ("override.user", "UNKNOWN_USER"),
        replace(BREAK_GLASS, recipients=("team:a", "user:x")): ("override.recipients[1]", "UNKNOWN_USER"),
        replace(BREAK_GLASS, user="nightly"): ("override.user", "ONLY_FOR_STAFF"),
        replace(BREAK_GLASS, record=" W-1"): ("override.record", "BAD_REFERENCE"),
        replace(BREAK_GLASS, categories=()): ("override.categories", "REQUIRED"),
        replace(BREAK_GLASS, categories=("health.report", "locations")): (
            "override.categories[1]",
            "UNKNOWN_CATEGORY",
        ),
        replace(BREAK_GLASS, categories=("health.reprot",)): ("override.categories[0]", "UNKNOWN_CATEGORY"),
        replace(BREAK_GLASS, categories=("finance", "finance")): ("override.categories[1]", "REPEATED"),
        replace(BREAK_GLASS, justification=" "): ("override.justification", "REQUIRED"),
        replace(BREAK_GLASS, justification="x" * 501): ("override.justification", "TOO_LONG"),
        replace(BREAK_GLASS, valid_minutes=-1): ("override.valid_minutes", "OUT_OF_RANGE"),
        replace(BREAK_GLASS, valid_minutes=241): ("override.valid_minutes", "OUT_OF_RANGE"),
        replace(SAFEGUARDING, valid_minutes=28 * 24 * 60 + 1): ("override.valid_minutes", "OUT_OF_RANGE"),
        replace(BREAK_GLASS, people=("police-ref:P-9",)): ("override.people[0]", "UNKNOWN_PERSON"),
        replace(BREAK_GLASS, people=("trust-ref:1",)): ("override.people[0]", "UNKNOWN_PERSON"),
        replace(BREAK_GLASS, people=("police-ref:P-1",) * 2): ("override.people[1]", "REPEATED"),
        replace(BREAK_GLASS, recipients=("team:a", "team:a")): ("override.recipients[1]", "REPEATED"),
        replace(BREAK_GLASS, recipients=("team:a", "role:x")): ("override.recipients[1]", "RESERVED_SCHEME"),
        replace(BREAK_GLASS, recipients=("team:",)): ("override.recipients[0]", "REQUIRED"),
        replace(BREAK_GLASS, recipients=("mash",)): ("override.recipients[0]", "BAD_IDENTIFIER"),
    }
    asks = (control.casework.grant_override(APPROVER.calling(), asked) for asked in refused)
    assert await refusals(asks) == list(refused.values())


async def test_a_record_or_a_team_that_nothing_names_is_noted_or_refused(control: Control) -> None:
    await on_file(control)
    await control.access.put_system(
        ADMIN.calling(), PutSystem("ward", may_describe=True, assert_teams=("mash",))
    )
    override = await control.casework.grant_override(APPROVER.calling(), SAFEGUARDING)
    order = await control.casework.record_order(OFFICER.calling(), ORDER)
    for done, field, slips in ((override, "override", (3,)), (order, "order", (1,))):
        about_record, *about_teams = done.notes
        assert about_record.startswith(f"`{field}.record` names no record on file")
        assert [note.partition(":")[0] for note in about_teams] == [
            f"`{field}.recipients[{n}]`" for n in slips
        ]
    await control.access.put_system(ADMIN.calling(), PutSystem("ward"))  # which describes none any more
    refused = await refusals(
        [
            control.casework.grant_override(APPROVER.calling(), SAFEGUARDING),
            control.casework.record_order(OFFICER.calling(), ORDER),
        ]
    )
    assert refused == [("override.record", "UNKNOWN_RECORD"), ("order.record", "UNKNOWN_RECORD")]


async def test_an_override_is_ended_now_and_once(control: Control) -> None:
    override = await grant(control)
    control.clock.now += timedelta(minutes=10)
    ended = (await control.casework.end_override(OFFICER.calling(), EndOverride(override.override_id))).answer
    assert ended == replace(override, ends_at=control.clock.now)
    control.clock.now += timedelta(minutes=10)
    again = (await control.casework.end_override(OFFICER.calling(), EndOverride(override.override_id))).answer
    assert again == ended
    view = await control.seen_elsewhere(keys.overrides(POLICE, "W-1"))
    assert view.overrides(POLICE, "W-1") == (ended,)


async def test_an_order_runs_through_its_last_day(control: Control) -> None:
    vera, adam = await on_file(control)
    order = await record(control)
    assert order == CourtOrder(
        order.order_id,
        POLICE,
        "FC/12",
        "W-1",
        (vera,),
        ("legal.orders",),
        (f"person:{adam}", "team:court"),
        "police-officer",
        NOON,
        datetime(2026, 3, 29, 23, 0, tzinfo=UTC),  # the clocks went forward that day
    )
    view = await control.seen_elsewhere(keys.orders(POLICE, "W-1"))
    assert view.orders(POLICE, "W-1") == (order,)
    later = await record(control, replace(ORDER, begins="2026-03-10", ends="2026-03-10T12:00:00Z"))
    assert (later.begins_at, later.ends_at) == (
        datetime(2026, 3, 10, tzinfo=UTC),
        datetime(2026, 3, 10, 12, tzinfo=UTC),
    )


async def test_what_no_order_can_be(control: Control) -> None:
    await on_file(control)
    refused = {
        replace(ORDER, record=""): ("order.record", "REQUIRED"),
        replace(ORDER, reference="FC/12 "): ("order.reference", "BAD_REFERENCE"),
        replace(ORDER, people=()): ("order.people", "REQUIRED"),
        replace(ORDER, people=("police-ref:P-9",)): ("order.people[0]", "UNKNOWN_PERSON"),
        replace(ORDER, categories=()): ("order.categories", "REQUIRED"),
        replace(ORDER, categories=("legal.order",)): ("order.categories[0]", "UNKNOWN_CATEGORY"),
        replace(ORDER, categories=("child.sumary",)): ("order.categories[0]", "UNKNOWN_CATEGORY"),
        replace(ORDER, recipients=()): ("order.recipients", "REQUIRED"),
        replace(ORDER, recipients=("user:x",)): ("order.recipients[0]", "RESERVED_SCHEME"),
        replace(ORDER, ends=""): ("order.ends", "REQUIRED"),
        replace(ORDER, ends="soon"): ("order.ends", "BAD_TIME"),
        replace(ORDER, begins="2026-02-30"): ("order.begins", "BAD_DATE"),
        replace(ORDER, ends="2026-03-01"): ("order.ends", "ENDS_BEFORE_IT_BEGINS"),
        replace(ORDER, begins="2026-03-10", ends="2026-03-09"): ("order.ends", "ENDS_BEFORE_IT_BEGINS"),
    }
    asks = (control.casework.record_order(OFFICER.calling(), asked) for asked in refused)
    assert await refusals(asks) == list(refused.values())


async def test_an_order_is_ended_before_it_begins_or_while_it_runs(control: Control) -> None:
    await on_file(control)
    for asked in (ORDER, replace(ORDER, begins="2026-03-10")):
        order = await record(control, asked)
        ended = (await control.casework.end_order(OFFICER.calling(), EndOrder(order.order_id))).answer
        assert ended == replace(order, ends_at=NOON)


async def test_sent_again_by_its_key_it_is_one(control: Control) -> None:
    await on_file(control)
    note = Note("", "key-1", b"body")
    first = await grant(control, replace(BREAK_GLASS, note=note))
    order = await record(control, replace(ORDER, note=note))
    control.clock.now += timedelta(minutes=5)
    assert await grant(control, replace(BREAK_GLASS, note=note)) == first
    assert await record(control, replace(ORDER, note=note)) == order
    view = await control.seen_elsewhere(keys.overrides(POLICE, "W-1"), keys.orders(POLICE, "W-1"))
    assert (view.overrides(POLICE, "W-1"), view.orders(POLICE, "W-1")) == ((first,), (order,))
    assert (await grant(control)).override_id != first.override_id


async def test_roles(control: Control) -> None:
    await on_file(control)
    override, order = await grant(control), await record(control)
    casework = control.casework
    for ask in (
        casework.grant_override(ADMIN.calling(), BREAK_GLASS),
        casework.grant_override(AUDITOR.calling(), BREAK_GLASS),
        casework.end_override(AUDITOR.calling(), EndOverride(override.override_id)),
        casework.record_order(APPROVER.calling(), ORDER),
        casework.record_order(ADMIN.calling(), ORDER),
        casework.end_order(APPROVER.calling(), EndOrder(order.order_id)),
        casework.list_overrides(ADMIN.calling(), ListOfRecord()),
        casework.list_orders(ADMIN.calling(), ListOfRecord()),
    ):
        with pytest.raises(PermissionDeniedError) as caught:
            await ask
        assert caught.value.reason == "ROLE_REQUIRED"


async def test_another_organisations_are_not_available(control: Control) -> None:
    await on_file(control)
    override, order = await grant(control), await record(control)
    told = set()
    for override_id, order_id in ((override.override_id, order.order_id), (random_id(), random_id())):
        for ask in (
            control.casework.end_override(TRUST_OFFICER.calling(), EndOverride(override_id)),
            control.casework.end_order(TRUST_OFFICER.calling(), EndOrder(order_id)),
        ):
            with pytest.raises(NotAvailableError) as caught:
                await ask
            told.add((caught.value.reason, caught.value.message))
    assert len(told) == 1
    assert (await control.casework.list_overrides(TRUST_AUDITOR.calling(), ListOfRecord())).items == ()
    assert (await control.casework.list_orders(TRUST_AUDITOR.calling(), ListOfRecord("W-1"))).items == ()
    with pytest.raises(InvalidArgumentError, match="not an id"):
        await control.casework.end_override(OFFICER.calling(), EndOverride("W-1"))
    # The installation's administrator names no organisation; the entry belongs to the one that it is of.
    await control.casework.end_order(FIRST.calling(), EndOrder(order.order_id))
    assert control.entries()[-1].controller == POLICE


async def test_lists_come_in_pages_and_may_be_of_one_record(control: Control) -> None:
    await on_file(control)
    on_w1 = {(await grant(control)).override_id for _ in range(3)}
    elsewhere = (await grant(control, replace(BREAK_GLASS, record="W-2"))).override_id

    async def pages(of_record: str) -> list[list[str]]:
        found, token = [], ""
        while True:
            listed = await control.casework.list_overrides(
                AUDITOR.calling(), ListOfRecord(of_record, PageAsked(2, token))
            )
            found.append([override.override_id for override in listed.items])
            if not (token := listed.next_page_token):
                return found

    everything = await pages("")
    assert [len(page) for page in everything] == [2, 2]
    assert [each for page in everything for each in page] == sorted({*on_w1, elsewhere})
    of_one = await pages("W-1")
    assert [len(page) for page in of_one] == [2, 1]
    assert [each for page in of_one for each in page] == sorted(on_w1)
    order = await record(control)
    assert (await control.casework.list_orders(APPROVER.calling(), ListOfRecord("W-1"))).items == (order,)
    assert list(control.entries()[-1].read.facts) == [f"order:{order.order_id}"]
