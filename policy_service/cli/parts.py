"""Reading fields and the parts of a document, as `records` and `artefacts` are told of them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from policy_service.api.v1 import record_pb2 as pb
from policy_service.cli.exits import Exit, Failure

_CHUNK: Final = 1 << 20


def part(text: str) -> pb.Part:
    """Read `NAME,category=NAME,about=ROLE`, both repeatable, and `,separable` after it."""
    name, *options = text.split(",")
    found = pb.Part(name=name)
    for option in options:
        key, _, value = option.partition("=")
        match key:
            case "category" if value:
                found.categories.append(value)
            case "about" if value:
                found.about.append(value)
            case "separable" if option == key:
                found.separable = True
            case _:
                raise Failure(
                    f"--part `{text}` cannot be read at `{option}`",
                    do_next="write NAME,category=NAME,about=ROLE or about=party:KEY, "
                    "and ,separable where it can be taken out",
                    code=Exit.USAGE,
                )
    return found


def field(text: str, option: str) -> pb.FieldType:
    """Read `NAME,category=NAME,about=ROLE`, both repeatable; `option` is what says it."""
    name, *options = text.split(",")
    found = pb.FieldType(name=name)
    for each in options:
        key, _, value = each.partition("=")
        match key:
            case "category" if value:
                found.categories.append(value)
            case "about" if value:
                found.about.append(value)
            case _:
                raise Failure(
                    f"{option} `{text}` cannot be read at `{each}`",
                    do_next="write NAME,category=NAME,about=ROLE, e.g. "
                    "copy_list,category=contact.post,about=co_recipient",
                    code=Exit.USAGE,
                )
    return found


def digest_of(path: Path) -> bytes:
    """Give the SHA-256 of a file, which itself is not sent."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as opened:
            while chunk := opened.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise Failure(
            f"`{path}` cannot be read: {(error.strerror or 'unreadable').lower()}",
            do_next="name a file that exists and that you may read, or its --digest",
            code=Exit.USAGE,
        ) from None
    return digest.digest()
