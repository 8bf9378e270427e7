"""Every decision case, and its twin, on every road."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.decisions.case import Run, case_names, read_run
from tests.decisions.compare import agrees_with_its_entry, expected_to_say, says
from tests.decisions.roads import Road, ask, entry_of, put_on_file
from tests.support.installation import installation
from tests.support.postgres import postgres_url

_tags = itertools.count(1)

SIDES = pytest.mark.parametrize("twin", [False, True], ids=["case", "twin"])
CASES = pytest.mark.parametrize("name", case_names())


async def travel(road: Road, run: Run) -> None:
    token = await put_on_file(road, run.case.facts, run.case.system)
    answer = await ask(road, run.case.ask, token)
    entry = await entry_of(road, answer.decision_id)
    assert says(answer, entry) == expected_to_say(run.expected)
    agrees_with_its_entry(answer, entry)
    decided = {uid for outcome in entry.decision.outcomes for uid in outcome.policies}
    assert set(run.expected.log.policies) <= decided


@CASES
@SIDES
async def test_on_sqlite(name: str, twin: bool, tmp_path: Path) -> None:
    run = read_run(name, twin=twin, tag=f"s{next(_tags)}", renamed=False)
    async with installation(f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}") as road:
        await travel(road, run)


@CASES
@SIDES
async def test_on_postgresql(name: str, twin: bool) -> None:
    run = read_run(name, twin=twin, tag=f"p{next(_tags)}", renamed=False)
    url = postgres_url()
    async with installation(url, url) as road:
        await travel(road, run)


@CASES
@SIDES
async def test_whatever_the_names(name: str, twin: bool, tmp_path: Path) -> None:
    """Every party renamed, another record type of its base, another organisation."""
    run = read_run(name, twin=twin, tag=f"r{next(_tags)}", renamed=True)
    async with installation(f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}") as road:
        await travel(road, run)
