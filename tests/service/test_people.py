"""PeopleService: puts keep ids, nothing is taken away by accident, nothing crosses organisations."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from policy_service.facts import keys
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.model.errors import (
    ConflictError,
    InvalidArgumentError,
    NotAvailableError,
    PermissionDeniedError,
)
from policy_service.model.facts import Controller, PersonId
from policy_service.model.vocabulary import ContactKind, OrganisationRole, PersonKind, RelationKind
from policy_service.service.people import PutContactPoint, PutPerson, PutRelationship
from tests.service.control import (
    ADMIN,
    AUDITOR,
    FIRST,
    KEY,
    NOON,
    OFFICER,
    POLICE,
    TRUST_OFFICER,
    Control,
    refusals,
)

VERA = PutPerson(("police-ref:P-1",), birth_date=date(1990, 5, 4))
ADAM = PutPerson(("police-ref:P-2",))
PHONE = PutContactPoint("police-ref:P-1", ContactKind.PHONE, "07700 900123", reference="CRM/7")


async def put(control: Control, *people: PutPerson) -> list[PersonId]:
    done = [await control.people.put_person(OFFICER.calling(), person) for person in people]
    return [each.answer.person.person_id for each in done]


async def test_a_person_is_found_by_each_of_her_identifiers_and_keeps_her_id(control: Control) -> None:
    first = await control.people.put_person(OFFICER.calling(), VERA)
    more = replace(
        VERA, identifiers=("nhs-number:943 476 5919", "police-ref:P-1"), birth_date=date(1991, 5, 4)
    )
    second = await control.people.put_person(ADMIN.calling(), more)
    third = await control.people.put_person(
        OFFICER.calling(), replace(VERA, identifiers=("nhs-number:9434765919",))
    )

    person_id = first.answer.person.person_id
    assert {second.answer.person.person_id, third.answer.person.person_id} == {person_id}
    assert second.answer.identifiers == more.identifiers
    view = await control.seen_elsewhere(keys.person(person_id), keys.identifiers_of(person_id))
    on_file = view.person(person_id)
    assert on_file is not None
    assert on_file.birth_date == VERA.birth_date
    assert on_file.controller == POLICE
    # Both identifiers stay: without one of them she would not be recognised any more.
    assert {identifier.scheme for identifier in view.identifiers_of(person_id)} == {
        "police-ref",
        "nhs-number",
    }


async def test_identifiers_of_two_people_make_no_third(control: Control) -> None:
    await put(control, VERA, ADAM)
    both = replace(VERA, identifiers=(*VERA.identifiers, *ADAM.identifiers))
    with pytest.raises(ConflictError) as caught:
        await control.people.put_person(OFFICER.calling(), both)
    assert caught.value.reason == "IDENTIFIERS_OF_TWO_PEOPLE"


async def test_another_organisations_person_is_not_available(control: Control) -> None:
    await put(control, VERA)
    with pytest.raises(NotAvailableError):
        await control.people.put_person(TRUST_OFFICER.calling(), VERA)


async def test_whom_another_organisation_has_on_file_is_for_this_one_like_nobody(control: Control) -> None:
    (vera,) = await put(control, VERA)
    await control.people.put_person(TRUST_OFFICER.calling(), PutPerson(("trust-ref:1",)))
    nobody = ("police-ref:P-9", "person:00000000-0000-4000-8000-000000000000")
    for named in ("police-ref:P-1", f"person:{vera}", *nobody):
        with pytest.raises(InvalidArgumentError) as caught:
            await control.people.put_relationship(
                TRUST_OFFICER.calling(), PutRelationship("trust-ref:1", named, RelationKind.ADVERSE_TO)
            )
        assert (caught.value.field, caught.value.reason, caught.value.message) == (
            "relationship.to_person",
            "UNKNOWN_PERSON",
            "`relationship.to_person` names nobody on file",
        )


async def test_a_private_person_never_becomes_an_organisation(control: Control) -> None:
    await put(control, VERA)
    with pytest.raises(InvalidArgumentError, match="cannot become an organisation"):
        await control.people.put_person(
            OFFICER.calling(), PutPerson(VERA.identifiers, PersonKind.ORGANISATION)
        )


NO_PERSON = [
    (PutPerson(()), "person.identifiers", "REQUIRED"),
    (PutPerson(tuple(f"x:{i}" for i in range(33))), "person.identifiers", "TOO_MANY"),
    (PutPerson(("x:1", "x:1")), "person.identifiers[1]", "REPEATED"),
    (PutPerson(("no-scheme",)), "person.identifiers[0]", "BAD_IDENTIFIER"),
    (PutPerson(("X:1",)), "person.identifiers[0]", "BAD_IDENTIFIER"),
    (PutPerson(("x: ",)), "person.identifiers[0]", "BAD_IDENTIFIER"),
    (PutPerson(("x:1", "user:1")), "person.identifiers[1]", "RESERVED_SCHEME"),
    (PutPerson(("person:1",)), "person.identifiers[0]", "RESERVED_SCHEME"),
    (PutPerson(("x:1",), birth_date=date(2026, 3, 4)), "person.birth_date", "IN_THE_FUTURE"),
    (PutPerson(("x:1",), categories=("identity.name",)), "person.categories", "ONLY_FOR_ORGANISATIONS"),
    (
        PutPerson(("x:1",), organisation_roles=(OrganisationRole.CONTRACTOR,)),
        "person.organisation_roles",
        "ONLY_FOR_ORGANISATIONS",
    ),
    (
        PutPerson(("x:1",), PersonKind.ORGANISATION, categories=("identity.nme",)),
        "person.categories[0]",
        "UNKNOWN_CATEGORY",
    ),
    (
        PutPerson(("x:1",), PersonKind.ORGANISATION, birth_date=date(1990, 1, 1)),
        "person.birth_date",
        "ONLY_FOR_PRIVATE",
    ),
]


async def test_what_no_person_can_be(control: Control) -> None:
    asks = (control.people.put_person(OFFICER.calling(), asked) for asked, _, _ in NO_PERSON)
    assert await refusals(asks) == [(field, reason) for _, field, reason in NO_PERSON]


async def test_a_relationship_keeps_its_id_for_its_ends_and_kind(control: Control) -> None:
    vera, adam = await put(control, VERA, ADAM)
    asked = PutRelationship("police-ref:P-2", f"person:{vera}", RelationKind.ADVERSE_TO, "allegation")
    first = (await control.people.put_relationship(OFFICER.calling(), asked)).answer
    other = replace(asked, kind=RelationKind.EX_PARTNER, basis="")
    different = (await control.people.put_relationship(OFFICER.calling(), other)).answer
    convicted = replace(asked, basis="conviction", valid_from=date(2026, 1, 1))
    second = (await control.people.put_relationship(OFFICER.calling(), convicted)).answer

    assert (first.from_person, first.to_person) == (adam, vera)
    assert second.relationship_id == first.relationship_id != different.relationship_id
    view = await control.seen_elsewhere(keys.relationships_to(vera))
    assert {each.basis for each in view.relationships_to(vera)} == {"conviction", ""}


NO_RELATIONSHIP = [
    (
        PutRelationship("police-ref:P-1", "police-ref:P-1", RelationKind.PARTNER),
        "relationship.to_person",
        "SAME_PERSON",
    ),
    (
        PutRelationship("police-ref:P-1", "", RelationKind.PARTNER),
        "relationship.to_person",
        "REQUIRED",
    ),
    (
        PutRelationship("police-ref:P-1", "police-ref:P-2", RelationKind.PARTNER, "rumour"),
        "relationship.basis",
        "UNKNOWN_WORD",
    ),
    (
        PutRelationship(
            "police-ref:P-1", "police-ref:P-2", RelationKind.PARTNER, parental_responsibility=True
        ),
        "relationship.parental_responsibility",
        "ONLY_FOR_PARENTS",
    ),
    (
        PutRelationship(
            "police-ref:P-1",
            "police-ref:P-2",
            RelationKind.PARTNER,
            valid_from=date(2026, 2, 2),
            valid_until=date(2026, 2, 1),
        ),
        "relationship.valid_until",
        "ENDS_BEFORE_IT_BEGINS",
    ),
]


async def test_what_no_relationship_can_be(control: Control) -> None:
    await put(control, VERA, ADAM)
    asks = (control.people.put_relationship(OFFICER.calling(), asked) for asked, _, _ in NO_RELATIONSHIP)
    assert await refusals(asks) == [(field, reason) for _, field, reason in NO_RELATIONSHIP]


async def test_a_contact_point_is_known_by_its_fingerprint_alone(control: Control) -> None:
    (vera,) = await put(control, VERA)
    point = (await control.people.put_contact_point(OFFICER.calling(), PHONE)).answer
    assert point.fingerprint == Fingerprinter(KEY).contact(ContactKind.PHONE, "+44 7700 900123")
    view = await control.seen_elsewhere(keys.contact_points_by_fingerprint(point.fingerprint))
    assert [each.person_id for each in view.contact_points_by_fingerprint(point.fingerprint)] == [vera]


async def test_a_contact_point_keeps_its_id_by_reference_or_else_by_value(control: Control) -> None:
    await put(control, VERA, ADAM)

    async def put_point(asked: PutContactPoint) -> tuple[str, str]:
        point = (await control.people.put_contact_point(OFFICER.calling(), asked)).answer
        return point.contact_point_id, point.reference

    first, _ = await put_point(PHONE)
    assert await put_point(replace(PHONE, value="07700 900456")) == (first, "CRM/7")
    # By its value; it keeps the reference by which the calling systems find it.
    assert await put_point(replace(PHONE, value="07700 900456", reference="")) == (first, "CRM/7")
    shared, _ = await put_point(replace(PHONE, owner="police-ref:P-2"))
    assert shared != first
    assert (await put_point(replace(PHONE, reference="CRM/8")))[0] not in {first, shared}


NO_CONTACT_POINT = [
    (replace(PHONE, owner="police-ref:P-9"), "contact_point.owner", "UNKNOWN_PERSON"),
    (replace(PHONE, value=" "), "contact_point.value", "REQUIRED"),
    (replace(PHONE, value="a phone"), "contact_point.value", "CONTACT_UNREADABLE"),
    (replace(PHONE, reference=" CRM"), "contact_point.reference", "BAD_REFERENCE"),
    (replace(PHONE, uprn="12"), "contact_point.uprn", "ONLY_FOR_ANOTHER_KIND"),
    (replace(PHONE, home=True), "contact_point.home", "ONLY_FOR_ANOTHER_KIND"),
    (
        replace(PHONE, kind=ContactKind.POST, value="1 Test Street", uprn="1x"),
        "contact_point.uprn",
        "UPRN_UNREADABLE",
    ),
    (
        replace(PHONE, kind=ContactKind.EMAIL, value="v@example.org", voicemail_safe=True),
        "contact_point.voicemail_safe",
        "ONLY_FOR_ANOTHER_KIND",
    ),
    (
        replace(PHONE, verified_at=NOON + timedelta(minutes=6)),
        "contact_point.verified_at",
        "IN_THE_FUTURE",
    ),
]


async def test_what_no_contact_point_can_be(control: Control) -> None:
    await put(control, VERA)
    asks = (control.people.put_contact_point(OFFICER.calling(), asked) for asked, _, _ in NO_CONTACT_POINT)
    assert await refusals(asks) == [(field, reason) for _, field, reason in NO_CONTACT_POINT]


async def test_only_privacy_officers_and_administrators_put_people(control: Control) -> None:
    with pytest.raises(PermissionDeniedError) as caught:
        await control.people.put_person(AUDITOR.calling(), VERA)
    assert caught.value.reason == "ROLE_REQUIRED"


async def test_an_installations_administrator_names_the_organisation(control: Control) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        await control.people.put_person(FIRST.calling(), VERA)
    assert caught.value.reason == "CONTROLLER_REQUIRED"
    with pytest.raises(InvalidArgumentError) as bad:
        await control.people.put_person(FIRST.calling(acting_for=Controller("Police Force")), VERA)
    assert (bad.value.field, bad.value.reason) == ("x-controller", "BAD_NAME")
    done = await control.people.put_person(FIRST.calling(acting_for=POLICE), VERA)
    assert done.answer.person.controller == POLICE
    assert control.entries()[-1].controller == POLICE


async def test_nobody_else_acts_for_another_organisation(control: Control) -> None:
    with pytest.raises(PermissionDeniedError) as caught:
        await control.people.put_person(TRUST_OFFICER.calling(acting_for=POLICE), VERA)
    assert caught.value.reason == "CONTROLLER_NOT_YOURS"
