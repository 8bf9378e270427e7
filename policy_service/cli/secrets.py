"""Writing a token where only its owner can read it."""

from __future__ import annotations

import os
from pathlib import Path

from policy_service.cli.exits import Exit, Failure


def write_secret(path: Path, secret: str) -> None:
    """Write `secret` and a line's end to `path`, mode 0600, in the place of what was there.

    First to a new file beside it, so that nobody ever reads half of a token, or one with a wider mode.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(handle, f"{secret}\n".encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        beside.replace(path)
    except OSError as error:
        raise Failure(
            f"`{path}` cannot be written: {(error.strerror or 'refused').lower()}",
            do_next="name a folder that you may write to",
            code=Exit.USAGE,
        ) from None
