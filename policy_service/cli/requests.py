"""`requests`: what people asked for, and what was asked for them."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer

from policy_service.api.v1 import privacy_request_pb2 as pb
from policy_service.api.v1.privacy_request_pb2_grpc import PrivacyRequestServiceStub
from policy_service.cli import flags, past
from policy_service.cli.connect import control
from policy_service.cli.epilogs import example_of
from policy_service.cli.pages import all_pages
from policy_service.cli.render import as_json, moment, now, print_json, print_notes, print_pairs, say
from policy_service.cli.request_words import if_over, scope_of, show_request, towards
from policy_service.cli.run import current, manager
from policy_service.model.vocabulary import (
    Channel,
    InterpreterGender,
    InterpreterMode,
    RequestKind,
    WrittenFormat,
)

app = typer.Typer(no_args_is_help=True, help="Privacy requests: record them, and read what is recorded.")

_EXAMPLE = """\b
Example
  policy-service requests record --controller example-nhs-trust \\
      --person trust-ref:T-2001 --kind do_not_share \\
      --recipient trust-ref:T-2004 --reason 'asked on the phone'
  policy-service requests record --controller example-nhs-trust \\
      --person trust-ref:T-2001 --kind safe_contact --via phone.live \\
      --hours 'mon-fri 09:30-14:00' --no-voicemail
  policy-service requests record --controller example-nhs-trust \\
      --person trust-ref:T-2001 --kind communication_support \\
      --sign-language bfi --interpreter-gender woman \\
      --not-this-person trust-ref:T-2004
"""
_HISTORY_EXAMPLE = """\b
Example
  policy-service requests history 01890a5d-ac96-774b-bcce-b302099a8057 \\
      --controller example-nhs-trust
"""


@app.command(epilog=_EXAMPLE)
def record(
    context: typer.Context,
    person: Annotated[
        str, typer.Option(metavar="SCHEME:VALUE", help="Who it protects, by an identifier or person:ID.")
    ],
    kind: Annotated[str, typer.Option(metavar="KIND", help=f"One of {', '.join(RequestKind)}.")],
    covers: Annotated[
        list[str] | None, typer.Option(metavar="SCHEME:VALUE", help="Who is covered, too. Repeatable.")
    ] = None,
    category: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this category of fields, e.g. health.letter. Repeatable."),
    ] = None,
    record_type: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only records of this type. Repeatable.")
    ] = None,
    on_record: Annotated[
        list[str] | None, typer.Option("--record", metavar="REF", help="Only this record. Repeatable.")
    ] = None,
    system: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this system. Repeatable.")
    ] = None,
    recipient: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHO",
            help="Against whom; for restricted_access who is let in, and nobody else; for "
            "authorised_representative who is authorised: SCHEME:VALUE, person:ID, user:REF, team:REF or "
            "role:NAME. Repeatable.",
        ),
    ] = None,
    everyone_except: Annotated[
        bool, typer.Option("--everyone-except", help="Against everyone but the recipients named.")
    ] = False,
    purpose: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only for this purpose. Repeatable.")
    ] = None,
    legal_basis: Annotated[str, typer.Option(metavar="TEXT")] = "",
    raised_by: Annotated[
        str, typer.Option(metavar="WHO", help="self, parent, professional, court or scheme.")
    ] = "self",
    evidence: Annotated[
        str, typer.Option(metavar="REF", help="Where the evidence is; it may come later.")
    ] = "",
    valid_from: Annotated[
        str,
        typer.Option(
            "--from", metavar="WHEN", help="A date or RFC 3339 time; it protects at once all the same."
        ),
    ] = "",
    valid_until: Annotated[
        str, typer.Option("--until", metavar="WHEN", help="A date, which is included, or RFC 3339 time.")
    ] = "",
    zone: Annotated[str, typer.Option(metavar="NAME", help="IANA zone of dates.")] = "Europe/London",
    review_date: Annotated[str, typer.Option(metavar="DATE")] = "",
    on_lapse: Annotated[
        str, typer.Option(metavar="WHAT", help="hold protects until reviewed; lapse ends it.")
    ] = "hold",
    visibility: Annotated[
        str, typer.Option(metavar="WHO", help="open, staff or secret: who may know of it.")
    ] = "staff",
    contact_point: Annotated[
        list[str] | None,
        typer.Option(metavar="REF", help="safe_contact: only by this point on file for her. Repeatable."),
    ] = None,
    via: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHANNEL", help=f"safe_contact: only so. Any of {', '.join(Channel)}. Repeatable."
        ),
    ] = None,
    hours: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WINDOW", help="safe_contact: only then, e.g. 'mon-fri 09:30-14:00'. Repeatable."
        ),
    ] = None,
    no_voicemail: Annotated[
        bool, typer.Option("--no-voicemail", help="safe_contact: leave no message.")
    ] = False,
    neutral_sender: Annotated[
        bool, typer.Option("--neutral-sender", help="safe_contact: show nothing of who calls or writes.")
    ] = False,
    language: Annotated[
        str, typer.Option(metavar="TAG", help="communication_support: her language in BCP 47, e.g. pl.")
    ] = "",
    mode: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help=f"communication_support: how an interpreter takes part. Any of "
            f"{', '.join(InterpreterMode)}. Repeatable.",
        ),
    ] = None,
    sign_language: Annotated[
        str, typer.Option(metavar="TAG", help="communication_support: e.g. bfi, British Sign Language.")
    ] = "",
    interpreter_gender: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help=f"communication_support: any of {', '.join(InterpreterGender)}. Repeatable.",
        ),
    ] = None,
    not_this_person: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCHEME:VALUE",
            help="communication_support: never as an interpreter, or person:ID. Repeatable.",
        ),
    ] = None,
    written_format: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help=f"communication_support: any of {', '.join(WrittenFormat)}. Repeatable."
        ),
    ] = None,
    access_need: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="communication_support: as the organisation calls it, e.g. hearing-loop. Repeatable.",
        ),
    ] = None,
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    key: flags.Key = "",
    json: flags.AsJson = False,
) -> None:
    """Record a request. It protects from the moment this returns: the next check knows it."""
    safe_contact = pb.SafeContact(
        contact_points=contact_point or (),
        channels=via or (),
        hours=hours or (),
        no_voicemail=no_voicemail,
        neutral_sender=neutral_sender,
    )
    communication = pb.CommunicationSupport(
        language=language,
        modes=mode or (),
        sign_language=sign_language,
        interpreter_gender=interpreter_gender or (),
        not_these=not_this_person or (),
        written_formats=written_format or (),
        access_needs=access_need or (),
    )
    request = pb.PrivacyRequestServiceRecordRequest(
        request=pb.PrivacyRequest(
            person=person,
            kind=kind,
            covers=covers or (),
            scope=pb.Scope(
                categories=category or (),
                record_types=record_type or (),
                records=on_record or (),
                systems=system or (),
            ),
            recipients=recipient or (),
            everyone_except=everyone_except,
            purposes=purpose or (),
            legal_basis=legal_basis,
            raised_by=raised_by,
            evidence=evidence,
            valid_from=valid_from,
            valid_until=valid_until,
            zone=zone,
            review_date=review_date,
            on_lapse=on_lapse,
            visibility=visibility,
            # A detail is there where something was said of it: each belongs to one kind alone.
            safe_contact=safe_contact if safe_contact.ListFields() else None,
            communication=communication if communication.ListFields() else None,
        ),
        idempotency_key=key or str(uuid.uuid4()),
        reason=reason,
    )
    run = current(context)
    with control(run, manager(run)) as connection:
        method = PrivacyRequestServiceStub(connection.channel).Record
        answer = connection.call(method, request, controller=controller)
    if json:
        print_json(answer)
        return
    show_request(answer.request, now())
    print_notes(answer.notes)


@app.command("list", epilog=example_of("requests list"))
def list_requests(
    context: typer.Context,
    person: Annotated[str, typer.Option(metavar="SCHEME:VALUE", help="Only this person's.")] = "",
    as_of: flags.AsOf = "",
    controller: flags.Controller = "",
    limit: flags.Limit = 1000,
    json: flags.AsJson = False,
) -> None:
    """List the requests of an organisation, or of one person."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = PrivacyRequestServiceStub(connection.channel).List

        def page(token: str, size: int) -> tuple[list[pb.PrivacyRequest], str]:
            question = pb.PrivacyRequestServiceListRequest(
                person=person, page_size=size, page_token=token, as_of=past.as_of(as_of)
            )
            answer = connection.call(method, question, controller=controller)
            return list(answer.requests), answer.next_page_token

        found, more = all_pages(page, limit)
    if json:
        print_json({"requests": [as_json(each) for each in found], "more": more})
        return
    if not found:
        say("none")
    for each in found:
        print_pairs(
            [
                ("request", each.request_id),
                ("kind", f"{each.kind}, {each.state}" if each.state else each.kind),
                ("person", each.person),
                ("scope", scope_of(each)),
                towards(each),
                ("received", moment(each.received_at)),
                ("from", each.valid_from),
                ("until", f"{each.valid_until}{if_over(each, past.clock_of(as_of))}"),
            ]
        )
        say()
    if more:
        say(f"the first {limit}; there are more, see --limit")


@app.command(epilog=example_of("requests show"))
def show(
    context: typer.Context,
    request_id: Annotated[str, typer.Argument(metavar="ID", help="As `requests list` shows it.")],
    as_of: flags.AsOf = "",
    controller: flags.Controller = "",
    json: flags.AsJson = False,
) -> None:
    """Show one request."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = PrivacyRequestServiceStub(connection.channel).Get
        question = pb.PrivacyRequestServiceGetRequest(request_id=request_id, as_of=past.as_of(as_of))
        answer = connection.call(method, question, controller=controller)
    if json:
        print_json(answer)
    else:
        show_request(answer.request, past.clock_of(as_of))


@app.command(epilog=_HISTORY_EXAMPLE)
def history(
    context: typer.Context,
    request_id: Annotated[str, typer.Argument(metavar="ID", help="As `requests list` shows it.")],
    controller: flags.Controller = "",
    limit: flags.Versions = 20,
    json: flags.AsJson = False,
) -> None:
    """Show what was changed of a request, when, by whom and why, newest first; it is logged."""
    run = current(context)
    with control(run, manager(run)) as connection:
        method = PrivacyRequestServiceStub(connection.channel).History

        def ask(token: str, size: int) -> pb.PrivacyRequestServiceHistoryRequest:
            return pb.PrivacyRequestServiceHistoryRequest(
                request_id=request_id, page_size=size, page_token=token
            )

        past.show_history(connection, method, ask, controller, limit, json=json)
