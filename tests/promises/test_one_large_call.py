"""One system's large call holds nobody else up, and a call that would need too much is denied."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.api.v1 import decision_pb2 as pb
from policy_service.facts.gather.questions import Questions
from policy_service.model.attributes import Attributes
from tests.promises.world import check, open_world
from tests.support.installation import installation

LIVENESS = 5.0
"""Seconds; far above what a small call takes, far below what the large one does."""


def about_many_people(people: int, fields: int) -> dict[str, Any]:
    keys = [f"p{number}" for number in range(people)]
    return {
        "user": "w.nurse",
        "record": "F-new",
        "fields": [{"name": "summary"}, *({"name": "summary", "party": key} for key in keys[: fields - 1])],
        "description": {
            "record": {
                "record_type": "clinic.file",
                "teams": ["ward"],
                "parties": [{"party": key, "role": "subject", "person": key} for key in keys],
            },
            "people": [{"key": key} for key in keys],
        },
    }


async def test_a_small_call_is_answered_while_a_large_one_is_decided(tmp_path: Path) -> None:
    facts, log = f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}"
    async with installation(facts, log) as road:
        token = await open_world(road)
        small = {"user": "w.nurse", "record": "F-V", "fields": [{"name": "summary"}]}
        await check(road, token, **small)
        large = asyncio.create_task(
            check(
                road,
                token,
                **about_many_people(250, 1)
                | {"verb": "VERB_SEND", "recipients": [{"team": f"t{n}"} for n in range(32)]},
            )
        )
        await asyncio.sleep(0.2)
        begun = time.monotonic()
        assert (await check(road, token, **small)).effect == pb.EFFECT_PERMIT
        assert time.monotonic() - begun < LIVENESS
        assert not large.done(), "the large call was not large enough to show anything"
        await large


async def test_a_call_that_needs_too_many_questions_is_not_available(tmp_path: Path) -> None:
    facts, log = f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}"
    async with installation(facts, log) as road:
        token = await open_world(road)
        teams = [{"team": f"t{number}"} for number in range(70)]
        question = about_many_people(250, 1) | {"verb": "VERB_SEND", "recipients": teams}
        answer = await check(road, token, **question)
        assert {cell.reason for cell in answer.cells} == {"NOT_AVAILABLE"}
        stored = road.log.get(answer.decision_id)
        assert stored is not None
        assert log_pb.LogEntry.FromString(stored.data).decision.cause == "too_many_questions"


async def test_questions_that_the_call_shows_are_counted_before_one_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 250 people, to 33 teams and to the user who sends to each: 16,500, of 16,384 at most."""
    asked: list[Attributes] = []
    disclosure = Questions.disclosure

    def noted(self: Questions, *question: Any) -> Attributes:
        asked.append(disclosure(self, *question))
        return asked[-1]

    monkeypatch.setattr(Questions, "disclosure", noted)
    facts, log = f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}"
    async with installation(facts, log) as road:
        token = await open_world(road)
        send = {"verb": "VERB_SEND", "recipients": [{"team": f"t{number}"} for number in range(33)]}
        answer = await check(road, token, **about_many_people(250, 1) | send)
        assert not asked
        stored = road.log.get(answer.decision_id)
        assert stored is not None
        assert log_pb.LogEntry.FromString(stored.data).decision.cause == "too_many_questions"
        await check(road, token, user="w.nurse", record="F-P", fields=[{"name": "summary"}])
        assert asked
