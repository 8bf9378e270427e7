"""`people`: the protected, and those they are protected from."""

from __future__ import annotations

from typing import Annotated

import typer

from policy_service.api.v1 import people_pb2 as pb
from policy_service.api.v1.people_pb2_grpc import PeopleServiceStub
from policy_service.cli import flags, past
from policy_service.cli.connect import control
from policy_service.cli.render import moment_of, print_json, print_pairs, print_table, say
from policy_service.cli.run import current, manager
from policy_service.cli.values import value_of
from policy_service.model.vocabulary import ContactKind, OrganisationRole, PersonKind, RelationKind

app = typer.Typer(
    no_args_is_help=True, help="People: who is on file, how they are related, and how they are reached."
)

_SHOW_EXAMPLE = """\b
Example
  policy-service people show police-ref:P-1001 --controller example-police
"""
_HISTORY_EXAMPLE = """\b
Example
  policy-service people history police-ref:P-1001 \\
      --controller example-police
"""
_PUT_EXAMPLE = """\b
Example
  policy-service people put police-ref:P-1009 --controller example-police \\
      --name 'Sam Sample' --birth-date 1990-05-04
"""
_RELATE_EXAMPLE = """\b
Example
  policy-service people relate police-ref:P-1002 adverse_to \\
      police-ref:P-1009 --basis allegation --controller example-police
"""
_REACH_EXAMPLE = """\b
Example
  policy-service people reach police-ref:P-1009 phone \\
      --value '07700 900109' --reference CP-1009-PHONE \\
      --from-herself --controller example-police
"""

Person = Annotated[str, typer.Argument(metavar="PERSON", help="An identifier, SCHEME:VALUE, or person:ID.")]


@app.command(epilog=_SHOW_EXAMPLE)
def show(
    context: typer.Context,
    person: Person,
    as_of: flags.AsOf = "",
    controller: flags.Controller = "",
    json: flags.AsJson = False,
) -> None:
    """Show a person with relationships and contact points. The reading itself is logged.

    Identifiers, names and addresses are not shown: only their fingerprints are kept. A relationship reads
    like those of `people relate`: `this parent_of other` is a child of the person shown.
    """
    run = current(context)
    with control(run, manager(run)) as connection:
        method = PeopleServiceStub(connection.channel).GetPerson
        question = pb.GetPersonRequest(person=person, as_of=past.as_of(as_of))
        answer = connection.call(method, question, controller=controller)
    if json:
        print_json(answer)
        return
    _show_person(answer.person, schemes=", ".join(answer.schemes))
    if answer.relationships:
        say()
        this = f"person:{answer.person.person_id}"
        print_table(
            ("other", "relationship", "basis"),
            ((*_towards(this, each), _basis(each)) for each in answer.relationships),
        )
    if answer.contact_points:
        say()
        print_table(
            ("contact point", "kind", "verified", "notes"),
            (
                (
                    each.reference or each.contact_point_id,
                    each.kind,
                    each.verified_at[:10],
                    _notes(each),
                )
                for each in answer.contact_points
            ),
        )


@app.command(epilog=_HISTORY_EXAMPLE)
def history(
    context: typer.Context,
    person: Person,
    controller: flags.Controller = "",
    limit: flags.Versions = 20,
    json: flags.AsJson = False,
) -> None:
    """Show what was changed of a person, her relationships and contact points, newest first.

    Each version says when, by whom and why. The reading itself is logged.
    """
    run = current(context)
    with control(run, manager(run)) as connection:
        method = PeopleServiceStub(connection.channel).History

        def ask(token: str, size: int) -> pb.PeopleServiceHistoryRequest:
            return pb.PeopleServiceHistoryRequest(person=person, page_size=size, page_token=token)

        past.show_history(connection, method, ask, controller, limit, json=json)


@app.command(epilog=_PUT_EXAMPLE)
def put(
    context: typer.Context,
    identifiers: Annotated[
        list[str], typer.Argument(metavar="SCHEME:VALUE...", help="By which she is recognised.")
    ],
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="A name of hers; kept as a keyed fingerprint. Repeatable."),
    ] = None,
    birth_date: Annotated[str, typer.Option(metavar="DATE")] = "",
    kind: Annotated[str, typer.Option(metavar="KIND", help=f"One of {', '.join(PersonKind)}.")] = "private",
    organisation_role: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"Any of {', '.join(OrganisationRole)}. Repeatable."),
    ] = None,
    category: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Organisations: a category of fields that a contract or a public body's declaration names. "
            "Repeatable.",
        ),
    ] = None,
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    key: flags.Key = "",
    json: flags.AsJson = False,
) -> None:
    """Put a person or an organisation on file, or replace what is there under one of the identifiers.

    Identifiers and names are added, and never taken away.
    """
    request = pb.PutPersonRequest(
        person=pb.Person(
            identifiers=identifiers,
            kind=kind,
            birth_date=birth_date,
            organisation_roles=organisation_role or (),
            categories=category or (),
            names=name or (),
        ),
        idempotency_key=key,
        reason=reason,
    )
    run = current(context)
    with control(run, manager(run)) as connection:
        method = PeopleServiceStub(connection.channel).PutPerson
        answer = connection.call(method, request, controller=controller)
    if json:
        print_json(answer)
    else:
        _show_person(answer.person, schemes=", ".join(dict.fromkeys(map(_scheme, identifiers))))


@app.command(epilog=_RELATE_EXAMPLE)
def relate(
    context: typer.Context,
    from_person: Annotated[str, typer.Argument(metavar="FROM", help="SCHEME:VALUE or person:ID.")],
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"One of {', '.join(RelationKind)}.")],
    to_person: Annotated[str, typer.Argument(metavar="TO", help="SCHEME:VALUE or person:ID.")],
    basis: Annotated[
        str, typer.Option(metavar="WHAT", help="allegation, order, conviction or staff_assessment.")
    ] = "",
    parental_responsibility: Annotated[
        bool, typer.Option("--parental-responsibility", help="With the kind parent_of.")
    ] = False,
    valid_from: Annotated[str, typer.Option("--from", metavar="DATE")] = "",
    valid_until: Annotated[str, typer.Option("--until", metavar="DATE", help="The last day it holds.")] = "",
    review_date: Annotated[
        str, typer.Option(metavar="DATE", help="Default for an allegation: a year from its recording.")
    ] = "",
    confirmed: Annotated[
        bool,
        typer.Option(
            "--confirmed", help="A privacy officer confirmed the allegation; privacy officers alone."
        ),
    ] = False,
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    key: flags.Key = "",
    json: flags.AsJson = False,
) -> None:
    """Put on file that FROM is KIND of TO, or replace what is there for the two and the kind."""
    request = pb.PutRelationshipRequest(
        relationship=pb.Relationship(
            from_person=from_person,
            to_person=to_person,
            kind=kind,
            basis=basis,
            parental_responsibility=parental_responsibility,
            valid_from=valid_from,
            valid_until=valid_until,
            review_date=review_date,
            confirmed=confirmed,
        ),
        idempotency_key=key,
        reason=reason,
    )
    run = current(context)
    with control(run, manager(run)) as connection:
        method = PeopleServiceStub(connection.channel).PutRelationship
        answer = connection.call(method, request, controller=controller)
    if json:
        print_json(answer)
        return
    related = answer.relationship
    print_pairs(
        [
            ("relationship", related.relationship_id),
            ("from", related.from_person),
            ("is", related.kind),
            ("of", related.to_person),
            ("basis", related.basis),
            ("responsibility", "parental" if related.parental_responsibility else ""),
            ("holds from", related.valid_from),
            ("until", related.valid_until),
            ("recorded", moment_of(related.recorded_at)),
            ("review", related.review_date),
            ("confirmed", moment_of(related.confirmed_at)),
        ]
    )


@app.command(epilog=_REACH_EXAMPLE)
def reach(
    context: typer.Context,
    owner: Annotated[str, typer.Argument(metavar="PERSON", help="Whose it is: SCHEME:VALUE or person:ID.")],
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"One of {', '.join(ContactKind)}.")],
    value: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="The number, address or account; kept as a keyed fingerprint. - reads it from standard "
            "input, where no list of processes shows it.",
        ),
    ],
    reference: Annotated[str, typer.Option(metavar="REF", help="By which the calling systems know it.")] = "",
    uprn: Annotated[str, typer.Option(metavar="DIGITS", help="Of a postal address, if known.")] = "",
    home: Annotated[bool, typer.Option("--home", help="The owner lives there.")] = False,
    voicemail_safe: Annotated[
        bool, typer.Option("--voicemail-safe", help="Nobody else listens to it.")
    ] = False,
    verified_at: Annotated[
        str, typer.Option(metavar="TIME", help="RFC 3339: when it was last verified.")
    ] = "",
    institution: Annotated[
        bool, typer.Option("--institution", help="A prison, hostel or switchboard: sharing it tells nothing.")
    ] = False,
    from_herself: Annotated[
        bool, typer.Option("--from-herself", help="The owner herself said that it is hers.")
    ] = False,
    shared: Annotated[bool, typer.Option("--shared", help="Others open it, too.")] = False,
    service_address: Annotated[
        bool, typer.Option("--service-address", help="It may stand where her home would show.")
    ] = False,
    controller: flags.Controller = "",
    reason: flags.Reason = "",
    key: flags.Key = "",
    json: flags.AsJson = False,
) -> None:
    """Put a way to reach somebody on file, or replace what is there under its reference or value."""
    request = pb.PutContactPointRequest(
        contact_point=pb.ContactPoint(
            owner=owner,
            kind=kind,
            value=value_of(value, "--value"),
            reference=reference,
            uprn=uprn,
            home=home,
            voicemail_safe=voicemail_safe,
            verified_at=verified_at,
            institution=institution,
            from_herself=from_herself,
            shared=shared,
            service_address=service_address,
        ),
        idempotency_key=key,
        reason=reason,
    )
    run = current(context)
    with control(run, manager(run)) as connection:
        method = PeopleServiceStub(connection.channel).PutContactPoint
        answer = connection.call(method, request, controller=controller)
    if json:
        print_json(answer)
        return
    point = answer.contact_point
    print_pairs(
        [
            ("contact point", point.contact_point_id),
            ("reference", point.reference),
            ("owner", point.owner),
            ("kind", point.kind),
            ("verified", moment_of(point.verified_at)),
            ("notes", _notes(point)),
        ]
    )


def _show_person(person: pb.Person, schemes: str = "") -> None:
    print_pairs(
        [
            ("person", f"person:{person.person_id}"),
            ("kind", person.kind),
            ("born", person.birth_date),
            ("identifiers", schemes),
            ("organisation", ", ".join(person.organisation_roles)),
            ("categories", ", ".join(person.categories)),
            ("roster token", person.roster_token),
        ]
    )


def _scheme(identifier: str) -> str:
    return identifier.partition(":")[0]


def _towards(this: str, related: pb.Relationship) -> tuple[str, str]:
    """The other, and who of the two is what of whom, in the order of `people relate`."""
    if related.from_person == this:
        return related.to_person, f"this {related.kind} other"
    return related.from_person, f"other {related.kind} this"


def _basis(related: pb.Relationship) -> str:
    """On what it rests, and from when until when."""
    words = [
        related.basis,
        "confirmed" if related.confirmed else "",
        "with responsibility" if related.parental_responsibility else "",
        f"from {related.valid_from}" if related.valid_from else "",
        f"until {related.valid_until}" if related.valid_until else "",
        f"review {related.review_date}" if related.review_date else "",
    ]
    return ", ".join(filter(None, words))


def _notes(point: pb.ContactPoint) -> str:
    notes = {
        "home": point.home,
        "from herself": point.from_herself,
        "shared": point.shared,
        "voicemail safe": point.voicemail_safe,
        "service address": point.service_address,
        "institution": point.institution,
    }
    return ", ".join(note for note, holds in notes.items() if holds)
