"""One fact more that only protects never turns a deny into a permit.

Aside is an adversity by which another rule of domain part 4 denies less: of counter-allegations, of
associates, of whom a protection covers. Each that is set aside is counted, by its rule.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, note, settings

from tests.engine.generators import times
from tests.properties.protecting import Protected, opens_by_the_rules, protected_scenes
from tests.properties.scene import Scene, gained

pytestmark = pytest.mark.timeout(900)

_counted: Counter[str] = Counter()


@settings(times(5), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(drawn=protected_scenes())
def test_protecting_more_permits_no_more(
    request: pytest.FixtureRequest, drawn: tuple[Scene, list[Protected]]
) -> None:
    holds(drawn)
    told = ", ".join(f"{number:,} {what}" for what, number in sorted(_counted.items()))
    request.node.user_properties[:] = [("told", f"protecting more permits no more: {told}")]


def holds(drawn: tuple[Scene, list[Protected]]) -> None:
    """Whatever protection is added, nothing is permitted that was denied."""
    scene, ways = drawn
    before = scene.decide()
    for added in ways:
        more = gained(before, added.scene.decide())
        _counted["protections added"] += 1
        if more and (rule := opens_by_the_rules(added)):
            _counted[f"set aside ({rule})"] += 1
            continue
        if more:
            note(f"added: {added.what}, which makes this of it:{added.scene!r}")
        assert not more
