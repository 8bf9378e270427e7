"""Each test of the store runs on SQLite and on PostgreSQL, on a database of its own."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from sqlalchemy import URL, make_url

from policy_service.facts.reader import FactsReader
from policy_service.facts.schema import migrate
from policy_service.facts.store import FactStore
from tests.facts.world import Kept
from tests.support.postgres import postgres_url
from tests.support.session_end import undone_at_session_end

BACKENDS = ["sqlite", "postgresql"]

_numbers = itertools.count()


@pytest.fixture(params=BACKENDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that nobody has migrated."""
    return f"sqlite:///{tmp_path}/facts.db" if request.param == "sqlite" else postgres_url()


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return migrated(request.param, tmp_path)


@pytest.fixture(scope="module", params=BACKENDS)
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """One store for many examples, each of which takes back what it put there."""
    url = migrated(request.param, tmp_path_factory.mktemp("facts"))
    with FactStore(url, stream_id="control-1") as store:
        reader = FactsReader(url)
        yield Kept(url, store, reader)
        reader.close()


@pytest.fixture
def store(url: str) -> Iterator[FactStore]:
    with FactStore(url, stream_id="control-1") as store:
        yield store


@pytest.fixture
def reader(url: str) -> Iterator[FactsReader]:
    reader = FactsReader(url)
    yield reader
    reader.close()


def migrated(backend: str, directory: Path) -> str:
    """The URL of a copy of a migrated database; a migration takes longer than most tests."""
    if backend == "sqlite":
        shutil.copy(_sqlite_template(), directory / "facts.db")
        return f"sqlite:///{directory}/facts.db"
    template = _postgresql_template()
    name = f"{template.database}_{next(_numbers)}"
    server = template.set(drivername="postgresql", database="postgres")
    with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template.database}")
    return template.set(database=name).render_as_string(hide_password=False)


@cache
def _sqlite_template() -> Path:
    directory = TemporaryDirectory(prefix="facts-")
    undone_at_session_end.callback(directory.cleanup)
    path = Path(directory.name, "facts.db")
    migrate(f"sqlite:///{path}")
    return path


@cache
def _postgresql_template() -> URL:
    url = postgres_url()
    migrate(url)
    return make_url(url)
