"""Whether files would make a policy set: everything that is wrong with them, and nothing stored.

Pure and blocking; 2,000 documents take seconds, so it runs in a thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from policy_service.engine import strict_yaml
from policy_service.engine.compile import compile_set
from policy_service.engine.documents import PolicyDocument, parse_document
from policy_service.engine.errors import PolicyDocumentError, PolicySetError
from policy_service.facts.gather.base_types import BaseTypeError
from policy_service.service.message_files import check_complete, is_part, parse_messages
from policy_service.service.policies import read_base_type

MOST_PROBLEMS = 1_000
"""Once so many are found, nothing more is looked at: nobody mends more in one go, and an answer with so many,
and the 99 that the last file may add, is below what a client accepts.
"""


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A file as it was sent: its name is for messages."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one line of one file, and what to write instead.

    `file` is empty and `line` 0 where the set as a whole is wrong.
    """

    file: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Validation:
    """What was found, file by file in the order in which they were sent. `checked` counts files."""

    problems: tuple[Problem, ...]
    checked: int


@dataclass(slots=True)
class Findings:
    """What was found so far, and how many files were looked at."""

    problems: list[Problem] = field(default_factory=list)
    checked: int = 0

    @property
    def enough(self) -> bool:
        return len(self.problems) >= MOST_PROBLEMS


def validate(
    documents: tuple[PolicyFile, ...],
    base_types: tuple[PolicyFile, ...],
    messages: tuple[PolicyFile, ...] = (),
) -> Validation:
    """Check each file, and then whether they make a set. Where `messages/en.yaml` is among them, `messages`
    have a text for whatever the documents need one for; without it the files are part of a set.
    """
    found = Findings()
    parsed = tuple(read_documents(documents, found))
    _check_base_types(base_types, found)
    _check_messages(messages, parsed, found)
    check_uids(parsed, found)
    if not found.problems:
        try:
            compile_set(document for _, document in parsed)
        except PolicySetError as error:
            found.problems.append(Problem("", 0, error.message))
    return Validation(tuple(found.problems), found.checked)


def read_documents(
    files: tuple[PolicyFile, ...], found: Findings
) -> Iterator[tuple[PolicyFile, PolicyDocument]]:
    for file in files:
        if found.enough:
            return
        found.checked += 1
        try:
            yield file, parse_document(file.text, name=file.name)
        except PolicyDocumentError as error:
            found.problems += problems_of(error)


def _check_base_types(files: tuple[PolicyFile, ...], found: Findings) -> None:
    first: dict[str, str] = {}
    for file in files:
        if found.enough:
            return
        found.checked += 1
        try:
            base = read_base_type(file.text, name=file.name)
        except PolicyDocumentError as error:
            found.problems += problems_of(error)
        except BaseTypeError as error:
            found.problems += [Problem(file.name, fault.line, fault.text) for fault in error.faults]
        else:
            before = first.setdefault(base.name, _at(file, "name"))
            if before != _at(file, "name"):
                text = f"name: `{base.name}` stands in {before} as well: give one of them another name"
                found.problems.append(Problem(file.name, _line(file, "name"), text))


def _check_messages(
    files: tuple[PolicyFile, ...], parsed: tuple[tuple[PolicyFile, PolicyDocument], ...], found: Findings
) -> None:
    if not files or found.enough:
        return
    found.checked += len(files)
    catalogues = [(file.name, file.text) for file in files]
    part = is_part(file.name for file in files)
    try:
        parse_messages(catalogues, part=part)
        if not part:
            check_complete(catalogues, (document for _, document in parsed))
    except PolicyDocumentError as error:
        found.problems += problems_of(error)[: MOST_PROBLEMS - len(found.problems)]


def check_uids(parsed: tuple[tuple[PolicyFile, PolicyDocument], ...], found: Findings) -> None:
    """Note each uid that an earlier document has already."""
    first: dict[str, PolicyFile] = {}
    for file, document in parsed:
        if found.enough:
            return
        before = first.setdefault(document.uid, file)
        if before is not file:
            text = (
                f"uid: `{document.uid}` stands in {_at(before, 'uid')} as well: give one of them another uid"
            )
            found.problems.append(Problem(file.name, _line(file, "uid"), text))


def problems_of(error: PolicyDocumentError) -> list[Problem]:
    """Give what is wrong with one document."""
    return [Problem(one.file, one.line, one.text) for one in error.problems]


def _at(file: PolicyFile, key: str) -> str:
    return f"{file.name}:{_line(file, key)}"


def _line(file: PolicyFile, key: str) -> int:
    """The line of a top key of a file that was read before."""
    return strict_yaml.read(file.text, name=file.name).line((key,))
