"""How the files of a policy set are laid out: what each folder holds, and which files are read."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ATTRIBUTES: Final = "attributes"
BASE_TYPES: Final = "base_types"
MESSAGES: Final = "messages"
CASES: Final = "tests"
"""Below it are cases: what is expected of the policies, and no part of the set."""
MAX_FILES: Final = 10_000
SUFFIX: Final = ".yaml"
RENAME: Final = f"give it a name that ends in `{SUFFIX}`, the service reads no other"


def is_passed_over(file: Path) -> bool:
    """Tell whether it looks like a file of a set, and its name does not end as such a file's does."""
    return file.suffix != SUFFIX and file.suffix.lower() in {SUFFIX, ".yml"}


def file_order(name: str) -> list[str]:
    """The order of files in a set: folder by folder."""
    return name.split("/")
