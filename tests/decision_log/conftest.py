"""A log on each of the two databases, and entries to put into it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.migrated import postgresql


@pytest.fixture
def sqlite_log(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'log'}"


@pytest.fixture
def postgres_log() -> Iterator[str]:
    with postgresql().lent() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def log_url(request: pytest.FixtureRequest) -> str:
    """An empty log, on SQLite and on PostgreSQL in turn."""
    url: str = request.getfixturevalue(f"{request.param}_log")
    return url
