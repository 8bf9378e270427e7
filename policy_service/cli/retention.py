"""`retention`: how long what is over stays on file, what is held, and erasure on request."""

from __future__ import annotations

import textwrap
import uuid
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from policy_service.api.v1 import retention_pb2 as pb
from policy_service.api.v1.retention_pb2_grpc import RetentionServiceStub
from policy_service.cli import flags, past
from policy_service.cli.connect import control
from policy_service.cli.epilogs import example_of
from policy_service.cli.exits import Exit, Failure
from policy_service.cli.pages import all_pages
from policy_service.cli.render import as_json, moment_of, print_json, print_pairs, print_table, say
from policy_service.cli.run import current, manager

app = typer.Typer(
    no_args_is_help=True,
    help="Retention: how long what is over stays on file, legal holds, and erasure.",
)

_SET_EXAMPLE = """\b
Example
  policy-service retention set contact_point 365 --controller example-police
"""
_HOLD_EXAMPLE = """\b
Example
  policy-service retention hold police-ref:P-1001 --matter CLAIM-17 \\
      --controller example-police
"""
_ERASE_EXAMPLE = """\b
Example
  policy-service retention erase police-ref:P-1009 --yes \\
      --reason 'her request of 3 March' --controller example-police
"""


class _WithKinds(TyperCommand):
    """Lists the kinds that a rule may be about, where somebody asks for help."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        # Here, since no other command needs what knows them, and each would wait for it.
        from policy_service.service.retention_rules import RULED

        kinds = textwrap.fill(", ".join(sorted(RULED)), 76, initial_indent="  ", subsequent_indent="  ")
        self.epilog = f"\b\nKinds of fact\n{kinds}\n\n{_SET_EXAMPLE}"
        super().format_epilog(ctx, formatter)


Person = Annotated[str, typer.Argument(metavar="PERSON", help="An identifier, SCHEME:VALUE, or person:ID.")]


@app.command(epilog=example_of("retention show"))
def show(
    context: typer.Context,
    as_of: flags.AsOf = "",
    controller: flags.Controller = "",
    json: flags.AsJson = False,
) -> None:
    """Show the schedule: how many days what is over is kept, by kind. Other kinds are kept."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = RetentionServiceStub(connection.channel).ListRules
        question = pb.ListRulesRequest(as_of=past.as_of(as_of))
        answer = connection.call(method, question, controller=controller)
    if json:
        print_json(answer)
    elif not answer.rules:
        say("no rule: whatever is over is kept")
    else:
        print_table(("kind", "days"), ((rule.kind, str(rule.days)) for rule in answer.rules))


@app.command("set", cls=_WithKinds, epilog=_SET_EXAMPLE)
def set_rule(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="A kind of fact, of those below.")],
    days: Annotated[
        int, typer.Argument(metavar="DAYS", min=0, help="30 or more; 0: keep what is over of this kind.")
    ],
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    key: flags.Key = "",
    json: flags.AsJson = False,
) -> None:
    """Say how long what is over of one kind of fact is kept; then it is erased, for good.

    Over is a version that was replaced or removed, and a fact that has ended by itself: an override, an
    order, a token, a request that protects no more. What is in force is never erased by the schedule.
    """
    request = pb.PutRuleRequest(
        rule=pb.RetentionRule(kind=kind, days=days), idempotency_key=key or str(uuid.uuid4()), reason=reason
    )
    run = current(context)
    with control(run, manager(run)) as connection:
        method = RetentionServiceStub(connection.channel).PutRule
        answer = connection.call(method, request, controller=controller)
    if json:
        print_json(answer)
    elif answer.HasField("rule"):
        say(f"what is over of the kind `{kind}` is erased after {days} days")
    else:
        say(f"what is over of the kind `{kind}` is kept")


@app.command(epilog=example_of("retention run"))
def run(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what is due, and erase nothing.")] = False,
    clock_is_right: Annotated[
        bool,
        typer.Option(
            "--clock-is-right",
            help="You have looked: the service was down for over a day. Needs a token of the installation.",
        ),
    ] = False,
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    json: flags.AsJson = False,
) -> None:
    """Erase what is due now; the service does so by itself every hour.

    By a clock that is more than a day ahead of the last hour in which it did, nothing is erased.
    """
    this = current(context)
    counted: Counter[str] = Counter()
    with control(this, manager(this)) as connection:
        method = RetentionServiceStub(connection.channel).Run
        while True:
            request = pb.RunRequest(validate_only=dry_run, reason=reason, clock_is_right=clock_is_right)
            answer = connection.call(method, request, controller=controller)
            counted.update({each.kind: each.count for each in answer.versions})
            if dry_run or not answer.more:
                break
    if json:
        print_json({"versions": dict(counted), "more": answer.more})
        return
    _show_counts(counted.items(), "versions", nothing="nothing is due")
    if answer.more:
        say("and more")


@app.command(epilog=_HOLD_EXAMPLE)
def hold(
    context: typer.Context,
    person: Person,
    matter: Annotated[
        str, typer.Option(metavar="REF", help="The reference of what it is held for; no name of a person.")
    ],
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    key: flags.Key = "",
    json: flags.AsJson = False,
) -> None:
    """Keep everything about a person until the hold is lifted. Privacy officers."""
    request = pb.PlaceHoldRequest(
        hold=pb.LegalHold(person=person, matter=matter),
        idempotency_key=key or str(uuid.uuid4()),
        reason=reason,
    )
    run = current(context)
    with control(run, manager(run)) as connection:
        method = RetentionServiceStub(connection.channel).PlaceHold
        answer = connection.call(method, request, controller=controller)
    if json:
        print_json(answer)
    else:
        _show_hold(answer.hold)


@app.command(epilog=example_of("retention lift"))
def lift(
    context: typer.Context,
    hold_id: Annotated[str, typer.Argument(metavar="ID", help="As `retention holds` shows it.")],
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    json: flags.AsJson = False,
) -> None:
    """Lift a legal hold. Privacy officers."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = RetentionServiceStub(connection.channel).LiftHold
        request = pb.LiftHoldRequest(hold_id=hold_id, reason=reason)
        answer = connection.call(method, request, controller=controller)
    if json:
        print_json(answer)
    else:
        say("lifted")
        _show_hold(answer.hold)


@app.command(epilog=example_of("retention holds"))
def holds(
    context: typer.Context,
    person: Annotated[
        str, typer.Option(metavar="PERSON", help="Only those on this person, SCHEME:VALUE or person:ID.")
    ] = "",
    as_of: flags.AsOf = "",
    controller: flags.Controller = "",
    limit: flags.Limit = 1000,
    json: flags.AsJson = False,
) -> None:
    """List the legal holds that stand."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = RetentionServiceStub(connection.channel).ListHolds

        def page(token: str, size: int) -> tuple[list[pb.LegalHold], str]:
            question = pb.ListHoldsRequest(
                person=person, page_size=size, page_token=token, as_of=past.as_of(as_of)
            )
            answer = connection.call(method, question, controller=controller)
            return list(answer.holds), answer.next_page_token

        found, more = all_pages(page, limit)
    if json:
        print_json({"holds": [as_json(each) for each in found], "more": more})
        return
    if not found:
        say("none")
    for each in found:
        _show_hold(each)
        say()
    if more:
        say(f"the first {limit}; there are more, see --limit")


@app.command(epilog=example_of("retention history"))
def history(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="[KIND]", help="Of the rule for this kind of fact.")] = "",
    hold: Annotated[str, typer.Option(metavar="ID", help="Of a hold, as `retention holds` shows it.")] = "",
    controller: flags.Controller = "",
    limit: flags.Versions = 20,
    json: flags.AsJson = False,
) -> None:
    """Show what was changed of a rule or hold, when, by whom and why, newest first."""
    if bool(kind) == bool(hold):
        raise Failure(
            "a history is of one rule or hold", do_next="give one of KIND and --hold", code=Exit.USAGE
        )
    run = current(context)
    with control(run, manager(run)) as connection:
        method = RetentionServiceStub(connection.channel).History

        def ask(token: str, size: int) -> pb.RetentionServiceHistoryRequest:
            question = pb.RetentionServiceHistoryRequest(page_size=size, page_token=token)
            if kind:
                question.rule_kind = kind
            else:
                question.hold_id = hold
            return question

        past.show_history(connection, method, ask, controller, limit, json=json)


@app.command(epilog=_ERASE_EXAMPLE)
def erase(
    context: typer.Context,
    person: Person,
    yes: Annotated[bool, typer.Option("--yes", help="It cannot be undone, and that is meant.")] = False,
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    json: flags.AsJson = False,
) -> None:
    """Erase everything that the organisation has on file about a person, for good. Privacy officers.

    Refused while a legal hold of its own stands, or as long as anything that it recorded protects somebody.
    The decision log stays: it has references alone.
    """
    if not yes:
        raise Failure(
            "nothing was erased: this cannot be undone", do_next="give --yes as well", code=Exit.USAGE
        )
    run = current(context)
    with control(run, manager(run)) as connection:
        method = RetentionServiceStub(connection.channel).ErasePerson
        request = pb.ErasePersonRequest(person=person, reason=reason)
        answer = connection.call(method, request, controller=controller)
    if json:
        print_json(answer)
        return
    if not answer.facts:
        say("erased: the person and every identifier; nothing else was on file")
        return
    say("erased: the person and every identifier, and")
    _show_counts(((each.kind, each.count) for each in answer.facts), "facts", nothing="")


def _show_counts(counts: Iterable[tuple[str, int]], what: str, *, nothing: str) -> None:
    rows = sorted((kind, f"{count:,}") for kind, count in counts)
    if rows:
        print_table(("kind", what), rows)
    else:
        say(nothing)


def _show_hold(hold: pb.LegalHold) -> None:
    print_pairs(
        [
            ("hold", hold.hold_id),
            ("person", hold.person),
            ("matter", hold.matter),
            ("placed", moment_of(hold.placed_at)),
            ("placed by", hold.placed_by),
        ]
    )
