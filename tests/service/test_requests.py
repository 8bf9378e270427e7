"""PrivacyRequestService: what is recorded protects at once, and stays in its organisation."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from policy_service.facts import keys
from policy_service.model.errors import InvalidArgumentError, NotAvailableError, PermissionDeniedError
from policy_service.model.facts import (
    CommunicationSupport,
    ContactPoint,
    FieldType,
    Fingerprint,
    PartType,
    PersonId,
    PrivacyRequest,
    SafeContact,
)
from policy_service.model.ids import random_id
from policy_service.model.vocabulary import (
    Channel,
    ContactKind,
    InterpreterGender,
    InterpreterMode,
    OnLapse,
    PersonKind,
    Purpose,
    RequestKind,
    RequestState,
    Verb,
    Visibility,
    WrittenFormat,
)
from policy_service.service import known_words
from policy_service.service.access_asked import PutSystem, PutUser
from policy_service.service.pages import PageAsked
from policy_service.service.people_asked import PutContactPoint, PutPerson
from policy_service.service.record_put import PutRecord
from policy_service.service.records import PutArtefactType, PutRecordType
from policy_service.service.request_details import CommunicationAsked, SafeContactAsked
from policy_service.service.requests import GetRequest, ListRequests, RecordRequest, RequestShown
from tests.service.control import (
    ADMIN,
    AUDITOR,
    FIRST,
    NOON,
    OFFICER,
    POLICE,
    TRUST,
    TRUST_AUDITOR,
    TRUST_OFFICER,
    Control,
    refusals,
)

WITHHOLD = RecordRequest("police-ref:P-1", RequestKind.WITHHOLD_LOCATION)


async def on_file(control: Control) -> dict[str, PersonId]:
    """Vera (with two identifiers), Adam, a child, a firm; a user and a system."""
    people = {}
    for name, asked in {
        "vera": PutPerson(("police-ref:P-1", "nhs-number:9434765919")),
        "adam": PutPerson(("police-ref:P-2",)),
        "child": PutPerson(("police-ref:P-3",)),
        "firm": PutPerson(("police-ref:F-1",), PersonKind.ORGANISATION),
    }.items():
        people[name] = (await control.people.put_person(OFFICER.calling(), asked)).answer.person.person_id
    await control.access.put_user(ADMIN.calling(), PutUser("o.manager"))
    system = PutSystem("police-records", verbs=(Verb.SEE,), may_describe=True)
    await control.access.put_system(ADMIN.calling(), system)
    return people


async def record(control: Control, asked: RecordRequest = WITHHOLD) -> PrivacyRequest:
    return (await control.requests.record(OFFICER.calling(), asked)).answer.request


async def test_a_request_is_on_file_for_the_next_check_whole(control: Control) -> None:
    people = await on_file(control)
    asked = RecordRequest(
        person="nhs-number:943 476 5919",
        kind=RequestKind.DO_NOT_SHARE,
        covers=("police-ref:P-3",),
        categories=("health.report",),
        record_types=("base.case",),
        records=("OM-1",),
        systems=("police-records",),
        recipients=("police-ref:P-2", f"person:{people['adam']}", "user:o.manager", "team:x", "role:y"),
        everyone_except=True,
        purposes=(Purpose.CASEWORK,),
        legal_basis="art. 21",
        raised_by="professional",
        evidence="E/1",
        valid_from="2026-03-01",
        valid_until="2026-03-28",
        review_date=date(2026, 6, 1),
        on_lapse=OnLapse.LAPSE,
        visibility=Visibility.SECRET,
    )
    request = await record(control, asked)

    view = await control.seen_elsewhere(
        keys.requests_about(people["vera"]), keys.requests_about(people["child"])
    )
    assert view.requests_about(people["vera"]) == view.requests_about(people["child"]) == (request,)
    assert request == PrivacyRequest(
        request_id=request.request_id,
        controller=POLICE,
        person_id=people["vera"],
        kind=RequestKind.DO_NOT_SHARE,
        state=RequestState.ACTIVE,
        received_at=NOON,
        received_by="police-officer",
        covers=(people["child"],),
        categories=("health.report",),
        record_types=("base.case",),
        records=("OM-1",),
        systems=("police-records",),
        # Adam was named twice, under two names; he is one.
        recipients=(f"person:{people['adam']}", "user:o.manager", "team:x", "role:y"),
        everyone_except=True,
        purposes=(Purpose.CASEWORK,),
        legal_basis="art. 21",
        raised_by="professional",
        evidence="E/1",
        valid_from="2026-03-01",
        valid_until="2026-03-28",
        ends_at=datetime(2026, 3, 29, tzinfo=UTC),
        zone="Europe/London",
        review_date=date(2026, 6, 1),
        on_lapse=OnLapse.LAPSE,
        visibility=Visibility.SECRET,
        begins_at=datetime(2026, 3, 1, tzinfo=UTC),
    )


async def test_a_category_that_no_field_has_is_refused_with_the_nearest(control: Control) -> None:
    """It would be on file as active, and protect nothing."""
    await on_file(control)
    own = FieldType(
        "ward", ("health.summary",), ("subject",), (PartType("p", ("child.plan",), ("subject",)),)
    )
    put = PutRecordType("ward", "base.case", (own,))
    await control.records.put_record_type(OFFICER.calling(), put)
    leaflet = PutArtefactType("leaflet", (FieldType("top", ("health.advice",), ("subject",)),))
    await control.records.put_artefact_type(OFFICER.calling(), leaflet)
    for known in ("health.summary", "child.plan", "health.advice", "health.report", "finance"):
        assert (await record(control, replace(WITHHOLD, categories=(known,)))).categories == (known,)
    for slip, near in {
        "health.sumary": ", perhaps `health.summary` is meant",
        "health.xxxxxxxxxxxxx": "; declare it in a record type first",
        "report.bdy": ", perhaps `report.body` is meant",
    }.items():
        with pytest.raises(InvalidArgumentError) as caught:
            await record(control, replace(WITHHOLD, categories=("finance", slip)))
        error = caught.value
        assert (error.field, error.reason) == ("request.scope.categories[1]", "UNKNOWN_CATEGORY")
        assert error.message.endswith(near)
    # The police's words are not the trust's.
    await control.people.put_person(TRUST_OFFICER.calling(), PutPerson(("trust-ref:1",)))
    theirs = RecordRequest("trust-ref:1", RequestKind.DO_NOT_SHARE, categories=("health.summary",))
    with pytest.raises(InvalidArgumentError, match="is in no field"):
        await control.requests.record(TRUST_OFFICER.calling(), theirs)


async def test_a_record_that_is_not_on_file_is_noted_or_refused(control: Control) -> None:
    await on_file(control)
    put = PutRecordType("ward", "base.case")
    await control.records.put_record_type(OFFICER.calling(), put)
    await control.records.put_record(OFFICER.calling(), PutRecord("W-1", "ward"))
    asked = replace(WITHHOLD, records=("W-1", "W-9"))
    done = await control.requests.record(OFFICER.calling(), asked)
    (note,) = done.notes
    assert note.startswith("`request.scope.records[1]` names no record on file: it counts where a system")
    await control.access.put_system(ADMIN.calling(), PutSystem("police-records"))  # none describes any more
    with pytest.raises(InvalidArgumentError) as caught:
        await control.requests.record(OFFICER.calling(), asked)
    assert (caught.value.field, caught.value.reason) == ("request.scope.records[1]", "UNKNOWN_RECORD")
    assert (await control.requests.record(OFFICER.calling(), replace(asked, records=("W-1",)))).notes == ()


async def test_a_team_or_a_role_that_nothing_names_is_noted(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    await on_file(control)
    await control.access.put_user(
        ADMIN.calling(), PutUser("d.doctor", roles=("clinician",), teams=("ward-7",))
    )
    named = ("role:clincian", "role:clinician", "team:ward-7", "team:xyz", "user:o.manager")
    asked = replace(WITHHOLD, recipients=named)
    done = await control.requests.record(OFFICER.calling(), asked)
    nothing = "no user, record, grant or record type names this"
    assert done.notes == (
        f"`request.recipients[0]`: {nothing} role, perhaps `clinician` is meant",
        f"`request.recipients[3]`: {nothing} team",
    )
    # Where there are more users than are looked through, the word may be one of the others'.
    monkeypatch.setattr(known_words, "MOST_LOOKED_THROUGH", 1)
    assert (await control.requests.record(OFFICER.calling(), asked)).notes == ()


async def test_restricted_access_without_recipients_says_whom_they_would_let_in(control: Control) -> None:
    await on_file(control)
    with pytest.raises(InvalidArgumentError, match="those who are let in"):
        await record(control, replace(WITHHOLD, kind=RequestKind.RESTRICTED_ACCESS))
    with pytest.raises(InvalidArgumentError) as caught:
        await record(control, replace(WITHHOLD, kind=RequestKind.EXCLUDED_PERSON))
    assert "let in" not in caught.value.message


async def test_case_13_a_date_includes_its_day_where_the_clocks_change(control: Control) -> None:
    await on_file(control)
    request = await record(control, replace(WITHHOLD, valid_until="2026-03-29"))
    assert request.ends_at == datetime(2026, 3, 29, 23, 0, tzinfo=UTC)


async def test_case_14_what_begins_tomorrow_protects_today(control: Control) -> None:
    people = await on_file(control)
    request = await record(control, replace(WITHHOLD, valid_from="2026-03-03"))
    assert (request.state, request.valid_from) == (RequestState.ACTIVE, "2026-03-03")
    view = await control.seen_elsewhere(keys.requests_about(people["vera"]))
    assert view.requests_about(people["vera"]) == (request,)


async def test_two_requests_are_two(control: Control) -> None:
    await on_file(control)
    assert (await record(control)).request_id != (await record(control)).request_id


async def test_what_no_request_can_be(control: Control) -> None:
    await on_file(control)
    await control.people.put_person(TRUST_OFFICER.calling(), PutPerson(("trust-ref:1",)))
    against = replace(WITHHOLD, recipients=("police-ref:P-2",))
    refused = {
        replace(WITHHOLD, person=""): ("request.person", "REQUIRED"),
        replace(WITHHOLD, person="police-ref:P-9"): ("request.person", "UNKNOWN_PERSON"),
        replace(WITHHOLD, person="trust-ref:1"): ("request.person", "UNKNOWN_PERSON"),
        replace(WITHHOLD, person="police-ref:F-1"): ("request.person", "NOT_A_PRIVATE_PERSON"),
        replace(WITHHOLD, covers=("police-ref:P-3", "police-ref:P-9")): (
            "request.covers[1]",
            "UNKNOWN_PERSON",
        ),
        replace(WITHHOLD, categories=("location.currnt",)): (
            "request.scope.categories[0]",
            "UNKNOWN_CATEGORY",
        ),
        replace(WITHHOLD, categories=("finance", "finance")): ("request.scope.categories[1]", "REPEATED"),
        replace(WITHHOLD, record_types=("base.case", "nhs.letter")): (
            "request.scope.record_types[1]",
            "UNKNOWN_RECORD_TYPE",
        ),
        replace(WITHHOLD, systems=("unknown",)): ("request.scope.systems[0]", "UNKNOWN_SYSTEM"),
        replace(WITHHOLD, records=("OM-1 ",)): ("request.scope.records[0]", "BAD_REFERENCE"),
        replace(WITHHOLD, recipients=("user:nobody",)): ("request.recipients[0]", "UNKNOWN_USER"),
        replace(WITHHOLD, recipients=("team:",)): ("request.recipients[0]", "REQUIRED"),
        replace(WITHHOLD, recipients=("nobody",)): ("request.recipients[0]", "BAD_IDENTIFIER"),
        replace(WITHHOLD, recipients=("team:a", "police-ref:P-9")): (
            "request.recipients[1]",
            "UNKNOWN_PERSON",
        ),
        replace(against, everyone_except=True): ("request.everyone_except", "ONLY_FOR_DO_NOT_SHARE"),
        replace(WITHHOLD, kind=RequestKind.EXCLUDED_PERSON): ("request.recipients", "REQUIRED"),
        replace(WITHHOLD, kind=RequestKind.RESTRICTED_ACCESS): ("request.recipients", "REQUIRED"),
        replace(WITHHOLD, purposes=(Purpose.CARE, Purpose.CARE)): ("request.purposes[1]", "REPEATED"),
        replace(WITHHOLD, raised_by="neighbour"): ("request.raised_by", "UNKNOWN_WORD"),
        replace(WITHHOLD, zone="Europe/Londn"): ("request.zone", "UNKNOWN_ZONE"),
        replace(WITHHOLD, valid_until="2026-03-29T12:00:00"): ("request.valid_until", "BAD_TIME"),
        replace(WITHHOLD, valid_until="next week"): ("request.valid_until", "BAD_TIME"),
        replace(WITHHOLD, valid_from="2026-02-30"): ("request.valid_from", "BAD_DATE"),
        replace(WITHHOLD, valid_from="2026-03-02", valid_until="2026-03-01"): (
            "request.valid_until",
            "ENDS_BEFORE_IT_BEGINS",
        ),
        replace(WITHHOLD, valid_from="2026-03-02T10:00:00Z", valid_until="2026-03-02T11:00:00+01:00"): (
            "request.valid_until",
            "ENDS_BEFORE_IT_BEGINS",
        ),
    }
    asks = (control.requests.record(OFFICER.calling(), asked) for asked in refused)
    assert await refusals(asks) == list(refused.values())


SAFELY = RecordRequest(
    "police-ref:P-1",
    RequestKind.SAFE_CONTACT,
    safe_contact=SafeContactAsked(
        ("SAFE-2", "SAFE-1"),
        (Channel.PHONE_LIVE, Channel.POST),
        ("mon-fri 09:30-14:00", "sat 10:00-12:00"),
        no_voicemail=True,
        neutral_sender=True,
    ),
)
NEEDS = RecordRequest(
    "police-ref:P-1",
    RequestKind.COMMUNICATION_SUPPORT,
    communication=CommunicationAsked(
        language="pl",
        modes=(InterpreterMode.ON_SITE,),
        sign_language="bfi",
        interpreter_gender=(InterpreterGender.WOMAN,),
        not_these=("police-ref:P-2",),
        written_formats=(WrittenFormat.BRAILLE,),
        access_needs=("hearing-loop",),
    ),
)
AUTHORISES = RecordRequest(
    "police-ref:P-1", RequestKind.AUTHORISED_REPRESENTATIVE, recipients=("police-ref:P-2", "team:advocates")
)


async def safe_points(control: Control) -> list[str]:
    """Two points of Vera, and one of Adam."""
    ids = []
    for owner, reference, number in (("P-1", "SAFE-1", 1), ("P-1", "SAFE-2", 2), ("P-2", "CRM-2", 3)):
        point = PutContactPoint(f"police-ref:{owner}", ContactKind.PHONE, f"07700 90012{number}", reference)
        ids.append((await control.people.put_contact_point(OFFICER.calling(), point)).answer.contact_point_id)
    return ids


async def test_a_safe_contact_names_points_that_are_hers(control: Control) -> None:
    await on_file(control)
    first, second, _ = await safe_points(control)
    shown = (await control.requests.record(OFFICER.calling(), SAFELY)).answer
    assert shown.request.safe_contact == SafeContact(
        (second, first),
        (Channel.PHONE_LIVE, Channel.POST),
        ("mon-fri 09:30-14:00", "sat 10:00-12:00"),
        no_voicemail=True,
        neutral_sender=True,
    )
    # What is told are the references, in the call's order, here and wherever it is read again.
    assert shown.safe_points == ("SAFE-2", "SAFE-1")
    assert await control.requests.get(OFFICER.calling(), GetRequest(shown.request.request_id)) == shown
    assert (await control.requests.list(OFFICER.calling(), ListRequests())).items == (shown,)
    assert (await control.requests.list(OFFICER.calling(), ListRequests("police-ref:P-1"))).items == (shown,)


async def test_what_she_needs_and_whom_she_will_not_have(control: Control) -> None:
    people = await on_file(control)
    request = await record(control, NEEDS)
    assert request.communication == CommunicationSupport(
        "pl",
        (InterpreterMode.ON_SITE,),
        "bfi",
        (InterpreterGender.WOMAN,),
        (people["adam"],),
        (WrittenFormat.BRAILLE,),
        ("hearing-loop",),
    )
    assert not request.kind.protects


async def test_an_authorisation_names_who_and_waits_for_its_beginning(control: Control) -> None:
    people = await on_file(control)
    asked = replace(
        AUTHORISES, valid_from="2026-03-30", valid_until="2026-04-30", purposes=(Purpose.CASEWORK,)
    )
    request = await record(control, asked)
    assert request.recipients == (f"person:{people['adam']}", "team:advocates")
    assert request.begins_at == datetime(2026, 3, 29, 23, 0, tzinfo=UTC)
    assert request.ends_at == datetime(2026, 4, 30, 23, 0, tzinfo=UTC)


async def test_no_onward_needs_nothing_more(control: Control) -> None:
    await on_file(control)
    request = await record(control, RecordRequest("police-ref:P-1", RequestKind.NO_ONWARD))
    assert (request.safe_contact, request.communication, request.begins_at) == (None, None, None)


def safe(**changes: Any) -> RecordRequest:
    assert SAFELY.safe_contact is not None
    return replace(SAFELY, safe_contact=replace(SAFELY.safe_contact, **changes))


def needs(**changes: Any) -> RecordRequest:
    assert NEEDS.communication is not None
    return replace(NEEDS, communication=replace(NEEDS.communication, **changes))


async def test_what_no_request_of_its_kind_can_be(control: Control) -> None:
    vera = (await on_file(control))["vera"]
    await safe_points(control)
    control.put(
        ContactPoint(random_id(), TRUST, vera, ContactKind.EMAIL, Fingerprint("f" * 64), reference="TRUST-1")
    )
    detail, need = "request.safe_contact", "request.communication"
    refused = {
        replace(SAFELY, safe_contact=None): (detail, "REQUIRED"),
        replace(SAFELY, safe_contact=SafeContactAsked()): (detail, "REQUIRED"),
        replace(SAFELY, recipients=("police-ref:P-2",)): ("request.recipients", "ONLY_FOR_ANOTHER_KIND"),
        replace(SAFELY, communication=CommunicationAsked()): (need, "ONLY_FOR_ANOTHER_KIND"),
        replace(SAFELY, kind=RequestKind.OBJECT): (detail, "ONLY_FOR_ANOTHER_KIND"),
        safe(contact_points=("SAFE-1", "SAFE-9")): (f"{detail}.contact_points[1]", "UNKNOWN_CONTACT_POINT"),
        safe(contact_points=("CRM-2",)): (f"{detail}.contact_points[0]", "UNKNOWN_CONTACT_POINT"),
        safe(contact_points=("TRUST-1",)): (f"{detail}.contact_points[0]", "UNKNOWN_CONTACT_POINT"),
        safe(contact_points=("SAFE-1", "SAFE-1")): (f"{detail}.contact_points[1]", "REPEATED"),
        safe(channels=(Channel.POST, Channel.SEE_SCREEN)): (f"{detail}.channels[1]", "CHANNEL_OF_SEE"),
        safe(channels=(Channel.PHONE_VOICEMAIL,)): (f"{detail}.channels[0]", "CONTRADICTION"),
        safe(channels=(Channel.SMS, Channel.SMS)): (f"{detail}.channels[1]", "REPEATED"),
        safe(hours=("mon 10:00-11:00", "at noon")): (f"{detail}.hours[1]", "BAD_HOURS"),
        safe(hours=("fri 22:00-02:00",)): (f"{detail}.hours[0]", "BAD_HOURS"),
        safe(hours=("mon 10:00-11:00",) * 2): (f"{detail}.hours[1]", "REPEATED"),
        replace(NEEDS, communication=None): (need, "REQUIRED"),
        replace(NEEDS, visibility=Visibility.SECRET): ("request.visibility", "NEED_NOT_SECRET"),
        replace(NEEDS, communication=CommunicationAsked()): (need, "REQUIRED"),
        replace(NEEDS, recipients=("team:x",)): ("request.recipients", "ONLY_FOR_ANOTHER_KIND"),
        replace(NEEDS, kind=RequestKind.WITHHOLD_LOCATION): (need, "ONLY_FOR_ANOTHER_KIND"),
        needs(language="Polish, I think"): (f"{need}.language", "BAD_LANGUAGE"),
        needs(language="polish"): (f"{need}.language", "BAD_LANGUAGE"),
        needs(language="latn"): (f"{need}.language", "BAD_LANGUAGE"),
        needs(sign_language="b"): (f"{need}.sign_language", "BAD_LANGUAGE"),
        needs(not_these=("police-ref:P-9",)): (f"{need}.not_these[0]", "UNKNOWN_PERSON"),
        needs(not_these=("police-ref:P-1",)): (f"{need}.not_these[0]", "SAME_PERSON"),
        needs(not_these=("police-ref:P-2",) * 2): (f"{need}.not_these[1]", "REPEATED"),
        needs(access_needs=("a loop, please",)): (f"{need}.access_needs[0]", "BAD_NAME"),
        needs(modes=(InterpreterMode.VIDEO,) * 2): (f"{need}.modes[1]", "REPEATED"),
        replace(AUTHORISES, recipients=()): ("request.recipients", "REQUIRED"),
        replace(AUTHORISES, recipients=("team:x", "user:o.manager")): (
            "request.recipients[1]",
            "NO_REPRESENTATIVE",
        ),
        replace(AUTHORISES, recipients=("role:advocate",)): ("request.recipients[0]", "NO_REPRESENTATIVE"),
        replace(AUTHORISES, recipients=("police-ref:P-2", "nhs-number:9434765919")): (
            "request.recipients",
            "SAME_PERSON",
        ),
    }
    asks = (control.requests.record(OFFICER.calling(), asked) for asked in refused)
    assert await refusals(asks) == list(refused.values())


async def test_one_day_is_an_interval(control: Control) -> None:
    await on_file(control)
    await record(control, replace(WITHHOLD, valid_from="2026-03-02", valid_until="2026-03-02"))


async def test_roles(control: Control) -> None:
    await on_file(control)
    request = await record(control)
    for caller in (ADMIN, AUDITOR):
        with pytest.raises(PermissionDeniedError):
            await control.requests.record(caller.calling(), WITHHOLD)
    shown = await control.requests.get(AUDITOR.calling(), GetRequest(request.request_id))
    assert shown == RequestShown(request)
    assert (await control.requests.list(AUDITOR.calling(), ListRequests())).items == (shown,)
    for ask in (
        control.requests.get(ADMIN.calling(), GetRequest(request.request_id)),
        control.requests.list(ADMIN.calling(), ListRequests()),
    ):
        with pytest.raises(PermissionDeniedError):
            await ask


async def test_gets_and_lists_stop_at_the_organisation(control: Control) -> None:
    await on_file(control)
    request = await record(control)
    told = set()
    for request_id in (request.request_id, random_id()):
        with pytest.raises(NotAvailableError) as caught:
            await control.requests.get(TRUST_AUDITOR.calling(), GetRequest(request_id))
        told.add((caught.value.reason, caught.value.message))
    assert len(told) == 1
    assert (await control.requests.list(TRUST_OFFICER.calling(), ListRequests())).items == ()
    with pytest.raises(InvalidArgumentError, match="names nobody on file"):
        await control.requests.list(TRUST_OFFICER.calling(), ListRequests("police-ref:P-1"))
    control.put(replace(request, request_id=random_id(), controller=TRUST))
    hers = await control.requests.list(OFFICER.calling(), ListRequests("police-ref:P-1"))
    assert hers.items == (RequestShown(request),)
    got = await control.requests.get(FIRST.calling(), GetRequest(request.request_id))
    assert got.request == request
    assert control.entries()[-1].controller == POLICE


async def test_a_list_comes_in_pages_and_may_be_of_one_person(control: Control) -> None:
    await on_file(control)
    of_vera = {(await record(control)).request_id for _ in range(3)}
    of_adam = (await record(control, replace(WITHHOLD, person="police-ref:P-2"))).request_id
    covering_vera = replace(WITHHOLD, person="police-ref:P-3", covers=("police-ref:P-1",))
    of_vera.add((await record(control, covering_vera)).request_id)

    async def pages(person: str) -> list[list[str]]:
        found, token = [], ""
        while True:
            listed = await control.requests.list(
                OFFICER.calling("PrivacyRequestService/List"), ListRequests(person, PageAsked(2, token))
            )
            found.append([shown.request.request_id for shown in listed.items])
            if not (token := listed.next_page_token):
                return found

    everything = await pages("")
    assert [len(page) for page in everything] == [2, 2, 1]
    assert [one for page in everything for one in page] == sorted({*of_vera, of_adam})
    hers = await pages("police-ref:P-1")
    assert [len(page) for page in hers] == [2, 2]
    assert [one for page in hers for one in page] == sorted(of_vera)


async def test_an_id_that_is_none_is_refused(control: Control) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        await control.requests.get(OFFICER.calling(), GetRequest("' OR 1=1"))
    assert caught.value.reason == "BAD_ID"
