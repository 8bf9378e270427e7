"""Promise 6, No protected value: neither the log nor the facts hold what the service was told to protect."""

from __future__ import annotations

import hashlib
from datetime import date

from policy_service.model.vocabulary import ContactKind, RelationKind, RequestKind
from policy_service.service.access_asked import IssueToken, PutSystem
from policy_service.service.asking import Note
from policy_service.service.people import GetPerson
from policy_service.service.people_asked import PutContactPoint, PutPerson, PutRelationship
from policy_service.service.record_put import PutRecord
from policy_service.service.records import PutRecordType
from policy_service.service.requests import RecordRequest
from tests.service.control import ADMIN, OFFICER, Control, values_at_rest

IDENTIFIER, OTHER = "943-476-5919", "P-canary-2"
PHONE, MAIL, STREET, UPRN = "07700 900123", "canary@example.org", "17 Canary Street", "100023336956"
NAME, PREMISES, PREMISES_UPRN = "Canary Birdsong", "19 Canary Court", "100023339999"


async def test_no_table_of_facts_or_log_holds_a_value(control: Control) -> None:
    body = f"{PHONE} {MAIL} {IDENTIFIER}".encode()
    note = Note("asked by phone", "key-1", body)
    for identifier in (IDENTIFIER, OTHER):
        await control.people.put_person(
            OFFICER.calling(),
            PutPerson((f"nhs-number:{identifier}",), birth_date=date(1990, 5, 4), names=(NAME,), note=note),
        )
        note = Note("asked by phone")
    for kind, value in ((ContactKind.PHONE, PHONE), (ContactKind.EMAIL, MAIL), (ContactKind.ACCOUNT, MAIL)):
        point = PutContactPoint(f"nhs-number:{IDENTIFIER}", kind, value)
        await control.people.put_contact_point(OFFICER.calling(), point)
    home = PutContactPoint(f"nhs-number:{IDENTIFIER}", ContactKind.POST, STREET, uprn=UPRN, home=True)
    await control.people.put_contact_point(OFFICER.calling(), home)
    await control.people.put_relationship(
        OFFICER.calling(),
        PutRelationship(f"nhs-number:{OTHER}", f"nhs-number:{IDENTIFIER}", RelationKind.ADVERSE_TO),
    )
    await control.requests.record(
        OFFICER.calling(),
        RecordRequest(
            f"nhs-number:{IDENTIFIER}",
            RequestKind.DO_NOT_SHARE,
            recipients=(f"nhs-number:{OTHER}",),
            review_date=date(2026, 6, 1),
        ),
    )
    await control.records.put_record_type(OFFICER.calling(), PutRecordType("police.case", "base.case"))
    record = PutRecord("OM-1", "police.case", premises=PREMISES, premises_uprn=PREMISES_UPRN)
    await control.records.put_record(OFFICER.calling(), record)
    await control.people.get_person(OFFICER.calling(), GetPerson(f"nhs-number:{IDENTIFIER}"))
    await control.access.put_system(ADMIN.calling(), PutSystem("records"))
    secret = (await control.access.issue_token(ADMIN.calling(), IssueToken(system="records"))).answer.secret

    protected = (
        IDENTIFIER,
        OTHER,
        PHONE,
        PHONE[1:].replace(" ", ""),
        MAIL,
        STREET,
        UPRN,
        NAME,
        "birdsong",
        PREMISES,
        PREMISES_UPRN,
        secret.split("_")[2],
    )
    unkeyed = hashlib.sha256(body).digest()
    assert not [value for value in values_at_rest(control.stores) if unkeyed in value]
    at_rest = [value.lower() for value in values_at_rest(control.stores)]
    assert any(b"asked by phone" in value for value in at_rest), "the search itself finds nothing"
    assert not [each for each in protected for value in at_rest if each.lower().encode() in value]
