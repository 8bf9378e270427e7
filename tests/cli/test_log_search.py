"""`log search` and `log follow`: what they ask, what they print, and how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from policy_service.api.v1 import decision_log_pb2 as pb
from policy_service.api.v1 import decision_pb2
from tests.cli.conftest import Terminal
from tests.support.fake_service import FakeService, Refusal

SEARCH, FOLLOW = "DecisionLogService/Search", "DecisionLogService/Follow"
ID = "019cae6b-6600-7193-b2a4-fb2f2b292c4"
FILTERS = {
    "person": "police-ref:P-1",
    "user": "o.manager",
    "system": "police-records",
    "record": "OM-1001",
    "record_type": "police.case",
    "reason": "ADVERSE_PERSON",
    "method": "DecisionService/Check",
    "decision": f"{ID}1",
}


def decision(number: int, **fields: Any) -> pb.FoundEntry:
    outcomes = [
        pb.LoggedOutcome(effect=decision_pb2.EFFECT_PERMIT, reason="TEAM"),
        pb.LoggedOutcome(effect=decision_pb2.EFFECT_DENY, reason="ADVERSE_PERSON", told="NOT_AVAILABLE"),
    ]
    event = pb.DecisionEvent(
        user="o.manager", record="OM-1001", effect=decision_pb2.EFFECT_DENY, outcomes=outcomes, **fields
    )
    entry = pb.LogEntry(entry_id=f"{ID}{number}", caller=pb.Caller(system="police-records"), decision=event)
    entry.time.FromJsonString("2026-03-02T12:00:00.5Z")
    return pb.FoundEntry(entry=entry, stream_id="s", index=number)


def options(filters: dict[str, str]) -> list[str]:
    return [part for name, value in filters.items() for part in (f"--{name.replace('_', '-')}", value)]


def test_each_option_is_a_field_of_the_filter(terminal: Terminal, fake: FakeService) -> None:
    times = ("--since", "2026-03-01T00:00:00Z", "--until", "2026-03-02T00:00:00Z")
    assert terminal("log", "search", *options(FILTERS), "--effect", "deny", *times, "--limit", "7").code == 0
    wanted = pb.EntryFilter(effect=decision_pb2.EFFECT_DENY, **FILTERS)
    assert fake.requests(SEARCH) == [
        pb.DecisionLogServiceSearchRequest(filter=wanted, since=times[1], until=times[3], page_size=7)
    ]
    terminal("log", "follow", *options(FILTERS), "--effect", "deny", *times[:2])
    assert fake.requests(FOLLOW) == [pb.DecisionLogServiceFollowRequest(filter=wanted, since=times[1])]


def test_a_day_may_be_said(terminal: Terminal, fake: FakeService) -> None:
    terminal("log", "search", "--since", "2026-07-01", "--until", "2026-07-01")
    (asked,) = fake.requests(SEARCH)
    assert (asked.since, asked.until) == ("2026-06-30T23:00:00+00:00", "2026-07-01T23:00:00+00:00")


def test_a_table_shows_what_is_needed_to_look_closer(terminal: Terminal, fake: FakeService) -> None:
    reading = pb.FoundEntry(
        entry=pb.LogEntry(
            entry_id=f"{ID}9",
            method="PeopleService/GetPerson",
            controller="police",
            caller=pb.Caller(principal="p.officer"),
            read=pb.ReadEvent(found=True),
        )
    )
    refusal = pb.FoundEntry(entry=pb.LogEntry(entry_id=f"{ID}8", refusal=pb.RefusalEvent(reason="TOO_LONG")))
    report = pb.ReportEvent(decision_id=f"{ID}1", dispatch=decision_pb2.DISPATCH_NOT_DISPATCHED)
    reported = pb.LogEntry(entry_id=f"{ID}7", method="DecisionService/ReportOutcome", report=report)
    answer = pb.DecisionLogServiceSearchResponse(
        entries=[decision(1), reading, refusal, pb.FoundEntry(entry=reported)]
    )
    fake.answers[SEARCH] = lambda _: answer
    typed = terminal("log", "search")
    lines = typed.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[2].split() == ["2026-03-02T12:00:00Z", "deny", "ADVERSE_PERSON", "OM-1001"]
    assert lines[3].split() == [f"{ID}1", "o.manager", "police-records"]
    assert [line.split() for line in lines[4:6]] == [["read", "GetPerson"], [f"{ID}9", "p.officer", "police"]]
    assert "TOO_LONG" in lines[6]
    assert lines[8].split() == ["report", "not", "dispatched", "ReportOutcome"]
    assert terminal("log", "search", "--json").json["entries"][0]["entry"]["decision"]["user"] == "o.manager"


def test_a_search_follows_its_pages_and_says_whether_there_is_more(
    terminal: Terminal, fake: FakeService
) -> None:
    pages = {"": [], "1": [decision(1), decision(2)], "2": [], "3": [decision(3)]}

    def page(request: pb.DecisionLogServiceSearchRequest) -> pb.DecisionLogServiceSearchResponse:
        number = int(request.page_token or "0") + 1
        following = str(number) if str(number) in pages else ""
        return pb.DecisionLogServiceSearchResponse(
            entries=pages[request.page_token], next_page_token=following
        )

    fake.answers[SEARCH] = page
    whole = terminal("log", "search", "--json").json
    assert [each["entry"]["entryId"][-1] for each in whole["entries"]] == ["1", "2", "3"]
    assert not whole["more"]
    assert len(fake.calls) == 4
    typed = terminal("log", "search", "--limit", "2")
    assert "there may be more; --limit 20" in typed.out
    assert terminal("log", "search", "--limit", "2", "--json").json["more"]
    fake.answers[SEARCH] = lambda _: pb.DecisionLogServiceSearchResponse()
    assert terminal("log", "search").out == "none\n"


@pytest.mark.parametrize(
    ("method", "note"),
    [
        ("DecisionService/Check", ""),
        ("DecisionLogService/Search", ""),
        ("DecisionService/Chek", " `DecisionService/Chek`, perhaps `DecisionService/Check` is meant"),
        ("Zzzz/Qqqq", " `Zzzz/Qqqq`"),
    ],
)
def test_nothing_found_of_a_method_that_is_none_is_no_reassurance(
    terminal: Terminal, fake: FakeService, method: str, note: str
) -> None:
    typed = terminal("log", "search", "--method", method)
    assert (typed.code, typed.out) == (0, "none\n")
    assert " ".join(typed.err.split()) == (f"note: this version has no method{note}" if note else "")
    assert fake.requests(SEARCH)[0].filter.method == method


@pytest.mark.parametrize("command", ["search", "follow"])
@pytest.mark.parametrize(
    ("refusal", "code", "next_step"),
    [
        (
            Refusal(grpc.StatusCode.INVALID_ARGUMENT, "`since` is not a time", "BAD_TIME", "since"),
            2,
            "correct --since",
        ),
        (
            Refusal(grpc.StatusCode.INVALID_ARGUMENT, "no", "BAD_IDENTIFIER", "filter.person"),
            2,
            "correct --person",
        ),
        (
            Refusal(grpc.StatusCode.INVALID_ARGUMENT, "no", "BAD_ID", "filter.decision"),
            2,
            "correct --decision",
        ),
        (Refusal(grpc.StatusCode.PERMISSION_DENIED, "no", "ROLE_REQUIRED"), 3, "who has the role"),
        (Refusal(grpc.StatusCode.UNAUTHENTICATED, "no", "UNAUTHENTICATED"), 3, "--token-file"),
        (Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many", "OVERLOADED"), 4, "try again"),
    ],
)
def test_a_refusal_says_what_to_do_next(
    terminal: Terminal, fake: FakeService, command: str, refusal: Refusal, code: int, next_step: str
) -> None:
    def refuse(_: object) -> Any:
        raise refusal

    fake.answers[SEARCH if command == "search" else FOLLOW] = refuse
    typed = terminal("log", command)
    assert (typed.code, typed.out) == (code, "")
    assert next_step in typed.err


def test_a_word_that_is_no_effect_is_not_sent(terminal: Terminal, fake: FakeService) -> None:
    typed = terminal("log", "search", "--effect", "denied")
    assert typed.code == 2
    assert "--effect deny" in typed.err
    assert not fake.calls


def came(*entries: pb.FoundEntry, token: str = "t") -> pb.DecisionLogServiceFollowResponse:
    return pb.DecisionLogServiceFollowResponse(entries=entries, resume_token=token)


def test_what_is_followed_is_printed_as_it_comes_and_taken_up_again(
    terminal: Terminal, fake: FakeService
) -> None:
    """Over a call that ends, one that is lost, and one that the token is refused for."""

    def answers(request: pb.DecisionLogServiceFollowRequest) -> Iterator[pb.DecisionLogServiceFollowResponse]:
        match request.resume_token:
            case "":
                yield came(token="a")
                yield came(decision(1), decision(2), token="b")
            case "b":
                yield came(decision(3), token="c")
                raise Refusal(grpc.StatusCode.UNAVAILABLE, "the service ends", "ENDING")
            case "c":
                yield came(token="d")
                raise Refusal(grpc.StatusCode.UNAUTHENTICATED, "no", "UNAUTHENTICATED")
            case other:
                raise AssertionError(other)

    fake.answers[FOLLOW] = answers
    typed = terminal("log", "follow", "--user", "o.manager", "--json", "--controller", "police")
    assert typed.code == 3
    documents = [json.loads(line) for line in typed.out.splitlines()]
    assert [each["entry"]["entryId"][-1] for each in documents] == ["1", "2", "3"]
    assert [request.resume_token for request in fake.requests(FOLLOW)] == ["", "b", "c"]
    assert {request.filter.user for request in fake.requests(FOLLOW)} == {"o.manager"}
    assert {call.metadata["x-controller"] for call in fake.calls} == {"police"}

    lines = terminal("log", "follow").out.splitlines()
    assert lines[0].split() == ["2026-03-02T12:00:00Z", "deny", "ADVERSE_PERSON", "OM-1001"]
    assert lines[1].split() == [f"{ID}1", "o.manager", "police-records"]
    assert max(map(len, lines)) <= 80


def test_a_service_that_stays_away_ends_it(terminal: Terminal, fake: FakeService) -> None:
    def answers(request: pb.DecisionLogServiceFollowRequest) -> Iterator[pb.DecisionLogServiceFollowResponse]:
        if not request.resume_token:
            yield came(decision(1))
        raise Refusal(grpc.StatusCode.UNAVAILABLE, "away", "UNAVAILABLE")

    fake.answers[FOLLOW] = answers
    typed = terminal("log", "follow", "--json", before=("--timeout", "1.2"))
    assert typed.code == 4
    assert "--since TIME" in typed.err
    assert len(fake.calls) > 2


def test_a_service_that_says_nothing_is_not_waited_for(terminal: Terminal, fake: FakeService) -> None:
    def silent(_: object) -> Iterator[pb.DecisionLogServiceFollowResponse]:
        time.sleep(1.5)
        yield came()

    fake.answers[FOLLOW] = silent
    typed = terminal("log", "follow", before=("--timeout", "0.5"))
    assert typed.code == 4
    assert "within 0.5 s" in typed.err


def test_ctrl_c_ends_it_with_success(terminal: Terminal, fake: FakeService) -> None:
    def answers(_: object) -> Iterator[pb.DecisionLogServiceFollowResponse]:
        yield came(decision(1))
        time.sleep(3)

    fake.answers[FOLLOW] = answers
    command = [sys.executable, "-m", "policy_service", "--control-address", fake.address]
    command += ["--var-dir", str(terminal.var_dir), "log", "follow", "--json"]
    following = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    assert following.stdout is not None
    assert json.loads(following.stdout.readline())["entry"]["entryId"].endswith("1")
    following.send_signal(signal.SIGINT)
    out, err = following.communicate(timeout=30)
    assert (following.returncode, out) == (0, "")
    assert err == "following; Ctrl-C ends it\n"
