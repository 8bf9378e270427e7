"""Promise 7: nothing that a caller asserts lifts a request's deny, or takes away what is on file."""

from __future__ import annotations

from typing import Any

import pytest

from policy_service.api.v1 import decision_pb2 as pb
from tests.promises.world import check, open_world
from tests.support.installation import installation

SUMMARY = [{"name": "summary"}]
DESCRIBED_RECORD = {
    "record": {
        "record_type": "clinic.file",
        "teams": ["ward-9"],
        "parties": [{"party": "patient", "role": "subject", "person": "somebody"}],
    },
    "people": [{"key": "somebody"}],
}

CLAIMS: dict[str, dict[str, Any]] = {
    "a team that the grant does not let the system assert": {
        "user": "o.clerk",
        "record": "F-P",
        "description": {"user": {"teams": ["ward"]}},
    },
    "another description of a record that is on file": {
        "user": "o.clerk",
        "record": "F-P",
        "description": {**DESCRIBED_RECORD, "user": {"teams": ["ward-9"]}},
    },
    "that an adverse member of staff is somebody else": {
        "user": "a.nurse",
        "record": "F-V",
        "description": {"user": {"person": "somebody", "teams": ["ward-9"]}, "people": [{"key": "somebody"}]},
    },
    "that a member of staff serves himself": {"user": "a.nurse", "record": "F-V", "self_service": True},
    "a purpose that is not granted": {"user": "w.nurse", "record": "F-P", "purpose": "emergency"},
}


@pytest.mark.parametrize("claim", CLAIMS)
async def test_a_claim_permits_nothing(claim: str, urls: tuple[str, str]) -> None:
    async with installation(*urls) as road:
        token = await open_world(road)
        answer = await check(road, token, fields=SUMMARY, **CLAIMS[claim])
        assert answer.effect == pb.EFFECT_DENY
        assert all(cell.effect == pb.EFFECT_DENY for cell in answer.cells)


async def test_the_same_without_a_claim_is_permitted(urls: tuple[str, str]) -> None:
    """The claims above fail for what they claim, not for something that this world never permits."""
    async with installation(*urls) as road:
        token = await open_world(road)
        for question in (
            {"user": "w.nurse", "record": "F-P"},
            {
                "user": "o.clerk",
                "record": "F-new",
                "description": {**DESCRIBED_RECORD, "user": {"teams": ["ward-9"]}},
            },
        ):
            assert (await check(road, token, fields=SUMMARY, **question)).effect == pb.EFFECT_PERMIT


async def test_a_system_without_the_grant_describes_nothing(urls: tuple[str, str]) -> None:
    async with installation(*urls) as road:
        token = await open_world(road, "clinic-plain")
        assert (
            await check(road, token, user="w.nurse", record="F-P", fields=SUMMARY)
        ).effect == pb.EFFECT_PERMIT
        answer = await check(
            road, token, user="w.nurse", record="F-P", fields=SUMMARY, description={"people": [{"key": "x"}]}
        )
        assert answer.effect == pb.EFFECT_DENY
