"""Promise 6: no protected value in the log, nor anywhere else that the service writes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from policy_service.api.v1 import decision_pb2 as pb
from tests.decisions.roads import put_on_file
from tests.promises.world import CLINIC, FACTS, check, open_world, record_request
from tests.support.installation import installation

STREET = "Canarybrook"
PHONE = "07700900987"
IDENTIFIER = "CANARY-77123"
BORN = "1971-03-17"
CANARIES = (STREET, STREET.lower(), PHONE, PHONE[1:], IDENTIFIER, IDENTIFIER.lower(), BORN)


def contents(directory: Path) -> dict[str, bytes]:
    """Every file below a directory, by name."""
    return {path.name: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


async def test_what_a_call_describes_is_nowhere_on_disk(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    facts, log = f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}"
    async with installation(facts, log) as road:
        token = await open_world(road)
        answer = await check(
            road,
            token,
            user="w.nurse",
            record="F-new",
            fields=[{"name": "summary"}, {"name": "subject.address"}],
            recipients=[
                {"person": "her", "contact_point": "home"},
                {"person": "her", "contact_point": "mobile"},
            ],
            description={
                "record": {
                    "record_type": "clinic.file",
                    "teams": ["ward"],
                    "parties": [{"party": "patient", "role": "subject", "person": "her"}],
                },
                "people": [{"key": "her", "identifiers": [f"ref:{IDENTIFIER}"], "birth_date": BORN}],
                "contact_points": [
                    {
                        "key": "home",
                        "kind": "post",
                        "value": f"5 {STREET} Lane, Nowhereton",
                        "owners": ["her"],
                        "home": True,
                    },
                    {"key": "mobile", "kind": "phone", "value": PHONE, "owners": ["her"]},
                ],
            },
        )
        assert answer.effect == pb.EFFECT_PERMIT
        # What is put on file is kept as keyed fingerprints alone.
        await record_request(road, person="ref:V", kind="withhold_location")
        await put_on_file(
            road,
            FACTS.model_copy(
                update={
                    "controller": CLINIC,
                    "people": ({"identifiers": [f"ref:{IDENTIFIER}"]},),
                    "contact_points": (
                        {"owner": f"ref:{IDENTIFIER}", "kind": "phone", "value": PHONE, "reference": "cp-1"},
                        {
                            "owner": f"ref:{IDENTIFIER}",
                            "kind": "post",
                            "value": f"5 {STREET} Lane, Nowhereton",
                            "reference": "cp-2",
                        },
                    ),
                }
            ),
            "clinic-records",
        )
    written = await asyncio.to_thread(contents, tmp_path)
    assert written
    for name, data in written.items():
        assert not [canary for canary in CANARIES if canary.encode() in data], name
    said = caplog.text + "".join(capfd.readouterr())
    assert not [canary for canary in CANARIES if canary in said]
