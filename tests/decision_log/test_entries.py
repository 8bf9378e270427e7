"""The entry of a decision holds all of the trace, and nothing of a call that a trace does not name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from google.protobuf.message import Message

from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.api.v1 import decision_pb2 as pb
from policy_service.decision_log.entries import Head, Versions, decision_entry
from policy_service.model.caller import Caller
from policy_service.model.decision import Obligation
from policy_service.model.facts import Controller
from policy_service.model.obligation import ObligationKind
from policy_service.model.question import CheckCall, DescribedPerson, Description, FieldAsked
from policy_service.model.trace import DecisionTrace, TracedOutcome, TracedRecipient, TracedTask
from policy_service.model.vocabulary import Channel, Effect, UserKind, Verb
from tests.decision_log.asking import EVERYTHING_ASKED

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CANARY = "canary 17 Acacia Avenue"
HEAD = Head(
    entry_id="e",
    time=NOON,
    caller=Caller("t", Controller("police"), system="records"),
    method="DecisionService/Check",
    revision=7,
    versions=Versions(engine=1, key_generation=1, time_zones="z", phone_data="p"),
    permits_judged_at=NOON,
)
OUTCOME = TracedOutcome(
    effect=Effect.DENY,
    reason="ADVERSE_PERSON",
    told="NOT_AVAILABLE",
    tier="absolute",
    policies=("adverse_person",),
    by_error=("adverse_person",),
    data_subjects=("person:V",),
    envelope=True,
    reader="shares_point:person:A",
    part="page-3",
)
TRACE = DecisionTrace(
    call=CheckCall(
        user="u",
        record="R-1",
        fields=(FieldAsked("home"),),
        verb=Verb.SEND,
        channel=Channel.POST,
        artefact_type="letter",
        artefact_digest=b"d" * 32,
        dispatch_reference="D-1",
        description=Description(people=(DescribedPerson("m", name=CANARY),)),
        capabilities=frozenset({ObligationKind.REDACT}),
        language="cy",
    ),
    policy_set="set",
    user_kind=UserKind.STAFF,
    purpose="casework",
    record_type="police.case",
    effect=Effect.DENY,
    reason="NOT_AVAILABLE",
    cause="unknown_record",
    fields=(FieldAsked("home", "vera", "CP-1"),),
    asked_fields=1,
    recipients=(TracedRecipient("person:A", "CP-1", "post", ("client:person:C",), "unknown"),),
    outcomes=(OUTCOME,),
    cells=(0,),
    authority=TracedOutcome(Effect.PERMIT, "TEAM"),
    delivery=(TracedOutcome(Effect.PERMIT, "CONTACT_POINT"),),
    obligations=(Obligation("redact", ("home",), (0,), (("parts", "page-3"),)),),
    valid_until=NOON + timedelta(minutes=15),
    asserted=(("purpose", ("casework",)),),
    facts=("request:1@3",),
    tasks=(TracedTask("notify", "team:privacy", (0,), (("owner", "team:privacy"),)),),
    possible_matches=("described:m person:V",),
    declared_contents=("declaration:1",),
    capabilities=("redact",),
    alerts=("own_case",),
    kept=EVERYTHING_ASKED,
)


def decision() -> log_pb.DecisionEvent:
    return log_pb.LogEntry.FromString(decision_entry(HEAD, TRACE)).decision


def test_every_field_of_the_event_is_written() -> None:
    assert unset(decision()) == set()


def test_what_is_new_of_the_whole_meaning() -> None:
    event = decision()
    assert list(event.fields) == [pb.FieldInstance(name="home", party="vera", place="CP-1")]
    assert list(event.recipients) == [
        log_pb.LoggedRecipient(
            recipient="person:A",
            contact_point="CP-1",
            channel="post",
            implied_readers=["client:person:C"],
            shared="unknown",
        )
    ]
    (outcome,) = event.outcomes
    assert (outcome.reader, outcome.part) == ("shares_point:person:A", "page-3")
    assert list(event.tasks) == [
        log_pb.LoggedTask(
            kind="notify", owner="team:privacy", recipients=[0], parameters={"owner": "team:privacy"}
        )
    ]
    assert list(event.possible_matches) == ["described:m person:V"]
    assert list(event.declared_contents) == ["declaration:1"]
    assert list(event.capabilities) == ["redact"]


def test_equal_traces_are_equal_bytes_and_hold_nothing_that_was_described() -> None:
    entry = decision_entry(HEAD, TRACE)
    assert entry == decision_entry(HEAD, TRACE)
    assert CANARY.encode() not in entry


def unset(message: Message, at: str = "") -> set[str]:
    """The fields that were never set, in every message inside. Indexes are 0 here, as proto3 cannot tell."""
    missing = set()
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        path = f"{at}{field.name}"
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            missing |= set() if value else {path}
        elif field.is_repeated:
            missing |= set() if len(value) else {path}
            if field.message_type is not None:
                for each in value:
                    missing |= unset(each, f"{path}.") & COMPLETE
        elif field.message_type is not None:
            missing |= set() if message.HasField(field.name) else {path}
        elif not value:
            missing.add(path)
    return missing


COMPLETE = {
    *(f"outcomes.{field.name}" for field in log_pb.LoggedOutcome.DESCRIPTOR.fields),
    *(f"recipients.{field.name}" for field in log_pb.LoggedRecipient.DESCRIPTOR.fields),
    *(f"tasks.{field.name}" for field in log_pb.LoggedTask.DESCRIPTOR.fields),
    *(f"fields.{field.name}" for field in pb.FieldInstance.DESCRIPTOR.fields),
}
"""Those of which the trace sets each field."""
