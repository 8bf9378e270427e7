"""`systems`: the consuming systems and what each is granted."""

from __future__ import annotations

from typing import Annotated

import typer

from policy_service.api.v1 import access_pb2 as pb
from policy_service.api.v1.access_pb2_grpc import AccessServiceStub
from policy_service.cli import flags, past
from policy_service.cli.connect import Connection, control
from policy_service.cli.epilogs import example_of
from policy_service.cli.exits import Exit, Failure
from policy_service.cli.pages import all_pages
from policy_service.cli.render import as_json, print_json, print_pairs, print_table, say
from policy_service.cli.run import current, manager
from policy_service.model.spelling import perhaps
from policy_service.model.vocabulary import Purpose

app = typer.Typer(no_args_is_help=True, help="Consuming systems, and what each may ask.")

_EXAMPLE = """\b
Example
  policy-service systems put housing-letters --controller example-council \\
      --record-type '*' --verb see --verb send --purpose casework \\
      --may-describe
"""
_SHOW_EXAMPLE = """\b
Example
  policy-service systems show police-records --controller example-police
"""
_HISTORY_EXAMPLE = """\b
Example
  policy-service systems history police-records \\
      --controller example-police
"""
_ALL = 10_000
"""More systems than any organisation has."""


@app.command(epilog=_EXAMPLE)
def put(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    record_type: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A record type or base type, or '*'. Repeatable.")
    ] = None,
    verb: Annotated[list[str] | None, typer.Option(metavar="VERB", help="see or send. Repeatable.")] = None,
    purpose: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help=f"The first is its default. Repeatable. Any of {', '.join(Purpose)}."
        ),
    ] = None,
    may_describe: Annotated[
        bool, typer.Option("--may-describe", help="It may describe users, records and people in a call.")
    ] = False,
    assert_role: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A staff role that it may assert for users. Repeatable."),
    ] = None,
    assert_team: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A team that it may assert for users. Repeatable."),
    ] = None,
    assert_attribute: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A declared attribute that it may assert for users. Repeatable."),
    ] = None,
    self_service: Annotated[
        bool, typer.Option("--self-service", help="It may ask for private people who serve themselves.")
    ] = False,
    role_purpose: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PURPOSE=ROLE[,ROLE]",
            help="A purpose of the grant that it may assert for users of these roles alone. Repeatable.",
        ),
    ] = None,
    declare_contents: Annotated[
        bool, typer.Option("--declare-contents", help="It may say what a document holds, by its digest.")
    ] = False,
    may_explain: Annotated[
        bool, typer.Option("--may-explain", help="It may be told why: what a denial hides, too.")
    ] = False,
    suspended: Annotated[
        bool, typer.Option("--suspended", help="Refuse its tokens from the next call on.")
    ] = False,
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    key: flags.Key = "",
    json: flags.AsJson = False,
) -> None:
    """Put a system on file, or replace its whole grant. What is not said is not granted.

    So say again what it has already: `systems show` prints it.
    """
    request = pb.PutSystemRequest(
        system=pb.System(
            name=name,
            controller=controller,
            grant=pb.Grant(
                record_types=record_type or (),
                verbs=verb or (),
                purposes=purpose or (),
                may_describe=may_describe,
                assert_roles=assert_role or (),
                assert_teams=assert_team or (),
                self_service=self_service,
                role_purposes=[_role_purpose(text) for text in role_purpose or ()],
                declare_contents=declare_contents,
                may_explain=may_explain,
                assert_attributes=assert_attribute or (),
            ),
            suspended=suspended,
        ),
        idempotency_key=key,
        reason=reason,
    )
    run = current(context)
    with control(run, manager(run)) as connection:
        method = AccessServiceStub(connection.channel).PutSystem
        answer = connection.call(method, request, controller=controller, begins=True)
    if json:
        print_json(answer)
    else:
        _show(answer.system)


@app.command("list", epilog=example_of("systems list"))
def list_systems(
    context: typer.Context,
    as_of: flags.AsOf = "",
    controller: flags.Controller = "",
    limit: flags.Limit = 1000,
    json: flags.AsJson = False,
) -> None:
    """List the systems that this token may see."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = AccessServiceStub(connection.channel).ListSystems

        def page(token: str, size: int) -> tuple[list[pb.System], str]:
            question = pb.ListSystemsRequest(page_size=size, page_token=token, as_of=past.as_of(as_of))
            answer = connection.call(method, question, controller=controller)
            return list(answer.systems), answer.next_page_token

        found, more = all_pages(page, limit)
    if json:
        print_json({"systems": [as_json(each) for each in found], "more": more})
        return
    print_table(
        ("system", "controller", "verbs", "purposes", "state"),
        (
            (
                each.name,
                each.controller,
                ", ".join(each.grant.verbs),
                ", ".join(each.grant.purposes),
                "suspended" if each.suspended else "active",
            )
            for each in found
        ),
    )
    if more:
        say(f"the first {limit}; there are more, see --limit")


@app.command(epilog=_SHOW_EXAMPLE)
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `systems list` shows it.")],
    as_of: flags.AsOf = "",
    controller: flags.Controller = "",
    json: flags.AsJson = False,
) -> None:
    """Show a system with its whole grant, which is what `systems put` replaces."""
    run = current(context)
    with control(run, manager(run)) as connection:
        on_file = _all_systems(connection, controller, as_of)
    found = [each for each in on_file if each.name == name]
    if not found:
        near = perhaps(name, (each.name for each in on_file))
        raise Failure(
            f"no system of this name is on file for this token{near}",
            do_next="`policy-service systems list` shows those that are",
            code=Exit.DENIED,
        )
    if json:
        print_json({"systems": [as_json(each) for each in found]})
        return
    for number, system in enumerate(found):
        if number:
            say()
        _show(system)


@app.command(epilog=_HISTORY_EXAMPLE)
def history(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `systems list` shows it.")],
    controller: flags.Controller = "",
    limit: flags.Versions = 20,
    json: flags.AsJson = False,
) -> None:
    """Show what was changed of a system and its grant, when, by whom and why, newest first."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = AccessServiceStub(connection.channel).History

        def ask(token: str, size: int) -> pb.AccessServiceHistoryRequest:
            return pb.AccessServiceHistoryRequest(system_name=name, page_size=size, page_token=token)

        past.show_history(connection, method, ask, controller, limit, json=json)


def _all_systems(connection: Connection, controller: str, as_of: str) -> list[pb.System]:
    method = AccessServiceStub(connection.channel).ListSystems

    def page(token: str, size: int) -> tuple[list[pb.System], str]:
        question = pb.ListSystemsRequest(page_size=size, page_token=token, as_of=past.as_of(as_of))
        answer = connection.call(method, question, controller=controller)
        return list(answer.systems), answer.next_page_token

    return all_pages(page, _ALL)[0]


def _role_purpose(text: str) -> pb.RolePurpose:
    purpose, _, roles = text.partition("=")
    if not purpose or not roles:
        raise Failure(
            f"--role-purpose `{text}` names no purpose with roles",
            do_next="write PURPOSE=ROLE, e.g. crime=detective,sergeant",
            code=Exit.USAGE,
        )
    return pb.RolePurpose(purpose=purpose, roles=roles.split(","))


def _show(system: pb.System) -> None:
    grant = system.grant
    print_pairs(
        [
            ("system", system.name),
            ("controller", system.controller),
            ("record types", ", ".join(grant.record_types) or "none"),
            ("verbs", ", ".join(grant.verbs) or "none"),
            ("purposes", ", ".join(grant.purposes) or "none"),
            ("may describe", "yes" if grant.may_describe else "no"),
            ("asserts roles", ", ".join(grant.assert_roles)),
            ("asserts teams", ", ".join(grant.assert_teams)),
            ("asserts attributes", ", ".join(grant.assert_attributes)),
            ("self-service", "yes" if grant.self_service else "no"),
            *((f"{each.purpose} for", ", ".join(each.roles) or "nobody") for each in grant.role_purposes),
            ("declares contents", "yes" if grant.declare_contents else "no"),
            ("may explain", "yes" if grant.may_explain else "no"),
            ("state", "suspended" if system.suspended else "active"),
        ]
    )
