"""What somebody types that cannot be: refused with exit code, field and reason, and nothing is on file."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy_service.api.v1 import people_pb2
from policy_service.facts.reader import FactsReader
from tests.cli.conftest import Terminal
from tests.system.conftest import Clinic

USAGE, NOT_AVAILABLE, UNREACHABLE = 2, 1, 4
CONTROLLER = ("--controller", "clinic")
REQUEST = ("requests", "record", *CONTROLLER, "--kind", "withhold_location", "--person")
PERSON = ("people", "put", *CONTROLLER)

REFUSED: dict[str, tuple[tuple[str, ...], int, str, str]] = {
    "a person who is not there": ((*REQUEST, "ref:nobody"), USAGE, "request.person", "UNKNOWN_PERSON"),
    "a record type that is not there": (
        ("records", "put", "B-1", *CONTROLLER, "--type", "none", "--team", "ward"),
        *(USAGE, "record.record_type", "UNKNOWN_RECORD_TYPE"),
    ),
    "an interval that ends before it begins": (
        (*REQUEST, "ref:F-1", "--from", "2026-03-02", "--until", "2026-03-01"),
        *(USAGE, "request.valid_until", "ENDS_BEFORE_IT_BEGINS"),
    ),
    "an identifier that another organisation's person has": (
        (*PERSON, "ref:new", "nhs:77"),
        *(NOT_AVAILABLE, "person.identifiers[1]", "NOT_AVAILABLE"),
    ),
    "identifiers of two people": (
        (*PERSON, "ref:F-1", "ref:new", "ref:once"),
        *(USAGE, "person.identifiers[2]", "IDENTIFIERS_OF_TWO_PEOPLE"),
    ),
    "another body under an idempotency key": (
        (*PERSON, "ref:once", "--name", "Another Name", "--idempotency-key", "k-1"),
        *(USAGE, "idempotency_key", "IDEMPOTENCY_KEY_REUSED"),
    ),
}


@pytest.fixture(scope="module")
def terminal(clinic: Clinic) -> Terminal:
    """With another organisation's person on file, and one whom a key has put there."""
    clinic.manager.client.call(
        "PeopleService/PutPerson",
        people_pb2.PutPersonRequest(person=people_pb2.Person(identifiers=["nhs:77"])).SerializeToString(),
        token=clinic.manager.token,
        metadata=(("x-controller", "somebody-else"),),
    )
    service = clinic.service
    ports = (f"127.0.0.1:{port}" for port in (service.decision_port, service.control_port))
    typed = Terminal(next(ports), service.var_dir, next(ports))
    assert typed(*PERSON, "ref:once", "--idempotency-key", "k-1").code == 0
    return typed


@pytest.mark.parametrize("what", REFUSED)
def test_bad_input_is_refused_by_its_field(clinic: Clinic, terminal: Terminal, what: str) -> None:
    command, code, field, reason = REFUSED[what]
    reader = FactsReader(f"sqlite:///{clinic.service.var_dir / 'facts.db'}")
    head = reader.head()
    typed = terminal(*command)
    assert (typed.code, typed.out) == (code, ""), typed.err
    error, following = typed.err.splitlines()
    assert f"`{field}`" in error
    assert error.endswith(f"({reason})")
    assert following.startswith("next:  ")
    assert reader.head() == head
    reader.close()


def test_a_key_again_says_what_to_do(terminal: Terminal) -> None:
    typed = terminal(*REFUSED["another body under an idempotency key"][0])
    assert "choose another --idempotency-key" in typed.err


def test_a_wrong_url_is_named(clinic: Clinic, terminal: Terminal, tmp_path: Path) -> None:
    """Of a database, or of the service."""
    nonsense = {"POLICY_SERVICE_FACTS_URL": "nonsense"}
    migrated = Terminal("", tmp_path)("migrate", env=nonsense)
    assert migrated.code == UNREACHABLE
    assert "POLICY_SERVICE_FACTS_URL" in migrated.err
    nowhere = Terminal("127.0.0.1:1", clinic.service.var_dir)(*PERSON, "ref:new")
    assert nowhere.code == UNREACHABLE
    assert "127.0.0.1:1" in nowhere.err
