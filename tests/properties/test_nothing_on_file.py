"""What is known at once of somebody without requests is what her questions would come to one by one."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given

from policy_service.facts.gather.clock import Moment
from policy_service.facts.gather.disclosure_attributes import NOTHING_ON_FILE, OF_DISCLOSURE
from policy_service.facts.gather.making import Making
from policy_service.model.attributes import Attributes
from policy_service.model.caller import Caller
from policy_service.model.vocabulary import Gate
from policy_service.service.decide import decide_in_steps
from tests.engine.generators import times
from tests.properties.cast import FINGERPRINTS, TRUST
from tests.properties.scene import Scene, view_of
from tests.properties.scenes import scenes
from tests.support.shipped import POLICIES

pytestmark = pytest.mark.timeout(900)


WARRANTS = frozenset({"context.order.covers", "context.override.kinds"})


class Comparing:
    """Hears each question, and makes each of these attributes once more."""

    def __init__(self) -> None:
        self.heard: Counter[bool] = Counter()

    def asked(self, gate: Gate, attributes: Attributes, *_: object, **__: object) -> None:
        """An order or override that was not needed is left out of a question, and so of this."""
        if gate is not Gate.DISCLOSURE:
            return
        assert isinstance(attributes, Making)
        made = {path: OF_DISCLOSURE[path](attributes.asked) for path in NOTHING_ON_FILE}
        differ = {path for path, value in made.items() if attributes[path] != value}
        assert differ <= WARRANTS
        assert not (differ and attributes.asked.s.warrants.none)
        self.heard[all(attributes[path] == value for path, value in NOTHING_ON_FILE.items())] += 1


def test_what_is_known_at_once_is_what_would_be_made() -> None:
    heard: Counter[bool] = Counter()

    @times(1)
    @given(scenes())
    def each(scene: Scene) -> None:
        comparing = Comparing()
        caller = Caller("token", TRUST, system=scene.system)
        moment = Moment(scene.now, scene.now)
        view = view_of(scene.facts)
        for _ in decide_in_steps(view, POLICIES, FINGERPRINTS, caller, scene.call, moment, notes=comparing):
            pass
        heard.update(comparing.heard)

    each()
    assert heard[True]
    assert heard[False]
