"""Made-up next versions of the program: a copy of this one, whose users have a badge, and migrations more, of
the facts and of the log.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from policy_service.decision_log import migrations as log
from policy_service.facts import schema

CHECKOUT = Path(__file__).parents[2]
EXPANDED, CONTRACTED = "r9001", "r9002"
LOG_EXPANDED = "9001"
BADGE = "from the next version"
"""What stands in `users.badge` where the next version wrote the row; the version before it leaves it empty.
"""

_HEAD = '''"""Made up by a test."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{down_revision}"
branch_labels = None
depends_on = None
oldest_reader = {oldest_reader!r}

'''
_EXPANDS = """
def upgrade() -> None:
    op.add_column("users", sa.Column("badge", sa.Text(), nullable=False, server_default=sa.text("''")))
"""
_CONTRACTS = """
def upgrade() -> None:
    op.alter_column("users", "badge", server_default=None)
"""
_LOG_EXPANDS = """
def upgrade() -> None:
    op.add_column("log_streams", sa.Column("remark", sa.Text(), nullable=False, server_default=sa.text("''")))
"""


def next_version(directory: Path) -> Path:
    """The version that follows this one: it adds the badge, and a column to the log's streams, beside which
    this version runs on.
    """
    shutil.copytree(
        CHECKOUT / "policy_service",
        directory / "policy_service",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    (directory / "policies").symlink_to(CHECKOUT / "policies")
    _exchange(
        directory / "policy_service" / "facts" / "tables.py",
        "    suspended: Mapped[bool]\n    attributes",
        "    suspended: Mapped[bool]\n    badge: Mapped[str]\n    attributes",
    )
    _exchange(
        directory / "policy_service" / "model" / "facts.py",
        "    suspended: bool = False\n    attributes",
        f'    suspended: bool = False\n    badge: str = "{BADGE}"\n    attributes',
    )
    _add(directory, "facts", EXPANDED, schema.newest(), None, _EXPANDS)
    newest = 'NEWEST = "{}"'
    _exchange(
        directory / "policy_service" / "decision_log" / "migrations" / "__init__.py",
        newest.format(log.NEWEST),
        newest.format(LOG_EXPANDED),
    )
    _add(directory, "decision_log", LOG_EXPANDED, log.NEWEST, None, _LOG_EXPANDS)
    return directory


def version_after(following: Path, directory: Path) -> Path:
    """The one after that: no version writes users without a badge any more, so it takes the default away."""
    shutil.copytree(following, directory, symlinks=True)
    _add(directory, "facts", CONTRACTED, EXPANDED, EXPANDED, _CONTRACTS)
    return directory


def migrate(code: Path, *, facts_url: str, log_url: str) -> None:
    """`policy-service migrate` of that version."""
    given = {"POLICY_SERVICE_FACTS_URL": facts_url, "POLICY_SERVICE_LOG_URL": log_url}
    done = subprocess.run(
        [sys.executable, "-m", "policy_service", "migrate"],
        env=os.environ | given | {"PYTHONPATH": str(code)},
        cwd=code,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def _exchange(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def _add(
    code: Path, database: str, revision: str, down_revision: str, oldest_reader: str | None, upgrade: str
) -> None:
    head = _HEAD.format(revision=revision, down_revision=down_revision, oldest_reader=oldest_reader)
    versions = code / "policy_service" / database / "migrations" / "versions"
    (versions / f"{revision}_made_up.py").write_text(head + upgrade)
