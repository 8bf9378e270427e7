"""A set of an organisation's own: the policies that ship, and beside them attributes that it declares."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.installation import POLICIES

OWN_CASES = Path(__file__).parent / "cases"
OWN_POLICIES = Path(__file__).parent / "policies"


def own_set(folder: Path) -> Path:
    """Put the whole set into an empty `folder`."""
    shutil.copytree(POLICIES, folder)
    return Path(shutil.copytree(OWN_POLICIES, folder, dirs_exist_ok=True))
