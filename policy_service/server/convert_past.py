"""The past in messages: which facts a reading is to look at, and what every version in a history says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from typing import Literal, Protocol, TypeVar

from policy_service.api.v1 import past_pb2 as pb
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import Fact
from policy_service.server.bounds import text
from policy_service.server.convert_writes import page_of, timestamp
from policy_service.service.history import HistoryOf, Version
from policy_service.service.pages import PageAsked
from policy_service.service.past import AsOf

T = TypeVar("T")

MAX_FACTS_TOKEN = 128


class Earlier(Protocol):
    """A message that may ask for earlier facts."""

    @property
    def as_of(self) -> pb.AsOf: ...

    def HasField(self, field_name: Literal["as_of"]) -> bool: ...  # noqa: N802 - protobuf's name


class EarlierPage(Earlier, Protocol):
    """As `Earlier`, of a list."""

    page_size: int
    page_token: str


class OneOfSeveral(Protocol):
    """A message that asks for the history of one of several kinds."""

    page_size: int
    page_token: str

    def WhichOneof(self, oneof_group: Literal["what"]) -> str | None: ...  # noqa: N802 - protobuf's name


def as_of(request: Earlier) -> AsOf | None:
    """Which facts; None for those on file now."""
    if not request.HasField("as_of"):
        return None
    asked = request.as_of
    match asked.WhichOneof("at"):
        case "facts_token":
            field = "as_of.facts_token"
            return AsOf(text(asked.facts_token, field, limit=MAX_FACTS_TOKEN, required=True))
        case "moment":
            try:
                return AsOf(moment=asked.moment.ToDatetime(tzinfo=UTC))
            except (ValueError, OverflowError):
                raise InvalidArgumentError(
                    "as_of.moment", "BAD_TIME", "`as_of.moment` is no moment of the years 1 to 9999"
                ) from None
        case None:
            raise InvalidArgumentError(
                "as_of", "REQUIRED", "`as_of` names no facts: give `facts_token` or `moment`, or leave it out"
            )


def earlier_page_of(request: EarlierPage) -> PageAsked:
    """A page of a list that may be of earlier facts."""
    return replace(page_of(request), as_of=as_of(request))


def history_of(request: OneOfSeveral, kinds: Mapping[str, type[Fact]]) -> HistoryOf:
    """The history that a message asks for, where `kinds` says of what kind each field of its oneof is."""
    field = request.WhichOneof("what")
    if field is None:
        names = " or ".join(f"`{name}`" for name in kinds)
        raise InvalidArgumentError("what", "REQUIRED", f"the message names nothing: give {names}")
    return HistoryOf(text(getattr(request, field), field, required=True), kinds[field], page_of(request))


def version_message(version: Version[T]) -> pb.FactVersion:
    return pb.FactVersion(
        facts_token=version.facts_token,
        committed_at=timestamp(version.committed_at),
        actor=version.actor,
        reason=version.reason,
        changed=version.changed,
        removed=version.fact is None and not version.erased,
        erased=version.erased,
    )
