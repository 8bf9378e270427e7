"""The past as a client reads it: the messages of `as_of` and History, over a socket, on each store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from policy_service.api.v1 import access_pb2, casework_pb2, people_pb2, record_pb2
from policy_service.api.v1 import privacy_request_pb2 as requests_pb
from policy_service.api.v1.past_pb2 import AsOf
from policy_service.facts.epochs import Epochs
from policy_service.facts.revision_token import RevisionTokens
from policy_service.model.facts import Revision
from tests.service.control import Stores
from tests.service.over_the_wire import Client, Refused, control_process
from tests.support.postgres import postgres_url

POLICE, TRUST = "example-police", "example-trust"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def first(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The first administrator of an empty installation."""
    var_dir = tmp_path_factory.mktemp(f"past-{request.param}")
    stores = Stores(f"sqlite:///{var_dir}/facts.db", f"sqlite:///{var_dir}/log")
    if request.param == "postgresql":
        stores = Stores(postgres_url(), postgres_url())
    with control_process(stores, var_dir) as client:
        yield client


@pytest.fixture(scope="module")
def police(first: Client) -> Client:
    return first.acting_for(POLICE)


def put_user(client: Client, reference: str, *roles: str) -> str:
    """The token of what is on file now."""
    user = access_pb2.User(reference=reference, roles=roles, controller=POLICE)
    asked = access_pb2.PutUserRequest(user=user, reason=f"as {' and '.join(roles) or 'nobody'}")
    return client.ask(client.access.PutUser, asked).facts_token


def stamp(moment: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def roles(client: Client, reference: str, as_of: AsOf | None) -> list[str]:
    asked = access_pb2.GetUserRequest(reference=reference, as_of=as_of)
    return list(client.ask(client.access.GetUser, asked).user.roles)


def test_a_user_reads_as_of_each_version(police: Client) -> None:
    first = put_user(police, "u.one", "nurse")
    sleep(0.05)
    between = datetime.now(UTC)
    sleep(0.05)
    second = put_user(police, "u.one", "clerk")
    assert roles(police, "u.one", AsOf(facts_token=first)) == ["nurse"]
    assert roles(police, "u.one", AsOf(moment=stamp(between))) == ["nurse"]
    assert roles(police, "u.one", AsOf(facts_token=second)) == roles(police, "u.one", None) == ["clerk"]
    entry = police.entries()[-4]
    assert 0 < entry.read.as_of_revision < entry.revision

    asked = access_pb2.AccessServiceHistoryRequest(user_reference="u.one")
    newest, oldest = police.ask(police.access.History, asked).versions
    assert [list(each.user.roles) for each in (newest, oldest)] == [["clerk"], ["nurse"]]
    assert [each.version.reason for each in (newest, oldest)] == ["as clerk", "as nurse"]
    assert newest.version.actor == oldest.version.actor == "installation:first-administrator"
    assert list(newest.version.changed) == ["user"]
    assert oldest.version.committed_at.ToDatetime(tzinfo=UTC) < between
    assert roles(police, "u.one", AsOf(facts_token=oldest.version.facts_token)) == ["nurse"]


def test_pages_of_the_past(police: Client) -> None:
    for number in range(3):
        token = put_user(police, f"p.{number}")
    as_of = AsOf(facts_token=token)
    asked = access_pb2.ListUsersRequest(page_size=2, as_of=as_of)
    one = police.ask(police.access.ListUsers, asked)
    put_user(police, "p.later")
    found = [user.reference for user in one.users]
    while one.next_page_token:
        asked = access_pb2.ListUsersRequest(page_size=2, as_of=as_of, page_token=one.next_page_token)
        one = police.ask(police.access.ListUsers, asked)
        found += [user.reference for user in one.users]
    assert {"p.0", "p.1", "p.2"} <= set(found)
    assert "p.later" not in found
    asked.ClearField("as_of")
    asked.page_token = police.ask(
        police.access.ListUsers, access_pb2.ListUsersRequest(page_size=1, as_of=as_of)
    ).next_page_token
    refused = police.refusal(police.access.ListUsers, asked)
    assert (refused.code, refused.field) == (grpc.StatusCode.INVALID_ARGUMENT, "page_token")


def as_ofs() -> dict[str, tuple[AsOf, str, str]]:
    far = Timestamp(seconds=2**40)
    strangers = RevisionTokens(b"k" * 32, Epochs(((1, Revision(0)),))).seal(Revision(1))
    return {
        "nothing": (AsOf(), "as_of", "REQUIRED"),
        "no token": (AsOf(facts_token=""), "as_of.facts_token", "REQUIRED"),
        "none of ours": (AsOf(facts_token="x" * 48), "as_of.facts_token", "BAD_FACTS_TOKEN"),
        "too long": (AsOf(facts_token="x" * 129), "as_of.facts_token", "TOO_LONG"),
        "another installation's": (AsOf(facts_token=strangers), "as_of.facts_token", "BAD_FACTS_TOKEN"),
        "before all": (AsOf(moment=Timestamp(seconds=1)), "as_of.moment", "BEFORE_THE_FIRST_FACTS"),
        "tomorrow": (
            AsOf(moment=stamp(datetime.now(UTC) + timedelta(days=1))),
            "as_of.moment",
            "IN_THE_FUTURE",
        ),
        "no year": (AsOf(moment=far), "as_of.moment", "BAD_TIME"),
    }


@pytest.mark.parametrize("which", as_ofs())
def test_what_names_no_facts_is_refused(police: Client, which: str) -> None:
    as_of, field, reason = as_ofs()[which]
    for method, asked in (
        (police.access.GetUser, access_pb2.GetUserRequest(reference="u.one", as_of=as_of)),
        (police.access.ListTokens, access_pb2.ListTokensRequest(as_of=as_of)),
        (police.people.GetPerson, people_pb2.GetPersonRequest(person="s:1", as_of=as_of)),
        (police.requests.List, requests_pb.PrivacyRequestServiceListRequest(as_of=as_of)),
        (police.records.ListRecordTypes, record_pb2.ListRecordTypesRequest(as_of=as_of)),
        (police.casework.ListOrders, casework_pb2.ListOrdersRequest(as_of=as_of)),
    ):
        refused = police.refusal(method, asked)
        assert (refused.code, refused.field, refused.reason) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            field,
            reason,
        )
        assert as_of.facts_token == "" or as_of.facts_token not in refused.text
    assert police.entries()[-1].refusal.field == field


def test_who_was_revoked_does_not_read_the_past(first: Client, police: Client) -> None:
    then = put_user(police, "u.two", "nurse")
    asked = access_pb2.IssueTokenRequest(principal="a", roles=["auditor"], controller=POLICE)
    issued = first.ask(first.access.IssueToken, asked)
    auditor = first.bearing(issued.secret)
    as_of = AsOf(facts_token=put_user(police, "u.two"))
    assert roles(auditor, "u.two", AsOf(facts_token=then)) == ["nurse"]
    first.ask(first.access.RevokeToken, access_pb2.RevokeTokenRequest(token_id=issued.token.token_id))
    with pytest.raises(Refused) as refused:
        roles(auditor, "u.two", as_of)
    assert refused.value.code is grpc.StatusCode.UNAUTHENTICATED


def test_what_every_service_tells_of_the_past(police: Client) -> None:
    """Each History, as its own message; what is another organisation's is not available."""
    person = people_pb2.Person(identifiers=["s:1"], names=["Vera Example"])
    police.ask(police.people.PutPerson, people_pb2.PutPersonRequest(person=person, reason="by phone"))
    request = requests_pb.PrivacyRequest(person="s:1", kind="withhold_location", visibility="secret")
    recorded = police.ask(
        police.requests.Record, requests_pb.PrivacyRequestServiceRecordRequest(request=request)
    ).request
    declared = record_pb2.RecordType(name="file", extends="base.case")
    police.ask(police.records.PutRecordType, record_pb2.PutRecordTypeRequest(record_type=declared))
    letter = record_pb2.ArtefactType(name="letter")
    police.ask(police.records.PutArtefactType, record_pb2.PutArtefactTypeRequest(artefact_type=letter))
    record = record_pb2.Record(reference="R-1", record_type="file")
    record.parties.add(party="v", role="subject", person="s:1")
    police.ask(police.records.PutRecord, record_pb2.PutRecordRequest(record=record))
    part = record_pb2.Part(name="p", categories=["finance"], about=["subject"])
    contents = record_pb2.ContentDeclaration(digest=b"d" * 32, record="R-1", field="notes", parts=[part])
    declaration = police.ask(
        police.records.DeclareContents, record_pb2.DeclareContentsRequest(declaration=contents)
    ).declaration
    order = casework_pb2.CourtOrder(
        record="R-1", people=["s:1"], categories=["finance"], recipients=["team:x"], ends="2099-01-01"
    )
    order = police.ask(police.casework.RecordOrder, casework_pb2.RecordOrderRequest(order=order)).order

    in_records = record_pb2.RecordServiceHistoryRequest
    told: dict[str, Any] = {}
    histories: tuple[tuple[Any, Message], ...] = (
        (police.people.History, people_pb2.PeopleServiceHistoryRequest(person="s:1")),
        (
            police.requests.History,
            requests_pb.PrivacyRequestServiceHistoryRequest(request_id=recorded.request_id),
        ),
        (police.records.History, in_records(record_reference="R-1")),
        (police.records.History, in_records(record_type_name="file")),
        (police.records.History, in_records(artefact_type_name="letter")),
        (police.records.History, in_records(declaration_id=declaration.declaration_id)),
        (police.casework.History, casework_pb2.CaseworkServiceHistoryRequest(order_id=order.order_id)),
    )
    for method, asked in histories:
        (version,) = police.ask(method, asked).versions
        told[" ".join(version.version.changed)] = version
        refused = police.acting_for(TRUST).refusal(method, asked)
        assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_AVAILABLE")
    assert told["request"].request == recorded
    assert told["record party"].record.parties[0].party == "v"
    assert told["record_type"].record_type == declared
    assert told["artefact_type"].artefact_type == letter
    assert told["declaration"].declaration == declaration
    assert told["order"].order == order
    her = told["person identifier name"]
    assert (her.person.kind, list(her.schemes)) == ("private", ["s"])
    assert "Vera" not in str(told)
