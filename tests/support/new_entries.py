"""What calls have left in the log, as its reader finds it."""

from __future__ import annotations

from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.decision_log.entry import StoredEntry
from policy_service.decision_log.reader import LogReader


class NewEntries:
    """What has been added to the log since the last look."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._seen: dict[str, int] = {}
        self.forget()

    def forget(self) -> None:
        """Look at none of what is there."""
        self._seen = {stream.stream_id: stream.size for stream in self._reader.streams()}

    def take(self) -> list[LogEntry]:
        """What is new, each stream in its order."""
        found: list[StoredEntry] = []
        for stream in self._reader.streams():
            start = self._seen.get(stream.stream_id, 0)
            if start < stream.size:
                found += self._reader.entries(stream.stream_id, start, limit=100_000)
            self._seen[stream.stream_id] = stream.size
        return [LogEntry.FromString(stored.data) for stored in found]
