"""`log replay`: what it asks, what it prints, and how it ends."""

from __future__ import annotations

import json

import pytest

from policy_service.api.v1 import decision_log_pb2 as pb
from policy_service.api.v1 import decision_pb2
from tests.cli.conftest import Terminal
from tests.support.fake_service import FakeService

REPLAY = "DecisionLogService/Replay"
ID = "019cae6b-6600-7193-b2a4-fb2f2b292c41"
DENIED = pb.DecisionEvent(effect=decision_pb2.EFFECT_DENY)
OTHERWISE = pb.DecisionLogServiceReplayResponse(
    differences=[
        pb.ReplayDifference(
            what="cell",
            field="child.school@child",
            recipient=1,
            recorded="permit PARENT",
            computed="deny ADVERSE_PERSON tier absolute",
        ),
        pb.ReplayDifference(what="alert", recorded="own_case"),
    ],
    versions=[pb.ReplayDifference(what="engine", recorded="1", computed="2")],
    erased=["request:0f3c"],
    computed=DENIED,
)


def test_the_same_answer_ends_with_nought(terminal: Terminal, fake: FakeService) -> None:
    fake.answers[REPLAY] = lambda _: pb.DecisionLogServiceReplayResponse(same=True, computed=DENIED)
    ended = terminal("log", "replay", ID)
    assert (ended.code, ended.out) == (0, "the same answer\n")
    assert fake.requests(REPLAY) == [pb.DecisionLogServiceReplayRequest(decision_id=ID)]


def test_each_difference_is_said_and_where_it_is(terminal: Terminal, fake: FakeService) -> None:
    fake.answers[REPLAY] = lambda _: OTHERWISE
    ended = terminal("log", "replay", ID)
    assert ended.code == 1
    assert ended.out.splitlines() == [
        "not the same answer: 2 differences",
        "other engine: then `1`, here `2`",
        "erased since: request:0f3c",
        "",
        "cell    child.school@child to 2",
        "  then  permit PARENT",
        "  now   deny ADVERSE_PERSON tier absolute",
        "",
        "alert   of the whole",
        "  then  own_case",
        "  now   none",
    ]


def test_today_is_another_question(terminal: Terminal, fake: FakeService) -> None:
    fake.answers[REPLAY] = lambda _: OTHERWISE
    ended = terminal("log", "replay", ID, "--today")
    assert ended.code == 1
    assert ended.out.startswith("today it would be deny; 2 differences\n")
    assert fake.requests(REPLAY) == [pb.DecisionLogServiceReplayRequest(decision_id=ID, today=True)]


@pytest.mark.parametrize(
    "reason",
    ["ENTRY_TOO_LARGE", "CALL_NOT_KEPT", "WORDS_UNKNOWN", "REVISION_UNDONE", "REFUSED", "ANOTHER_REASON"],
)
def test_what_was_not_computed_is_not_the_same(terminal: Terminal, fake: FakeService, reason: str) -> None:
    fake.answers[REPLAY] = lambda _: pb.DecisionLogServiceReplayResponse(not_computed=reason)
    ended = terminal("log", "replay", ID)
    assert ended.code == 1
    first, *why = ended.out.splitlines()
    assert first == "not computed"
    assert why
    assert (reason in ended.out) is (reason == "ANOTHER_REASON")


def test_what_was_not_compared_in_full_says_so(terminal: Terminal, fake: FakeService) -> None:
    answer = pb.DecisionLogServiceReplayResponse(
        same=True, abridged=True, guessed=["subject.attributes.site"], computed=DENIED
    )
    fake.answers[REPLAY] = lambda _: answer
    ended = terminal("log", "replay", ID)
    assert ended.code == 0
    assert "The entry is abridged" in ended.out
    assert "`subject.attributes.site`" in ended.out


def test_json_is_the_whole_answer(terminal: Terminal, fake: FakeService) -> None:
    fake.answers[REPLAY] = lambda _: OTHERWISE
    ended = terminal("log", "replay", ID, "--json")
    assert ended.code == 1
    told = json.loads(ended.out)
    assert [each["what"] for each in told["differences"]] == ["cell", "alert"]
    assert told["computed"]["effect"] == "EFFECT_DENY"
