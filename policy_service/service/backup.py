"""Backup: a copy of both databases while others go on writing them, and a check of one.

**The log first, then the facts.** Whatever the log has decided rests on facts that were there before it; so
each decision of the backup can be computed again from the facts beside it. The entries that these facts still
owe the log are in the facts (the outbox), and a restore completes them. What is missing after a restore are
decisions that were answered after the log was looked at, and no write that the backup's revision counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from policy_service.decision_log.entry import Entry, StreamHead, StreamId
from policy_service.decision_log.merkle import RightEdge, leaf_hash
from policy_service.decision_log.reader import LogReader
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.snapshot import FactsSnapshot, TableShape
from policy_service.service.backup_files import (
    BackupError,
    FactsPart,
    LinesWriter,
    LogPart,
    Manifest,
    Progress,
    StreamFile,
    TableFile,
    from_line,
    make_directory,
    read_lines,
    read_manifest,
    to_line,
    write_manifest,
)

ENTRIES_A_PAGE = 1_000
ROWS_A_REPORT = 10_000
PASSES = 2
"""The log is read again, as far as it has grown, right before the facts are looked at."""
_OF_ENTRIES = [False, False, True]
"""Which values of an entry's line are bytes."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A backup that is whole, and the SHA-256 of its manifest."""

    manifest: Manifest
    name: str


def back_up(facts_url: str, log_url: str, key: bytes, directory: Path, progress: Progress) -> Verified:
    """Copy both databases into `directory`, which is new or empty. Blocking.

    BackupError, and UnavailableError where a database cannot be reached or is not of this version's schema;
    then what is in the directory is no backup.
    """
    make_directory(directory)
    reader = LogReader(log_url)
    with ExitStack() as stack:
        copies: dict[StreamId, _StreamCopy] = {}
        for _ in range(PASSES):
            heads = reader.streams()
            done, total = sum(copy.edge.size for copy in copies.values()), sum(head.size for head in heads)
            for head in heads:
                if head.stream_id not in copies:
                    lines = stack.enter_context(LinesWriter(directory, f"log/{head.stream_id}.jsonl"))
                    copies[head.stream_id] = _StreamCopy(head, lines)
                for copied in copies[head.stream_id].up_to(head, reader):
                    done += copied
                    progress("log", done, total)
        with FactsSnapshot(facts_url) as snapshot:
            tables = [_copy_table(snapshot, shape, directory, progress) for shape in snapshot.tables]
        manifest = Manifest(
            format=1,
            made_by=metadata.version("policy-service"),
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            key_check=Fingerprinter(key).check(),
            facts=FactsPart(
                schema_version=snapshot.schema,
                epoch=snapshot.epoch,
                revision=snapshot.revision,
                committed_at_us=snapshot.committed_at,
                tables=tables,
            ),
            log=LogPart(streams=[copy.described() for copy in copies.values()]),
        ).summed()
    return Verified(manifest, write_manifest(directory, manifest))


def verify_backup(directory: Path, progress: Progress) -> Verified:
    """Read all of a backup: each file is the one that was written, and each stream has the root that it had.

    BackupError otherwise.
    """
    manifest, name = read_manifest(directory)
    for table in manifest.facts.tables:
        for done, _ in enumerate(rows_of(directory, table), 1):
            if done % ROWS_A_REPORT == 0:
                progress(f"facts: {table.table}", done, table.written.lines)
    done, total = 0, sum(stream.size for stream in manifest.log.streams)
    for stream in manifest.log.streams:
        edge = RightEdge()
        for entry in entries_of(directory, stream):
            edge = edge.extended([leaf_hash(entry.data)])
            done += 1
            if done % ENTRIES_A_PAGE == 0:
                progress("log", done, total)
        if edge.size != stream.size or edge.root().hex() != stream.root:
            raise BackupError(
                "BACKUP_DAMAGED", f"`{stream.written.file}` has not the root that it had: use another backup"
            )
    return Verified(manifest, name)


def shape_of(table: TableFile) -> TableShape:
    """The table as the facts name it."""
    return TableShape(table.table, tuple(table.columns), frozenset(table.binary))


def rows_of(directory: Path, table: TableFile) -> Iterator[tuple[object, ...]]:
    """A table's rows. BackupError where the file is not as it was written."""
    binary = [column in table.binary for column in table.columns]
    for line in read_lines(directory, table.written, len(table.columns)):
        yield from_line(line, binary, table.written.file)


def entries_of(directory: Path, stream: StreamFile) -> Iterator[Entry]:
    """A stream's entries, in their order. BackupError where the file is not as it was written."""
    for line in read_lines(directory, stream.written, len(_OF_ENTRIES)):
        time_us, entry_id, data = from_line(line, _OF_ENTRIES, stream.written.file)
        if not isinstance(time_us, int) or not isinstance(entry_id, str) or not isinstance(data, bytes):
            raise BackupError(
                "BACKUP_DAMAGED", f"`{stream.written.file}` has a line that is no entry: use another backup"
            )
        yield Entry(entry_id, time_us, data)


def head_of(stream: StreamFile) -> StreamHead:
    """The stream's head, as it was."""
    return StreamHead(
        StreamId(stream.stream_id),
        stream.slot,
        stream.created_us,
        stream.size,
        bytes.fromhex(stream.root),
        stream.epoch,
        stream.outbox_revision,
        stream.closed,
    )


def _copy_table(snapshot: FactsSnapshot, shape: TableShape, directory: Path, progress: Progress) -> TableFile:
    binary = [column in shape.binary for column in shape.columns]
    with LinesWriter(directory, f"facts/{shape.name}.jsonl") as lines:
        for done, row in enumerate(snapshot.rows(shape), 1):
            lines.add(to_line(row, binary))
            if done % ROWS_A_REPORT == 0:
                progress(f"facts: {shape.name}", done, None)
    return TableFile(
        table=shape.name, columns=list(shape.columns), binary=sorted(shape.binary), written=lines.written
    )


@dataclass(slots=True)
class _StreamCopy:
    """A stream, copied as far as its edge. Entries never change, so no transaction holds what is read."""

    head: StreamHead
    lines: LinesWriter
    edge: RightEdge = field(default_factory=RightEdge)

    def up_to(self, head: StreamHead, reader: LogReader) -> Iterator[int]:
        """Go on up to this head; yields how many entries each page had."""
        self.head = head
        while self.edge.size < head.size:
            page = reader.entries(
                head.stream_id, self.edge.size, min(ENTRIES_A_PAGE, head.size - self.edge.size)
            )
            expected = range(self.edge.size, self.edge.size + len(page))
            if not page or [entry.index for entry in page] != list(expected):
                raise _not_whole()
            for entry in page:
                self.lines.add(to_line((entry.time_us, entry.id, entry.data), _OF_ENTRIES))
            self.edge = self.edge.extended([entry.leaf_hash for entry in page])
            yield len(page)
        if self.edge.root() != head.root:
            raise _not_whole()

    def described(self) -> StreamFile:
        head = self.head
        return StreamFile(
            stream_id=head.stream_id,
            slot=head.slot,
            created_us=head.created_us,
            epoch=head.epoch,
            outbox_revision=head.outbox_revision,
            closed=head.closed,
            size=head.size,
            root=head.root.hex(),
            written=self.lines.written,
        )


def _not_whole() -> BackupError:
    return BackupError(
        "LOG_CORRUPT",
        "a stream of the decision log has not the entries that its head stands for: keep the files as they"
        " are, and find out who changed them",
    )
