"""Reading the files of policies that commands send."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from google.protobuf.message import Message

from policy_service.api.v1 import policy_pb2 as pb
from policy_service.cli.exits import Exit, Failure
from policy_service.model.set_files import (
    ATTRIBUTES,
    BASE_TYPES,
    CASES,
    MAX_FILES,
    MESSAGES,
    RENAME,
    SUFFIX,
    is_passed_over,
)
from policy_service.server.limits import MAX_FILES_BYTES

_FILES: Final = "name files that end in .yaml, or folders that hold such files"

Request = TypeVar("Request", bound=Message)


@dataclass(slots=True)
class PolicyFiles:
    """What is sent, and what is wrong with files that cannot be sent."""

    documents: list[pb.PolicyFile] = field(default_factory=list)
    base_types: list[pb.PolicyFile] = field(default_factory=list)
    messages: list[pb.PolicyFile] = field(default_factory=list)
    attributes: list[pb.PolicyFile] = field(default_factory=list)
    cases: list[pb.PolicyFile] = field(default_factory=list)
    problems: list[pb.PolicyProblem] = field(default_factory=list)

    def to_validate(self) -> pb.PolicyServiceValidateRequest:
        return bounded(
            pb.PolicyServiceValidateRequest(
                documents=self.documents,
                base_types=self.base_types,
                messages=self.messages,
                attributes=self.attributes,
            ),
            "validate a folder at a time",
        )

    def to_test(self) -> pb.PolicyServiceTestRequest:
        return bounded(
            pb.PolicyServiceTestRequest(
                documents=self.documents, cases=self.cases, attributes=self.attributes
            ),
            "test a folder at a time",
        )


def policy_files(paths: Iterable[Path]) -> PolicyFiles:
    """Read files and folders; raises Failure where a path cannot be read, or they are too many for a call."""
    found = PolicyFiles()
    for number, path in enumerate(dict.fromkeys(each for given in paths for each in files_below(given))):
        if number == MAX_FILES:
            raise Failure(
                f"there are more than {MAX_FILES:,} files",
                do_next="a set may have no more; name the folder that holds the policies",
                code=Exit.USAGE,
            )
        name = os.fsencode(path).decode("utf-8", "replace")
        data = read_file(path)
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
            found.base_types.append(file)
        elif MESSAGES in folders:
            found.messages.append(file)
        elif ATTRIBUTES in folders:
            found.attributes.append(file)
        elif CASES in _named_folders(path):
            found.cases.append(file)
        else:
            found.documents.append(file)
    return found


def bounded(request: Request, do_next: str) -> Request:
    """A message of files that is not more than a call may have; raises Failure for what is."""
    size = request.ByteSize()
    if size > MAX_FILES_BYTES:
        raise Failure(
            f"the files have {size:,} bytes together, and a call may have {MAX_FILES_BYTES:,}",
            do_next=do_next,
            code=Exit.USAGE,
        )
    return request


def _named_folders(path: Path) -> tuple[str, ...]:
    """The folders that a file is in, from the one in which the command was typed; of a file elsewhere, the
    nearest. `tests` is too common a name for any folder above these to count.
    """
    here, folder = Path.cwd(), path.absolute().parent
    if folder.is_relative_to(here):
        return (here.name, *folder.relative_to(here).parts)
    return folder.parts[-2:]


def files_below(path: Path) -> Iterator[Path]:
    """A file itself; of a folder every *.yaml in it, and what was perhaps meant to be one. Raises Failure for
    what would be left out without a word: a set that lacks a folder of denies is whole to everybody else.
    """
    if not path.is_dir():
        yield path
        return
    files = sorted(each for each in _everything_below(path) if each.suffix == SUFFIX or is_passed_over(each))
    for each in files:
        if not each.is_file():
            raise _left_out(each, "is no file that can be read")
    if not files:
        raise Failure(f"there is no .yaml file in `{path}`", do_next=_FILES, code=Exit.USAGE)
    yield from files


def _everything_below(folder: Path) -> Iterator[Path]:
    """All that is there but folders."""

    def unreadable(error: OSError) -> None:
        raise _left_out(Path(error.filename), f"cannot be read: {(error.strerror or 'unreadable').lower()}")

    for above, folders, files in os.walk(folder, onerror=unreadable):
        for name in folders:
            if (Path(above) / name).is_symlink():
                raise _left_out(Path(above) / name, "is a link to a folder")
        yield from (Path(above) / name for name in files)


def _left_out(path: Path, why: str) -> Failure:
    return Failure(
        f"`{path}` {why}, and would be left out",
        do_next="put files and folders themselves there, which you may read",
        code=Exit.USAGE,
    )


def read_file(path: Path) -> bytes:
    """What is in a file; raises Failure."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Failure(
            f"`{path}` cannot be read: {(error.strerror or 'unreadable').lower()}",
            do_next=_FILES,
            code=Exit.USAGE,
        ) from None
