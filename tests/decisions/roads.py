"""The ways by which a case reaches the service: its methods called directly, or over a real gRPC socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any, Final, Protocol

from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from policy_service.api.v1 import (
    access_pb2,
    casework_pb2,
    decision_log_pb2,
    decision_pb2,
    people_pb2,
    privacy_request_pb2,
    record_pb2,
)
from tests.decisions.case import Facts


class Road(Protocol):
    """Calls a method of the service with a message's bytes, as the holder of a token."""

    async def call(self, method: str, message: bytes, *, token: str, controller: str = "") -> bytes: ...

    @property
    def administrator(self) -> str:
        """The first administrator's token."""


class StreamingRoad(Road, Protocol):
    """One that goes over a socket, on which messages may come and go."""

    async def stream(self, method: str, messages: list[bytes], *, token: str) -> list[bytes]:
        """Send all messages, and return all answers."""


@dataclass(frozen=True, slots=True)
class Put:
    """How one kind of fact goes on file, and by what a case knows it afterwards (`ID in the log` → a word
    of the case).
    """

    kind: str
    method: str
    request: type[Message]
    answer: type[Message]
    field: str
    names: Callable[[dict[str, Any], Any], dict[str, str]] = lambda said, answer: {}


def _person(said: dict[str, Any], answer: people_pb2.PutPersonResponse) -> dict[str, str]:
    return {f"person:{answer.person.person_id}": said["identifiers"][0]}


def _declaration(said: dict[str, Any], answer: record_pb2.DeclareContentsResponse) -> dict[str, str]:
    return {f"declaration:{answer.declaration.declaration_id}": said["field"]}


_PUTS: tuple[Put, ...] = (
    Put(
        "record_types",
        "RecordService/PutRecordType",
        record_pb2.PutRecordTypeRequest,
        record_pb2.PutRecordTypeResponse,
        "record_type",
    ),
    Put(
        "artefact_types",
        "RecordService/PutArtefactType",
        record_pb2.PutArtefactTypeRequest,
        record_pb2.PutArtefactTypeResponse,
        "artefact_type",
    ),
    Put(
        "people",
        "PeopleService/PutPerson",
        people_pb2.PutPersonRequest,
        people_pb2.PutPersonResponse,
        "person",
        _person,
    ),
    Put(
        "contact_points",
        "PeopleService/PutContactPoint",
        people_pb2.PutContactPointRequest,
        people_pb2.PutContactPointResponse,
        "contact_point",
    ),
    Put(
        "relationships",
        "PeopleService/PutRelationship",
        people_pb2.PutRelationshipRequest,
        people_pb2.PutRelationshipResponse,
        "relationship",
    ),
    Put(
        "records",
        "RecordService/PutRecord",
        record_pb2.PutRecordRequest,
        record_pb2.PutRecordResponse,
        "record",
    ),
    Put(
        "users",
        "AccessService/PutUser",
        access_pb2.PutUserRequest,
        access_pb2.PutUserResponse,
        "user",
    ),
    Put(
        "requests",
        "PrivacyRequestService/Record",
        privacy_request_pb2.PrivacyRequestServiceRecordRequest,
        privacy_request_pb2.PrivacyRequestServiceRecordResponse,
        "request",
    ),
    Put(
        "overrides",
        "CaseworkService/GrantOverride",
        casework_pb2.GrantOverrideRequest,
        casework_pb2.GrantOverrideResponse,
        "override",
    ),
    Put(
        "orders",
        "CaseworkService/RecordOrder",
        casework_pb2.RecordOrderRequest,
        casework_pb2.RecordOrderResponse,
        "order",
    ),
    Put(
        "declarations",
        "RecordService/DeclareContents",
        record_pb2.DeclareContentsRequest,
        record_pb2.DeclareContentsResponse,
        "declaration",
        _declaration,
    ),
    Put(
        "systems",
        "AccessService/PutSystem",
        access_pb2.PutSystemRequest,
        access_pb2.PutSystemResponse,
        "system",
    ),
)

_NAMES_ITS_CONTROLLER = frozenset({"users", "systems"})


@dataclass(frozen=True, slots=True)
class OnFile:
    """A case's facts, on file: the token of the system that asks, and the ids by the case's own words."""

    token: str
    names: dict[str, str]


def messages(facts: Facts) -> Iterator[tuple[Put, dict[str, Any], Message]]:
    """The calls that put a case's facts on file, in their order: what is named comes before what names it."""
    for put in _PUTS:
        for each in getattr(facts, put.kind):
            body: dict[str, Any] = dict(each)
            if put.kind in _NAMES_ITS_CONTROLLER:
                body["controller"] = facts.controller
            yield put, body, ParseDict({put.field: body}, put.request())


_PEOPLE: Final = {"people": "person", "contact_points": "contact_point", "relationships": "relationship"}
"""What PeopleService/Import takes, and the item that it is there."""
_NAMING_NOBODY: Final = {"record_types", "artefact_types", "people"}
"""Everything else may name people, and some of it records."""


def _may_be_imported(put: Put, said: Mapping[str, Any], named: Set[str]) -> bool:
    """Not who is to be named. Nor what somebody alleges: who did so first counts, and what one message
    imports came at one moment.
    """
    return (
        put.kind in _PEOPLE
        and named.isdisjoint(said.get("identifiers", ()))
        and said.get("kind") != "adverse_to"
    )


NOBODY: Final[frozenset[str]] = frozenset()
"""`named` by who needs no ids."""


async def _import_all(
    road: Road,
    controller: str,
    people: people_pb2.PeopleServiceImportRequest,
    records: record_pb2.RecordServiceImportRequest,
) -> None:
    """Import what is there, all of which is new, or all of which was there, where a world is put on file once
    more; and empty both messages.
    """
    for method, message, response, count in (
        ("PeopleService/Import", people, people_pb2.PeopleServiceImportResponse, len(people.items)),
        ("RecordService/Import", records, record_pb2.RecordServiceImportResponse, len(records.records)),
    ):
        if count:
            answer = await road.call(
                method, message.SerializeToString(), token=road.administrator, controller=controller
            )
            imported = response.FromString(answer).imported
            assert (imported.written, imported.unchanged) in ((count, 0), (0, count)), imported
            message.Clear()


async def put_on_file(road: Road, facts: Facts, system: str, *, named: Set[str] | None = None) -> OnFile:
    """Put a case's facts on file through the API, and issue a token of its `system`.

    `named`: the identifiers of the people whose ids must be known by the case's words. Nearly all
    others, contact points, relationships and records then go on file by the two Imports, which tell no ids,
    in two revisions instead of one each. None: everything by a call of its own, and all ids are known.
    """
    names: dict[str, str] = {}
    people = people_pb2.PeopleServiceImportRequest()
    records = record_pb2.RecordServiceImportRequest()
    for put, said, request in messages(facts):
        if named is not None and _may_be_imported(put, said, named):
            people.items.add(**{_PEOPLE[put.kind]: getattr(request, put.field)})
            continue
        if named is not None and isinstance(request, record_pb2.PutRecordRequest):
            records.records.append(request.record)
            continue
        if put.kind not in _NAMING_NOBODY:
            await _import_all(road, facts.controller, people, records)
        answer = await road.call(
            put.method, request.SerializeToString(), token=road.administrator, controller=facts.controller
        )
        names |= put.names(said, put.answer.FromString(answer))
    issue = access_pb2.IssueTokenRequest(system=system, controller=facts.controller, valid_days=1)
    issued = await road.call(
        "AccessService/IssueToken",
        issue.SerializeToString(),
        token=road.administrator,
        controller=facts.controller,
    )
    return OnFile(access_pb2.IssueTokenResponse.FromString(issued).secret, names)


def as_message(question: dict[str, Any]) -> decision_pb2.CheckRequest:
    """The case's question as the call that it is."""
    return ParseDict(question, decision_pb2.CheckRequest())


async def ask(road: Road, question: dict[str, Any], token: str) -> decision_pb2.CheckResponse:
    """Ask the case's question."""
    request = as_message(question).SerializeToString()
    answer = await road.call("DecisionService/Check", request, token=token)
    return decision_pb2.CheckResponse.FromString(answer)


UNREADABLE = b"\x0a\xff"
"""No CheckRequest: cut off in its first field."""


async def ask_in_batch(road: Road, question: dict[str, Any], token: str) -> decision_pb2.CheckResponse:
    """Ask the case's question in a batch, between two that cannot be answered."""
    asked = as_message(question).SerializeToString()
    request = b"".join(part(each) for each in (UNREADABLE, asked, b""))
    answer = await road.call("DecisionService/BatchCheck", request, token=token)
    before, outcome, after = decision_pb2.BatchCheckResponse.FromString(answer).outcomes
    assert before.error.reason == "UNREADABLE_MESSAGE"
    assert (after.error.code, after.error.field) == ("INVALID_ARGUMENT", "fields")
    assert outcome.WhichOneof("outcome") == "answer"
    return outcome.answer


async def ask_on_stream(
    road: StreamingRoad, question: dict[str, Any], token: str
) -> decision_pb2.CheckResponse:
    """Ask the case's question on a stream, between two that cannot be answered."""
    asked = as_message(question).SerializeToString()
    messages = [b"", part(asked), part(UNREADABLE)]
    answers = await road.stream("DecisionService/CheckStream", messages, token=token)
    before, outcome, after = (decision_pb2.CheckStreamResponse.FromString(each).outcome for each in answers)
    assert (before.error.reason, before.error.field) == ("REQUIRED", "check")
    assert after.error.reason == "UNREADABLE_MESSAGE"
    assert outcome.WhichOneof("outcome") == "answer"
    return outcome.answer


def part(message: bytes) -> bytes:
    """A message within a message, as its field 1."""
    length, digits = len(message), b""
    while length > 0x7F:
        digits += bytes((length & 0x7F | 0x80,))
        length >>= 7
    return b"\x0a" + digits + bytes((length,)) + message


async def entry_of(road: Road, decision_id: str) -> decision_log_pb2.LogEntry:
    """Read the log entry that a decision left, as an auditor."""
    request = decision_log_pb2.DecisionLogServiceGetRequest(entry_id=decision_id)
    answer = await road.call("DecisionLogService/Get", request.SerializeToString(), token=road.administrator)
    return decision_log_pb2.DecisionLogServiceGetResponse.FromString(answer).entry
