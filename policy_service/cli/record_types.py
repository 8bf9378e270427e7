"""`records types` and `records put-type`: the kinds of records that an organisation has."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from policy_service.api.v1 import record_pb2 as pb
from policy_service.api.v1.record_pb2_grpc import RecordServiceStub
from policy_service.cli import flags, parts, past
from policy_service.cli.connect import control
from policy_service.cli.pages import all_pages
from policy_service.cli.render import as_json, print_json, print_pairs, print_table, say
from policy_service.cli.run import current, manager
from policy_service.model.vocabulary import Role

PUT_EPILOG: Final = """\b
Example
  policy-service records put-type police.custody --extends base.case \\
      --field cell,category=service.venue,about=subject \\
      --secret-role informant --protection-team scheme-team \\
      --controller example-police
"""


def types(
    context: typer.Context,
    as_of: flags.AsOf = "",
    controller: flags.Controller = "",
    limit: flags.Limit = 1000,
    json: flags.AsJson = False,
) -> None:
    """List the record types of an organisation; --json shows their fields."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = RecordServiceStub(connection.channel).ListRecordTypes

        def page(token: str, size: int) -> tuple[list[pb.RecordType], str]:
            question = pb.ListRecordTypesRequest(page_size=size, page_token=token, as_of=past.as_of(as_of))
            answer = connection.call(method, question, controller=controller)
            return list(answer.record_types), answer.next_page_token

        found, more = all_pages(page, limit)
    if json:
        print_json({"recordTypes": [as_json(each) for each in found], "more": more})
        return
    print_table(
        ("record type", "extends", "own fields", "secret roles", "own attributes"),
        (
            (
                each.name,
                each.extends,
                ", ".join(field.name for field in each.fields),
                ", ".join(each.secret_roles),
                ", ".join(each.attributes),
            )
            for each in found
        ),
    )
    if more:
        say(f"the first {limit}; there are more, see --limit")


def put_type(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `records put --type` says it.")],
    extends: Annotated[str, typer.Option(metavar="BASE", help="The base type: base.case, base.letter, ...")],
    field: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,OPTIONS",
            help="A field besides those of the base: category=NAME and about=ROLE or about=co_recipient, "
            "each once at least. Repeatable.",
        ),
    ] = None,
    secret_role: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE",
            help=f"A role that law or scheme keeps secret here. Repeatable. Roles: {', '.join(Role)}.",
        ),
    ] = None,
    protection_team: Annotated[
        str, typer.Option(metavar="NAME", help="The team that the secret roles are known to.")
    ] = "",
    known_to_parents: Annotated[
        bool,
        typer.Option(
            "--known-to-parents",
            help="Adoption: the secret roles are known to parents on file by an order, too.",
        ),
    ] = False,
    people_on_file: Annotated[
        bool, typer.Option("--people-on-file", help="A party who is on nobody's file is a deny.")
    ] = False,
    assurance: Annotated[
        int,
        typer.Option(
            min=0, max=3, metavar="N", help="The authentication assurance level that a user needs, 1 to 3."
        ),
    ] = 0,
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="An attribute that the published policies declare of records, and that such records may "
            "have. Repeatable.",
        ),
    ] = None,
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    key: flags.Key = "",
    json: flags.AsJson = False,
) -> None:
    """Put a record type on file, or replace the whole of it. What is not said, it has not.

    A field with more to say (parts of documents, premises, a mask) is put on file by the API.
    """
    request = pb.PutRecordTypeRequest(
        record_type=pb.RecordType(
            name=name,
            extends=extends,
            fields=[parts.field(text, "--field") for text in field or ()],
            secret_roles=secret_role or (),
            protection_team=protection_team,
            known_to_parents=known_to_parents,
            people_on_file=people_on_file,
            assurance=assurance,
            attributes=attribute or (),
        ),
        idempotency_key=key,
        reason=reason,
    )
    run = current(context)
    with control(run, manager(run)) as connection:
        method = RecordServiceStub(connection.channel).PutRecordType
        answer = connection.call(method, request, controller=controller)
    if json:
        print_json(answer)
    else:
        _show(answer.record_type)


def _show(record_type: pb.RecordType) -> None:
    on_file = "a party on nobody's file is denied" if record_type.people_on_file else ""
    print_pairs(
        [
            ("record type", record_type.name),
            ("extends", record_type.extends),
            ("secret roles", ", ".join(record_type.secret_roles)),
            ("known to", ", ".join(_known_to(record_type))),
            ("people", on_file),
            ("assurance", str(record_type.assurance or "")),
            ("own attributes", ", ".join(record_type.attributes)),
        ]
    )
    if record_type.fields:
        say()
        print_table(
            ("own field", "categories", "about"),
            ((each.name, ", ".join(each.categories), ", ".join(each.about)) for each in record_type.fields),
        )


def _known_to(record_type: pb.RecordType) -> list[str]:
    known = [record_type.protection_team] if record_type.protection_team else []
    return [*known, "parents by an order"] if record_type.known_to_parents else known
