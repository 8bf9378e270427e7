"""What an answer and its log entry say, in the words of a case, so that a failing case reads as a difference
of two texts.
"""

from __future__ import annotations

from google.protobuf.json_format import MessageToDict

from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.api.v1 import decision_pb2 as pb
from tests.decisions.case import Expected

_EFFECTS = {pb.EFFECT_PERMIT: "permit", pb.EFFECT_DENY: "deny"}

Said = dict[str, object]


def expected_to_say(expected: Expected) -> Said:
    return {
        "effect": expected.effect,
        "reason": expected.reason,
        "cells": [cell.model_dump() for cell in expected.cells],
        "obligations": sorted((o.model_dump() for o in expected.obligations), key=str),
        "log": {
            "effect": expected.effect,
            "reasons": list(expected.log.reasons),
            "cause": expected.log.cause,
            "alerts": list(expected.log.alerts),
        },
    }


def says(answer: pb.CheckResponse, entry: log_pb.LogEntry) -> Said:
    event = entry.decision
    return {
        "effect": _EFFECTS[answer.effect],
        "reason": answer.reason,
        "cells": [
            {
                "field": cell.field,
                "effect": _EFFECTS[cell.effect],
                "party": cell.party,
                "recipient": cell.recipient,
                "reason": cell.reason,
                "envelope": cell.envelope,
            }
            for cell in answer.cells
        ],
        "obligations": sorted(
            (
                {
                    "kind": o.kind,
                    "fields": tuple(o.fields),
                    "recipients": tuple(o.recipients),
                    "parameters": dict.fromkeys(o.parameters, "*"),
                }
                for o in answer.obligations
            ),
            key=str,
        ),
        "log": {
            "effect": _EFFECTS[event.effect],
            "reasons": [event.outcomes[cell].reason for cell in event.cells],
            "cause": event.cause,
            "alerts": list(event.alerts),
        },
    }


def agrees_with_its_entry(answer: pb.CheckResponse, entry: log_pb.LogEntry) -> None:
    """The entry says to the auditor what the answer said to the caller."""
    event = entry.decision
    assert entry.entry_id == answer.decision_id
    assert entry.method == "DecisionService/Check"
    assert event.effect == answer.effect
    told = [event.outcomes[cell] for cell in event.cells]
    shown = {(cell.recipient, cell.field, cell.party): cell for cell in answer.cells}
    width = len(event.fields)
    for index, outcome in enumerate(told):
        field = event.fields[index % width]
        cell = shown.get((index // width, field.name, field.party))
        if cell is not None:
            assert (cell.effect, cell.reason) == (outcome.effect, outcome.told)
    assert [MessageToDict(o) for o in event.obligations] == [MessageToDict(o) for o in answer.obligations]
    assert event.valid_until == answer.valid_until
