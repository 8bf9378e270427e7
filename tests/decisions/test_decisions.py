"""Every decision case, and its twin, on every road, alone, in a batch and on a stream; and once more under
other names. `make test` has all of them on one road, and some on each; `make torture` the rest.

The services are opened once for all cases: each run has names of its own, so none meets another's facts.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.decisions.case import Run, case_names, numbered_and, read_run
from tests.decisions.compare import (
    agrees_with_its_entry,
    expected_to_say,
    is_bound,
    named_by,
    says,
    tells_everybody,
    without_its_own,
    without_moments,
)
from tests.decisions.roads import (
    Road,
    as_message,
    ask,
    ask_in_batch,
    ask_on_stream,
    entry_of,
    put_on_file,
)
from tests.support.installation import Installation, installation
from tests.support.postgres import postgres_url
from tests.support.running import Service, running
from tests.support.socket_road import SocketRoad, socket_road

pytestmark = pytest.mark.asyncio(loop_scope="session")

_tags = itertools.count(1)

SIDES = pytest.mark.parametrize("twin", [False, True], ids=["case", "twin"])
TWINS_IN_TORTURE = pytest.mark.parametrize(
    "twin", [False, pytest.param(True, marks=pytest.mark.torture)], ids=["case", "twin"]
)
"""Of the roads that are made of the parts of others: their twins are seen on those."""
NUMBERED = numbered_and(None)
SOME = numbered_and(4)
CASES = pytest.mark.parametrize("name", case_names())


async def travel(road: Road, name: str, *, twin: bool, renamed: bool = False) -> None:
    """Put the case's facts on file, ask, and hold answer and log entry against what the case expects."""
    run: Run = read_run(name, twin=twin, tag=f"t{next(_tags)}", renamed=renamed)
    # Under other names by a call for each fact, else by the Imports: both are seen to come to the same.
    named = None if renamed else named_by(run)
    on_file = await put_on_file(road, run.case.facts, run.case.system, named=named)
    answer = await ask(road, run.case.ask, on_file.token)
    entry = await entry_of(road, answer.decision_id)
    assert says(answer, entry, run.expected, on_file.names) == expected_to_say(run.expected)
    agrees_with_its_entry(answer, entry)
    is_bound(answer, as_message(run.case.ask))
    tells_everybody(answer)
    decided = {uid for outcome in entry.decision.outcomes for uid in outcome.policies}
    assert set(run.expected.log.policies) <= decided
    if isinstance(road, SocketRoad):
        for other in (
            await ask_in_batch(road, run.case.ask, on_file.token),
            await ask_on_stream(road, run.case.ask, on_file.token),
        ):
            assert without_moments(other) == without_moments(answer)
            assert other.decision_id != answer.decision_id
            assert without_its_own(await entry_of(road, other.decision_id)) == without_its_own(entry)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    directory = tmp_path_factory.mktemp("installation")
    urls = f"sqlite:///{directory / 'facts.db'}", f"sqlite:///{directory / 'log'}"
    async with installation(*urls, whole=True) as road:
        yield road


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def on_postgresql() -> AsyncIterator[Installation]:
    url = postgres_url()
    async with installation(url, url) as road:
        yield road


@pytest.fixture(scope="module")
def served_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(tmp_path_factory.mktemp("served")) as service:
        yield service


@pytest.fixture(scope="module")
def served_on_postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    url = postgres_url()
    with running(tmp_path_factory.mktemp("served"), facts_url=url, log_url=url) as service:
        yield service


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def socket_to_sqlite(served_on_sqlite: Service) -> AsyncIterator[SocketRoad]:
    async with socket_road(served_on_sqlite) as road:
        yield road


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def socket_to_postgresql(served_on_postgresql: Service) -> AsyncIterator[SocketRoad]:
    async with socket_road(served_on_postgresql) as road:
        yield road


@CASES
@SIDES
async def test_use_case_on_sqlite(name: str, twin: bool, on_sqlite: Installation) -> None:
    await travel(on_sqlite, name, twin=twin)


@NUMBERED
@TWINS_IN_TORTURE
async def test_use_case_on_postgresql(name: str, twin: bool, on_postgresql: Installation) -> None:
    await travel(on_postgresql, name, twin=twin)


@SOME
@TWINS_IN_TORTURE
async def test_socket_on_sqlite(name: str, twin: bool, socket_to_sqlite: SocketRoad) -> None:
    await travel(socket_to_sqlite, name, twin=twin)


@NUMBERED
@TWINS_IN_TORTURE
async def test_socket_on_postgresql(name: str, twin: bool, socket_to_postgresql: SocketRoad) -> None:
    await travel(socket_to_postgresql, name, twin=twin)


@SOME
@TWINS_IN_TORTURE
async def test_whatever_the_names(name: str, twin: bool, on_sqlite: Installation) -> None:
    """Every party renamed, another record type of its base, another organisation."""
    await travel(on_sqlite, name, twin=twin, renamed=True)
