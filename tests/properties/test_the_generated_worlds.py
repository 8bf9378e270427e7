"""What the generated worlds are worth: about half of all cells permit, and every shipped policy decides
somewhere.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import Phase, given, settings

from tests.engine.generators import times
from tests.properties.census import REASON_OF, Census
from tests.properties.scene import Scene
from tests.properties.scenes import scenes

pytestmark = pytest.mark.timeout(900)

RARE = {
    "BREAK_GLASS": "an override is used only where nothing else permits",
    "SAFEGUARDING": "an override is used only where nothing else permits",
    "INTERPRETER_ADVERSE": "asks for an interpreter who is adverse to somebody there",
    "INTERPRETER_EXCLUDED": "asks for an interpreter whom somebody there will not have",
    "CO_PARENT": "asks for two parents and a name of one of them",
    "NEXT_OF_KIN_ADVERSE": "asks for a next of kin on the record who is adverse to somebody there",
}
"""Reasons that a run of this size may miss, each with why; decision cases reach them."""


def test_the_generated_worlds(record_property: Callable[[str, object], None]) -> None:
    census = Census()

    @settings(times(15), derandomize=True, database=None, phases=[Phase.generate])
    @given(scenes())
    def count(scene: Scene) -> None:
        census.count(scene.decide())

    count()
    text = "\n".join(census.lines())
    record_property("told", text)
    print(text)
    assert 0.3 <= census.share <= 0.7, text
    unreached = set(REASON_OF.values()) - census.reached
    assert unreached <= RARE.keys(), text
