"""Promise 6: no protected value in the log, nor anywhere else that the service writes or says."""

from __future__ import annotations

import asyncio
import re
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from policy_service.api.v1 import (
    access_pb2,
    decision_log_pb2,
    decision_pb2,
    people_pb2,
    privacy_request_pb2,
)
from tests.decisions.roads import Road, messages
from tests.promises.canaries import Told, Written, found, needles, read_back
from tests.promises.canary_world import (
    CALLS,
    CLERK,
    KEPT_AS_FACTS,
    KEPT_IN_THE_LOG,
    PROTECTED,
    REASON,
    WORLD,
)
from tests.promises.leaves import leaves, with_leaf
from tests.promises.world import CLINIC
from tests.service.control import Stores
from tests.support.collector import collecting
from tests.support.every_service import OF_CONTROL
from tests.support.installation import installation
from tests.support.postgres import postgres_url
from tests.support.running import running
from tests.support.socket_road import socket_road

M = TypeVar("M", bound=Message)

NO_TOKEN = "psk_finchkey_hausrotschwanz0000000000000000000"


@dataclass
class Opened:
    """A road, and what will be left where it went."""

    road: Road
    stores: Stores
    directory: Path | None
    lines: Callable[[], str] = str
    """What its processes have logged."""
    exported: list[bytes] = field(default_factory=list)
    """What has left its processes as traces and metrics, all of it once the road is closed."""
    told: Told = field(default_factory=Told)
    secrets: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    """Tokens that were issued; each is a canary, too."""

    async def manage(self, method: str, message: Message, token: str = "") -> tuple[bytes, str]:
        """Call control for the clinic; the answer, or the reason of the refusal."""
        return await self.told.call(
            self.road,
            method,
            message.SerializeToString(),
            token=token or self.road.administrator,
            controller=CLINIC,
        )

    async def ask(self, method: str, message: Message, token: str) -> tuple[bytes, str]:
        return await self.told.call(self.road, method, message.SerializeToString(), token=token)

    async def issue(self, **whose: object) -> str:
        """A token of the clinic."""
        request = access_pb2.IssueTokenRequest(controller=CLINIC, valid_days=1, reason=REASON, **whose)  # type: ignore[arg-type]
        answer, refused = await self.manage("AccessService/IssueToken", request)
        assert not refused
        secret = access_pb2.IssueTokenResponse.FromString(answer).secret
        self.secrets[f"the token of {whose}"] = needles(secret, secret.split("_")[2])
        return secret


def read(address: str) -> bytes:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        return bytes(answer.read())


@asynccontextmanager
async def opened(kind: str, directory: Path) -> AsyncIterator[Opened]:
    async with AsyncExitStack() as stack:
        if kind == "socket":
            collector = stack.enter_context(collecting())
            sent: list[bytes] = []
            stack.callback(lambda: sent.extend(collector.everything))
            service = stack.enter_context(
                running(
                    directory,
                    otlp_endpoint=collector.endpoint,
                    trace_ratio="1",
                    telemetry_seconds="0.25",
                    decision_prometheus="127.0.0.1:0",
                    control_prometheus="127.0.0.1:0",
                )
            )
            road: Road = await stack.enter_async_context(socket_road(service))
            stores = Stores(f"sqlite:///{directory / 'facts.db'}", f"sqlite:///{directory / 'log'}")
            at = Opened(road, stores, directory, lambda: service.logged, sent)
            stack.callback(lambda: sent.extend(map(read, service.metrics)))
        elif kind == "sqlite":
            stores = Stores(f"sqlite:///{directory / 'facts.db'}", f"sqlite:///{directory / 'log'}")
            road = await stack.enter_async_context(installation(stores.facts_url, stores.log_url))
            at = Opened(road, stores, directory)
        else:
            stores = Stores(url := postgres_url(), url)
            road = await stack.enter_async_context(installation(url, url))
            at = Opened(road, stores, None)
        at.secrets["the administrator's token"] = needles(
            road.administrator, road.administrator.split("_")[2]
        )
        yield at


async def put_world(at: Opened) -> None:
    for number, (put, _, message) in enumerate(messages(WORLD)):
        message.reason = REASON  # type: ignore[attr-defined]
        message.idempotency_key = f"key-{number}"  # type: ignore[attr-defined]
        _, refused = await at.manage(put.method, message)
        assert not refused, f"{put.method}: {refused}"


def outcome_of(answer: bytes, refused: str) -> str:
    if refused:
        return refused
    effect = decision_pb2.CheckResponse.FromString(answer).effect
    return "permit" if effect == decision_pb2.EFFECT_PERMIT else "deny"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "socket"])
async def test_no_value_of_a_fact_or_a_call_is_left_anywhere(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    async with opened(kind, tmp_path) as at:
        await put_world(at)
        token = await at.issue(system=CLERK)
        plain = await at.issue(system="clinic-plain")
        auditor = await at.issue(principal="an.auditor", roles=["auditor"])
        for name, (question, expected) in CALLS.items():
            request = ParseDict(question, decision_pb2.CheckRequest())
            answered = await at.ask("DecisionService/Check", request, token)
            assert outcome_of(*answered) == expected, name
            explain = decision_pb2.ExplainRequest(check=request)
            _, refused = await at.ask("DecisionService/Explain", explain, token)
            assert refused == (expected if expected.isupper() else "")
            await at.ask("DecisionService/Check", request, plain)
            await at.ask("DecisionService/Check", request, auditor)
            await at.ask("DecisionService/Check", request, NO_TOKEN)
        await read_control(at, auditor)
    written = await asyncio.to_thread(read_back, at.stores, at.directory)
    said = (at.lines() + caplog.text + "".join(capfd.readouterr())).encode()
    if kind == "socket":
        assert_exported(at.exported)
    assert_nothing_left(at, written, b"\n".join((said, *at.exported)))


async def read_control(at: Opened, auditor: str) -> None:
    """Whatever control is asked for by a value, found and not found, allowed and not."""
    for wanted in ("nhs-number:943 476 5919", "nhs-number:401 023 2137", "Goldammer-77123946"):
        for token in ("", auditor):
            await at.manage("PeopleService/GetPerson", people_pb2.GetPersonRequest(person=wanted), token)
            listed = privacy_request_pb2.PrivacyRequestServiceListRequest(person=wanted)
            await at.manage("PrivacyRequestService/List", listed, token)


def assert_nothing_left(at: Opened, written: Written, said: bytes) -> None:
    nowhere = PROTECTED | at.secrets | {"a token that nobody issued": needles(NO_TOKEN, "hausrotschwanz")}
    assert len(written.entries) > len(CALLS)
    for where, data in written.everything:
        assert not found(nowhere, data), where
    for where, data in written.log:
        assert not found(KEPT_AS_FACTS, data), where
    for told in (said, *at.told.statuses):
        assert not found(nowhere | KEPT_AS_FACTS | KEPT_IN_THE_LOG, told), told
    # What is meant to be kept is there: the search finds what can be found.
    for name, wanted in (KEPT_AS_FACTS | KEPT_IN_THE_LOG).items():
        assert any(found({name: wanted}, row) for row in written.rows), name
    for name, wanted in KEPT_IN_THE_LOG.items():
        assert any(found({name: wanted}, entry) for entry in written.entries), name
    assert any(b"CONTACT_UNREADABLE" in told for told in at.told.statuses)


def assert_exported(exported: list[bytes]) -> None:
    """All three ways out were in use, and both processes were heard of."""
    everything = b"\n".join(exported)
    for words in (b"DecisionService/Check", b"PeopleService/PutPerson", b"policy_service.effect"):
        assert words in everything
    assert sum(b"rpc_server_call_duration_seconds_bucket" in one for one in exported) == 2
    assert b"policy_service.outcomes" in everything
    assert b"NOT_AVAILABLE" in everything


FINCHLING = re.compile(rb"finchling[^0-9a-z]([0-9]+)", re.IGNORECASE)
SPELLED = ("finchling:{} 0770", "Finchling {} Lane", "finchling {}\0")
"""An identifier, an address, and a text that is refused wherever it stands. `{}` numbers where that is."""


def is_its_turn(number: int) -> bool:
    """Of the canaries of one message, by number: of each text one spelling, and of the next text the next."""
    text, spelling = divmod(number, len(SPELLED))
    return spelling == text % len(SPELLED)


def every_request() -> Iterator[tuple[str, Message]]:
    """A valid request, or else an empty one, of every method that control serves; one of each kind of privacy
    request.
    """
    valid: dict[str, list[Message]] = {}
    for put, _, message in messages(WORLD):
        if put.method not in valid or put.kind == "requests":
            valid.setdefault(put.method, []).append(message)
    for service in OF_CONTROL:
        for method in service.methods:
            name = f"{service.name}/{method.name}"
            for message in valid.get(name, [GetMessageClass(method.input_type)()]):
                yield name, message


class Places:
    """Where a canary was put, by its number."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def changed(self, name: str, message: M, *, but: tuple[str, ...] = ()) -> Iterator[M]:
        """The message with each of its texts in turn a canary, in each of its spellings."""
        for path in leaves(message):
            if path[-1] not in but:
                for spelled in SPELLED:
                    yield with_leaf(message, path, spelled.format(len(self._names)))
                    self._names.append(f"{name} {path} {spelled!r}")

    def seen(self, data: bytes) -> set[str]:
        """Which of them are in `data`."""
        found = {self._names[int(number)] for number in FINCHLING.findall(data)}
        return found or ({"somewhere"} if b"finchling" in data.lower() else set())


@pytest.mark.parametrize(
    "each_by_all", [False, pytest.param(True, marks=pytest.mark.torture)], ids=["in turns", "each"]
)
async def test_no_text_of_any_call_is_told_or_logged(each_by_all: bool, tmp_path: Path) -> None:
    """Each text of each request in turn is a canary: accepted, refused, denied, by who may and who may not.
    Who may not, and who has it explained, take each text in one of its spellings, or in `each_by_all`.

    What the log keeps as it was given: why somebody wrote, and the references by which a caller knows what he
    asked about. A place that nobody knows is looked at below.
    """
    places = Places()
    async with opened("socket", tmp_path) as at:
        await put_world(at)
        token = await at.issue(system=CLERK)
        auditor = await at.issue(principal="an.auditor", roles=["auditor"])
        for method, message in every_request():
            for number, changed in enumerate(places.changed(method, message, but=("reason",))):
                await at.manage(method, changed)
                if each_by_all or is_its_turn(number):
                    await at.manage(method, changed, auditor)
        for question in (CALLS["described, sent"][0], CALLS["described, in her own portal"][0]):
            check = ParseDict(question, decision_pb2.CheckRequest())
            for number, changed in enumerate(places.changed("Check", check, but=("place",))):
                await at.ask("DecisionService/Check", changed, token)
                if each_by_all or is_its_turn(number):
                    explain = decision_pb2.ExplainRequest(check=changed)
                    await at.ask("DecisionService/Explain", explain, token)
    written = await asyncio.to_thread(read_back, at.stores, at.directory)
    assert len({reason_of(data) for data in written.entries}) > 15, "too few of them got further than a word"
    assert_exported(at.exported)
    for told in (at.lines().encode(), *at.exported, *at.told.statuses):
        assert not places.seen(told)
    kept = [(data, without_references(data)) for data in written.entries]
    assert any(places.seen(whole) for whole, _ in kept), "the search itself finds nothing"
    assert not set[str]().union(*(places.seen(rest) for _, rest in kept))


def reason_of(data: bytes) -> str:
    return decision_log_pb2.LogEntry.FromString(data).refusal.reason


def without_references(data: bytes) -> bytes:
    """The entry without what the caller named user, record, type, dispatch and teams."""
    entry = decision_log_pb2.LogEntry.FromString(data)
    if not entry.HasField("decision"):
        return data
    event = entry.decision
    for reference in ("user", "record", "artefact_type", "dispatch_reference"):
        event.ClearField(reference)
    for recipient in event.recipients:
        if recipient.recipient.startswith("team:"):
            recipient.ClearField("recipient")
    for asked in event.asked.recipients:
        asked.ClearField("team")
    event.asked.description.record.ClearField("teams")
    for assertion in event.asserted:
        if assertion.path == "record.teams":
            assertion.ClearField("values")
    return entry.SerializeToString()


async def test_a_place_that_nobody_knows_is_not_in_the_log(tmp_path: Path) -> None:
    async with opened("sqlite", tmp_path) as at:
        await put_world(at)
        token = await at.issue(system=CLERK)
        check = ParseDict(CALLS["on file, seen"][0], decision_pb2.CheckRequest())
        check.fields[0].place = "5 Finchling 7 Lane"
        _, refused = await at.ask("DecisionService/Check", check, token)
        assert not refused
    written = await asyncio.to_thread(read_back, at.stores, at.directory)
    assert not [data for data in written.entries if b"Finchling" in data]
    decided = [decision_log_pb2.LogEntry.FromString(data) for data in written.entries if b"unknown" in data]
    assert [entry.decision.fields[0].place for entry in decided] == ["unknown"]


async def test_no_token_is_told_or_logged_wherever_it_is_sent(tmp_path: Path) -> None:
    """Somebody pastes a token where a user, a record or an id should stand, or sends one that is not his."""
    async with opened("socket", tmp_path) as at:
        await put_world(at)
        token = await at.issue(system=CLERK)
        for bearer in (NO_TOKEN, token[:-1], token + "0", "", "hausrotschwanz"):
            check = ParseDict(CALLS["on file, seen"][0], decision_pb2.CheckRequest())
            assert (await at.ask("DecisionService/Check", check, bearer))[1] == "UNAUTHENTICATED"
            listed = access_pb2.ListTokensRequest()
            assert (await at.ask("AccessService/ListTokens", listed, bearer))[1] == "UNAUTHENTICATED"
        for method, request in (
            ("AccessService/RevokeToken", access_pb2.RevokeTokenRequest(token_id=token)),
            ("AccessService/ListTokens", access_pb2.ListTokensRequest(page_token=token)),
            ("DecisionLogService/Get", decision_log_pb2.DecisionLogServiceGetRequest(entry_id=token)),
            (
                "DecisionLogService/Search",
                decision_log_pb2.DecisionLogServiceSearchRequest(
                    filter=decision_log_pb2.EntryFilter(decision=token)
                ),
            ),
            ("PeopleService/GetPerson", people_pb2.GetPersonRequest(person=f"ref:{token}")),
        ):
            assert (await at.manage(method, request))[1]
        for words in (
            decision_log_pb2.EntryFilter(user=token),
            decision_log_pb2.EntryFilter(system=token),
            decision_log_pb2.EntryFilter(record=token),
            decision_log_pb2.EntryFilter(record_type=token),
            decision_log_pb2.EntryFilter(person=f"ref:{token}"),
        ):
            search = decision_log_pb2.DecisionLogServiceSearchRequest(filter=words)
            assert not (await at.manage("DecisionLogService/Search", search))[1]
    written = await asyncio.to_thread(read_back, at.stores, at.directory)
    nowhere = at.secrets | {"no token of ours": needles(NO_TOKEN, "hausrotschwanz")}
    for where, data in written.everything:
        assert not found(nowhere, data), where
    for told in (at.lines().encode(), *at.told.statuses):
        assert not found(nowhere, told)
