"""Every state that protects protects alike: what waits for its withdrawal denies what an active one does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_service.model.facts import PrivacyRequest
from policy_service.model.vocabulary import PROTECTING_STATES, RequestKind, RequestState
from tests.engine.generators import times
from tests.properties.scene import Scene, permitted_cells
from tests.properties.scenes import scenes

pytestmark = pytest.mark.timeout(900)

STATES = (
    RequestState.DRAFT,
    RequestState.ACTIVE,
    RequestState.UNDER_REVIEW,
    RequestState.HELD,
    RequestState.WITHDRAWAL_PENDING,
)


def test_these_are_all_that_protect() -> None:
    """Domain part 3."""
    assert set(STATES) == PROTECTING_STATES


def scenes_and_states() -> st.SearchStrategy[tuple[Scene, RequestState]]:
    return st.tuples(scenes(ordinary=False), st.sampled_from(STATES))


@times(2)
@given(scenes_and_states())
def test_every_state_that_protects_protects_alike(drawn: tuple[Scene, RequestState]) -> None:
    holds(drawn)


def holds(drawn: tuple[Scene, RequestState]) -> None:
    """An authorisation, which opens, counts only while it is active; it keeps its state here."""
    scene, state = drawn
    requests = [
        fact
        for fact in scene.facts
        if isinstance(fact, PrivacyRequest)
        and fact.kind is not RequestKind.AUTHORISED_REPRESENTATIVE
        and fact.state in STATES
    ]
    other = scene.with_facts(*(replace(request, state=state) for request in requests))
    assert permitted_cells(scene.decide()) == permitted_cells(other.decide())
