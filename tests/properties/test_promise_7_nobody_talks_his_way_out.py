"""Promise 7: nothing more that a caller says lifts a deny of the request tier or above.

A role, a team or an exempt purpose that the grant lets the system assert may; those are not among what is
said here. Aside is, and each time is counted: where somebody who is not on file lives was not known, so that
her place might be the home of everybody to whom a reader is adverse, and now the caller says where it is.
That says which place the field shows.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, note, settings

from policy_service.model.decision import OBLIGATION_UNSUPPORTED
from policy_service.model.vocabulary import Tier
from policy_service.service.decided import Decided
from tests.engine.generators import times
from tests.properties.asserting import Asserted, asserting_scenes
from tests.properties.scene import Scene, cells_of, gained

pytestmark = pytest.mark.timeout(900)


_counted: Counter[str] = Counter()


@settings(times(5), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(drawn=asserting_scenes())
def test_promise_7_an_assertion_lifts_no_request(
    request: pytest.FixtureRequest, drawn: tuple[Scene, list[Asserted]]
) -> None:
    holds(drawn)
    told = ", ".join(f"{number:,} {what}" for what, number in sorted(_counted.items()))
    request.node.user_properties[:] = [("told", f"an assertion lifts no request: {told}")]


def holds(drawn: tuple[Scene, list[Asserted]]) -> None:
    """Whatever is said besides, what was denied firmly is denied."""
    scene, ways = drawn
    before = scene.decide()
    firm = denied_firmly(before)
    for said in ways if firm else ():
        after = said.scene.decide()
        lifted = firm & gained(before, after)
        _counted["assertions against a deny of the request tier or above"] += 1
        if lifted and all(tells_which_place(scene, said, before, after, cell) for cell in lifted):
            _counted["set aside, as they tell which place is shown"] += 1
            continue
        if lifted:
            note(f"said: {said.what}, which makes this of it:{said.scene!r}")
        assert not lifted


def tells_which_place(
    scene: Scene, said: Asserted, before: Decided, after: Decided, cell: tuple[int, int]
) -> bool:
    """Whether the call describes one home more, and fewer people may live where the field shows."""
    homes = {p for p in said.scene.call.description.contact_points if p.home}
    more = homes - {p for p in scene.call.description.contact_points if p.home}
    return bool(more) and not _implied(before, cell) <= _implied(after, cell)


def _implied(decided: Decided, cell: tuple[int, int]) -> set[str]:
    """Those whom the cell does not name and is about all the same."""
    recipient, index = cell
    outcome = decided.trace.cells[recipient * len(decided.trace.fields) + index]
    about = decided.trace.outcomes[outcome].data_subjects
    return {who for who in about if who.startswith("implied:")}


def denied_firmly(decided: Decided) -> frozenset[tuple[int, int]]:
    """(recipient, index of the field) of the cells that a tier of requests or above denies. Not of those that
    one permits, and that the caller cannot act on: he may say what he can do.
    """
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
        if whole
        or (
            not cell.permitted
            and cell.outcome.reason != OBLIGATION_UNSUPPORTED
            and cell.tier is not None
            and cell.tier >= Tier.REQUEST
        )
    )
