"""Which entries somebody looks for: a filter, and whether an entry is one that it lets through.

An entry is parsed only where its bytes hold what is looked for: protobuf keeps each string as it stands, in
UTF-8, so that an entry without these bytes cannot hold the string.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from google.protobuf.message import DecodeError

from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.api.v1 import decision_pb2 as pb
from policy_service.decision_log.entry import StoredEntry
from policy_service.model.facts import Controller
from policy_service.model.vocabulary import Effect

_EFFECT = {Effect.PERMIT: pb.EFFECT_PERMIT, Effect.DENY: pb.EFFECT_DENY}
_IDENTIFIERS = ".identifiers"
_IMPLIED = "implied:"
FINGERPRINT = "fingerprint:"
"""Before an identifier's keyed fingerprint, where an entry names somebody by it."""


@dataclass(frozen=True, slots=True)
class SoughtPerson:
    """Somebody by all that an entry may call her."""

    names: frozenset[str]
    """`person:ID`, or `unknown:FINGERPRINT` of a reference that nobody was found by."""
    fingerprints: frozenset[str] = frozenset()
    """Of identifiers, by which a call may have described her."""
    users: frozenset[str] = frozenset()
    """The references of her logins."""

    @property
    def named(self) -> frozenset[str]:
        """All that a reading, a write or a refusal may call her."""
        return self.names | {f"{FINGERPRINT}{fingerprint}" for fingerprint in self.fingerprints}

    @property
    def needles(self) -> tuple[bytes, ...]:
        words = (*(name.partition(":")[2] for name in self.names), *self.fingerprints, *self.users)
        return tuple(word.encode() for word in words)


@dataclass(frozen=True)
class Sought:
    """All that is set must hold. Empty strings and None: whatever."""

    controller: Controller | None = None
    """None: of every organisation, and of none."""
    since_us: int | None = None
    """Microseconds since 1970, UTC: since <= time < until."""
    until_us: int | None = None
    person: SoughtPerson | None = None
    user: str = ""
    system: str = ""
    record: str = ""
    record_fact: str = ""
    """As readings and writes name it, `record:ID`; empty where the record is not on file."""
    record_type: str = ""
    effect: Effect | None = None
    reason: str = ""
    method: str = ""
    decision: str = ""
    """The id of a decision: its own entry, and the reports of it."""

    def lets_through(self, stored: StoredEntry) -> bool:
        """Tell whether it is one of those. One that cannot be read is none: `verify` finds it."""
        if not self.may_hold(stored.time_us, stored.time_us):
            return False
        data = stored.data
        if not all(any(needle in data for needle in either) for either in self._needles):
            return False
        try:
            entry = log_pb.LogEntry.FromString(data)
        except DecodeError:
            return False
        return self._is_one(entry)

    def may_hold(self, earliest_us: int, latest_us: int) -> bool:
        """Tell whether one of entries from between these two moments may be meant."""
        after = self.since_us is None or latest_us >= self.since_us
        return after and (self.until_us is None or earliest_us < self.until_us)

    @property
    def is_of_a_time(self) -> bool:
        return self.since_us is not None or self.until_us is not None

    @cached_property
    def _needles(self) -> tuple[tuple[bytes, ...], ...]:
        """One of each of these is in every entry that is looked for."""
        texts = (self.user, self.system, self.record_type, self.method, self.decision, self.controller or "")
        needles: list[tuple[bytes, ...]] = [(text.encode(),) for text in texts if text]
        if self.record:
            fact = self.record_fact.partition(":")[2] or self.record
            needles.append((self.record.encode(), fact.encode()))
        if self.reason:
            needles.append((self.reason.encode(), self.reason.lower().encode()))
        if self.person is not None:
            needles.append(self.person.needles)
        return tuple(needles)

    def _is_one(self, entry: log_pb.LogEntry) -> bool:
        decision = entry.decision
        return (
            (self.controller is None or entry.controller == self.controller)
            and (not self.method or entry.method == self.method)
            and (not self.decision or self.decision in {entry.entry_id, entry.report.decision_id})
            and (not self.system or entry.caller.system == self.system)
            and (not self.user or decision.user == self.user)
            and (not self.record_type or decision.record_type == self.record_type)
            and (self.effect is None or decision.effect == _EFFECT[self.effect])
            and (not self.record or decision.record == self.record or self.record_fact in _facts(entry))
            and (not self.reason or self.reason in _reasons(entry))
            and (self.person is None or _is_about(self.person, entry))
        )


def _facts(entry: log_pb.LogEntry) -> frozenset[str]:
    """What a reading or a write names."""
    return frozenset((*entry.read.facts, *entry.write.facts))


def _reasons(entry: log_pb.LogEntry) -> Iterator[str]:
    """Every reason that an entry tells, true or told; what the store alone could tell in capitals as well."""
    decision = entry.decision
    for outcome in (*decision.outcomes, decision.authority, *decision.delivery):
        yield outcome.reason
        yield outcome.told
    yield decision.reason
    yield decision.cause.upper()
    yield entry.refusal.reason
    yield entry.refused_callers.cause


def _is_about(person: SoughtPerson, entry: log_pb.LogEntry) -> bool:
    refused = (*entry.refusal.people, *entry.write.refused_people)
    if not person.named.isdisjoint((*_facts(entry), *refused)):
        return True
    decision = entry.decision
    if decision.user and decision.user in person.users:
        return True
    names = person.names | _described_as(person, decision)
    return not names.isdisjoint(_people(decision))


def _described_as(person: SoughtPerson, decision: log_pb.DecisionEvent) -> set[str]:
    """What she is called in a decision whose call described her by one of her identifiers."""
    asserted = {assertion.path: assertion.values for assertion in decision.asserted}
    names: set[str] = set()
    for path, values in asserted.items():
        if path.startswith("person.") and path.endswith(_IDENTIFIERS):
            key = path.removeprefix("person.").removesuffix(_IDENTIFIERS)
            if not person.fingerprints.isdisjoint(values):
                names |= {f"described:{key}", *asserted.get(f"person.{key}.is", ())}
    return names


def _people(decision: log_pb.DecisionEvent) -> Iterator[str]:
    """Whom a decision was about, to whom, who else would have read it, and who is behind its user."""
    for outcome in (*decision.outcomes, decision.authority, *decision.delivery):
        for subject in outcome.data_subjects:
            yield subject.removeprefix(_IMPLIED)
        yield from _reader(outcome.reader)
    for recipient in decision.recipients:
        yield recipient.recipient
        for reader in recipient.implied_readers:
            yield from _reader(reader)
    for match in decision.possible_matches:
        yield match.partition(" ")[2]
    for assertion in decision.asserted:
        if assertion.path == "user.person":
            yield from assertion.values


def _reader(label: str) -> Iterator[str]:
    """The name in `KIND:NAME`; before `user:REF` and the like no kind stands."""
    yield label
    yield label.partition(":")[2]
