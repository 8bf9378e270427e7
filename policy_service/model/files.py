"""Files that are not there yet."""

from __future__ import annotations

import os
from pathlib import Path


def can_be_made(path: Path) -> bool:
    """Whether this process may make that file or directory, with the directories that it needs."""
    nearest = next(each for each in path.absolute().parents if os.path.lexists(each))
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
