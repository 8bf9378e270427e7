"""`overrides`: what people asked for, set aside for one user, on one record, for a time."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

import typer

from policy_service.api.v1 import casework_pb2 as pb
from policy_service.api.v1.casework_pb2_grpc import CaseworkServiceStub
from policy_service.cli import flags, past
from policy_service.cli.connect import control
from policy_service.cli.epilogs import example_of
from policy_service.cli.pages import all_pages
from policy_service.cli.render import as_json, moment_of, now, print_json, print_notes, print_pairs, say
from policy_service.cli.run import current, manager
from policy_service.cli.values import value_of
from policy_service.model.vocabulary import OverrideKind

app = typer.Typer(
    no_args_is_help=True, help="Overrides: requests set aside for one user, on one record, for a time."
)

_EXAMPLE = """\b
Example
  policy-service overrides grant --kind break_glass --user d.doctor \\
      --record WR-2 --category health.summary --minutes 30 \\
      --justification 'unconscious on arrival' \\
      --controller example-nhs-trust
"""


@app.command(epilog=_EXAMPLE)
def grant(
    context: typer.Context,
    kind: Annotated[str, typer.Option(metavar="KIND", help=f"One of {', '.join(OverrideKind)}.")],
    user: Annotated[str, typer.Option(metavar="REF", help="Whose it is; never who grants it.")],
    record: Annotated[str, typer.Option(metavar="REF", help="The record that it is for.")],
    category: Annotated[
        list[str], typer.Option(metavar="NAME", help="A category of fields that it opens. Repeatable.")
    ],
    justification: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="Why; kept on file, and never in the log. - reads it from standard input.",
        ),
    ],
    person: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCHEME:VALUE", help="About whom, or person:ID; nobody named: every party. Repeatable."
        ),
    ] = None,
    recipient: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHO",
            help="Who may get it, too: SCHEME:VALUE, person:ID, user:REF or team:REF. Repeatable.",
        ),
    ] = None,
    minutes: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="From now. Default: the most, 4 hours to break the glass, else 28 days."
        ),
    ] = 0,
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    key: flags.Key = "",
    json: flags.AsJson = False,
) -> None:
    """Grant an override, from now on. Approvers and privacy officers, and never to themselves."""
    request = pb.GrantOverrideRequest(
        override=pb.Override(
            kind=kind,
            user=user,
            record=record,
            people=person or (),
            categories=category,
            recipients=recipient or (),
            justification=value_of(justification, "--justification"),
            valid_minutes=minutes,
        ),
        idempotency_key=key or str(uuid.uuid4()),
        reason=reason,
    )
    run = current(context)
    with control(run, manager(run)) as connection:
        method = CaseworkServiceStub(connection.channel).GrantOverride
        answer = connection.call(method, request, controller=controller)
    if json:
        print_json(answer)
    else:
        _show(answer.override)
        print_notes(answer.notes)


@app.command(epilog=example_of("overrides end"))
def end(
    context: typer.Context,
    override_id: Annotated[str, typer.Argument(metavar="ID", help="As `overrides list` shows it.")],
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    key: flags.Key = "",
    json: flags.AsJson = False,
) -> None:
    """End an override now; the next check knows it."""
    request = pb.EndOverrideRequest(override_id=override_id, idempotency_key=key, reason=reason)
    run = current(context)
    with control(run, manager(run)) as connection:
        method = CaseworkServiceStub(connection.channel).EndOverride
        answer = connection.call(method, request, controller=controller)
    if json:
        print_json(answer)
    else:
        _show(answer.override)


@app.command("list", epilog=example_of("overrides list"))
def list_overrides(
    context: typer.Context,
    record: Annotated[str, typer.Option(metavar="REF", help="Only this record's.")] = "",
    as_of: flags.AsOf = "",
    controller: flags.Controller = "",
    limit: flags.Limit = 1000,
    json: flags.AsJson = False,
) -> None:
    """List overrides, whether they run or have ended."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = CaseworkServiceStub(connection.channel).ListOverrides

        def page(token: str, size: int) -> tuple[list[pb.Override], str]:
            question = pb.ListOverridesRequest(
                record=record, page_size=size, page_token=token, as_of=past.as_of(as_of)
            )
            answer = connection.call(method, question, controller=controller)
            return list(answer.overrides), answer.next_page_token

        found, more = all_pages(page, limit)
    if json:
        print_json({"overrides": [as_json(each) for each in found], "more": more})
        return
    if not found:
        say("none")
    for each in found:
        print_pairs(
            [
                ("override", each.override_id),
                ("kind", each.kind),
                ("state", _state(each, past.clock_of(as_of))),
                ("user", each.user),
                ("record", each.record),
                ("categories", ", ".join(each.categories)),
                ("ends", moment_of(each.ends_at)),
            ]
        )
        say()
    if more:
        say(f"the first {limit}; there are more, see --limit")


@app.command(epilog=example_of("overrides history"))
def history(
    context: typer.Context,
    override_id: Annotated[str, typer.Argument(metavar="ID", help="As `overrides list` shows it.")],
    controller: flags.Controller = "",
    limit: flags.Versions = 20,
    json: flags.AsJson = False,
) -> None:
    """Show when, by whom and why an override was granted and ended, newest first."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = CaseworkServiceStub(connection.channel).History

        def ask(token: str, size: int) -> pb.CaseworkServiceHistoryRequest:
            return pb.CaseworkServiceHistoryRequest(override_id=override_id, page_size=size, page_token=token)

        past.show_history(connection, method, ask, controller, limit, json=json)


def _state(override: pb.Override, at: datetime | None) -> str:
    """Whether it runs, or ran `at` a moment; None: at one that is not known."""
    if at is None:
        return ""
    try:
        return "runs" if datetime.fromisoformat(override.ends_at) > at else "ended"
    except (ValueError, TypeError):
        return ""


def _show(override: pb.Override) -> None:
    print_pairs(
        [
            ("override", override.override_id),
            ("kind", override.kind),
            ("state", _state(override, now())),
            ("user", override.user),
            ("record", override.record),
            ("about", ", ".join(override.people) or "every party"),
            ("categories", ", ".join(override.categories)),
            ("recipients", ", ".join(override.recipients)),
            ("justification", override.justification),
            ("granted", moment_of(override.granted_at)),
            ("granted by", override.granted_by),
            ("ends", moment_of(override.ends_at)),
        ]
    )
