"""Every field of every control message reaches its use case, and comes back from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from google.protobuf.message import Message

from policy_service.api.v1 import access_pb2, decision_log_pb2, people_pb2, record_pb2
from policy_service.api.v1 import privacy_request_pb2 as requests_pb
from policy_service.decision_log.entry import StoredEntry, StreamId
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import (
    ArtefactType,
    ContactPoint,
    Controller,
    FieldType,
    Fingerprint,
    Person,
    PersonId,
    PrivacyRequest,
    Record,
    RecordId,
    RecordParty,
    RecordType,
    Relationship,
    System,
    Token,
    User,
)
from policy_service.model.vocabulary import (
    ContactKind,
    OnLapse,
    OrganisationRole,
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
)
from policy_service.server import (
    convert_access,
    convert_log,
    convert_people,
    convert_records,
    convert_requests,
)
from policy_service.service.access import IssueToken, PutSystem, PutUser, RevokeToken, TokenIssued
from policy_service.service.asking import Done, Listed, Note
from policy_service.service.pages import PageAsked
from policy_service.service.people import PersonPut, PutContactPoint, PutPerson, PutRelationship
from policy_service.service.records import PartyAsked, PutArtefactType, PutRecord, PutRecordType, RecordPut
from policy_service.service.requests import ListRequests, RecordRequest

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
    answer = convert_people.person_response(Done(PersonPut(person, ("a:1", "b:2")), "token"))
    request.person.person_id = "p"
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
        ),
        idempotency_key="key",
        reason="why",
    )
    begins, ends = date(2026, 1, 1), date(2026, 2, 1)
    assert convert_people.parse_put_relationship(request.SerializeToString()) == PutRelationship(
        "a:1", "b:2", RelationKind.PARENT_OF, "order", True, begins, ends, noted(request)
    )
    related = Relationship(
        "r", POLICE, PersonId("1"), PersonId("2"), RelationKind.PARENT_OF, "order", True, begins, ends
    )
    expected = request.relationship
    expected.relationship_id, expected.from_person, expected.to_person = "r", "person:1", "person:2"
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
    )
    expected = request.contact_point
    expected.contact_point_id, expected.owner, expected.verified_at = "c", "person:1", NOON.isoformat()
    expected.value = expected.uprn = ""
    answer = convert_people.contact_point_response(Done(point, "token"))
    assert people_pb2.PutContactPointResponse.FromString(answer) == people_pb2.PutContactPointResponse(
        contact_point=expected, facts_token="token"
    )


FIELD = FieldType("tip", ("finance", "metadata"), ("subject", "child"))
FIELD_MESSAGE = record_pb2.FieldType(
    name="tip", categories=["finance", "metadata"], about=["subject", "child"]
)


def test_put_record_type() -> None:
    request = record_pb2.PutRecordTypeRequest(
        record_type=record_pb2.RecordType(
            name="x",
            extends="base.case",
            fields=[FIELD_MESSAGE],
            secret_roles=["applicant"],
            protection_team="team",
        ),
        idempotency_key="key",
        reason="why",
    )
    assert convert_records.parse_put_record_type(request.SerializeToString()) == PutRecordType(
        "x", "base.case", (FIELD,), (Role.APPLICANT,), "team", noted(request)
    )
    record_type = RecordType("t", POLICE, "x", "base.case", (FIELD,), (Role.APPLICANT,), "team")
    answer = convert_records.record_type_response(Done(record_type, "token"))
    assert record_pb2.PutRecordTypeResponse.FromString(answer) == record_pb2.PutRecordTypeResponse(
        record_type=request.record_type, facts_token="token"
    )


def test_put_artefact_type() -> None:
    request = record_pb2.PutArtefactTypeRequest(
        artefact_type=record_pb2.ArtefactType(name="x", envelope=[FIELD_MESSAGE]),
        idempotency_key="key",
        reason="why",
    )
    assert convert_records.parse_put_artefact_type(request.SerializeToString()) == PutArtefactType(
        "x", (FIELD,), noted(request)
    )
    answer = convert_records.artefact_type_response(Done(ArtefactType("a", POLICE, "x", (FIELD,)), "token"))
    assert record_pb2.PutArtefactTypeResponse.FromString(answer) == record_pb2.PutArtefactTypeResponse(
        artefact_type=request.artefact_type, facts_token="token"
    )


def test_put_record() -> None:
    request = record_pb2.PutRecordRequest(
        record=record_pb2.Record(
            reference="OM-1",
            record_type="x",
            teams=["a", "b"],
            parties=[record_pb2.Party(party="vera", role="victim", person="a:1")],
        ),
        idempotency_key="key",
        reason="why",
    )
    assert convert_records.parse_put_record(request.SerializeToString()) == PutRecord(
        "OM-1", "x", ("a", "b"), (PartyAsked("vera", Role.VICTIM, "a:1"),), noted(request)
    )
    record = Record(RecordId("r"), POLICE, "OM-1", "x", ("a", "b"))
    party = RecordParty("p", POLICE, record.record_id, "vera", Role.VICTIM, PersonId("1"))
    request.record.parties[0].person = "person:1"
    answer = convert_records.record_response(Done(RecordPut(record, (party,)), "token"))
    assert record_pb2.PutRecordResponse.FromString(answer) == record_pb2.PutRecordResponse(
        record=request.record, facts_token="token"
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
)


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
        note=noted(asked),
    )


def test_request_answers() -> None:
    expected = privacy_request()
    expected.request_id, expected.state, expected.received_by = "q", "active", "officer"
    expected.received_at.FromDatetime(NOON)
    recorded = convert_requests.record_response(Done(STORED, "token"))
    assert requests_pb.PrivacyRequestServiceRecordResponse.FromString(
        recorded
    ) == requests_pb.PrivacyRequestServiceRecordResponse(request=expected, facts_token="token")
    got = convert_requests.get_response(STORED)
    assert requests_pb.PrivacyRequestServiceGetResponse.FromString(got).request == expected
    listed = requests_pb.PrivacyRequestServiceListResponse.FromString(
        convert_requests.list_response(Listed((STORED, STORED), "next"))
    )
    assert (list(listed.requests), listed.next_page_token) == ([expected, expected], "next")


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
)


def test_put_system() -> None:
    system = access_pb2.System(name="records", controller="police", grant=GRANT, suspended=True)
    request = access_pb2.PutSystemRequest(system=system, idempotency_key="key", reason="why")
    verbs, purposes = (Verb.SEND, Verb.SEE), (Purpose.CRIME, Purpose.CARE)
    assert convert_access.parse_put_system(request.SerializeToString()) == PutSystem(
        "records", "police", ("x", "y"), verbs, purposes, True, ("r",), ("t",), True, True, noted(request)
    )
    stored = System("s", POLICE, "records", ("x", "y"), verbs, purposes, True, ("r",), ("t",), True, True)
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
        noted(request),
    )
    stored = User(
        "u", POLICE, "nightly", UserKind.JOB, PersonId("1"), ("r",), ("t",), "firm", "chief", ("x",), True
    )
    answer = convert_access.user_response(Done(stored, "token"))
    assert access_pb2.PutUserResponse.FromString(answer) == access_pb2.PutUserResponse(
        user=user, facts_token="token"
    )
    nobodys = access_pb2.PutUserResponse.FromString(
        convert_access.user_response(Done(replace(stored, person_id=PersonId("")), ""))
    )
    assert nobodys.user.person == ""


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
    assert convert_access.parse_list_tokens(tokens) == PageAsked(4, "u")


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
        convert_records.parse_put_record_type,
        convert_records.parse_put_artefact_type,
        convert_records.parse_put_record,
        convert_requests.parse_record,
        convert_requests.parse_get,
        convert_requests.parse_list,
        convert_access.parse_put_system,
        convert_access.parse_put_user,
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
