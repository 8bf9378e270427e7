"""A folder that holds a policy set, as it is kept in git: read whole, and written as it was put on file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from policy_service.api.v1 import past_pb2
from policy_service.api.v1 import policy_pb2 as pb
from policy_service.cli.exits import Exit, Failure
from policy_service.cli.policy_files import PolicyFiles, bounded, files_below, read_file
from policy_service.model.set_files import (
    ATTRIBUTES,
    BASE_TYPES,
    CASES,
    MAX_FILES,
    MESSAGES,
    RENAME,
    SUFFIX,
    file_order,
    is_passed_over,
)

_BOUND: Final = "a set and its cases go in one call"


@dataclass(frozen=True, slots=True)
class SetFolder:
    """The files of a set, and the cases beside them, each named by its path from the folder."""

    files: tuple[pb.PolicyFile, ...]
    cases: tuple[pb.PolicyFile, ...]

    def to_check(self) -> PolicyFiles:
        """As `policies validate` and `policies test` send them."""
        found = PolicyFiles(cases=list(self.cases))
        below = {BASE_TYPES: found.base_types, MESSAGES: found.messages, ATTRIBUTES: found.attributes}
        for file in self.files:
            folder, slash, _ = file.name.partition("/")
            below.get(folder if slash else "", found.documents).append(file)
        return found

    def to_put(self, reason: str) -> pb.PolicyServicePutSetRequest:
        """What puts the set on file; raises Failure where it is more than a call may have.

        It needs no key: a set is on file once, however often it is put there.
        """
        request = pb.PolicyServicePutSetRequest(files=self.files, cases=self.cases, reason=reason)
        return bounded(request, f"{_BOUND}; push with --no-cases, and try them with `policies test`")

    def to_compare(
        self, with_set: str = "", *, as_of: past_pb2.AsOf | None = None
    ) -> pb.PolicyServiceDiffRequest:
        """What tells how this differs from a set, or from what is published."""
        request = pb.PolicyServiceDiffRequest(before=with_set, files=self.files, as_of=as_of)
        return bounded(request, "a set may have no more; name the folder that holds the policies alone")


def read_folder(folder: Path) -> SetFolder:
    """Read a set's folder: every *.yaml in it. Raises Failure for what could not be published."""
    if not folder.is_dir():
        raise Failure(
            f"`{folder}` is no folder",
            do_next="name the folder that holds the policy set, such as `policies`",
            code=Exit.USAGE,
        )
    files: list[pb.PolicyFile] = []
    cases: list[pb.PolicyFile] = []
    for path in files_below(folder):
        name = path.relative_to(folder).as_posix()
        if is_passed_over(path):
            raise Failure(f"`{path}` would be passed over", do_next=RENAME, code=Exit.USAGE)
        try:
            file = pb.PolicyFile(name=name, text=read_file(path).decode("utf-8"))
        except (UnicodeDecodeError, UnicodeEncodeError, ValueError):
            raise Failure(
                f"`{path}` is not UTF-8, or its name is not",
                do_next="save it as UTF-8, without a byte order mark",
                code=Exit.USAGE,
            ) from None
        (cases if name.startswith(f"{CASES}/") else files).append(file)
    if len(files) + len(cases) > MAX_FILES:
        raise Failure(
            f"there are more than {MAX_FILES:,} files",
            do_next="a set may have no more; name the folder that holds the policies",
            code=Exit.USAGE,
        )
    files.sort(key=lambda file: file_order(file.name))
    return SetFolder(tuple(files), tuple(cases))


@dataclass(frozen=True, slots=True)
class Writing:
    """What writing a set into a folder would do, by the paths of its files."""

    new: tuple[str, ...]
    overwritten: tuple[str, ...]
    """They say something else now."""
    removed: tuple[str, ...]
    """The set does not have them."""

    @property
    def loses(self) -> tuple[str, ...]:
        return (*self.overwritten, *self.removed)


def plan_writing(folder: Path, files: Iterable[pb.PolicyFile]) -> Writing:
    """Compare a set with what is in a folder. Cases, and files that are no *.yaml, are left alone.

    Raises Failure for a name that leads out of the folder: a service could be another than it seems.
    """
    if folder.exists() and not folder.is_dir():
        raise Failure(
            f"`{folder}` is no folder",
            do_next="name a folder, also one that is not there yet",
            code=Exit.USAGE,
        )
    new: list[str] = []
    overwritten: list[str] = []
    names = set()
    for file in files:
        path = _inside(folder, file.name)
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise Failure(
                f"`{path}` is no file, and a file is to be there; nothing was written",
                do_next="move it away, or name another folder",
                code=Exit.USAGE,
            )
        names.add(file.name)
        if not path.exists():
            new.append(file.name)
        elif not path.is_file() or path.read_bytes() != file.text.encode():
            overwritten.append(file.name)
    there = (path.relative_to(folder).as_posix() for path in folder.rglob(f"*{SUFFIX}") if path.is_file())
    removed = sorted(name for name in there if name not in names and not name.startswith(f"{CASES}/"))
    return Writing(tuple(new), tuple(overwritten), tuple(removed))


def write_folder(folder: Path, files: Iterable[pb.PolicyFile], writing: Writing) -> None:
    """Carry out what was planned. Raises Failure where the folder cannot be written."""
    texts = {file.name: file.text for file in files}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (*writing.overwritten, *writing.new):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(texts[name].encode())
        for name in writing.removed:  # when all else is there
            (folder / name).unlink()
    except OSError as error:
        raise Failure(
            f"`{folder}` cannot be written: {(error.strerror or 'unwritable').lower()}",
            do_next="mend that and pull again with --force: what is written already is overwritten",
            code=Exit.USAGE,
        ) from None


_MOST_BYTES_OF_A_NAME: Final = 255


def _inside(folder: Path, name: str) -> Path:
    parts = name.split("/")
    odd = any(part in {"", ".", ".."} or "\\" in part or not part.isprintable() for part in parts)
    if any(len(part.encode()) > _MOST_BYTES_OF_A_NAME for part in parts):
        raise Failure(
            f"the set has a file whose name is too long for `{folder}`; nothing was written",
            do_next="put the set on file again with shorter names",
            code=Exit.USAGE,
        )
    path = folder / name
    if odd or not name.endswith(SUFFIX) or not path.resolve().is_relative_to(folder.resolve()):
        raise Failure(
            f"the set has a file whose name leads out of `{folder}`; nothing was written",
            do_next="look whether that is the right service, and whether the folder holds links",
            code=Exit.USAGE,
        )
    return path
