"""Each test of a use case runs on SQLite and on PostgreSQL, on stores of its own; on PostgreSQL in the
torture runs alone, unless it is about what stores do (`ON_BOTH`).
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.service.control import Control, Stores, prepare, running
from tests.support.postgres import postgres_url
from tests.support.recycled import Recycled

ON_BOTH = (
    *("test_as_of", "test_backup", "test_erasure", "test_history", "test_idempotency", "test_importing"),
    *("test_log_search", "test_policy_sets", "test_promise_2_logged", "test_promise_3_fresh"),
    *("test_publishing", "test_retention", "test_statements"),
)
"""Modules whose use cases lean on what a store does: on its order, its turns, its indexes."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        on_postgresql = "postgresql" in item.name.partition("[")[2]
        if on_postgresql and item.path.parent == here and item.path.stem not in ON_BOTH:
            item.add_marker(pytest.mark.torture)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stores that are migrated, with the policies and everybody who manages on file."""
    directory = tmp_path_factory.mktemp("template")
    asyncio.run(prepare(_sqlite(directory)))
    return directory


@pytest.fixture(scope="session")
def postgres_template() -> Recycled:
    url = postgres_url()
    asyncio.run(prepare(Stores(url, url)))
    return Recycled(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    """A copy of the template; on PostgreSQL facts and log share a database."""
    if request.param == "sqlite":
        shutil.copytree(request.getfixturevalue("sqlite_template"), tmp_path, dirs_exist_ok=True)
        yield _sqlite(tmp_path)
        return
    template: Recycled = request.getfixturevalue("postgres_template")
    with template.lent() as url:
        yield Stores(url, url)


@pytest_asyncio.fixture
async def control(stores: Stores) -> AsyncIterator[Control]:
    """A control plane with the shipped policies, and everybody of `tests.service.control` on file."""
    async with running(stores) as control:
        yield control


def _sqlite(directory: Path) -> Stores:
    return Stores(f"sqlite:///{directory}/facts.db", f"sqlite:///{directory}/log")
