"""Searching and following the log as an auditor's client does: a process of its own, on both databases."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import grpc
import pytest
from google.protobuf.message import Message

from policy_service.api.v1 import access_pb2, decision_pb2
from policy_service.api.v1 import decision_log_pb2 as pb
from policy_service.decision_log.entries import Head, decision_entry
from policy_service.decision_log.entry import Entry
from policy_service.decision_log.stream import StreamWriter
from policy_service.facts.mapping import to_microseconds
from policy_service.model.caller import Caller
from policy_service.model.facts import Controller
from policy_service.model.ids import time_ordered_id
from policy_service.model.vocabulary import Effect
from tests.decision_log.test_entries import TRACE
from tests.service.control import VERSIONS, Stores
from tests.service.over_the_wire import Client, Refused, _refused, control_process
from tests.support.postgres import postgres_url

POLICE, TRUST = "example-police", "example-trust"
Search, Filter = pb.DecisionLogServiceSearchRequest, pb.EntryFilter
Follow, Followed = pb.DecisionLogServiceFollowRequest, pb.DecisionLogServiceFollowResponse


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def first(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The first administrator of an empty installation."""
    var_dir = tmp_path_factory.mktemp("log")
    if request.param == "sqlite":
        stores = Stores(f"sqlite:///{var_dir}/facts.db", f"sqlite:///{var_dir}/log")
    else:
        stores = Stores(postgres_url(), postgres_url())
    with control_process(stores, var_dir) as client:
        yield client
    assert "Traceback" not in (var_dir / "stderr").read_text()


def token_of(first: Client, controller: str, principal: str, *roles: str) -> Client:
    asked = access_pb2.IssueTokenRequest(principal=principal, roles=roles, controller=controller)
    return first.bearing(first.ask(first.access.IssueToken, asked).secret)


@pytest.fixture(scope="module")
def auditor(first: Client) -> Client:
    return token_of(first, POLICE, "p.auditor", "auditor")


@pytest.fixture(scope="module")
def worker(first: Client) -> Iterator[StreamWriter]:
    """What a decision worker appends with."""
    with StreamWriter.open(first.stores.log_url, "worker-0") as writer:
        yield writer


def decide(worker: StreamWriter, user: str, *, controller: str = POLICE, effect: Effect = Effect.DENY) -> str:
    """Leave a decision's entry; returns its id."""
    now = datetime.now(UTC)
    caller = Caller("t", Controller(controller), system="records")
    head = Head(time_ordered_id(now), now, caller, "DecisionService/Check", 1, VERSIONS)
    trace = replace(TRACE, call=replace(TRACE.call, user=user), effect=effect)
    worker.append_now(Entry(head.entry_id, to_microseconds(now), decision_entry(head, trace)))
    return head.entry_id


def pages(client: Client, request: pb.DecisionLogServiceSearchRequest) -> Iterator[list[pb.LogEntry]]:
    asked = Search()
    asked.CopyFrom(request)
    while True:
        answer = client.ask(client.log.Search, asked)
        yield [found.entry for found in answer.entries]
        asked.page_token = answer.next_page_token
        if not asked.page_token:
            return


def by_control(client: Client) -> list[pb.LogEntry]:
    """What control's own calls have left, in order."""
    return [entry for entry in client.entries() if not entry.HasField("decision")]


def ids(client: Client, request: pb.DecisionLogServiceSearchRequest) -> list[str]:
    return [entry.entry_id for entry in itertools.chain(*pages(client, request))]


def test_a_search_finds_decisions_newest_first_page_by_page(auditor: Client, worker: StreamWriter) -> None:
    left = [decide(worker, "o.paged") for _ in range(7)]
    decide(worker, "o.paged", controller=TRUST)
    before = len(by_control(auditor))
    asked = Search(filter=Filter(user="o.paged", effect=decision_pb2.EFFECT_DENY), page_size=3)
    found = list(pages(auditor, asked))
    assert [len(page) for page in found][:2] == [3, 3]
    assert [entry.entry_id for page in found for entry in page] == left[::-1]
    assert found[0][0].decision.outcomes[0].reason == "ADVERSE_PERSON"
    readings = by_control(auditor)[before:]
    assert [entry.method for entry in readings] == ["DecisionLogService/Search"] * len(found)
    assert ids(auditor, Search(filter=Filter(user="o.paged", reason="ADVERSE_PERSON"))) == left[::-1]
    assert ids(auditor, Search(filter=Filter(person="person:A", user="o.paged"))) == left[::-1]
    assert not ids(auditor, Search(filter=Filter(user="o.paged", effect=decision_pb2.EFFECT_PERMIT)))
    half = auditor.ask(auditor.log.Search, asked).entries[1].entry.time.ToDatetime(UTC)
    assert ids(auditor, Search(filter=asked.filter, since=half.isoformat())) == left[:-3:-1]
    assert ids(auditor, Search(filter=asked.filter, until=half.isoformat())) == left[-3::-1]


def test_what_is_decided_meanwhile_is_neither_lost_nor_doubled(auditor: Client, worker: StreamWriter) -> None:
    left = [decide(worker, "o.busy") for _ in range(30)]
    found: list[str] = []
    for page in pages(auditor, Search(filter=Filter(user="o.busy"), page_size=4)):
        found += [entry.entry_id for entry in page]
        decide(worker, "o.busy")
    assert found == left[::-1]


def bad_messages() -> Iterator[tuple[Message, str, str]]:
    yield Search(page_size=-1), "page_size", "NEGATIVE"
    yield Search(page_token="made-up"), "page_token", "BAD_PAGE_TOKEN"
    yield Search(page_token="x" * 20_000), "page_token", "TOO_LONG"
    yield Search(since="yesterday"), "since", "BAD_TIME"
    yield Search(filter=Filter(person="nobody")), "filter.person", "BAD_IDENTIFIER"
    yield Search(filter=Filter(record=" OM-1")), "filter.record", "BAD_REFERENCE"
    yield Search(filter=Filter(user="a\nb")), "filter.user", "CONTROL_CHARACTER"
    yield Search(filter=Filter(effect=7)), "filter.effect", "UNKNOWN_WORD"  # type: ignore[arg-type]
    yield decision_pb2.CheckRequest(user="u", record="r", language="cy"), "", "UNREADABLE_MESSAGE"


@pytest.mark.parametrize(
    ("message", "field", "reason"), list(bad_messages()), ids=lambda value: str(value)[:20]
)
def test_what_cannot_be_right_is_refused_and_leaves_one_entry(
    auditor: Client, message: Message, field: str, reason: str
) -> None:
    before = len(by_control(auditor))
    refused = auditor.refusal(auditor.log.Search, message)
    assert (refused.code, refused.field, refused.reason) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        field,
        reason,
    )
    (left,) = by_control(auditor)[before:]
    assert (left.method, left.refusal.reason) == ("DecisionLogService/Search", reason)


def test_another_search_another_organisation_and_no_auditor(
    first: Client, auditor: Client, worker: StreamWriter
) -> None:
    for _ in range(3):
        decide(worker, "o.other")
    asked = Search(filter=Filter(user="o.other"), page_size=1)
    token = auditor.ask(auditor.log.Search, asked).next_page_token
    other = Search(filter=Filter(user="o.another"), page_token=token)
    assert auditor.refusal(auditor.log.Search, other).reason == "BAD_PAGE_TOKEN"

    trust = token_of(first, TRUST, "t.auditor", "auditor")
    assert not ids(trust, Search(filter=asked.filter))
    theirs = Search(filter=asked.filter, page_token=token)
    assert trust.refusal(trust.log.Search, theirs).reason == "BAD_PAGE_TOKEN"
    elsewhere = trust.acting_for(POLICE)
    assert elsewhere.refusal(elsewhere.log.Search, asked).reason == "CONTROLLER_NOT_YOURS"
    assert len(ids(first.acting_for(POLICE), asked)) == 3

    officer = token_of(first, POLICE, "p.officer", "privacy_officer", "administrator")
    assert officer.refusal(officer.log.Search, asked).reason == "ROLE_REQUIRED"
    with following(officer, Follow()) as tail:
        assert tail.end().reason == "ROLE_REQUIRED"


class Tail:
    """A call to Follow."""

    def __init__(self, stream: grpc._CallIterator[pb.DecisionLogServiceFollowResponse]) -> None:
        self._stream = stream
        self.resume_token = ""

    def some(self, count: int) -> list[str]:
        """So many entries, or more."""
        found: list[str] = []
        while len(found) < count:
            came = next(self._stream)
            self.resume_token = came.resume_token
            found += [each.entry.entry_id for each in came.entries]
        return found

    def begun(self) -> None:
        came = next(self._stream)
        assert not came.entries
        self.resume_token = came.resume_token

    def end(self) -> Refused:
        with pytest.raises(grpc.RpcError) as error:
            list(self._stream)
        return _refused(error.value)


@contextmanager
def following(client: Client, request: Message) -> Iterator[Tail]:
    metadata = (("authorization", f"Bearer {client.token}"),)
    stream = client.log.Follow(
        cast("pb.DecisionLogServiceFollowRequest", request), metadata=metadata, timeout=30
    )
    try:
        yield Tail(stream)
    finally:
        stream.cancel()


def test_a_tail_brings_what_comes_and_goes_on_from_its_token(auditor: Client, worker: StreamWriter) -> None:
    began = datetime.now(UTC).isoformat()
    early = decide(worker, "o.early")
    before = len(by_control(auditor))
    asked = Filter(method="DecisionService/Check")
    with following(auditor, Follow(filter=asked)) as tail:
        tail.begun()
        expected = []
        for number in range(3):
            expected.append(decide(worker, f"o.{number}"))
            decide(worker, "o.x", controller=TRUST)
        assert tail.some(3) == expected
        control = by_control(auditor)[before:]
        assert [entry.method for entry in control] == ["DecisionLogService/Follow"]
        token = tail.resume_token
    expected = [decide(worker, "o.3"), decide(worker, "o.4")]
    with following(auditor, Follow(filter=asked, resume_token=token)) as tail:
        assert tail.some(2) == expected
    with following(auditor, Follow(filter=asked, since=began)) as tail:
        assert tail.some(6)[0] == early
    with following(auditor, Follow(filter=Filter(user="x"), resume_token=token)) as tail:
        assert (tail.end().field, by_control(auditor)[-1].refusal.reason) == (
            "resume_token",
            "BAD_PAGE_TOKEN",
        )


def test_a_tail_ends_when_its_token_is_revoked(first: Client, worker: StreamWriter) -> None:
    issued = first.ask(
        first.access.IssueToken,
        access_pb2.IssueTokenRequest(principal="p.leaves", roles=["auditor"], controller=POLICE),
    )
    with following(first.bearing(issued.secret), Follow()) as tail:
        tail.begun()
        decide(worker, "o.seen")
        tail.some(1)
        first.ask(first.access.RevokeToken, access_pb2.RevokeTokenRequest(token_id=issued.token.token_id))
        began = time.monotonic()
        assert tail.end().code is grpc.StatusCode.UNAUTHENTICATED
        assert time.monotonic() - began < 5.0


def test_nothing_is_left_of_clients_that_have_gone(
    first: Client, auditor: Client, worker: StreamWriter
) -> None:
    """As many as there may be of one caller, again and again."""
    for _ in range(4):
        for _ in range(8):
            with following(auditor, Follow()) as tail:
                tail.begun()
    held = [
        auditor.log.Follow(Follow(), metadata=(("authorization", f"Bearer {auditor.token}"),))
        for _ in range(8)
    ]
    assert [bool(next(stream).resume_token) for stream in held] == [True] * 8
    with following(auditor, Follow()) as tail:
        assert tail.end().reason == "OVERLOADED"
    for stream in held:
        stream.cancel()
    decide(worker, "o.after")
    assert ids(auditor, Search(filter=Filter(user="o.after")))
