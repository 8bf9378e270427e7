"""`people` and `records`: what is sent, and what is shown of the answer."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from policy_service.api.v1 import people_pb2, record_pb2
from tests.cli.conftest import ADMIN, POLICE, Terminal
from tests.support.fake_service import FakeService

ID = "2f0c9a52-6d0e-4b0e-9f5e-0f3b6f6c1d11"


def pairs(out: str) -> dict[str, str]:
    """What is shown as a name and a value a line."""
    return dict(re.findall(r"^(\S[^\n]*?)  +(\S[^\n]*)$", out, re.MULTILINE))


def test_people_put_sends_every_option(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["PeopleService/PutPerson"] = lambda _: people_pb2.PutPersonResponse(
        person=people_pb2.Person(person_id=ID, kind="organisation", roster_token="r0")
    )
    typed = terminal(
        *("people", "put", "s:1", "s:2", "--name", "Vera Example", "--name", "V. Example"),
        *("--birth-date", "1990-05-04", "--kind", "organisation", "--organisation-role", "contractor"),
        *("--category", "finance", "--controller", "c", "--reason", "why", "--idempotency-key", "k"),
    )
    assert typed.code == 0
    assert fake.calls[0].metadata["x-controller"] == "c"
    assert fake.calls[0].request == people_pb2.PutPersonRequest(
        person=people_pb2.Person(
            identifiers=["s:1", "s:2"],
            kind="organisation",
            birth_date="1990-05-04",
            organisation_roles=["contractor"],
            categories=["finance"],
            names=["Vera Example", "V. Example"],
        ),
        idempotency_key="k",
        reason="why",
    )
    assert pairs(typed.out)["person"] == f"person:{ID}"
    assert pairs(typed.out)["roster token"] == "r0"
    assert pairs(typed.out)["identifiers"] == "s"


def test_people_relate_sends_every_option(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["PeopleService/PutRelationship"] = lambda asked: people_pb2.PutRelationshipResponse(
        relationship=asked.relationship
    )
    typed = terminal(
        *("people", "relate", "s:1", "adverse_to", "s:2", "--basis", "allegation", "--confirmed"),
        *("--parental-responsibility", "--from", "2026-01-01", "--until", "2026-12-31"),
        *("--review-date", "2027-01-01", "--controller", "c", "--reason", "why", "--idempotency-key", "k"),
    )
    assert typed.code == 0
    assert fake.calls[0].request == people_pb2.PutRelationshipRequest(
        relationship=people_pb2.Relationship(
            from_person="s:1",
            to_person="s:2",
            kind="adverse_to",
            basis="allegation",
            parental_responsibility=True,
            valid_from="2026-01-01",
            valid_until="2026-12-31",
            review_date="2027-01-01",
            confirmed=True,
        ),
        idempotency_key="k",
        reason="why",
    )
    assert pairs(typed.out)["is"] == "adverse_to"
    assert pairs(typed.out)["review"] == "2027-01-01"


def test_people_reach_sends_every_option(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["PeopleService/PutContactPoint"] = lambda _: people_pb2.PutContactPointResponse(
        contact_point=people_pb2.ContactPoint(contact_point_id=ID, reference="CP-1", home=True, shared=True)
    )
    typed = terminal(
        *("people", "reach", "s:1", "post", "--value", "1 Canary Street", "--reference", "CP-1"),
        *("--uprn", "12", "--home", "--voicemail-safe", "--verified-at", "2026-03-02T12:00:00Z"),
        *("--institution", "--from-herself", "--shared", "--service-address"),
        *("--controller", "c", "--reason", "why", "--idempotency-key", "k"),
    )
    assert typed.code == 0
    assert fake.calls[0].request == people_pb2.PutContactPointRequest(
        contact_point=people_pb2.ContactPoint(
            owner="s:1",
            kind="post",
            value="1 Canary Street",
            reference="CP-1",
            uprn="12",
            home=True,
            voicemail_safe=True,
            verified_at="2026-03-02T12:00:00Z",
            institution=True,
            from_herself=True,
            shared=True,
            service_address=True,
        ),
        idempotency_key="k",
        reason="why",
    )
    assert pairs(typed.out)["notes"] == "home, shared"
    assert "Canary" not in typed.out


def test_a_value_may_come_where_no_list_of_processes_shows_it(terminal: Terminal, fake: FakeService) -> None:
    address = "1 Canary Street\nTestham"
    terminal("people", "reach", "s:1", "post", "--value", "-", stdin=f"{address}\n")
    terminal("records", "put", "R", "--type", "t", "--premises", "-", stdin=f"{address}\r\n")
    point, record = (call.request for call in fake.calls)
    assert (point.contact_point.value, record.record.premises) == (address, address)
    typed = terminal("people", "reach", "s:1", "post", "--value", "-", stdin="x" * 65_537)
    assert typed.code == 2
    assert len(fake.calls) == 2


def person() -> people_pb2.GetPersonResponse:
    return people_pb2.GetPersonResponse(
        person=people_pb2.Person(
            person_id=ID, kind="private", birth_date="1990-05-04", roster_token="r" * 32
        ),
        relationships=[
            people_pb2.Relationship(
                from_person=f"person:{ID}",
                to_person=f"person:{ID[::-1]}",
                kind="parent_of",
                basis="order",
                parental_responsibility=True,
                valid_until="2030-01-01",
            ),
            people_pb2.Relationship(
                from_person=f"person:{ID[::-1]}", to_person=f"person:{ID}", kind="adverse_to"
            ),
        ],
        contact_points=[
            people_pb2.ContactPoint(
                contact_point_id=ID,
                reference="CP-1",
                kind="phone",
                verified_at="2026-03-02T12:00:00+00:00",
                from_herself=True,
            ),
            people_pb2.ContactPoint(contact_point_id=ID, kind="email"),
        ],
        schemes=["nhs-number", "police-ref"],
    )


def test_people_show(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["PeopleService/GetPerson"] = lambda _: person()
    typed = terminal("people", "show", "s:1", "--controller", "c")
    assert typed.code == 0
    assert fake.calls[0].request == people_pb2.GetPersonRequest(person="s:1")
    assert max(len(line) for line in typed.out.splitlines()) <= 80
    assert pairs(typed.out)["identifiers"] == "nhs-number, police-ref"
    for text in ("this parent_of", f"person:{ID[::-1]}", "order", "responsibility", "2030-01-01"):
        assert text in typed.out
    assert ["CP-1", "phone", "2026-03-02", "from", "herself"] in [
        each.split() for each in typed.out.splitlines()
    ]
    assert "other adverse_to" in typed.out
    shown = terminal("people", "show", "s:1", "--json").json
    assert shown["person"]["rosterToken"] == "r" * 32
    assert shown["contactPoints"][1]["shared"] is False


def test_records_put_sends_every_option(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["RecordService/PutRecord"] = lambda asked: record_pb2.PutRecordResponse(record=asked.record)
    typed = terminal(
        *("records", "put", "OM-1", "--type", "police.case", "--team", "a", "--team", "b"),
        *("--party", "adam,subject,s:2", "--party", "vera,victim,s:a,1"),
        *("--premises", "1 Test Street", "--premises-uprn", "12"),
        *("--controller", "c", "--reason", "why", "--idempotency-key", "k"),
    )
    assert typed.code == 0
    assert fake.calls[0].request == record_pb2.PutRecordRequest(
        record=record_pb2.Record(
            reference="OM-1",
            record_type="police.case",
            teams=["a", "b"],
            parties=[
                record_pb2.Party(party="adam", role="subject", person="s:2"),
                record_pb2.Party(party="vera", role="victim", person="s:a,1"),
            ],
            premises="1 Test Street",
            premises_uprn="12",
        ),
        idempotency_key="k",
        reason="why",
    )
    assert "Test Street" not in typed.out
    assert ["vera", "victim", "s:a,1"] in [line.split() for line in typed.out.splitlines()]


@pytest.mark.parametrize("text", ["vera", "vera,victim", "vera,,s:1", ",victim,s:1"])
def test_what_names_no_party(terminal: Terminal, fake: FakeService, text: str) -> None:
    assert terminal("records", "put", "OM-1", "--type", "t", "--party", text).code == 2
    assert not fake.calls


def test_records_show(terminal: Terminal, fake: FakeService) -> None:
    record = record_pb2.Record(
        reference="OM-1",
        record_type="police.case",
        teams=["a"],
        parties=[record_pb2.Party(party="adam", role="subject", person=f"person:{ID}")],
    )
    fake.answers["RecordService/GetRecord"] = lambda _: record_pb2.GetRecordResponse(record=record)
    typed = terminal("records", "show", "OM-1")
    assert fake.calls[0].request == record_pb2.GetRecordRequest(reference="OM-1")
    assert pairs(typed.out)["type"] == "police.case"
    assert ["adam", "subject", f"person:{ID}"] in [line.split() for line in typed.out.splitlines()]
    assert terminal("records", "show", "OM-1", "--json").json["record"]["teams"] == ["a"]


DECLARE = ("records", "declare", "--record", "OM-1", "--field", "bundle")
PARTS = (
    *("--part", "report,category=report.body,category=health.note,about=subject,about=party:vera"),
    *("--part", "page-3,about=victim,category=location.current,separable"),
)


def test_records_declare_sends_every_option(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["RecordService/DeclareContents"] = lambda asked: record_pb2.DeclareContentsResponse(
        declaration=asked.declaration
    )
    typed = terminal(
        *DECLARE,
        *PARTS,
        *("--digest", "ab" * 32, "--user", "clerk", "--as", "police-records"),
        *("--reason", "why", "--idempotency-key", "k"),
    )
    assert typed.code == 0
    assert fake.calls[0].metadata["authorization"] == f"Bearer {POLICE}"
    assert fake.calls[0].request == record_pb2.DeclareContentsRequest(
        declaration=record_pb2.ContentDeclaration(
            digest=b"\xab" * 32,
            record="OM-1",
            field="bundle",
            parts=[
                record_pb2.Part(
                    name="report",
                    categories=["report.body", "health.note"],
                    about=["subject", "party:vera"],
                ),
                record_pb2.Part(
                    name="page-3", categories=["location.current"], about=["victim"], separable=True
                ),
            ],
            user="clerk",
        ),
        idempotency_key="k",
        reason="why",
    )
    assert max(len(line) for line in typed.out.splitlines()) <= 80
    assert pairs(typed.out)["digest"] == "ab" * 32


def test_the_digest_may_be_taken_of_a_file_which_is_not_sent(
    terminal: Terminal, fake: FakeService, tmp_path: Path
) -> None:
    document = tmp_path / "bundle.pdf"
    document.write_bytes(b"canary" * 300_000)
    assert terminal(*DECLARE, *PARTS, "--file", str(document)).code == 0
    (call,) = fake.calls
    assert call.metadata["authorization"] == f"Bearer {ADMIN}"
    assert call.request.declaration.digest == hashlib.sha256(document.read_bytes()).digest()
    assert b"canary" not in call.request.SerializeToString()


@pytest.mark.parametrize(
    "wrong",
    [
        PARTS,
        (*PARTS, "--digest", "ab" * 32, "--file", "x"),
        (*PARTS, "--digest", "ab"),
        (*PARTS, "--file", "no such file"),
        ("--digest", "ab" * 32, "--part", "x,categories=finance"),
        ("--digest", "ab" * 32, "--part", "x,category="),
        ("--digest", "ab" * 32, "--part", "x,separable=yes"),
    ],
    ids=["no document", "two documents", "half a digest", "no file", "no such key", "no value", "a value"],
)
def test_a_declaration_that_cannot_be_right_is_not_sent(
    terminal: Terminal, fake: FakeService, wrong: tuple[str, ...]
) -> None:
    typed = terminal(*DECLARE, *wrong)
    assert typed.code == 2
    assert "next:" in typed.err
    assert not fake.calls


def test_records_types_reads_every_page(terminal: Terminal, fake: FakeService) -> None:
    def page(asked: record_pb2.ListRecordTypesRequest) -> record_pb2.ListRecordTypesResponse:
        number = int(asked.page_token or "0")
        field = record_pb2.FieldType(name="tip", premises=True)
        return record_pb2.ListRecordTypesResponse(
            record_types=[
                record_pb2.RecordType(
                    name=f"police.{number}",
                    extends="base.case",
                    fields=[field],
                    secret_roles=["applicant"],
                    attributes=["tenure"],
                )
            ],
            next_page_token=str(number + 1) if number < 2 else "",
        )

    fake.answers["RecordService/ListRecordTypes"] = page
    lines = [line.split() for line in terminal("records", "types").out.splitlines()]
    assert lines[2:] == [
        [f"police.{number}", "base.case", "tip", "applicant", "tenure"] for number in range(3)
    ]
    listed = terminal("records", "types", "--limit", "2", "--json").json
    assert [each["name"] for each in listed["recordTypes"]] == ["police.0", "police.1"]
    assert listed["more"] is True
    assert listed["recordTypes"][0]["fields"][0]["premises"] is True
    assert listed["recordTypes"][0]["attributes"] == ["tenure"]
    assert "there are more" in terminal("records", "types", "--limit", "1").out


def test_records_put_type_sends_every_option(terminal: Terminal, fake: FakeService) -> None:
    fake.answers["RecordService/PutRecordType"] = lambda asked: record_pb2.PutRecordTypeResponse(
        record_type=asked.record_type
    )
    line = (
        *("records", "put-type", "police.custody", "--extends", "base.case"),
        *("--field", "cell,category=service.venue,category=metadata,about=subject,about=witness"),
        *("--secret-role", "informant", "--secret-role", "witness", "--protection-team", "scheme-team"),
        *("--known-to-parents", "--people-on-file", "--assurance", "2"),
        *("--attribute", "tenure", "--attribute", "house"),
        *("--controller", "c", "--reason", "why", "--idempotency-key", "k"),
    )
    typed = terminal(*line)
    assert typed.code == 0
    assert fake.calls[0].metadata["x-controller"] == "c"
    assert fake.calls[0].request == record_pb2.PutRecordTypeRequest(
        record_type=record_pb2.RecordType(
            name="police.custody",
            extends="base.case",
            fields=[
                record_pb2.FieldType(
                    name="cell", categories=["service.venue", "metadata"], about=["subject", "witness"]
                )
            ],
            secret_roles=["informant", "witness"],
            protection_team="scheme-team",
            known_to_parents=True,
            people_on_file=True,
            assurance=2,
            attributes=["tenure", "house"],
        ),
        idempotency_key="k",
        reason="why",
    )
    assert max(len(row) for row in typed.out.splitlines()) <= 80
    shown = pairs(typed.out)
    assert shown["own attributes"] == "tenure, house"
    assert shown["known to"] == "scheme-team, parents by an order"
    assert ["cell", "service.venue,", "metadata", "subject,", "witness"] in [
        row.split() for row in typed.out.splitlines()
    ]
    assert terminal(*line, "--json").json["recordType"]["attributes"] == ["tenure", "house"]


@pytest.mark.parametrize(
    "wrong",
    [
        (),
        ("--extends", "base.case", "--field", "x,categories=finance"),
        ("--extends", "base.case", "--field", "x,about="),
        ("--extends", "base.case", "--assurance", "4"),
    ],
    ids=["no base", "no such key", "no value", "no such level"],
)
def test_a_record_type_that_cannot_be_right_is_not_sent(
    terminal: Terminal, fake: FakeService, wrong: tuple[str, ...]
) -> None:
    assert terminal("records", "put-type", "x", *wrong).code == 2
    assert not fake.calls
