"""`records`: records on file and their parties, and what documents hold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from policy_service.api.v1 import record_pb2 as pb
from policy_service.api.v1.record_pb2_grpc import RecordServiceStub
from policy_service.cli import attributes, flags, parts, past, record_types, targets
from policy_service.cli.connect import control
from policy_service.cli.epilogs import example_of
from policy_service.cli.exits import Exit, Failure
from policy_service.cli.pages import all_pages
from policy_service.cli.render import as_json, print_json, print_pairs, print_table, say
from policy_service.cli.run import asking_system, current, manager
from policy_service.cli.values import value_of
from policy_service.model.vocabulary import Role

app = typer.Typer(no_args_is_help=True, help="Records on file, their types, and what documents hold.")

_SHOW_EXAMPLE = """\b
Example
  policy-service records show OM-1001 --controller example-police
"""
_HISTORY_EXAMPLE = """\b
Example
  policy-service records history OM-1001 --controller example-police
"""
_PUT_EXAMPLE = """\b
Example
  policy-service records put OM-1009 --type police.offender_management \\
      --team offender-managers --party adam,subject,police-ref:P-1002 \\
      --controller example-police
"""
_DECLARE_EXAMPLE = """\b
Example
  policy-service records declare --record OM-1001 --field notes \\
      --file examples/questions/letter.yaml \\
      --part report,category=report.body,about=subject \\
      --part page-3,category=location.current,about=victim,separable \\
      --controller example-police
"""

app.command(epilog=example_of("records types"))(record_types.types)
app.command(epilog=record_types.PUT_EPILOG)(record_types.put_type)


@app.command(epilog=_SHOW_EXAMPLE)
def show(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="REF", help="The organisation's own reference.")],
    as_of: flags.AsOf = "",
    controller: flags.Controller = "",
    json: flags.AsJson = False,
) -> None:
    """Show a record with its parties. The reading itself is logged."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = RecordServiceStub(connection.channel).GetRecord
        question = pb.GetRecordRequest(reference=reference, as_of=past.as_of(as_of))
        answer = connection.call(method, question, controller=controller)
    if json:
        print_json(answer)
    else:
        _show(answer.record)


@app.command(epilog=_HISTORY_EXAMPLE)
def history(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="[REF]", help="The organisation's own reference.")] = "",
    record_type: Annotated[
        str, typer.Option("--type", metavar="NAME", help="Of a record type, as `records types` shows it.")
    ] = "",
    declaration: Annotated[
        str, typer.Option(metavar="ID", help="Of what a document holds, as `records declarations` shows it.")
    ] = "",
    controller: flags.Controller = "",
    limit: flags.Versions = 20,
    json: flags.AsJson = False,
) -> None:
    """Show what was changed of a record and its parties, newest first; or of a type or declaration.

    Each version says when, by whom and why. The reading itself is logged.
    """
    if [bool(reference), bool(record_type), bool(declaration)].count(True) != 1:
        raise Failure(
            "a history is of one record, record type or declaration",
            do_next="give one of REF, --type and --declaration",
            code=Exit.USAGE,
        )
    run = current(context)
    with control(run, manager(run)) as connection:
        method = RecordServiceStub(connection.channel).History

        def ask(token: str, size: int) -> pb.RecordServiceHistoryRequest:
            question = pb.RecordServiceHistoryRequest(page_size=size, page_token=token)
            if reference:
                question.record_reference = reference
            elif record_type:
                question.record_type_name = record_type
            else:
                question.declaration_id = declaration
            return question

        past.show_history(connection, method, ask, controller, limit, json=json)


@app.command(epilog=example_of("records declarations"))
def declarations(
    context: typer.Context,
    digest: Annotated[str, typer.Option(metavar="HEX", help="Only of the document of this SHA-256.")] = "",
    as_of: flags.AsOf = "",
    controller: flags.Controller = "",
    limit: flags.Limit = 1000,
    json: flags.AsJson = False,
) -> None:
    """List what was declared of documents. The reading itself is logged."""
    wanted = targets.digest(digest) if digest else b""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = RecordServiceStub(connection.channel).ListDeclarations

        def page(token: str, size: int) -> tuple[list[pb.ContentDeclaration], str]:
            question = pb.ListDeclarationsRequest(
                digest=wanted, page_size=size, page_token=token, as_of=past.as_of(as_of)
            )
            answer = connection.call(method, question, controller=controller)
            return list(answer.declarations), answer.next_page_token

        found, more = all_pages(page, limit)
    if json:
        print_json({"declarations": [as_json(each) for each in found], "more": more})
        return
    print_table(
        ("declaration", "record", "field", "parts"),
        (
            (each.declaration_id, each.record, each.field, ", ".join(part.name for part in each.parts))
            for each in found
        ),
    )
    if more:
        say(f"the first {limit}; there are more, see --limit")


@app.command(epilog=_PUT_EXAMPLE)
def put(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="REF", help="The organisation's own reference.")],
    record_type: Annotated[
        str, typer.Option("--type", metavar="NAME", help="A record type of the organisation.")
    ],
    team: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A team that works on it. Repeatable.")
    ] = None,
    party: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY,ROLE,PERSON",
            help=f"A party: its key here, its role, and an identifier or person:ID. Repeatable. Roles: "
            f"{', '.join(Role)}.",
        ),
    ] = None,
    premises: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="The postal address that it is about; kept as a keyed fingerprint. - reads it from "
            "standard input.",
        ),
    ] = "",
    premises_uprn: Annotated[str, typer.Option(metavar="DIGITS", help="Of the premises, if known.")] = "",
    attribute: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help=attributes.OPTION_HELP)
    ] = None,
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    key: flags.Key = "",
    json: flags.AsJson = False,
) -> None:
    """Put a record on file with all its parties, or replace what is there.

    Who is not named is a party no more. The premises stay where none are named.
    """
    request = pb.PutRecordRequest(
        record=pb.Record(
            reference=reference,
            record_type=record_type,
            teams=team or (),
            parties=[_party(text) for text in party or ()],
            premises=value_of(premises, "--premises"),
            premises_uprn=premises_uprn,
        ),
        idempotency_key=key,
        reason=reason,
    )
    run = current(context)
    with control(run, manager(run)) as connection:
        values = attributes.typed_values(connection, attribute or (), attributes.OF_RECORDS, controller)
        request.record.attributes.extend(values)
        method = RecordServiceStub(connection.channel).PutRecord
        answer = connection.call(method, request, controller=controller)
    if json:
        print_json(answer)
    else:
        _show(answer.record)


@app.command(epilog=_DECLARE_EXAMPLE)
def declare(
    context: typer.Context,
    record: Annotated[str, typer.Option(metavar="REF", help="The record that the document belongs to.")],
    field: Annotated[
        str, typer.Option(metavar="NAME", help="The field that shows it, or that its envelope has.")
    ],
    part: Annotated[
        list[str],
        typer.Option(
            metavar="NAME,OPTIONS",
            help="What is in it: category=NAME and about=ROLE or about=party:KEY, each once at least, and "
            "separable where it can be taken out. Repeatable.",
        ),
    ],
    digest: Annotated[str, typer.Option(metavar="HEX", help="SHA-256 of the document.")] = "",
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The document, of which the digest is taken.")
    ] = None,
    user: Annotated[
        str, typer.Option(metavar="REF", help="On whose behalf a system declares it; with --as.")
    ] = "",
    system: flags.System = "",
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    key: flags.Key = "",
    json: flags.AsJson = False,
) -> None:
    """Say what one document holds, by its digest; nothing is assumed to be in it besides.

    Privacy officers, or a system that is granted to (--as).
    """
    if bool(digest) == (file is not None):
        raise Failure(
            "which document? one of --digest and --file names it",
            do_next="name the file, or what `sha256sum FILE` prints",
            code=Exit.USAGE,
        )
    request = pb.DeclareContentsRequest(
        declaration=pb.ContentDeclaration(
            digest=targets.digest(digest) if file is None else parts.digest_of(file),
            record=record,
            field=field,
            parts=[parts.part(text) for text in part],
            user=user,
        ),
        idempotency_key=key,
        reason=reason,
    )
    run = current(context)
    token = asking_system(run, system) if system else manager(run)
    with control(run, token) as connection:
        method = RecordServiceStub(connection.channel).DeclareContents
        answer = connection.call(method, request, controller=controller)
    if json:
        print_json(answer)
        return
    declared = answer.declaration
    print_pairs(
        [
            ("declaration", declared.declaration_id),
            ("digest", declared.digest.hex()),
            ("record", declared.record),
            ("field", declared.field),
            ("for", declared.user),
        ]
    )
    if declared.parts:
        say()
        print_table(
            ("part", "categories", "about", "can be taken out"),
            (
                (
                    each.name,
                    ", ".join(each.categories),
                    ", ".join(each.about),
                    "yes" if each.separable else "no",
                )
                for each in declared.parts
            ),
        )


def _party(text: str) -> pb.Party:
    key, _, rest = text.partition(",")
    role, _, person = rest.partition(",")
    if not (key and role and person):
        raise Failure(
            f"--party `{text}` names no party",
            do_next="write KEY,ROLE,PERSON, e.g. mother,parent,nhs-ref:PT-2001",
            code=Exit.USAGE,
        )
    return pb.Party(party=key, role=role, person=person)


def _show(record: pb.Record) -> None:
    print_pairs(
        [
            ("record", record.reference),
            ("type", record.record_type),
            ("teams", ", ".join(record.teams)),
            ("attributes", attributes.shown(record.attributes)),
        ]
    )
    if record.parties:
        say()
        print_table(
            ("party", "role", "person"), ((each.party, each.role, each.person) for each in record.parties)
        )
