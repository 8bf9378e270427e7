"""Which facts a stream belongs to: those of the epoch that one of its entries names.

That entry has an id which follows from the stream's, so that it is found without an index, and so that there
is one at most. A stream belongs to one epoch all its life: a restore, which begins another, closes them all.
"""

from __future__ import annotations

from collections.abc import Collection

from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.decision_log.entry import StreamHead, StreamId
from policy_service.decision_log.reader import LogReader
from policy_service.model.ids import derived_id


def belonging_id(stream: StreamHead) -> str:
    """The id of the stream's entry that says so: a UUIDv7 of the millisecond in which the stream was made."""
    return derived_id(stream.created_us // 1_000, f"facts of {stream.stream_id}")


def epochs_of(log: LogReader, streams: Collection[StreamHead]) -> dict[StreamId, int]:
    """The epoch of the facts to which each stream belongs; without those that do not say, since an earlier
    version wrote them, or since they have only just been made.
    """
    ids = {belonging_id(stream): stream.stream_id for stream in streams}
    return {
        ids[entry.id]: log_pb.LogEntry.FromString(entry.data).stream.facts_epoch
        for entry in log.find(ids)
        if entry.stream_id == ids[entry.id]
    }
