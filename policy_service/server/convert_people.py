"""PeopleService: its messages → what the use cases ask, and their answers → messages."""

from __future__ import annotations

from datetime import date, datetime

from policy_service.api.v1 import people_pb2 as pb
from policy_service.model.facts import ContactPoint, Person, Relationship
from policy_service.model.vocabulary import ContactKind, OrganisationRole, PersonKind, RelationKind
from policy_service.server.bounds import MAX_TEXT, read_message, text, texts, word, words
from policy_service.server.convert_past import as_of, version_message
from policy_service.server.convert_writes import keyed_note_of, page_of
from policy_service.service.asking import NOTHING_NOTED, Done, Listed, Note
from policy_service.service.history import HistoryOf, Version
from policy_service.service.moments import day_of, time_of
from policy_service.service.people import GetPerson, PersonFound
from policy_service.service.people_asked import PutContactPoint, PutPerson, PutRelationship
from policy_service.service.person_put import PersonPut


def parse_put_person(data: bytes) -> PutPerson:
    request = read_message(pb.PutPersonRequest, data)
    return person_asked(request.person, keyed_note_of(request))


def person_asked(person: pb.Person, note: Note = NOTHING_NOTED) -> PutPerson:
    return PutPerson(
        identifiers=texts(person.identifiers, "person.identifiers"),
        kind=word(PersonKind, person.kind or PersonKind.PRIVATE, "person.kind"),
        birth_date=_day(person.birth_date, "person.birth_date"),
        organisation_roles=words(OrganisationRole, person.organisation_roles, "person.organisation_roles"),
        categories=texts(person.categories, "person.categories"),
        names=texts(person.names, "person.names"),
        note=note,
    )


def person_response(done: Done[PersonPut]) -> bytes:
    message = _person(done.answer.person, done.answer.roster_token)
    message.identifiers.extend(done.answer.identifiers)
    return pb.PutPersonResponse(person=message, facts_token=done.facts_token).SerializeToString()


def parse_put_relationship(data: bytes) -> PutRelationship:
    request = read_message(pb.PutRelationshipRequest, data)
    return relationship_asked(request.relationship, keyed_note_of(request))


def relationship_asked(relationship: pb.Relationship, note: Note = NOTHING_NOTED) -> PutRelationship:
    return PutRelationship(
        from_person=text(relationship.from_person, "relationship.from_person", required=True),
        to_person=text(relationship.to_person, "relationship.to_person", required=True),
        kind=word(RelationKind, relationship.kind, "relationship.kind"),
        basis=text(relationship.basis, "relationship.basis"),
        parental_responsibility=relationship.parental_responsibility,
        valid_from=_day(relationship.valid_from, "relationship.valid_from"),
        valid_until=_day(relationship.valid_until, "relationship.valid_until"),
        review_date=_day(relationship.review_date, "relationship.review_date"),
        confirmed=relationship.confirmed,
        note=note,
    )


def relationship_response(done: Done[Relationship]) -> bytes:
    return pb.PutRelationshipResponse(
        relationship=_relationship(done.answer), facts_token=done.facts_token
    ).SerializeToString()


def parse_put_contact_point(data: bytes) -> PutContactPoint:
    request = read_message(pb.PutContactPointRequest, data)
    text(request.contact_point.owner, "contact_point.owner", required=True)
    return contact_point_asked(request.contact_point, keyed_note_of(request))


def contact_point_asked(point: pb.ContactPoint, note: Note = NOTHING_NOTED) -> PutContactPoint:
    """`owner` may be empty."""
    return PutContactPoint(
        owner=text(point.owner, "contact_point.owner"),
        kind=word(ContactKind, point.kind, "contact_point.kind"),
        value=text(point.value, "contact_point.value", limit=MAX_TEXT, required=True, lines=True),
        reference=text(point.reference, "contact_point.reference"),
        uprn=text(point.uprn, "contact_point.uprn"),
        home=point.home,
        voicemail_safe=point.voicemail_safe,
        verified_at=time_of(point.verified_at, "contact_point.verified_at") if point.verified_at else None,
        institution=point.institution,
        from_herself=point.from_herself,
        shared=point.shared,
        service_address=point.service_address,
        note=note,
    )


def contact_point_response(done: Done[ContactPoint]) -> bytes:
    return pb.PutContactPointResponse(
        contact_point=_contact_point(done.answer), facts_token=done.facts_token
    ).SerializeToString()


def parse_get_person(data: bytes) -> GetPerson:
    request = read_message(pb.GetPersonRequest, data)
    return GetPerson(text(request.person, "person", required=True), as_of(request))


def get_person_response(found: PersonFound) -> bytes:
    return pb.GetPersonResponse(
        person=_person(found.person, found.roster_token),
        relationships=[_relationship(each) for each in found.relationships],
        contact_points=[_contact_point(each) for each in found.contact_points],
        schemes=found.schemes,
    ).SerializeToString()


def parse_history(data: bytes) -> HistoryOf:
    request = read_message(pb.PeopleServiceHistoryRequest, data)
    return HistoryOf(text(request.person, "person", required=True), page=page_of(request))


def history_response(listed: Listed[Version[PersonFound]]) -> bytes:
    return pb.PeopleServiceHistoryResponse(
        versions=[_version(version) for version in listed.items], next_page_token=listed.next_page_token
    ).SerializeToString()


def _version(version: Version[PersonFound]) -> pb.PersonVersion:
    told, found = version_message(version), version.fact
    if found is None:
        return pb.PersonVersion(version=told)
    return pb.PersonVersion(
        version=told,
        person=_person(found.person, found.roster_token),
        relationships=[_relationship(each) for each in found.relationships],
        contact_points=[_contact_point(each) for each in found.contact_points],
        schemes=found.schemes,
    )


def _person(person: Person, roster_token: str) -> pb.Person:
    """Without identifiers and names: they are not on file."""
    return pb.Person(
        person_id=person.person_id,
        kind=person.kind,
        birth_date=_iso(person.birth_date),
        organisation_roles=person.organisation_roles,
        categories=person.categories,
        roster_token=roster_token,
    )


def _relationship(relationship: Relationship) -> pb.Relationship:
    return pb.Relationship(
        relationship_id=relationship.relationship_id,
        from_person=f"person:{relationship.from_person}",
        to_person=f"person:{relationship.to_person}",
        kind=relationship.kind,
        basis=relationship.basis,
        parental_responsibility=relationship.parental_responsibility,
        valid_from=_iso(relationship.valid_from),
        valid_until=_iso(relationship.valid_until),
        review_date=_iso(relationship.review_date),
        confirmed=relationship.confirmed_at is not None,
        recorded_at=_iso(relationship.recorded_at),
        confirmed_at=_iso(relationship.confirmed_at),
    )


def _contact_point(point: ContactPoint) -> pb.ContactPoint:
    """Without the value and the UPRN: they are not on file."""
    return pb.ContactPoint(
        contact_point_id=point.contact_point_id,
        owner=f"person:{point.person_id}",
        kind=point.kind,
        reference=point.reference,
        home=point.home,
        voicemail_safe=point.voicemail_safe,
        verified_at=_iso(point.verified_at),
        institution=point.institution,
        from_herself=point.from_herself,
        shared=point.shared,
        service_address=point.service_address,
    )


def _day(value: str, field: str) -> date | None:
    return day_of(value, field) if value else None


def _iso(moment: date | datetime | None) -> str:
    return "" if moment is None else moment.isoformat()
