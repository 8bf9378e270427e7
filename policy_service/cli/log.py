"""`log`: what was decided, from the decision log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

import typer

from policy_service.api.v1 import decision_log_pb2 as pb
from policy_service.api.v1.decision_log_pb2_grpc import DecisionLogServiceStub
from policy_service.api.v1.decision_pb2 import VERB_SEE, VERB_SEND
from policy_service.cli import flags, log_replay, log_search
from policy_service.cli.answers import effect, obligation_in_words
from policy_service.cli.connect import control
from policy_service.cli.log_events import event_pairs
from policy_service.cli.render import moment, print_json, print_pairs, print_table, say, say_whole
from policy_service.cli.run import current, manager

_VERBS: Final = {VERB_SEE: "see", VERB_SEND: "send"}

_EXPLAIN: Final = "DecisionService/Explain"
"""Nobody acts on an explanation, so that nobody reports of it."""

SHOW_EPILOG: Final = """\b
Example
  policy-service log show 019cae6b-6600-7193-b2a4-fb2f2b292c41

\b
The ids are those of answers (`decision`), of `log search` and `log follow`,
and of reports (`report_id`).
"""

app = typer.Typer(
    no_args_is_help=True,
    help="The decision log, for tokens with the role `auditor` and the first administrator's. Each reading "
    "of it is an entry itself.",
    epilog="""\b
An auditor's token is made by
  policy-service tokens issue --controller example-police \\
      --principal audit-office --role auditor --out auditor.token
and stands before the command, as in
  policy-service --token-file auditor.token log search --effect deny
""",
)
app.command(epilog=log_search.SEARCH_EPILOG)(log_search.search)
app.command(epilog=log_search.FOLLOW_EPILOG)(log_search.follow)
app.command(epilog=log_replay.EPILOG)(log_replay.replay)


@app.command(epilog=SHOW_EPILOG)
def show(
    context: typer.Context,
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="A decision's id, or another entry's.")],
    controller: flags.LogController = "",
    json: flags.AsJson = False,
) -> None:
    """Show one entry: who asked what, what was decided and why, and where it stands."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = DecisionLogServiceStub(connection.channel).Get
        question = pb.DecisionLogServiceGetRequest(entry_id=entry_id)
        answer = connection.call(method, question, controller=controller)
    if json:
        print_json(answer)
        return
    entry = answer.entry
    event = entry.WhichOneof("event") or "none"
    print_pairs(
        [
            ("entry", entry.entry_id),
            ("time", moment(entry.time)),
            ("method", entry.method),
            ("event", event),
            ("caller", entry.caller.system or entry.caller.principal),
            ("token id", entry.caller.token_id),
            ("controller", entry.controller),
            ("policy set", entry.versions.policy_set),
            ("stream", answer.stream_id),
            ("index", str(answer.index)),
            ("leaf hash", answer.leaf_hash.hex()),
            # As logs and `traceparent` have it.
            ("trace", entry.trace_id.hex()),
        ]
    )
    say()
    if event == "decision":
        _show_decision(entry.decision)
        if entry.method != _EXPLAIN:
            _say_next(entry.entry_id)
    else:
        print_pairs(event_pairs(entry))


def _say_next(decision_id: str) -> None:
    """What came of it stands in entries of its own; whether it comes out the same is computed."""
    say()
    say("what was reported of it is found by")
    say_whole(f"  policy-service log search --decision {decision_id}")
    say("and it is computed again by")
    say_whole(f"  policy-service log replay {decision_id}")


def _show_decision(decision: pb.DecisionEvent) -> None:
    print_pairs(
        [
            ("user", f"{decision.user} ({decision.user_kind})"),
            ("verb", _VERBS.get(decision.verb, "")),
            (
                "record",
                f"{decision.record} ({decision.record_type})" if decision.record_type else decision.record,
            ),
            ("purpose", decision.purpose),
            ("channel", decision.channel),
            ("artefact", decision.artefact_type),
            ("digest", decision.artefact_digest.hex()),
            ("dispatch", decision.dispatch_reference),
            ("answer", effect(decision.effect)),
            ("told", decision.reason),
            ("cause", decision.cause),
            ("authority", f"{effect(decision.authority.effect)} {decision.authority.reason}".strip()),
            ("can do", ", ".join(decision.capabilities)),
            ("owed", ", ".join(obligation_in_words(owed) for owed in decision.obligations)),
            ("valid until", moment(decision.valid_until)),
            ("alerts", ", ".join(decision.alerts)),
            *(
                (name, value)
                for number, each in enumerate(decision.recipients, start=1)
                for name, value in _recipient(number, each)
            ),
            *(("task", _task(each)) for each in decision.tasks),
            *(("possibly", each.replace(" ", " is ", 1)) for each in decision.possible_matches),
            ("declared", ", ".join(decision.declared_contents)),
        ]
    )
    rows = list(_rows(decision))
    if rows:
        say()
        print_table(("field", "to", "answer", "reason", "told", "tier"), [row[:6] for row in rows])
        for note in dict.fromkeys(row[7] for row in rows if row[7]):
            say(note)
        say()
        for policy in sorted({policy for row in rows for policy in row[6].split()}):
            say(f"decided by {policy}")


def _rows(decision: pb.DecisionEvent) -> Iterator[tuple[str, ...]]:
    """Unpack the matrix: recipient by recipient, the fields in order; the recipients by their numbers."""
    places = [
        (field, str(number)) for number in range(1, len(decision.recipients) + 1) for field in decision.fields
    ]
    for (field, number), index in zip(places, decision.cells, strict=False):
        if index >= len(decision.outcomes):
            continue
        outcome = decision.outcomes[index]
        name = f"{field.name}@{field.party}" if field.party else field.name
        name = f"{name},place={field.place}" if field.place else name
        yield (
            name,
            number,
            effect(outcome.effect),
            outcome.reason,
            outcome.told,
            outcome.tier,
            " ".join(outcome.policies),
            _decided_for(name, outcome),
        )


def _recipient(number: int, recipient: pb.LoggedRecipient) -> Iterator[tuple[str, str]]:
    """Who it was, and who else would learn what is sent."""
    way = (recipient.recipient, recipient.contact_point, recipient.channel)
    yield f"to {number}", " ".join(filter(None, way))
    if recipient.shared:
        yield "  shared", recipient.shared
    for reader in recipient.implied_readers:
        yield "  read by", reader


def _task(task: pb.LoggedTask) -> str:
    parameters = ", ".join(f"{name}={value}" for name, value in sorted(task.parameters.items()))
    return " ".join(filter(None, (task.kind, f"for {task.owner}" if task.owner else "", parameters)))


def _decided_for(name: str, outcome: pb.LoggedOutcome) -> str:
    """Where a part of a document, or somebody else than the recipient, decided."""
    found = [
        f"for its part {outcome.part}" if outcome.part else "",
        f"towards {outcome.reader}" if outcome.reader else "",
    ]
    return f"{name} {effect(outcome.effect)}: {' '.join(filter(None, found))}" if any(found) else ""
