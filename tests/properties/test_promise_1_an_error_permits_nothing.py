"""Promise 1, fail closed: in no generated world does an attribute that is missing or ill-typed permit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from policy_service.engine import CATALOGUE
from policy_service.engine.combine import Outcome, Owed
from policy_service.engine.compile import Attributes, Plan
from policy_service.model.vocabulary import Effect, Gate
from tests.engine.generators import ILL_TYPED, times
from tests.properties.scene import Scene, gained
from tests.properties.scenes import scenes
from tests.support.shipped import POLICIES


class DamagedPlan:
    """A plan that is given every question with the same attributes missing, or of another type."""

    def __init__(self, plan: Plan, damage: Mapping[str, Any]) -> None:
        self.catalogue = plan.catalogue
        self._plan = plan
        self._damage = damage

    def decide(self, gate: Gate, attributes: Attributes, *, denies_only: bool = False) -> Outcome:
        return self._plan.decide(gate, self._damaged(attributes), denies_only=denies_only)

    def owed(self, gate: Gate, effect: Effect, attributes: Attributes) -> tuple[Owed, ...]:
        return self._plan.owed(gate, effect, self._damaged(attributes))

    def _damaged(self, attributes: Attributes) -> Attributes:
        whole = attributes.whole()
        changed = {path: value for path, value in self._damage.items() if path in whole}
        there = {**whole, **changed}
        return Attributes({path: value for path, value in there.items() if value is not MISSING})


MISSING = object()

PATHS = sorted(attribute.path for attribute in CATALOGUE)


@st.composite
def damages(draw: st.DrawFn) -> dict[str, Any]:
    """For one to three paths: that they are missing, or a value of another type."""
    paths = draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=3, unique=True))
    return {path: draw(st.sampled_from([MISSING, *ILL_TYPED[CATALOGUE[path].type]])) for path in paths}


pytestmark = pytest.mark.timeout(900)


@times(4)
@given(scenes(), st.lists(damages(), min_size=3, max_size=3))
def test_promise_1_an_error_permits_nothing(scene: Scene, ways: list[dict[str, Any]]) -> None:
    before = scene.decide()
    for damage in ways:
        plan = cast(Plan, DamagedPlan(POLICIES.plan, damage))
        more = gained(before, scene.decide(replace(POLICIES, plan=plan)))
        if more:
            note(f"damaged: {damage}")
        assert not more
