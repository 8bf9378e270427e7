"""Stores that are migrated already: a migration takes longer than most tests.

What migrations make is seen by their own tests, and by each start of the service on nothing at all, as in
`tests/system/test_first_steps.py`.
"""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from policy_service.decision_log.url import migrate as migrate_log
from policy_service.facts.connect import sqlite_path
from policy_service.facts.schema import migrate as migrate_facts
from tests.support.postgres import postgres_url
from tests.support.recycled import Recycled
from tests.support.session_end import undone_at_session_end


def place(facts_url: str) -> None:
    """Where this is a SQLite file that is not there, put a migrated one."""
    path = sqlite_path(facts_url)
    if path and not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy(_sqlite(), path)


@cache
def postgresql() -> Recycled:
    """Databases that hold empty facts and an empty log."""
    url = postgres_url()
    migrate_facts(url)
    migrate_log(url)
    return Recycled(url)


@cache
def _sqlite() -> Path:
    directory = TemporaryDirectory(prefix="migrated-")
    undone_at_session_end.callback(directory.cleanup)
    path = Path(directory.name, "facts.db")
    migrate_facts(f"sqlite:///{path}")
    return path
