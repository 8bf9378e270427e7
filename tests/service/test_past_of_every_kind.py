"""None escapes: every reading of the facts over the API can be of the past, and each service has histories.

That every table is temporal, or one of six by name, and every kind is read as of a revision, is shown in
`tests/facts` (test_kinds, test_history); that every kind has a history, in test_history.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from policy_service.api.v1 import (
    access_pb2,
    casework_pb2,
    decision_log_pb2,
    decision_pb2,
    people_pb2,
    policy_pb2,
    privacy_request_pb2,
    record_pb2,
    retention_pb2,
)
from policy_service.api.v1.past_pb2 import AsOf

OF_ORGANISATIONS = (access_pb2, casework_pb2, people_pb2, privacy_request_pb2, record_pb2, retention_pb2)
OF_FACTS = (*OF_ORGANISATIONS, policy_pb2)

NOT_OF_FACTS = {
    "DecisionService": "decides, and reads nothing out",
    "DecisionLogService": "reads the log, which is the past itself",
}

WRITES = (
    "Put",
    "Grant",
    "End",
    "Record",
    "Issue",
    "Revoke",
    "Declare",
    "Place",
    "Lift",
    "Run",
    "Erase",
    "Import",
    "Publish",
    "Rollback",
)

JUDGES = {"Validate", "Test"}
"""They judge files that were sent, by what is published now: what they find is about no fact."""


def methods(*modules: object) -> Iterator[MethodDescriptor]:
    for module in modules:
        for service in module.DESCRIPTOR.services_by_name.values():  # type: ignore[attr-defined]
            yield from service.methods


def fields_of(message: Descriptor | None) -> Sequence[FieldDescriptor]:
    return () if message is None else message.fields


READINGS = [each for each in methods(*OF_FACTS) if each.name.startswith(("Get", "List", "Diff"))]


def test_every_service_is_of_facts_or_stands_here_with_its_reason() -> None:
    others = methods(decision_pb2, decision_log_pb2)
    assert {each.containing_service.name for each in others} == set(NOT_OF_FACTS)


def test_every_method_of_these_services_reads_writes_or_tells_a_history() -> None:
    rest = {each.name for each in methods(*OF_FACTS)} - {each.name for each in READINGS}
    assert {name for name in rest if not name.startswith(WRITES)} == {"History", *JUDGES}
    for module in OF_FACTS:
        assert [each.name for each in methods(module)].count("History") == 1


@pytest.mark.parametrize("method", READINGS, ids=lambda each: each.full_name.removeprefix("policy_service."))
def test_every_reading_can_be_of_the_past(method: MethodDescriptor) -> None:
    field = method.input_type.fields_by_name.get("as_of")
    assert field is not None
    assert field.message_type is AsOf.DESCRIPTOR


def test_there_is_a_reading_of_everything_that_a_history_tells() -> None:
    """Of policies it tells which set was published; that all readings then are of it, `test_policy_sets`
    shows.
    """
    read = {
        field.message_type.name
        for each in methods(*OF_ORGANISATIONS)
        if each in READINGS
        for field in each.output_type.fields
        if field.message_type is not None
    }
    told = {
        field.message_type.name
        for each in methods(*OF_ORGANISATIONS)
        if each.name == "History"
        for field in fields_of(each.output_type.fields_by_name["versions"].message_type)
        if field.message_type is not None
    }
    assert told - {"FactVersion"} == read
    assert len(read) == 15
