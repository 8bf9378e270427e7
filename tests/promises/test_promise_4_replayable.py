"""Promise 4: any decision can be computed again from what was known then, and gives the same answer."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from policy_service.api.v1 import access_pb2, retention_pb2
from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.api.v1 import decision_pb2 as pb
from policy_service.decision_log.entry import Entry
from policy_service.engine.combine import Outcome
from policy_service.facts.gather.clock import CIVIL_ZONE
from policy_service.model.errors import FailedPreconditionError, NotAvailableError
from policy_service.model.ids import time_ordered_id
from policy_service.service.judge import Judge
from tests.promises.test_promise_8_an_entry_tells_no_size import PEOPLE, TAKEN
from tests.promises.world import CLINIC, check, open_world, record_request
from tests.support.installation import KEY, Installation, installation
from tests.support.replaying import Made, in_a_fresh_process

SEE: dict[str, Any] = {"user": "w.nurse", "record": "F-P", "fields": [{"name": "summary"}]}
HER_ADDRESS = {"name": "subject.address"}


class Clock:
    """The worker's, which a test may stop."""

    def __init__(self) -> None:
        self.stopped: datetime | None = None

    def __call__(self) -> datetime:
        return self.stopped or datetime.now(UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def road(tmp_path: Path, clock: Clock) -> AsyncIterator[Installation]:
    urls = f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}"
    # Its entries are not all as they were left, and its decisions not all decided as they are.
    async with installation(*urls, now=clock, replayed=False) as opened:
        yield opened


async def replay(
    road: Installation, decision_id: str, *, token: str = "", today: bool = False
) -> log_pb.DecisionLogServiceReplayResponse:
    request = log_pb.DecisionLogServiceReplayRequest(decision_id=decision_id, today=today)
    answer = await road.call(
        "DecisionLogService/Replay", request.SerializeToString(), token=token or road.administrator
    )
    return log_pb.DecisionLogServiceReplayResponse.FromString(answer)


def a_letter(born: date, **changed: Any) -> dict[str, Any]:
    """To a described parent, about the described child, at an address that the call describes."""
    letter: dict[str, Any] = {
        "user": "w.nurse",
        "record": "F-new",
        "verb": "VERB_SEND",
        "artefact_type": "clinic.letter",
        "fields": [{"name": "summary"}],
        "recipients": [{"person": "mother", "contact_point": "home", "channel": "post"}],
        "description": {
            "record": {
                "record_type": "clinic.file",
                "teams": ["ward"],
                "parties": [{"party": "child", "role": "subject", "person": "child"}],
            },
            "people": [
                {"key": "child", "name": "Robin Example", "birth_date": born.isoformat()},
                {"key": "mother", "identifiers": ["ref:new"], "name": "Kim Example"},
            ],
            "relationships": [
                {
                    "from_person": "mother",
                    "to_person": "child",
                    "kind": "parent_of",
                    "parental_responsibility": True,
                }
            ],
            "contact_points": [
                {
                    "key": "home",
                    "kind": "post",
                    "value": "1 Invented Road, Nowhereton",
                    "owners": ["mother", "child"],
                    "home": True,
                }
            ],
        },
    }
    return letter | changed


async def test_what_was_known_then_gives_the_same_answer(road: Installation) -> None:
    """Whatever has been recorded since; what it would be today is another question."""
    token = await open_world(road)
    before = await check(road, token, **SEE)
    assert before.effect == pb.EFFECT_PERMIT
    await record_request(
        road,
        kind="restricted_access",
        person="ref:P",
        raised_by="self",
        recipients=["user:o.clerk"],
    )
    assert (await check(road, token, **SEE)).effect == pb.EFFECT_DENY
    again = await replay(road, before.decision_id)
    assert again.same, again
    assert not again.versions
    assert again.computed.effect == pb.EFFECT_PERMIT
    today = await replay(road, before.decision_id, today=True)
    assert not today.same
    assert today.computed.effect == pb.EFFECT_DENY
    cells = [each for each in today.differences if each.what == "cell"]
    assert [(each.field, each.recipient) for each in cells] == [("summary", 0)]
    assert cells[0].recorded.startswith("permit ")
    assert cells[0].computed.startswith("deny ")


async def test_what_it_would_be_today_is_the_same_where_nothing_changed(road: Installation) -> None:
    """A letter, of which it is owed to ask again after a quarter of an hour from now and not from then."""
    token = await open_world(road)
    answer = await check(road, token, **a_letter(date(2020, 1, 1)))
    assert answer.effect == pb.EFFECT_PERMIT
    assert (await replay(road, answer.decision_id, today=True)).same


@pytest.mark.parametrize(
    ("age", "permitted"), [(1, True), (17, True), (18, False), (40, False)], ids="{}".format
)
async def test_a_birth_date_is_not_kept_and_not_needed(road: Installation, age: int, permitted: bool) -> None:
    token = await open_world(road)
    today = datetime.now(CIVIL_ZONE).date()
    born = date(today.year - age, 1, 1)
    answer = await check(road, token, **a_letter(born))
    assert (answer.effect == pb.EFFECT_PERMIT) is permitted
    stored = road.log.get(answer.decision_id)
    assert stored is not None
    assert born.isoformat().encode() not in stored.data
    assert (await replay(road, answer.decision_id)).same


async def test_who_comes_of_age_within_the_time_that_a_permit_holds(road: Installation, clock: Clock) -> None:
    """At 23:50, of a child who is 18 the next day: the permit ends at midnight, and does so again."""
    token = await open_world(road)
    tomorrow = datetime.now(CIVIL_ZONE).date() + timedelta(days=1)
    midnight = datetime.combine(tomorrow, datetime.min.time(), CIVIL_ZONE)
    clock.stopped = midnight.astimezone(UTC) - timedelta(minutes=10)
    answer = await check(road, token, **a_letter(tomorrow.replace(year=tomorrow.year - 18)))
    assert answer.effect == pb.EFFECT_PERMIT
    assert answer.valid_until.ToDatetime(UTC) == midnight.astimezone(UTC)
    assert (await replay(road, answer.decision_id)).same


@pytest.mark.parametrize(
    "changed",
    [
        {"user": ""},
        {"user": "nobody"},
        {"record": "F-none", "description": {}},
        {"artefact_type": "clinic.none"},
        {"recipients": [{"person": "ref:none"}, {"person": "mother", "contact_point": "none"}]},
        {"recipients": [{"person": "mother", "contact_point": "home", "interpreter": "ref:A"}]},
        {
            "recipients": [
                {"party": "child"},
                {"team": "ward"},
                {"person": "ref:gp", "contact_point": "gp-post"},
            ]
        },
        {"fields": [HER_ADDRESS, {**HER_ADDRESS, "place": "home"}, {**HER_ADDRESS, "place": "none"}]},
        {"capabilities": {"obligations": []}},
        {"capabilities": {"obligations": ["omit_silently", "split_per_recipient"]}},
        {"self_service": True},
        {"user_assurance": 2, "purpose": "care"},
    ],
    ids=str,
)
async def test_whatever_was_asked_comes_out_the_same(road: Installation, changed: dict[str, Any]) -> None:
    token = await open_world(road)
    answer = await check(road, token, **a_letter(date(2020, 1, 1), **changed))
    again = await replay(road, answer.decision_id)
    assert again.same, again


async def test_a_system_that_may_not_describe(road: Installation) -> None:
    token = await open_world(road, "clinic-plain")
    described = {"description": {"people": [{"key": "m"}]}}
    answer = await check(road, token, **SEE | described)
    assert (await replay(road, answer.decision_id)).same


async def test_another_decide_is_found_cell_by_cell(
    road: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await open_world(road)
    answer = await check(road, token, **SEE | {"fields": [{"name": "summary"}, {"name": "enquiry.made_by"}]})
    assert (await replay(road, answer.decision_id)).same
    told = Judge.told

    def another(self: Judge, seen: Any, outcome: Outcome, **about: Any) -> str:
        return f"{told(self, seen, outcome, **about)}_NOT"

    monkeypatch.setattr(Judge, "told", another)
    again = await replay(road, answer.decision_id)
    assert not again.same
    assert [each.field for each in again.differences if each.what == "cell"] == ["enquiry.made_by"]


async def test_other_versions_are_said(road: Installation) -> None:
    """An entry as another version would have left it: it says so, and is compared all the same."""
    token = await open_world(road)
    answer = await check(road, token, **SEE)

    def other(entry: log_pb.LogEntry) -> None:
        entry.versions.engine += 1
        entry.versions.time_zones = "1970a"

    again = await replay(road, await put_beside(road, answer.decision_id, other))
    assert again.same
    assert [(each.what, each.computed) for each in again.versions] == [
        ("engine", "1"),
        ("time_zones", "test"),
    ]


async def test_an_entry_without_its_call_cannot_be_computed(road: Installation) -> None:
    token = await open_world(road)
    answer = await check(road, token, **SEE)
    older = await put_beside(road, answer.decision_id, lambda e: e.decision.ClearField("asked"))
    again = await replay(road, older)
    assert (again.same, again.not_computed) == (False, "CALL_NOT_KEPT")


async def test_an_altered_entry_does_not_come_out_the_same(road: Installation) -> None:
    token = await open_world(road)
    answer = await check(road, token, **SEE)

    def altered(entry: log_pb.LogEntry) -> None:
        entry.decision.outcomes[0].effect = pb.EFFECT_DENY
        entry.decision.facts.append("request:7@1")

    again = await replay(road, await put_beside(road, answer.decision_id, altered))
    assert [(each.what, each.recorded[:5], each.computed[:6]) for each in again.differences] == [
        ("cell", "deny ", "permit"),
        ("facts", "reque", ""),
    ]


async def test_an_abridged_entry_is_compared_by_what_was_told(
    road: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policy_service.decision_log.entry.MAX_ENTRY_BYTES", TAKEN)
    token = await open_world(road)
    keys = [f"p{number}" for number in range(PEOPLE)]
    described = {
        "record": {
            "record_type": "clinic.file",
            "teams": ["ward"],
            "parties": [{"party": key, "role": "subject", "person": key} for key in keys],
        },
        "people": [{"key": key} for key in keys],
    }
    fields = [{"name": name, "party": key} for key in keys for name in ("summary", "subject.name")]
    answer = await check(road, token, user="w.nurse", record="F-n", fields=fields, description=described)
    again = await replay(road, answer.decision_id)
    assert (again.abridged, again.same) == (True, True), again.differences


async def test_a_call_that_no_entry_took_cannot_be_computed(road: Installation) -> None:
    token = await open_world(road)
    fields = [{"name": f"{'x' * 120}{number}"} for number in range(600)]
    answer = await check(road, token, **SEE | {"fields": fields})
    again = await replay(road, answer.decision_id)
    assert (again.same, again.not_computed) == (False, "ENTRY_TOO_LARGE")


async def test_it_is_for_auditors_each_in_his_organisation(road: Installation) -> None:
    token = await open_world(road)
    answer = await check(road, token, **SEE)

    async def auditor(controller: str) -> str:
        request = access_pb2.IssueTokenRequest(
            principal="an.auditor", roles=["auditor"], controller=controller, valid_days=1
        )
        issued = await road.call(
            "AccessService/IssueToken",
            request.SerializeToString(),
            token=road.administrator,
            controller=controller,
        )
        return access_pb2.IssueTokenResponse.FromString(issued).secret

    assert (await replay(road, answer.decision_id, token=await auditor(CLINIC))).same
    with pytest.raises(NotAvailableError):
        await replay(road, answer.decision_id, token=await auditor("another"))


async def test_an_input_that_was_erased_is_named(road: Installation) -> None:
    token = await open_world(road)
    answer = await check(road, token, **a_letter(date(2020, 1, 1), recipients=[{"person": "ref:gp"}]))
    stored = road.log.get(answer.decision_id)
    assert stored is not None
    (gp,) = log_pb.LogEntry.FromString(stored.data).decision.recipients
    assert not (await replay(road, answer.decision_id)).erased
    erasure = retention_pb2.ErasePersonRequest(person="ref:gp", reason="asked for it")
    await road.call(
        "RetentionService/ErasePerson",
        erasure.SerializeToString(),
        token=road.administrator,
        controller=CLINIC,
    )
    again = await replay(road, answer.decision_id)
    assert list(again.erased) == [gp.recipient]
    assert "recipient" in {each.what for each in again.differences}


async def test_what_a_restore_undid_cannot_be_computed(road: Installation, tmp_path: Path) -> None:
    """The number of its revision is another's then, and computing from that one would say anything."""
    token = await open_world(road)
    answer = await check(road, token, **SEE)
    assert (await replay(road, answer.decision_id)).same
    stored = road.log.get(answer.decision_id)
    assert stored is not None
    revision = log_pb.LogEntry.FromString(stored.data).revision
    with sqlite3.connect(tmp_path / "facts.db") as facts:
        facts.execute(
            "INSERT INTO epochs (epoch, number, after_revision, began_at) SELECT 7, max(number) + 1, ?, ?"
            " FROM epochs",
            (revision - 1, time.time_ns() // 1_000),
        )
    again = await replay(road, answer.decision_id)
    assert (again.same, again.not_computed) == (False, "REVISION_UNDONE")
    assert (await replay(road, answer.decision_id, today=True)).same


async def test_the_end_of_the_tests_sees_what_comes_out_otherwise(road: Installation, tmp_path: Path) -> None:
    token = await open_world(road)
    answer = await check(road, token, **SEE)

    def altered(entry: log_pb.LogEntry) -> None:
        entry.decision.outcomes[0].effect = pb.EFFECT_DENY

    made = Made(f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}", KEY.hex())
    found = await asyncio.to_thread(in_a_fresh_process, [made])
    assert (found.decisions, found.replayed, found.otherwise) == (1, 1, [])
    other = await put_beside(road, answer.decision_id, altered)
    found = await asyncio.to_thread(in_a_fresh_process, [made])
    assert (found.decisions, found.replayed) == (2, 2)
    (otherwise,) = found.otherwise
    assert otherwise.startswith(other)
    assert "cell summary 0: 'deny " in otherwise
    assert "OTHERWISE" in found.told


async def test_the_end_of_the_tests_sees_what_cannot_be_computed(road: Installation, tmp_path: Path) -> None:
    token = await open_world(road)
    fields = [{"name": f"{'x' * 60}{number}"} for number in range(1_500)]
    answer = await check(road, token, user="w.nurse", record="F-V", fields=fields)

    made = Made(f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}", KEY.hex())
    found = await asyncio.to_thread(in_a_fresh_process, [made])
    (otherwise,) = found.otherwise
    assert otherwise.startswith(answer.decision_id)
    assert otherwise.endswith("ENTRY_TOO_LARGE")
    found = await asyncio.to_thread(in_a_fresh_process, [replace(made, uncomputable=True)])
    assert (found.replayed, found.uncomputable, found.otherwise) == (0, 1, [])
    assert "; 1 could not be computed" in found.told


async def test_what_is_no_decision_is_refused(road: Installation) -> None:
    token = await open_world(road)
    answer = await check(road, token, **SEE)
    await replay(road, answer.decision_id)
    readings = [
        entry.id
        for stream in road.log.streams()
        for entry in road.log.entries(stream.stream_id, 0, 1_000)
        if b"DecisionLogService/Replay" in entry.data
    ]
    assert len(readings) == 1, "one entry a call"
    with pytest.raises(FailedPreconditionError) as refused:
        await replay(road, readings[0])
    assert refused.value.reason == "NOT_A_DECISION"


async def put_beside(road: Installation, decision_id: str, change: Any) -> str:
    """An entry like the decision's, but changed; its id."""
    stored = road.log.get(decision_id)
    assert stored is not None
    entry = log_pb.LogEntry.FromString(stored.data)
    entry.entry_id = time_ordered_id(datetime.now(UTC))
    change(entry)
    road.worker_log.append_now(Entry(entry.entry_id, stored.time_us, entry.SerializeToString()))
    return entry.entry_id
