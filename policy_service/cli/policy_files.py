"""Reading the files that `policies validate` sends."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from policy_service.api.v1 import policy_pb2 as pb
from policy_service.cli.exits import Exit, Failure
from policy_service.server.limits import MAX_REQUEST_BYTES
from policy_service.service.policies import BASE_TYPES, MAX_FILES, MESSAGES, RENAME, SUFFIX, is_passed_over

_FILES: Final = "name files that end in .yaml, or folders that hold such files"


@dataclass(slots=True)
class PolicyFiles:
    """What is sent, and what is wrong with files that cannot be sent."""

    request: pb.PolicyServiceValidateRequest = field(default_factory=pb.PolicyServiceValidateRequest)
    problems: list[pb.PolicyProblem] = field(default_factory=list)

    @property
    def sent(self) -> int:
        return len(self.request.documents) + len(self.request.base_types) + len(self.request.messages)


def policy_files(paths: Iterable[Path]) -> PolicyFiles:
    """Read files and folders; raises Failure where a path cannot be read, or they are too many for a call."""
    found = PolicyFiles()
    for number, path in enumerate(dict.fromkeys(each for given in paths for each in _below(given))):
        if number == MAX_FILES:
            raise Failure(
                f"there are more than {MAX_FILES:,} files",
                do_next="a set may have no more; name the folder that holds the policies",
                code=Exit.USAGE,
            )
        name = os.fsencode(path).decode("utf-8", "replace")
        data = _read(path)
        if is_passed_over(path):
            found.problems.append(pb.PolicyProblem(file=name, line=1, text=RENAME))
            continue
        try:
            file = pb.PolicyFile(name=name, text=data.decode("utf-8"))
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            text = "this is not UTF-8: save the file as UTF-8, without a byte order mark"
            found.problems.append(pb.PolicyProblem(file=name, line=line, text=text))
            continue
        folders = path.absolute().parts[:-1]
        if BASE_TYPES in folders:
            found.request.base_types.append(file)
        elif MESSAGES in folders:
            found.request.messages.append(file)
        else:
            found.request.documents.append(file)
    size = found.request.ByteSize()
    if size > MAX_REQUEST_BYTES:
        raise Failure(
            f"the files have {size:,} bytes together, and a call may have {MAX_REQUEST_BYTES:,}",
            do_next="validate a folder at a time",
            code=Exit.USAGE,
        )
    return found


def _below(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    files = sorted(
        each for each in path.rglob("*") if each.is_file() and (each.suffix == SUFFIX or is_passed_over(each))
    )
    if not files:
        raise Failure(f"there is no .yaml file in `{path}`", do_next=_FILES, code=Exit.USAGE)
    yield from files


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Failure(
            f"`{path}` cannot be read: {(error.strerror or 'unreadable').lower()}",
            do_next=_FILES,
            code=Exit.USAGE,
        ) from None
