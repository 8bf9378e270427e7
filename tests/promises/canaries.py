"""Values that nobody should find again, and the search for them in all that the service has written and said.

A canary is looked for in whatever spelling it could have been kept: as it was written, in lower case, without
blanks, its telling words alone, and as a plain digest, which anybody could try out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from google.rpc import error_details_pb2, status_pb2
from grpc.aio import AioRpcError

from policy_service.decision_log.reader import LogReader
from policy_service.model.errors import PolicyServiceError
from policy_service.server.errors import refusal_of, status_of
from tests.decisions.roads import Road
from tests.service.control import Stores, values_at_rest

_DIGESTS = ("md5", "sha1", "sha256", "sha512")


def needles(value: str, *telling: str) -> tuple[bytes, ...]:
    """What a value could be found by. `telling` are its parts that say enough alone."""
    together = "".join(value.split())
    spelled = dict.fromkeys((value, value.lower(), value.upper(), together, together.lower()))
    digests = [hashlib.new(name, one.encode()) for one in spelled for name in _DIGESTS]
    return (
        *(text.lower().encode() for text in (*spelled, *telling)),
        *(digest.digest().lower() for digest in digests),
        *(digest.hexdigest().encode() for digest in digests),
    )


def found(canaries: Mapping[str, Iterable[bytes]], data: bytes) -> set[str]:
    """Which canaries, by name, are in `data`."""
    lowered = data.lower()
    return {name for name, wanted in canaries.items() if any(needle in lowered for needle in wanted)}


@dataclass
class Told:
    """Everything that callers were told instead of an answer, and for which reasons."""

    statuses: list[bytes] = field(default_factory=list)

    async def call(
        self, road: Road, method: str, message: bytes, *, token: str, controller: str = ""
    ) -> tuple[bytes, str]:
        """The answer and no reason, or nothing and the reason of the refusal."""
        try:
            return await road.call(method, message, token=token, controller=controller), ""
        except PolicyServiceError as error:
            status = status_of(refusal_of(error))
            parts = [part for pair in status.trailing_metadata or () for part in pair]
            self._heard(str(error), repr(error), status.details, *parts)
            return b"", error.reason
        except AioRpcError as error:
            trailers = dict(error.trailing_metadata())
            metadata = [*error.initial_metadata(), *trailers.items()]
            self._heard(error.details(), error.debug_error_string(), *(x for pair in metadata for x in pair))
            return b"", _reason_in(trailers)

    def _heard(self, *parts: str | bytes | None) -> None:
        self.statuses.append(
            b"\n".join(part if isinstance(part, bytes) else (part or "").encode() for part in parts)
        )


def _reason_in(trailers: Mapping[str, str | bytes]) -> str:
    """The stable reason that the status' details name."""
    info = error_details_pb2.ErrorInfo()
    details = trailers["grpc-status-details-bin"]
    assert isinstance(details, bytes)
    for detail in status_pb2.Status.FromString(details).details:
        if detail.Unpack(info):
            return info.reason
    raise AssertionError("a refusal without a reason")


@dataclass(frozen=True, slots=True)
class Written:
    """All that an installation has left, once it has ended."""

    entries: tuple[bytes, ...]
    rows: tuple[bytes, ...]
    """Every value of every table of the facts and of the log."""
    files: Mapping[str, bytes]
    """Every file of a SQLite installation, the databases byte for byte."""

    @property
    def log(self) -> Iterator[tuple[str, bytes]]:
        """Each entry's bytes, and each file of the log."""
        for index, data in enumerate(self.entries):
            yield f"entry {index}", data
        for name, data in self.files.items():
            if name.startswith("log/"):
                yield name, data

    @property
    def everything(self) -> Iterator[tuple[str, bytes]]:
        yield from self.log
        for value in self.rows:
            yield "a row", value
        yield from self.files.items()


def read_back(stores: Stores, directory: Path | None) -> Written:
    """Read everything. `directory`: where the files of a SQLite installation are."""
    log = LogReader(stores.log_url)
    entries = tuple(
        entry.data for stream in log.streams() for entry in log.entries(stream.stream_id, 0, 1_000_000)
    )
    files = {} if directory is None else _files(directory)
    return Written(entries, tuple(values_at_rest(stores)), files)


def _files(directory: Path) -> dict[str, bytes]:
    """Without the first administrator's token, which stands in a file of its own until he has read it."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.name != "admin.token"
    }
