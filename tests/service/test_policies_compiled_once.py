"""When a policy set is new, all calls that come at once wait for one compilation of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from policy_service.model.errors import UnavailableError
from policy_service.model.facts import PolicySet
from policy_service.service import compiled as compiling
from policy_service.service.policies import PublishedPolicies, published
from tests.promises.world import check, open_world
from tests.support.installation import installation

SEE = {"user": "w.nurse", "record": "F-V", "fields": [{"name": "summary"}]}


async def test_many_first_calls_compile_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []

    def counted(policy_set: PolicySet) -> PublishedPolicies:
        compiled.append(policy_set.policy_set_id)
        return published(policy_set)

    monkeypatch.setattr(compiling, "published", counted)
    async with installation(f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}") as road:
        token = await open_world(road)
        answers = await asyncio.gather(*(check(road, token, **SEE) for _ in range(50)))
    assert len({answer.decision_id for answer in answers}) == 50
    assert len(compiled) == 1


async def test_what_does_not_compile_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [MemoryError()]

    def sometimes(policy_set: PolicySet) -> PublishedPolicies:
        if failures:
            raise failures.pop()
        return published(policy_set)

    monkeypatch.setattr(compiling, "published", sometimes)
    async with installation(f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}") as road:
        token = await open_world(road)
        with pytest.raises(UnavailableError, match="cannot be compiled"):
            await check(road, token, **SEE)
        assert (await check(road, token, **SEE)).decision_id
