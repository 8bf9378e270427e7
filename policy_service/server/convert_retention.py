"""RetentionService: its messages → what the use cases ask, and their answers → messages."""

from __future__ import annotations

from collections.abc import Mapping

from policy_service.api.v1 import retention_pb2 as pb
from policy_service.model.facts import LegalHold, RetentionRule
from policy_service.server.bounds import read_message, text
from policy_service.server.convert_past import as_of, earlier_page_of, history_of, version_message
from policy_service.server.convert_writes import keyed_note_of, note_of
from policy_service.service.asking import Done, Listed
from policy_service.service.due import RetentionRun
from policy_service.service.erasure import ErasePerson, PersonErased
from policy_service.service.history import HistoryOf, Version
from policy_service.service.past import AsOf
from policy_service.service.retention import LiftHold, ListHolds, PlaceHold, RunRetention
from policy_service.service.retention_rules import PutRule


def parse_put_rule(data: bytes) -> PutRule:
    request = read_message(pb.PutRuleRequest, data)
    kind = text(request.rule.kind, "rule.kind", required=True)
    return PutRule(kind, request.rule.days, keyed_note_of(request))


def put_rule_response(done: Done[RetentionRule | None]) -> bytes:
    rule = None if done.answer is None else _rule(done.answer)
    return pb.PutRuleResponse(rule=rule, facts_token=done.facts_token).SerializeToString()


def parse_list_rules(data: bytes) -> AsOf | None:
    return as_of(read_message(pb.ListRulesRequest, data))


def rules_response(rules: tuple[RetentionRule, ...]) -> bytes:
    return pb.ListRulesResponse(rules=[_rule(rule) for rule in rules]).SerializeToString()


def parse_place_hold(data: bytes) -> PlaceHold:
    request = read_message(pb.PlaceHoldRequest, data)
    return PlaceHold(
        person=text(request.hold.person, "hold.person", required=True),
        matter=text(request.hold.matter, "hold.matter", required=True),
        note=keyed_note_of(request),
    )


def placed_response(done: Done[LegalHold]) -> bytes:
    return pb.PlaceHoldResponse(hold=_hold(done.answer), facts_token=done.facts_token).SerializeToString()


def parse_lift_hold(data: bytes) -> LiftHold:
    request = read_message(pb.LiftHoldRequest, data)
    return LiftHold(text(request.hold_id, "hold_id", required=True), note_of(request))


def lifted_response(done: Done[LegalHold]) -> bytes:
    return pb.LiftHoldResponse(hold=_hold(done.answer), facts_token=done.facts_token).SerializeToString()


def parse_list_holds(data: bytes) -> ListHolds:
    request = read_message(pb.ListHoldsRequest, data)
    return ListHolds(text(request.person, "person"), earlier_page_of(request))


def holds_response(listed: Listed[LegalHold]) -> bytes:
    return pb.ListHoldsResponse(
        holds=[_hold(hold) for hold in listed.items], next_page_token=listed.next_page_token
    ).SerializeToString()


def parse_history(data: bytes) -> HistoryOf:
    request = read_message(pb.RetentionServiceHistoryRequest, data)
    return history_of(request, {"rule_kind": RetentionRule, "hold_id": LegalHold})


def history_response(listed: Listed[Version[RetentionRule | LegalHold]]) -> bytes:
    return pb.RetentionServiceHistoryResponse(
        versions=[_version(version) for version in listed.items], next_page_token=listed.next_page_token
    ).SerializeToString()


def _version(version: Version[RetentionRule | LegalHold]) -> pb.RetentionServiceVersion:
    told = version_message(version)
    match version.fact:
        case RetentionRule():
            return pb.RetentionServiceVersion(version=told, rule=_rule(version.fact))
        case LegalHold():
            return pb.RetentionServiceVersion(version=told, hold=_hold(version.fact))
        case None:
            return pb.RetentionServiceVersion(version=told)


def parse_run(data: bytes) -> RunRetention:
    request = read_message(pb.RunRequest, data)
    return RunRetention(request.validate_only, note_of(request), request.clock_is_right)


def run_response(run: RetentionRun) -> bytes:
    return pb.RunResponse(versions=_counts(run.versions), more=run.more).SerializeToString()


def parse_erase_person(data: bytes) -> ErasePerson:
    request = read_message(pb.ErasePersonRequest, data)
    return ErasePerson(text(request.person, "person", required=True), note_of(request))


def erased_response(done: Done[PersonErased]) -> bytes:
    return pb.ErasePersonResponse(
        facts=_counts(done.answer.facts), facts_token=done.facts_token
    ).SerializeToString()


def _rule(rule: RetentionRule) -> pb.RetentionRule:
    return pb.RetentionRule(kind=rule.kind, days=rule.days)


def _hold(hold: LegalHold) -> pb.LegalHold:
    return pb.LegalHold(
        hold_id=hold.hold_id,
        person=f"person:{hold.person_id}",
        matter=hold.matter,
        placed_by=hold.placed_by,
        placed_at=hold.placed_at.isoformat(),
    )


def _counts(counts: Mapping[str, int]) -> list[pb.KindCount]:
    return [pb.KindCount(kind=kind, count=counts[kind]) for kind in sorted(counts)]
