"""Importing, measured against plain `executemany` of the same rows into the same tables and indexes.

Both in this process, with an fsync for each revision there and one for each table here. What is imported
comes as a client sends it, so that reading messages, checks, fingerprints, look-ups and the log are all paid
for; the plain rows are there already. As a stream is served, the next message is read while one is written,
on an interpreter that is set up as control's is.
"""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy.engine.url import make_url

from policy_service.api.v1 import people_pb2, record_pb2
from policy_service.facts.store import FactStore
from policy_service.model.facts import FieldType
from policy_service.server import convert_import
from policy_service.server.child import SWITCH_SECONDS, tune_collector
from policy_service.service.importing import Imported
from policy_service.service.records import PutRecordType
from tests.bench.rows import Report
from tests.service.control import OFFICER, Control, Stores, prepare, running
from tests.support.postgres import postgres_url
from tests.support.session_end import undone_at_session_end

TARGET: Final = 0.4
FACTS_A_MESSAGE: Final = 1_000
"""As the command line sends them."""
PEOPLE, QUICK_PEOPLE = 20_000, 1_500
TABLES: Final = (
    *("people", "person_identifiers", "person_names", "contact_points", "records", "record_parties"),
    *("changes", "revisions"),
)
CASE: Final = PutRecordType("case", "base.case", (FieldType("report", ("report.body",), ("subject",)),))

Rows = dict[str, tuple[Sequence[str], list[Sequence[Any]]]]
"""By table: the columns, and the rows."""


HOLD_TARGET_MS: Final = 50.0
"""Others who write wait for it."""


@dataclass(frozen=True)
class _Took:
    """Seconds."""

    people: float
    records: float
    cpu: float
    """Of both."""
    revisions: list[float]
    """How long each held the head."""


def say(report: Report, *, quick: bool) -> None:
    """Add the rows: of SQLite with a target, of PostgreSQL where there is one."""
    people = QUICK_PEOPLE if quick else PEOPLE
    with tempfile.TemporaryDirectory(prefix="policy-service-bench-") as scratch:
        stores = Stores(f"sqlite:///{scratch}/facts.db", f"sqlite:///{scratch}/log")
        _say(report, "SQLite", stores, people, lambda rows: _plain_sqlite(Path(scratch), rows), TARGET)
    with undone_at_session_end:  # else the server that this starts would go on
        try:
            url = postgres_url()
        except Exception as error:
            report.say("import on PostgreSQL", f"not measured: {type(error).__name__}")
            return
        _say(report, "PostgreSQL", Stores(url, url), people, lambda rows: _plain_postgres(url, rows), None)


def _say(
    report: Report,
    name: str,
    stores: Stores,
    people: int,
    plain: Callable[[Rows], tuple[float, float]],
    target: float | None,
) -> None:
    read = _rows_sqlite if name == "SQLite" else _rows_postgres
    asyncio.run(prepare(stores))
    there = {table: len(rows) for table, (_, rows) in read(stores.facts_url).items()}
    took = asyncio.run(_imported(stores, people))
    rows = {table: (names, rows[there[table] :]) for table, (names, rows) in read(stores.facts_url).items()}
    plain_took, plain_cpu = plain(rows)
    ratio = plain_took / (took.people + took.records)
    report.say(f"import on {name}: people with two contact points", people / took.people, "people/s")
    report.say(f"import on {name}: records of two parties", people / took.records, "records/s")
    label = f"import on {name}, of plain executemany of the same rows"
    if target is None:
        report.say(label, ratio, "x")
    else:
        report.at_least(label, ratio, target, "x")
    if name == "SQLite":  # a server's own time does not show here
        report.say(f"{label}: by CPU time", plain_cpu / took.cpu, "x")
        report.say(f"import on {name}: CPU of a person and a record", 1e6 * took.cpu / people, "us")
    held = sorted(took.revisions)
    label = f"a revision of an import on {name} holds the head"
    report.say(label, 1e3 * statistics.median(held), "ms")
    p99 = held[int(0.99 * (len(held) - 1))]
    report.at_most(f"{label}: p99", 1e3 * p99, HOLD_TARGET_MS, "ms")


async def _imported(stores: Stores, people: int) -> _Took:
    held: list[float] = []
    each = FACTS_A_MESSAGE // 5  # of which a person has so many with two contact points
    of_people = [_people(begin, min(begin + each, people)) for begin in range(0, people, each)]
    each = FACTS_A_MESSAGE // 3
    of_records = [_records(begin, min(begin + each, people)) for begin in range(0, people, each)]
    async with running(stores) as control:
        await control.records.put_record_type(OFFICER.calling(), CASE)
        _timed(control.store, held)
        with _as_control_is():
            began, cpu = time.perf_counter(), time.process_time()
            await _served(control, of_people, records=False)
            then = time.perf_counter()
            await _served(control, of_records, records=True)
            end, cpu = time.perf_counter(), time.process_time() - cpu
    return _Took(then - began, end - then, cpu, held)


@contextmanager
def _as_control_is() -> Iterator[None]:
    """Set the interpreter up as a child process does, and back."""
    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    tune_collector()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*thresholds)
        gc.unfreeze()


async def _served(control: Control, messages: Sequence[bytes], *, records: bool) -> None:
    """As a stream's messages are: in their order, so many at a time."""
    under_way: deque[asyncio.Task[None]] = deque()
    for message in messages:
        if len(under_way) == convert_import.MAX_UNANSWERED:
            await under_way.popleft()
        under_way.append(asyncio.create_task(_answered(control, message, records=records)))
    for task in under_way:
        await task


async def _answered(control: Control, message: bytes, *, records: bool) -> None:
    call = OFFICER.calling("RecordService/Import" if records else "PeopleService/Import")
    if records:
        asked = convert_import.parse_records(message)
        done = await control.records.import_records(call, asked)
    else:
        asked = convert_import.parse_people(message)
        done = await control.people.import_people(call, asked)
    convert_import.people_response(done)
    _all_written(done.answer, len(asked.items))


def _all_written(came: Imported, items: int) -> None:
    if came.written != items:
        raise SystemExit(f"{came.written} of {items} were written: this measures nothing")


def _timed(store: FactStore, held: list[float]) -> None:
    write = store.write

    def timed(*args: Any) -> Any:
        written = write(*args)
        held.append(written.held)
        return written

    store.write = timed  # type: ignore[method-assign,assignment]


def _people(begin: int, end: int) -> bytes:
    request = people_pb2.PeopleServiceImportRequest()
    for i in range(begin, end):
        item = request.items.add()
        item.person.identifiers.append(f"crm:{i}")
        item.person.names.append(f"Ana{i % 997} Example{i}")
        item.person.birth_date = f"19{50 + i % 50}-05-{1 + i % 28:02d}"
        item.contact_points.add(kind="phone", value=f"07{700_000_000 + i}", reference=f"T{i}")
        address = f"{i} High Street, Exampletown EX1 {i % 10}AB"
        item.contact_points.add(kind="post", value=address, reference=f"A{i}", home=True)
    return request.SerializeToString()


def _records(begin: int, end: int) -> bytes:
    request = record_pb2.RecordServiceImportRequest()
    for i in range(begin, end):
        record = request.records.add(reference=f"R{i}", record_type="case", teams=["team"])
        record.parties.add(party="one", role="subject", person=f"crm:{i}")
        record.parties.add(party="other", role="victim", person=f"crm:{i * 7 % max(1, begin)}")
    return request.SerializeToString()


def _rows_sqlite(url: str) -> Rows:
    with closing(sqlite3.connect(str(make_url(url).database))) as connection:
        return {table: _rows(connection, table, f'SELECT * FROM "{table}" ORDER BY 1') for table in TABLES}


def _rows_postgres(url: str) -> Rows:
    with _postgres(url) as connection:
        return {
            table: _rows(connection, table, f'SELECT * FROM public."{table}" ORDER BY 1') for table in TABLES
        }


def _rows(connection: Any, _: str, statement: str) -> tuple[Sequence[str], list[Sequence[Any]]]:
    cursor = connection.execute(statement)
    return [column[0] for column in cursor.description], cursor.fetchall()


def _plain_sqlite(scratch: Path, rows: Rows) -> tuple[float, float]:
    """Seconds, and seconds of CPU time, that the rows take into empty tables of the same form."""
    with (
        closing(sqlite3.connect(scratch / "facts.db")) as there,
        closing(sqlite3.connect(scratch / "plain.db")) as plain,
    ):
        plain.execute("PRAGMA journal_mode=WAL")
        plain.execute("PRAGMA synchronous=FULL")
        made = there.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' "
            "ORDER BY type = 'index'"
        )
        for (statement,) in made.fetchall():
            plain.execute(statement)
        return _inserted(plain, "?", "main", rows)


def _plain_postgres(url: str, rows: Rows) -> tuple[float, float]:
    with _postgres(url) as plain:
        plain.execute("CREATE SCHEMA plain")
        for table in TABLES:
            plain.execute(f'CREATE TABLE plain."{table}" (LIKE public."{table}" INCLUDING ALL)')
        plain.commit()
        return _inserted(plain, "%s", "plain", rows)


def _inserted(plain: Any, mark: str, schema: str, rows: Rows) -> tuple[float, float]:
    took = cpu = 0.0
    for table, (names, of_table) in rows.items():
        marks = ", ".join([mark] * len(names))
        columns = ", ".join(f'"{name}"' for name in names)
        cursor = plain.cursor()
        began, cpu_before = time.perf_counter(), time.process_time()
        cursor.executemany(f'INSERT INTO {schema}."{table}" ({columns}) VALUES ({marks})', of_table)
        plain.commit()
        took += time.perf_counter() - began
        cpu += time.process_time() - cpu_before
    return took, cpu


def _postgres(url: str) -> Any:
    plain = make_url(url).set(drivername="postgresql")
    return psycopg.connect(plain.render_as_string(hide_password=False))
