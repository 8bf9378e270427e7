"""Whom requests, overrides and orders name is found by the person, whoever wrote them and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Select, create_engine, text

from policy_service.facts import erasing, named
from policy_service.facts.connect import parse_url
from policy_service.facts.erasing import Version
from policy_service.facts.mapping import to_microseconds
from policy_service.facts.reader import FactsReader
from policy_service.facts.store import Change
from policy_service.facts.tables import Base
from policy_service.model.facts import (
    CommunicationSupport,
    ContactPoint,
    CourtOrder,
    Override,
    PersonId,
    PrivacyRequest,
    Revision,
)
from policy_service.model.vocabulary import RequestState
from tests.facts.plans import plans
from tests.facts.world import CHILD, NHS, NOON, POLICE, Kept, entry, glass_broken, order, put, withhold

NOW = to_microseconds(NOON)
LATER = NOON.replace(year=NOON.year + 1)
EVE = PersonId("eve")

ASKED = replace(withhold, recipients=("team:x", "person:eve"))
BROKEN = replace(glass_broken, ends_at=LATER, people=(EVE,))
ORDERED = replace(order, ends_at=LATER, people=(EVE,))
EACH_WAY: tuple[PrivacyRequest | Override | CourtOrder, ...] = (
    ASKED,
    replace(withhold, communication=CommunicationSupport(not_these=(EVE,))),
    BROKEN,
    replace(BROKEN, people=(), recipients=("person:eve",)),
    ORDERED,
    replace(ORDERED, people=(), recipients=("person:eve",)),
)
WAYS = ["recipient", "interpreter", "by an override", "to whom", "by an order", "to whom by an order"]


@pytest.fixture
def clean(kept: Kept) -> Iterator[Kept]:
    """The store, and afterwards as it was."""
    yield kept
    put(kept.store, removed=(withhold, glass_broken, order))
    kept.store.list_named_people()


def who_names(kept: Kept, at: Revision, person: PersonId = EVE) -> frozenset[str]:
    return named.naming(kept.reader, person, at, NOW)


def run(url: str, statement: str) -> Any:
    """Beside the service, as another version of it would."""
    engine = create_engine(parse_url(url))
    with engine.begin() as connection:
        found = connection.execute(text(statement))
        rows = found.all() if found.returns_rows else None
    engine.dispose()
    return rows


@pytest.mark.parametrize("fact", EACH_WAY, ids=WAYS)
def test_who_is_named_is_found_as_long_as_it_runs(
    clean: Kept, fact: PrivacyRequest | Override | CourtOrder
) -> None:
    at = put(clean.store, fact)
    assert who_names(clean, at) == {POLICE}
    assert who_names(clean, Revision(at - 1)) == frozenset()
    assert who_names(clean, at, CHILD) == frozenset()
    over = (
        replace(fact, state=RequestState.ENDED)
        if isinstance(fact, PrivacyRequest)
        else replace(fact, ends_at=NOON)
    )
    assert who_names(clean, put(clean.store, over)) == frozenset()


def test_every_organisation_that_names_her_is_told_apart(clean: Kept) -> None:
    theirs = replace(BROKEN, override_id="override-nhs", controller=NHS)
    assert who_names(clean, put(clean.store, ASKED, theirs)) == {POLICE, NHS}
    put(clean.store, removed=(theirs,))


def test_what_an_older_version_has_written_is_read_through_until_it_is_listed(clean: Kept) -> None:
    before = put(clean.store)
    at = put(clean.store, ASKED)
    run(clean.url, "DELETE FROM named_people")
    assert who_names(clean, at) == frozenset(), "or nothing below shows that it was read through"
    run(clean.url, f"UPDATE head SET named_until = {before}")
    assert who_names(clean, at) == {POLICE}
    newer = put(clean.store, BROKEN)
    assert run(clean.url, "SELECT named_until FROM head") == [(before,)], "the gap is not passed over"
    clean.store.list_named_people()
    assert run(clean.url, "SELECT named_until = revision FROM head")[0][0]
    assert who_names(clean, newer) == {POLICE}
    assert {row[0] for row in run(clean.url, "SELECT fact_table FROM named_people")} == {
        "overrides",
        "privacy_requests",
    }
    assert run(clean.url, f"SELECT named_until FROM head WHERE named_until > {newer}") == []
    assert put(clean.store) == run(clean.url, "SELECT named_until FROM head")[0][0]


def test_of_what_is_erased_nobody_is_named_any_more(clean: Kept) -> None:
    request = ASKED
    at = put(clean.store, request)
    wanted = Change(
        *("test", POLICE, "", (), "entry", NOON),
        removed=(request,),
        erased=(Version(PrivacyRequest, "request-1", at),),
    )
    clean.store.write(wanted, entry)
    assert run(clean.url, f"SELECT * FROM named_people WHERE revision_from = {at}") == []


class Noting(FactsReader):
    """Notes what it is asked."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.asked: list[Select[*tuple[Any, ...]]] = []

    def rows(self, statement: Select[*tuple[Any, ...]], parameters: Any = None) -> Any:
        self.asked.append(statement)
        return super().rows(statement, parameters)


def scans(plan: str) -> list[str]:
    """The lines of a plan that read a whole table, but for the head, which has one row."""
    return [
        line
        for line in plan.splitlines()
        if line.strip(" ->").startswith(("SCAN ", "Seq Scan")) and "head" not in line
    ]


def test_whatever_else_is_on_file_an_erasure_reads_what_it_is_about(clean: Kept) -> None:
    put(clean.store, *(ASKED, BROKEN, ORDERED))
    reader = Noting(clean.url)
    at = reader.head()
    named.naming(reader, EVE, at, NOW)
    erasing.about(reader, EVE, POLICE, at, 10)
    erasing.closed_until(reader, ContactPoint, POLICE, at, erasing.NOTHING_BEFORE, 10)
    reader.close()
    found = plans(clean.url, *reader.asked)
    assert len(found) == 1 + 3 + 10 + 1
    assert [line for plan in found for line in scans(plan)] == []
    assert "ix_contact_points_controller_revision_to" in found[-1]
    assert all("controller" not in plan.replace("controller ||", "") for plan in found[4:14]), found


def test_every_table_that_names_people_is_read(kept: Kept) -> None:
    """A column of people that is added to another table is a question for `people_named`."""
    with_people = {
        table.name
        for table in Base.metadata.tables.values()
        if {"recipients", "people", "communication"} & set(table.c.keys())
    }
    assert with_people == {"privacy_requests", "overrides", "court_orders"}
