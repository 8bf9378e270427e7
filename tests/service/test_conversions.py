"""Every field of every control message reaches its use case, and comes back from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from google.protobuf.message import Message

from policy_service.api.v1 import (
    access_pb2,
    attribute_pb2,
    casework_pb2,
    decision_log_pb2,
    people_pb2,
    record_pb2,
)
from policy_service.api.v1 import privacy_request_pb2 as requests_pb
from policy_service.decision_log.entry import StoredEntry, StreamId
from policy_service.model.attributes import AttributeValue
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import (
    ArtefactType,
    Capability,
    CommunicationSupport,
    ContactPoint,
    ContentDeclaration,
    Controller,
    CourtOrder,
    FieldType,
    Fingerprint,
    Override,
    PartType,
    Person,
    PersonId,
    PrivacyRequest,
    Record,
    RecordId,
    RecordParty,
    RecordType,
    Relationship,
    RolePurpose,
    SafeContact,
    System,
    Token,
    User,
)
from policy_service.model.obligation import ObligationKind
from policy_service.model.vocabulary import (
    Channel,
    ContactKind,
    InterpreterGender,
    InterpreterMode,
    OnLapse,
    OrganisationRole,
    OverrideKind,
    PersonKind,
    Purpose,
    RelationKind,
    RequestKind,
    RequestState,
    Role,
    StaffRole,
    UserKind,
    Verb,
    Visibility,
    WrittenFormat,
)
from policy_service.server import (
    convert_access,
    convert_casework,
    convert_log,
    convert_people,
    convert_records,
    convert_requests,
)
from policy_service.service.access import RevokeToken, TokenIssued
from policy_service.service.access_asked import IssueToken, PutSystem, PutUser
from policy_service.service.asking import Done, Listed, Note
from policy_service.service.casework import EndOrder, EndOverride, GrantOverride, ListOfRecord, RecordOrder
from policy_service.service.declarations import DeclareContents
from policy_service.service.pages import PageAsked
from policy_service.service.people import GetPerson, PersonFound
from policy_service.service.people_asked import PutContactPoint, PutPerson, PutRelationship
from policy_service.service.person_put import PersonPut
from policy_service.service.record_put import PartyAsked, PutRecord, RecordPut
from policy_service.service.records import GetRecord, PutArtefactType, PutRecordType
from policy_service.service.request_details import CommunicationAsked, SafeContactAsked
from policy_service.service.requests import ListRequests, RecordRequest, RequestShown

POLICE = Controller("police")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def noted(request: Message) -> Note:
    return Note("why", "key", request.SerializeToString(deterministic=True))


def test_put_person() -> None:
    request = people_pb2.PutPersonRequest(
        person=people_pb2.Person(
            identifiers=["a:1", "b:2"],
            kind="organisation",
            birth_date="1990-05-04",
            organisation_roles=["contractor"],
            categories=["finance"],
            names=["Vera Example", "V. Example"],
        ),
        idempotency_key="key",
        reason="why",
    )
    assert convert_people.parse_put_person(request.SerializeToString()) == PutPerson(
        ("a:1", "b:2"),
        PersonKind.ORGANISATION,
        date(1990, 5, 4),
        (OrganisationRole.CONTRACTOR,),
        ("finance",),
        ("Vera Example", "V. Example"),
        noted(request),
    )
    person = Person(
        PersonId("p"),
        POLICE,
        PersonKind.ORGANISATION,
        date(1990, 5, 4),
        (OrganisationRole.CONTRACTOR,),
        ("finance",),
    )
    answer = convert_people.person_response(Done(PersonPut(person, ("a:1", "b:2"), "r0"), "token"))
    request.person.person_id, request.person.roster_token = "p", "r0"
    del request.person.names[:]
    assert people_pb2.PutPersonResponse.FromString(answer) == people_pb2.PutPersonResponse(
        person=request.person, facts_token="token"
    )


def test_put_relationship() -> None:
    request = people_pb2.PutRelationshipRequest(
        relationship=people_pb2.Relationship(
            from_person="a:1",
            to_person="b:2",
            kind="parent_of",
            basis="order",
            parental_responsibility=True,
            valid_from="2026-01-01",
            valid_until="2026-02-01",
            review_date="2027-01-01",
            confirmed=True,
        ),
        idempotency_key="key",
        reason="why",
    )
    begins, ends, review = date(2026, 1, 1), date(2026, 2, 1), date(2027, 1, 1)
    assert convert_people.parse_put_relationship(request.SerializeToString()) == PutRelationship(
        "a:1", "b:2", RelationKind.PARENT_OF, "order", True, begins, ends, review, True, noted(request)
    )
    later = NOON + timedelta(days=1)
    related = Relationship(
        "r",
        POLICE,
        PersonId("1"),
        PersonId("2"),
        RelationKind.PARENT_OF,
        "order",
        True,
        begins,
        ends,
        NOON,
        review,
        later,
        "officer",
    )
    expected = request.relationship
    expected.relationship_id, expected.from_person, expected.to_person = "r", "person:1", "person:2"
    expected.recorded_at, expected.confirmed_at = NOON.isoformat(), later.isoformat()
    answer = convert_people.relationship_response(Done(related, "token"))
    assert people_pb2.PutRelationshipResponse.FromString(answer) == people_pb2.PutRelationshipResponse(
        relationship=expected, facts_token="token"
    )


def test_put_contact_point() -> None:
    request = people_pb2.PutContactPointRequest(
        contact_point=people_pb2.ContactPoint(
            owner="a:1",
            kind="post",
            value="1 Test Street\nTestham",
            reference="CRM/7",
            uprn="12",
            home=True,
            voicemail_safe=True,
            verified_at="2026-03-02T12:00:00Z",
            institution=True,
            from_herself=True,
            shared=True,
            service_address=True,
        ),
        idempotency_key="key",
        reason="why",
    )
    assert convert_people.parse_put_contact_point(request.SerializeToString()) == PutContactPoint(
        "a:1",
        ContactKind.POST,
        "1 Test Street\nTestham",
        "CRM/7",
        "12",
        True,
        True,
        NOON,
        True,
        True,
        True,
        True,
        noted(request),
    )
    point = ContactPoint(
        "c",
        POLICE,
        PersonId("1"),
        ContactKind.POST,
        Fingerprint("f" * 64),
        "CRM/7",
        Fingerprint("u" * 64),
        True,
        True,
        NOON,
        True,
        True,
        True,
        True,
    )
    expected = request.contact_point
    expected.contact_point_id, expected.owner, expected.verified_at = "c", "person:1", NOON.isoformat()
    expected.value = expected.uprn = ""
    answer = convert_people.contact_point_response(Done(point, "token"))
    assert people_pb2.PutContactPointResponse.FromString(answer) == people_pb2.PutContactPointResponse(
        contact_point=expected, facts_token="token"
    )


def test_get_person() -> None:
    asked = people_pb2.GetPersonRequest(person="a:1").SerializeToString()
    assert convert_people.parse_get_person(asked) == GetPerson("a:1")
    vera, adam = PersonId("1"), PersonId("2")
    found = PersonFound(
        Person(vera, POLICE),
        "r0",
        (Relationship("r", POLICE, adam, vera, RelationKind.ADVERSE_TO),),
        (ContactPoint("c", POLICE, vera, ContactKind.PHONE, Fingerprint("f" * 64)),),
        ("a", "b"),
    )
    answer = people_pb2.GetPersonResponse.FromString(convert_people.get_person_response(found))
    assert answer == people_pb2.GetPersonResponse(
        person=people_pb2.Person(person_id="1", kind="private", roster_token="r0"),
        relationships=[
            people_pb2.Relationship(
                relationship_id="r", from_person="person:2", to_person="person:1", kind="adverse_to"
            )
        ],
        contact_points=[people_pb2.ContactPoint(contact_point_id="c", owner="person:1", kind="phone")],
        schemes=["a", "b"],
    )


PART = PartType("page-3", ("location.current",), ("victim", "party:vera"), True)
PART_MESSAGE = record_pb2.Part(
    name="page-3", categories=["location.current"], about=["victim", "party:vera"], separable=True
)
FIELD = FieldType("tip", ("finance", "metadata"), ("subject", "child"), (PART,), True, "last4")
FIELD_MESSAGE = record_pb2.FieldType(
    name="tip",
    categories=["finance", "metadata"],
    about=["subject", "child"],
    parts=[PART_MESSAGE],
    premises=True,
    mask="last4",
)


def test_put_record_type() -> None:
    request = record_pb2.PutRecordTypeRequest(
        record_type=record_pb2.RecordType(
            name="x",
            extends="base.case",
            fields=[FIELD_MESSAGE],
            secret_roles=["applicant"],
            protection_team="team",
            known_to_parents=True,
            people_on_file=True,
            assurance=2,
            attributes=["tenure", "house"],
        ),
        idempotency_key="key",
        reason="why",
    )
    assert convert_records.parse_put_record_type(request.SerializeToString()) == PutRecordType(
        "x",
        "base.case",
        (FIELD,),
        (Role.APPLICANT,),
        "team",
        True,
        True,
        2,
        ("tenure", "house"),
        noted(request),
    )
    record_type = RecordType(
        "t",
        POLICE,
        "x",
        "base.case",
        (FIELD,),
        (Role.APPLICANT,),
        "team",
        True,
        True,
        2,
        ("tenure", "house"),
    )
    answer = convert_records.record_type_response(Done(record_type, "token"))
    assert record_pb2.PutRecordTypeResponse.FromString(answer) == record_pb2.PutRecordTypeResponse(
        record_type=request.record_type, facts_token="token"
    )
    listed = record_pb2.ListRecordTypesResponse.FromString(
        convert_records.record_types_response(Listed((record_type,), "next"))
    )
    assert (list(listed.record_types), listed.next_page_token) == ([request.record_type], "next")


def test_put_artefact_type() -> None:
    request = record_pb2.PutArtefactTypeRequest(
        artefact_type=record_pb2.ArtefactType(
            name="x",
            envelope=[FIELD_MESSAGE],
            capabilities=[record_pb2.Capability(obligation="redact", evidence="proof/7", until="2026-12-31")],
        ),
        idempotency_key="key",
        reason="why",
    )
    proven = (Capability(ObligationKind.REDACT, "proof/7", date(2026, 12, 31)),)
    assert convert_records.parse_put_artefact_type(request.SerializeToString()) == PutArtefactType(
        "x",
        (FIELD,),
        proven,
        noted(request),
    )
    artefact_type = ArtefactType("a", POLICE, "x", (FIELD,), proven)
    answer = convert_records.artefact_type_response(Done(artefact_type, "token"))
    assert record_pb2.PutArtefactTypeResponse.FromString(answer) == record_pb2.PutArtefactTypeResponse(
        artefact_type=request.artefact_type, facts_token="token"
    )


SAID = [
    attribute_pb2.AttributeValue(name="word", text="a"),
    attribute_pb2.AttributeValue(name="words", texts=attribute_pb2.AttributeTexts(values=["a", "b"])),
    attribute_pb2.AttributeValue(name="none", texts=attribute_pb2.AttributeTexts()),
    attribute_pb2.AttributeValue(name="yes", boolean=True),
    attribute_pb2.AttributeValue(name="no", boolean=False),
    attribute_pb2.AttributeValue(name="whole", number=3),
    attribute_pb2.AttributeValue(name="part", number=-0.5),
]
VALUES = (
    AttributeValue("word", "a"),
    AttributeValue("words", ("a", "b")),
    AttributeValue("none", ()),
    AttributeValue("yes", True),
    AttributeValue("no", False),
    AttributeValue("whole", 3),
    AttributeValue("part", -0.5),
)


def test_put_record() -> None:
    request = record_pb2.PutRecordRequest(
        record=record_pb2.Record(
            reference="OM-1",
            record_type="x",
            teams=["a", "b"],
            parties=[record_pb2.Party(party="vera", role="victim", person="a:1")],
            premises="1 Test Street\nTestham",
            premises_uprn="12",
            attributes=SAID,
        ),
        idempotency_key="key",
        reason="why",
    )
    assert convert_records.parse_put_record(request.SerializeToString()) == PutRecord(
        "OM-1",
        "x",
        ("a", "b"),
        (PartyAsked("vera", Role.VICTIM, "a:1"),),
        "1 Test Street\nTestham",
        "12",
        VALUES,
        noted(request),
    )
    premises, uprn = Fingerprint("f" * 64), Fingerprint("u" * 64)
    record = Record(RecordId("r"), POLICE, "OM-1", "x", ("a", "b"), premises, uprn, VALUES)
    party = RecordParty("p", POLICE, record.record_id, "vera", Role.VICTIM, PersonId("1"))
    request.record.parties[0].person = "person:1"
    request.record.premises = request.record.premises_uprn = ""
    answer = convert_records.record_response(Done(RecordPut(record, (party,)), "token"))
    assert record_pb2.PutRecordResponse.FromString(answer) == record_pb2.PutRecordResponse(
        record=request.record, facts_token="token"
    )
    asked = record_pb2.GetRecordRequest(reference="OM-1").SerializeToString()
    assert convert_records.parse_get_record(asked) == GetRecord("OM-1")
    got = convert_records.get_record_response(RecordPut(record, (party,)))
    assert record_pb2.GetRecordResponse.FromString(got).record == request.record


def test_declare_contents() -> None:
    request = record_pb2.DeclareContentsRequest(
        declaration=record_pb2.ContentDeclaration(
            digest=b"\x07" * 32, record="OM-1", field="bundle", parts=[PART_MESSAGE], user="clerk"
        ),
        idempotency_key="key",
        reason="why",
    )
    assert convert_records.parse_declare_contents(request.SerializeToString()) == DeclareContents(
        b"\x07" * 32, "OM-1", "bundle", (PART,), "clerk", noted(request)
    )
    stored = ContentDeclaration("d", POLICE, "07" * 32, "OM-1", "bundle", "records", "clerk", NOON, (PART,))
    request.declaration.declaration_id = "d"
    answer = convert_records.declaration_response(Done(stored, "token"))
    assert record_pb2.DeclareContentsResponse.FromString(answer) == record_pb2.DeclareContentsResponse(
        declaration=request.declaration, facts_token="token"
    )


def privacy_request() -> requests_pb.PrivacyRequest:
    return requests_pb.PrivacyRequest(
        person="person:1",
        kind="do_not_share",
        covers=["person:2"],
        scope=requests_pb.Scope(categories=["finance"], record_types=["x"], records=["R"], systems=["s"]),
        recipients=["team:t"],
        everyone_except=True,
        purposes=["care", "crime"],
        legal_basis="art. 21",
        raised_by="court",
        evidence="E/1",
        valid_from="2026-01-01",
        valid_until="2026-02-01T00:00:00Z",
        zone="Europe/Paris",
        review_date="2026-06-01",
        on_lapse="lapse",
        visibility="secret",
        safe_contact=requests_pb.SafeContact(
            contact_points=["CRM/7", "CRM/8"],
            channels=["post", "phone.live"],
            hours=["mon-fri 09:30-14:00"],
            no_voicemail=True,
            neutral_sender=True,
        ),
        communication=requests_pb.CommunicationSupport(
            language="pl",
            modes=["on_site", "video"],
            sign_language="bfi",
            interpreter_gender=["woman"],
            not_these=["person:3"],
            written_formats=["braille"],
            access_needs=["hearing-loop"],
        ),
    )


NEEDS = (
    "pl",
    (InterpreterMode.ON_SITE, InterpreterMode.VIDEO),
    "bfi",
    (InterpreterGender.WOMAN,),
)
STORED = PrivacyRequest(
    request_id="q",
    controller=POLICE,
    person_id=PersonId("1"),
    kind=RequestKind.DO_NOT_SHARE,
    state=RequestState.ACTIVE,
    received_at=NOON,
    received_by="officer",
    covers=(PersonId("2"),),
    categories=("finance",),
    record_types=("x",),
    records=("R",),
    systems=("s",),
    recipients=("team:t",),
    everyone_except=True,
    purposes=(Purpose.CARE, Purpose.CRIME),
    legal_basis="art. 21",
    raised_by="court",
    evidence="E/1",
    valid_from="2026-01-01",
    valid_until="2026-02-01T00:00:00Z",
    ends_at=NOON,
    zone="Europe/Paris",
    review_date=date(2026, 6, 1),
    on_lapse=OnLapse.LAPSE,
    visibility=Visibility.SECRET,
    begins_at=NOON,
    safe_contact=SafeContact(
        ("c7", "c8"), (Channel.POST, Channel.PHONE_LIVE), ("mon-fri 09:30-14:00",), True, True
    ),
    communication=CommunicationSupport(*NEEDS, (PersonId("3"),), (WrittenFormat.BRAILLE,), ("hearing-loop",)),
)
SHOWN = RequestShown(STORED, ("CRM/7", "CRM/8"))


def test_record_request() -> None:
    asked = requests_pb.PrivacyRequestServiceRecordRequest(
        request=privacy_request(), idempotency_key="key", reason="why"
    )
    assert convert_requests.parse_record(asked.SerializeToString()) == RecordRequest(
        person="person:1",
        kind=RequestKind.DO_NOT_SHARE,
        covers=("person:2",),
        categories=("finance",),
        record_types=("x",),
        records=("R",),
        systems=("s",),
        recipients=("team:t",),
        everyone_except=True,
        purposes=(Purpose.CARE, Purpose.CRIME),
        legal_basis="art. 21",
        raised_by="court",
        evidence="E/1",
        valid_from="2026-01-01",
        valid_until="2026-02-01T00:00:00Z",
        zone="Europe/Paris",
        review_date=date(2026, 6, 1),
        on_lapse=OnLapse.LAPSE,
        visibility=Visibility.SECRET,
        safe_contact=SafeContactAsked(
            ("CRM/7", "CRM/8"), (Channel.POST, Channel.PHONE_LIVE), ("mon-fri 09:30-14:00",), True, True
        ),
        communication=CommunicationAsked(*NEEDS, ("person:3",), (WrittenFormat.BRAILLE,), ("hearing-loop",)),
        note=noted(asked),
    )


def test_request_answers() -> None:
    expected = privacy_request()
    expected.request_id, expected.state, expected.received_by = "q", "active", "officer"
    expected.received_at.FromDatetime(NOON)
    recorded = convert_requests.record_response(Done(SHOWN, "token", ("a slip?",)))
    assert requests_pb.PrivacyRequestServiceRecordResponse.FromString(
        recorded
    ) == requests_pb.PrivacyRequestServiceRecordResponse(
        request=expected, facts_token="token", notes=["a slip?"]
    )
    got = convert_requests.get_response(SHOWN)
    assert requests_pb.PrivacyRequestServiceGetResponse.FromString(got).request == expected
    listed = requests_pb.PrivacyRequestServiceListResponse.FromString(
        convert_requests.list_response(Listed((SHOWN, SHOWN), "next"))
    )
    assert (list(listed.requests), listed.next_page_token) == ([expected, expected], "next")


def test_a_request_without_details_is_answered_without_them() -> None:
    plain = RequestShown(replace(STORED, safe_contact=None, communication=None))
    answer = requests_pb.PrivacyRequestServiceGetResponse.FromString(convert_requests.get_response(plain))
    assert not answer.request.HasField("safe_contact")
    assert not answer.request.HasField("communication")


def test_what_a_request_says_by_saying_nothing() -> None:
    asked = requests_pb.PrivacyRequestServiceRecordRequest(
        request=requests_pb.PrivacyRequest(person="a:1", kind="object")
    )
    parsed = convert_requests.parse_record(asked.SerializeToString())
    assert parsed == RecordRequest("a:1", RequestKind.OBJECT)
    assert (parsed.zone, parsed.on_lapse, parsed.visibility, parsed.raised_by) == (
        "Europe/London",
        OnLapse.HOLD,
        Visibility.STAFF,
        "self",
    )


def test_list_requests() -> None:
    asked = requests_pb.PrivacyRequestServiceListRequest(person="a:1", page_size=3, page_token="t")
    assert convert_requests.parse_list(asked.SerializeToString()) == ListRequests("a:1", PageAsked(3, "t"))


GRANT = access_pb2.Grant(
    record_types=["x", "y"],
    verbs=["send", "see"],
    purposes=["crime", "care"],
    may_describe=True,
    assert_roles=["r"],
    assert_teams=["t"],
    self_service=True,
    role_purposes=[access_pb2.RolePurpose(purpose="crime", roles=["detective"])],
    declare_contents=True,
    may_explain=True,
    assert_attributes=["training"],
)


def test_put_system() -> None:
    system = access_pb2.System(name="records", controller="police", grant=GRANT, suspended=True)
    request = access_pb2.PutSystemRequest(system=system, idempotency_key="key", reason="why")
    verbs, purposes = (Verb.SEND, Verb.SEE), (Purpose.CRIME, Purpose.CARE)
    assert convert_access.parse_put_system(request.SerializeToString()) == PutSystem(
        "records",
        "police",
        ("x", "y"),
        verbs,
        purposes,
        True,
        ("r",),
        ("t",),
        True,
        True,
        (RolePurpose(Purpose.CRIME, ("detective",)),),
        True,
        True,
        ("training",),
        noted(request),
    )
    stored = System(
        "s",
        POLICE,
        "records",
        ("x", "y"),
        verbs,
        purposes,
        True,
        ("r",),
        ("t",),
        True,
        True,
        (RolePurpose(Purpose.CRIME, ("detective",)),),
        True,
        True,
        ("training",),
    )
    answer = convert_access.system_response(Done(stored, "token"))
    assert access_pb2.PutSystemResponse.FromString(answer) == access_pb2.PutSystemResponse(
        system=system, facts_token="token"
    )
    listed = access_pb2.ListSystemsResponse.FromString(
        convert_access.systems_response(Listed((stored,), "next"))
    )
    assert (list(listed.systems), listed.next_page_token) == ([system], "next")


def test_put_user() -> None:
    user = access_pb2.User(
        reference="nightly",
        kind="job",
        person="person:1",
        roles=["r"],
        teams=["t"],
        organisation="firm",
        owner="chief",
        record_types=["x"],
        suspended=True,
        controller="police",
        attributes=SAID,
    )
    request = access_pb2.PutUserRequest(user=user, idempotency_key="key", reason="why")
    assert convert_access.parse_put_user(request.SerializeToString()) == PutUser(
        "nightly",
        "police",
        UserKind.JOB,
        "person:1",
        ("r",),
        ("t",),
        "firm",
        "chief",
        ("x",),
        True,
        VALUES,
        noted(request),
    )
    whose = (UserKind.JOB, PersonId("1"), ("r",), ("t",), "firm", "chief", ("x",), True, VALUES)
    stored = User("u", POLICE, "nightly", *whose)
    answer = convert_access.user_response(Done(stored, "token"))
    assert access_pb2.PutUserResponse.FromString(answer) == access_pb2.PutUserResponse(
        user=user, facts_token="token"
    )
    got = access_pb2.GetUserResponse.FromString(convert_access.get_user_response(stored))
    assert got == access_pb2.GetUserResponse(user=user)
    listed = access_pb2.ListUsersResponse.FromString(
        convert_access.users_response(Listed((stored, stored), "next"))
    )
    assert listed == access_pb2.ListUsersResponse(users=[user, user], next_page_token="next")
    nobodys = access_pb2.PutUserResponse.FromString(
        convert_access.user_response(Done(replace(stored, person_id=PersonId("")), ""))
    )
    assert nobodys.user.person == ""


def test_override() -> None:
    request = casework_pb2.GrantOverrideRequest(
        override=casework_pb2.Override(
            kind="break_glass",
            user="d.clinician",
            record="W-1",
            people=["a:1"],
            categories=["health.letter"],
            recipients=["team:ward"],
            justification="she is unconscious",
            valid_minutes=30,
        ),
        idempotency_key="key",
        reason="why",
    )
    assert convert_casework.parse_grant_override(request.SerializeToString()) == GrantOverride(
        OverrideKind.BREAK_GLASS,
        "d.clinician",
        "W-1",
        ("health.letter",),
        "she is unconscious",
        ("a:1",),
        ("team:ward",),
        30,
        noted(request),
    )
    ends = NOON + timedelta(minutes=30)
    stored = Override(
        "o",
        POLICE,
        OverrideKind.BREAK_GLASS,
        "d.clinician",
        "W-1",
        (PersonId("1"),),
        ("health.letter",),
        ("team:ward",),
        "she is unconscious",
        "approver",
        NOON,
        ends,
    )
    expected = request.override
    expected.override_id, expected.people[0], expected.valid_minutes = "o", "person:1", 0
    expected.granted_at, expected.ends_at, expected.granted_by = (
        NOON.isoformat(),
        ends.isoformat(),
        "approver",
    )
    done = Done(stored, "token")
    granted = casework_pb2.GrantOverrideResponse.FromString(convert_casework.granted_response(done))
    assert granted == casework_pb2.GrantOverrideResponse(override=expected, facts_token="token")
    ended = casework_pb2.EndOverrideResponse.FromString(convert_casework.ended_override_response(done))
    assert ended == casework_pb2.EndOverrideResponse(override=expected, facts_token="token")
    listed = casework_pb2.ListOverridesResponse.FromString(
        convert_casework.overrides_response(Listed((stored,), "next"))
    )
    assert (list(listed.overrides), listed.next_page_token) == ([expected], "next")
    end = casework_pb2.EndOverrideRequest(override_id="o", idempotency_key="key", reason="why")
    assert convert_casework.parse_end_override(end.SerializeToString()) == EndOverride("o", noted(end))
    asked = casework_pb2.ListOverridesRequest(record="W-1", page_size=3, page_token="t")
    assert convert_casework.parse_list_overrides(asked.SerializeToString()) == ListOfRecord(
        "W-1", PageAsked(3, "t")
    )


def test_order() -> None:
    request = casework_pb2.RecordOrderRequest(
        order=casework_pb2.CourtOrder(
            reference="FC/12",
            record="W-1",
            people=["a:1"],
            categories=["legal.orders"],
            recipients=["a:2"],
            begins="2026-03-01",
            ends="2026-03-02T12:00:00Z",
        ),
        idempotency_key="key",
        reason="why",
    )
    assert convert_casework.parse_record_order(request.SerializeToString()) == RecordOrder(
        "W-1",
        ("a:1",),
        ("legal.orders",),
        ("a:2",),
        "2026-03-02T12:00:00Z",
        "2026-03-01",
        "FC/12",
        noted(request),
    )
    begins = NOON - timedelta(days=1)
    stored = CourtOrder(
        "o",
        POLICE,
        "FC/12",
        "W-1",
        (PersonId("1"),),
        ("legal.orders",),
        ("person:2",),
        "officer",
        begins,
        NOON,
    )
    expected = request.order
    expected.order_id, expected.people[0], expected.recipients[0] = "o", "person:1", "person:2"
    expected.begins, expected.ends, expected.recorded_by = begins.isoformat(), NOON.isoformat(), "officer"
    done = Done(stored, "token")
    recorded = casework_pb2.RecordOrderResponse.FromString(convert_casework.recorded_order_response(done))
    assert recorded == casework_pb2.RecordOrderResponse(order=expected, facts_token="token")
    ended = casework_pb2.EndOrderResponse.FromString(convert_casework.ended_order_response(done))
    assert ended == casework_pb2.EndOrderResponse(order=expected, facts_token="token")
    listed = casework_pb2.ListOrdersResponse.FromString(
        convert_casework.orders_response(Listed((stored,), "next"))
    )
    assert (list(listed.orders), listed.next_page_token) == ([expected], "next")
    end = casework_pb2.EndOrderRequest(order_id="o", idempotency_key="key", reason="why")
    assert convert_casework.parse_end_order(end.SerializeToString()) == EndOrder("o", noted(end))
    asked = casework_pb2.ListOrdersRequest(record="W-1", page_size=3, page_token="t")
    assert convert_casework.parse_list_orders(asked.SerializeToString()) == ListOfRecord(
        "W-1", PageAsked(3, "t")
    )


TOKEN = Token("0123456789abcdef", POLICE, "h" * 64, NOON, NOON, "records", "m", (StaffRole.APPROVER,), NOON)


def test_tokens() -> None:
    request = access_pb2.IssueTokenRequest(
        system="s", principal="p", roles=["auditor"], controller="police", valid_days=7, reason="why"
    )
    assert convert_access.parse_issue_token(request.SerializeToString()) == IssueToken(
        "s", "p", (StaffRole.AUDITOR,), "police", 7, Note("why")
    )
    expected = access_pb2.Token(
        token_id=TOKEN.token_id, system="records", principal="m", roles=["approver"], controller="police"
    )
    for moment in (expected.created_at, expected.expires_at, expected.revoked_at):
        moment.FromDatetime(NOON)
    issued = convert_access.issued_response(Done(TokenIssued(TOKEN, "secret"), "token"))
    assert access_pb2.IssueTokenResponse.FromString(issued) == access_pb2.IssueTokenResponse(
        token=expected, secret="secret", facts_token="token"
    )
    revoke = access_pb2.RevokeTokenRequest(token_id=TOKEN.token_id, reason="why")
    assert convert_access.parse_revoke_token(revoke.SerializeToString()) == RevokeToken(
        TOKEN.token_id, Note("why")
    )
    revoked = convert_access.revoked_response(Done(TOKEN, "token"))
    assert access_pb2.RevokeTokenResponse.FromString(revoked) == access_pb2.RevokeTokenResponse(
        token=expected, facts_token="token"
    )
    listed = convert_access.tokens_response(Listed((replace(TOKEN, revoked_at=None),), "next"))
    assert b"h" * 64 not in listed
    (token,) = access_pb2.ListTokensResponse.FromString(listed).tokens
    assert not token.HasField("revoked_at")


def test_pages() -> None:
    systems = access_pb2.ListSystemsRequest(page_size=3, page_token="t").SerializeToString()
    tokens = access_pb2.ListTokensRequest(page_size=4, page_token="u").SerializeToString()
    assert convert_access.parse_list_systems(systems) == PageAsked(3, "t")
    users = access_pb2.ListUsersRequest(page_size=6, page_token="w").SerializeToString()
    assert convert_access.parse_list_users(users) == PageAsked(6, "w")
    assert convert_access.parse_list_tokens(tokens) == PageAsked(4, "u")
    types = record_pb2.ListRecordTypesRequest(page_size=5, page_token="v").SerializeToString()
    assert convert_records.parse_list_record_types(types) == PageAsked(5, "v")


def test_a_log_entry_comes_with_its_bytes_and_place() -> None:
    entry = decision_log_pb2.LogEntry(entry_id="e", method="X/Y")
    stored = StoredEntry(StreamId("s"), "control", 7, "e", 0, entry.SerializeToString(), b"\1" * 32)
    answer = decision_log_pb2.DecisionLogServiceGetResponse.FromString(convert_log.get_response(stored))
    assert answer == decision_log_pb2.DecisionLogServiceGetResponse(
        entry=entry, entry_bytes=entry.SerializeToString(), stream_id="s", index=7, leaf_hash=b"\1" * 32
    )


@pytest.mark.parametrize(
    "parse",
    [
        convert_people.parse_put_person,
        convert_people.parse_put_relationship,
        convert_people.parse_put_contact_point,
        convert_people.parse_get_person,
        convert_records.parse_put_record_type,
        convert_records.parse_put_artefact_type,
        convert_records.parse_put_record,
        convert_records.parse_declare_contents,
        convert_records.parse_get_record,
        convert_records.parse_list_record_types,
        convert_casework.parse_grant_override,
        convert_casework.parse_end_override,
        convert_casework.parse_record_order,
        convert_casework.parse_end_order,
        convert_casework.parse_list_overrides,
        convert_casework.parse_list_orders,
        convert_requests.parse_record,
        convert_requests.parse_get,
        convert_requests.parse_list,
        convert_access.parse_put_system,
        convert_access.parse_put_user,
        convert_access.parse_get_user,
        convert_access.parse_list_users,
        convert_access.parse_issue_token,
        convert_access.parse_revoke_token,
        convert_access.parse_list_systems,
        convert_access.parse_list_tokens,
        convert_log.parse_get,
    ],
)
def test_bytes_that_cannot_be_read_are_refused(parse: object) -> None:
    assert callable(parse)
    with pytest.raises(InvalidArgumentError) as caught:
        parse(b"\xff\xff")
    assert caught.value.reason == "UNREADABLE_MESSAGE"
