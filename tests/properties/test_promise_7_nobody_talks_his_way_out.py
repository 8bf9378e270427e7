"""Promise 7: nothing more that a caller says lifts a deny of the request tier or above.

A role, a team or an exempt purpose that the grant lets the system assert may; those are not among what is
said here.
"""

from __future__ import annotations

import pytest
from hypothesis import event, given, note

from policy_service.model.vocabulary import Tier
from policy_service.service.decide import Decided
from tests.engine.generators import times
from tests.properties.asserting import Asserted, asserting_scenes
from tests.properties.scene import Scene, cells_of, permitted_cells

pytestmark = pytest.mark.timeout(900)


@times(5)
@given(asserting_scenes())
def test_promise_7_an_assertion_lifts_no_request(drawn: tuple[Scene, list[Asserted]]) -> None:
    scene, ways = drawn
    before = scene.decide()
    firm = denied_firmly(before)
    event("a request or more denies" if firm else "no request denies")
    for said in ways if firm else ():
        lifted = firm & permitted_cells(said.scene.decide())
        if lifted:
            note(f"said: {said.what}, which makes this of it:{said.scene!r}")
        assert not lifted


def denied_firmly(decided: Decided) -> frozenset[tuple[int, int]]:
    """(recipient, index of the field) of the cells that a tier of requests or above denies."""
    width = max(1, len(decided.trace.fields))
    authority = decided.trace.authority
    whole = (
        decided.trace.cause
        and authority is not None
        and authority.tier
        and Tier[authority.tier.upper()] >= Tier.REQUEST
    )
    return frozenset(
        (index // width, index % width)
        for index, cell in enumerate(cells_of(decided))
        if whole or (not cell.permitted and cell.tier is not None and cell.tier >= Tier.REQUEST)
    )
