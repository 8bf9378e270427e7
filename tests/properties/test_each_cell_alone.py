"""Each cell equals the same question asked alone, and what is owed with it, too."""

from __future__ import annotations

import pytest
from hypothesis import given, note

from policy_service.model.vocabulary import CO_RECIPIENT
from policy_service.service.decided import Decided
from tests.engine.generators import times
from tests.properties.able import OF_THE_WHOLE, able
from tests.properties.kinds import KINDS, fields_of
from tests.properties.scene import CellSeen, Scene, cells_of, withheld
from tests.properties.scenes import scenes

ABOUT_CO_RECIPIENTS = frozenset(
    field.name for kind in KINDS for field in fields_of(kind.record_type) if CO_RECIPIENT in field.about
)


pytestmark = pytest.mark.timeout(900)


@times(3)
@given(scenes().map(able))
def test_each_cell_alone(scene: Scene) -> None:
    whole = scene.decide()
    if withheld(whole) or not whole.trace.outcomes:
        return
    cells = list(cells_of(whole))
    width = len(whole.trace.fields)
    rows = scene.call.recipients or (None,)
    for recipient, asked in enumerate(rows):
        for index, field in enumerate(scene.call.fields):
            if field.name in ABOUT_CO_RECIPIENTS:
                continue
            alone = scene.asking(fields=(field,), recipients=() if asked is None else (asked,))
            by_itself = alone.decide()
            together, (single, *_) = cells[recipient * width + index], cells_of(by_itself)
            if single.outcome != together.outcome:
                note(f"{field} to {recipient}")
            assert single.outcome == together.outcome
            owed_alone, owed = owed_for(by_itself, field.name, 0), owed_for(whole, field.name, recipient)
            if sum(f.name == field.name for f in scene.call.fields) == 1 and whole.decision.reason == "":
                note(f"{field} to {recipient}")
                assert owed_alone <= owed
    _the_envelope_does_not_depend_on_the_fields(scene, whole)


def _the_envelope_does_not_depend_on_the_fields(scene: Scene, whole: Decided) -> None:
    """Towards a recipient to whom something goes; a send that is stopped whole is held, with its envelope."""
    first = scene.asking(fields=scene.call.fields[:1]).decide()
    if withheld(first):
        return
    for recipient in range(len(scene.call.recipients) or 1):
        alone, together = _row(first, recipient), _row(whole, recipient)
        if any(cell.permitted for cell in alone if not cell.envelope):
            assert [c for c in alone if c.envelope] == [c for c in together if c.envelope]


def _row(decided: Decided, recipient: int) -> list[CellSeen]:
    return [cell for cell in cells_of(decided) if cell.recipient == recipient]


def owed_for(decided: Decided, field: str, recipient: int) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    """(kind, parameters) of what is owed for one cell."""
    return {
        (owed.kind, owed.parameters)
        for owed in decided.decision.obligations
        if owed.kind not in OF_THE_WHOLE
        and owed.fields
        and field in owed.fields
        and (not owed.recipients or recipient in owed.recipients)
    }
