"""`retention`: what is sent, and what is shown of the answer."""

from __future__ import annotations

import json

import grpc
import pytest

from policy_service.api.v1 import retention_pb2 as pb
from tests.cli.conftest import Terminal
from tests.support.fake_service import FakeService, Refusal

HOLD = pb.LegalHold(
    hold_id="h-1",
    person="person:p-1",
    matter="INQ/1",
    placed_by="officer",
    placed_at="2026-03-02T12:00:00+00:00",
)


def test_set_sends_kind_and_days(terminal: Terminal, fake: FakeService) -> None:
    def echo(asked: pb.PutRuleRequest) -> pb.PutRuleResponse:
        return pb.PutRuleResponse(rule=asked.rule if asked.rule.days else None)

    fake.answers["RetentionService/PutRule"] = echo
    typed = terminal("retention", "set", "contact_point", "365", "--reason", "why", "--idempotency-key", "k")
    assert (typed.code, typed.out.strip()) == (
        0,
        "what is over of the kind `contact_point` is erased after 365 days",
    )
    rule = pb.RetentionRule(kind="contact_point", days=365)
    assert fake.calls[0].request == pb.PutRuleRequest(rule=rule, idempotency_key="k", reason="why")
    assert "is kept" in terminal("retention", "set", "contact_point", "0").out


def test_show_is_a_table_or_says_that_there_is_no_rule(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["RetentionService/ListRules"] = lambda _: pb.ListRulesResponse()
    assert "whatever is over is kept" in terminal("retention", "show").out
    rules = [pb.RetentionRule(kind="override", days=400)]
    fake.answers["RetentionService/ListRules"] = lambda _: pb.ListRulesResponse(rules=rules)
    assert "override" in terminal("retention", "show").out
    shown = json.loads(terminal("retention", "show", "--json").out)
    assert shown["rules"] == [{"kind": "override", "days": 400}]


def test_run_goes_on_until_nothing_is_due_and_a_dry_run_asks_once(
    terminal: Terminal, fake: FakeService
) -> None:
    left = [3, 2, 1]

    def erase(asked: pb.RunRequest) -> pb.RunResponse:
        count = left[0] if asked.validate_only else left.pop(0)
        return pb.RunResponse(versions=[pb.KindCount(kind="token", count=count)], more=bool(left))

    fake.answers["RetentionService/Run"] = erase
    dry = terminal("retention", "run", "--dry-run")
    assert dry.out.split()[-4:] == ["token", "3", "and", "more"]
    assert len(fake.calls) == 1
    done = json.loads(terminal("retention", "run", "--json").out)
    assert done == {"versions": {"token": 6}, "more": False}


def test_holds_are_placed_listed_and_lifted(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["RetentionService/PlaceHold"] = lambda _: pb.PlaceHoldResponse(hold=HOLD)
    fake.answers["RetentionService/ListHolds"] = lambda _: pb.ListHoldsResponse(holds=[HOLD])
    fake.answers["RetentionService/LiftHold"] = lambda _: pb.LiftHoldResponse(hold=HOLD)
    assert "INQ/1" in terminal("retention", "hold", "s:1", "--matter", "INQ/1").out
    assert fake.calls[0].request.hold == pb.LegalHold(person="s:1", matter="INQ/1")
    assert "h-1" in terminal("retention", "holds", "--person", "s:1").out
    assert "lifted" in terminal("retention", "lift", "h-1").out
    assert fake.calls[-1].request.hold_id == "h-1"


def test_erase_needs_a_yes(terminal: Terminal, fake: FakeService) -> None:
    counted = [pb.KindCount(kind="contact_point", count=2)]
    fake.answers["RetentionService/ErasePerson"] = lambda _: pb.ErasePersonResponse(facts=counted)
    unsure = terminal("retention", "erase", "s:1")
    assert unsure.code == 2
    assert "--yes" in unsure.err
    assert not fake.calls
    sure = terminal("retention", "erase", "s:1", "--yes", "--reason", "asked")
    assert sure.code == 0
    assert sure.out.splitlines()[0] == "erased: the person and every identifier, and"
    assert sure.out.split()[-2:] == ["contact_point", "2"]
    assert fake.calls[0].request == pb.ErasePersonRequest(person="s:1", reason="asked")
    fake.answers["RetentionService/ErasePerson"] = lambda _: pb.ErasePersonResponse()
    assert "nothing else was on file" in terminal("retention", "erase", "s:1", "--yes").out


@pytest.mark.parametrize(
    ("reason", "next_step"),
    [
        ("LEGAL_HOLD", "retention lift ID"),
        ("LEGAL_HOLD", "the same --controller"),
        ("STILL_PROTECTS", "people show REFERENCE"),
        ("STILL_PROTECTS", "the same --controller"),
    ],
)
def test_who_may_not_erase_yet_is_told_what_stands_against_it(
    reason: str, next_step: str, terminal: Terminal, fake: FakeService
) -> None:
    def refuse(_: pb.ErasePersonRequest) -> pb.ErasePersonResponse:
        raise Refusal(grpc.StatusCode.FAILED_PRECONDITION, "not yet", reason)

    fake.answers["RetentionService/ErasePerson"] = refuse
    typed = terminal("retention", "erase", "s:1", "--yes")
    assert typed.code == 2
    assert f"not yet ({reason})" in typed.err
    assert next_step in " ".join(typed.err.split())
