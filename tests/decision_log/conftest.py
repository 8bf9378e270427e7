"""A log on each of the two databases, and entries to put into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy_service.decision_log.url import migrate
from tests.support.postgres import postgres_url


@pytest.fixture
def sqlite_log(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'log'}"


@pytest.fixture(scope="session")
def migrated_database() -> str:
    """A database that was migrated once, to be copied by each test."""
    url = postgres_url()
    migrate(url)
    return url


@pytest.fixture
def postgres_log(migrated_database: str) -> str:
    return postgres_url(copy_of=migrated_database)


@pytest.fixture(params=["sqlite", "postgres"])
def log_url(request: pytest.FixtureRequest) -> str:
    """An empty log, on SQLite and on PostgreSQL in turn."""
    url: str = request.getfixturevalue(f"{request.param}_log")
    return url
