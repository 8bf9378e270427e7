"""An erasure at a number that thousands share leaves control's event loop to others all the while."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from policy_service.facts.fingerprints import Fingerprinter
from policy_service.model.facts import ContactPoint, Controller, Person, PersonId
from policy_service.model.vocabulary import ContactKind
from policy_service.service import erasable, turns
from policy_service.service.erasure import ErasePerson
from tests.service.control import KEY, OFFICER, running
from tests.service.test_erasure import ERASE, GUESS, PHONE, copied, guess

CROWD = 200
STEPS_A_TURN = 3


async def test_no_turn_looks_at_more_than_a_few_of_those_who_share_her_number(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that goes on with each step, and not with time."""
    ticks = itertools.count()
    tick = turns.TURN / STEPS_A_TURN
    monkeypatch.setattr(turns, "time", SimpleNamespace(perf_counter=lambda: next(ticks) * tick))
    trust = Controller("trust")
    phone = Fingerprinter(KEY).contact(ContactKind.PHONE, PHONE)
    at_once = [0]
    is_in_play = erasable._is_in_play

    def counted(*asked: Any) -> bool:
        at_once[-1] += 1
        return is_in_play(*asked)

    monkeypatch.setattr(erasable, "_is_in_play", counted)

    async def others() -> None:
        while True:
            at_once.append(0)
            await asyncio.sleep(0)

    async with running(copied(sqlite_template, tmp_path)) as control:
        crowd = [PersonId(f"crowd-{n:03}") for n in range(CROWD)]
        control.put(*(Person(who, trust) for who in crowd))
        control.put(*(ContactPoint(f"of-{who}", trust, who, ContactKind.PHONE, phone) for who in crowd))
        await guess(control)
        beside = asyncio.create_task(others())
        await control.erasure.erase_person(OFFICER.calling(ERASE), ErasePerson(GUESS))
        beside.cancel()
        with suppress(asyncio.CancelledError):
            await beside
    assert sum(at_once) > CROWD, "nobody looked at them"
    assert max(at_once) <= STEPS_A_TURN + 1
