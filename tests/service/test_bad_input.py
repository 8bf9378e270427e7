"""Whatever is sent to control is parsed, or refused by a field, a reason and a text that repeat nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_service.model.errors import InvalidArgumentError
from policy_service.server.handlers import Method
from policy_service.server.servicers_access import access_methods
from policy_service.server.servicers_casework import casework_methods
from policy_service.server.servicers_log import log_methods
from policy_service.server.servicers_people import people_methods
from policy_service.server.servicers_policies import policy_methods
from policy_service.server.servicers_records import record_methods
from policy_service.server.servicers_requests import request_methods
from policy_service.server.servicers_retention import retention_methods
from policy_service.server.tails import TailMethod
from tests.support.every_service import OF_CONTROL

Parse = Callable[[bytes], object]


class _Any:
    """Has whatever it is asked for: nothing of it is called here."""

    def __getattr__(self, name: str) -> Any:
        return self


def _served() -> Iterator[Method[Any, Any] | TailMethod[Any, Any]]:
    """Every method of control, as the edge has it."""
    it: Any = _Any()
    yield from (*access_methods(it), *casework_methods(it), *log_methods(it, it, it), *people_methods(it))
    yield from (*policy_methods(it, it), *record_methods(it), *request_methods(it))
    yield from retention_methods(it, it)


PARSE: dict[str, Parse] = {f"{method.service}/{method.name}": method.parse for method in _served()}
MESSAGES: dict[type[Message], Parse] = {
    GetMessageClass(method.input_type): PARSE[f"{service.name}/{method.name}"]
    for service in OF_CONTROL
    for method in service.methods
}
"""What each method of the protos is sent; one without a row in `PARSE` fails this module."""
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
LONG = st.builds(
    lambda text, length: (text * length)[:length], st.text(min_size=1, max_size=10), st.integers(250, 300)
)
"""Longer than any text may be. A few characters are drawn, and repeated: each one drawn takes its time."""
TEXTS = st.one_of(st.sampled_from(WORDS), st.text(max_size=40), LONG)

FEW = 2


@dataclass(frozen=True)
class Filler:
    """Fills messages of any kind from hypothesis's draws."""

    draw: st.DrawFn
    counts: tuple[int, ...] = (0, 1, 1, 2, 70)
    """Of a list."""

    def fill(self, message: Message) -> Message:
        for field in message.DESCRIPTOR.fields:
            if field.is_repeated:
                self.fill_list(field, getattr(message, field.name))
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

    def fill_list(self, field: Any, list_of: Any) -> None:
        """Of the long lists the first few are drawn, and repeated: drawn whole they would be more than an
        example may have. A long list stands in no other long one: one of megabytes shows no more.
        """
        count = self.draw(st.sampled_from(self.counts))
        within = self if count <= FEW else replace(self, counts=(0, 1, 1, 2))
        for number in range(count):
            if number >= FEW:
                list_of.append(list_of[number % FEW])
            elif field.type == FieldDescriptor.TYPE_MESSAGE:
                within.fill(list_of.add())
            else:
                list_of.append(self.draw(TEXTS))


@st.composite
def filled(draw: st.DrawFn, message: type[Message]) -> bytes:
    return Filler(draw).fill(message()).SerializeToString()


PARTS = pytest.mark.parametrize("part", [4, pytest.param(1, marks=pytest.mark.torture, id="all")])
"""Of a profile's examples one in so many is tried; by `make fuzz` each, and by `make torture`."""


def judge_some(parse: Parse, part: int, some: st.SearchStrategy[bytes]) -> None:
    whole = settings().max_examples

    @settings(max_examples=whole if settings.get_current_profile_name() == "fuzz" else whole // part)
    @given(some)  # not `st.data()`, whose draws take several times as long
    def judged(data: bytes) -> None:
        judge(parse, data)

    judged()


@PARTS
@KINDS
@pytest.mark.hypothesis
def test_any_bytes(message: type[Message], part: int) -> None:
    judge_some(MESSAGES[message], part, st.binary(max_size=200))


@PARTS
@KINDS
@pytest.mark.hypothesis
def test_any_message(message: type[Message], part: int) -> None:
    judge_some(MESSAGES[message], part, filled(message))


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
        part = _part(whole, number)
        part.MergeFromString(_OF_A_NEWER_VERSION)
        refused = refusal(MESSAGES[message], whole.SerializeToString())
        assert refused is not None, part.DESCRIPTOR.name
        assert (refused.field, refused.reason) == ("", "UNKNOWN_FIELDS"), part.DESCRIPTOR.name


def _filled(message: Message) -> Iterator[Message]:
    """The message and every message that can stand inside it, each there once as it is given."""
    yield message
    for field in message.DESCRIPTOR.fields:
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            inner = getattr(message, field.name)
            if field.is_repeated:
                inner = inner.add()
            inner.SetInParent()
            yield from _filled(inner)


def _part(message: Message, number: int) -> Message:
    """Of those that `_filled` gives; what follows is left out, since it may stand instead of this one."""
    return next(itertools.islice(_filled(message), number, None))


def _with_a_text(message: type[Message], text: str) -> Iterator[tuple[str, Message]]:
    """For each text that can stand in the message: its name, and the message with `text` there alone."""
    for number, example in enumerate(_filled(message())):
        for field in example.DESCRIPTOR.fields:
            if field.type == FieldDescriptor.TYPE_STRING:
                whole = message()
                part = _part(whole, number)
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
