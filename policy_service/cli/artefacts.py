"""`artefacts`: kinds of letters, bundles and messages, and what their senders were shown to carry out."""

from __future__ import annotations

from typing import Annotated

import typer

from policy_service.api.v1 import record_pb2 as pb
from policy_service.api.v1.record_pb2_grpc import RecordServiceStub
from policy_service.cli import flags, parts, past
from policy_service.cli.connect import control
from policy_service.cli.epilogs import example_of
from policy_service.cli.exits import Exit, Failure
from policy_service.cli.pages import all_pages
from policy_service.cli.render import as_json, print_json, print_pairs, print_table, say
from policy_service.cli.run import current, manager
from policy_service.model.obligation import ObligationKind

app = typer.Typer(
    no_args_is_help=True, help="Kinds of letters and bundles, and what their senders can carry out."
)

_PUT_EXAMPLE = """\b
Example
  What answers OBLIGATION_UNSUPPORTED: the evidence that whoever sends such
  letters checks an address first, and the last day on which it counts:
  policy-service artefacts put police.notice \\
      --envelope return_address,category=location.work,about=author \\
      --can verify_contact:TEST-REPORT-7:2030-12-31 \\
      --controller example-police
"""


@app.command(epilog=_PUT_EXAMPLE)
def put(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `check --artefact` says it.")],
    envelope: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,OPTIONS",
            help="A field that it always carries: category=NAME and about=ROLE or about=co_recipient, each "
            "once at least. Repeatable.",
        ),
    ] = None,
    can: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OBLIGATION:EVIDENCE:UNTIL",
            help="What its senders were shown to carry out, a reference to the proof, and the last day on "
            "which that counts. Repeatable. Obligations: "
            f"{', '.join(kind for kind in ObligationKind if not kind.is_supportive)}.",
        ),
    ] = None,
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    key: flags.Key = "",
    json: flags.AsJson = False,
) -> None:
    """Put a kind of artefact on file, or replace the whole of it. What is not said, it has not.

    Fields whose documents have parts of their own are put on file by the API.
    """
    request = pb.PutArtefactTypeRequest(
        artefact_type=pb.ArtefactType(
            name=name,
            envelope=[parts.field(text, "--envelope") for text in envelope or ()],
            capabilities=[_capability(text) for text in can or ()],
        ),
        idempotency_key=key,
        reason=reason,
    )
    run = current(context)
    with control(run, manager(run)) as connection:
        method = RecordServiceStub(connection.channel).PutArtefactType
        answer = connection.call(method, request, controller=controller)
    if json:
        print_json(answer)
        return
    artefact_type = answer.artefact_type
    print_pairs([("artefact", artefact_type.name)])
    if artefact_type.envelope:
        say()
        print_table(
            ("envelope", "categories", "about"),
            (
                (each.name, ", ".join(each.categories), ", ".join(each.about))
                for each in artefact_type.envelope
            ),
        )
    if artefact_type.capabilities:
        say()
        print_table(
            ("can", "evidence", "until"),
            ((each.obligation, each.evidence, each.until) for each in artefact_type.capabilities),
        )


@app.command("list", epilog=example_of("artefacts list"))
def list_artefacts(
    context: typer.Context,
    as_of: flags.AsOf = "",
    controller: flags.Controller = "",
    limit: flags.Limit = 1000,
    json: flags.AsJson = False,
) -> None:
    """List the artefact types of an organisation; --json shows their envelopes and proofs whole."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = RecordServiceStub(connection.channel).ListArtefactTypes

        def page(token: str, size: int) -> tuple[list[pb.ArtefactType], str]:
            question = pb.ListArtefactTypesRequest(page_size=size, page_token=token, as_of=past.as_of(as_of))
            answer = connection.call(method, question, controller=controller)
            return list(answer.artefact_types), answer.next_page_token

        found, more = all_pages(page, limit)
    if json:
        print_json({"artefactTypes": [as_json(each) for each in found], "more": more})
        return
    print_table(
        ("artefact", "envelope", "can"),
        (
            (
                each.name,
                ", ".join(field.name for field in each.envelope),
                ", ".join(f"{can.obligation} until {can.until}" for can in each.capabilities),
            )
            for each in found
        ),
    )
    if more:
        say(f"the first {limit}; there are more, see --limit")


@app.command(epilog=example_of("artefacts history"))
def history(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `artefacts list` shows it.")],
    controller: flags.Controller = "",
    limit: flags.Versions = 20,
    json: flags.AsJson = False,
) -> None:
    """Show what was changed of an artefact type, when, by whom and why, newest first."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = RecordServiceStub(connection.channel).History

        def ask(token: str, size: int) -> pb.RecordServiceHistoryRequest:
            return pb.RecordServiceHistoryRequest(artefact_type_name=name, page_size=size, page_token=token)

        past.show_history(connection, method, ask, controller, limit, json=json)


def _capability(text: str) -> pb.Capability:
    obligation, _, rest = text.partition(":")
    evidence, _, until = rest.rpartition(":")
    if not (obligation and evidence and until):
        raise Failure(
            f"--can `{text}` names no obligation with its proof and an end",
            do_next="write OBLIGATION:EVIDENCE:UNTIL, e.g. redact:TEST-REPORT-7:2030-12-31",
            code=Exit.USAGE,
        )
    return pb.Capability(obligation=obligation, evidence=evidence, until=until)
