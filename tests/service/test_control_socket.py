"""The control plane as a client meets it: a process of its own, raw bytes in, the entry in the log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from policy_service.api.v1 import access_pb2, casework_pb2, decision_log_pb2, people_pb2, record_pb2
from policy_service.api.v1 import privacy_request_pb2 as requests_pb
from tests.service.control import Stores
from tests.service.over_the_wire import TRACE, Client, Refused, control_process
from tests.support.postgres import postgres_url

POLICE, TRUST = "example-police", "example-trust"
CANARY = "canary-0fb2"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def var_dir(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp(f"control-{request.param}")


@pytest.fixture(scope="module")
def first(request: pytest.FixtureRequest, var_dir: Path) -> Iterator[Client]:
    """The first administrator of an empty installation."""
    if var_dir.name.startswith("control-sqlite"):
        stores = Stores(f"sqlite:///{var_dir}/facts.db", f"sqlite:///{var_dir}/log")
    else:
        stores = Stores(postgres_url(), postgres_url())
    with control_process(stores, var_dir) as client:
        yield client


@pytest.fixture(scope="module")
def police(first: Client) -> Client:
    """The installation's administrator, acting for the police."""
    return first.acting_for(POLICE)


def token_of(first: Client, controller: str, principal: str, *roles: str) -> Client:
    asked = access_pb2.IssueTokenRequest(principal=principal, roles=roles, controller=controller)
    return first.bearing(first.ask(first.access.IssueToken, asked).secret)


def person(*identifiers: str) -> people_pb2.PutPersonRequest:
    return people_pb2.PutPersonRequest(person=people_pb2.Person(identifiers=identifiers), reason="by phone")


def recorded(
    identifier: str, kind: str = "withhold_location"
) -> requests_pb.PrivacyRequestServiceRecordRequest:
    request = requests_pb.PrivacyRequest(person=identifier, kind=kind, valid_until="2030-03-29")
    return requests_pb.PrivacyRequestServiceRecordRequest(request=request)


def test_an_organisation_is_put_on_file_and_read_again(police: Client) -> None:
    field = record_pb2.FieldType(name="tip", categories=["notes.free_text"], about=["informant"])
    case = record_pb2.RecordType(
        name="police.case",
        extends="base.case",
        fields=[field],
        secret_roles=["applicant"],
        protection_team="scheme-team",
    )
    answered = police.ask(police.records.PutRecordType, record_pb2.PutRecordTypeRequest(record_type=case))
    assert answered.record_type == case
    letter = record_pb2.ArtefactType(
        name="police.letter",
        envelope=[
            record_pb2.FieldType(name="copy_list", categories=["contact.post"], about=["co_recipient"])
        ],
    )
    put_letter = record_pb2.PutArtefactTypeRequest(artefact_type=letter)
    assert police.ask(police.records.PutArtefactType, put_letter).artefact_type == letter

    vera = police.ask(police.people.PutPerson, person("police-ref:P-1", "nhs-number:9434765919")).person
    adam = police.ask(police.people.PutPerson, person("police-ref:P-2")).person
    assert (vera.kind, list(vera.identifiers)) == ("private", ["police-ref:P-1", "nhs-number:9434765919"])
    relationship = people_pb2.Relationship(
        from_person="police-ref:P-2",
        to_person="police-ref:P-1",
        kind="adverse_to",
        basis="allegation",
        valid_from="2026-01-02",
    )
    put_relation = people_pb2.PutRelationshipRequest(relationship=relationship)
    related = police.ask(police.people.PutRelationship, put_relation).relationship
    assert (related.from_person, related.to_person) == (
        f"person:{adam.person_id}",
        f"person:{vera.person_id}",
    )
    assert (related.basis, related.valid_from, related.valid_until) == ("allegation", "2026-01-02", "")
    point = people_pb2.ContactPoint(
        owner="police-ref:P-1",
        kind="phone",
        value="07700 900123",
        reference="CRM/7",
        voicemail_safe=True,
        verified_at="2026-01-02T10:00:00+01:00",
    )
    put_point = people_pb2.PutContactPointRequest(contact_point=point)
    known = police.ask(police.people.PutContactPoint, put_point).contact_point
    assert (known.owner, known.value, known.uprn) == (f"person:{vera.person_id}", "", "")
    assert (known.reference, known.verified_at) == ("CRM/7", "2026-01-02T09:00:00+00:00")

    record = record_pb2.Record(
        reference="OM-1",
        record_type="police.case",
        teams=["offender-managers"],
        parties=[record_pb2.Party(party="adam", role="subject", person="police-ref:P-2")],
    )
    stored = police.ask(police.records.PutRecord, record_pb2.PutRecordRequest(record=record)).record
    record.parties[0].person = f"person:{adam.person_id}"
    assert stored == record

    user = access_pb2.User(reference="o.manager", roles=["offender_manager"], teams=["offender-managers"])
    user_on_file = police.ask(police.access.PutUser, access_pb2.PutUserRequest(user=user)).user
    assert (user_on_file.kind, user_on_file.controller) == ("staff", POLICE)
    grant = access_pb2.Grant(
        record_types=["*"], verbs=["see", "send"], purposes=["casework"], may_describe=True
    )
    system = access_pb2.System(name="police-records", grant=grant)
    put_system = access_pb2.PutSystemRequest(system=system)
    assert police.ask(police.access.PutSystem, put_system).system.grant == grant
    listed = police.ask(police.access.ListSystems, access_pb2.ListSystemsRequest())
    assert [(each.name, each.controller) for each in listed.systems] == [("police-records", POLICE)]

    wanted = recorded("nhs-number:943 476 5919", "do_not_share")
    wanted.request.recipients.extend(["police-ref:P-2", "user:o.manager"])
    wanted.request.purposes.append("care")
    done = police.ask(police.requests.Record, wanted)
    request = done.request
    assert done.facts_token
    assert request.person == f"person:{vera.person_id}"
    assert (request.state, request.zone, request.on_lapse, request.visibility) == (
        "active",
        "Europe/London",
        "hold",
        "staff",
    )
    assert list(request.recipients) == [f"person:{adam.person_id}", "user:o.manager"]
    assert request.received_at.seconds > 0
    get = requests_pb.PrivacyRequestServiceGetRequest(request_id=request.request_id)
    assert police.ask(police.requests.Get, get).request == request
    of_vera = requests_pb.PrivacyRequestServiceListRequest(person="police-ref:P-1")
    assert list(police.ask(police.requests.List, of_vera).requests) == [request]


def test_the_rest_of_what_a_person_asks_for_is_put_on_file_and_read_again(police: Client) -> None:
    vera, adam = (
        police.ask(police.people.PutPerson, person(f"police-ref:P-{number}")).person for number in (50, 51)
    )
    point = people_pb2.ContactPoint(
        owner="police-ref:P-50", kind="phone", value="07700 900150", reference="CRM/50", from_herself=True
    )
    put_point = people_pb2.PutContactPointRequest(contact_point=point)
    known = police.ask(police.people.PutContactPoint, put_point).contact_point
    relation = people_pb2.Relationship(
        from_person="police-ref:P-51",
        to_person="police-ref:P-50",
        kind="adverse_to",
        basis="allegation",
        confirmed=True,
    )
    put_relation = people_pb2.PutRelationshipRequest(relationship=relation)
    related = police.ask(police.people.PutRelationship, put_relation).relationship
    assert related.recorded_at == related.confirmed_at != ""
    read = police.ask(police.people.GetPerson, people_pb2.GetPersonRequest(person="police-ref:P-50"))
    assert list(read.relationships) == [related]
    assert list(read.contact_points) == [known]
    assert (list(read.schemes), read.person.roster_token) == (["police-ref"], vera.roster_token)
    assert vera.roster_token != adam.roster_token

    safely = recorded("police-ref:P-50", "safe_contact")
    safely.request.safe_contact.contact_points.append("CRM/50")
    safely.request.safe_contact.hours.append("mon-fri 09:30-14:00")
    request = police.ask(police.requests.Record, safely).request
    assert request.safe_contact == safely.request.safe_contact
    needs = recorded("police-ref:P-50", "communication_support")
    needs.request.communication.sign_language = "bfi"
    needs.request.communication.not_these.append("police-ref:P-51")
    answered = police.ask(police.requests.Record, needs).request
    assert list(answered.communication.not_these) == [f"person:{adam.person_id}"]
    hers = requests_pb.PrivacyRequestServiceListRequest(person="police-ref:P-50")
    assert {each.kind for each in police.ask(police.requests.List, hers).requests} == {
        "safe_contact",
        "communication_support",
    }


def test_what_sets_requests_aside_is_put_on_file_and_ended(first: Client, police: Client) -> None:
    vera = police.ask(police.people.PutPerson, person("police-ref:P-60")).person
    approver = token_of(first, POLICE, "p.approver", "approver")
    clinician = access_pb2.User(reference="d.clinician", controller=POLICE)
    first.ask(first.access.PutUser, access_pb2.PutUserRequest(user=clinician))
    override = casework_pb2.Override(
        kind="break_glass",
        user="d.clinician",
        record="OM-60",
        people=["police-ref:P-60"],
        categories=["health.report"],
        justification="unconscious",
    )
    grant = casework_pb2.GrantOverrideRequest(override=override)
    granted = approver.ask(approver.casework.GrantOverride, grant).override
    assert (list(granted.people), granted.granted_by) == ([f"person:{vera.person_id}"], "p.approver")
    end = casework_pb2.EndOverrideRequest(override_id=granted.override_id)
    ended = approver.ask(approver.casework.EndOverride, end).override
    assert granted.granted_at <= ended.ends_at < granted.ends_at
    of_record = casework_pb2.ListOverridesRequest(record="OM-60")
    assert list(approver.ask(approver.casework.ListOverrides, of_record).overrides) == [ended]

    order = casework_pb2.CourtOrder(
        record="OM-60",
        people=["police-ref:P-60"],
        categories=["legal.orders"],
        recipients=["team:court"],
        ends="2030-01-01",
    )
    record = casework_pb2.RecordOrderRequest(order=order)
    refused = approver.refusal(approver.casework.RecordOrder, record)
    assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_REQUIRED")
    in_force = police.ask(police.casework.RecordOrder, record).order
    assert in_force.ends == "2030-01-02T00:00:00+00:00"
    end_order = casework_pb2.EndOrderRequest(order_id=in_force.order_id)
    over = police.ask(police.casework.EndOrder, end_order).order
    assert over.ends < in_force.ends
    orders = casework_pb2.ListOrdersRequest(record="OM-60")
    assert list(police.ask(police.casework.ListOrders, orders).orders) == [over]


def test_contents_are_declared_by_whom_it_is_granted_to(first: Client, police: Client) -> None:
    case = record_pb2.RecordType(name="police.bundle", extends="base.case")
    police.ask(police.records.PutRecordType, record_pb2.PutRecordTypeRequest(record_type=case))
    record = record_pb2.Record(reference="OM-70", record_type="police.bundle", premises="1 Test Street")
    put = police.ask(police.records.PutRecord, record_pb2.PutRecordRequest(record=record)).record
    assert put.premises == ""
    assert police.ask(police.records.GetRecord, record_pb2.GetRecordRequest(reference="OM-70")).record == put
    listing = record_pb2.ListRecordTypesRequest()
    assert case in police.ask(police.records.ListRecordTypes, listing).record_types

    user = access_pb2.PutUserRequest(user=access_pb2.User(reference="clerk"))
    police.ask(police.access.PutUser, user)
    grant = access_pb2.Grant(record_types=["police.bundle"], declare_contents=True)
    system = access_pb2.PutSystemRequest(system=access_pb2.System(name="bundler", grant=grant))
    police.ask(police.access.PutSystem, system)
    issued = access_pb2.IssueTokenRequest(system="bundler", controller=POLICE)
    bundler = first.bearing(first.ask(first.access.IssueToken, issued).secret)
    part = record_pb2.Part(name="page-3", categories=["location.current"], about=["party:vera"])
    declaration = record_pb2.ContentDeclaration(
        digest=bytes(32), record="OM-70", field="bundle", parts=[part], user="clerk"
    )
    declare = record_pb2.DeclareContentsRequest(declaration=declaration)
    answered = bundler.ask(bundler.records.DeclareContents, declare).declaration
    declaration.declaration_id = answered.declaration_id
    assert answered == declaration
    assert bundler.entries()[-1].caller.system == "bundler"
    read = record_pb2.GetRecordRequest(reference="OM-70")
    refused = bundler.refusal(bundler.records.GetRecord, read)
    assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_REQUIRED")


def test_each_call_leaves_one_entry(police: Client) -> None:
    before = len(police.entries())
    police.ask(police.people.PutPerson, person("police-ref:P-10"))
    police.ask(police.requests.List, requests_pb.PrivacyRequestServiceListRequest())
    police.refusal(police.people.PutPerson, person(CANARY))
    police.refusal(police.people.PutPerson, people_pb2.PutPersonRequest(reason="x" * 201))
    write, read, refused, too_long = police.entries()[before:]
    assert [write.WhichOneof("event"), read.WhichOneof("event")] == ["write", "read"]
    assert (write.method, write.controller, write.write.reason) == (
        "PeopleService/PutPerson",
        POLICE,
        "by phone",
    )
    assert write.trace_id.hex() == TRACE
    assert (refused.refusal.status, refused.refusal.reason, refused.refusal.field) == (
        "INVALID_ARGUMENT",
        "BAD_IDENTIFIER",
        "person.identifiers[0]",
    )
    assert (too_long.refusal.reason, too_long.refusal.field) == ("TOO_LONG", "reason")
    assert {entry.controller for entry in (write, read, refused, too_long)} == {POLICE}

    get = decision_log_pb2.DecisionLogServiceGetRequest(entry_id=write.entry_id)
    found = police.ask(police.log.Get, get)
    assert found.entry == write
    assert len(found.leaf_hash) == 32
    assert found.stream_id
    assert police.entries()[-1].read.facts == [f"entry:{write.entry_id}"]


def test_a_token_works_from_the_next_call_on_and_a_revoked_one_does_not(first: Client) -> None:
    officer = token_of(first, POLICE, "p.officer", "privacy_officer")
    officer.ask(officer.people.PutPerson, person("police-ref:P-20"))
    refused = officer.refusal(officer.access.ListTokens, access_pb2.ListTokensRequest())
    assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_REQUIRED")

    listed = first.ask(first.access.ListTokens, access_pb2.ListTokensRequest(page_size=1000))
    (token,) = [each for each in listed.tokens if each.principal == "p.officer"]
    assert token.token_id in officer.token
    assert officer.token.split("_")[2] not in str(listed)
    revoke = access_pb2.RevokeTokenRequest(token_id=token.token_id)
    assert first.ask(first.access.RevokeToken, revoke).token.HasField("revoked_at")
    after = len(first.entries())
    refused = officer.refusal(officer.people.PutPerson, person("police-ref:P-20"))
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
    assert not first.entries()[after:]


def test_organisations_do_not_see_one_another(first: Client, police: Client) -> None:
    police.ask(police.people.PutPerson, person("police-ref:P-30"))
    request = police.ask(police.requests.Record, recorded("police-ref:P-30")).request
    trust = token_of(first, TRUST, "t.all", "privacy_officer", "administrator", "auditor")
    get = requests_pb.PrivacyRequestServiceGetRequest(request_id=request.request_id)
    unknown = requests_pb.PrivacyRequestServiceGetRequest(request_id="00000000-0000-4000-8000-000000000000")
    assert trust.refusal(trust.requests.Get, get) == trust.refusal(trust.requests.Get, unknown)
    assert trust.refusal(trust.requests.Get, get).code is grpc.StatusCode.NOT_FOUND
    listing = requests_pb.PrivacyRequestServiceListRequest()
    assert not trust.ask(trust.requests.List, listing).requests
    elsewhere = trust.acting_for(POLICE)
    assert elsewhere.refusal(elsewhere.requests.List, listing).code is grpc.StatusCode.PERMISSION_DENIED
    write = police.entries()[0]
    entry = decision_log_pb2.DecisionLogServiceGetRequest(entry_id=write.entry_id)
    assert trust.refusal(trust.log.Get, entry).code is grpc.StatusCode.NOT_FOUND


def test_a_write_is_sent_again_by_its_key(police: Client) -> None:
    police.ask(police.people.PutPerson, person("police-ref:P-40"))
    asked = recorded("police-ref:P-40")
    asked.idempotency_key = "once"
    first = police.ask(police.requests.Record, asked)
    assert police.ask(police.requests.Record, asked).request == first.request
    asked.request.kind = "withhold_identity"
    refused = police.refusal(police.requests.Record, asked)
    assert (refused.code, refused.field, refused.reason) == (
        *(grpc.StatusCode.ALREADY_EXISTS, "idempotency_key", "IDEMPOTENCY_KEY_REUSED"),
    )


def test_pages_over_the_wire(first: Client) -> None:
    fleet = first.acting_for("fleet")
    for name in ("a", "b", "c"):
        put = access_pb2.PutSystemRequest(system=access_pb2.System(name=name))
        fleet.ask(fleet.access.PutSystem, put)
    page = fleet.ask(fleet.access.ListSystems, access_pb2.ListSystemsRequest(page_size=2))
    rest = fleet.ask(
        fleet.access.ListSystems, access_pb2.ListSystemsRequest(page_size=2, page_token=page.next_page_token)
    )
    assert {system.name for system in (*page.systems, *rest.systems)} == {"a", "b", "c"}
    assert rest.next_page_token == ""
    stolen = access_pb2.ListSystemsRequest(page_token=page.next_page_token)
    assert first.refusal(first.access.ListSystems, stolen).reason == "BAD_PAGE_TOKEN"


def test_bad_words_are_refused_with_their_field(police: Client) -> None:
    put = people_pb2.PutPersonRequest
    private = people_pb2.Person
    relation = people_pb2.Relationship(from_person="a:1", to_person="a:2", kind="enemy_of")
    refusals: list[tuple[Refused, str, str]] = [
        (
            police.refusal(police.people.PutPerson, put(person=private(identifiers=["a:1"], kind="ghost"))),
            "person.kind",
            "UNKNOWN_WORD",
        ),
        (
            police.refusal(
                police.people.PutPerson, put(person=private(identifiers=["a:1"], birth_date="1.2.90"))
            ),
            "person.birth_date",
            "BAD_DATE",
        ),
        (
            police.refusal(
                police.people.PutRelationship, people_pb2.PutRelationshipRequest(relationship=relation)
            ),
            "relationship.kind",
            "UNKNOWN_WORD",
        ),
        (police.refusal(police.requests.Record, recorded("a:1", "hide")), "request.kind", "UNKNOWN_WORD"),
        (police.refusal(police.requests.Record, recorded("a:1")), "request.person", "UNKNOWN_PERSON"),
        (
            police.refusal(
                police.access.IssueToken, access_pb2.IssueTokenRequest(principal="x", roles=["root"])
            ),
            "roles[0]",
            "UNKNOWN_WORD",
        ),
    ]
    for refused, field, reason in refusals:
        assert (refused.code, refused.field, refused.reason) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            field,
            reason,
        )


def of_fields(*fields: record_pb2.FieldType) -> record_pb2.PutRecordTypeRequest:
    record_type = record_pb2.RecordType(name="police.bad", extends="base.case", fields=fields)
    return record_pb2.PutRecordTypeRequest(record_type=record_type)


def test_what_has_no_category_is_not_put_on_file(police: Client) -> None:
    """Nothing would be known of it that a protection could be about."""
    field = record_pb2.FieldType(name="tip", about=["informant"])
    part = record_pb2.Part(name="page", about=["informant"], separable=True)
    document = record_pb2.FieldType(
        name="bundle", categories=["document.attachment"], about=["subject"], parts=[part]
    )
    letter = record_pb2.ArtefactType(name="police.bad", envelope=[field])
    put_letter = record_pb2.PutArtefactTypeRequest(artefact_type=letter)
    for refused, at in (
        (police.refusal(police.records.PutRecordType, of_fields(field)), "record_type.fields[0]"),
        (police.refusal(police.records.PutRecordType, of_fields(document)), "record_type.fields[0].parts[0]"),
        (police.refusal(police.records.PutArtefactType, put_letter), "artefact_type.envelope[0]"),
    ):
        assert (refused.code, refused.field, refused.reason) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            f"{at}.categories",
            "REQUIRED",
        )
    field.categories.append("notes.free_text")
    assert police.ask(police.records.PutRecordType, of_fields(field)).record_type.fields == [field]


@pytest.mark.parametrize("control", ["\x00", "\n", "\x1b[2J", "\N{RIGHT-TO-LEFT OVERRIDE}"])
def test_an_id_holds_nothing_that_cannot_be_seen(police: Client, control: str) -> None:
    record = record_pb2.Record(reference=f"OM{control}1", record_type="police.case")
    user = access_pb2.User(reference=f"o.{control}clerk")
    system = access_pb2.System(name=f"sys{control}tem")
    point = people_pb2.ContactPoint(owner="a:1", kind="phone", value="07700 900123", reference=f"C{control}")
    for refused, field in (
        (police.refusal(police.people.PutPerson, person(f"a:{control}1")), "person.identifiers[0]"),
        (
            police.refusal(police.records.PutRecord, record_pb2.PutRecordRequest(record=record)),
            "record.reference",
        ),
        (police.refusal(police.access.PutUser, access_pb2.PutUserRequest(user=user)), "user.reference"),
        (police.refusal(police.access.PutSystem, access_pb2.PutSystemRequest(system=system)), "system.name"),
        (
            police.refusal(
                police.people.PutContactPoint, people_pb2.PutContactPointRequest(contact_point=point)
            ),
            "contact_point.reference",
        ),
        (police.refusal(police.requests.Record, recorded(f"a:{control}1")), "request.person"),
    ):
        assert (refused.code, refused.field, refused.reason) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            field,
            "CONTROL_CHARACTER",
        )
        assert control not in refused.text


def test_a_request_that_says_more_than_is_understood_is_not_put_on_file(police: Client) -> None:
    """A newer caller restricts by a field that this version does not know."""
    police.ask(police.people.PutPerson, person("police-ref:P-80"))
    wanted = recorded("police-ref:P-80")
    of_her = requests_pb.PrivacyRequestServiceListRequest(person="police-ref:P-80")
    wanted.request.scope.MergeFromString(b"\xba\x3e\x01a")  # field 999
    refused = police.refusal(police.requests.Record, wanted)
    assert (refused.code, refused.field, refused.reason) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "",
        "UNKNOWN_FIELDS",
    )
    assert not police.ask(police.requests.List, of_her).requests
    wanted.DiscardUnknownFields()
    assert police.ask(police.requests.Record, wanted).request.state == "active"


def test_no_line_of_the_processs_log_holds_what_callers_sent(police: Client, var_dir: Path) -> None:
    police.refusal(police.people.PutPerson, person(CANARY, f"x:{CANARY}"))
    police.ask(police.people.PutPerson, person(f"x:{CANARY}"))
    lines = (var_dir / "stderr").read_text()
    assert '"ready"' in lines
    assert CANARY not in lines
    assert police.token not in lines
