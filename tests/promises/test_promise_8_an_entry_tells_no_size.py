"""Promise 8: what is on file makes a log entry larger, and no caller learns how large it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from policy_service.api.v1 import decision_log_pb2 as log_pb
from policy_service.api.v1 import decision_pb2 as pb
from tests.promises.world import check, open_world
from tests.support.installation import Installation, installation
from tests.support.replaying import expect_uncomputable

SECRET, UNKNOWN = "enquiry.made_by", "no.such.a_field"
"""Of one length: on this record somebody applied, and no field is called the other."""

PEOPLE, TAKEN = 150, 28_000
"""As many make an entry of 33,000 bytes, and an abridged one of 24,000."""


@pytest_asyncio.fixture
async def road(tmp_path: Path) -> AsyncIterator[Installation]:
    async with installation(f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}") as opened:
        expect_uncomputable(f"sqlite:///{tmp_path / 'log'}")
        yield opened


async def test_a_call_filled_up_to_the_bound_tells_nothing(road: Installation) -> None:
    token = await open_world(road)

    async def is_permitted(asked: str, fields: int, filling: int) -> bool:
        names = ["subject.name", asked, *(f"{'x' * 100}{number:03}" for number in range(fields))]
        answer = await check(
            road,
            token,
            user="w.nurse",
            record="F-P",
            fields=[{"name": name} for name in names],
            dispatch_reference="d" * filling,
        )
        return answer.cells[0].effect == pb.EFFECT_PERMIT

    async def last(asked: str) -> tuple[int, int]:
        """The largest call that is answered."""
        fields, over = 0, 600
        while over - fields > 1:
            middle = (fields + over) // 2
            fields, over = (middle, over) if await is_permitted(asked, middle, 0) else (fields, middle)
        filling, over = 0, 256
        while over - filling > 1:
            middle = (filling + over) // 2
            filling, over = (middle, over) if await is_permitted(asked, fields, middle) else (filling, middle)
        return fields, filling

    fields, _ = found = await last(UNKNOWN)
    assert 0 < fields < 599, "no bound was met"
    assert await last(SECRET) == found


async def test_an_entry_that_is_too_large_is_abridged_and_the_answer_stays(
    road: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a log that takes less, so that it need not be hundreds of people on file."""
    monkeypatch.setattr("policy_service.decision_log.entry.MAX_ENTRY_BYTES", TAKEN)
    token = await open_world(road)
    keys = [f"p{number}" for number in range(PEOPLE)]
    question: dict[str, Any] = {
        "user": "w.nurse",
        "record": "F-new",
        "fields": [{"name": name, "party": key} for key in keys for name in ("summary", "subject.name")],
        "description": {
            "record": {
                "record_type": "clinic.file",
                "teams": ["ward"],
                "parties": [{"party": key, "role": "subject", "person": key} for key in keys],
            },
            "people": [{"key": key} for key in keys],
        },
    }
    answer = await check(road, token, **question)
    assert answer.effect == pb.EFFECT_PERMIT
    stored = road.log.get(answer.decision_id)
    assert stored is not None
    assert len(stored.data) <= TAKEN
    event = log_pb.LogEntry.FromString(stored.data).decision
    assert (event.cause, event.effect) == ("entry_abridged", pb.EFFECT_PERMIT)
    assert [(f.name, f.party) for f in event.fields] == [(c.field, c.party) for c in answer.cells]
    assert [event.outcomes[index].effect for index in event.cells] == [c.effect for c in answer.cells]
    assert "record.parties" in {asserted.path for asserted in event.asserted}
