"""What a process says in its stream of the decision log: that it begins or goes on, and what control adds."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from policy_service.decision_log.belonging import belonging_id, epochs_of
from policy_service.decision_log.entries import STREAMS_AN_ENTRY, Head, Versions, stream_entry
from policy_service.decision_log.entry import Entry, StreamHead
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.stream import StreamWriter
from policy_service.facts.mapping import to_microseconds
from policy_service.facts.store import FactStore
from policy_service.model.caller import NOBODY
from policy_service.model.facts import Revision
from policy_service.model.ids import time_ordered_id
from policy_service.server import slots
from policy_service.server.settings import Settings
from policy_service.service.outbox import Outbox

_log = logging.getLogger(__name__)


def say_opened(log: StreamWriter, url: str, revision: Revision, epoch: int, versions: Versions) -> None:
    """Leave the entry by which a stream begins, or goes on in a new process. The first that names the facts'
    epoch can be found by the stream: it belongs to these facts from then on.
    """
    stream_id, reader = log.stream_id, LogReader(url)
    streams = reader.streams()
    (stream,) = (each for each in streams if each.stream_id == stream_id)
    ended = [] if stream.size else [each for each in streams if each.closed and each.slot == log.slot]
    # The newest that fit: a restore's own entry names all.
    before = ended[-STREAMS_AN_ENTRY:]
    kind = "continued" if stream.size else "opened"
    entry_id = "" if epochs_of(reader, (stream,)) else belonging_id(stream)
    log.append_now(
        _of_stream(log, kind, revision, versions, before=before, facts_epoch=epoch, entry_id=entry_id)
    )


def complete(store: FactStore, log: StreamWriter, versions: Versions) -> None:
    """Bring the stream what the facts owe it from before this start, and say so: a crash leaves an entry or
    two, and a copy of the stream that is older by so little looks the same.
    """
    if not (owed := Outbox(store, log).deliver()):
        return
    _log.warning("the log lacked entries of revisions, and has them now", extra={"entries": owed})
    log.append_now(_of_stream(log, "completed", store.head(), versions, owed=owed))


def close_streams_without_a_worker(settings: Settings, revision: Revision, versions: Versions) -> None:
    """Close the streams of workers that this service runs no more; the last entry of each says so."""
    for stream in LogReader(settings.log).streams():
        number = slots.worker_number(settings.service_name, stream.slot)
        if stream.closed or number is None or number < settings.workers:
            continue
        with StreamWriter.open(settings.log, stream.slot) as log:
            log.finish(_of_stream(log, "closed", revision, versions))


def _of_stream(
    log: StreamWriter,
    kind: str,
    revision: Revision,
    versions: Versions,
    *,
    before: Sequence[StreamHead] = (),
    facts_epoch: int = 0,
    owed: int = 0,
    entry_id: str = "",
) -> Entry:
    now = datetime.now(UTC)
    head = Head(entry_id or time_ordered_id(now), now, NOBODY, "serve", revision, versions)
    data = stream_entry(
        head, kind=kind, stream_id=log.stream_id, before=before, facts_epoch=facts_epoch, owed=owed
    )
    return Entry(head.entry_id, to_microseconds(now), data)
