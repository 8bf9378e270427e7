"""Which entries a filter lets through: each field alone, by what the entry holds, never by half a word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policy_service.decision_log.entries import decision_entry, read_entry, refusal_entry, write_entry
from policy_service.decision_log.entry import StoredEntry, StreamId
from policy_service.decision_log.outcomes import report_entry
from policy_service.decision_log.sought import Sought, SoughtPerson
from policy_service.model.facts import Controller
from policy_service.model.outcome import Outcome, Standing
from policy_service.model.trace import TracedOutcome, TracedRecipient
from policy_service.model.vocabulary import Effect
from tests.decision_log.test_entries import HEAD, OUTCOME, TRACE

EVERYTHING = Sought()


def stored(data: bytes, time_us: int = 0) -> StoredEntry:
    return StoredEntry(StreamId("0" * 32), "worker-0", 0, "e", time_us, data, b"")


PERMITTED = TracedOutcome(Effect.PERMIT, "CARE_PROVIDER", data_subjects=("person:O", "implied:person:I"))
TOLD = replace(
    TRACE,
    outcomes=(OUTCOME, PERMITTED),
    recipients=(TracedRecipient("person:R", implied_readers=("client:person:C", "user:clerk")),),
    possible_matches=("described:m person:M",),
    asserted=(
        ("person.mum.identifiers", ("f1", "f2")),
        ("person.mum.is", ("described:mother",)),
        ("person.boss.identifiers", ("f3",)),
        ("person.boss.is", ("person:B",)),
        ("user.person", ("unknown:f9",)),
    ),
)
DECISION = decision_entry(HEAD, TOLD)
ABOUT_MUM = decision_entry(
    HEAD, replace(TOLD, outcomes=(replace(OUTCOME, data_subjects=("described:mother",)),))
)
READING = read_entry(HEAD, facts=["person:V", "record:9"], found=True)
WRITE = write_entry(HEAD, facts=["person:V"], reason="by phone")
REPORT = report_entry(HEAD, Outcome("d-1", dispatched=False), Standing())
REFUSAL = refusal_entry(HEAD, status="PERMISSION_DENIED", reason="ROLE_REQUIRED")


def person(*names: str, fingerprints: tuple[str, ...] = (), users: tuple[str, ...] = ()) -> Sought:
    return Sought(person=SoughtPerson(frozenset(names), frozenset(fingerprints), frozenset(users)))


@pytest.mark.parametrize(
    ("sought", "another", "data"),
    [
        (Sought(controller=Controller("police")), Sought(controller=Controller("trust")), DECISION),
        (Sought(controller=Controller("police")), Sought(controller=Controller("poli")), READING),
        (Sought(user="u"), Sought(user="records"), DECISION),
        (Sought(system="records"), Sought(system="record"), DECISION),
        (Sought(record="R-1"), Sought(record="R"), DECISION),
        (Sought(record="X", record_fact="record:9"), Sought(record="X", record_fact="record:8"), READING),
        (Sought(record_type="police.case"), Sought(record_type="police"), DECISION),
        (Sought(effect=TRACE.effect), Sought(effect=next(e for e in Effect if e != TRACE.effect)), DECISION),
        (Sought(effect=Effect.DENY), Sought(effect=Effect.PERMIT), DECISION),
        (Sought(reason="ADVERSE_PERSON"), Sought(reason="ADVERSE"), DECISION),
        (Sought(reason="NOT_AVAILABLE"), Sought(reason="ROLE_REQUIRED"), DECISION),
        (Sought(reason="ROLE_REQUIRED"), Sought(reason="PERMISSION_DENIED"), REFUSAL),
        (Sought(method="DecisionService/Check"), Sought(method="DecisionService"), DECISION),
        (Sought(decision="e"), Sought(decision="E"), DECISION),
        (Sought(decision="d-1"), Sought(decision="d"), REPORT),
        (person("person:V"), person("person:W"), DECISION),
        (person("person:I"), person("person:i"), DECISION),
        (person("person:R"), person("person:RR"), DECISION),
        (person("person:C"), person("person:c"), DECISION),
        (person("person:A"), person("person:a"), DECISION),
        (person("person:M"), person("person:m"), DECISION),
        (person("person:none", users=("u",)), person("person:none", users=("clerk",)), DECISION),
        (person("unknown:f9"), person("unknown:f8"), DECISION),
        (person("person:V"), person("person:R"), WRITE),
        (person("person:none", fingerprints=("f2",)), person("person:none", fingerprints=("f3",)), ABOUT_MUM),
        # She is described in the call, and it is about others: she is in it and nothing of it is hers.
        (person("person:R"), person("person:none", fingerprints=("f2",)), DECISION),
    ],
)
def test_a_field_lets_through_what_holds_it_and_nothing_else(
    sought: Sought, another: Sought, data: bytes
) -> None:
    assert sought.lets_through(stored(data))
    assert not another.lets_through(stored(data))
    assert EVERYTHING.lets_through(stored(data))


def test_what_only_the_store_could_tell_is_a_reason_too() -> None:
    unknown = stored(decision_entry(HEAD, replace(TRACE, cause="unknown_record")))
    assert Sought(reason="UNKNOWN_RECORD").lets_through(unknown)
    assert not Sought(reason="UNKNOWN_USER").lets_through(unknown)


def test_every_field_must_hold() -> None:
    assert Sought(user="u", record="R-1").lets_through(stored(DECISION))
    assert not Sought(user="u", record="R-2").lets_through(stored(DECISION))


def test_a_time_is_half_open() -> None:
    sought = Sought(since_us=10, until_us=20)
    assert [time for time in (9, 10, 19, 20) if sought.lets_through(stored(DECISION, time))] == [10, 19]


def test_an_entry_that_cannot_be_read_is_none_of_them() -> None:
    assert not EVERYTHING.lets_through(stored(b"\xff" + DECISION))
