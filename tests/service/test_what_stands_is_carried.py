"""A decision that waits while others are written about is not made again, and answers at the newest facts;
one whose own facts are touched is.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from policy_service.api.v1 import access_pb2, people_pb2, privacy_request_pb2, record_pb2
from policy_service.api.v1 import decision_pb2 as pb
from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.facts.epochs import Epochs
from policy_service.facts.revision_token import RevisionTokens
from policy_service.model.errors import UnauthenticatedError
from policy_service.service import check as checks
from policy_service.service.decide import Steps, decide_in_steps
from tests.promises.test_promise_3_fresh import SEND, until
from tests.promises.world import CLINIC, check, open_world, record_request
from tests.support.installation import KEY, Installation, installation

TOGETHER = 5


@dataclass
class Held:
    """A round that waits before it reads the head, so that something may be written meanwhile."""

    road: Installation
    token: str
    is_on: threading.Event = field(default_factory=threading.Event)
    is_waiting: threading.Event = field(default_factory=threading.Event)
    goes_on: threading.Event = field(default_factory=threading.Event)
    ahead: timedelta = timedelta()
    """Of the worker's clock."""
    decided: int = 0
    question: Mapping[str, Any] = field(default_factory=lambda: SEND)

    @asynccontextmanager
    async def answers_after(self) -> AsyncIterator[list[Any]]:
        """Some ask and are decided; then the block; then they are answered."""
        answers: list[Any] = []
        await check(self.road, self.token, **self.question)  # so that nothing is cold
        self.is_on.set()
        self.decided = 0
        asked = [asyncio.create_task(check(self.road, self.token, **self.question)) for _ in range(TOGETHER)]
        await until(lambda: self.is_waiting.is_set() and self.road.round.waiting == TOGETHER)
        assert self.decided == TOGETHER
        self.is_on.clear()
        try:
            yield answers
        finally:
            self.goes_on.set()
            answers += await asyncio.gather(*asked, return_exceptions=True)

    async def put(self, method: str, message: type[Any], **said: Any) -> None:
        request = ParseDict(said, message())
        await self.road.call(
            method, request.SerializeToString(), token=self.road.administrator, controller=CLINIC
        )


@pytest.fixture
async def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Held]:
    made: list[Held] = []

    def before_head() -> None:
        if made and made[0].is_on.is_set():
            made[0].is_waiting.set()
            made[0].goes_on.wait(20)

    def now() -> datetime:
        return datetime.now(UTC) + (made[0].ahead if made else timedelta())

    def counted(*given: Any) -> Steps:
        made[0].decided += 1
        return decide_in_steps(*given)

    urls = f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}"
    async with installation(*urls, before_head=before_head, now=now) as road:
        made.append(Held(road, await open_world(road)))
        monkeypatch.setattr(checks, "decide_in_steps", counted)
        yield made[0]


async def test_what_is_written_about_others_makes_nobody_decide_again(held: Held) -> None:
    async with held.answers_after() as answers:
        for number in range(3):
            await held.put(
                "PeopleService/PutPerson",
                people_pb2.PutPersonRequest,
                person={"identifiers": [f"ref:new-{number}"]},
            )
            await record_request(held.road, person=f"ref:new-{number}", kind="do_not_share")
    assert held.decided == TOGETHER
    assert {answer.effect for answer in answers} == {pb.EFFECT_PERMIT}
    # As of the newest facts, and its answer says so: no caller who has written takes it for an older one.
    head, tokens = held.road.reader.head(), RevisionTokens(KEY, Epochs.read(held.road.reader))
    assert {tokens.open(answer.facts_token) for answer in answers} == {head}
    stored = [held.road.log.get(answer.decision_id) for answer in answers]
    assert {LogEntry.FromString(each.data).revision for each in stored if each is not None} == {head}
    assert None not in stored


def _writes() -> Iterator[Any]:
    def write(name: str, method: str, message: type[Any], **said: Any) -> Any:
        return pytest.param(method, message, said, id=name)

    yield write(
        "user",
        "AccessService/PutUser",
        access_pb2.PutUserRequest,
        user={"reference": "w.nurse", "teams": ["another"]},
    )
    yield write(
        "system",
        "AccessService/PutSystem",
        access_pb2.PutSystemRequest,
        system={"name": "clinic-records", "grant": {"record_types": ["*"], "verbs": ["see"]}},
    )
    yield write(
        "record",
        "RecordService/PutRecord",
        record_pb2.PutRecordRequest,
        record={
            "reference": "F-P",
            "record_type": "clinic.file",
            "teams": ["another"],
            "parties": [{"party": "patient", "role": "subject", "person": "ref:P"}],
        },
    )
    yield write(
        "type of the record",
        "RecordService/PutRecordType",
        record_pb2.PutRecordTypeRequest,
        record_type={"name": "clinic.file", "extends": "base.case", "fields": []},
    )
    yield write(
        "request of the subject",
        "PrivacyRequestService/Record",
        privacy_request_pb2.PrivacyRequestServiceRecordRequest,
        request={"person": "ref:P", "kind": "do_not_share"},
    )
    yield write(
        "ties of the subject",
        "PeopleService/PutRelationship",
        people_pb2.PutRelationshipRequest,
        relationship={"from_person": "ref:gp", "to_person": "ref:P", "kind": "adverse_to"},
    )


@pytest.mark.parametrize(("method", "message", "said"), list(_writes()))
async def test_what_is_written_about_what_it_rests_on_does(
    method: str, message: type[Any], said: dict[str, Any], held: Held
) -> None:
    async with held.answers_after() as answers:
        await held.put(method, message, **said)
    assert held.decided >= 2 * TOGETHER  # more, where something had to be loaded first
    assert {answer.effect for answer in answers} == {pb.EFFECT_DENY}
    assert (await check(held.road, held.token, **held.question)).effect == pb.EFFECT_DENY


async def test_a_clock_that_leaps_does(held: Held) -> None:
    async with held.answers_after():
        await record_request(held.road, person="ref:V", kind="do_not_share")
        held.ahead = checks.CARRIED_FOR + timedelta(seconds=1)
    assert held.decided >= 2 * TOGETHER  # more, where something had to be loaded first


async def test_a_token_that_has_run_out_meanwhile_does(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of which no answer tells when it ends."""
    years = timedelta(days=4_000)
    monkeypatch.setattr(checks, "CARRIED_FOR", years)
    held.question = {"user": "w.nurse", "record": "F-P", "fields": [{"name": "summary"}]}
    async with held.answers_after() as answers:
        await record_request(held.road, person="ref:V", kind="do_not_share")
        held.ahead = years
    assert [type(answer) for answer in answers] == [UnauthenticatedError] * TOGETHER
