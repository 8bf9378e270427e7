"""Import as a client meets it: an answer for each message, and how many streams one caller may have."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from policy_service.api.v1 import people_pb2, record_pb2
from policy_service.server.convert_import import MAX_ITEMS, MOST_IMPORTS
from policy_service.server.limits import SHARES
from tests.service.control import Stores
from tests.service.over_the_wire import Client, Refused, _refused, control_process

OF_ONE = MOST_IMPORTS // SHARES


@pytest.fixture(scope="module")
def police(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    directory: Path = tmp_path_factory.mktemp("import")
    stores = Stores(f"sqlite:///{directory}/facts.db", f"sqlite:///{directory}/log")
    with control_process(stores, directory) as client:
        yield client.acting_for("example-police")


def people(*identifiers: str) -> people_pb2.PeopleServiceImportRequest:
    items = [people_pb2.PeopleItem(person=people_pb2.Person(identifiers=[each])) for each in identifiers]
    return people_pb2.PeopleServiceImportRequest(items=items)


def answers(client: Client, requests: Iterator[Any], method: Any = None) -> list[Any]:
    metadata = (("authorization", f"Bearer {client.token}"), ("x-controller", client.controller))
    try:
        return list((method or client.people.Import)(requests, metadata=metadata, timeout=60))
    except grpc.RpcError as error:
        raise _refused(error) from None


def ended(client: Client) -> grpc.StatusCode:
    """How an import of one person ends."""
    try:
        answers(client, iter([people("w:2")]))
    except Refused as refused:
        return refused.code
    return grpc.StatusCode.OK


def test_each_message_is_answered_in_order_and_leaves_an_entry(police: Client) -> None:
    before = len(police.entries())
    told = answers(police, iter([people("x:1", "bad", "x:2"), people("x:2"), people("x:3")]))
    assert [(each.imported.written, each.imported.unchanged) for each in told] == [(2, 0), (0, 1), (1, 0)]
    (refused,) = told[0].imported.refused
    assert (refused.index, refused.field, refused.reason) == (1, "person.identifiers[0]", "BAD_IDENTIFIER")
    assert all(each.imported.facts_token for each in told)
    entries = police.entries()[before:]
    assert [(entry.method, entry.WhichOneof("event")) for entry in entries] == [
        ("PeopleService/Import", "write")
    ] * 3


def test_a_message_that_is_refused_ends_the_stream_and_leaves_what_came_before(police: Client) -> None:
    too_many = people(*(f"y:{i}" for i in range(MAX_ITEMS + 1)))
    with pytest.raises(Refused) as caught:
        answers(police, iter([people("y:1"), too_many, people("y:2")]))
    assert (caught.value.code, caught.value.reason, caught.value.field) == (
        *(grpc.StatusCode.INVALID_ARGUMENT, "TOO_MANY", "items"),
    )
    (told,) = answers(police, iter([people("y:1")]))
    assert told.imported.unchanged == 1
    records = record_pb2.RecordServiceImportRequest()
    with pytest.raises(Refused) as caught:
        answers(police, iter([records]), police.records.Import)
    assert caught.value.field == "records"


def test_what_belongs_to_no_item(police: Client) -> None:
    point = people_pb2.ContactPoint(kind="phone", value="07700 900123")
    owned = people_pb2.ContactPoint(kind="phone", value="07700 900123", owner="z:1")
    person = people_pb2.Person(identifiers=["z:1"])
    related = people_pb2.Relationship(from_person="z:1", to_person="z:2", kind="partner")
    items = [
        people_pb2.PeopleItem(),
        people_pb2.PeopleItem(relationship=related, contact_points=[point]),
        people_pb2.PeopleItem(person=person, contact_points=[owned]),
        people_pb2.PeopleItem(person=person, contact_points=[point] * 65),
        people_pb2.PeopleItem(person=person, contact_points=[point, people_pb2.ContactPoint(kind="fax")]),
    ]
    (told,) = answers(police, iter([people_pb2.PeopleServiceImportRequest(items=items)]))
    assert [(each.field, each.reason) for each in told.imported.refused] == [
        ("item", "REQUIRED"),
        ("contact_points", "ONLY_FOR_PEOPLE"),
        ("contact_points[0].owner", "OWNER_GIVEN"),
        ("contact_points", "TOO_MANY"),
        ("contact_points[1].kind", "UNKNOWN_WORD"),
    ]
    assert told.imported.written == 0


def test_no_caller_has_more_than_a_quarter_of_the_streams(police: Client) -> None:
    end = threading.Event()
    heard = threading.Semaphore(0)
    metadata = (("authorization", f"Bearer {police.token}"), ("x-controller", police.controller))

    def slowly() -> Iterator[Any]:
        yield people("w:1")
        end.wait()

    def hold() -> None:
        for _answer in police.people.Import(slowly(), metadata=metadata, timeout=240):
            heard.release()  # whoever has an answer has a seat

    holding = [threading.Thread(target=hold) for _ in range(OF_ONE)]
    for each in holding:
        each.start()
    try:
        for _ in holding:
            assert heard.acquire(timeout=60)
        assert ended(police) is grpc.StatusCode.RESOURCE_EXHAUSTED
    finally:
        end.set()
        for each in holding:
            each.join()
    (told,) = answers(police, iter([people("w:2")]))
    assert told.imported.written + told.imported.unchanged == 1
