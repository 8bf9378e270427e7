"""The ways by which a case reaches the service: its methods called directly, or over a real gRPC socket."""

from __future__ import annotations

from typing import Any, Protocol

from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from policy_service.api.v1 import (
    access_pb2,
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


_PUTS: tuple[tuple[str, str, type[Message], str], ...] = (
    ("record_types", "RecordService/PutRecordType", record_pb2.PutRecordTypeRequest, "record_type"),
    ("artefact_types", "RecordService/PutArtefactType", record_pb2.PutArtefactTypeRequest, "artefact_type"),
    ("people", "PeopleService/PutPerson", people_pb2.PutPersonRequest, "person"),
    ("contact_points", "PeopleService/PutContactPoint", people_pb2.PutContactPointRequest, "contact_point"),
    ("relationships", "PeopleService/PutRelationship", people_pb2.PutRelationshipRequest, "relationship"),
    ("records", "RecordService/PutRecord", record_pb2.PutRecordRequest, "record"),
    ("users", "AccessService/PutUser", access_pb2.PutUserRequest, "user"),
    (
        "requests",
        "PrivacyRequestService/Record",
        privacy_request_pb2.PrivacyRequestServiceRecordRequest,
        "request",
    ),
    ("systems", "AccessService/PutSystem", access_pb2.PutSystemRequest, "system"),
)

_NAMES_ITS_CONTROLLER = frozenset({"users", "systems"})


async def put_on_file(road: Road, facts: Facts, system: str) -> str:
    """Put a case's facts on file through the API, and return a token of its `system`."""
    for kind, method, request_type, field in _PUTS:
        for each in getattr(facts, kind):
            body: dict[str, Any] = dict(each)
            if kind in _NAMES_ITS_CONTROLLER:
                body["controller"] = facts.controller
            request = ParseDict({field: body}, request_type())
            await road.call(
                method, request.SerializeToString(), token=road.administrator, controller=facts.controller
            )
    issue = access_pb2.IssueTokenRequest(system=system, controller=facts.controller, valid_days=1)
    answer = await road.call(
        "AccessService/IssueToken",
        issue.SerializeToString(),
        token=road.administrator,
        controller=facts.controller,
    )
    return access_pb2.IssueTokenResponse.FromString(answer).secret


async def ask(road: Road, question: dict[str, Any], token: str) -> decision_pb2.CheckResponse:
    """Ask the case's question."""
    request = ParseDict(question, decision_pb2.CheckRequest())
    answer = await road.call("DecisionService/Check", request.SerializeToString(), token=token)
    return decision_pb2.CheckResponse.FromString(answer)


async def entry_of(road: Road, decision_id: str) -> decision_log_pb2.LogEntry:
    """Read the log entry that a decision left, as an auditor."""
    request = decision_log_pb2.DecisionLogServiceGetRequest(entry_id=decision_id)
    answer = await road.call("DecisionLogService/Get", request.SerializeToString(), token=road.administrator)
    return decision_log_pb2.DecisionLogServiceGetResponse.FromString(answer).entry
