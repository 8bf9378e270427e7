"""PolicyService on whole sets: its messages → what the use cases ask, and their answers → messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from policy_service.api.v1 import policy_pb2 as pb
from policy_service.facts.policy_history import Stood
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.set_files import CASES, MAX_FILES, SUFFIX
from policy_service.server.bounds import count, read_message, text, unique
from policy_service.server.convert_past import as_of, earlier_page_of, version_message
from policy_service.server.convert_policy_test import MAX_DETAIL_BYTES
from policy_service.server.convert_writes import keyed_note_of, page_of, timestamp
from policy_service.service.asking import Done, Listed
from policy_service.service.history import HistoryOf, Version
from policy_service.service.pages import MAX_TOKEN, PageAsked
from policy_service.service.policy_diff import FileChange
from policy_service.service.policy_sets import Diff, Differences, GetSet, ListSets, SetFiles, SetOnFile
from policy_service.service.publishing import Publish, PutSet, Rollback
from policy_service.service.validate_policies import PolicyFile

_MOST_BYTES_OF_A_NAME: Final = 200
"""Of each part of a path; file systems take 255, and somebody may want to add to it."""


def parse_put_set(data: bytes) -> PutSet:
    """The files' texts are judged by the use case."""
    message = read_message(pb.PolicyServicePutSetRequest, data)
    count([*message.files, *message.cases], "files", MAX_FILES)
    if not message.files:
        raise InvalidArgumentError("files", "REQUIRED", "`files` must not be empty")
    files = _set_files(message.files)
    cases = tuple(
        PolicyFile(_inside(file.name, f"cases[{i}].name"), file.text) for i, file in enumerate(message.cases)
    )
    unique([file.name for file in (*files, *cases)], "cases", "name")
    # As they are written below the folder of cases, where both would be one file.
    unique([file.name.removeprefix(f"{CASES}/") for file in cases], "cases", "name")
    return PutSet(files, cases, keyed_note_of(message))


def parse_publish(data: bytes) -> Publish:
    message = read_message(pb.PolicyServicePublishRequest, data)
    return Publish(
        text(message.policy_set, "policy_set", required=True),
        text(message.expected, "expected", required=True),
        keyed_note_of(message),
    )


def parse_rollback(data: bytes) -> Rollback:
    message = read_message(pb.PolicyServiceRollbackRequest, data)
    return Rollback(
        text(message.policy_set, "policy_set"),
        text(message.expected, "expected", required=True),
        keyed_note_of(message),
        despite_cases=message.despite_cases,
    )


def parse_diff(data: bytes) -> Diff:
    message = read_message(pb.PolicyServiceDiffRequest, data)
    count(message.files, "files", MAX_FILES)
    asked = Diff(
        text(message.before, "before"),
        text(message.after, "after"),
        _set_files(message.files),
        as_of(message),
    )
    if asked.after and asked.files:
        raise InvalidArgumentError(
            "after", "AFTER_CONFLICT", "`after` and `files` are two things to compare with: send one"
        )
    return asked


def parse_list_sets(data: bytes) -> ListSets:
    return ListSets(earlier_page_of(read_message(pb.PolicyServiceListSetsRequest, data)))


def parse_get_set(data: bytes) -> GetSet:
    message = read_message(pb.PolicyServiceGetSetRequest, data)
    page = PageAsked(0, text(message.page_token, "page_token", limit=MAX_TOKEN), as_of(message))
    return GetSet(text(message.policy_set, "policy_set"), page)


def parse_history(data: bytes) -> HistoryOf:
    message = read_message(pb.PolicyServiceHistoryRequest, data)
    return HistoryOf(text(message.policy_set, "policy_set"), page=page_of(message))


def put_set_response(done: Done[str]) -> bytes:
    return pb.PolicyServicePutSetResponse(
        policy_set=done.answer, facts_token=done.facts_token
    ).SerializeToString()


def publish_response(done: Done[str]) -> bytes:
    return pb.PolicyServicePublishResponse(
        policy_set=done.answer, facts_token=done.facts_token
    ).SerializeToString()


def rollback_response(done: Done[str]) -> bytes:
    return pb.PolicyServiceRollbackResponse(
        policy_set=done.answer, facts_token=done.facts_token
    ).SerializeToString()


def diff_response(found: Differences) -> bytes:
    """Every change; diffs as far as an answer has room for them."""
    message = pb.PolicyServiceDiffResponse(before=found.before, after=found.after, published=found.published)
    left = MAX_DETAIL_BYTES
    for change in found.changes:
        left -= len(change.diff.encode())
        message.changes.append(_change(change, shown=left >= 0))
    return message.SerializeToString()


def list_sets_response(listed: Listed[SetOnFile]) -> bytes:
    return pb.PolicyServiceListSetsResponse(
        policy_sets=[_on_file(each) for each in listed.items], next_page_token=listed.next_page_token
    ).SerializeToString()


def get_set_response(found: SetFiles) -> bytes:
    return pb.PolicyServiceGetSetResponse(
        policy_set=_on_file(found.on_file),
        files=[pb.PolicyFile(name=file.name, text=file.text) for file in found.files.items],
        next_page_token=found.files.next_page_token,
        cases=[pb.PolicyFile(name=file.name, text=file.text) for file in found.cases],
    ).SerializeToString()


def history_response(listed: Listed[Version[str]]) -> bytes:
    return pb.PolicyServiceHistoryResponse(
        versions=[
            pb.PolicyServiceVersion(version=version_message(each), published=each.fact or "")
            for each in listed.items
        ],
        next_page_token=listed.next_page_token,
    ).SerializeToString()


def _set_files(messages: Sequence[pb.PolicyFile]) -> tuple[PolicyFile, ...]:
    """Files whose names are paths below one folder, so that they can be written there again."""
    files = tuple(
        PolicyFile(_path(message.name, f"files[{i}].name"), message.text)
        for i, message in enumerate(messages)
    )
    names = [file.name for file in files]
    unique(names, "files", "name")
    taken = frozenset(names)
    for i, name in enumerate(names):
        parts = name.split("/")
        if any("/".join(parts[:end]) in taken for end in range(1, len(parts))):
            raise _bad_path(f"files[{i}].name", "is below a name that is a file's")
    return files


def _inside(name: str, field: str) -> str:
    """A name by which a file can be written below a folder."""
    text(name, field, required=True)
    parts = name.split("/")
    if any(part in {"", ".", ".."} or "\\" in part for part in parts):
        raise _bad_path(field, "is no path from the set's folder, such as `disclosure/own/refuge.yaml`")
    if any(len(part.encode()) > _MOST_BYTES_OF_A_NAME for part in parts):
        raise _bad_path(field, f"has a part of more than {_MOST_BYTES_OF_A_NAME} bytes: shorten it")
    return name


def _path(name: str, field: str) -> str:
    parts = _inside(name, field).split("/")
    if not name.endswith(SUFFIX):
        raise _bad_path(field, f"does not end in `{SUFFIX}`: the service reads no other")
    if parts[-1] == SUFFIX:
        raise _bad_path(field, f"has no name in front of `{SUFFIX}`")
    if parts[0] == CASES and len(parts) > 1:
        raise _bad_path(field, f"is below `{CASES}`: cases are no part of a set, send them as `cases`")
    return name


def _bad_path(field: str, why: str) -> InvalidArgumentError:
    return InvalidArgumentError(field, "BAD_PATH", f"`{field}` {why}")


def _change(change: FileChange, *, shown: bool) -> pb.PolicyFileChange:
    return pb.PolicyFileChange(name=change.name, change=change.kind, diff=change.diff if shown else "")


def _on_file(policy_set: SetOnFile) -> pb.PolicySetOnFile:
    return pb.PolicySetOnFile(
        policy_set=policy_set.policy_set_id,
        is_published=policy_set.is_published,
        filed_at=timestamp(policy_set.filed_at),
        filed_by=policy_set.filed_by,
        reason=policy_set.reason,
        publications=[_publication(each) for each in policy_set.publications],
        tried=policy_set.tried,
    )


def _publication(stood: Stood) -> pb.PolicyPublication:
    return pb.PolicyPublication(
        published_at=timestamp(stood.at),
        published_by=stood.actor,
        reason=stood.reason,
        ended_at=timestamp(stood.ended_at),
    )
