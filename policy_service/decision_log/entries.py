"""Log entries as bytes: each is a `LogEntry` message, serialised once and never again.

The bytes that a function here returns are what is hashed, stored and shown. All moments are aware datetimes
in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.api.v1 import decision_pb2 as pb
from policy_service.decision_log.asked import write_asked
from policy_service.decision_log.entry import StreamHead
from policy_service.model.caller import Caller
from policy_service.model.decision import Obligation
from policy_service.model.facts import Controller
from policy_service.model.trace import DecisionTrace, TracedOutcome, TracedRecipient, TracedTask
from policy_service.model.vocabulary import Effect, Verb

ENTRY_SCHEMA = 2
"""The version of `LogEntry` that this module writes; since 2 a decision has its call (`asked`)."""

STREAMS_AN_ENTRY = 500
"""That are named in one entry: 80 bytes each."""

PEOPLE_OF_A_REFUSAL = 500
"""That are named in one entry: 80 bytes each."""

MAX_REASON = 200
"""Characters of a manager's own words that an entry keeps."""

_EFFECT = {Effect.PERMIT: pb.EFFECT_PERMIT, Effect.DENY: pb.EFFECT_DENY}
_VERB = {Verb.SEE: pb.VERB_SEE, Verb.SEND: pb.VERB_SEND}


@dataclass(frozen=True, slots=True)
class Versions:
    """What a replay needs to know besides the facts."""

    engine: int
    key_generation: int
    time_zones: str
    phone_data: str


@dataclass(frozen=True, slots=True)
class Head:
    """What every entry says: which, when, who, through which method, on which facts."""

    entry_id: str
    time: datetime
    caller: Caller
    method: str
    revision: int
    versions: Versions
    trace_id: bytes = b""
    permits_judged_at: datetime | None = None
    """The moment by which ends of permits were judged; None in entries that are no decisions."""
    controller: Controller | None = None
    """For whom the caller acts, where that is not his token's controller (an installation token)."""


def decision_entry(head: Head, trace: DecisionTrace) -> bytes:
    """The entry of a decision."""
    entry = entry_of(head)
    if head.permits_judged_at is not None:
        entry.permits_judged_at.CopyFrom(timestamp(head.permits_judged_at))
    entry.versions.policy_set = trace.policy_set
    event = entry.decision
    call = trace.call
    event.user = call.user
    event.user_kind = trace.user_kind
    event.verb = _VERB[call.verb]
    event.purpose = trace.purpose
    event.channel = call.channel or ""
    event.artefact_type = call.artefact_type
    event.artefact_digest = call.artefact_digest
    event.dispatch_reference = call.dispatch_reference
    event.record = call.record
    event.record_type = trace.record_type
    event.effect = _EFFECT[trace.effect]
    event.reason = trace.reason
    event.cause = trace.cause
    event.asked_fields = trace.asked_fields
    event.fields.extend(pb.FieldInstance(name=f.name, party=f.party, place=f.place) for f in trace.fields)
    event.recipients.extend(_recipient(recipient) for recipient in trace.recipients)
    event.outcomes.extend(_outcome(outcome) for outcome in trace.outcomes)
    event.cells.extend(trace.cells)
    if trace.authority is not None:
        event.authority.CopyFrom(_outcome(trace.authority))
    event.delivery.extend(_outcome(outcome) for outcome in trace.delivery)
    event.obligations.extend(obligation_message(obligation) for obligation in trace.obligations)
    if trace.valid_until is not None:
        event.valid_until.CopyFrom(timestamp(trace.valid_until))
    event.asserted.extend(log_pb.Assertion(path=path, values=values) for path, values in trace.asserted)
    event.facts.extend(trace.facts)
    event.alerts.extend(trace.alerts)
    event.tasks.extend(_task(task) for task in trace.tasks)
    event.possible_matches.extend(trace.possible_matches)
    event.declared_contents.extend(trace.declared_contents)
    event.capabilities.extend(trace.capabilities)
    if trace.kept is not None:
        write_asked(event.asked, trace.kept, dict(trace.asserted))
    return entry.SerializeToString(deterministic=True)


def write_entry(
    head: Head, *, facts: Sequence[str], reason: str, refused: Iterable[str] = (), despite: str = ""
) -> bytes:
    """The entry of a write that made the revision in `head`. `facts` are `kind:id`; `refused` are people, as
    those of a refusal; `despite` is what stood against it and was set aside.
    """
    entry = entry_of(head)
    entry.write.facts.extend(facts)
    entry.write.reason = reason[:MAX_REASON]
    entry.write.refused_people.extend(refused)
    entry.write.despite = despite
    return entry.SerializeToString(deterministic=True)


def read_entry(head: Head, *, facts: Sequence[str], found: bool, as_of: int = 0) -> bytes:
    """The entry of a reading that is an event itself; `as_of`: the earlier revision that was shown, or 0."""
    entry = entry_of(head)
    entry.read.facts.extend(facts)
    entry.read.found = found
    entry.read.as_of_revision = as_of
    return entry.SerializeToString(deterministic=True)


def refusal_entry(
    head: Head, *, status: str, reason: str, field: str = "", people: Sequence[str] = ()
) -> bytes:
    """The entry of a call that reached a handler and was refused or failed. `field` is a path, never a
    value; of `people`, whom it named, the first `PEOPLE_OF_A_REFUSAL` stand there.
    """
    entry = entry_of(head)
    entry.refusal.status = status
    entry.refusal.reason = reason
    entry.refusal.field = field
    entry.refusal.people.extend(people[:PEOPLE_OF_A_REFUSAL])
    return entry.SerializeToString(deterministic=True)


def refused_callers_entry(head: Head, *, peer: str, cause: str, count: int) -> bytes:
    """The summary of `count` calls from `peer` that the door refused within one second for `cause`."""
    entry = entry_of(head)
    entry.refused_callers.peer = peer
    entry.refused_callers.cause = cause
    entry.refused_callers.count = count
    return entry.SerializeToString(deterministic=True)


def stream_entry(
    head: Head,
    *,
    kind: str,
    stream_id: str,
    before: Iterable[StreamHead] = (),
    backup: bytes = b"",
    facts_epoch: int = 0,
    owed: int = 0,
) -> bytes:
    """The entry of what happened to a stream of the log, `opened`, `continued`, `completed` and at its end
    `closed`, or to all: `restored`.

    `before`: the closed streams that it names, with how far they were; at most `STREAMS_AN_ENTRY`.
    `facts_epoch`: that of the facts to which it belongs, where it says so (`belonging`). `owed`: how many
    entries of revisions it had not, and has now.
    """
    entry = entry_of(head)
    entry.stream.kind = kind
    entry.stream.stream_id = stream_id
    entry.stream.backup = backup
    entry.stream.facts_epoch = facts_epoch
    entry.stream.owed = owed
    for stream in before:
        entry.stream.before.add(stream_id=stream.stream_id, size=stream.size, root=stream.root)
    return entry.SerializeToString(deterministic=True)


def controller_of(entry: bytes) -> Controller:
    """The organisation that an entry belongs to."""
    return Controller(log_pb.LogEntry.FromString(entry).controller)


def obligation_message(obligation: Obligation) -> pb.Obligation:
    """An obligation as it stands in answers and entries alike."""
    return pb.Obligation(
        kind=obligation.kind,
        fields=obligation.fields,
        recipients=obligation.recipients,
        parameters=dict(obligation.parameters),
    )


def timestamp(moment: datetime) -> Timestamp:
    """An aware datetime as a protobuf Timestamp."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def entry_of(head: Head) -> log_pb.LogEntry:
    """An entry with its head, and without its event."""
    caller = head.caller
    return log_pb.LogEntry(
        entry_id=head.entry_id,
        time=timestamp(head.time),
        caller=log_pb.Caller(token_id=caller.token_id, system=caller.system, principal=caller.principal),
        method=head.method,
        trace_id=head.trace_id,
        revision=head.revision,
        controller=caller.controller if head.controller is None else head.controller,
        versions=log_pb.Versions(
            engine=head.versions.engine,
            schema=ENTRY_SCHEMA,
            key_generation=head.versions.key_generation,
            time_zones=head.versions.time_zones,
            phone_data=head.versions.phone_data,
        ),
    )


def _outcome(outcome: TracedOutcome) -> log_pb.LoggedOutcome:
    return log_pb.LoggedOutcome(
        effect=_EFFECT[outcome.effect],
        reason=outcome.reason,
        told=outcome.told,
        tier=outcome.tier,
        policies=outcome.policies,
        by_error=outcome.by_error,
        data_subjects=outcome.data_subjects,
        envelope=outcome.envelope,
        reader=outcome.reader,
        part=outcome.part,
    )


def _recipient(recipient: TracedRecipient) -> log_pb.LoggedRecipient:
    return log_pb.LoggedRecipient(
        recipient=recipient.recipient,
        contact_point=recipient.contact_point,
        channel=recipient.channel,
        implied_readers=recipient.implied_readers,
        shared=recipient.shared,
    )


def _task(task: TracedTask) -> log_pb.LoggedTask:
    return log_pb.LoggedTask(
        kind=task.kind,
        owner=task.owner,
        recipients=task.recipients,
        parameters=dict(task.parameters),
    )
