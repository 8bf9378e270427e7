"""Where a promise is shown: on SQLite, and on a real PostgreSQL; there in the torture runs alone, unless a
test is about what the stores do (`ON_BOTH`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.migrated import postgresql

ON_BOTH = pytest.mark.parametrize("urls", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.torture)])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The URLs of empty facts and of an empty log."""
    if request.param == "postgresql":
        with postgresql().lent() as url:
            yield url, url
    else:
        yield f"sqlite:///{tmp_path / 'facts.db'}", f"sqlite:///{tmp_path / 'log'}"
