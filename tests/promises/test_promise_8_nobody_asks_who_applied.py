"""Promise 8: who holds a secret role on a record is not found out by describing who she may be.

An officer asks for what he may have, and describes a candidate in one way or another. Whether she is who
applied under the scheme, or somebody else on file, the answer is the same.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.json_format import ParseDict

from policy_service.api.v1 import decision_pb2 as pb
from tests.decisions.case import Facts
from tests.decisions.roads import NOBODY, put_on_file
from tests.support.installation import Installation, installation

FACTS = Facts.model_validate(
    {
        "controller": "example-police",
        "record_types": [
            {
                "name": "police.file",
                "extends": "base.case",
                "secret_roles": ["applicant"],
                "protection_team": "scheme",
            }
        ],
        "people": [{"identifiers": [f"ref:{who}"]} for who in ("A", "applicant", "anybody")],
        "records": [
            {
                "reference": "OM-1",
                "record_type": "police.file",
                "teams": ["managers"],
                "parties": [
                    {"party": "managed", "role": "subject", "person": "ref:A"},
                    {"party": "who-asked", "role": "applicant", "person": "ref:applicant"},
                ],
            }
        ],
        "users": [{"reference": "o.manager", "teams": ["managers"]}],
        "systems": [
            {
                "name": "police-records",
                "grant": {
                    "record_types": ["*"],
                    "verbs": ["see", "send"],
                    "purposes": ["casework"],
                    "may_describe": True,
                },
            }
        ],
    }
)

_ME: dict[str, Any] = {"user": {"person": "me"}, "people": [{"key": "me"}]}


def _adverse(source: str, target: str) -> dict[str, str]:
    return {"from_person": source, "to_person": target, "kind": "adverse_to"}


def _asking(*fields: str, **more: Any) -> dict[str, Any]:
    return {"user": "o.manager", "record": "OM-1", "fields": [{"name": name} for name in fields], **more}


WAYS: dict[str, Callable[[str], dict[str, Any]]] = {
    "the user is adverse to her": lambda her: _asking(
        "subject.name", description={**_ME, "relationships": [_adverse("me", her)]}
    ),
    "the user is the partner of somebody adverse to her": lambda her: _asking(
        "subject.name",
        description={
            **_ME,
            "people": [{"key": "me"}, {"key": "x"}],
            "relationships": [
                _adverse("x", her),
                {"from_person": "x", "to_person": "me", "kind": "partner"},
            ],
        },
    ),
    "the interpreter is adverse to her": lambda her: _asking(
        "subject.name",
        recipients=[{"party": "managed", "channel": "via_interpreter", "interpreter": "i"}],
        description={"people": [{"key": "i"}], "relationships": [_adverse("i", her)]},
    ),
    "she lives with him": lambda her: _asking(
        "subject.address",
        description={"relationships": [{"from_person": her, "to_person": "ref:A", "kind": "lives_with"}]},
    ),
    "she is the user": lambda her: _asking("subject.name", description={"user": {"person": her}}),
    "she shares his phone": lambda her: _asking(
        "subject.phone",
        description={
            "contact_points": [
                {"key": "p", "kind": "phone", "value": "+441632960001", "owners": [her, "ref:A"]}
            ]
        },
    ),
    "she was born in 9999": lambda her: _asking(
        "enquiry.made_from",
        "subject.name",
        description={"people": [{"key": "k", "identifiers": [her], "birth_date": "9999-12-31"}]},
    ),
    "she has a hundred homes": lambda her: _asking(
        "enquiry.made_from",
        "subject.name",
        description={
            "contact_points": [
                {
                    "key": f"k{number}",
                    "kind": "post",
                    "value": f"{number} Madeup Street, Nowhereton",
                    "uprn": str(1_000 + number),
                    "home": True,
                    "owners": [her],
                }
                for number in range(100)
            ]
        },
    ),
}


@pytest_asyncio.fixture
async def road(urls: tuple[str, str]) -> AsyncIterator[Installation]:
    async with installation(*urls) as opened:
        yield opened


@pytest.mark.parametrize("way", WAYS)
async def test_who_applied_is_not_found_out_by_describing(road: Installation, way: str) -> None:
    token = (await put_on_file(road, FACTS, "police-records", named=NOBODY)).token
    answers = []
    for who in ("ref:applicant", "ref:anybody"):
        question = ParseDict(WAYS[way](who), pb.CheckRequest()).SerializeToString()
        answer = pb.CheckResponse.FromString(await road.call("DecisionService/Check", question, token=token))
        answer.decision_id = answer.facts_token = ""
        answer.ClearField("valid_until")
        answers.append(re.sub(r'value: "20[^"]*"', "", str(answer)))
    assert answers[0] == answers[1]
    assert "EFFECT_PERMIT" in answers[0]  # it is no answer that tells nothing to anybody
