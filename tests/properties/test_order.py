"""The order of fields, recipients, parties, descriptions and facts changes nothing but positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from policy_service.model.question import CheckCall, Description
from policy_service.service.decided import Decided
from tests.engine.generators import times
from tests.properties.scene import Scene, cells_of
from tests.properties.scenes import scenes


@st.composite
def shuffled_scenes(draw: st.DrawFn) -> tuple[Scene, Scene, bool]:
    """A scene; the same in another order; and whether what is on file comes in another order, too."""
    scene = draw(scenes())

    def mixed(values: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(draw(st.permutations(values))) if len(values) > 1 else tuple(values)

    call, said = scene.call, scene.call.description
    record = None if said.record is None else replace(said.record, parties=mixed(said.record.parties))
    description = Description(
        said.user, record, mixed(said.people), mixed(said.relationships), mixed(said.contact_points)
    )
    other = replace(
        call, fields=mixed(call.fields), recipients=mixed(call.recipients), description=description
    )
    return scene, replace(scene, call=other), draw(st.booleans())


pytestmark = pytest.mark.timeout(900)


@times(4)
@given(shuffled_scenes())
def test_order(drawn: tuple[Scene, Scene, bool]) -> None:
    scene, shuffled, backwards = drawn
    one, other = scene.decide(), shuffled.decide(backwards=backwards)
    note(f"shuffled: {shuffled.call}")
    assert meant(one, scene.call) == meant(other, shuffled.call)


def meant(decided: Decided, call: CheckCall) -> dict[str, Any]:
    """What a decision says, with names in the place of positions."""
    decision, trace = decided.decision, decided.trace
    rows: dict[int, Any] = dict(enumerate(call.recipients)) or {0: None}
    outcomes = {
        (cell.field, cell.party, rows[cell.recipient]): (
            cell.outcome.effect,
            cell.outcome.reason,
            cell.outcome.told,
            cell.outcome.tier,
            cell.outcome.policies,
            cell.outcome.by_error,
            frozenset(cell.outcome.data_subjects),
        )
        for cell in cells_of(decided)
    }
    owed = {
        (
            owed.kind,
            frozenset(owed.fields),
            frozenset(rows[index] for index in owed.recipients),
            owed.parameters,
        )
        for owed in decision.obligations
    }
    bound = {(rows[each.recipient], each.contact_point, each.channel) for each in decision.bound}
    return {
        "effect": decision.effect,
        "reason": decision.reason,
        "cells": {(c.field, c.party, rows[c.recipient]): (c.effect, c.reason) for c in decision.cells},
        "outcomes": outcomes,
        "obligations": owed,
        "bound": bound,
        "valid_until": decision.valid_until,
        "cause": trace.cause,
        "alerts": frozenset(trace.alerts),
    }
