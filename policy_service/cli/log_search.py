"""`log search` and `log follow`: what was decided, found by what an auditor knows of it."""

from __future__ import annotations

import json as json_text
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Final

import typer

from policy_service.api.v1 import decision_log_pb2 as pb
from policy_service.api.v1 import decision_pb2
from policy_service.api.v1.decision_log_pb2_grpc import DecisionLogServiceStub
from policy_service.cli import flags, times
from policy_service.cli.answers import effect as effect_in_words
from policy_service.cli.connect import Connection, control
from policy_service.cli.exits import Exit, Failure
from policy_service.cli.log_events import DISPATCHES
from policy_service.cli.methods import note_of
from policy_service.cli.pages import all_pages
from policy_service.cli.render import as_json, moment, print_columns, print_json, print_table, progress, say
from policy_service.cli.run import current, manager

SEARCH_EPILOG: Final = """\b
Examples
  policy-service log search --controller example-police \\
      --record OM-1001 --effect deny
  policy-service log search --controller example-police \\
      --person police-ref:P-1001 --since 2026-03-01T00:00:00Z --json
  policy-service log search --decision 019cae6b-6600-7193-b2a4-fb2f2b292c41
`log show ID` shows one of them whole.
"""
FOLLOW_EPILOG: Final = """\b
Examples
  policy-service log follow --controller example-police --effect deny
  policy-service log follow --since 2026-03-01T09:00:00Z --json
Ctrl-C ends it, with exit code 0.
"""

_EFFECTS: Final = {"": 0, "permit": decision_pb2.EFFECT_PERMIT, "deny": decision_pb2.EFFECT_DENY}
_BETWEEN_TRIES: Final = 0.5
"""Seconds."""
_WIDTHS: Final = (36, 7, 16, 15)
"""Of the columns of `follow`: an id, what came, why and who, and which record."""

Person = Annotated[
    str,
    typer.Option(
        metavar="PERSON",
        help="SCHEME:VALUE or person:ID: whom it is about, who got it or would have read it, or who is "
        "behind its user.",
    ),
]
User = Annotated[str, typer.Option(metavar="USER", help="Of a decision.")]
System = Annotated[str, typer.Option(metavar="NAME", help="The system that called.")]
Record = Annotated[str, typer.Option(metavar="REF", help="Of a decision, a reading or a write.")]
RecordType = Annotated[str, typer.Option(metavar="NAME", help="Of a decision's record.")]
Effect = Annotated[str, typer.Option(metavar="EFFECT", help="permit or deny: of the whole answer.")]
Reason = Annotated[
    str, typer.Option(metavar="CODE", help="The true reason or the one told, e.g. DO_NOT_SHARE.")
]
Method = Annotated[str, typer.Option(metavar="NAME", help="E.g. DecisionService/Check.")]
Decision = Annotated[
    str,
    typer.Option(metavar="ID", help="A decision's id: its own entry, and each report of what came of it."),
]
Since = Annotated[str, typer.Option(metavar="TIME", help="A time (RFC 3339) or a date: from then on.")]
Until = Annotated[
    str, typer.Option(metavar="TIME", help="A time (RFC 3339): before then; or a date, which is included.")
]


def search(
    context: typer.Context,
    person: Person = "",
    user: User = "",
    system: System = "",
    record: Record = "",
    record_type: RecordType = "",
    effect: Effect = "",
    reason: Reason = "",
    method: Method = "",
    decision: Decision = "",
    since: Since = "",
    until: Until = "",
    limit: flags.Limit = 50,
    controller: flags.LogController = "",
    json: flags.AsJson = False,
) -> None:
    """Search the log, newest first. All that is said must hold; without options: what came last.

    Each page that is looked through is a reading, and so an entry itself.
    """
    wanted = _filter(person, user, system, record, record_type, effect, reason, method, decision)
    run = current(context)
    with control(run, manager(run)) as connection:
        search_log = DecisionLogServiceStub(connection.channel).Search

        def page(token: str, size: int) -> tuple[list[pb.FoundEntry], str]:
            question = pb.DecisionLogServiceSearchRequest(
                filter=wanted,
                since=times.from_then_on(since),
                until=times.before_then(until),
                page_size=size,
                page_token=token,
            )
            answer = connection.call(search_log, question, controller=controller)
            return list(answer.entries), answer.next_page_token

        found, more = all_pages(page, limit)
    if json:
        print_json({"entries": [as_json(each) for each in found], "more": more})
        return
    print_table(
        ("time, id", "what", "reason, user", "record, system"),
        (
            (
                f"{line.time}\n{line.entry_id}",
                line.what,
                f"{line.reason}\n{line.user}",
                f"{line.record}\n{line.system}",
            )
            for line in map(_Line, found)
        ),
    )
    if more:
        say(f"there may be more; --limit {limit * 10} looks further")


def follow(
    context: typer.Context,
    person: Person = "",
    user: User = "",
    system: System = "",
    record: Record = "",
    record_type: RecordType = "",
    effect: Effect = "",
    reason: Reason = "",
    method: Method = "",
    decision: Decision = "",
    since: Since = "",
    controller: flags.LogController = "",
    json: Annotated[
        bool, typer.Option("--json", help="Print a JSON document a line, with the names of the protos.")
    ] = False,
) -> None:
    """Print entries as they come, from now on or from a moment, until Ctrl-C.

    Each stream of the log comes in its order. A connection that ends is taken up again where it ended.
    """
    question = pb.DecisionLogServiceFollowRequest(
        filter=_filter(person, user, system, record, record_type, effect, reason, method, decision),
        since=times.from_then_on(since),
    )
    run = current(context)

    with suppress(KeyboardInterrupt), control(run, manager(run)) as connection:
        for found in _in_a_thread(_followed(connection, question, controller, run.timeout)):
            if json:
                typer.echo(json_text.dumps(as_json(found), ensure_ascii=False))
            else:
                _say_line(_Line(found))


def _in_a_thread(entries: Iterator[pb.FoundEntry]) -> Iterator[pb.FoundEntry]:
    """The same, one after the other, read by a thread of their own.

    Ctrl-C comes to the first thread, in which it prints or waits: inside grpcio it would be lost, or leave
    that broken. And what the other thread does at the end of the process must not be writing.
    """
    came: queue.Queue[pb.FoundEntry | BaseException | None] = queue.Queue(1)

    def read() -> None:
        try:
            for entry in entries:
                came.put(entry)
            came.put(None)
        except BaseException as error:  # noqa: BLE001 - raised again below
            came.put(error)

    threading.Thread(target=read, name="following", daemon=True).start()
    while (entry := came.get()) is not None:
        if isinstance(entry, BaseException):
            raise entry
        yield entry


def _followed(
    connection: Connection, question: pb.DecisionLogServiceFollowRequest, controller: str, patience: float
) -> Iterator[pb.FoundEntry]:
    """What comes, over as many calls as it takes; a service that is away for `patience` seconds ends it."""
    method = DecisionLogServiceStub(connection.channel).Follow
    heard = time.monotonic()
    while True:
        try:
            for answer in connection.follow(method, question, controller=controller):
                if not question.resume_token:
                    progress("following; Ctrl-C ends it")
                question.resume_token = answer.resume_token
                heard = time.monotonic()
                yield from answer.entries
                heard = time.monotonic()
        except Failure as failure:
            if failure.code is not Exit.UNAVAILABLE or not question.resume_token:
                raise
            if time.monotonic() - heard > patience:
                raise Failure(
                    failure.message,
                    do_next="follow again with --since TIME, the time of the last entry that was printed",
                    code=failure.code,
                ) from None
            time.sleep(_BETWEEN_TRIES)


def _filter(
    person: str,
    user: str,
    system: str,
    record: str,
    record_type: str,
    effect: str,
    reason: str,
    method: str,
    decision: str,
) -> pb.EntryFilter:
    if effect not in _EFFECTS:
        raise Failure(
            "`--effect` is neither permit nor deny", do_next="write --effect deny, say", code=Exit.USAGE
        )
    if note := note_of(method):
        progress(note)
    return pb.EntryFilter(
        person=person,
        user=user,
        system=system,
        record=record,
        record_type=record_type,
        effect=_EFFECTS[effect],  # type: ignore[arg-type]
        reason=reason,
        method=method,
        decision=decision,
    )


class _Line:
    """What a list shows of an entry."""

    def __init__(self, found: pb.FoundEntry) -> None:
        entry, decision = found.entry, found.entry.decision
        event = entry.WhichOneof("event") or "none"
        decided = event == "decision"
        self.time = moment(entry.time)
        self.entry_id = _flat(entry.entry_id)
        self.what = effect_in_words(decision.effect) if decided else event
        self.reason = _flat(_reason(entry))
        self.user = _flat(decision.user or entry.caller.principal)
        self.record = _flat(decision.record if decided else entry.method.rpartition("/")[2])
        self.system = _flat(entry.caller.system or entry.controller)


def _reason(entry: pb.LogEntry) -> str:
    """The true reason: of the first outcome that decided the whole, as an auditor would look for it. Of a
    report whether it went out.
    """
    decision = entry.decision
    outcomes = (decision.authority, *decision.outcomes, *decision.delivery)
    if decision.effect == decision_pb2.EFFECT_PERMIT:
        outcomes = (*decision.outcomes, decision.authority)
    decided = (each.reason for each in outcomes if each.effect == decision.effect and each.reason)
    if entry.HasField("report"):
        return DISPATCHES.get(entry.report.dispatch, "")
    return next(decided, "") or entry.refusal.reason or entry.refused_callers.cause


def _say_line(line: _Line) -> None:
    cells = (
        f"{line.time}\n{line.entry_id}",
        line.what,
        f"{line.reason}\n{line.user}",
        f"{line.record}\n{line.system}",
    )
    print_columns(_WIDTHS, cells)


def _flat(text: str) -> str:
    """On one line, whatever a caller called himself."""
    return " ".join(text.split())
