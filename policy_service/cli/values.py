"""Values that are better not typed: what stands on a command line is seen by whoever lists processes."""

from __future__ import annotations

import sys
from typing import Final

from policy_service.cli.exits import Exit, Failure

STDIN: Final = "-"
MAX_BYTES: Final = 65_536


def value_of(text: str, option: str) -> str:
    """Give the text of an option, or for `-` what standard input holds, without the line break at its end."""
    if text != STDIN:
        return text
    read = sys.stdin.read(MAX_BYTES + 1)
    if len(read) > MAX_BYTES:
        raise Failure(
            f"standard input holds too much for {option}",
            do_next=f"give at most {MAX_BYTES:,} characters",
            code=Exit.USAGE,
        )
    return read.rstrip("\r\n")
