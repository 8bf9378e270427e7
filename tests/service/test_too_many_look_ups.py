"""A call that leads to more look-ups at once than a decision may make is not available, like an unknown
record; one that leads to more than one load takes is answered.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.api.v1 import decision_pb2 as pb
from policy_service.facts import keys
from policy_service.model.facts import PersonId
from tests.facts.world import put
from tests.promises.world import open_world
from tests.service.test_statements import Circle, ask, see, told
from tests.support.installation import installation

CIRCLE = Circle(20)
"""Of twenty people, each with a partner and a home that they share."""
OF_EACH = len(keys.about_person(PersonId("anybody")))


async def test_more_look_ups_than_a_decision_may_make_at_once_are_not_available(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = f"sqlite:///{tmp_path}/facts.db", f"sqlite:///{tmp_path}/log"
    async with installation(*stores, replayed=False) as road:  # by other bounds than there are
        token = await open_world(road)
        put(road.store, *CIRCLE.facts())
        bound = "policy_service.facts.gather.at_once.MOST_LOOK_UPS"
        monkeypatch.setattr(bound, CIRCLE.size * OF_EACH - 1)
        cold, _ = await ask(road, token, see(CIRCLE))
        unknown, _ = await ask(road, token, see(CIRCLE) | {"record": "NOBODY-KNOWS"})
        assert told(cold) == told(unknown)
        stored = road.log.get(cold[0].answer.decision_id)
        assert stored is not None
        assert log_pb.LogEntry.FromString(stored.data).decision.cause == "too_many_facts"

        # It is so whatever is in memory, and wherever it is computed again.
        with monkeypatch.context() as unbounded:
            unbounded.setattr(bound, 50_000)
            permitted, _ = await ask(road, token, see(CIRCLE))
            assert permitted[0].answer.effect == pb.EFFECT_PERMIT
        warm, _ = await ask(road, token, see(CIRCLE))
        assert told(warm) == told(unknown)
        again = log_pb.DecisionLogServiceReplayRequest(decision_id=cold[0].answer.decision_id)
        data = await road.call(
            "DecisionLogService/Replay", again.SerializeToString(), token=road.administrator
        )
        assert log_pb.DecisionLogServiceReplayResponse.FromString(data).same


async def test_what_is_more_than_one_load_takes_is_loaded_in_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = f"sqlite:///{tmp_path}/facts.db", f"sqlite:///{tmp_path}/log"
    async with installation(*stores, replayed=False) as road:  # by other bounds than there are
        token = await open_world(road)
        put(road.store, *CIRCLE.facts())
        for module in ("facts.memory", "service.together"):
            monkeypatch.setattr(f"policy_service.{module}.MAX_KEYS_A_LOAD", 50)
        outcomes, (loads, _) = await ask(road, token, see(CIRCLE))
        assert outcomes[0].answer.effect == pb.EFFECT_PERMIT
        assert loads > CIRCLE.size * OF_EACH // 50
