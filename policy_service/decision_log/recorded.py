"""A decision as its entry has it: what it is computed again from, and in what another differs from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.api.v1 import decision_pb2 as pb
from policy_service.decision_log.asked import UnreadableCall, asked_call
from policy_service.model.caller import Caller
from policy_service.model.facts import Controller, Revision
from policy_service.model.kept_call import KeptCall
from policy_service.model.replayed import Difference, NotComputed

_EFFECTS: Final = {pb.EFFECT_PERMIT: "permit", pb.EFFECT_DENY: "deny"}

_VERSIONS: Final = ("engine", "policy_set", "key_generation", "time_zones", "phone_data")

_OF_ITS_MOMENT: Final = frozenset({"valid_until", "facts"})
"""What differs whenever it is asked at another moment."""
_UNTIL: Final = "valid_until"
"""The parameter that does."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Of a decision's entry, what it was computed from. `kept` is None where `not_kept` says why."""

    entry_id: str
    method: str
    caller: Caller
    time: datetime
    permits_judged_at: datetime
    revision: Revision
    cause: str
    kept: KeptCall | None
    not_kept: NotComputed | None = None


def recorded_in(data: bytes) -> Recorded | None:
    """The decision in an entry's bytes; None where it is the entry of something else."""
    entry = log_pb.LogEntry.FromString(data)
    if not entry.HasField("decision"):
        return None
    kept, not_kept = _kept(entry.decision)
    time = entry.time.ToDatetime(tzinfo=UTC)
    judged_at = entry.permits_judged_at
    return Recorded(
        entry_id=entry.entry_id,
        method=entry.method,
        caller=Caller(entry.caller.token_id, Controller(entry.controller), system=entry.caller.system),
        time=time,
        permits_judged_at=judged_at.ToDatetime(tzinfo=UTC) if entry.HasField("permits_judged_at") else time,
        revision=Revision(entry.revision),
        cause=entry.decision.cause,
        kept=kept,
        not_kept=not_kept,
    )


def names_in(data: bytes) -> frozenset[str]:
    """The facts that a decision's entry names, each `kind:id`, and the people in it."""
    event = log_pb.LogEntry.FromString(data).decision
    outcomes = (*event.outcomes, *event.delivery, event.authority)
    said = [
        *(name.partition("@")[0] for name in event.facts),
        *event.declared_contents,
        *(who for outcome in outcomes for who in (*outcome.data_subjects, outcome.reader)),
        *(who for each in event.recipients for who in (each.recipient, *each.implied_readers)),
        *(word for match in event.possible_matches for word in match.split()),
    ]
    return frozenset(name.removeprefix("implied:") for name in said if name)


def differing_versions(recorded: bytes, computed: bytes) -> tuple[Difference, ...]:
    """What made the one entry's decision and is another in the other's, its policy set among them."""
    one, other = (log_pb.LogEntry.FromString(data).versions for data in (recorded, computed))
    return tuple(
        Difference(what, str(getattr(one, what)), str(getattr(other, what)))
        for what in _VERSIONS
        if getattr(one, what) != getattr(other, what)
    )


def differences(recorded: bytes, computed: bytes, *, same_moment: bool) -> tuple[Difference, ...]:
    """In what one entry's decision differs from another's, where both are of one call. What was asked and
    asserted is no decision, and is not compared. Not at the `same_moment`: neither is what follows from that.
    """
    one, other = (log_pb.LogEntry.FromString(data).decision for data in (recorded, computed))
    found = [*_of_whole(one, other), *_of_cells(one, other), *_of_recipients(one, other)]
    found += _of_lists(one, other, same_moment=same_moment)
    return tuple(d for d in found if same_moment or d.what not in _OF_ITS_MOMENT)


def _kept(event: log_pb.DecisionEvent) -> tuple[KeptCall | None, NotComputed | None]:
    if event.HasField("asked"):
        try:
            return asked_call(event), None
        except UnreadableCall:
            return None, NotComputed.WORDS_UNKNOWN
    too_large = event.cause == "entry_too_large"
    return None, NotComputed.ENTRY_TOO_LARGE if too_large else NotComputed.CALL_NOT_KEPT


def _of_whole(one: log_pb.DecisionEvent, other: log_pb.DecisionEvent) -> Iterator[Difference]:
    texts: tuple[tuple[str, Callable[[log_pb.DecisionEvent], str]], ...] = (
        ("effect", lambda d: _EFFECTS.get(d.effect, "")),
        ("reason", lambda d: d.reason),
        ("cause", lambda d: d.cause),
        ("user_kind", lambda d: d.user_kind),
        ("purpose", lambda d: d.purpose),
        ("record_type", lambda d: d.record_type),
        ("authority", lambda d: _outcome(d.authority) if d.HasField("authority") else ""),
        ("valid_until", lambda d: d.valid_until.ToJsonString() if d.HasField("valid_until") else ""),
    )
    for what, text in texts:
        if text(one) != text(other):
            yield Difference(what, text(one), text(other))


def _of_cells(one: log_pb.DecisionEvent, other: log_pb.DecisionEvent) -> Iterator[Difference]:
    """Asked fields are the same ones in both; envelopes may be others, and are told apart by their names."""
    mine, others = _cells(one), _cells(other)
    for place in dict.fromkeys((*mine, *others)):
        recipient, _, label = place
        before, after = mine.get(place, ""), others.get(place, "")
        if before != after:
            yield Difference("cell", before, after, field=label, recipient=recipient)


def _cells(event: log_pb.DecisionEvent) -> dict[tuple[int, int, str], str]:
    """Outcomes as texts, by recipient, index among those asked (-1: of the envelope) and label."""
    row = len(event.fields)
    found = {}
    for place, index in enumerate(event.cells):
        recipient, column = divmod(place, row)
        field = event.fields[column]
        label = f"{field.name}@{field.party}" if field.party else field.name
        asked = column if column < event.asked_fields else -1
        found[recipient, asked, label] = _outcome(event.outcomes[index])
    return found


def _of_recipients(one: log_pb.DecisionEvent, other: log_pb.DecisionEvent) -> Iterator[Difference]:
    rows: tuple[tuple[str, Callable[[log_pb.DecisionEvent], list[str]]], ...] = (
        ("recipient", lambda d: [_recipient(each) for each in d.recipients]),
        ("delivery", lambda d: [_outcome(each) for each in d.delivery]),
    )
    for what, texts in rows:
        before, after = texts(one), texts(other)
        for i in range(max(len(before), len(after))):
            was, now = "".join(before[i : i + 1]), "".join(after[i : i + 1])
            if was != now:
                yield Difference(what, was, now, recipient=i)


def _of_lists(
    one: log_pb.DecisionEvent, other: log_pb.DecisionEvent, *, same_moment: bool
) -> Iterator[Difference]:
    """Each that stands in one of the two alone."""

    def owed(obligation: pb.Obligation | log_pb.LoggedTask) -> str:
        parameters = dict(obligation.parameters)
        if not same_moment:
            parameters.pop(_UNTIL, None)
        return _owed(obligation, parameters)

    lists: tuple[tuple[str, Callable[[log_pb.DecisionEvent], Iterable[str]]], ...] = (
        ("obligation", lambda d: map(owed, d.obligations)),
        ("task", lambda d: (f"{owed(task)} for {task.owner}" for task in d.tasks)),
        ("alert", lambda d: d.alerts),
        ("possible_match", lambda d: d.possible_matches),
        ("declared_contents", lambda d: d.declared_contents),
        ("capability", lambda d: d.capabilities),
        # An input that was erased since is one that the entry names and nobody finds.
        ("facts", lambda d: d.facts),
    )
    for what, texts in lists:
        before, after = list(texts(one)), list(texts(other))
        yield from (Difference(what, text, "") for text in before if text not in after)
        yield from (Difference(what, "", text) for text in after if text not in before)


def _outcome(outcome: log_pb.LoggedOutcome) -> str:
    """Everything that an outcome says, as words."""
    said = [
        _EFFECTS.get(outcome.effect, ""),
        outcome.reason,
        f"told {outcome.told}" if outcome.told else "",
        f"tier {outcome.tier}" if outcome.tier else "",
        _listed("policies", outcome.policies),
        _listed("by error", outcome.by_error),
        _listed("about", outcome.data_subjects),
        f"towards {outcome.reader}" if outcome.reader else "",
        f"part {outcome.part}" if outcome.part else "",
    ]
    return " ".join(filter(None, said))


def _recipient(recipient: log_pb.LoggedRecipient) -> str:
    said = [
        recipient.recipient,
        recipient.contact_point,
        recipient.channel,
        f"shared {recipient.shared}" if recipient.shared else "",
        _listed("read by", recipient.implied_readers),
    ]
    return " ".join(filter(None, said))


def _owed(obligation: Any, parameters: dict[str, str]) -> str:
    said = [
        obligation.kind,
        _listed("fields", getattr(obligation, "fields", ())),
        _listed("recipients", map(str, obligation.recipients)),
        *(f"{name}={value}" for name, value in sorted(parameters.items())),
    ]
    return " ".join(filter(None, said))


def _listed(what: str, values: Iterable[str]) -> str:
    joined = ",".join(values)
    return f"{what} {joined}" if joined else ""
