"""Whoever tries whether others have somebody on file is found in the log by whom he has tried."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.facts.fingerprints import Fingerprinter
from policy_service.model.errors import NotAvailableError
from policy_service.model.vocabulary import RelationKind
from policy_service.service import importing
from policy_service.service.importing import Import
from policy_service.service.log_filter import LogFilter
from policy_service.service.log_search import SearchLog
from policy_service.service.people import GetPerson
from policy_service.service.people_asked import PutPerson, PutRelationship
from tests.service.control import (
    AUDITOR,
    KEY,
    OFFICER,
    TRUST_AUDITOR,
    TRUST_OFFICER,
    Control,
    Manager,
    Stores,
)

VERA, MINE = "nhs-number:9434765919", "police-ref:P-1"
IMPORT = "PeopleService/Import"


@pytest.fixture
def stores(sqlite_template: Path, tmp_path: Path) -> Stores:
    """On SQLite: nothing here depends on the store."""
    shutil.copytree(sqlite_template, tmp_path, dirs_exist_ok=True)
    return Stores(f"sqlite:///{tmp_path}/facts.db", f"sqlite:///{tmp_path}/log")


def number(n: int) -> str:
    return f"trust-ref:{n:04}"


def named(identifier: str) -> str:
    scheme, _, value = identifier.partition(":")
    return f"fingerprint:{Fingerprinter(KEY).identifier(scheme, value)}"


async def found(control: Control, person: str, by: Manager = AUDITOR) -> list[LogEntry]:
    """What an auditor finds who looks for somebody."""
    search = SearchLog(LogFilter(person=person))
    page = await control.log_searches.search(by.calling("DecisionLogService/Search"), search)
    ids = {entry.id for entry in page.items}
    return [entry for entry in control.entries() if entry.entry_id in ids]


async def test_a_put_names_the_identifier_that_another_organisation_has(control: Control) -> None:
    await control.people.put_person(TRUST_OFFICER.calling("Trust/Put"), PutPerson((VERA,)))
    call = OFFICER.calling("PeopleService/PutPerson")
    with pytest.raises(NotAvailableError) as refused:
        await control.people.put_person(call, PutPerson((MINE, VERA)))
    assert refused.value.people == (named(VERA),)
    assert named(VERA) not in str(refused.value)
    await control.desk.refused(call, status="NOT_FOUND", reason="NOT_AVAILABLE", people=refused.value.people)
    (entry,) = await found(control, VERA)
    assert (entry.method, list(entry.refusal.people)) == ("PeopleService/PutPerson", [named(VERA)])
    assert await found(control, MINE) == []
    assert [entry.method for entry in await found(control, VERA, TRUST_AUDITOR)] == ["Trust/Put"]


async def test_a_reading_of_nobody_names_whom_it_asked_for(control: Control) -> None:
    call = OFFICER.calling("PeopleService/GetPerson")
    with pytest.raises(NotAvailableError) as refused:
        await control.people.get_person(call, GetPerson(VERA))
    assert refused.value.people == (named(VERA),)


async def test_an_import_names_each_of_them(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "MOST_FACTS", 8)
    for n in range(10):
        await control.people.put_person(TRUST_OFFICER.calling(), PutPerson((number(n),)))
    items = (
        *(PutPerson((number(n),)) for n in range(10)),
        PutPerson((MINE,)),
        PutRelationship(MINE, number(3), RelationKind.SIBLING),
    )
    before = control.reader.head()
    done = await control.people.import_people(OFFICER.calling(IMPORT), Import(items))
    assert (done.answer.written, len(done.answer.refused)) == (1, 11)
    entries = [entry for entry in control.entries() if entry.method == IMPORT]
    assert len(entries) == control.reader.head() - before > 1
    assert all(len(entry.write.refused_people) <= 4 for entry in entries), "as many as an entry has room for"
    assert {name for entry in entries for name in entry.write.refused_people} == {
        named(number(n)) for n in range(10)
    }
    assert {entry.method for entry in await found(control, number(7))} == {IMPORT}


async def test_an_item_with_more_of_them_than_an_entry_has_room_for_goes_on(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "MOST_FACTS", 4)
    for n in range(3):
        await control.people.put_person(TRUST_OFFICER.calling(), PutPerson((number(n),)))
    items = (
        PutPerson((MINE,)),
        PutPerson(tuple(number(n) for n in range(3))),
        PutPerson(("police-ref:P-2",)),
    )
    done = await control.people.import_people(OFFICER.calling(IMPORT), Import(items))
    assert (done.answer.written, len(done.answer.refused)) == (2, 1)
    said = [len(entry.write.refused_people) for entry in control.entries() if entry.method == IMPORT]
    assert sum(said) == 2
