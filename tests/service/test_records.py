"""RecordService: types that extend base types and never weaken them, records and their parties."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from policy_service.facts import keys
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.model.errors import InvalidArgumentError, NotAvailableError, PermissionDeniedError
from policy_service.model.facts import Capability, FieldType, PartType, RecordType
from policy_service.model.obligation import ObligationKind
from policy_service.model.vocabulary import ContactKind, Role
from policy_service.service.pages import PageAsked
from policy_service.service.people_asked import PutPerson
from policy_service.service.record_put import PartyAsked, PutRecord
from policy_service.service.record_types import check_replaced
from policy_service.service.records import GetRecord, PutArtefactType, PutRecordType
from tests.service.control import (
    ADMIN,
    APPROVER,
    AUDITOR,
    KEY,
    OFFICER,
    POLICE,
    TRUST_AUDITOR,
    TRUST_OFFICER,
    Control,
    refusals,
)

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
        replace(CASE, fields=(field("1st.report"),)): ("record_type.fields[0].name", "BAD_NAME"),
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


PAGE = PartType("page-3", ("location.current",), ("victim",), separable=True)
BUNDLE = FieldType("bundle", ("document.attachment",), ("subject", "victim"), (PAGE,))
HOME = FieldType("home", ("location.current",), ("subject",), premises=True)


async def test_a_type_keeps_what_it_says_of_documents_and_people(control: Control) -> None:
    asked = replace(
        CASE,
        fields=(BUNDLE, HOME, replace(field("account"), mask="last4")),
        known_to_parents=True,
        people_on_file=True,
        assurance=2,
    )
    stored = (await control.records.put_record_type(OFFICER.calling(), asked)).answer
    assert stored.fields == asked.fields
    assert (stored.known_to_parents, stored.people_on_file, stored.assurance) == (True, True, 2)
    view = await control.seen_elsewhere(keys.record_type(POLICE, CASE.name))
    assert view.record_type(POLICE, CASE.name) == stored


async def test_what_no_part_of_a_record_type_can_be(control: Control) -> None:
    other = replace(PAGE, name="page-4")

    def with_part(**changes: Any) -> PutRecordType:
        return replace(CASE, fields=(field(), replace(BUNDLE, parts=(PAGE, replace(other, **changes)))))

    part = "record_type.fields[1].parts[1]"
    refused = {
        with_part(name=""): (f"{part}.name", "REQUIRED"),
        with_part(name="page 3"): (f"{part}.name", "BAD_NAME"),
        with_part(name="page-3"): (f"{part}.name", "REPEATED"),
        with_part(categories=()): (f"{part}.categories", "REQUIRED"),
        with_part(categories=("location",)): (f"{part}.categories[0]", "UNKNOWN_CATEGORY"),
        with_part(about=()): (f"{part}.about", "REQUIRED"),
        with_part(about=("victim", "co_recipient")): (f"{part}.about[1]", "UNKNOWN_ROLE"),
        with_part(about=("party:vera",)): (f"{part}.about[0]", "UNKNOWN_ROLE"),
        with_part(about=("victim", "victim")): (f"{part}.about[1]", "REPEATED"),
        replace(CASE, fields=(replace(field(), premises=True),)): (
            "record_type.fields[0].premises",
            "ONLY_FOR_LOCATIONS",
        ),
        replace(CASE, fields=(replace(field(), mask="first3"),)): (
            "record_type.fields[0].mask",
            "UNKNOWN_WORD",
        ),
        replace(
            CASE, fields=(replace(BUNDLE, parts=tuple(replace(PAGE, name=f"p{i}") for i in range(65))),)
        ): (
            "record_type.fields[0].parts",
            "TOO_MANY",
        ),
        replace(CASE, assurance=4): ("record_type.assurance", "OUT_OF_RANGE"),
    }
    asks = (control.records.put_record_type(OFFICER.calling(), asked) for asked in refused)
    assert await refusals(asks) == list(refused.values())


def test_a_part_of_the_base_is_only_replaced_by_one_that_says_as_much() -> None:
    fixed = PartType("annex", ("health.note", "location.work"), ("subject", "victim"))
    base = RecordType(
        "base.x",
        POLICE,
        "base.x",
        fields=(replace(BUNDLE, parts=(PAGE, fixed), mask="last4"), replace(HOME, premises=False)),
    )

    def refusal(*fields: FieldType) -> tuple[str, str]:
        try:
            check_replaced(fields, base, "fields")
        except InvalidArgumentError as error:
            return error.field, error.reason
        return "", "accepted"

    same = base.fields[0]
    weaker = {
        "fields[0].parts": (PAGE,),
        "fields[0].parts[0].categories": (replace(fixed, categories=("health.note",)), PAGE),
        "fields[0].parts[1].about": (PAGE, replace(fixed, about=("victim",))),
        "fields[0].parts[1].separable": (PAGE, replace(fixed, separable=True)),
    }
    assert {refusal(replace(same, parts=parts)) for parts in weaker.values()} == {
        (place, "WEAKENS_BASE") for place in weaker
    }
    assert refusal(replace(same, mask="")) == ("fields[0].mask", "WEAKENS_BASE")
    assert refusal(same, HOME) == ("fields[1].premises", "WEAKENS_BASE")
    more = PartType("page-3", ("location.current", "finance"), ("victim", "child"), separable=False)
    own = replace(PAGE, name="own")
    assert refusal(replace(same, parts=(own, fixed, more))) == ("", "accepted")


async def test_what_callers_were_shown_to_carry_out(control: Control) -> None:
    proven = Capability(ObligationKind.REDACT, "proof/7", date(2026, 12, 31))
    stored = (
        await control.records.put_artefact_type(OFFICER.calling(), replace(LETTER, capabilities=(proven,)))
    ).answer
    assert stored.capabilities == (proven,)
    at = "artefact_type.capabilities[1]"
    refused = {
        replace(LETTER, capabilities=(proven, replace(proven, obligation=ObligationKind.NOTIFY))): (
            f"{at}.obligation",
            "NOT_PROTECTIVE",
        ),
        replace(
            LETTER, capabilities=(proven, replace(proven, obligation=ObligationKind.MASK, evidence=""))
        ): (
            f"{at}.evidence",
            "REQUIRED",
        ),
        replace(LETTER, capabilities=(proven, replace(proven, evidence="proof/8"))): (
            f"{at}.obligation",
            "REPEATED",
        ),
    }
    asks = (control.records.put_artefact_type(OFFICER.calling(), asked) for asked in refused)
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
        replace(RECORD, parties=(replace(adam, party="2nd"),)): ("record.parties[0].party", "BAD_NAME"),
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


async def test_the_premises_are_kept_as_fingerprints_and_stay_where_none_are_named(control: Control) -> None:
    await prepare(control)
    made = Fingerprinter(KEY)

    async def premises(address: str, uprn: str) -> tuple[str, str]:
        asked = replace(RECORD, premises=address, premises_uprn=uprn)
        record = (await control.records.put_record(OFFICER.calling(), asked)).answer.record
        return record.premises, record.premises_uprn

    here, there = (made.contact(ContactKind.POST, address) for address in ("1 Test Street", "2 Test Street"))
    assert await premises("1 Test Street", "12") == (here, made.uprn("12"))
    assert await premises("", "") == (here, made.uprn("12"))
    assert await premises("1 TEST STREET", "") == (here, made.uprn("12"))
    assert await premises("", "0012") == (here, made.uprn("12"))
    # Another address has another UPRN, and another UPRN another address; neither is known.
    assert await premises("2 Test Street", "") == (there, "")
    assert await premises("", "13") == ("", made.uprn("13"))
    refused = {
        replace(RECORD, premises="-"): ("record.premises", "CONTACT_UNREADABLE"),
        replace(RECORD, premises_uprn="twelve"): ("record.premises_uprn", "UPRN_UNREADABLE"),
    }
    asks = (control.records.put_record(OFFICER.calling(), asked) for asked in refused)
    assert await refusals(asks) == list(refused.values())


async def test_a_record_is_read_with_its_parties(control: Control) -> None:
    await prepare(control)
    put = (await control.records.put_record(OFFICER.calling(), RECORD)).answer
    for manager in (OFFICER, ADMIN, AUDITOR):
        found = await control.records.get_record(manager.calling(), GetRecord("OM-1"))
        assert found.record == put.record
        assert [party.party for party in found.parties] == ["adam", "vera"]
    assert list(control.entries()[-1].read.facts) == [f"record:{put.record.record_id}"]
    told = set()
    for manager, reference in ((TRUST_AUDITOR, "OM-1"), (OFFICER, "OM-2")):
        with pytest.raises(NotAvailableError) as caught:
            await control.records.get_record(manager.calling(), GetRecord(reference))
        told.add(caught.value.message)
    assert len(told) == 1
    with pytest.raises(PermissionDeniedError):
        await control.records.get_record(APPROVER.calling(), GetRecord("OM-1"))


async def test_record_types_are_listed_in_pages(control: Control) -> None:
    stored = {
        (await control.records.put_record_type(OFFICER.calling(), replace(CASE, name=name))).answer
        for name in ("a", "b", "c")
    }
    await control.records.put_record_type(TRUST_OFFICER.calling(), CASE)
    first = await control.records.list_record_types(AUDITOR.calling(), PageAsked(2))
    rest = await control.records.list_record_types(AUDITOR.calling(), PageAsked(2, first.next_page_token))
    assert {*first.items, *rest.items} == stored
    assert (len(first.items), rest.next_page_token) == (2, "")
    assert sorted(control.entries()[-1].read.facts) == sorted(
        f"record_type:{each.record_type_id}" for each in rest.items
    )
