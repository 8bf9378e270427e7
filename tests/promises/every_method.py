"""For each method of each service: a call that goes well, one that is not allowed, one with a bad argument.

A method that reflection finds and that has no row here fails the test that walks these.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf.message import Message

from policy_service.api.v1 import (
    access_pb2,
    casework_pb2,
    decision_pb2,
    past_pb2,
    people_pb2,
    policy_pb2,
    record_pb2,
    retention_pb2,
)
from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.api.v1 import privacy_request_pb2 as request_pb
from policy_service.model.ids import random_id
from tests.decisions.roads import put_on_file
from tests.promises.world import CLINIC, FACTS
from tests.support.doors import Doors

OF_NO_VERSION: Final = b"\xba\x3e\x01a"
"""Field 999, which no message has."""


@dataclass(frozen=True, slots=True)
class World:
    """The small world of the promises, on file, and the tokens of those who call."""

    doors: Doors
    manager: str
    """The first administrator's."""
    system: str
    """Of a system that may explain."""
    other: str
    """Of another system, which may neither explain nor report what is not its own."""
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    async def open(cls, doors: Doors) -> World:
        system = {**FACTS.systems[0], "grant": {**FACTS.systems[0]["grant"], "may_explain": True}}
        facts = FACTS.model_copy(update={"systems": [system, *FACTS.systems[1:]]})
        on_file = await put_on_file(doors, facts, "clinic-records")
        other = await put_on_file(doors, facts, "clinic-plain")
        return cls(doors, doors.administrator, on_file.token, other.token)

    @property
    def new(self) -> str:
        """A word that nobody has used."""
        return f"n-{next(self.numbers)}"

    async def did(self, name: str, answer: type[Message]) -> Any:
        """What a call that goes well was told."""
        row = ROWS[name]
        told = await self.doors.call(
            name, wire(await made(row.good, self)), token=row.asker(self), controller=CLINIC
        )
        return answer.FromString(told)


Sent = Message | bytes
Make = Callable[[World], Sent | Awaitable[Sent]]


async def made(make: Make, world: World) -> Sent:
    """The message."""
    message = make(world)
    return message if isinstance(message, Message | bytes) else await message


def wire(message: Sent) -> bytes:
    """As it is sent."""
    return message if isinstance(message, bytes) else message.SerializeToString()


@dataclass(frozen=True, slots=True)
class Row:
    """What can come of one method. Of a batch or stream: of its one question."""

    leaves: str
    """The event in the entry of a call that goes well: decision, report, read or write."""
    good: Make
    bad: Make
    """Well-formed, of which one argument cannot be right."""
    at: str
    """The path of that argument."""
    denied: Make | None = None
    """Not allowed, and told so by an answer; None: `good`, asked by who may not, is refused."""
    absent: Make | None = None
    """About what is not there, or not the caller's to know of."""
    by_system: bool = False

    def asker(self, world: World) -> str:
        """The token of who may."""
        return world.system if self.by_system else world.manager


def _asked(**changed: Any) -> decision_pb2.CheckRequest:
    fields = [decision_pb2.FieldInstance(name="summary")]
    return decision_pb2.CheckRequest(**{"user": "w.nurse", "record": "F-V", "fields": fields, **changed})


_PERMITTED: Final = _asked()
_DENIED: Final = _asked(user="a.nurse")
"""She is adverse to whom the record is about."""
_UNASKED: Final = _asked(fields=[])


def _decides(wrap: Callable[[decision_pb2.CheckRequest], Message], at: str = "fields") -> Row:
    return Row(
        "decision",
        good=lambda _: wrap(_PERMITTED),
        bad=lambda _: wrap(_UNASKED),
        at=at,
        denied=lambda _: wrap(_DENIED),
        by_system=True,
    )


async def _report(world: World) -> Message:
    answer = await world.did("DecisionService/Check", decision_pb2.CheckResponse)
    return decision_pb2.ReportOutcomeRequest(
        decision_id=answer.decision_id, dispatch=decision_pb2.DISPATCH_NOT_DISPATCHED
    )


async def _revoke(world: World) -> Message:
    issued = await world.did("AccessService/IssueToken", access_pb2.IssueTokenResponse)
    return access_pb2.RevokeTokenRequest(token_id=issued.token.token_id)


async def _erase_person(world: World) -> Message:
    put = await world.did("PeopleService/PutPerson", people_pb2.PutPersonResponse)
    return retention_pb2.ErasePersonRequest(person=f"person:{put.person.person_id}")


def _rule(kind: str) -> Message:
    return retention_pb2.PutRuleRequest(rule=retention_pb2.RetentionRule(kind=kind, days=365))


def _hold(person: str) -> Message:
    return retention_pb2.PlaceHoldRequest(hold=retention_pb2.LegalHold(person=person, matter="INQ/1"))


async def _lift_hold(world: World) -> Message:
    placed = await world.did("RetentionService/PlaceHold", retention_pb2.PlaceHoldResponse)
    return retention_pb2.LiftHoldRequest(hold_id=placed.hold.hold_id)


async def _end_override(world: World) -> Message:
    granted = await world.did("CaseworkService/GrantOverride", casework_pb2.GrantOverrideResponse)
    return casework_pb2.EndOverrideRequest(override_id=granted.override.override_id)


async def _end_order(world: World) -> Message:
    recorded = await world.did("CaseworkService/RecordOrder", casework_pb2.RecordOrderResponse)
    return casework_pb2.EndOrderRequest(order_id=recorded.order.order_id)


async def _get_request(world: World) -> Message:
    recorded = await world.did("PrivacyRequestService/Record", request_pb.PrivacyRequestServiceRecordResponse)
    return request_pb.PrivacyRequestServiceGetRequest(request_id=recorded.request.request_id)


async def _declarations(world: World) -> Message:
    await world.did("RecordService/DeclareContents", record_pb2.DeclareContentsResponse)
    return record_pb2.ListDeclarationsRequest(digest=b"d" * 32)


async def _request_history(world: World) -> Message:
    recorded = await world.did("PrivacyRequestService/Record", request_pb.PrivacyRequestServiceRecordResponse)
    return request_pb.PrivacyRequestServiceHistoryRequest(request_id=recorded.request.request_id)


async def _override_history(world: World) -> Message:
    granted = await world.did("CaseworkService/GrantOverride", casework_pb2.GrantOverrideResponse)
    return casework_pb2.CaseworkServiceHistoryRequest(override_id=granted.override.override_id)


async def _rule_history(world: World) -> Message:
    await world.did("RetentionService/PutRule", retention_pb2.PutRuleResponse)
    return retention_pb2.RetentionServiceHistoryRequest(rule_kind="contact_point")


async def _get_entry(world: World) -> Message:
    answer = await world.did("DecisionService/Check", decision_pb2.CheckResponse)
    return log_pb.DecisionLogServiceGetRequest(entry_id=answer.decision_id)


async def _replay(world: World) -> Message:
    answer = await world.did("DecisionService/Check", decision_pb2.CheckResponse)
    return log_pb.DecisionLogServiceReplayRequest(decision_id=answer.decision_id)


def _override(*categories: str) -> Message:
    override = casework_pb2.Override(
        kind="break_glass",
        user="w.nurse",
        record="F-V",
        categories=categories,
        justification="she is unconscious",
    )
    return casework_pb2.GrantOverrideRequest(override=override)


def _order(ends: str) -> Message:
    order = casework_pb2.CourtOrder(
        record="F-V",
        people=["ref:V"],
        categories=["legal.orders"],
        recipients=["team:court"],
        ends=ends,
        reference="FC/12",
    )
    return casework_pb2.RecordOrderRequest(order=order)


def _request(kind: str) -> Message:
    request = request_pb.PrivacyRequest(person="ref:P", kind=kind, raised_by="self")
    return request_pb.PrivacyRequestServiceRecordRequest(request=request)


def _relationship(kind: str) -> Message:
    relationship = people_pb2.Relationship(from_person="ref:P", to_person="ref:gp", kind=kind)
    return people_pb2.PutRelationshipRequest(relationship=relationship)


def _contact_point(world: World, kind: str) -> Message:
    point = people_pb2.ContactPoint(
        owner="ref:P", kind=kind, value="5 Madeup Street, Nowhereton", reference=world.new
    )
    return people_pb2.PutContactPointRequest(contact_point=point)


def _fields(*categories: str) -> list[record_pb2.FieldType]:
    return [record_pb2.FieldType(name="plan", categories=categories, about=["subject"])]


def _record_type(world: World, *categories: str) -> Message:
    declared = record_pb2.RecordType(name=world.new, extends="base.case", fields=_fields(*categories))
    return record_pb2.PutRecordTypeRequest(record_type=declared)


def _artefact_type(world: World, *categories: str) -> Message:
    declared = record_pb2.ArtefactType(name=world.new, envelope=_fields(*categories))
    return record_pb2.PutArtefactTypeRequest(artefact_type=declared)


def _record(reference: str) -> record_pb2.PutRecordRequest:
    record = record_pb2.Record(reference=reference, record_type="clinic.file", teams=["ward"])
    record.parties.add(party="patient", role="subject", person="ref:P")
    return record_pb2.PutRecordRequest(record=record)


def _declaration(digest: bytes) -> Message:
    part = record_pb2.Part(name="whole", categories=["health.report"], about=["subject"])
    declaration = record_pb2.ContentDeclaration(digest=digest, record="F-V", field="summary", parts=[part])
    return record_pb2.DeclareContentsRequest(declaration=declaration)


def _system(world: World, verb: str) -> Message:
    grant = access_pb2.Grant(record_types=["*"], verbs=[verb], purposes=["care"])
    system = access_pb2.System(name=world.new, controller=CLINIC, grant=grant)
    return access_pb2.PutSystemRequest(system=system)


def _user(world: World, kind: str) -> Message:
    return access_pb2.PutUserRequest(user=access_pb2.User(reference=world.new, kind=kind, controller=CLINIC))


def _token(days: int) -> Message:
    return access_pb2.IssueTokenRequest(system="clinic-plain", controller=CLINIC, valid_days=days)


def _list(request: type[Message], **asked: Any) -> Row:
    """Of one that gives a list in pages."""
    return Row(
        "read",
        good=lambda _: request(**asked),
        bad=lambda _: request(page_size=-1, **asked),
        at="page_size",
    )


def _validate(name: str) -> policy_pb2.PolicyServiceValidateRequest:
    file = policy_pb2.PolicyFile(name=name, text="no policy")
    return policy_pb2.PolicyServiceValidateRequest(documents=[file])


def _test(name: str) -> policy_pb2.PolicyServiceTestRequest:
    file = policy_pb2.PolicyFile(name=name, text="no case")
    return policy_pb2.PolicyServiceTestRequest(documents=_validate("own.yaml").documents, cases=[file])


_CASEWORK: Final[Mapping[str, Row]] = {
    "GrantOverride": Row(
        "write",
        good=lambda _: _override("health.report"),
        bad=lambda _: _override("locations"),
        at="override.categories[0]",
    ),
    "EndOverride": Row(
        "write",
        good=_end_override,
        bad=lambda _: casework_pb2.EndOverrideRequest(override_id="x"),
        at="override_id",
        absent=lambda _: casework_pb2.EndOverrideRequest(override_id=random_id()),
    ),
    "RecordOrder": Row(
        "write", good=lambda _: _order("2099-03-29"), bad=lambda _: _order("soon"), at="order.ends"
    ),
    "EndOrder": Row(
        "write",
        good=_end_order,
        bad=lambda _: casework_pb2.EndOrderRequest(order_id="x"),
        at="order_id",
        absent=lambda _: casework_pb2.EndOrderRequest(order_id=random_id()),
    ),
    "ListOverrides": _list(casework_pb2.ListOverridesRequest, record="F-V"),
    "ListOrders": _list(casework_pb2.ListOrdersRequest, record="F-V"),
    "History": Row(
        "read",
        good=_override_history,
        bad=lambda _: casework_pb2.CaseworkServiceHistoryRequest(order_id="x"),
        at="order_id",
        absent=lambda _: casework_pb2.CaseworkServiceHistoryRequest(order_id=random_id()),
    ),
}
_ACCESS: Final[Mapping[str, Row]] = {
    "PutSystem": Row(
        "write",
        good=lambda world: _system(world, "see"),
        bad=lambda world: _system(world, "look"),
        at="system.grant.verbs[0]",
    ),
    "ListSystems": _list(access_pb2.ListSystemsRequest),
    "PutUser": Row(
        "write",
        good=lambda world: _user(world, "staff"),
        bad=lambda world: _user(world, "robot"),
        at="user.kind",
    ),
    "GetUser": Row(
        "read",
        good=lambda _: access_pb2.GetUserRequest(reference="w.nurse"),
        bad=lambda _: access_pb2.GetUserRequest(reference="w\n"),
        at="reference",
        absent=lambda world: access_pb2.GetUserRequest(reference=world.new),
    ),
    "ListUsers": _list(access_pb2.ListUsersRequest),
    "IssueToken": Row("write", good=lambda _: _token(1), bad=lambda _: _token(-1), at="valid_days"),
    "RevokeToken": Row(
        "write",
        good=_revoke,
        bad=lambda _: access_pb2.RevokeTokenRequest(token_id="x"),
        at="token_id",
        absent=lambda _: access_pb2.RevokeTokenRequest(token_id="0" * 16),
    ),
    "ListTokens": _list(access_pb2.ListTokensRequest),
    "History": Row(
        "read",
        good=lambda _: access_pb2.AccessServiceHistoryRequest(user_reference="w.nurse"),
        bad=lambda _: access_pb2.AccessServiceHistoryRequest(),
        at="what",
        absent=lambda world: access_pb2.AccessServiceHistoryRequest(system_name=world.new),
    ),
}
_DECISIONS: Final[Mapping[str, Row]] = {
    "Check": _decides(lambda asked: asked),
    "BatchCheck": _decides(lambda asked: decision_pb2.BatchCheckRequest(checks=[asked])),
    "CheckStream": _decides(lambda asked: decision_pb2.CheckStreamRequest(check=asked)),
    "Explain": _decides(lambda asked: decision_pb2.ExplainRequest(check=asked), at="check.fields"),
    "ReportOutcome": Row(
        "report",
        good=_report,
        bad=lambda _: decision_pb2.ReportOutcomeRequest(
            decision_id="D-1", dispatch=decision_pb2.DISPATCH_DISPATCHED
        ),
        at="decision_id",
        absent=lambda _: decision_pb2.ReportOutcomeRequest(
            decision_id=random_id(), dispatch=decision_pb2.DISPATCH_DISPATCHED
        ),
        by_system=True,
    ),
}
_LOG: Final[Mapping[str, Row]] = {
    "Get": Row(
        "read",
        good=_get_entry,
        bad=lambda _: log_pb.DecisionLogServiceGetRequest(entry_id="x"),
        at="entry_id",
        absent=lambda _: log_pb.DecisionLogServiceGetRequest(entry_id=random_id()),
    ),
    "Replay": Row(
        "read",
        good=_replay,
        bad=lambda _: log_pb.DecisionLogServiceReplayRequest(decision_id="x"),
        at="decision_id",
        absent=lambda _: log_pb.DecisionLogServiceReplayRequest(decision_id=random_id()),
    ),
    "Search": Row(
        "read",
        good=lambda _: log_pb.DecisionLogServiceSearchRequest(filter=log_pb.EntryFilter(user="w.nurse")),
        bad=lambda _: log_pb.DecisionLogServiceSearchRequest(filter=log_pb.EntryFilter(reason="why")),
        at="filter.reason",
    ),
    "Follow": Row(
        "read",
        good=lambda _: log_pb.DecisionLogServiceFollowRequest(),
        bad=lambda _: log_pb.DecisionLogServiceFollowRequest(since="yesterday"),
        at="since",
    ),
}
_PEOPLE: Final[Mapping[str, Row]] = {
    "PutPerson": Row(
        "write",
        good=lambda world: people_pb2.PutPersonRequest(
            person=people_pb2.Person(identifiers=[f"ref:{world.new}"])
        ),
        bad=lambda _: people_pb2.PutPersonRequest(person=people_pb2.Person(identifiers=["nobody"])),
        at="person.identifiers[0]",
    ),
    "PutRelationship": Row(
        "write",
        good=lambda _: _relationship("carer_of"),
        bad=lambda _: _relationship("friend_of"),
        at="relationship.kind",
    ),
    "PutContactPoint": Row(
        "write",
        good=lambda world: _contact_point(world, "post"),
        bad=lambda world: _contact_point(world, "pigeon"),
        at="contact_point.kind",
    ),
    "Import": Row(
        "write",
        good=lambda world: people_pb2.PeopleServiceImportRequest(
            items=[people_pb2.PeopleItem(person=people_pb2.Person(identifiers=[f"ref:{world.new}"]))]
        ),
        bad=lambda _: people_pb2.PeopleServiceImportRequest(),
        at="items",
    ),
    "GetPerson": Row(
        "read",
        good=lambda _: people_pb2.GetPersonRequest(person="ref:P"),
        bad=lambda _: people_pb2.GetPersonRequest(person="nobody"),
        at="person",
        absent=lambda world: people_pb2.GetPersonRequest(person=f"ref:{world.new}"),
    ),
    "History": Row(
        "read",
        good=lambda _: people_pb2.PeopleServiceHistoryRequest(person="ref:P"),
        bad=lambda _: people_pb2.PeopleServiceHistoryRequest(person="nobody"),
        at="person",
        absent=lambda world: people_pb2.PeopleServiceHistoryRequest(person=f"ref:{world.new}"),
    ),
}
_RETENTION: Final[Mapping[str, Row]] = {
    "PutRule": Row(
        "write", good=lambda _: _rule("contact_point"), bad=lambda _: _rule("phone"), at="rule.kind"
    ),
    "ListRules": Row(
        "read",
        good=lambda _: retention_pb2.ListRulesRequest(),
        bad=lambda _: retention_pb2.ListRulesRequest(as_of=past_pb2.AsOf()),
        at="as_of",
    ),
    "PlaceHold": Row("write", good=lambda _: _hold("ref:P"), bad=lambda _: _hold("nobody"), at="hold.person"),
    "LiftHold": Row(
        "write",
        good=_lift_hold,
        bad=lambda _: retention_pb2.LiftHoldRequest(hold_id="x"),
        at="hold_id",
        absent=lambda _: retention_pb2.LiftHoldRequest(hold_id=random_id()),
    ),
    "ListHolds": _list(retention_pb2.ListHoldsRequest),
    "History": Row(
        "read",
        good=_rule_history,
        bad=lambda _: retention_pb2.RetentionServiceHistoryRequest(hold_id="x"),
        at="hold_id",
        absent=lambda _: retention_pb2.RetentionServiceHistoryRequest(hold_id=random_id()),
    ),
    "Run": Row(
        "read",  # nothing is due
        good=lambda _: retention_pb2.RunRequest(),
        bad=lambda _: OF_NO_VERSION,
        at="",
    ),
    "ErasePerson": Row(
        "write",
        good=_erase_person,
        bad=lambda _: retention_pb2.ErasePersonRequest(person="nobody"),
        at="person",
    ),
}


def _set(*names: str) -> policy_pb2.PolicyServicePutSetRequest:
    """Files of these names, in which nothing is right."""
    return policy_pb2.PolicyServicePutSetRequest(
        files=[policy_pb2.PolicyFile(name=name, text="uid: own") for name in names]
    )


async def _put_set(world: World) -> policy_pb2.PolicyServicePutSetRequest:
    """The set that is published, with one line more."""
    told = await world.did("PolicyService/GetSet", policy_pb2.PolicyServiceGetSetResponse)
    first, *others = told.files
    changed = policy_pb2.PolicyFile(name=first.name, text=f"{first.text}# {world.new}\n")
    return policy_pb2.PolicyServicePutSetRequest(files=[changed, *others])


async def _published(world: World) -> str:
    told = await world.did("PolicyService/List", policy_pb2.PolicyServiceListResponse)
    return str(told.policy_set)


async def _publish(world: World) -> Message:
    told = await world.did("PolicyService/PutSet", policy_pb2.PolicyServicePutSetResponse)
    return policy_pb2.PolicyServicePublishRequest(
        policy_set=told.policy_set, expected=await _published(world)
    )


async def _rollback(world: World) -> Message:
    await world.did("PolicyService/Publish", policy_pb2.PolicyServicePublishResponse)
    return policy_pb2.PolicyServiceRollbackRequest(expected=await _published(world))


_POLICIES: Final[Mapping[str, Row]] = {
    "Validate": Row(
        "read",
        good=lambda _: _validate("own.yaml"),
        bad=lambda _: policy_pb2.PolicyServiceValidateRequest(),
        at="documents",
    ),
    "Test": Row(
        "read",
        good=lambda _: _test("tests/own.yaml"),
        bad=lambda _: policy_pb2.PolicyServiceTestRequest(documents=_validate("own.yaml").documents),
        at="cases",
    ),
    "List": _list(policy_pb2.PolicyServiceListRequest),
    "Get": Row(
        "read",
        good=lambda _: policy_pb2.PolicyServiceGetRequest(uid="disclosure.statute.secret_role"),
        bad=lambda _: policy_pb2.PolicyServiceGetRequest(),
        at="uid",
        absent=lambda _: policy_pb2.PolicyServiceGetRequest(uid="disclosure.none"),
    ),
    "ListAttributes": Row(
        "read",
        good=lambda _: policy_pb2.PolicyServiceListAttributesRequest(),
        bad=lambda _: policy_pb2.PolicyServiceListAttributesRequest(as_of=past_pb2.AsOf()),
        at="as_of",
    ),
    "PutSet": Row("write", good=_put_set, bad=lambda _: _set("../own.yaml"), at="files[0].name"),
    "Publish": Row(
        "write",
        good=_publish,
        bad=lambda _: policy_pb2.PolicyServicePublishRequest(policy_set="set-none"),
        at="expected",
        absent=lambda _: policy_pb2.PolicyServicePublishRequest(policy_set="set-none", expected="set-other"),
    ),
    "Rollback": Row(
        "write",
        good=_rollback,
        bad=lambda _: policy_pb2.PolicyServiceRollbackRequest(policy_set="set-none"),
        at="expected",
        absent=lambda _: policy_pb2.PolicyServiceRollbackRequest(expected="set-none"),
    ),
    "Diff": Row(
        "read",
        good=lambda _: policy_pb2.PolicyServiceDiffRequest(files=_set("own.yaml").files),
        bad=lambda _: policy_pb2.PolicyServiceDiffRequest(after="set-none", files=_set("own.yaml").files),
        at="after",
        absent=lambda _: policy_pb2.PolicyServiceDiffRequest(after="set-none"),
    ),
    "ListSets": _list(policy_pb2.PolicyServiceListSetsRequest),
    "GetSet": Row(
        "read",
        good=lambda _: policy_pb2.PolicyServiceGetSetRequest(),
        bad=lambda _: policy_pb2.PolicyServiceGetSetRequest(page_token="x"),
        at="page_token",
        absent=lambda _: policy_pb2.PolicyServiceGetSetRequest(policy_set="set-none"),
    ),
    "History": Row(
        "read",
        good=lambda _: policy_pb2.PolicyServiceHistoryRequest(),
        bad=lambda _: policy_pb2.PolicyServiceHistoryRequest(page_size=-1),
        at="page_size",
        absent=lambda _: policy_pb2.PolicyServiceHistoryRequest(policy_set="set-none"),
    ),
}
_REQUESTS: Final[Mapping[str, Row]] = {
    "Record": Row(
        "write",
        good=lambda _: _request("withhold_location"),
        bad=lambda _: _request("hide"),
        at="request.kind",
    ),
    "Get": Row(
        "read",
        good=_get_request,
        bad=lambda _: request_pb.PrivacyRequestServiceGetRequest(request_id="x"),
        at="request_id",
        absent=lambda _: request_pb.PrivacyRequestServiceGetRequest(request_id=random_id()),
    ),
    "List": _list(request_pb.PrivacyRequestServiceListRequest, person="ref:P"),
    "History": Row(
        "read",
        good=_request_history,
        bad=lambda _: request_pb.PrivacyRequestServiceHistoryRequest(request_id="x"),
        at="request_id",
        absent=lambda _: request_pb.PrivacyRequestServiceHistoryRequest(request_id=random_id()),
    ),
}
_RECORDS: Final[Mapping[str, Row]] = {
    "PutRecordType": Row(
        "write",
        good=lambda world: _record_type(world, "health.report"),
        bad=lambda world: _record_type(world, "locations"),
        at="record_type.fields[0].categories[0]",
    ),
    "PutArtefactType": Row(
        "write",
        good=lambda world: _artefact_type(world, "location.derived"),
        bad=lambda world: _artefact_type(world, "locations"),
        at="artefact_type.envelope[0].categories[0]",
    ),
    "PutRecord": Row(
        "write",
        good=lambda world: _record(world.new),
        bad=lambda _: _record(" F"),
        at="record.reference",
    ),
    "DeclareContents": Row(
        "write",
        good=lambda _: _declaration(b"d" * 32),
        bad=lambda _: _declaration(b"d"),
        at="declaration.digest",
    ),
    "GetRecord": Row(
        "read",
        good=lambda _: record_pb2.GetRecordRequest(reference="F-V"),
        bad=lambda _: record_pb2.GetRecordRequest(reference="F\n"),
        at="reference",
        absent=lambda world: record_pb2.GetRecordRequest(reference=world.new),
    ),
    "Import": Row(
        "write",
        good=lambda world: record_pb2.RecordServiceImportRequest(records=[_record(world.new).record]),
        bad=lambda _: record_pb2.RecordServiceImportRequest(),
        at="records",
    ),
    "ListRecordTypes": _list(record_pb2.ListRecordTypesRequest),
    "ListArtefactTypes": _list(record_pb2.ListArtefactTypesRequest),
    "ListDeclarations": Row(
        "read",
        good=_declarations,
        bad=lambda _: record_pb2.ListDeclarationsRequest(digest=b"d"),
        at="digest",
    ),
    "History": Row(
        "read",
        good=lambda _: record_pb2.RecordServiceHistoryRequest(record_reference="F-V"),
        bad=lambda _: record_pb2.RecordServiceHistoryRequest(record_reference="F-V", page_size=-1),
        at="page_size",
        absent=lambda world: record_pb2.RecordServiceHistoryRequest(artefact_type_name=world.new),
    ),
}
ROWS: Final[Mapping[str, Row]] = {
    f"{service}/{method}": row
    for service, rows in {
        "AccessService": _ACCESS,
        "CaseworkService": _CASEWORK,
        "DecisionLogService": _LOG,
        "DecisionService": _DECISIONS,
        "PeopleService": _PEOPLE,
        "PolicyService": _POLICIES,
        "PrivacyRequestService": _REQUESTS,
        "RecordService": _RECORDS,
        "RetentionService": _RETENTION,
    }.items()
    for method, row in rows.items()
}
