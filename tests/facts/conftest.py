"""Each test of the store runs on SQLite and on PostgreSQL, on a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from policy_service.facts.reader import FactsReader
from policy_service.facts.store import FactStore
from tests.facts.world import Kept
from tests.support.migrated import place
from tests.support.migrated import postgresql as postgresql_stores
from tests.support.postgres import postgres_url

BACKENDS = ["sqlite", "postgresql"]


@pytest.fixture(params=BACKENDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that nobody has migrated."""
    return f"sqlite:///{tmp_path}/facts.db" if request.param == "sqlite" else postgres_url()


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with migrated(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def postgresql(tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated database on PostgreSQL."""
    with migrated("postgresql", tmp_path) as url:
        yield url


@pytest.fixture(scope="module", params=BACKENDS)
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """One store for many examples, each of which takes back what it put there."""
    directory = tmp_path_factory.mktemp("facts")
    with migrated(request.param, directory) as url, FactStore(url, stream_id="control-1") as store:
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


@contextmanager
def migrated(backend: str, directory: Path) -> Iterator[str]:
    """The URL of a database of its own that holds no facts yet."""
    if backend == "sqlite":
        place(url := f"sqlite:///{directory}/facts.db")
        yield url
        return
    with postgresql_stores().lent() as url:
        yield url
