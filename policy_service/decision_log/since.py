"""What was done after a backup that whoever restores it has to do again: read from the log as it was last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.decision_log.entry import StreamId
from policy_service.decision_log.merkle import RightEdge
from policy_service.decision_log.reader import LogReader
from policy_service.model.facts import KEPT, Controller, Revision

ERASED, REVOKED = "RetentionService/ErasePerson", "AccessService/RevokeToken"
_KINDS = {ERASED: "person:", REVOKED: "token:"}
ENTRIES_A_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Ended:
    """A person who was erased, or a token that was revoked, by its name (`kind:id`), and for whom."""

    name: str
    controller: Controller


@dataclass(frozen=True, slots=True)
class DoneSince:
    """What was written after a backup."""

    ended: tuple[Ended, ...] = ()
    """Each once, in the order of the streams."""
    others: Mapping[str, int] = field(default_factory=dict)
    """How many other writes there were, by method (`RetentionService/…`), in the methods' order."""


def goes_on_from(log: LogReader, stream: StreamId, size: int, root: bytes) -> bool:
    """Whether this stream has so many entries, and these are the ones of that RFC 6962 root. Reads them all.
    Raises `LogUnavailable`.
    """
    edge = RightEdge()
    while edge.size < size:
        page = log.entries(stream, edge.size, min(ENTRIES_A_PAGE, size - edge.size))
        if not page:
            return False
        edge = edge.extended([entry.leaf_hash for entry in page])
    return edge.root() == root


def done_since(log: LogReader, sizes: Mapping[StreamId, int], revision: Revision) -> DoneSince:
    """In what each stream holds after so many entries (0 where it is not named). The backup's facts, copied
    after its log, have the writes up to `revision`. Raises `LogUnavailable`.
    """
    ended: dict[Ended, None] = {}
    others: Counter[str] = Counter()
    for stream in log.streams():
        start = sizes.get(stream.stream_id, 0)
        while page := log.entries(stream.stream_id, start, ENTRIES_A_PAGE):
            start += len(page)
            for stored in page:
                entry = log_pb.LogEntry.FromString(stored.data)
                if not entry.HasField("write") or entry.revision <= revision:
                    continue
                if entry.method in _KINDS:
                    ended |= dict.fromkeys(_ended(entry))
                else:
                    others[entry.method] += 1
    return DoneSince(tuple(ended), dict(sorted(others.items())))


def _ended(entry: log_pb.LogEntry) -> Iterator[Ended]:
    if entry.controller == KEPT:
        return
    kind = _KINDS[entry.method]
    for name in entry.write.facts:
        if name.startswith(kind):
            yield Ended(name, Controller(entry.controller))
