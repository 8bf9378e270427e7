"""Reading the YAML (or JSON, which is YAML) that people write for the command line, strictly."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from policy_service.cli.exits import Exit, Failure

STDIN: Final = Path("-")
MOST_BYTES: Final = 256 << 20
"""Of one file: a million questions of the usual size."""

_KEPT: Final = {f"tag:yaml.org,2002:{kind}" for kind in ("bool", "int", "null", "merge")}


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, and leaves dates, which messages have as texts, as they stand."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value]
        for key, _ in node.value:
            if keys.count(key.value) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"`{key.value}` stands twice", key.start_mark
                )
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in _KEPT]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a file whose top is a mapping."""
    text = read_text(path)
    try:
        # A SafeLoader, narrowed: it builds nothing but texts, numbers, booleans, lists and mappings.
        data = yaml.load(text, Loader=_Loader)  # noqa: S506
    except (yaml.YAMLError, RecursionError) as error:
        raise refused(path, _where(error)) from None
    if not isinstance(data, dict):
        raise refused(path, "the top of the file must be a mapping")
    return data


def read_all(text: str, path: Path) -> list[Any]:
    """Read every document of a YAML text, whatever each is; `path` is where it came from, for refusals."""
    try:
        return list(yaml.load_all(text, Loader=_Loader))  # as in `read_mapping`
    except (yaml.YAMLError, RecursionError) as error:
        raise refused(path, _where(error)) from None


def read_text(path: Path) -> str:
    """Read a text file of at most `MOST_BYTES`; `-` is standard input."""
    with readable(path):
        if path == STDIN:
            data = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise refused(path, f"it is larger than {MOST_BYTES >> 20} MiB; divide it")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise refused(path, "this is not UTF-8") from None


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Whatever the system says against reading a file becomes a Failure."""
    try:
        yield
    except OSError as error:
        raise Failure(
            f"`{path}` cannot be read: {(error.strerror or 'unreadable').lower()}",
            do_next="name a file that exists and that you may read",
            code=Exit.USAGE,
        ) from None


def _where(error: yaml.YAMLError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return "this is not YAML"


def refused(path: Path, why: str, known: str = "") -> Failure:
    """A file that is not as it should be; `known` tells what could stand there."""
    do_next = "correct the file and try again"
    return Failure(f"`{path}`: {why}", do_next=f"{do_next}; {known}" if known else do_next, code=Exit.USAGE)
