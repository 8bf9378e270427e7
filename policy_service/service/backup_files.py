"""A backup as files: a manifest, and for each table of the facts and each stream of the log a file of lines.

A line is a JSON array: of a table a row, of a stream an entry (time, id, bytes). Bytes are in base64. So a
backup reads the same whatever database it came from, and goes into either. The manifest is written last, and
names each file with its size and SHA-256: a directory without one is no backup.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, BinaryIO, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from policy_service.model.errors import PolicyServiceError

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
MOST_OF_A_LINE: Final = 256 << 20
"""Bytes; a published policy set is the largest row that there is, and far smaller."""
MOST_OF_A_MANIFEST: Final = 64 << 20

_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class BackupError(PolicyServiceError):
    """The backup cannot be made, or is none; the message says what to do."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class WrittenFile(_Strict):
    """One file, and what must be in it."""

    file: Annotated[str, Field(pattern=r"^(facts|log)/[a-z0-9_]{1,64}\.jsonl$")]
    lines: _Count
    bytes: _Count
    sha256: _Sha256


class TableFile(_Strict):
    """A table of the facts; its columns in the order of a line's values."""

    table: _Name
    columns: Annotated[list[_Name], Field(min_length=1)]
    binary: list[_Name]
    written: WrittenFile


class StreamFile(_Strict):
    """A stream of the log, as far as the backup has it: `size` entries, whose RFC 6962 root is `root`."""

    stream_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    slot: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
    created_us: _Count
    epoch: _Count
    outbox_revision: _Count
    closed: bool
    size: _Count
    root: _Sha256
    written: WrittenFile


class FactsPart(_Strict):
    """The facts as of one revision."""

    schema_version: str
    epoch: _Count
    revision: _Count
    committed_at_us: _Count
    tables: list[TableFile]


class LogPart(_Strict):
    """The log, each stream as it was before the facts were looked at."""

    streams: list[StreamFile]


class Manifest(_Strict):
    """What a backup consists of."""

    format: Literal[1]
    made_by: str
    made_at: str
    key_check: _Sha256
    """Of the fingerprints' key, which is not in the backup (`Fingerprinter.check`)."""
    facts: FactsPart
    log: LogPart
    checksum: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """SHA-256 of all of it but this, as it is written: against damage, and not against malice."""

    def summed(self) -> Self:
        """The same, with its checksum."""
        return self.model_copy(update={"checksum": self._sum()})

    @property
    def is_as_written(self) -> bool:
        return self.checksum == self._sum()

    def _sum(self) -> str:
        said = self.model_dump(exclude={"checksum"})
        return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class LinesWriter:
    """Writes one file, and knows what it has written. The file is durable when the block is left."""

    def __init__(self, directory: Path, name: str) -> None:
        self._name = name
        self._hash = hashlib.sha256()
        self._lines = self._bytes = 0
        path = directory / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        self._file: BinaryIO = os.fdopen(
            os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if error is None:
                self._file.flush()
                os.fsync(self._file.fileno())

    def add(self, values: list[Any]) -> None:
        """One line."""
        line = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self._file.write(line)
        self._hash.update(line)
        self._lines += 1
        self._bytes += len(line)

    @property
    def written(self) -> WrittenFile:
        """What is in it so far."""
        return WrittenFile(
            file=self._name, lines=self._lines, bytes=self._bytes, sha256=self._hash.hexdigest()
        )


def read_lines(directory: Path, written: WrittenFile, width: int) -> Iterator[list[Any]]:
    """The file's lines of `width` values each; after the last one it is known to be the file that was
    written.

    BackupError `BACKUP_DAMAGED`, at the first line that cannot be, or at the end.
    """
    digest, lines, size = hashlib.sha256(), 0, 0
    with _opened(directory, written.file) as file:
        while line := file.readline(MOST_OF_A_LINE):
            digest.update(line)
            lines, size = lines + 1, size + len(line)
            values = _parsed(line)
            if values is None or len(values) != width or size > written.bytes:
                raise _damaged(written.file)
            yield values
    if (lines, size, digest.hexdigest()) != (written.lines, written.bytes, written.sha256):
        raise _damaged(written.file)


def write_manifest(directory: Path, manifest: Manifest) -> str:
    """The last step; its SHA-256, by which the backup can be told from any other."""
    text = json.dumps(manifest.model_dump(), indent=1, ensure_ascii=False).encode() + b"\n"
    draft = directory / f".{MANIFEST}.draft"
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    for folder in (directory / "facts", directory / "log"):
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync(folder)
    draft.rename(directory / MANIFEST)
    _sync(directory)
    _sync(directory.parent)
    return hashlib.sha256(text).hexdigest()


def read_manifest(directory: Path) -> tuple[Manifest, str]:
    """The manifest and its SHA-256. BackupError `NO_BACKUP`, `BACKUP_DAMAGED` or `BACKUP_TOO_NEW`."""
    if not os.path.isdir(directory):  # noqa: PTH112 - raises nothing
        raise BackupError("NO_BACKUP", "there is no such directory: name the one that `backup` wrote")
    try:
        with (directory / MANIFEST).open("rb") as file:
            text = file.read(MOST_OF_A_MANIFEST)
    except OSError:
        raise BackupError(
            "NO_BACKUP",
            f"there is no `{MANIFEST}` in this directory: it is no backup, or one that was not finished",
        ) from None
    try:
        found = json.loads(text)
        if isinstance(found, dict) and isinstance(found.get("format"), int) and found["format"] > FORMAT:
            raise BackupError(
                "BACKUP_TOO_NEW", "a later version made the backup: use that version's `policy-service`"
            )
        manifest = Manifest.model_validate(found)
        if not manifest.is_as_written:
            raise _damaged(MANIFEST)
        return manifest, hashlib.sha256(text).hexdigest()
    except (ValidationError, ValueError, RecursionError):
        raise _damaged(MANIFEST) from None


def to_line(values: Iterator[Any] | tuple[Any, ...], binary: list[bool]) -> list[Any]:
    """A row's values as JSON has them."""
    return [
        base64.b64encode(value).decode() if is_bytes and value is not None else value
        for value, is_bytes in zip(values, binary, strict=True)
    ]


def from_line(values: list[Any], binary: list[bool], file: str) -> tuple[Any, ...]:
    """The opposite. BackupError where what must be bytes is not."""
    try:
        return tuple(
            base64.b64decode(value, validate=True) if is_bytes and value is not None else value
            for value, is_bytes in zip(values, binary, strict=True)
        )
    except (binascii.Error, TypeError, ValueError):
        raise _damaged(file) from None


def make_directory(directory: Path) -> None:
    """A new or empty directory that others cannot read. BackupError."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise BackupError(
                "BACKUP_NOT_EMPTY", "the directory is not empty: name a new one for each backup"
            )
        directory.chmod(0o700)
    except OSError:
        raise BackupError(
            "BACKUP_UNWRITABLE", "the directory cannot be made or written: name another"
        ) from None


@contextmanager
def _opened(directory: Path, name: str) -> Iterator[BinaryIO]:
    try:
        with (directory / name).open("rb") as file:
            yield file
    except OSError:
        raise _damaged(name) from None


def _parsed(line: bytes) -> list[Any] | None:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, list) else None


def _damaged(file: str) -> BackupError:
    return BackupError(
        "BACKUP_DAMAGED", f"`{file}` is not as it was written, or not there: use another backup"
    )


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


Progress = Callable[[str, int, int | None], None]
"""Told what is being done, how much of it is, and of how much in all, where that is known."""
