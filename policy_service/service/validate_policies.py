"""Whether files would make a policy set: everything that is wrong with them, and nothing stored.

Pure and blocking; 2,000 documents take seconds, so it runs in a thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from policy_service.engine import strict_yaml
from policy_service.engine.catalogue import CATALOGUE, Attribute, Catalogue
from policy_service.engine.compile import compile_set
from policy_service.engine.declared import Owner, check_set, names_of, parse_attribute
from policy_service.engine.documents import PolicyDocument, parse_document
from policy_service.engine.errors import PolicyDocumentError, PolicySetError
from policy_service.engine.lint import RecordTypes, lint
from policy_service.facts.gather.base_types import BaseTypeError
from policy_service.model.facts import RecordType
from policy_service.model.vocabulary import Effect
from policy_service.service.message_files import check_complete, is_part, parse_messages
from policy_service.service.messages import FALLBACK, Messages
from policy_service.service.policies import attribute_fault, read_base_type

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
    """What was found, file by file in the order in which they were sent. `checked` counts files.

    `warnings` are about what is right, and most likely not what was meant; with the problems at most
    `MOST_PROBLEMS`.
    """

    problems: tuple[Problem, ...]
    checked: int
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class OnFile:
    """What is known besides the files: the names of an organisation's record types (None: no organisation is
    meant), those of the published bases, the published texts (None: nothing is published), and the names of
    the declared attributes that record types on file and published bases have.
    """

    record_types: frozenset[str] | None = None
    bases: frozenset[str] = frozenset()
    texts: Messages | None = None
    attributes: frozenset[str] = frozenset()


NOTHING_ON_FILE: Final = OnFile()

_Declared = dict[str, tuple[PolicyFile, Attribute]]
"""By path, with the file that declares it."""


@dataclass(slots=True)
class Findings:
    """What was found so far, and how many files were looked at."""

    problems: list[Problem] = field(default_factory=list)
    checked: int = 0

    @property
    def left(self) -> int:
        """How much more is told: nobody mends more in one go."""
        return max(0, MOST_PROBLEMS - len(self.problems))

    @property
    def enough(self) -> bool:
        return self.left == 0


def validate(
    documents: tuple[PolicyFile, ...],
    base_types: tuple[PolicyFile, ...],
    messages: tuple[PolicyFile, ...] = (),
    on_file: OnFile = NOTHING_ON_FILE,
    *,
    attributes: tuple[PolicyFile, ...] = (),
) -> Validation:
    """Check each file, and then whether they make a set. Policies may name the `attributes` that stand beside
    them. Where `messages/en.yaml` is among them, `messages`
    have a text for whatever the documents need one for; without it the files are part of a set.
    """
    found = Findings()
    declared = _read_attributes(attributes, found)
    catalogue = _extended(declared, found)
    parsed = tuple(read_documents(documents, catalogue, found))
    bases = _check_base_types(base_types, catalogue, found)
    texts = _check_messages(messages, parsed, found)
    check_uids(parsed, found)
    if not found.problems:
        try:
            compile_set((document for _, document in parsed), catalogue)
        except PolicySetError as error:
            found.problems.append(Problem("", 0, error.message))
    if messages and not is_part(file.name for file in messages):
        on_file = replace(on_file, texts=None)  # a reason without a text was refused
    names = frozenset(base.name for base in bases)
    warnings = (
        *_warnings(parsed, names, texts, on_file, catalogue),
        *_had_by_nothing(declared, bases, on_file),
    )
    return Validation(tuple(found.problems), found.checked, warnings[: found.left])


def _warnings(
    parsed: tuple[tuple[PolicyFile, PolicyDocument], ...],
    bases: frozenset[str],
    texts: Messages | None,
    on_file: OnFile,
    catalogue: Catalogue,
) -> Iterator[Problem]:
    record_types = None
    if on_file.record_types is not None:
        record_types = RecordTypes(on_file.record_types, bases | on_file.bases)
    found = [
        Problem(warned.file, warned.line, warned.text)
        for warned in lint(
            ((file.name, document) for file, document in parsed),
            record_types=record_types,
            catalogue=catalogue,
        )
    ]
    if on_file.texts is not None:
        known = [on_file.texts] if texts is None else [on_file.texts, texts]
        found += [
            Problem(file.name, _line(file, "reason"), _NO_TEXT.format(document.reason))
            for file, document in parsed
            if document.tier is not None
            and document.tier.effect is Effect.DENY
            and not any(each.texts([document.reason], FALLBACK) for each in known)
        ]
    order = {file.name: number for number, (file, _) in enumerate(parsed)}
    yield from sorted(found, key=lambda each: (order[each.file], each.line))


_NO_TEXT: Final = (
    "reason: no text for `{}`, neither among these files nor in what is published: people who are denied are "
    "owed a sentence, so write one in `messages/own/en.yaml`"
)


def _had_by_nothing(declared: _Declared, bases: tuple[RecordType, ...], on_file: OnFile) -> Iterator[Problem]:
    """Warn of attributes that no record type names; which there are only an organisation's token tells."""
    if on_file.record_types is None:
        return
    has = on_file.attributes.union(*(base.attributes for base in bases))
    of_records = names_of((attribute for _, attribute in declared.values()), Owner.RECORD)
    for name, attribute in of_records.items():
        if name not in has:
            file, _ = declared[attribute.path]
            yield Problem(file.name, _line(file, "name"), _NO_TYPE.format(name))


_NO_TYPE: Final = (
    "name: no record type names `{}`, so that no record can have it: name it below `attributes` of a base "
    "type, or, once this is published, with one of your record types"
)


def read_declared(files: tuple[PolicyFile, ...], found: Findings) -> Catalogue:
    """What the policies beside these declarations may name; of what is declared twice the first counts."""
    return _extended(_read_attributes(files, found), found)


def _read_attributes(files: tuple[PolicyFile, ...], found: Findings) -> _Declared:
    first: _Declared = {}
    for file in files:
        if found.enough:
            break
        found.checked += 1
        try:
            attribute = parse_attribute(file.text, name=file.name)
        except PolicyDocumentError as error:
            found.problems += problems_of(error)
            continue
        before, _ = first.setdefault(attribute.path, (file, attribute))
        if before is not file:
            text = (
                f"name: `{attribute.path}` is declared in {_at(before, 'name')} as well: keep one of the two"
            )
            found.problems.append(Problem(file.name, _line(file, "name"), text))
    return first


def _extended(declared: _Declared, found: Findings) -> Catalogue:
    try:
        return CATALOGUE.extended(check_set(attribute for _, attribute in declared.values()))
    except PolicySetError as error:
        found.problems.append(Problem("", 0, error.message))
        return CATALOGUE


def read_documents(
    files: tuple[PolicyFile, ...], catalogue: Catalogue, found: Findings
) -> Iterator[tuple[PolicyFile, PolicyDocument]]:
    for file in files:
        if found.enough:
            return
        found.checked += 1
        try:
            yield file, parse_document(file.text, name=file.name, catalogue=catalogue)
        except PolicyDocumentError as error:
            found.problems += problems_of(error)


def _check_base_types(
    files: tuple[PolicyFile, ...], catalogue: Catalogue, found: Findings
) -> tuple[RecordType, ...]:
    """Give those that can be read."""
    first: dict[str, str] = {}
    bases: list[RecordType] = []
    for file in files:
        if found.enough:
            break
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
            bases.append(base)
            if (fault := attribute_fault(base, catalogue)) is not None:
                found.problems.append(Problem(file.name, _line(file, "attributes"), fault))
    return tuple(bases)


def _check_messages(
    files: tuple[PolicyFile, ...], parsed: tuple[tuple[PolicyFile, PolicyDocument], ...], found: Findings
) -> Messages | None:
    """Give the texts, if there are any and they are right."""
    if not files or found.enough:
        return None
    found.checked += len(files)
    catalogues = [(file.name, file.text) for file in files]
    part = is_part(file.name for file in files)
    try:
        texts = parse_messages(catalogues, part=part)
        if not part:
            check_complete(catalogues, (document for _, document in parsed))
    except PolicyDocumentError as error:
        found.problems += problems_of(error)[: MOST_PROBLEMS - len(found.problems)]
        return None
    return texts


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
