"""What an entry keeps of a call is read back as it was kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.decision_log.asked import UnreadableCall, asked_call, write_asked
from policy_service.decision_log.entries import decision_entry
from policy_service.model.kept_call import KeptCall
from policy_service.model.question import NOTHING_DESCRIBED, CheckCall, DescribedUser, Description, FieldAsked
from policy_service.model.trace import DecisionTrace
from policy_service.model.vocabulary import Verb
from tests.decision_log.asking import EVERYTHING_ASKED
from tests.decision_log.test_entries import HEAD, TRACE

ASSERTED = (
    ("person.m.identifiers", ("i-1", "i-2")),
    ("person.m.name", ("name-of-m",)),
    ("contact_point.home.fingerprint", ("of-home",)),
    ("contact_point.home.uprn", ("uprn-of-home",)),
    ("contact_point.phone.fingerprint", ("of-phone",)),
)
SIMPLEST = CheckCall(user="u", record="R-1", fields=(FieldAsked("home"),), verb=Verb.SEE)


def kept_and_read(kept: KeptCall, trace: DecisionTrace = TRACE) -> KeptCall:
    written = replace(trace, call=kept.call, fields=kept.call.fields, kept=kept)
    return asked_call(log_pb.LogEntry.FromString(decision_entry(HEAD, written)).decision)


@pytest.mark.parametrize("asserted", [(), ASSERTED], ids=["nothing asserted", "all asserted"])
def test_everything_that_can_be_asked_is_read_back(asserted: tuple[tuple[str, tuple[str, ...]], ...]) -> None:
    assert kept_and_read(EVERYTHING_ASKED, replace(TRACE, asserted=asserted)) == EVERYTHING_ASKED


@pytest.mark.parametrize(
    "call",
    [
        SIMPLEST,
        replace(SIMPLEST, capabilities=frozenset()),
        replace(SIMPLEST, description=Description(user=DescribedUser())),
    ],
    ids=["the simplest", "able to nothing", "a user of whom nothing is said"],
)
def test_what_is_empty_is_told_from_what_is_not_there(call: CheckCall) -> None:
    assert kept_and_read(KeptCall(call)) == KeptCall(call)
    assert call.capabilities != frozenset() or kept_and_read(KeptCall(call)).call.capabilities is not None


def test_a_fingerprint_stands_in_an_entry_once() -> None:
    message = log_pb.AskedCall()
    write_asked(message, EVERYTHING_ASKED, dict(ASSERTED))
    for _, fingerprints in ASSERTED:
        for fingerprint in fingerprints:
            assert fingerprint.encode() not in message.SerializeToString()


def test_a_word_of_another_version_is_no_call() -> None:
    event = log_pb.LogEntry.FromString(decision_entry(HEAD, TRACE)).decision
    event.asked.description.relationships[0].kind = "godparent_of"
    with pytest.raises(UnreadableCall):
        asked_call(event)


def test_nothing_described_is_nothing_kept() -> None:
    assert kept_and_read(KeptCall(SIMPLEST)).call.description == NOTHING_DESCRIBED
