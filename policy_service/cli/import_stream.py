"""Sending what is to be imported, and going on after a connection was lost.

The server answers each message once it is durable, and what is on file already writes nothing again: so what
was sent and not answered is sent once more, on another stream.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from google.protobuf.message import Message

from policy_service.api.v1 import import_pb2
from policy_service.cli.connect import Connection
from policy_service.cli.exits import ConnectionLost, Exit, Failure
from policy_service.cli.import_lines import Line
from policy_service.cli.stub_methods import ConversingMethod

MOST_ITEMS: Final = 1_000
MOST_FACTS: Final = 1_000
"""Of one message, so that it is one revision, and others have their turn after it."""
MOST_BYTES: Final = 256 << 10
UNANSWERED: Final = 4
"""Messages under way: what the server holds, and what waits on its doorstep."""
PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 4.0, *(8.0,) * 5)
"""Seconds before each try to go on, while none of them is answered anything. A control process that died
begins again after 0.1 to 5, and takes its time on a busy machine.
"""
STREAM_SECONDS: Final = 300.0
"""After so long another stream is begun, before the connection has to end, after ten minutes."""

Request = TypeVar("Request", bound=Message)


@dataclass(frozen=True, slots=True)
class Chunk(Generic[Request]):
    """One message, and the lines that are in it."""

    request: Request
    lines: tuple[Line, ...]


def chunks(lines: Iterator[Line], make: Callable[[list[Line]], Request]) -> Iterator[Chunk[Request]]:
    """Put lines together, as many as a message takes."""
    held: list[Line] = []
    facts = size = 0
    for line in lines:
        more = facts_of(line)
        if held and (len(held) >= MOST_ITEMS or facts + more > MOST_FACTS or size + line.size > MOST_BYTES):
            yield Chunk(make(held), tuple(held))
            held, facts, size = [], 0, 0
        held.append(line)
        facts, size = facts + more, size + line.size
    if held:
        yield Chunk(make(held), tuple(held))


def facts_of(line: Line) -> int:
    """How many facts the line is, at most, where nothing is on file yet."""
    message: Any = line.message
    if message.DESCRIPTOR.name == "Record":
        return 1 + len(message.parties)
    person = message.person
    return 1 + len(person.identifiers) + len(person.names) + len(message.contact_points)


@dataclass
class Sender(Generic[Request]):
    """Sends all chunks, whatever happens to the connection meanwhile, within bounds."""

    connection: Connection
    method: ConversingMethod[Request, Any]
    controller: str
    told: Callable[[Chunk[Request], import_pb2.Imported], None]
    began: bool = False
    """It was there, so that a connection that fails is one that was lost."""
    _waiting: deque[Chunk[Request]] = field(default_factory=deque)
    """Sent and not answered."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, source: Iterator[Chunk[Request]]) -> None:
        """Raises Failure for what cannot be gone on with; what was told before that is on file."""
        tries = 0
        while True:
            stream = _Stream(self._waiting, source, self._lock)
            answered = False
            failure = None
            try:
                for answer in self.connection.converse(
                    self.method, stream.requests(), controller=self.controller
                ):
                    chunk = stream.answered()
                    answered = self.began = True
                    self.told(chunk, answer.imported)
            except Failure as error:
                failure = error
            finally:
                stream.close()
            if stream.error is not None:
                raise stream.error
            if failure is None and stream.exhausted and not self._waiting:
                return
            if failure is not None and not self._may_go_on(failure):
                raise failure
            if answered:
                tries = 0
                if failure is None:
                    continue  # the stream's time was over
            if tries == len(PAUSES):
                raise failure or Failure(
                    "the service keeps ending the import",
                    do_next="look whether it runs, and give the same command again: it goes on",
                    code=Exit.UNAVAILABLE,
                )
            time.sleep(PAUSES[tries])
            tries += 1

    def _may_go_on(self, failure: Failure) -> bool:
        """Whether it is the service that went away, and not one that was never there.

        It may go before its first answer: what it has written then is not known to have been written.
        """
        self.began = self.began or isinstance(failure, ConnectionLost)
        return self.began and failure.code is Exit.UNAVAILABLE


class _Stream(Generic[Request]):
    """The caller's side of one stream. grpc reads the requests in a thread of its own."""

    def __init__(
        self, waiting: deque[Chunk[Request]], source: Iterator[Chunk[Request]], lock: threading.Lock
    ) -> None:
        self._waiting = waiting
        self._again = tuple(waiting)
        self._source = source
        self._lock = lock
        self._room = threading.Semaphore(UNANSWERED)
        self._closed = threading.Event()
        self._ends_at = time.monotonic() + STREAM_SECONDS
        self.exhausted = False
        self.error: Exception | None = None

    def close(self) -> None:
        """Take nothing from the source any more: another stream does."""
        with self._lock:
            self._closed.set()
        self._room.release()

    def answered(self) -> Chunk[Request]:
        """The chunk that the next answer is about; they come in order."""
        self._room.release()
        if not self._waiting:
            raise Failure(
                "the service answers what it was not asked",
                do_next="look whether client and service are of one version",
                code=Exit.UNAVAILABLE,
            )
        return self._waiting.popleft()

    def requests(self) -> Iterator[Request]:
        for chunk in self._again:
            self._room.acquire()
            if self._closed.is_set():
                return
            yield chunk.request
        while time.monotonic() < self._ends_at:
            self._room.acquire()
            with self._lock:
                chunk_or_end = None if self._closed.is_set() else self._next()
            if chunk_or_end is None:
                return
            yield chunk_or_end.request

    def _next(self) -> Chunk[Request] | None:
        try:
            chunk = next(self._source, None)
        except Exception as error:  # grpc would say it on standard error, and end the stream  # noqa: BLE001
            self.error = error
            return None
        if chunk is None:
            self.exhausted = True
        else:
            self._waiting.append(chunk)
        return chunk
