"""Whether facts and log are those of one installation, asked before either is opened.

They are two databases, each named by a URL of its own, and both URLs can be mistyped; and a copy of one can
be put back without the other. Then writes would be acknowledged whose entries the log takes for delivered
long ago (promise 2), or the log would go on with the entries of other facts (promise 5). So:

1. A stream belongs to an epoch of these facts, and to the current one unless it is closed.
2. The facts have each revision whose entry a stream holds, with that entry.
3. The log has the stream to which the newest revision owes its entry.
4. A stream lacks no more entries of the facts' revisions than processes that ended can leave undelivered.
5. The log has each stream that control has noted in the facts, as far as was noted at least.

Of the entries of writes all is known (1 to 4). Of the others (refusals, readings, and all that a worker's
stream holds) the facts know how many there were when control noted it last: at its start, every minute, and
at its end. What a stream has lost of what came after that is not noticed here.
"""

from __future__ import annotations

from collections.abc import Collection

from policy_service.decision_log.belonging import epochs_of
from policy_service.decision_log.entry import StreamHead, StreamId
from policy_service.decision_log.reader import LogReader
from policy_service.decision_log.url import look
from policy_service.facts.connect import sqlite_path
from policy_service.facts.identity import Identity, entry_ids_of, owed_to
from policy_service.model.errors import UnavailableError
from policy_service.model.schema import SchemaState

VARIABLES = "`POLICY_SERVICE_FACTS_URL` and `POLICY_SERVICE_LOG_URL`"

MOST_OWED_ON_SQLITE = 2
"""The first start publishes the policies and makes the administrator's token before it delivers the entry of
either. From then on each write waits until those before it are in the log, so that it is one.
"""
MOST_OWED_ON_POSTGRESQL = 4
"""There a commit whose answer was lost may land after the next write has looked for what is owed: two of one
process. And a process whose stream another has taken over learns of it at its next delivery: two more.
"""


def refuse_strangers(facts_url: str, log_url: str) -> None:
    """Refuse facts and a log that do not belong together; changes nothing. Several services may go on writing
    both meanwhile.

    UnavailableError `LOG_OF_OTHER_FACTS`, `FACTS_BEHIND_LOG`, `FACTS_OF_OTHER_LOG` or
    `LOG_BEHIND_FACTS`, with what to do.
    """
    log = LogReader(log_url)
    streams = _streams(log_url)  # before the facts: what the log holds of them was there then
    facts = Identity.of(facts_url)
    _refuse_log_of_other_facts(log, streams, facts)
    _refuse_facts_behind_log(log, streams, facts, facts_url)
    if not _has_stream_of(streams, facts) and not _has_stream_of(_streams(log_url), facts):
        raise UnavailableError(
            "FACTS_OF_OTHER_LOG",
            "the facts' store has left its entries in another decision log than this: check"
            f" {VARIABLES}; if that log is lost, restore both from a backup by `policy-service restore`",
        )
    _refuse_log_behind_facts(_streams(log_url), facts, facts_url)  # after them: it has what was delivered


def _streams(log_url: str) -> list[StreamHead]:
    """Those of the log; none where there is no log yet.

    On SQLite a stream's file that a process beside this one is making now is empty, and says nothing of the
    others: the reader passes over it.
    """
    if sqlite_path(log_url) is None and look(log_url).state is SchemaState.EMPTY:
        return []
    return LogReader(log_url).streams()


def _refuse_log_of_other_facts(log: LogReader, streams: Collection[StreamHead], facts: Identity) -> None:
    epochs = epochs_of(log, streams)
    for stream in streams:
        epoch = epochs.get(stream.stream_id)
        if epoch is None:
            continue
        if epoch not in facts.epochs or not (stream.closed or epoch == facts.epochs[-1]):
            raise _other_facts()


def _refuse_facts_behind_log(
    log: LogReader, streams: Collection[StreamHead], facts: Identity, facts_url: str
) -> None:
    if any(stream.outbox_revision > facts.newest for stream in streams):
        raise UnavailableError(
            "FACTS_BEHIND_LOG",
            "the decision log holds entries of revisions that the facts' store does not have, so this is an"
            f" older copy of that store, or another one: check {VARIABLES}; the road to an earlier state is"
            " `policy-service restore`, which restores both from a backup",
        )
    going_on = [stream for stream in streams if stream.outbox_revision and not stream.closed]
    if not going_on:
        return
    owed = entry_ids_of(facts_url, {stream.outbox_revision for stream in going_on})
    held = {entry.id: entry.stream_id for entry in log.find(owed.values())}
    for stream in going_on:
        if held.get(owed.get(stream.outbox_revision, "")) != stream.stream_id:
            raise _other_facts()


def _refuse_log_behind_facts(streams: Collection[StreamHead], facts: Identity, facts_url: str) -> None:
    reach = {stream.stream_id: stream.size for stream in streams}
    for noted in facts.noted:
        if reach.get(StreamId(noted.stream_id), -1) < noted.size:
            raise UnavailableError(
                "LOG_BEHIND_FACTS",
                f"the decision log's stream `{noted.slot}` is not there, or has fewer entries than it had, so"
                f" this is an older copy of that log, or a part of it: check {VARIABLES}. Where it is lost"
                " for good, `policy-service backup` now and a restore of that into new databases keep all"
                " facts, and name the streams that are left",
            )
    most = MOST_OWED_ON_SQLITE if sqlite_path(facts_url) else MOST_OWED_ON_POSTGRESQL
    for stream in streams:
        if stream.closed or not facts.newest:
            continue
        if owed_to(facts_url, stream.stream_id, stream.outbox_revision, facts.newest, most + 1) > most:
            raise UnavailableError(
                "LOG_BEHIND_FACTS",
                "the decision log lacks entries of revisions that the facts' store has, more than a crash can"
                f" leave, so this is an older copy of that log: check {VARIABLES}; the road to an earlier"
                " state is `policy-service restore`, which restores both from a backup",
            )


def _has_stream_of(streams: Collection[StreamHead], facts: Identity) -> bool:
    """Whether the log has what the facts have left there, or they have left nothing."""
    if not facts.stream_id:
        return bool(streams) or not facts.newest
    return any(stream.stream_id == facts.stream_id for stream in streams)


def _other_facts() -> UnavailableError:
    return UnavailableError(
        "LOG_OF_OTHER_FACTS",
        "the decision log belongs to other facts than these, of another installation or from before a"
        f" restore: check {VARIABLES}",
    )
