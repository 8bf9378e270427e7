"""A policy set: from files to a fact, and from the fact to what decides.

A set is the policy documents, the attributes that it declares, the base types that record types extend and
the messages that are told, published together as the texts that were read. Its id is the hash of those texts,
so that equal files are one set wherever they were read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from policy_service.engine import strict_yaml
from policy_service.engine.catalogue import CATALOGUE, Catalogue
from policy_service.engine.compile import Plan, compile_set
from policy_service.engine.declared import Owner, check_set, names_of, parse_attribute
from policy_service.engine.documents import parse_document
from policy_service.engine.errors import PolicySetError
from policy_service.facts.gather.base_types import parse_base_type
from policy_service.model.facts import INSTALLATION, FiledPolicySet, PolicySet, RecordType
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
from policy_service.model.spelling import perhaps
from policy_service.service.message_files import check_complete, parse_messages
from policy_service.service.messages import Messages


class PolicySetUnreadableError(Exception):
    """A directory of policies cannot be read as a set; the message names the file and says what to mend."""


@dataclass(frozen=True, slots=True)
class PublishedPolicies:
    """A set as decisions use it: compiled, immutable."""

    policy_set_id: str
    plan: Plan
    base_types: Mapping[str, RecordType]
    messages: Messages


def shipped_policy_set(directory: Path) -> PolicySet:
    """Read the `*.yaml` files below `directory` as a set; those below `attributes` declare attributes, those
    below `base_types` are base types, those below `messages` catalogues of messages, and those below `tests`
    no part of it.

    Raises `PolicySetUnreadableError` where a file cannot be read or would be passed over,
    `PolicyDocumentError`, `BaseTypeError` or `PolicySetError` where the set would not compile, or where a
    reason has no text.
    """
    passed_over = sorted(file for file in directory.rglob("*") if is_passed_over(file))
    if passed_over:
        named = passed_over[0].relative_to(directory)
        raise PolicySetUnreadableError(f"`{directory.name}`: `{named}` would be passed over: {RENAME}")
    files = sorted(
        file
        for file in directory.rglob(f"*{SUFFIX}")
        if file.relative_to(directory).parts[0] != CASES or file.parent == directory
    )
    if not files or len(files) > MAX_FILES:
        raise PolicySetUnreadableError(
            f"`{directory.name}`: expected 1 to {MAX_FILES} files that end in `.yaml`"
        )
    try:
        # The bytes as they are, line ends too: what is published is the files.
        texts = [
            (file.relative_to(directory).as_posix(), file.read_bytes().decode("utf-8")) for file in files
        ]
    except (OSError, UnicodeDecodeError) as error:
        raise PolicySetUnreadableError(f"`{directory.name}`: a file cannot be read as UTF-8 text") from error
    found = set_of(texts)
    check_whole(found)
    return found


def set_of(texts: Iterable[tuple[str, str]]) -> PolicySet:
    """Make a set of (path from its folder, text) of each file, right or wrong, in whatever order."""
    in_order = sorted(texts, key=lambda pair: file_order(pair[0]))
    below: dict[str, list[tuple[str, str]]] = {BASE_TYPES: [], MESSAGES: [], ATTRIBUTES: []}
    documents: list[tuple[str, str]] = []
    for pair in in_order:
        folder, slash, _ = pair[0].partition("/")
        below.get(folder if slash else "", documents).append(pair)
    return PolicySet(
        policy_set_id(in_order),
        INSTALLATION,
        tuple(documents),
        tuple(below[BASE_TYPES]),
        tuple(below[MESSAGES]),
        tuple(below[ATTRIBUTES]),
    )


def files_of(policy_set: PolicySet | FiledPolicySet) -> tuple[tuple[str, str], ...]:
    """(file name, text) of every file, in their order: what `set_of` makes the set of."""
    texts = (*policy_set.documents, *policy_set.base_types, *policy_set.messages, *policy_set.attributes)
    return tuple(sorted(texts, key=lambda pair: file_order(pair[0])))


def to_file(
    policy_set: PolicySet, cases: Iterable[tuple[str, str]] = (), *, tried: int = 0
) -> FiledPolicySet:
    """The same set, as it is kept on file, with the cases that it was tried on."""
    texts = {field.name: getattr(policy_set, field.name) for field in fields(PolicySet)}
    return FiledPolicySet(**texts, cases=tuple(sorted(cases)), tried=tried)


def to_publish(filed: FiledPolicySet) -> PolicySet:
    """The same set, as it is published."""
    return PolicySet(*(getattr(filed, field.name) for field in fields(PolicySet)))


def check_whole(policy_set: PolicySet) -> None:
    """Compile a set, and refuse it where a reason has no text. Raises as `shipped_policy_set`."""
    check_complete(policy_set.messages, published(policy_set).plan.documents)


def policy_set_id(texts: Iterable[tuple[str, str]]) -> str:
    """The id of a set, from the (file name, text) of each of its files in the order of their names."""
    digest = hashlib.sha256()
    for name, text in texts:
        for part in (name, text):
            digest.update(len(part.encode()).to_bytes(8, "big") + part.encode())
    return f"set-{digest.hexdigest()[:32]}"


def read_base_type(text: str, *, name: str) -> RecordType:
    """Read one base type, as strictly as a policy: YAML that can be read in one way only.

    Raises `PolicyDocumentError` for what is no such YAML, `BaseTypeError` for what it says.
    """
    strict_yaml.read(text, name=name, what="a base type", first_key="name")
    return parse_base_type(text, name=name)


def base_types(policy_set: PolicySet) -> Mapping[str, RecordType]:
    """The base types of a set, by name."""
    found: dict[str, RecordType] = {}
    for name, text in policy_set.base_types:
        base = read_base_type(text, name=name)
        if base.name in found:
            raise PolicySetError(f"base type `{base.name}` is in the set twice")
        found[base.name] = base
    return MappingProxyType(found)


@lru_cache(4)
def catalogue_of(policy_set: PolicySet) -> Catalogue:
    """What the policies of a set may name: what the service works out, and what the set declares."""
    declared = (parse_attribute(text, name=name) for name, text in policy_set.attributes)
    return CATALOGUE.extended(check_set(declared))


def attribute_fault(base: RecordType, catalogue: Catalogue) -> str | None:
    """Say which attribute a base type names that the set does not declare of records, or None."""
    known = names_of(catalogue, Owner.RECORD)
    for i, name in enumerate(base.attributes):
        if name not in known:
            return f"attributes[{i}]: the set declares no attribute `{name}` of records{perhaps(name, known)}"
    return None


@lru_cache(4)
def published(policy_set: PolicySet) -> PublishedPolicies:
    """Compile a set. It takes some 100 ms, and is remembered: what comes of it is never altered."""
    catalogue, bases = catalogue_of(policy_set), base_types(policy_set)
    for base in bases.values():
        if (fault := attribute_fault(base, catalogue)) is not None:
            raise PolicySetError(f"base type `{base.name}`: {fault}")
    documents = [parse_document(text, name=name, catalogue=catalogue) for name, text in policy_set.documents]
    return PublishedPolicies(
        policy_set.policy_set_id,
        compile_set(documents, catalogue),
        bases,
        parse_messages(policy_set.messages),
    )
