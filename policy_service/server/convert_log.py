"""DecisionLogService: its messages → what the use case asks, and its answer → a message."""

from __future__ import annotations

from policy_service.api.v1 import decision_log_pb2 as pb
from policy_service.decision_log.entry import StoredEntry
from policy_service.server.bounds import read_message, text
from policy_service.service.log_questions import GetEntry


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
