"""`check`: the question, from the command line, and the options of whatever asks one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.api.v1.decision_pb2_grpc import DecisionServiceStub
from policy_service.cli import flags, targets
from policy_service.cli.answers import print_answer
from policy_service.cli.asking import question_command
from policy_service.cli.check_many import ask_many
from policy_service.cli.connect import decisions
from policy_service.cli.exits import CODES_IN_WORDS, Exit, Failure
from policy_service.cli.question_files import read_questions
from policy_service.cli.render import print_json
from policy_service.cli.run import asking_system, current
from policy_service.client.decision import decision_from
from policy_service.model.vocabulary import Channel, Purpose

EPILOG = f"""\b
Examples
  Who made the enquiry is denied to the officer, the name is not:
  policy-service check --as police-records --user o.manager \\
      --record OM-1001 --field subject.name --field enquiry.made_by
  Both of these are permitted:
  policy-service check --as police-records --user s.scheme \\
      --record SD-2001 --field enquiry.outcome --purpose scheme_disclosure \\
      --artefact police.letter \\
      --to party:applicant,contact-point=CP-1001-HOME,channel=post
  policy-service check --as nhs-letters \\
      --describe examples/questions/letter.yaml \\
      --user c.secretary --record LETTER-1 --field body \\
      --to party:mother,contact-point=mother-home,channel=post
  Many at once, of which two are denied:
  policy-service check --as police-records \\
      --from examples/questions/many.yaml

{CODES_IN_WORDS}"""


def question(
    user: Annotated[
        str, typer.Option(metavar="REF", help="Who asks; without a user the answer is a deny.")
    ] = "",
    record: Annotated[str, typer.Option(metavar="REF", help="The record, on file or described.")] = "",
    field: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[@PARTY]",
            help="A field of the record, the party that it is about, and ,place=REF of the place that it "
            "shows, if it means one. Repeatable.",
        ),
    ] = None,
    send: Annotated[bool, typer.Option("--send", help="May it be sent, rather than seen?")] = False,
    to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RECIPIENT",
            help="party:KEY, person:REF or team:REF, then ,contact-point=REF, ,channel=NAME and "
            ",interpreter=REF if needed; asks about sending. Repeatable.",
        ),
    ] = None,
    purpose: Annotated[
        str, typer.Option(metavar="NAME", help=f"Default: the grant's first. One of {', '.join(Purpose)}.")
    ] = "",
    channel: Annotated[str, typer.Option(metavar="NAME", help=f"One of {', '.join(Channel)}.")] = "",
    artefact: Annotated[
        str, typer.Option(metavar="TYPE", help="The kind of letter or message; its envelope is decided, too.")
    ] = "",
    digest: Annotated[str, typer.Option(metavar="HEX", help="SHA-256 of what would be sent.")] = "",
    dispatch_reference: Annotated[
        str, typer.Option(metavar="REF", help="The calling system's own reference of the dispatch.")
    ] = "",
    self_service: Annotated[
        bool, typer.Option("--self-service", help="The user is a private person, not staff.")
    ] = False,
    contact_point: Annotated[
        str, typer.Option(metavar="REF", help="Where a self-service user looks from.")
    ] = "",
    describe: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="YAML or JSON: who and what is not on file, as the message Description."
        ),
    ] = None,
    capability: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OBLIGATION",
            help="Only this can be carried out, of what is on file for the artefact: redact, human_review "
            "...; or none. Repeatable.",
        ),
    ] = None,
    assurance: Annotated[
        int,
        typer.Option(metavar="LEVEL", min=0, max=3, help="How the user was authenticated, 1 to 3."),
    ] = 0,
    language: Annotated[
        str, typer.Option(metavar="TAG", help="Of the texts in the answer, in BCP 47, e.g. cy.")
    ] = "",
) -> pb.CheckRequest:
    """Make the call that the options describe."""
    return pb.CheckRequest(
        user=user,
        record=record,
        fields=[targets.field(text) for text in field or ()],
        verb=pb.VERB_SEND if send else pb.VERB_UNSPECIFIED,
        purpose=purpose,
        channel=channel,
        recipients=[targets.recipient(text) for text in to or ()],
        artefact_type=artefact,
        artefact_digest=targets.digest(digest),
        dispatch_reference=dispatch_reference,
        self_service=self_service,
        contact_point=contact_point,
        description=targets.description(describe) if describe else None,
        capabilities=targets.claim(capability or ()),
        user_assurance=assurance,
        language=language,
    )


@question_command(question)
def check(
    context: typer.Context,
    request: pb.CheckRequest,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Ask the questions of a file instead: YAML, JSON or NDJSON, each a CheckRequest as the API "
            "has it; - is standard input.",
        ),
    ] = None,
    system: flags.System = "",
    json: flags.AsJson = False,
) -> None:
    """Ask whether a user may see, or send to somebody, fields of a record.

    The answer is logged before it is shown. Exit code 0 means that everything asked is permitted. Of a
    file's questions --json prints what came of each as a line of its own; the exit code is of the worst.
    """
    run = current(context)
    questions = _questions(request, source)
    with decisions(run, asking_system(run, system)) as connection:
        # A script that reads what came of a file's questions reads lines, even where it is one.
        if len(questions) > 1 or (json and source is not None):
            raise typer.Exit(ask_many(connection, questions, json=json))
        (question,) = questions
        answer = connection.call(DecisionServiceStub(connection.channel).Check, question)
    decision = decision_from(question, answer)
    if json:
        print_json(answer)
    else:
        print_answer(question, answer)
    raise typer.Exit(Exit.OK if decision.permitted else Exit.DENIED)


def _questions(request: pb.CheckRequest, source: Path | None) -> list[pb.CheckRequest]:
    if source is None:
        return [request]
    if request != pb.CheckRequest():
        raise Failure(
            "--from asks what its file says, and the other options ask something else",
            do_next="write everything of a question into the file, or leave --from out",
            code=Exit.USAGE,
        )
    return read_questions(source)
