"""Each test of a use case runs on SQLite and on PostgreSQL, on stores of its own."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from sqlalchemy.engine.url import make_url

from tests.service.control import Control, Stores, prepare, running
from tests.support.postgres import postgres_url

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stores that are migrated, with the policies and everybody who manages on file."""
    directory = tmp_path_factory.mktemp("template")
    asyncio.run(prepare(_sqlite(directory)))
    return directory


@pytest.fixture(scope="session")
def postgres_template() -> str:
    url = postgres_url()
    asyncio.run(prepare(Stores(url, url)))
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    """A copy of the template; on PostgreSQL facts and log share a database."""
    if request.param == "sqlite":
        shutil.copytree(request.getfixturevalue("sqlite_template"), tmp_path, dirs_exist_ok=True)
        return _sqlite(tmp_path)
    template = make_url(request.getfixturevalue("postgres_template"))
    name = f"{template.database}_{next(_numbers)}"
    maintenance = template.set(drivername="postgresql", database="postgres")
    with psycopg.connect(maintenance.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template.database or "")
            )
        )
    url = template.set(database=name).render_as_string(hide_password=False)
    return Stores(url, url)


@pytest_asyncio.fixture
async def control(stores: Stores) -> AsyncIterator[Control]:
    """A control plane with the shipped policies, and everybody of `tests.service.control` on file."""
    async with running(stores) as control:
        yield control


def _sqlite(directory: Path) -> Stores:
    return Stores(f"sqlite:///{directory}/facts.db", f"sqlite:///{directory}/log")
