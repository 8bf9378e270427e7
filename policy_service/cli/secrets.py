"""Writing a token where only its owner can read it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from policy_service.cli.exits import Exit, Failure


def write_secret(path: Path, secret: str) -> None:
    """Write `secret` and a line's end to `path`, in the place of what was there; makes its folder."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(path, error) from None
    with place_for_secret(path, replace=True) as write:
        write(secret)


@contextmanager
def place_for_secret(path: Path, *, replace: bool) -> Iterator[Callable[[str], None]]:
    """Make sure that a secret can be written to `path`, before there is one; then write it, mode 0600.

    It goes to a new file beside `path` first, so that nobody ever reads half of a token, or one with a wider
    mode. Raises Failure where the folder is missing, and, unless told to replace it, where the file is there.
    """
    if path.is_dir():
        raise Failure(f"`{path}` is a folder", do_next="name a file in it", code=Exit.USAGE)
    if not path.parent.is_dir():
        raise Failure(
            f"there is no folder `{path.parent}`",
            do_next="make it first, or name another",
            code=Exit.USAGE,
        )
    if not replace and os.path.lexists(path):
        raise Failure(
            f"`{path}` is there already",
            do_next="name another file, or add --force to replace this one",
            code=Exit.USAGE,
        )
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise _refused(path, error) from None

    def write(secret: str) -> None:
        try:
            os.write(handle, f"{secret}\n".encode())
            os.fsync(handle)
            beside.replace(path)
        except OSError as error:
            raise _refused(path, error) from None

    try:
        yield write
    finally:
        os.close(handle)
        beside.unlink(missing_ok=True)


def _refused(path: Path, error: OSError) -> Failure:
    return Failure(
        f"`{path}` cannot be written: {(error.strerror or 'refused').lower()}",
        do_next="name a folder that you may write to",
        code=Exit.USAGE,
    )
