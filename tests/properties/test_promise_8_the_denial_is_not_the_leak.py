"""Promise 8: withheld or unknown, field or record: one answer, byte for byte, in every world."""

from __future__ import annotations

import pytest
from hypothesis import event, given, note

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.model.decision import NOT_AVAILABLE, OBLIGATION_UNSUPPORTED
from policy_service.model.facts import FieldType, Record, RecordId, RecordType
from policy_service.model.question import FieldAsked
from policy_service.server.convert_check import check_response
from policy_service.service.decided import Decided
from policy_service.service.obligations import may_omit
from tests.engine.generators import times
from tests.properties.cast import TRUST
from tests.properties.scene import Scene
from tests.properties.scenes import scenes

NOWHERE = "no.such."


def blanked(decided: Decided) -> bytes:
    """The answer without its id and token, and without the caller's own words."""
    answer = pb.CheckResponse.FromString(check_response(decided.decision))
    answer.decision_id = answer.facts_token = ""
    for cell in answer.cells:
        cell.field = cell.party = ""
    for owed in answer.obligations:
        owed.fields[:] = [""] * len(owed.fields)
    return answer.SerializeToString(deterministic=True)


def unknown_field(field: FieldAsked) -> FieldAsked:
    return FieldAsked(f"{NOWHERE}{field.name}", field.party)


def unknown_fields(scene: Scene) -> Scene:
    return scene.asking(fields=tuple(unknown_field(field) for field in scene.call.fields))


def unknown_record(scene: Scene) -> Scene:
    return scene.asking(record="R-none").describing(record=None)


def withheld_record(scene: Scene) -> Scene:
    """Another record, on file, of a team that the user is not in, and of a type that no job was granted."""
    kind = RecordType("type-kept", TRUST, "kept", fields=(FieldType("kept", ("finance",), ("subject",)),))
    kept = Record(RecordId("kept"), TRUST, "R-kept", "kept", ("nobody's",))
    return scene.with_facts(kind, kept).asking(record="R-kept").describing(record=None)


pytestmark = pytest.mark.timeout(900)


@times(5)
@given(scenes())
def test_promise_8_one_answer_for_whatever_is_not_to_be_told(scene: Scene) -> None:
    """The question itself, where nothing of it may be told; unknown fields; an unknown and a withheld
    record.
    """
    answers = {
        "as asked": scene.decide(),
        "unknown fields": unknown_fields(scene).decide(),
        "unknown record": unknown_record(scene).decide(),
        "withheld record": withheld_record(scene).decide(),
    }
    # A caller who cannot leave out is told that, in the same answer for all.
    one = answers["unknown record"].decision.reason
    assert one == (NOT_AVAILABLE if may_omit(scene.call) else OBLIGATION_UNSUPPORTED)
    untold = {what: blanked(each) for what, each in answers.items() if each.decision.reason == one}
    assert {"unknown record", "withheld record", "unknown fields"} <= untold.keys()
    event("nothing of it may be told" if "as asked" in untold else "something is told")
    assert len(set(untold.values())) == 1, list(untold)


@times(5)
@given(scenes())
def test_promise_8_a_withheld_field_among_others_looks_like_an_unknown_one(scene: Scene) -> None:
    """Whoever asks about several fields learns no more from the one that is withheld from every recipient."""
    whole = scene.decide()
    for index, field in enumerate(scene.call.fields):
        told = {
            cell.reason
            for cell in whole.decision.cells
            if (cell.field, cell.party) == (field.name, field.party)
        }
        if told != {NOT_AVAILABLE} or field.name.startswith(NOWHERE):
            continue
        fields = scene.call.fields
        other = scene.asking(fields=(*fields[:index], unknown_field(field), *fields[index + 1 :])).decide()
        note(f"withheld: {field}")
        assert renamed(whole) == renamed(other)


def renamed(decided: Decided) -> bytes:
    """The answer without its id and token, and without what makes a field's name unknown."""
    answer = pb.CheckResponse.FromString(check_response(decided.decision))
    answer.decision_id = answer.facts_token = ""
    for cell in answer.cells:
        cell.field = cell.field.removeprefix(NOWHERE)
    for owed in answer.obligations:
        owed.fields[:] = dict.fromkeys(name.removeprefix(NOWHERE) for name in owed.fields)
    return answer.SerializeToString(deterministic=True)
