"""Which decisions the log can take whole, told by the call and its answer alone.

An entry has at most 65,535 bytes. If what is on file could make it larger and the answer another one, a
caller who fills his call up to the bound would learn from the answer what he is not told: that somebody
applied, that a record is there.

Invariant THE ANSWER TELLS NO SIZE: whether a call is too large is judged by an entry made of what its caller
said and was told, each reference in it as wide as any can be. Where that fits and the decision's own entry
does not, its entry is abridged, and the answer stays: all that it rests on can be decided again from the call
and the revision, which the entry keeps.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from policy_service.decision_log.entries import Head, decision_entry
from policy_service.decision_log.entry import MAX_ENTRY_BYTES
from policy_service.model.decision import Decision
from policy_service.model.obligation import ObligationKind
from policy_service.model.question import CheckCall, FieldAsked
from policy_service.model.trace import DecisionTrace, TracedOutcome, TracedRecipient, TracedTask
from policy_service.model.vocabulary import Channel, Effect, UserKind
from policy_service.service.keeping import kept_at_most
from policy_service.service.tracing import asserted_at_most, tally, widest_name

ABRIDGED: Final = "entry_abridged"

RESERVE: Final = 2_048
"""Bytes for what follows neither from the call nor from the answer, and has few: times, revision and
policy set, the record's type, the authority gate's outcome without its policies, alerts.
"""
_SURELY: Final = 24_000
"""An estimate below this leaves so much room that nothing need be made to find out."""
_FEW: Final = 8
"""Fields that a see may ask about whatever their names are, where the call describes nothing."""
_NO_TIME: Final = datetime.fromtimestamp(0, UTC)
_OWNER: Final = "x" * 264
_POINT: Final = "x" * 80
_CHANNEL: Final = max(map(str, Channel), key=len)
_KINDS: Final = tuple(map(str, ObligationKind))


def may_be_logged(head: Head, call: CheckCall, decision: Decision) -> bool:
    """Tell whether the log can take what the caller said and is told; `head` is the entry's."""
    if _estimate(call, decision) < _SURELY:
        return True
    # Times and revisions are numbers, whose widths differ; room for them is in what is kept free.
    fixed = replace(head, time=_NO_TIME, permits_judged_at=None, revision=0)
    return len(decision_entry(fixed, widest(call, decision))) <= MAX_ENTRY_BYTES - RESERVE


def abridged(decision: Decision, trace: DecisionTrace) -> DecisionTrace:
    """The decision without what its caller was not told and without what it looked at; it says so."""
    row, outcomes, cells = _told(decision)
    bare = trace.authority and replace(trace.authority, policies=(), by_error=(), data_subjects=())
    return replace(
        trace,
        cause=ABRIDGED,
        fields=trace.fields[:row],
        outcomes=outcomes,
        cells=cells,
        recipients=tuple(replace(each, implied_readers=(), shared="") for each in trace.recipients),
        authority=bare,
        delivery=(),
        facts=(),
        possible_matches=(),
        declared_contents=(),
    )


def _told(decision: Decision) -> tuple[int, tuple[TracedOutcome, ...], tuple[int, ...]]:
    """How many cells a row has, and all of them as the caller knows them."""
    rows = 1 + max((cell.recipient for cell in decision.cells), default=0)
    outcomes, cells = tally(
        [
            TracedOutcome(cell.effect, cell.reason, cell.reason, envelope=cell.envelope)
            for cell in decision.cells
        ]
    )
    return len(decision.cells) // rows, outcomes, cells


def widest(call: CheckCall, decision: Decision) -> DecisionTrace:
    """What `abridged` makes of any decision of this call that is answered so, as wide as that can be."""
    row, outcomes, cells = _told(decision)
    name = widest_name(call)
    owed = decision.obligations
    return DecisionTrace(
        call=call,
        policy_set="",
        user_kind=UserKind.NONE,
        purpose=call.purpose or "",
        record_type="",
        effect=Effect.DENY,
        reason=decision.reason,
        cause=ABRIDGED,
        fields=tuple(
            FieldAsked(cell.field, cell.party, place="unknown" if cell.envelope else "")
            for cell in decision.cells[:row]
        )
        + tuple(FieldAsked("", place=max(f.place, "unknown", key=_bytes)) for f in call.fields if f.place),
        asked_fields=len(call.fields),
        recipients=tuple(
            TracedRecipient(max(name, label, key=_bytes), _POINT, _CHANNEL)
            for label in [f"team:{r.team}" for r in call.recipients] or [f"user:{call.user}"]
        ),
        outcomes=outcomes,
        cells=cells,
        authority=None,
        delivery=(),
        obligations=owed,
        valid_until=None,
        asserted=asserted_at_most(call),
        tasks=tuple(TracedTask(o.kind, _OWNER, o.recipients, o.parameters) for o in owed),
        capabilities=_KINDS,
        kept=kept_at_most(call),
    )


def _estimate(call: CheckCall, decision: Decision) -> int:
    """More bytes than the widest entry has, or so few less that it does not matter here."""
    described = call.description
    if len(call.fields) <= _FEW and not call.recipients and described.empty:
        return 0
    if not described.empty or len(decision.cells) > 256:
        return _SURELY
    words = max((_bytes(f.name) + _bytes(f.party) + _bytes(f.place) for f in call.fields), default=0) + 32
    labels = len(call.fields) + sum(len(owed.fields) for owed in decision.obligations)
    indexes = sum(len(owed.recipients) for owed in decision.obligations)
    texts = sum(len(n) + len(v) for owed in decision.obligations for n, v in owed.parameters)
    fixed = 1_024 * len(call.recipients) + 512 * len(decision.obligations)
    return 4_096 + labels * words + fixed + 4 * indexes + 4 * texts + 2 * len(decision.cells)


def _bytes(text: str) -> int:
    return len(text.encode())
