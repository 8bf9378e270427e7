"""What an answer and its log entry say, in the words of a case, so that a failing case reads as a difference
of two texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml
from google.protobuf.json_format import MessageToDict

from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.api.v1 import decision_pb2 as pb
from tests.decisions.case import Expected, Run

_EFFECTS = {pb.EFFECT_PERMIT: "permit", pb.EFFECT_DENY: "deny"}

Said = dict[str, object]

_OF_THE_RUN = frozenset({"valid_until", "exclusions"})
"""Parameters whose values no case can know."""


def expected_to_say(expected: Expected) -> Said:
    log = expected.log
    return {
        "effect": expected.effect,
        "reason": expected.reason,
        "cells": [cell.model_dump() for cell in expected.cells],
        "obligations": sorted((o.model_dump() for o in expected.obligations), key=str),
        "log": {
            "effect": expected.effect,
            "reasons": list(log.reasons),
            "cause": log.cause,
            "alerts": list(log.alerts),
            "possible_matches": sorted(log.possible_matches),
            "declared": sorted(log.declared),
            "readers": None if log.readers is None else [sorted(row) for row in log.readers],
            "shared": None if log.shared is None else list(log.shared),
            "tasks": None if log.tasks is None else sorted((t.model_dump() for t in log.tasks), key=str),
            "capabilities": None if log.capabilities is None else sorted(log.capabilities),
            "decided_by": None if log.decided_by is None else list(log.decided_by),
        },
    }


def named_by(run: Run) -> set[str]:
    """The identifiers of the people whom the case expects its log entry to name."""
    expected = str(run.expected.log)
    people = (identifier for person in run.case.facts.people for identifier in person["identifiers"])
    return {identifier for identifier in people if identifier in expected}


def says(
    answer: pb.CheckResponse, entry: log_pb.LogEntry, expected: Expected, names: Mapping[str, str]
) -> Said:
    """`names` are the ids on file in the case's own words. What the case is silent about is left out."""
    event, log = entry.decision, expected.log
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
                    "parameters": _parameters(o.parameters),
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
            "possible_matches": sorted(_named(each, names) for each in event.possible_matches),
            "declared": sorted(_named(each, names) for each in event.declared_contents),
            "readers": None if log.readers is None else [_readers(r, names) for r in event.recipients],
            "shared": None if log.shared is None else [r.shared for r in event.recipients],
            "tasks": None if log.tasks is None else sorted((_task(t) for t in event.tasks), key=str),
            "capabilities": None if log.capabilities is None else sorted(event.capabilities),
            "decided_by": None
            if log.decided_by is None
            else [_decided_by(event.outcomes[cell], names) for cell in event.cells],
        },
    }


def _parameters(parameters: Mapping[str, str]) -> dict[str, str]:
    return {name: "*" if name in _OF_THE_RUN else value for name, value in parameters.items()}


def _task(task: log_pb.LoggedTask) -> Said:
    return {
        "kind": task.kind,
        "owner": task.owner,
        "recipients": tuple(task.recipients),
        "parameters": _parameters(task.parameters),
    }


def _readers(recipient: log_pb.LoggedRecipient, names: Mapping[str, str]) -> list[str]:
    """Who else would learn it; the user who sends is one of them always."""
    return sorted(_named(r, names) for r in recipient.implied_readers if not r.startswith("user:"))


def _decided_by(outcome: log_pb.LoggedOutcome, names: Mapping[str, str]) -> str:
    part = f"part {outcome.part}" if outcome.part else ""
    return " ".join(word for word in (_named(outcome.reader, names), part) if word)


def _named(text: str, names: Mapping[str, str]) -> str:
    for on_file, name in names.items():
        text = text.replace(on_file, name)
    return text


def is_bound(answer: pb.CheckResponse, ask: pb.CheckRequest) -> None:
    """A permitted send is bound to those to whom something may go, to where and how, and to the document."""
    open_rows = {cell.recipient for cell in answer.cells if cell.effect == pb.EFFECT_PERMIT}
    if not ask.recipients or not answer.HasField("valid_until"):
        open_rows = set()
    assert [bound.recipient for bound in answer.bindings] == sorted(open_rows)
    for bound in answer.bindings:
        recipient = ask.recipients[bound.recipient]
        assert bound.contact_point == recipient.contact_point
        assert bound.channel == (recipient.channel or ask.channel or bound.channel) != ""
    assert answer.artefact_digest == (ask.artefact_digest if open_rows else b"")


MESSAGES = Path(__file__).parents[2] / "policies" / "messages" / "en.yaml"
OUTSIDER = yaml.safe_load(MESSAGES.read_text("utf-8"))["outsider"].strip()
"""What anybody else gets to read, whatever the answer is."""


def tells_everybody(answer: pb.CheckResponse) -> None:
    """Each reason that the caller is told has its sentence and a next step; an outsider gets the same
    text.
    """
    told = {cell.reason for cell in answer.cells if cell.reason} | ({answer.reason} - {""})
    assert {each.reason for each in answer.staff_texts} == told
    assert all(each.text and each.next_step for each in answer.staff_texts)
    assert answer.outsider_text == OUTSIDER


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


def without_moments(answer: pb.CheckResponse) -> pb.CheckResponse:
    """An answer without what one call has for itself: ids, times, the facts' token."""
    blank = pb.CheckResponse()
    blank.CopyFrom(answer)
    blank.decision_id = blank.facts_token = ""
    blank.ClearField("valid_until")
    for owed in blank.obligations:
        owed.parameters.pop("valid_until", None)
    return blank


def without_its_own(entry: log_pb.LogEntry, *, without_tasks: bool = False) -> log_pb.LogEntry:
    """An entry without what one call has for itself: ids, times, its method and revision."""
    blank = log_pb.LogEntry()
    blank.CopyFrom(entry)
    blank.entry_id = blank.method = ""
    blank.ClearField("time")
    blank.ClearField("permits_judged_at")
    blank.decision.ClearField("valid_until")
    if without_tasks:
        blank.decision.ClearField("tasks")
    for owed in blank.decision.obligations:
        owed.parameters.pop("valid_until", None)
    return blank
