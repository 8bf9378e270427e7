"""One small world that the promises are shown on: V is protected from A; the ward works on V's file."""

from __future__ import annotations

from typing import Any

from google.protobuf.json_format import ParseDict

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.api.v1 import privacy_request_pb2 as request_pb
from tests.decisions.case import Facts
from tests.decisions.roads import NOBODY, Road, put_on_file
from tests.support.installation import Installation

CLINIC = "example-clinic"

FACTS = Facts.model_validate(
    {
        "controller": CLINIC,
        "record_types": [
            {
                "name": "clinic.file",
                "extends": "base.case",
                "secret_roles": ["applicant"],
                "protection_team": "scheme",
                "fields": [{"name": "summary", "categories": ["health.summary"], "about": ["subject"]}],
            }
        ],
        "artefact_types": [
            {
                "name": "clinic.letter",
                "envelope": [
                    {"name": "letterhead", "categories": ["location.derived"], "about": ["subject"]}
                ],
            }
        ],
        "people": [
            {"identifiers": ["ref:V"]},
            {"identifiers": ["ref:A"]},
            {"identifiers": ["ref:P"]},
            {"identifiers": ["ref:gp"], "kind": "organisation", "organisation_roles": ["care_provider"]},
        ],
        "contact_points": [
            {
                "owner": "ref:gp",
                "kind": "post",
                "value": "3 Surgery Square, Nowhereton",
                "reference": "gp-post",
            },
            {"owner": "ref:P", "kind": "post", "value": "4 Madeup Street, Nowhereton", "reference": "P-home"},
        ],
        "relationships": [{"from_person": "ref:A", "to_person": "ref:V", "kind": "adverse_to"}],
        "records": [
            {
                "reference": "F-V",
                "record_type": "clinic.file",
                "teams": ["ward"],
                "parties": [
                    {"party": "patient", "role": "subject", "person": "ref:V"},
                ],
            },
            {
                "reference": "F-P",
                "record_type": "clinic.file",
                "teams": ["ward"],
                "parties": [
                    {"party": "patient", "role": "subject", "person": "ref:P"},
                    {"party": "asked", "role": "applicant", "person": "ref:V"},
                ],
            },
        ],
        "users": [
            {"reference": "w.nurse", "teams": ["ward"]},
            {"reference": "a.nurse", "person": "ref:A", "teams": ["ward"]},
            {"reference": "o.clerk", "teams": ["records"]},
        ],
        "systems": [
            {
                "name": "clinic-records",
                "grant": {
                    "record_types": ["*"],
                    "verbs": ["see", "send"],
                    "purposes": ["care"],
                    "may_describe": True,
                    "assert_roles": ["clinician"],
                    "assert_teams": ["ward-9"],
                },
            },
            {
                "name": "clinic-plain",
                "grant": {"record_types": ["*"], "verbs": ["see"], "purposes": ["care"]},
            },
        ],
    }
)


async def open_world(road: Road, system: str = "clinic-records") -> str:
    """Put the world on file; returns a token of `system`."""
    return (await put_on_file(road, FACTS, system, named=NOBODY)).token


async def check(road: Road, token: str, **question: Any) -> pb.CheckResponse:
    request = ParseDict(question, pb.CheckRequest())
    answer = await road.call("DecisionService/Check", request.SerializeToString(), token=token)
    return pb.CheckResponse.FromString(answer)


async def record_request(road: Installation, **request: Any) -> None:
    """Record a privacy request, as a privacy officer does."""
    message = request_pb.PrivacyRequestServiceRecordRequest(
        request=ParseDict(request, request_pb.PrivacyRequest())
    )
    await road.call(
        "PrivacyRequestService/Record",
        message.SerializeToString(),
        token=road.administrator,
        controller=CLINIC,
    )
