"""What the generated worlds are worth: about half of all cells permit, and every shipped policy decides
somewhere.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.engine.generators import times
from tests.properties.census import REASON_OF, Census
from tests.properties.scene import Scene
from tests.properties.scenes import scenes
from tests.properties.themes import THEMES

pytestmark = pytest.mark.timeout(900)

NEVER_REACHED: dict[str, str] = {}
"""Reasons that no generated world reaches, each with why."""


def test_the_generated_worlds(record_property: Callable[[str, object], None]) -> None:
    """Worlds as the properties draw them, and then a few of each theme, which do not count for the share."""
    census = Census()
    count(census, scenes(), times(8))
    share = census.share
    for theme in THEMES:
        count(census, scenes(theme=theme), settings(max_examples=25))
    text = f"{share:.0%} of the cells of worlds as they are drawn permitted; with those of themes:\n"
    text += "\n".join(census.lines())
    record_property("told", text)
    assert 0.3 <= share <= 0.7, text
    assert set(REASON_OF.values()) - census.reached == NEVER_REACHED.keys(), text


def count(census: Census, drawn: st.SearchStrategy[Scene], so_many: settings) -> None:
    """Decide so many scenes, the same in every run."""

    @settings(so_many, derandomize=True, database=None, phases=[Phase.generate])
    @given(drawn)
    def once(scene: Scene) -> None:
        census.count(scene.decide())

    once()
