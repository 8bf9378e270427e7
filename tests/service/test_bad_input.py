"""Whatever is sent to control is parsed, or refused by a field, a reason and a text that repeat nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from policy_service.api.v1 import (
    access_pb2,
    casework_pb2,
    decision_log_pb2,
    people_pb2,
    policy_pb2,
    record_pb2,
)
from policy_service.api.v1 import privacy_request_pb2 as requests_pb
from policy_service.model.errors import InvalidArgumentError
from policy_service.server import (
    convert_access,
    convert_casework,
    convert_log,
    convert_people,
    convert_policies,
    convert_records,
    convert_requests,
)

Parse = Callable[[bytes], object]

MESSAGES: dict[type[Message], Parse] = {
    people_pb2.PutPersonRequest: convert_people.parse_put_person,
    people_pb2.PutRelationshipRequest: convert_people.parse_put_relationship,
    people_pb2.PutContactPointRequest: convert_people.parse_put_contact_point,
    record_pb2.PutRecordTypeRequest: convert_records.parse_put_record_type,
    record_pb2.PutArtefactTypeRequest: convert_records.parse_put_artefact_type,
    people_pb2.GetPersonRequest: convert_people.parse_get_person,
    record_pb2.PutRecordRequest: convert_records.parse_put_record,
    record_pb2.DeclareContentsRequest: convert_records.parse_declare_contents,
    record_pb2.GetRecordRequest: convert_records.parse_get_record,
    record_pb2.ListRecordTypesRequest: convert_records.parse_list_record_types,
    casework_pb2.GrantOverrideRequest: convert_casework.parse_grant_override,
    casework_pb2.EndOverrideRequest: convert_casework.parse_end_override,
    casework_pb2.RecordOrderRequest: convert_casework.parse_record_order,
    casework_pb2.EndOrderRequest: convert_casework.parse_end_order,
    casework_pb2.ListOverridesRequest: convert_casework.parse_list_overrides,
    casework_pb2.ListOrdersRequest: convert_casework.parse_list_orders,
    requests_pb.PrivacyRequestServiceRecordRequest: convert_requests.parse_record,
    requests_pb.PrivacyRequestServiceGetRequest: convert_requests.parse_get,
    requests_pb.PrivacyRequestServiceListRequest: convert_requests.parse_list,
    access_pb2.PutSystemRequest: convert_access.parse_put_system,
    access_pb2.PutUserRequest: convert_access.parse_put_user,
    access_pb2.GetUserRequest: convert_access.parse_get_user,
    access_pb2.ListUsersRequest: convert_access.parse_list_users,
    access_pb2.IssueTokenRequest: convert_access.parse_issue_token,
    access_pb2.RevokeTokenRequest: convert_access.parse_revoke_token,
    access_pb2.ListSystemsRequest: convert_access.parse_list_systems,
    access_pb2.ListTokensRequest: convert_access.parse_list_tokens,
    decision_log_pb2.DecisionLogServiceGetRequest: convert_log.parse_get,
    decision_log_pb2.DecisionLogServiceSearchRequest: convert_log.parse_search,
    decision_log_pb2.DecisionLogServiceFollowRequest: convert_log.parse_follow,
    policy_pb2.PolicyServiceValidateRequest: convert_policies.parse_validate,
    policy_pb2.PolicyServiceTestRequest: convert_policies.parse_test,
    policy_pb2.PolicyServiceListRequest: convert_policies.parse_list,
    policy_pb2.PolicyServiceGetRequest: convert_policies.parse_get,
    policy_pb2.PolicyServiceListAttributesRequest: convert_policies.parse_list_attributes,
}
KINDS = pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.DESCRIPTOR.name)

WORDS = [
    "private",
    "adverse_to",
    "phone",
    "do_not_share",
    "see",
    "care",
    "subject",
    "staff",
    "2026-03-29",
    "a:1",
]
TEXTS = st.one_of(st.sampled_from(WORDS), st.text(max_size=40), st.text(min_size=250, max_size=300))


@dataclass(frozen=True)
class Filler:
    """Fills messages of any kind from hypothesis's draws."""

    draw: Callable[[st.SearchStrategy[Any]], Any]

    def fill(self, message: Message) -> Message:
        for field in message.DESCRIPTOR.fields:
            if field.is_repeated:
                for _ in range(self.draw(st.sampled_from([0, 1, 1, 2, 70]))):
                    if field.type == FieldDescriptor.TYPE_MESSAGE:
                        self.fill(getattr(message, field.name).add())
                    else:
                        getattr(message, field.name).append(self.draw(TEXTS))
            elif field.type == FieldDescriptor.TYPE_MESSAGE:
                self.fill(getattr(message, field.name))
            elif field.type == FieldDescriptor.TYPE_STRING:
                setattr(message, field.name, self.draw(TEXTS))
            elif field.type == FieldDescriptor.TYPE_BOOL:
                setattr(message, field.name, self.draw(st.booleans()))
            elif field.type == FieldDescriptor.TYPE_UINT32:
                setattr(message, field.name, self.draw(st.integers(0, 2**32 - 1)))
            elif field.type == FieldDescriptor.TYPE_BYTES:
                setattr(message, field.name, self.draw(st.binary(max_size=40)))
            elif field.type == FieldDescriptor.TYPE_INT32:
                setattr(message, field.name, self.draw(st.integers(-(2**31), 2**31 - 1)))
        return message


@KINDS
@given(data=st.binary(max_size=200))
def test_any_bytes(message: type[Message], data: bytes) -> None:
    judge(MESSAGES[message], data)


@KINDS
@given(data=st.data())
def test_any_message(message: type[Message], data: st.DataObject) -> None:
    filled = Filler(data.draw).fill(message())
    judge(MESSAGES[message], filled.SerializeToString())


_OF_A_NEWER_VERSION = b"\xba\x3e\x01a"
"""Field 999, with the text `a`."""

UNREADABLE = {"cut off": b"\x0a\xff", "nested for ever": b"\x9b\x06" * 5_000}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE)
@KINDS
def test_bytes_that_are_no_message(message: type[Message], data: bytes) -> None:
    refused = refusal(MESSAGES[message], data)
    assert refused is not None
    assert (refused.field, refused.reason) == ("", "UNREADABLE_MESSAGE")


@KINDS
def test_a_text_that_is_no_utf_8_wherever_it_stands(message: type[Message]) -> None:
    for name, whole in _with_a_text(message, "QZ"):
        data = whole.SerializeToString()
        assert data.count(b"QZ") == 1
        refused = refusal(MESSAGES[message], data.replace(b"QZ", b"\xc3\x28"))
        assert refused is not None, name
        assert (refused.field, refused.reason) == ("", "UNREADABLE_MESSAGE"), name


@KINDS
def test_a_field_of_a_newer_version_is_refused_wherever_it_stands(message: type[Message]) -> None:
    """A restriction that a newer caller puts on file would be dropped without a word."""
    for number in range(len(list(_filled(message())))):
        whole = message()
        part = list(_filled(whole))[number]
        part.MergeFromString(_OF_A_NEWER_VERSION)
        refused = refusal(MESSAGES[message], whole.SerializeToString())
        assert refused is not None, part.DESCRIPTOR.name
        assert (refused.field, refused.reason) == ("", "UNKNOWN_FIELDS"), part.DESCRIPTOR.name


def _filled(message: Message) -> Iterator[Message]:
    """The message and every message that can stand inside it, each there once."""
    yield message
    for field in message.DESCRIPTOR.fields:
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            inner = getattr(message, field.name)
            if field.is_repeated:
                inner = inner.add()
            inner.SetInParent()
            yield from _filled(inner)


def _with_a_text(message: type[Message], text: str) -> Iterator[tuple[str, Message]]:
    """For each text that can stand in the message: its name, and the message with `text` there alone."""
    for number, example in enumerate(_filled(message())):
        for field in example.DESCRIPTOR.fields:
            if field.type == FieldDescriptor.TYPE_STRING:
                whole = message()
                part = list(_filled(whole))[number]
                if field.is_repeated:
                    getattr(part, field.name).append(text)
                else:
                    setattr(part, field.name, text)
                yield field.full_name, whole


def refusal(parse: Parse, data: bytes) -> InvalidArgumentError | None:
    try:
        parse(data)
    except InvalidArgumentError as error:
        return error
    return None


def judge(parse: Parse, data: bytes) -> None:
    refused = refusal(parse, data)
    if refused is not None:
        assert refused.reason == refused.reason.upper()
        assert refused.message[0] == "`" or refused.message[0].islower()
        assert not refused.message.endswith(".")
        assert "\n" not in refused.message


@pytest.mark.parametrize("canary", ["canary-0fb2", "canary:0fb2", "canary\x00", "c" * 2_000])
@KINDS
def test_no_text_repeats_a_value(message: type[Message], canary: str) -> None:
    def fill(into: Message) -> None:
        for field in into.DESCRIPTOR.fields:
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                inner = getattr(into, field.name)
                if field.is_repeated:
                    inner = inner.add()
                elif isinstance(inner, Timestamp):
                    continue
                fill(inner)
            elif field.type == FieldDescriptor.TYPE_STRING:
                if field.is_repeated:
                    getattr(into, field.name).append(canary)
                else:
                    setattr(into, field.name, canary)

    request = message()
    fill(request)
    refused = refusal(MESSAGES[message], request.SerializeToString())
    assert refused is None or canary not in f"{refused.message} {refused.field} {refused.reason}"
