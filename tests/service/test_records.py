"""RecordService: types that extend base types and never weaken them, records and their parties."""

from __future__ import annotations

from dataclasses import replace

from policy_service.facts import keys
from policy_service.model.facts import FieldType
from policy_service.model.vocabulary import Role
from policy_service.service.people import PutPerson
from policy_service.service.records import PartyAsked, PutArtefactType, PutRecord, PutRecordType
from tests.service.control import ADMIN, OFFICER, POLICE, TRUST_OFFICER, Control, refusals

CASE = PutRecordType(
    "police.case",
    "base.case",
    (FieldType("tip.source", ("identity.name", "involvement"), ("informant",)),),
    (Role.APPLICANT,),
    "scheme-team",
)
LETTER = PutArtefactType(
    "police.letter", (FieldType("copy_list", ("identity.name", "contact.post"), ("co_recipient",)),)
)
RECORD = PutRecord(
    "OM-1",
    "police.case",
    ("offender-managers",),
    (PartyAsked("adam", Role.SUBJECT, "police-ref:P-2"), PartyAsked("vera", Role.VICTIM, "police-ref:P-1")),
)


async def prepare(control: Control) -> None:
    for number in (1, 2, 3):
        await control.people.put_person(OFFICER.calling(), PutPerson((f"police-ref:P-{number}",)))
    await control.records.put_record_type(ADMIN.calling(), CASE)


async def test_a_type_keeps_its_id_by_its_name(control: Control) -> None:
    first = (await control.records.put_record_type(OFFICER.calling(), CASE)).answer
    second = (
        await control.records.put_record_type(ADMIN.calling(), replace(CASE, protection_team="t"))
    ).answer
    assert (first.record_type_id, second.protection_team) == (second.record_type_id, "t")
    of_trust = (await control.records.put_record_type(TRUST_OFFICER.calling(), CASE)).answer
    assert of_trust.record_type_id != first.record_type_id

    letter = (await control.records.put_artefact_type(OFFICER.calling(), LETTER)).answer
    again = (await control.records.put_artefact_type(OFFICER.calling(), replace(LETTER, envelope=()))).answer
    assert (letter.artefact_type_id, again.envelope) == (again.artefact_type_id, ())


def field(
    name: str = "x", *, categories: tuple[str, ...] = ("finance",), about: tuple[str, ...] = ("subject",)
) -> FieldType:
    return FieldType(name, categories, about)


async def test_what_no_record_type_can_be(control: Control) -> None:
    refused = {
        replace(CASE, name="Case with blanks"): ("record_type.name", "BAD_NAME"),
        replace(CASE, name="base.mine"): ("record_type.name", "RESERVED_NAME"),
        replace(CASE, extends="base.unknown"): ("record_type.extends", "UNKNOWN_BASE_TYPE"),
        replace(CASE, extends="police.case"): ("record_type.extends", "UNKNOWN_BASE_TYPE"),
        replace(CASE, fields=(field(), field())): ("record_type.fields[1].name", "REPEATED"),
        replace(CASE, fields=(field("a*"),)): ("record_type.fields[0].name", "BAD_NAME"),
        replace(CASE, fields=(field(categories=()),)): ("record_type.fields[0].categories", "REQUIRED"),
        replace(CASE, fields=(field(about=()),)): ("record_type.fields[0].about", "REQUIRED"),
        replace(CASE, fields=(field(categories=("location",)),)): (
            "record_type.fields[0].categories[0]",
            "UNKNOWN_CATEGORY",
        ),
        replace(CASE, fields=(field(about=("subject", "neighbour")),)): (
            "record_type.fields[0].about[1]",
            "UNKNOWN_ROLE",
        ),
        replace(CASE, fields=(field(about=("subject", "subject")),)): (
            "record_type.fields[0].about[1]",
            "REPEATED",
        ),
        replace(CASE, secret_roles=(Role.VICTIM, Role.VICTIM)): ("record_type.secret_roles[1]", "REPEATED"),
        replace(CASE, fields=tuple(field(f"f{i}") for i in range(257))): ("record_type.fields", "TOO_MANY"),
    }
    asks = (control.records.put_record_type(OFFICER.calling(), asked) for asked in refused)
    assert await refusals(asks) == list(refused.values())


async def test_a_field_of_the_base_is_only_replaced_by_one_that_says_as_much(control: Control) -> None:
    # base.case: enquiry.made_from [location.current, involvement] about applicant
    def made_from(categories: tuple[str, ...], about: tuple[str, ...]) -> PutRecordType:
        return replace(CASE, fields=(FieldType("enquiry.made_from", categories, about),))

    refused = {
        made_from(("location.current",), ("applicant",)): "record_type.fields[0].categories",
        made_from(("finance",), ("applicant",)): "record_type.fields[0].categories",
        # A role that is secret would be shown under another one.
        made_from(("location.current", "involvement"), ("subject",)): "record_type.fields[0].about",
    }
    asks = (control.records.put_record_type(OFFICER.calling(), asked) for asked in refused)
    assert await refusals(asks) == [(place, "WEAKENS_BASE") for place in refused.values()]

    stronger = made_from(("location.current", "involvement", "metadata"), ("applicant", "informant"))
    await control.records.put_record_type(OFFICER.calling(), stronger)


async def test_what_no_artefact_type_can_be(control: Control) -> None:
    refused = {
        replace(LETTER, name=""): ("artefact_type.name", "REQUIRED"),
        replace(LETTER, envelope=(field(categories=()),)): (
            "artefact_type.envelope[0].categories",
            "REQUIRED",
        ),
        replace(LETTER, envelope=(field(about=("co-recipient",)),)): (
            "artefact_type.envelope[0].about[0]",
            "UNKNOWN_ROLE",
        ),
    }
    asks = (control.records.put_artefact_type(OFFICER.calling(), asked) for asked in refused)
    assert await refusals(asks) == list(refused.values())


async def test_a_record_keeps_its_id_and_its_parties_theirs(control: Control) -> None:
    await prepare(control)
    first = (await control.records.put_record(OFFICER.calling(), RECORD)).answer
    changed = replace(
        RECORD, parties=(RECORD.parties[1], PartyAsked("witness", Role.WITNESS, "police-ref:P-3"))
    )
    second = (await control.records.put_record(OFFICER.calling(), changed)).answer

    assert second.record == first.record
    assert second.parties[0] == first.parties[1]
    view = await control.seen_elsewhere(
        keys.parties_of(first.record.record_id), keys.parties_by_person(first.parties[0].person_id)
    )
    assert {party.party for party in view.parties_of(first.record.record_id)} == {"vera", "witness"}
    assert view.parties_by_person(first.parties[0].person_id) == ()
    gone, added = first.parties[0].record_party_id, second.parties[1].record_party_id
    assert {f"party:{gone}", f"party:{added}"} <= set(control.entries()[-1].write.facts)


async def test_what_no_record_can_be(control: Control) -> None:
    await prepare(control)
    await control.people.put_person(TRUST_OFFICER.calling(), PutPerson(("trust-ref:1",)))
    adam, vera = RECORD.parties
    refused = {
        replace(RECORD, reference=" OM-1"): ("record.reference", "BAD_REFERENCE"),
        replace(RECORD, record_type="base.case"): ("record.record_type", "UNKNOWN_RECORD_TYPE"),
        replace(RECORD, record_type="nhs.letter"): ("record.record_type", "UNKNOWN_RECORD_TYPE"),
        replace(RECORD, teams=("a", "a")): ("record.teams[1]", "REPEATED"),
        replace(RECORD, parties=(adam, adam)): ("record.parties[1]", "REPEATED"),
        replace(RECORD, parties=(replace(adam, party="a:b"),)): ("record.parties[0].party", "BAD_NAME"),
        replace(RECORD, parties=(adam, replace(vera, person="police-ref:P-9"))): (
            "record.parties[1].person",
            "UNKNOWN_PERSON",
        ),
        replace(RECORD, parties=(replace(adam, person="trust-ref:1"),)): (
            "record.parties[0].person",
            "UNKNOWN_PERSON",
        ),
        replace(RECORD, parties=(adam, replace(vera, party="adam"))): (
            "record.parties[1].person",
            "TWO_PEOPLE",
        ),
    }
    asks = (control.records.put_record(OFFICER.calling(), asked) for asked in refused)
    assert await refusals(asks) == list(refused.values())


async def test_a_party_may_hold_several_roles_under_one_key(control: Control) -> None:
    await prepare(control)
    adam, _ = RECORD.parties
    both = replace(RECORD, parties=(adam, replace(adam, role=Role.PERSON_ASKED_ABOUT)))
    put = (await control.records.put_record(OFFICER.calling(), both)).answer
    assert [party.role for party in put.parties] == [Role.SUBJECT, Role.PERSON_ASKED_ABOUT]
    assert put.record.controller == POLICE
