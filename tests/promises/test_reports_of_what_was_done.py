"""ReportOutcome: a report stands beside its decision, and late, repeated and foreign ones are told apart."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.json_format import ParseDict

from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.api.v1 import decision_pb2 as pb
from policy_service.decision_log.entry import StoredEntry
from policy_service.decision_log.outcomes import first_report_id
from policy_service.model.errors import InvalidArgumentError, NotAvailableError, PolicyServiceError
from policy_service.model.outcome import Outcome
from policy_service.service.report import AT_ONCE, LookedUp, OutcomeReports, PendingReport
from tests.decisions.case import Facts
from tests.decisions.roads import put_on_file
from tests.promises.world import FACTS, check, open_world
from tests.support.installation import Installation, installation
from tests.support.replaying import expect_uncomputable

SEE = {"user": "w.nurse", "record": "F-V", "fields": [{"name": "summary"}]}
SEND = {
    **SEE,
    "record": "F-P",
    "verb": "VERB_SEND",
    "channel": "post",
    "artefact_type": "clinic.letter",
    "recipients": [{"person": "ref:gp", "contact_point": "gp-post"}],
}
DISPATCHED, NOT_DISPATCHED = "DISPATCH_DISPATCHED", "DISPATCH_NOT_DISPATCHED"


@pytest_asyncio.fixture
async def road(urls: tuple[str, str]) -> AsyncIterator[Installation]:
    async with installation(*urls) as opened:
        yield opened


async def report(road: Installation, token: str, **said: Any) -> pb.ReportOutcomeResponse:
    request = ParseDict(said, pb.ReportOutcomeRequest()).SerializeToString()
    return pb.ReportOutcomeResponse.FromString(
        await road.call("DecisionService/ReportOutcome", request, token=token)
    )


def entry(road: Installation, entry_id: str) -> log_pb.LogEntry:
    stored = road.log.get(entry_id)
    assert stored is not None
    return log_pb.LogEntry.FromString(stored.data)


def done(answer: pb.CheckResponse, performance: str = "PERFORMANCE_DONE") -> list[dict[str, Any]]:
    """A report of everything that the decision owes."""
    kinds = sorted({owed.kind for owed in answer.obligations})
    return [{"kind": kind, "performance": performance} for kind in kinds]


async def test_a_report_stands_beside_its_decision(road: Installation) -> None:
    token = await open_world(road)
    answer = await check(road, token, **SEND)
    assert answer.obligations
    said = {"decision_id": answer.decision_id, "dispatch": DISPATCHED, "obligations": done(answer)}
    reported = await report(road, token, **said)
    assert reported.standing == pb.ReportStanding()
    kept = entry(road, reported.report_id)
    assert (kept.method, kept.caller.system) == ("DecisionService/ReportOutcome", "clinic-records")
    assert (kept.report.decision_id, kept.report.dispatch) == (
        answer.decision_id,
        pb.DISPATCH_DISPATCHED,
    )
    assert [each.kind for each in kept.report.obligations] == [each["kind"] for each in done(answer)]
    assert kept.report.standing == reported.standing


async def test_the_same_report_again_is_repeated_and_another_differs(road: Installation) -> None:
    token = await open_world(road)
    answer = await check(road, token, **SEND)
    said: dict[str, Any] = {"decision_id": answer.decision_id, "dispatch": NOT_DISPATCHED}
    first = await report(road, token, **said)
    again = await report(road, token, **said)
    other = await report(road, token, **{**said, "dispatch": DISPATCHED, "obligations": done(answer)})
    assert (again.standing.repeated, again.standing.differs) == (True, False)
    assert (other.standing.repeated, other.standing.differs) == (False, True)
    assert len({first.report_id, again.report_id, other.report_id}) == 3
    assert entry(road, first.report_id).report.dispatch == pb.DISPATCH_NOT_DISPATCHED


async def test_whoever_has_a_decision_finds_what_was_reported_of_it(road: Installation) -> None:
    """Its own entry and each report; no other decision's, no refused report, no reading."""
    token = await open_world(road)
    answer, other = await check(road, token, **SEND), await check(road, token, **SEND)
    reports = [
        (await report(road, token, decision_id=each.decision_id, dispatch=NOT_DISPATCHED)).report_id
        for each in (answer, other, answer)
    ]
    with pytest.raises(NotAvailableError):
        await report(
            road, await open_world(road, "clinic-plain"), decision_id=answer.decision_id, dispatch=DISPATCHED
        )
    wanted = log_pb.DecisionLogServiceSearchRequest(filter=log_pb.EntryFilter(decision=answer.decision_id))
    for _ in range(2):
        found = log_pb.DecisionLogServiceSearchResponse.FromString(
            await road.call("DecisionLogService/Search", wanted.SerializeToString(), token=road.administrator)
        )
        assert [each.entry.entry_id for each in found.entries] == [
            reports[2],
            reports[0],
            answer.decision_id,
        ]
        assert not found.next_page_token


async def test_of_many_reports_at_once_one_is_the_first(road: Installation) -> None:
    token = await open_world(road)
    answer = await check(road, token, **SEE)
    said = {"decision_id": answer.decision_id, "dispatch": DISPATCHED}
    standings = [r.standing for r in await asyncio.gather(*(report(road, token, **said) for _ in range(8)))]
    assert sorted(standing.repeated for standing in standings) == [False] + [True] * 7


async def test_what_goes_out_after_the_permit_has_ended_is_late(tmp_path: Path) -> None:
    """On SQLite: PostgreSQL has a clock of its own, from which this one may not be so far away."""
    urls = f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}"
    ahead = [timedelta()]
    async with installation(*urls, now=lambda: datetime.now(UTC) + ahead[0]) as road:
        token = await open_world(road)
        answer = await check(road, token, **SEND)
        end = answer.valid_until.ToDatetime(tzinfo=UTC)
        ahead[0] = end - datetime.now(UTC) + timedelta(seconds=1)
        said: dict[str, Any] = {
            "decision_id": answer.decision_id,
            "dispatch": DISPATCHED,
            "obligations": done(answer),
        }
        in_time = {**said, "dispatched_at": _text(end - timedelta(seconds=1))}
        assert not (await report(road, token, **in_time)).standing.late
        assert (await report(road, token, **said)).standing.late
        with pytest.raises(InvalidArgumentError) as future:
            await report(road, token, **{**said, "dispatched_at": _text(end + timedelta(minutes=5))})
        assert (future.value.field, future.value.reason) == ("dispatched_at", "IN_THE_FUTURE")


async def test_against_the_decision(road: Installation) -> None:
    """What was denied went out, or an obligation was not done."""
    token = await open_world(road)
    denied = await check(road, token, **{**SEE, "user": "a.nurse"})
    permitted = await check(road, token, **SEND)
    for answer, obligations, against in (
        (denied, [], True),
        (permitted, done(permitted), False),
        (permitted, done(permitted, "PERFORMANCE_FAILED"), True),
    ):
        said = {
            "decision_id": answer.decision_id,
            "dispatch": DISPATCHED,
            "obligations": obligations,
        }
        assert (await report(road, token, **said)).standing.against_decision is against
        stays = {**said, "dispatch": NOT_DISPATCHED}
        assert not (await report(road, token, **stays)).standing.against_decision


async def test_what_it_says_nothing_of_is_told(road: Installation) -> None:
    token = await open_world(road)
    answer = await check(road, token, **SEND)
    said = {"decision_id": answer.decision_id, "dispatch": DISPATCHED}
    owed = {obligation.kind for obligation in answer.obligations}
    assert set((await report(road, token, **said)).standing.unreported) == owed


async def test_a_foreign_decision_is_not_available(road: Installation) -> None:
    """Another system's, another organisation's, none at all, the entry of something else, an explanation."""
    token = await open_world(road)
    answer = await check(road, token, **SEE)
    other = Facts(controller="example-other-clinic", systems=FACTS.systems)
    plain = await open_world(road, "clinic-plain")
    strangers = [plain, (await put_on_file(road, other, "clinic-records")).token]
    for stranger in strangers:
        with pytest.raises(NotAvailableError):
            await report(road, stranger, decision_id=answer.decision_id, dispatch=DISPATCHED)
    reported = await report(road, token, decision_id=answer.decision_id, dispatch=DISPATCHED)
    explained = pb.ExplainRequest(check=ParseDict(SEE, pb.CheckRequest())).SerializeToString()
    explanation = pb.ExplainResponse.FromString(
        await road.call("DecisionService/Explain", explained, token=token)
    )
    nothing = [
        reported.report_id,
        first_report_id(reported.report_id),
        explanation.answer.decision_id,
    ]
    for entry_id in nothing:
        with pytest.raises(NotAvailableError):
            await report(road, token, decision_id=entry_id, dispatch=DISPATCHED)


async def test_a_report_does_not_tell_why_an_entry_was_too_large(
    road: Installation, urls: tuple[str, str]
) -> None:
    """The call alone makes one entry too large, what is on file the other: whoever could tell them apart
    would know that the record is there.
    """
    expect_uncomputable(urls[1])
    token = await open_world(road)

    async def reported(record: str, fields: int) -> tuple[str, pb.ReportStanding]:
        names = [{"name": f"{'x' * 100}{number:03}"} for number in range(fields)]
        answer = await check(road, token, user="a.nurse", record=record, fields=names)
        said = {
            "decision_id": answer.decision_id,
            "dispatch": NOT_DISPATCHED,
            "obligations": done(answer),
        }
        await report(road, token, **said)
        sent = await report(road, token, decision_id=answer.decision_id, dispatch=DISPATCHED)
        return entry(road, answer.decision_id).decision.cause, sent.standing

    cause, large = await reported("F-none", 600)
    assert cause == "entry_too_large"
    cause, small = await reported("F-none", 10)
    assert cause == "unknown_record"
    assert large == small


async def test_many_reports_leave_threads_to_others(road: Installation) -> None:
    """Checks load what is not in memory in the same threads."""
    token = await open_world(road)
    outcome = Outcome((await check(road, token, **SEE)).decision_id, dispatched=True)
    at_once: list[int] = [0]
    lock = threading.Lock()

    def slow(entry_id: str) -> StoredEntry | None:
        with lock:
            now.append(entry_id)
            at_once[0] = max(at_once[0], len(now))
        time.sleep(0.02)
        with lock:
            now.remove(entry_id)
        return road.log.get(entry_id)

    now: list[str] = []
    reports = OutcomeReports(road.checks, slow)
    await asyncio.gather(*(reports.report(token, outcome) for _ in range(6)))
    assert at_once[0] <= AT_ONCE


async def test_a_report_that_is_judged_again_does_not_read_the_log_again(road: Installation) -> None:
    """The round judges again, and everybody in it would wait for the store."""
    token = await open_world(road)
    answer = await check(road, token, **SEE)
    looked_up: list[str] = []

    async def look_up(decision_id: str) -> LookedUp:
        looked_up.append(decision_id)
        return road.log.get(decision_id), None

    pending = PendingReport(road.checks, look_up, token, Outcome(answer.decision_id, dispatched=True))
    for _ in range(3):
        await pending.decide_again()
    assert looked_up == [answer.decision_id]


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "decision_id": ({"decision_id": ""}, "REQUIRED"),
    "decision_id of no form": ({"decision_id": "D-1"}, "BAD_ID"),
    "dispatch": ({"dispatch": "DISPATCH_UNSPECIFIED"}, "REQUIRED"),
    "dispatch of no word": ({"dispatch": 7}, "UNKNOWN_WORD"),
    "dispatched_at": (
        {"dispatch": NOT_DISPATCHED, "dispatched_at": "2026-03-01T10:00:00Z"},
        "NOT_DISPATCHED",
    ),
    "obligations[0].kind": ({"obligations": [{"kind": "pray", "performance": 1}]}, "UNKNOWN_WORD"),
    "obligations[0].kind owed": ({"obligations": [{"kind": "redact", "performance": 1}]}, "NOT_OWED"),
    "obligations[0].performance": ({"obligations": [{"kind": "recheck_before"}]}, "UNKNOWN_WORD"),
    "obligations[0].recipients[0]": (
        {"obligations": [{"kind": "recheck_before", "performance": 1, "recipients": [9]}]},
        "NOT_CONCERNED",
    ),
    "obligations[1]": ({"obligations": [{"kind": "recheck_before", "performance": 1}] * 2}, "REPEATED"),
}


@pytest.mark.parametrize("field", BAD)
async def test_bad_input(road: Installation, field: str) -> None:
    token = await open_world(road)
    answer = await check(road, token, **SEND)
    changed, reason = BAD[field]
    said: dict[str, Any] = {"decision_id": answer.decision_id, "dispatch": DISPATCHED, **changed}
    with pytest.raises(PolicyServiceError) as refused:
        await report(road, token, **said)
    assert isinstance(refused.value, InvalidArgumentError)
    assert (refused.value.field, refused.value.reason) == (field.partition(" ")[0], reason)


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
