"""`tokens`: API tokens of systems, and of people who manage."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from policy_service.api.v1 import access_pb2 as pb
from policy_service.api.v1.access_pb2_grpc import AccessServiceStub
from policy_service.cli import flags, past
from policy_service.cli.connect import control
from policy_service.cli.epilogs import example_of
from policy_service.cli.exits import Exit, Failure
from policy_service.cli.pages import all_pages
from policy_service.cli.render import as_json, moment, print_json, print_pairs, print_table, say, say_whole
from policy_service.cli.run import current, manager
from policy_service.cli.secrets import place_for_secret
from policy_service.model.vocabulary import StaffRole

app = typer.Typer(no_args_is_help=True, help="API tokens: issue, list, revoke.")

_EXAMPLE = """\b
Examples
  policy-service tokens issue --system police-records \\
      --controller example-police --out police-records.token
  policy-service tokens issue --principal data-protection-office \\
      --role privacy_officer --role auditor --controller example-police \\
      --days 30 --out officer.token
"""


@app.command(epilog=_EXAMPLE)
def issue(
    context: typer.Context,
    system: Annotated[str, typer.Option(metavar="NAME", help="The system that it is for.")] = "",
    principal: Annotated[
        str, typer.Option(metavar="REF", help="Or the person who manages, by the organisation's reference.")
    ] = "",
    role: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE", help=f"With --principal: {', '.join(StaffRole)}. Repeatable."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=366, metavar="N", help="How long it is valid.")] = 90,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the token there, mode 0600, instead of showing it."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file of --out if it is there.")] = False,
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    json: flags.AsJson = False,
) -> None:
    """Issue a token. It is shown or written once; the service keeps its hash alone."""
    if bool(system) == bool(principal):
        raise Failure(
            "a token is for a system or for a person who manages",
            do_next="give one of --system and --principal",
            code=Exit.USAGE,
        )
    request = pb.IssueTokenRequest(
        system=system,
        principal=principal,
        roles=role or (),
        controller=controller,
        valid_days=days,
        reason=reason,
    )
    run = current(context)
    token = manager(run)
    # The place first: a token that cannot be written is lost, and holds all the same.
    with place_for_secret(out, replace=force) if out else nullcontext() as write:
        with control(run, token) as connection:
            method = AccessServiceStub(connection.channel).IssueToken
            answer = connection.call(method, request, controller=controller)
        if write is not None:
            write(answer.secret)
            answer.secret = ""
    if json:
        print_json(answer)
        return
    _show(answer.token)
    if out is not None:
        say(f"written to `{out}`")
    else:
        say_whole(f"token       {answer.secret}")
        say("it is not shown again")


@app.command("list", epilog=example_of("tokens list"))
def list_tokens(
    context: typer.Context,
    as_of: flags.AsOf = "",
    controller: flags.Controller = "",
    limit: flags.Limit = 1000,
    json: flags.AsJson = False,
) -> None:
    """List tokens, by their public ids; never their secrets."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = AccessServiceStub(connection.channel).ListTokens

        def page(token: str, size: int) -> tuple[list[pb.Token], str]:
            question = pb.ListTokensRequest(page_size=size, page_token=token, as_of=past.as_of(as_of))
            answer = connection.call(method, question, controller=controller)
            return list(answer.tokens), answer.next_page_token

        found, more = all_pages(page, limit)
    if json:
        print_json({"tokens": [as_json(each) for each in found], "more": more})
        return
    print_table(
        ("token id", "whose", "controller", "expires", "state"),
        (
            (
                each.token_id,
                each.system or each.principal,
                each.controller or "all",
                moment(each.expires_at)[:10],
                state(each, past.clock_of(as_of)),
            )
            for each in found
        ),
    )
    if more:
        say(f"the first {limit}; there are more, see --limit")


@app.command(epilog=example_of("tokens revoke"))
def revoke(
    context: typer.Context,
    token_id: Annotated[str, typer.Argument(metavar="TOKEN_ID", help="As `tokens list` shows it.")],
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    json: flags.AsJson = False,
) -> None:
    """Revoke a token. It is refused from the next call on."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = AccessServiceStub(connection.channel).RevokeToken
        request = pb.RevokeTokenRequest(token_id=token_id, reason=reason)
        answer = connection.call(method, request, controller=controller)
    if json:
        print_json(answer)
    else:
        _show(answer.token)


@app.command(epilog=example_of("tokens history"))
def history(
    context: typer.Context,
    token_id: Annotated[str, typer.Argument(metavar="TOKEN_ID", help="As `tokens list` shows it.")],
    controller: flags.Controller = "",
    limit: flags.Versions = 20,
    json: flags.AsJson = False,
) -> None:
    """Show when, by whom and why a token was issued and revoked, newest first."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = AccessServiceStub(connection.channel).History

        def ask(token: str, size: int) -> pb.AccessServiceHistoryRequest:
            return pb.AccessServiceHistoryRequest(token_id=token_id, page_size=size, page_token=token)

        past.show_history(connection, method, ask, controller, limit, json=json)


def state(token: pb.Token, at: datetime | None) -> str:
    """Tell whether a token holds, or held `at` a moment; None: at one that is not known."""
    if token.HasField("revoked_at"):
        return "revoked"
    if at is None:
        return ""
    return "expired" if token.expires_at.seconds <= at.timestamp() else "active"


def _show(token: pb.Token) -> None:
    print_pairs(
        [
            ("token id", token.token_id),
            ("system", token.system),
            ("principal", token.principal),
            ("roles", ", ".join(token.roles)),
            ("controller", token.controller or "all"),
            ("expires", moment(token.expires_at)),
            ("revoked", moment(token.revoked_at)),
        ]
    )
