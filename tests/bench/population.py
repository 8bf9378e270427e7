"""A store of a million people: who is on file, put there in bulk, and which of them are asked about.

Households share an address (one in a thousand is a hostel of sixty), one person in ten has requests (one in a
hundred of those has forty), one in fifty has somebody adverse to them, and each has a record. Which records
are asked about is skewed: a thousandth of them makes for half of the questions.

The rows go into the file by SQLite itself, since what is measured is the store and not how it was filled;
`import` has a row of its own.
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from policy_service.api.v1 import decision_pb2 as pb
from policy_service.facts.mapping import KINDS, to_row
from policy_service.facts.tables import OPEN
from policy_service.model.facts import (
    ContactPoint,
    Fact,
    Fingerprint,
    Person,
    PersonId,
    PersonIdentifier,
    PrivacyRequest,
    Record,
    RecordId,
    RecordParty,
    Relationship,
)
from policy_service.model.vocabulary import ContactKind, RelationKind, RequestKind, RequestState, Role
from tests.bench.world import NURSES_A_WARD, TRUST, WARDS

WITH_REQUESTS, WITH_MANY, MANY = 10, 1_000, 40
WITH_AN_ADVERSARY = 50
HOSTEL, IN_A_HOSTEL = 1_000, 60
ROWS_AT_A_TIME = 50_000
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Size:
    """How many people are on file, and how many records; each record is about one of the people."""

    people: int
    records: int


def fill(file: Path, size: Size, told: Callable[[int], None]) -> int:
    """Put everybody on file as of revision 1; returns the number of rows. `told` hears how many so far."""
    connection = sqlite3.connect(file, isolation_level=None)
    # Nothing here has to survive: a run that is cut off begins again.
    for pragma in ("synchronous=OFF", "cache_size=-200000", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    rows = 0
    for kind, found in _tables(size):
        for inserted in _insert(connection, kind, found):
            rows += inserted
            told(rows)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("ANALYZE")
    connection.close()
    return rows


Row = list[Any]


def _tables(size: Size) -> Iterator[tuple[type[Fact], Iterator[Row]]]:
    people = range(size.people)
    yield (
        Person,
        _rows(
            Person(PersonId(""), TRUST, birth_date=date(1970, 1, 1)),
            ("person_id",),
            ((_person(n),) for n in people),
        ),
    )
    yield (
        PersonIdentifier,
        _rows(
            PersonIdentifier("", TRUST, PersonId(""), "hospital", Fingerprint("")),
            ("identifier_id", "person_id", "fingerprint"),
            ((f"i-{n}", _person(n), _print("i", n)) for n in people),
        ),
    )
    yield ContactPoint, _points(size.people)
    yield (
        Relationship,
        _rows(
            Relationship(
                "", TRUST, PersonId(""), PersonId(""), RelationKind.ADVERSE_TO, "order", recorded_at=NOON
            ),
            ("relationship_id", "from_person", "to_person"),
            (
                (f"a-{n}", _person(n - 1), _person(n))
                for n in range(WITH_AN_ADVERSARY, size.people, WITH_AN_ADVERSARY)
            ),
        ),
    )
    yield PrivacyRequest, _requests(size.people)
    yield (
        Record,
        _rows(
            Record(RecordId(""), TRUST, "", "ward.record"),
            ("record_id", "reference", "teams"),
            ((f"r-{n}", f"M-{n}", f'["ward-{n % WARDS}"]') for n in range(size.records)),
        ),
    )
    yield (
        RecordParty,
        _rows(
            RecordParty("", TRUST, RecordId(""), "patient", Role.SUBJECT, PersonId("")),
            ("record_party_id", "record_id", "person_id"),
            ((f"p-{n}", f"r-{n}", _person(n % size.people)) for n in range(size.records)),
        ),
    )


def _points(people: int) -> Iterator[Row]:
    """A number of her own, and the household's address."""
    yield from _rows(
        ContactPoint("", TRUST, PersonId(""), ContactKind.PHONE, Fingerprint(""), verified_at=NOON),
        ("contact_point_id", "person_id", "fingerprint", "reference"),
        ((f"t-{n}", _person(n), _print("t", n), f"T-{n}") for n in range(people)),
    )
    yield from _rows(
        ContactPoint("", TRUST, PersonId(""), ContactKind.POST, Fingerprint(""), home=True, verified_at=NOON),
        ("contact_point_id", "person_id", "fingerprint", "uprn"),
        (
            (f"h-{n}", _person(n), _print("h", home), _print("u", home))
            for n, home in enumerate(_homes(people))
        ),
    )


def _homes(people: int) -> Iterator[int]:
    """The number of each person's household."""
    chosen, home, left = random.Random(7), -1, 0
    for _ in range(people):
        if not left:
            home += 1
            left = IN_A_HOSTEL if home % HOSTEL == HOSTEL - 1 else chosen.choice((1, 1, 2, 2, 3, 4, 5))
        left -= 1
        yield home


def _requests(people: int) -> Iterator[Row]:
    for kind, first in ((RequestKind.WITHHOLD_LOCATION, 0), (RequestKind.COMMUNICATION_SUPPORT, 1)):
        request = PrivacyRequest(
            "", TRUST, PersonId(""), kind, RequestState.ACTIVE, received_at=NOON, received_by="bench"
        )
        whose = (
            n
            for n in range(0, people, WITH_REQUESTS)
            for _ in range(MANY if n % WITH_MANY == 0 else 1)
            if n // WITH_REQUESTS % 2 == first
        )
        yield from _rows(
            request,
            ("request_id", "person_id"),
            ((f"q{first}-{m}", _person(n)) for m, n in enumerate(whose)),
        )


def _rows(fact: Fact, names: Sequence[str], values: Iterator[tuple[str, ...]]) -> Iterator[Row]:
    """The rows of facts that are like `fact`, but for the columns in `names`."""
    like = to_row(fact) | {"revision_from": 1, "revision_to": OPEN}
    columns = list(like)
    places = [columns.index(name) for name in names]
    base = list(like.values())
    for each in values:
        row = base.copy()
        for place, value in zip(places, each, strict=True):
            row[place] = value
        yield row


def _insert(connection: sqlite3.Connection, kind: type[Fact], found: Iterator[Row]) -> Iterator[int]:
    """Insert them; gives the number of each batch."""
    table, names = KINDS[kind].table.name, [*KINDS[kind].names, "revision_from", "revision_to"]
    into = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    person, own = names.index(KINDS[kind].names[2]), names.index(KINDS[kind].id_name)
    while batch := list(islice(found, ROWS_AT_A_TIME)):
        connection.execute("BEGIN")
        connection.executemany(into, batch)
        if kind is PrivacyRequest:
            connection.executemany(
                "INSERT INTO privacy_request_people (person_id, request_id, revision_from) VALUES (?, ?, 1)",
                [(row[person], row[own]) for row in batch],
            )
        connection.execute("COMMIT")
        yield len(batch)


def _person(number: int) -> str:
    return f"person-{number}"


def _print(kind: str, number: int) -> str:
    """Where a fingerprint stands: as long, and as random."""
    return hashlib.sha256(f"{kind}{number}".encode()).hexdigest()


def skewed(size: Size, questions: int, seed: int = 1) -> list[pb.CheckRequest]:
    """Half of the questions are about a thousandth of the records, the others about any."""
    chosen = random.Random(seed)
    often = max(1, size.records // 1_000)
    numbers = (
        chosen.randrange(often) * 1_000 % size.records
        if chosen.random() < 0.5
        else chosen.randrange(size.records)
        for _ in range(questions)
    )
    return [question(number, chosen.randrange(NURSES_A_WARD)) for number in numbers]


def once_each(size: Size, questions: int, seed: int = 2) -> list[pb.CheckRequest]:
    """Each about a record that nobody has asked about."""
    chosen = random.Random(seed)
    numbers = chosen.sample(range(size.records), min(questions, size.records))
    return [question(number, chosen.randrange(NURSES_A_WARD)) for number in numbers]


def question(number: int, nurse: int) -> pb.CheckRequest:
    """A nurse of the record's ward, and in one question of ten of another, asks to see a field."""
    ward = (number + (1 if nurse % 10 == 0 else 0)) % WARDS
    return pb.CheckRequest(
        user=f"nurse-{ward}-{nurse}",
        record=f"M-{number}",
        purpose="care",
        fields=[pb.FieldInstance(name="summary")],
    )
