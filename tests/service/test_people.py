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
from policy_service.model.facts import (
    ContactPoint,
    Controller,
    Fingerprint,
    PersonId,
    PersonName,
    Relationship,
)
from policy_service.model.vocabulary import ContactKind, OrganisationRole, PersonKind, RelationKind
from policy_service.service import relationships
from policy_service.service.contact_points import MOST_CONTACT_POINTS
from policy_service.service.people import GetPerson
from policy_service.service.people_asked import PutContactPoint, PutPerson, PutRelationship
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
    Manager,
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
    assert (caught.value.field, caught.value.reason) == (
        f"person.identifiers[{len(VERA.identifiers)}]",
        "IDENTIFIERS_OF_TWO_PEOPLE",
    )


async def test_another_organisations_person_is_not_available(control: Control) -> None:
    await put(control, VERA)
    hers = replace(VERA, identifiers=("trust-ref:1", *VERA.identifiers))
    with pytest.raises(NotAvailableError) as caught:
        await control.people.put_person(TRUST_OFFICER.calling(), hers)
    assert caught.value.field == "person.identifiers[1]"


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
    (PutPerson(("x:1",), names=("V. Example", "V. Example")), "person.names[1]", "REPEATED"),
    (PutPerson(("x:1",), names=("V. Example", "17")), "person.names[1]", "NAME_UNREADABLE"),
    (PutPerson(("x:1",), names=tuple(f"Vera {i}" for i in range(17))), "person.names", "TOO_MANY"),
    (PutPerson(("x:1",), PersonKind.ORGANISATION, names=("The Firm",)), "person.names", "ONLY_FOR_PRIVATE"),
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
        PutRelationship(
            "police-ref:P-1", "police-ref:P-2", RelationKind.PARTNER, review_date=date(2027, 1, 1)
        ),
        "relationship.review_date",
        "ONLY_FOR_ADVERSE",
    ),
    (
        PutRelationship("police-ref:P-1", "police-ref:P-2", RelationKind.ADVERSE_TO, "order", confirmed=True),
        "relationship.confirmed",
        "ONLY_FOR_ALLEGATIONS",
    ),
    (
        PutRelationship(
            "police-ref:P-1", "police-ref:P-2", RelationKind.PARTNER, "allegation", confirmed=True
        ),
        "relationship.confirmed",
        "ONLY_FOR_ALLEGATIONS",
    ),
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
    (replace(PHONE, service_address=True), "contact_point.service_address", "ONLY_FOR_ANOTHER_KIND"),
    (
        replace(PHONE, kind=ContactKind.POST, value="1 Test Street", home=True, service_address=True),
        "contact_point.service_address",
        "CONTRADICTION",
    ),
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


async def names_of(control: Control, person_id: PersonId) -> set[PersonName]:
    view = await control.seen_elsewhere(keys.names_of(person_id))
    return set(view.names_of(person_id))


async def test_names_are_added_and_never_taken_away(control: Control) -> None:
    (vera,) = await put(control, replace(VERA, birth_date=None, names=("Vera Example",)))
    (known,) = await names_of(control, vera)
    made = Fingerprinter(KEY)
    assert (known.fingerprint, known.with_birth_date) == (made.name("EXAMPLE, Vera"), "")
    # The same name in another spelling is no other; with the birth date it is known from now on.
    await put(control, replace(VERA, names=("Mrs Vera EXAMPLE", "Vera Smith", "vera smith")))
    born = date(1990, 5, 4)
    assert {
        (name.name_id == known.name_id, name.with_birth_date) for name in await names_of(control, vera)
    } == {
        (True, made.name_with_birth_date(made.name("Vera Example"), born)),
        (False, made.name_with_birth_date(made.name("Vera Smith"), born)),
    }
    before = await names_of(control, vera)
    # Where nobody says the birth date, what was known with it stays; another one takes its place.
    await put(control, replace(VERA, birth_date=None))
    assert await names_of(control, vera) == before
    await put(control, replace(VERA, birth_date=date(1990, 5, 5)))
    after = await names_of(control, vera)
    assert {name.name_id for name in after} == {name.name_id for name in before}
    assert not {name.with_birth_date for name in after} & {name.with_birth_date for name in before}
    assert "name:" in " ".join(control.entries()[-1].write.facts)


ALLEGED = PutRelationship("police-ref:P-2", "police-ref:P-1", RelationKind.ADVERSE_TO, "allegation")


async def relate(control: Control, asked: PutRelationship, manager: Manager = OFFICER) -> Relationship:
    return (await control.people.put_relationship(manager.calling(), asked)).answer


async def test_an_allegation_is_looked_at_again_a_year_after_it_was_first_recorded(control: Control) -> None:
    await put(control, VERA, ADAM)
    first = await relate(control, ALLEGED)
    assert (first.recorded_at, first.review_date) == (NOON, date(2027, 3, 2))
    control.clock.now += timedelta(days=30)
    again = await relate(control, replace(ALLEGED, valid_from=date(2026, 1, 1)))
    assert (again.recorded_at, again.review_date) == (NOON, date(2027, 3, 2))
    sooner = await relate(control, replace(ALLEGED, review_date=date(2026, 9, 1)))
    assert sooner.review_date == date(2026, 9, 1)
    convicted = await relate(control, replace(ALLEGED, basis="conviction"))
    assert (convicted.recorded_at, convicted.review_date) == (NOON, None)
    partner = await relate(control, replace(ALLEGED, kind=RelationKind.PARTNER))
    assert (partner.recorded_at, partner.review_date) == (control.clock.now, None)


async def test_only_a_privacy_officer_confirms_an_allegation_or_takes_that_back(control: Control) -> None:
    await put(control, VERA, ADAM)
    confirmed = replace(ALLEGED, confirmed=True)
    await relate(control, ALLEGED, ADMIN)
    for refused in (confirmed, replace(confirmed, to_person="police-ref:P-1", valid_from=date(2026, 1, 1))):
        with pytest.raises(PermissionDeniedError) as caught:
            await relate(control, refused, ADMIN)
        assert caught.value.reason == "ROLE_REQUIRED"
    by_officer = await relate(control, confirmed)
    assert (by_officer.confirmed_at, by_officer.confirmed_by) == (NOON, "police-officer")
    # What is confirmed stays so, from when it was, whoever puts it again as it is.
    control.clock.now += timedelta(days=1)
    again = await relate(control, confirmed, ADMIN)
    assert (again.confirmed_at, again.confirmed_by) == (NOON, "police-officer")
    with pytest.raises(PermissionDeniedError):
        await relate(control, ALLEGED, ADMIN)
    taken_back = await relate(control, ALLEGED)
    assert (taken_back.confirmed_at, taken_back.confirmed_by) == (None, "")
    await relate(control, confirmed)
    convicted = await relate(control, replace(ALLEGED, basis="conviction"), ADMIN)
    assert (convicted.confirmed_at, convicted.confirmed_by) == (None, "")


async def test_what_was_said_of_a_contact_point(control: Control) -> None:
    await put(control, VERA)
    phone = replace(PHONE, from_herself=True, shared=True)
    point = (await control.people.put_contact_point(OFFICER.calling(), phone)).answer
    assert (point.from_herself, point.shared, point.service_address) == (True, True, False)
    again = (await control.people.put_contact_point(OFFICER.calling(), PHONE)).answer
    assert (again.from_herself, again.shared) == (False, False)
    office = PutContactPoint("police-ref:P-1", ContactKind.POST, "PO Box 7", service_address=True)
    assert (await control.people.put_contact_point(OFFICER.calling(), office)).answer.service_address


async def test_a_person_is_read_with_what_is_on_file_about_her(control: Control) -> None:
    vera, adam = await put(
        control, replace(VERA, identifiers=("police-ref:P-1", "nhs-number:9434765919"), names=("Vera",)), ADAM
    )
    child = (await put(control, PutPerson(("police-ref:P-3",))))[0]
    adverse = await relate(control, ALLEGED)
    parent = await relate(
        control, PutRelationship("police-ref:P-1", "police-ref:P-3", RelationKind.PARENT_OF)
    )
    await relate(control, PutRelationship("police-ref:P-2", "police-ref:P-3", RelationKind.PARENT_OF))
    point = (await control.people.put_contact_point(OFFICER.calling(), PHONE)).answer
    for manager in (OFFICER, ADMIN, AUDITOR):
        found = await control.people.get_person(manager.calling(), GetPerson("nhs-number:943 476 5919"))
        assert found.person.person_id == vera
        assert set(found.relationships) == {adverse, parent}
        assert found.contact_points == (point,)
        assert found.schemes == ("nhs-number", "police-ref")
        assert found.roster_token == Fingerprinter(KEY).roster_token(vera)
    (entry,) = control.entries()[-1:]
    assert list(entry.read.facts) == [f"person:{vera}"]
    by_id = await control.people.get_person(OFFICER.calling(), GetPerson(f"person:{child}"))
    assert {each.from_person for each in by_id.relationships} == {vera, adam}


async def test_nobody_and_whom_another_organisation_has_on_file_are_read_alike(control: Control) -> None:
    (vera,) = await put(control, VERA)
    told = set()
    for named in ("police-ref:P-1", f"person:{vera}", "police-ref:P-9"):
        with pytest.raises(NotAvailableError) as caught:
            await control.people.get_person(TRUST_OFFICER.calling(), GetPerson(named))
        told.add((caught.value.reason, caught.value.message))
    assert len(told) == 1
    with pytest.raises(InvalidArgumentError) as bad:
        await control.people.get_person(TRUST_OFFICER.calling(), GetPerson("nobody"))
    assert (bad.value.field, bad.value.reason) == ("person", "BAD_IDENTIFIER")


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


async def test_one_person_has_no_more_contact_points_than_one_decision_may_read(control: Control) -> None:
    put = await control.people.put_person(OFFICER.calling(), PutPerson(("police-ref:P-1",)))
    who = put.answer.person.person_id
    others = tuple(
        ContactPoint(f"point-t-{n}", Controller("trust"), who, ContactKind.PHONE, Fingerprint(f"{n:064x}"))
        for n in range(MOST_CONTACT_POINTS)
    )
    own = tuple(
        ContactPoint(
            f"point-{n}", POLICE, who, ContactKind.PHONE, Fingerprint(f"{n:064x}"), reference=f"T-{n}"
        )
        for n in range(MOST_CONTACT_POINTS)
    )
    control.put(*others)  # which are not for this organisation to know
    control.put(*own[1:])

    def point(reference: str) -> PutContactPoint:
        return PutContactPoint(
            owner="police-ref:P-1", kind=ContactKind.PHONE, value="07700 900101", reference=reference
        )

    await control.people.put_contact_point(OFFICER.calling(), point("LAST"))
    with pytest.raises(InvalidArgumentError) as refused:
        await control.people.put_contact_point(OFFICER.calling(), point("ONE-MORE"))
    assert (refused.value.field, refused.value.reason) == ("contact_point.owner", "TOO_MANY")
    await control.people.put_contact_point(OFFICER.calling(), point("T-7"))  # in the place of another


async def test_one_person_has_no_more_relationships_than_one_decision_may_read(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relationships, "MOST_RELATIONSHIPS", 3)
    put = await control.people.put_person(OFFICER.calling(), PutPerson(("police-ref:HUB",)))
    hub = put.answer.person.person_id
    for n in range(5):
        await control.people.put_person(OFFICER.calling(), PutPerson((f"police-ref:{n}",)))
    # which are not for this organisation to know
    others = [
        Relationship(f"tie-{n}", Controller("trust"), hub, PersonId(f"t-{n}"), RelationKind.PARTNER)
        for n in range(3)
    ]
    control.put(*others)

    async def tie(source: object, target: object, kind: RelationKind = RelationKind.MANAGES) -> None:
        asked = PutRelationship(f"police-ref:{source}", f"police-ref:{target}", kind)
        await control.people.put_relationship(OFFICER.calling(), asked)

    for n in range(3):
        await tie("HUB", n)
        await tie(n, "HUB")
    for (source, target), field in ((("HUB", 3), "from_person"), ((3, "HUB"), "to_person")):
        with pytest.raises(InvalidArgumentError) as refused:
            await tie(source, target)
        assert (refused.value.field, refused.value.reason) == (f"relationship.{field}", "TOO_MANY")
    await tie("HUB", 1)  # in the place of another
    await tie(3, 4)
