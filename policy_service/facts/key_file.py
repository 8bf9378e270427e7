"""The fingerprints' key: 32 random bytes in a file of its own, outside the database that it protects."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from policy_service.model.errors import UnavailableError

KEY_BYTES = 32


def load_or_create_key(path: Path) -> bytes:
    """The key in `path`; a new one, durable before it is used, where there is no such file.

    Two processes that start at once get the same key. UnavailableError where the file can be read by others,
    is not a regular file or does not hold a key: a key that somebody else knows hides nothing, and a new one
    would match nothing on file.
    """
    try:
        if not path.exists():
            _create(path)
        return _load(path)
    except OSError:
        raise UnavailableError("KEY_FILE_UNREADABLE", "the key file cannot be read or made") from None


def load_key(path: Path) -> bytes:
    """The key in `path`, where there must be one; UnavailableError as above, or `KEY_FILE_MISSING`."""
    try:
        return _load(path)
    except FileNotFoundError:
        raise UnavailableError(
            "KEY_FILE_MISSING", "the key file of the fingerprints is not there: put it back first"
        ) from None
    except OSError:
        raise UnavailableError("KEY_FILE_UNREADABLE", "the key file cannot be read or made") from None


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written whole under another name and then linked: nobody ever reads half a key, and the first of two
    # makers wins.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)  # the name is durable, too
    finally:
        os.close(directory)


def _load(path: Path) -> bytes:
    # Looked at and read through one descriptor, so that what was checked is what is read.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise UnavailableError("KEY_FILE_UNSAFE", "the key file is not a regular file")
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UnavailableError(
                "KEY_FILE_UNSAFE", "the key file is open to others: `chmod 600` it, or make a new key"
            )
        key = file.read(KEY_BYTES + 1)
    if len(key) != KEY_BYTES:
        raise UnavailableError("KEY_FILE_UNSAFE", f"the key file does not hold {KEY_BYTES} bytes")
    return key
