"""What the benchmark's service has on file, and what it is asked: a hospital on an ordinary day.

Wards see their patients' records, secretaries send letters about people who are only described, and now and
then somebody asks about a patient of another ward, which nothing permits.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from google.protobuf.message import Message

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.decision_log.stream import StreamWriter
from policy_service.facts import schema
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.facts.key_file import load_or_create_key
from policy_service.facts.store import Change, FactStore
from policy_service.facts.tokens import make_token
from policy_service.model.facts import (
    Controller,
    Fact,
    FieldType,
    Person,
    PersonId,
    PersonIdentifier,
    Record,
    RecordId,
    RecordParty,
    RecordType,
    Revision,
    System,
    Token,
    User,
)
from policy_service.model.ids import random_id, time_ordered_id
from policy_service.model.vocabulary import Purpose, Role, Verb
from policy_service.server.settings import Settings
from policy_service.service.policies import shipped_policy_set

TRUST = Controller("trust")
WARDS, NURSES_A_WARD, PATIENTS = 10, 20, 1_000
BATCH = 50
"""Records of a batch, of each of which five fields are asked."""


def prepare(settings: Settings, policies: Path) -> str:
    """Put everything on file, in one revision; returns the text of a system's token."""
    settings.var_dir.mkdir(parents=True)
    schema.migrate(settings.facts)
    token = make_token()
    now = datetime.now(UTC)
    with ExitStack() as stack:
        log = stack.enter_context(StreamWriter.open(settings.log, "control"))
        store = stack.enter_context(FactStore(settings.facts, stream_id=log.stream_id))
        fingerprints = Fingerprinter(load_or_create_key(settings.fingerprint_key))
        facts = (
            shipped_policy_set(policies),
            Token(token.token_id, TRUST, token.secret_hash, now, now + timedelta(days=1), system="hospital"),
            *_facts(fingerprints),
        )
        store.write(Change("bench", TRUST, "", facts, time_ordered_id(now), now), entry)
    return token.text


def entry(_: Revision) -> bytes:
    """What a revision that no call has written owes the log."""
    return LogEntry(method="bench").SerializeToString()


def _facts(fingerprints: Fingerprinter) -> Iterator[Fact]:
    yield System(
        random_id(),
        TRUST,
        "hospital",
        record_types=("*",),
        verbs=(Verb.SEE, Verb.SEND),
        purposes=(Purpose.CARE,),
        may_describe=True,
    )
    summary = FieldType("summary", ("health.summary",), ("subject",))
    yield RecordType(random_id(), TRUST, "ward.record", extends="base.case", fields=(summary,))
    body = FieldType("body", ("report.body", "health.letter"), ("subject",))
    yield RecordType(random_id(), TRUST, "clinic.letter", extends="base.letter", fields=(body,))
    for ward in range(WARDS):
        for nurse in range(NURSES_A_WARD):
            yield User(random_id(), TRUST, f"nurse-{ward}-{nurse}", roles=("nurse",), teams=(f"ward-{ward}",))
    yield User(random_id(), TRUST, "secretary", roles=("secretary",), teams=("letters",))
    for number in range(PATIENTS):
        person, record = PersonId(random_id()), RecordId(random_id())
        yield Person(person, TRUST, birth_date=date(1950, 1, 1) + timedelta(days=10 * number))
        found_by = fingerprints.identifier("hospital", str(number))
        yield PersonIdentifier(random_id(), TRUST, person, "hospital", found_by)
        yield Record(record, TRUST, f"R-{number}", "ward.record", (f"ward-{number % WARDS}",))
        yield RecordParty(random_id(), TRUST, record, "patient", Role.SUBJECT, person)


def nurse_and_patient(number: int) -> tuple[int, int, int]:
    """The nurse's ward, which nurse of it, and the patient; every tenth is a patient of another ward."""
    patient = number % PATIENTS
    ward = (patient + (1 if number % 10 == 0 else 0)) % WARDS
    return ward, number // PATIENTS % NURSES_A_WARD, patient


def ward_list(number: int) -> tuple[int, int, list[int]]:
    """A ward, which nurse of it, and half of its patients; every tenth is a patient of another ward."""
    ward, half = number % WARDS, number // WARDS % 2
    patients = [
        (ward + (1 if bed % 10 == 0 else 0)) % WARDS + WARDS * bed
        for bed in range(half * BATCH, (half + 1) * BATCH)
    ]
    return ward, number // WARDS % NURSES_A_WARD, patients


def on_file(number: int) -> list[pb.CheckRequest]:
    """One nurse, one patient, one field."""
    return [_seen(*nurse_and_patient(each), ("summary",)) for each in range(number)]


def batches(number: int) -> list[pb.BatchCheckRequest]:
    """A ward's list on a screen: five fields of each of fifty patients."""
    lists = (ward_list(each) for each in range(number))
    return [
        pb.BatchCheckRequest(checks=[_seen(ward, nurse, patient, _OF_A_LIST) for patient in patients])
        for ward, nurse, patients in lists
    ]


def _seen(ward: int, nurse: int, patient: int, fields: Sequence[str]) -> pb.CheckRequest:
    return pb.CheckRequest(
        user=f"nurse-{ward}-{nurse}",
        record=f"R-{patient}",
        purpose="care",
        fields=[pb.FieldInstance(name=name) for name in fields],
    )


def described(questions: int) -> list[pb.CheckRequest]:
    """A reminder to a patient's own mobile; record, patient and number are described in the call."""
    asked = []
    for number in range(questions):
        request = pb.CheckRequest(
            user="secretary",
            record=f"L-{number}",
            purpose="care",
            channel="sms",
            fields=[pb.FieldInstance(name="appointment")],
            recipients=[pb.Recipient(party="patient", contact_point="mobile")],
        )
        description = request.description
        description.record.record_type = "clinic.letter"
        description.record.teams.append("letters")
        description.record.parties.add(party="patient", role="subject", person="p")
        description.people.add(key="p", birth_date="1980-01-02")
        description.contact_points.add(
            key="mobile", kind="phone", value=f"07700 9{number % 90_000:05}", owners=["p"]
        )
        asked.append(request)
    return asked


def twenty_fields(questions: int) -> list[pb.CheckRequest]:
    """Four fields about each of five children, to their parent; all are described in the call."""
    asked = []
    for number, request in enumerate(described(questions)):
        del request.fields[:]
        description = request.description
        description.record.parties[0].role = "parent"
        for child in (f"child-{n}" for n in range(5)):
            description.record.parties.add(party=child, role="child", person=child)
            description.people.add(key=child, birth_date=f"20{15 + number % 10}-05-04")
            description.relationships.add(
                from_person="p", to_person=child, kind="parent_of", parental_responsibility=True
            )
            request.fields.extend(pb.FieldInstance(name=name, party=child) for name in _OF_A_CHILD)
        asked.append(request)
    return asked


_OF_A_LIST = ("summary", "subject.name", "subject.dob", "condition", "meeting.need")
_OF_A_CHILD = ("appointment", "subject.name", "subject.dob", "school")


def on_a_stream(asked: Sequence[pb.CheckRequest]) -> list[pb.CheckStreamRequest]:
    """The same questions as messages of a stream."""
    return [pb.CheckStreamRequest(check=request) for request in asked]


def as_text(asked: Sequence[Message]) -> list[str]:
    """As the generator takes them."""
    return [base64.b64encode(request.SerializeToString()).decode() for request in asked]
