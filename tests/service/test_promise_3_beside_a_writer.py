"""Promises 2 and 3 beside a writer who changes, again and again, what every decision rests on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.model.facts import Relationship
from policy_service.server.convert_check import parse_check
from tests.facts.world import put
from tests.promises.world import open_world
from tests.service.test_statements import FEW, Circle, ask, see
from tests.support.installation import installation

AT_ONCE = 64
"""As many as one stream has under way."""
BETWEEN_WRITES = 16
"""Decisions that are made between two writes, as on a machine on which they take a few milliseconds each."""


async def test_all_of_a_stream_are_answered_and_none_by_older_facts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installation(f"sqlite:///{tmp_path}/facts.db", f"sqlite:///{tmp_path}/log") as road:
        token, circle = await open_world(road), Circle(FEW)
        put(road.store, *circle.facts())
        await ask(road, token, see(circle))
        call = parse_check(ParseDict(see(circle), pb.CheckRequest()).SerializeToString())
        tie = next(fact for fact in circle.facts() if isinstance(fact, Relationship))
        decide, made = road.checks.decide, 0

        async def beside_a_writer(*asked: Any) -> Any:
            nonlocal made
            decided = await decide(*asked)
            made += 1
            if made % BETWEEN_WRITES == 0:
                put(road.store, replace(tie, basis=str(made)))
            return decided

        monkeypatch.setattr(road.checks, "decide", beside_a_writer)
        before = road.store.head()
        answers = await asyncio.gather(*(road.checks.check(token, call) for _ in range(AT_ONCE)))
        stored = [road.log.get(answer.decision_id) for answer in answers]
        entries = [LogEntry.FromString(each.data) for each in stored if each is not None]
        assert len(entries) == AT_ONCE
        assert min(entry.revision for entry in entries) >= before
        assert len({entry.revision for entry in entries}) > 1, "nothing was overtaken"
