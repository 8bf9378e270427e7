"""`users`: members of staff and jobs, by the references that the systems know them by."""

from __future__ import annotations

from typing import Annotated

import typer

from policy_service.api.v1 import access_pb2 as pb
from policy_service.api.v1.access_pb2_grpc import AccessServiceStub
from policy_service.cli import attributes, flags
from policy_service.cli.connect import control
from policy_service.cli.render import print_json, print_pairs
from policy_service.cli.run import current, manager

app = typer.Typer(no_args_is_help=True, help="Members of staff and jobs, on whose behalf systems ask.")

_PUT_EXAMPLE = """\b
Example
  policy-service users put o.newcomer --role offender_manager \\
      --team offender-managers --controller example-police
"""


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
    """Put a user on file, or replace all that is there under the reference. Administrators."""
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
    user = answer.user
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
            ("state", "suspended" if user.suspended else "active"),
        ]
    )
