"""`users`: members of staff and jobs, by the references that the systems know them by."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated, Final

import typer

from policy_service.api.v1 import access_pb2 as pb
from policy_service.api.v1.access_pb2_grpc import AccessServiceStub
from policy_service.cli import attributes, flags, past
from policy_service.cli.connect import Connection, control
from policy_service.cli.exits import Exit, Failure
from policy_service.cli.pages import all_pages
from policy_service.cli.render import as_json, print_json, print_pairs, print_table, say
from policy_service.cli.run import current, manager
from policy_service.model.spelling import perhaps

app = typer.Typer(no_args_is_help=True, help="Members of staff and jobs, on whose behalf systems ask.")

_PUT_EXAMPLE = """\b
Example
  policy-service users put o.newcomer --role offender_manager \\
      --team offender-managers --controller example-police
"""
_LIST_EXAMPLE = """\b
Example
  policy-service users list --controller example-police
"""
_SHOW_EXAMPLE = """\b
Example
  policy-service users show o.manager --controller example-police
"""
_HISTORY_EXAMPLE = """\b
Example
  policy-service users history o.manager --controller example-police
"""
_LOOKED_THROUGH: Final = 1_000
"""Users among whom the nearest to a slip of the pen is looked for."""


@app.command(epilog=_PUT_EXAMPLE)
def put(
    context: typer.Context,
    reference: Annotated[
        str, typer.Argument(metavar="REF", help="By which the organisation's systems know him.")
    ],
    role: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A staff role, as policies name it. Repeatable.")
    ] = None,
    team: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A team, as records name it. Repeatable.")
    ] = None,
    person: Annotated[
        str,
        typer.Option(
            metavar="SCHEME:VALUE",
            help="Whose login it is, or person:ID: what he may not learn at home he may not learn at work.",
        ),
    ] = "",
    organisation: Annotated[
        str, typer.Option(metavar="NAME", help="Of somebody who works for another organisation.")
    ] = "",
    job: Annotated[
        str, typer.Option("--job-of", metavar="REF", help="It is a job; who answers for it. It sends alone.")
    ] = "",
    record_type: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="With --job-of: what it may send. Repeatable.")
    ] = None,
    attribute: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help=attributes.OPTION_HELP)
    ] = None,
    suspended: Annotated[
        bool, typer.Option("--suspended", help="Nothing more on his behalf, from the next call on.")
    ] = False,
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    key: flags.Key = "",
    json: flags.AsJson = False,
) -> None:
    """Put a user on file, or replace all that is there under the reference. Administrators.

    So say again what he has already: `users show` prints it.
    """
    request = pb.PutUserRequest(
        user=pb.User(
            reference=reference,
            kind="job" if job else "staff",
            person=person,
            roles=role or (),
            teams=team or (),
            organisation=organisation,
            owner=job,
            record_types=record_type or (),
            suspended=suspended,
            controller=controller,
        ),
        idempotency_key=key,
        reason=reason,
    )
    run = current(context)
    with control(run, manager(run)) as connection:
        values = attributes.typed_values(connection, attribute or (), attributes.OF_USERS, controller)
        request.user.attributes.extend(values)
        method = AccessServiceStub(connection.channel).PutUser
        answer = connection.call(method, request, controller=controller)
    if json:
        print_json(answer)
        return
    _show(answer.user)


@app.command("list", epilog=_LIST_EXAMPLE)
def list_users(
    context: typer.Context,
    as_of: flags.AsOf = "",
    controller: flags.Controller = "",
    limit: flags.Limit = 1000,
    json: flags.AsJson = False,
) -> None:
    """List the users on file that this token may see, with what they may be. The reading itself is logged."""
    run = current(context)
    with control(run, manager(run)) as connection:
        found, more = _users(connection, controller, limit, as_of)
    if json:
        print_json({"users": [as_json(each) for each in found], "more": more})
        return
    by_organisation = groupby(found, key=lambda user: user.controller)
    for number, (organisation, users) in enumerate(by_organisation):
        if number:
            say()
        say(organisation)
        print_table(("user", "roles", "teams", "attributes", "state"), map(_row, users))
    if not found:
        say("none")
    if more:
        say(f"the first {limit}; there are more, see --limit")


@app.command(epilog=_SHOW_EXAMPLE)
def show(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="REF", help="As `users list` shows it.")],
    as_of: flags.AsOf = "",
    controller: flags.Controller = "",
    json: flags.AsJson = False,
) -> None:
    """Show a user with all that `users put` replaces. The reading itself is logged."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = AccessServiceStub(connection.channel).GetUser
        question = pb.GetUserRequest(reference=reference, as_of=past.as_of(as_of))
        try:
            answer = connection.call(method, question, controller=controller)
        except Failure as failure:
            raise _not_on_file(connection, reference, controller, as_of, failure) from None
    if json:
        print_json(answer)
    else:
        _show(answer.user)


@app.command(epilog=_HISTORY_EXAMPLE)
def history(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="REF", help="As `users list` shows it.")],
    controller: flags.Controller = "",
    limit: flags.Versions = 20,
    json: flags.AsJson = False,
) -> None:
    """Show what was changed of a user, when, by whom and why, newest first. The reading itself is logged."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = AccessServiceStub(connection.channel).History

        def ask(token: str, size: int) -> pb.AccessServiceHistoryRequest:
            return pb.AccessServiceHistoryRequest(user_reference=reference, page_size=size, page_token=token)

        past.show_history(connection, method, ask, controller, limit, json=json)


def _users(connection: Connection, controller: str, limit: int, as_of: str) -> tuple[list[pb.User], bool]:
    """Read up to `limit` users, in the order of their organisations and references; are there more?"""
    method = AccessServiceStub(connection.channel).ListUsers

    def page(token: str, size: int) -> tuple[list[pb.User], str]:
        question = pb.ListUsersRequest(page_size=size, page_token=token, as_of=past.as_of(as_of))
        answer = connection.call(method, question, controller=controller)
        return list(answer.users), answer.next_page_token

    found, more = all_pages(page, limit)
    return sorted(found, key=lambda user: (user.controller, user.reference)), more


def _not_on_file(
    connection: Connection, reference: str, controller: str, as_of: str, failure: Failure
) -> Failure:
    """The same with the nearest reference that there is, if the service says that it has no such user."""
    if failure.code is not Exit.DENIED:
        return failure
    found, _ = _users(connection, controller, _LOOKED_THROUGH, as_of)
    return Failure(
        f"no user of this reference is on file{perhaps(reference, (each.reference for each in found))}",
        do_next="`policy-service users list` shows those that are; who is described in a call is not kept",
        code=Exit.DENIED,
    )


def _row(user: pb.User) -> tuple[str, ...]:
    return (
        user.reference,
        f"job of {user.owner}" if user.owner else ", ".join(user.roles),
        ", ".join(user.teams),
        attributes.shown(user.attributes),
        _state(user),
    )


def _state(user: pb.User) -> str:
    return "suspended" if user.suspended else "active"


def _show(user: pb.User) -> None:
    print_pairs(
        [
            ("user", user.reference),
            ("controller", user.controller),
            ("kind", user.kind),
            ("person", user.person),
            ("roles", ", ".join(user.roles)),
            ("teams", ", ".join(user.teams)),
            ("organisation", user.organisation),
            ("answers for it", user.owner),
            ("record types", ", ".join(user.record_types)),
            ("attributes", attributes.shown(user.attributes)),
            ("state", _state(user)),
        ]
    )
