"""DecisionLogService: its messages → what the use case asks, and its answer → a message."""

from __future__ import annotations

from policy_service.api.v1 import decision_log_pb2 as pb
from policy_service.api.v1 import decision_pb2 as pb_decision
from policy_service.decision_log.entry import StoredEntry
from policy_service.model.replayed import Difference
from policy_service.model.vocabulary import Effect
from policy_service.server.bounds import read_message, reference, text
from policy_service.service.asking import Listed
from policy_service.service.log_filter import LogFilter
from policy_service.service.log_questions import GetEntry
from policy_service.service.log_search import MAX_TOKEN, Followed, FollowLog, SearchLog
from policy_service.service.pages import PageAsked
from policy_service.service.replay import ReplayDecision, Replayed
from policy_service.service.words import unknown_word

_EFFECT = {pb_decision.EFFECT_UNSPECIFIED: None, pb_decision.EFFECT_PERMIT: Effect.PERMIT}
_EFFECT |= {pb_decision.EFFECT_DENY: Effect.DENY}


def parse_get(data: bytes) -> GetEntry:
    message = read_message(pb.DecisionLogServiceGetRequest, data)
    return GetEntry(text(message.entry_id, "entry_id", required=True))


def get_response(entry: StoredEntry) -> bytes:
    """The entry as this version reads it, and the bytes that were hashed, which count."""
    return pb.DecisionLogServiceGetResponse(
        entry=pb.LogEntry.FromString(entry.data),
        entry_bytes=entry.data,
        stream_id=entry.stream_id,
        index=entry.index,
        leaf_hash=entry.leaf_hash,
    ).SerializeToString()


def parse_search(data: bytes) -> SearchLog:
    message = read_message(pb.DecisionLogServiceSearchRequest, data)
    page = PageAsked(message.page_size, text(message.page_token, "page_token", limit=MAX_TOKEN))
    return SearchLog(_filter(message.filter, message.since, message.until), page)


def parse_follow(data: bytes) -> FollowLog:
    message = read_message(pb.DecisionLogServiceFollowRequest, data)
    token = text(message.resume_token, "resume_token", limit=MAX_TOKEN)
    return FollowLog(_filter(message.filter, message.since), token)


def search_response(listed: Listed[StoredEntry]) -> bytes:
    return pb.DecisionLogServiceSearchResponse(
        entries=map(_found, listed.items), next_page_token=listed.next_page_token
    ).SerializeToString()


def follow_response(followed: Followed) -> bytes:
    return pb.DecisionLogServiceFollowResponse(
        entries=map(_found, followed.entries), resume_token=followed.resume_token
    ).SerializeToString()


def parse_replay(data: bytes) -> ReplayDecision:
    message = read_message(pb.DecisionLogServiceReplayRequest, data)
    return ReplayDecision(text(message.decision_id, "decision_id", required=True), message.today)


def replay_response(replayed: Replayed) -> bytes:
    """The decision as computed stands without its call, which stands in the entry that was asked about."""
    computed = pb.LogEntry.FromString(replayed.computed).decision if replayed.computed else None
    return pb.DecisionLogServiceReplayResponse(
        same=replayed.same,
        differences=map(_difference, replayed.differences),
        versions=map(_difference, replayed.versions),
        computed=computed,
        not_computed=replayed.not_computed or "",
        abridged=replayed.abridged,
        guessed=replayed.guessed,
        erased=replayed.erased,
    ).SerializeToString()


def _difference(difference: Difference) -> pb.ReplayDifference:
    return pb.ReplayDifference(
        what=difference.what,
        field=difference.field,
        recipient=difference.recipient,
        recorded=difference.recorded,
        computed=difference.computed,
    )


def _filter(message: pb.EntryFilter, since: str, until: str = "") -> LogFilter:
    if message.effect not in _EFFECT:
        raise unknown_word("filter.effect", "", pb_decision.Effect.keys())
    return LogFilter(
        person=reference(message.person, "filter.person"),
        user=reference(message.user, "filter.user"),
        system=reference(message.system, "filter.system"),
        record=reference(message.record, "filter.record"),
        record_type=reference(message.record_type, "filter.record_type"),
        effect=_EFFECT[message.effect],
        reason=text(message.reason, "filter.reason"),
        method=text(message.method, "filter.method"),
        decision=text(message.decision, "filter.decision"),
        since=text(since, "since"),
        until=text(until, "until"),
    )


def _found(entry: StoredEntry) -> pb.FoundEntry:
    return pb.FoundEntry(
        entry=pb.LogEntry.FromString(entry.data), stream_id=entry.stream_id, index=entry.index
    )
