"""Promise 8: withheld or unknown, field or record: one answer, byte for byte."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from policy_service.api.v1 import decision_pb2 as pb
from tests.promises.world import check, open_world, record_request
from tests.support.installation import installation

ASKED = "enquiry.made_by"

NOT_TO_BE_TOLD: dict[str, dict[str, Any]] = {
    "a field that law withholds": {"user": "w.nurse", "record": "F-P", "fields": [{"name": ASKED}]},
    "a field that nobody declared": {"user": "w.nurse", "record": "F-P", "fields": [{"name": "no.such"}]},
    "a role that nobody holds": {"user": "w.nurse", "record": "F-P", "fields": [{"name": "victim.name"}]},
    "a record that is withheld": {"user": "a.nurse", "record": "F-V", "fields": [{"name": "summary"}]},
    "a record of another team": {"user": "o.clerk", "record": "F-P", "fields": [{"name": "summary"}]},
    "a record that is not there": {"user": "w.nurse", "record": "F-none", "fields": [{"name": "summary"}]},
    "a user whom nobody knows": {"user": "nobody", "record": "F-P", "fields": [{"name": "summary"}]},
}

AS_A_SEE: dict[str, Any] = {}
AS_A_SEND: dict[str, Any] = {
    "verb": "VERB_SEND",
    "artefact_type": "clinic.letter",
    "recipients": [{"team": "scribes"}],
}


def blanked(answer: pb.CheckResponse) -> bytes:
    """The answer without its id and token, and without the caller's own words."""
    answer.decision_id = answer.facts_token = ""
    for cell in answer.cells:
        cell.field = cell.party = ""
    for obligation in answer.obligations:
        obligation.fields[:] = [""] * len(obligation.fields)
    return answer.SerializeToString(deterministic=True)


@pytest.mark.parametrize("way", [AS_A_SEE, AS_A_SEND], ids=["see", "send"])
async def test_one_answer_for_whatever_is_not_to_be_told(way: dict[str, Any], urls: tuple[str, str]) -> None:
    async with installation(*urls) as road:
        token = await open_world(road)
        answers = {
            name: blanked(await check(road, token, **question, **way))
            for name, question in NOT_TO_BE_TOLD.items()
        }
        for one, other in pairwise(answers):
            assert answers[one] == answers[other], f"{one}, and {other}"


async def test_a_secret_request_changes_nothing_but_the_effect(urls: tuple[str, str]) -> None:
    async with installation(*urls) as road:
        token = await open_world(road)
        send = {
            "user": "w.nurse",
            "record": "F-P",
            "verb": "VERB_SEND",
            "recipients": [{"person": "ref:gp", "contact_point": "gp-post"}],
        }
        await record_request(road, person="ref:P", kind="do_not_share", visibility="secret")
        withheld = blanked(await check(road, token, fields=[{"name": "summary"}], **send))
        unknown = blanked(await check(road, token, fields=[{"name": "no.such"}], **send))
        assert withheld == unknown
