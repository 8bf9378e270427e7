"""Restore: a backup into empty databases, where a new epoch and new log streams begin.

Until the last step the facts' store refuses everybody, so that a restore that is broken off is served by
nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from policy_service.decision_log.entries import STREAMS_AN_ENTRY, Head, Versions, stream_entry
from policy_service.decision_log.entry import Entry, StreamHead, StreamId
from policy_service.decision_log.errors import LogUnavailable
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.restore import LogRestore
from policy_service.decision_log.since import DoneSince, Ended, done_since, goes_on_from
from policy_service.decision_log.stream import StreamWriter
from policy_service.facts import keys
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.mapping import to_microseconds
from policy_service.facts.reader import FactsReader
from policy_service.facts.restore import FactsRestore, refuse_later_schema, refuse_not_empty
from policy_service.facts.snapshot import TableShape
from policy_service.model.caller import NOBODY
from policy_service.model.errors import UnavailableError
from policy_service.model.facts import PersonId, Revision, Token
from policy_service.model.ids import time_ordered_id
from policy_service.service.backup import Verified, entries_of, head_of, rows_of, shape_of, verify_backup
from policy_service.service.backup_files import BackupError, Manifest, Progress

SLOT = "restore"
"""Of the stream in which a restore says that it happened, and completes what the facts owe the log."""
METHOD = "restore"


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored."""

    backup: Verified
    revision: Revision
    completed: int
    """Entries that the facts owed the log when the backup was taken, and that it has now."""
    undone: DoneSince | None
    """Who is on file again that was erased after the backup, and which tokens hold again that were revoked,
    and how much else that was written is not here; None where no log tells.
    """


@dataclass(frozen=True, slots=True)
class Restore:
    """Blocking. `key` is the fingerprints' key of the installation that the backup is of."""

    facts_url: str
    log_url: str
    key: bytes
    versions: Versions
    clock: Callable[[], datetime]

    def run(self, directory: Path, progress: Progress, *, old_log: str = "") -> Restored:
        """Restore what is in `directory` into the two databases, which must be empty. `old_log` is the URL of
        the log as it was last, if it is still there; it is only read.

        The backup is verified before anything is written: BackupError, as where `old_log` is another's.
        ConflictError where a database is not empty, UnavailableError where one cannot be reached or a process
        has it.
        """
        backup = verify_backup(directory, progress)
        if backup.manifest.key_check != Fingerprinter(self.key).check():
            raise BackupError(
                "KEY_FILE_WRONG",
                "the key file is not that of this backup, and nobody on file would be found by it: put back"
                " the one that belongs to it",
            )
        refuse_later_schema(backup.manifest.facts.schema_version)
        refuse_not_empty(self.facts_url)
        since = _done_since(old_log, backup.manifest) if old_log else None
        log = LogRestore(self.log_url)
        with FactsRestore(self.facts_url) as facts:
            log.begin()
            revision = facts.load(
                backup.manifest.facts.schema_version, _tables(directory, backup.manifest, progress)
            )
            heads = _add_streams(log, directory, backup.manifest, progress)
            completed = self._begin_anew(facts, heads, revision, bytes.fromhex(backup.name))
            facts.finish()
        undone = since and replace(since, ended=self._here_again(since.ended, revision))
        return Restored(backup, revision, completed, undone)

    def _here_again(self, ended: Iterable[Ended], revision: Revision) -> tuple[Ended, ...]:
        """Of what was ended, what is not in what was restored."""
        reader = FactsReader(self.facts_url)
        try:
            return tuple(each for each in ended if _is_there(reader, each.name, revision))
        finally:
            reader.close()

    def _begin_anew(
        self, facts: FactsRestore, heads: list[StreamHead], revision: Revision, name: bytes
    ) -> int:
        """The stream of this restore: it names where each stream ended, and holds what the facts owed."""
        completed = 0
        with StreamWriter.open(self.log_url, SLOT) as stream:
            for first in range(0, max(1, len(heads)), STREAMS_AN_ENTRY):
                named = heads[first : first + STREAMS_AN_ENTRY]
                stream.append_now(self._entry("restored", stream, revision, named, name))
            delivered = {each.stream_id: Revision(each.outbox_revision) for each in heads}
            for owed in facts.owed({name: last for name, last in delivered.items() if last}):
                entry = Entry(owed.entry_id, owed.time_us, owed.entry)
                stream.append_now(entry, outbox_revision=owed.revision)
                completed += 1
            stream.finish(self._entry("closed", stream, revision))
        return completed

    def _entry(
        self,
        kind: str,
        stream: StreamWriter,
        revision: Revision,
        before: Sequence[StreamHead] = (),
        backup: bytes = b"",
    ) -> Entry:
        now = self.clock()
        head = Head(time_ordered_id(now), now, NOBODY, METHOD, revision, self.versions)
        data = stream_entry(head, kind=kind, stream_id=stream.stream_id, before=before, backup=backup)
        return Entry(head.entry_id, to_microseconds(now), data)


def _done_since(old_log: str, manifest: Manifest) -> DoneSince:
    """What the log as it was last has of writes after the backup. It must have all that the backup has: of a
    part, or of an older copy, nobody could tell what it lacks.
    """
    log = LogReader(old_log)
    try:
        there = {stream.stream_id: stream.size for stream in log.streams()}
        for stream in manifest.log.streams:
            name = StreamId(stream.stream_id)
            if there.get(name, -1) < stream.size or not goes_on_from(
                log, name, stream.size, bytes.fromhex(stream.root)
            ):
                raise BackupError(
                    "OLD_LOG_OTHER",
                    "what `--old-log` names is not the log that this backup is of, as it was last, but"
                    " another, an older copy or a part of it: check its URL, or restore without `--old-log`,"
                    " and what was done since the backup is not told",
                )
        sizes = {StreamId(stream.stream_id): stream.size for stream in manifest.log.streams}
        return done_since(log, sizes, Revision(manifest.facts.revision))
    except LogUnavailable:
        raise UnavailableError(
            "OLD_LOG_UNREADABLE",
            "what `--old-log` names cannot be read: check its URL, or leave it out",
        ) from None


def _is_there(reader: FactsReader, name: str, revision: Revision) -> bool:
    kind, _, fact = name.partition(":")
    key = keys.person(PersonId(fact)) if kind == "person" else keys.token(fact)
    there = reader.load([key], revision)[key]
    return any(not isinstance(each, Token) or each.revoked_at is None for each in there)


def _tables(
    directory: Path, manifest: Manifest, progress: Progress
) -> Iterator[tuple[TableShape, Iterator[tuple[Any, ...]]]]:
    for table in manifest.facts.tables:
        progress(f"facts: {table.table}", 0, table.written.lines)
        yield shape_of(table), rows_of(directory, table)


def _add_streams(
    log: LogRestore, directory: Path, manifest: Manifest, progress: Progress
) -> list[StreamHead]:
    heads = []
    done, total = 0, sum(stream.size for stream in manifest.log.streams)
    for stream in manifest.log.streams:
        head = head_of(stream)
        log.add(head, entries_of(directory, stream))
        heads.append(head)
        done += stream.size
        progress("log", done, total)
    return heads
