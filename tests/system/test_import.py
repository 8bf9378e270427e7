"""`policy-service import` against a running service: bad lines, and `kill -9` of either side midway."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from policy_service.api.v1 import people_pb2
from policy_service.facts.mapping import KINDS
from policy_service.facts.reader import FactsReader
from policy_service.facts.tables import OPEN
from policy_service.model.facts import Controller
from tests.service.on_file import IMPORTED, said
from tests.support.asking import CLINIC, PERMIT, check
from tests.support.running import Service, running
from tests.system.conftest import Clinic, opened

PROGRAM = Path(sys.executable).parent / "policy-service"
PEOPLE, RECORDS = 900, 200


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Clinic]:
    with running(tmp_path / "var") as service:
        yield opened(service)


def command(service: Service, file: Path) -> list[str]:
    where = ["--control-address", f"127.0.0.1:{service.control_port}", "--var-dir", str(service.var_dir)]
    return [str(PROGRAM), *where, "import", str(file), "--controller", CLINIC, "--json"]


def imported(service: Service, file: Path) -> tuple[int, Any]:
    """The exit code, and what is printed."""
    done = subprocess.run(command(service, file), capture_output=True, text=True, check=False, timeout=300)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def many(file: Path) -> Path:
    """People with contact points, of whom each is related to the one before, and records that name them."""
    with file.open("w") as out:
        for i in range(RECORDS):
            party = {"party": "patient", "role": "subject", "person": f"crm:{i}"}
            record = {"reference": f"R-{i}", "record_type": "file", "teams": ["ward"], "parties": [party]}
            print(json.dumps({"record": record}), file=out)
        for i in range(PEOPLE):
            person = {"identifiers": [f"crm:{i}"], "names": [f"Ana Example {i}"], "birth_date": "1990-05-04"}
            points = [
                {"kind": "phone", "value": f"07700 {900_000 + i}", "reference": f"T-{i}"},
                {"kind": "post", "value": f"{i} Example Street", "home": True},
            ]
            print(json.dumps({"person": person, "contact_points": points}), file=out)
            if i:
                link = {"from_person": f"crm:{i}", "kind": "lives_with", "to_person": f"crm:{i - 1}"}
                print(json.dumps({"relationship": link}), file=out)
    return file


LINES = PEOPLE + PEOPLE - 1 + RECORDS


def test_bad_lines_are_refused_with_field_and_reason_and_the_rest_is_kept(
    clinic: Clinic, tmp_path: Path
) -> None:
    theirs = people_pb2.PutPersonRequest(person=people_pb2.Person(identifiers=["nhs:1"]))
    clinic.manager.client.call(
        "PeopleService/PutPerson",
        theirs.SerializeToString(),
        token=clinic.manager.token,
        metadata=(("x-controller", "somebody-else"),),
    )
    backwards = {"valid_from": "2026-03-02", "valid_until": "2026-03-01"}
    adverse = {"from_person": "b:1", "kind": "partner", "to_person": "b:2"}
    lines: list[tuple[object, str, str]] = [
        ({"person": {"identifiers": ["b:1"]}}, "", ""),
        (b"{", "", "NOT_JSON"),
        (b'{"person": {"identifiers": ["b:\xc3"]}}', "", "NOT_UTF8"),
        ({"person": {"identifiers": ["b:3"], "kind": "robot"}}, "person.kind", "UNKNOWN_WORD"),
        ({"person": {"identifiers": ["b:3"], "names": ["\u0007"]}}, "person.names[0]", "CONTROL_CHARACTER"),
        ({"person": {"identifiers": ["nhs:1"]}}, "person.identifiers[0]", "NOT_AVAILABLE"),
        ({"relationship": {**adverse, "to_person": "b:9"}}, "relationship.to_person", "UNKNOWN_PERSON"),
        ({"relationship": {**adverse, **backwards}}, "relationship.valid_until", "ENDS_BEFORE_IT_BEGINS"),
        ({"record": {"reference": "B", "record_type": "none"}}, "record.record_type", "UNKNOWN_RECORD_TYPE"),
        (
            {"person": {"identifiers": ["b:4"]}, "contact_points": [{"kind": "phone", "value": "x"}]},
            "contact_points[0].value",
            "CONTACT_UNREADABLE",
        ),
        ({"contact_point": {"kind": "phone", "value": "07700 900001"}}, "contact_point.owner", "REQUIRED"),
        ({"relationship": adverse}, "", ""),
        ({"person": {"identifiers": ["b:2"]}}, "", ""),
        (
            {"person": {"identifiers": ["b:1", "b:2"]}},
            "person.identifiers[1]",
            "IDENTIFIERS_OF_TWO_PEOPLE",
        ),
    ]
    file = tmp_path / "bad.ndjson"
    file.write_bytes(
        b"".join(
            (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line, _, _ in lines
        )
    )
    code, told = imported(clinic.service, file)
    assert code == 1
    assert [(each["line"], each["field"], each["reason"]) for each in told["errors"]] == [
        (number, field, reason) for number, (_, field, reason) in enumerate(lines, start=1) if reason
    ]
    assert (told["lines"], told["written"], told["unchanged"]) == (len(lines), 3, 0)
    # Once more: nothing of it is written again, and what was refused still is.
    code, again = imported(clinic.service, file)
    assert (code, again["written"], again["unchanged"], again["errors"]) == (1, 0, 3, told["errors"])
    reader = FactsReader(f"sqlite:///{clinic.service.var_dir / 'facts.db'}")
    assert not any(fact.startswith("ContactPoint") for fact in said(reader, Controller(CLINIC)))
    reader.close()


@pytest.mark.timeout(300)
def test_either_side_is_killed_in_the_middle_and_the_import_goes_on(fresh: Clinic, tmp_path: Path) -> None:
    """The client's end: by the same command. Control's: by itself, and who asks meanwhile is answered."""
    file = many(tmp_path / "many.ndjson")
    with Watched(fresh.service) as seen:
        first = subprocess.Popen(command(fresh.service, file), stdout=subprocess.DEVNULL)
        seen.wait_for(1, first)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        seen.settle()  # what comes now, the second sends
        with subprocess.Popen(
            command(fresh.service, file), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            for more in (1, 3):
                seen.wait_for(more, process)
                while fresh.service.child("control") is None:  # since it was killed
                    time.sleep(0.05)
                fresh.service.kill("control")
                assert check(fresh.worker, fresh.token).effect == PERMIT
            out, err = process.communicate(timeout=240)
    assert out, err
    told = json.loads(out)
    assert (process.returncode, told["lines"], told["refused"]) == (0, LINES, 0)
    assert told["unchanged"] > 0
    assert_as_if_imported_once(fresh.service, file)


def assert_as_if_imported_once(service: Service, file: Path) -> None:
    """Each fact of the file is on file, once, and no row of it was ever closed."""
    code, told = imported(service, file)
    assert (code, told["written"], told["unchanged"], told["refused"]) == (0, 0, LINES, 0)
    reader = FactsReader(f"sqlite:///{service.var_dir / 'facts.db'}")
    there: Counter[str] = Counter()
    for kind in IMPORTED:
        table = KINDS[kind].table
        ((everything, standing),) = reader.rows(
            select(func.count(), func.count().filter(table.c.revision_to == OPEN)).select_from(table)
        )
        assert everything == standing, kind
        there[kind.__name__] = everything
    reader.close()
    # One person and one record of the clinic are there besides.
    assert there == {
        "Person": PEOPLE + 1,
        "PersonIdentifier": PEOPLE + 1,
        "PersonName": PEOPLE,
        "ContactPoint": 2 * PEOPLE,
        "Relationship": PEOPLE - 1,
        "Record": RECORDS + 1,
        "RecordParty": RECORDS + 1,
    }


class Watched:
    """How many revisions there are, seen from beside."""

    def __init__(self, service: Service) -> None:
        self._reader = FactsReader(f"sqlite:///{service.var_dir / 'facts.db'}")
        self._began = self._reader.head()

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def settle(self) -> None:
        """Wait until nobody has written for a while; more are counted from there."""
        while (head := self._reader.head()) != self._began:
            self._began = head
            time.sleep(5)

    def wait_for(self, revisions: int, process: subprocess.Popen[Any]) -> None:
        """So many more than there were at first. The process must not have ended by then."""
        deadline = time.monotonic() + 120
        while self._reader.head() < self._began + revisions:
            if process.poll() is not None:
                told = process.stderr.read() if process.stderr else ""
                raise AssertionError(f"it was over before anything could be killed: {told}")
            assert time.monotonic() < deadline
            time.sleep(0.005)
