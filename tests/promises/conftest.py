"""Where a promise is shown: on SQLite, and on a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.postgres import postgres_url


@pytest.fixture(params=["sqlite", "postgresql"])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """The URLs of empty facts and of an empty log."""
    if request.param == "postgresql":
        url = postgres_url()
        return url, url
    return f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}"
