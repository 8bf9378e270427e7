"""Puts the example world on file. Doing it again changes nothing that is as the files say."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from pydantic import BaseModel

from policy_service.api.v1 import access_pb2, casework_pb2, people_pb2, privacy_request_pb2, record_pb2
from policy_service.api.v1.access_pb2_grpc import AccessServiceStub
from policy_service.api.v1.casework_pb2_grpc import CaseworkServiceStub
from policy_service.api.v1.people_pb2_grpc import PeopleServiceStub
from policy_service.api.v1.privacy_request_pb2_grpc import PrivacyRequestServiceStub
from policy_service.api.v1.record_pb2_grpc import RecordServiceStub
from policy_service.cli.connect import Connection
from policy_service.cli.example.world import Organisation
from policy_service.cli.pages import all_pages
from policy_service.cli.render import now
from policy_service.cli.run import Run
from policy_service.cli.secrets import write_secret
from policy_service.cli.stub_methods import Method

REASON: Final = "example world"
TOKEN_DAYS: Final = 366
LIMIT: Final = 10_000

# Some facts have no name of their own by which a second load could find them: what they say is their name.
_SAYINGS: Final = uuid.UUID("6f1c8a0e-52c5-4a57-9d0b-0f4f1f6f7c11")

Filled = TypeVar("Filled", bound=Message)
Say = Callable[[str], None]
Step = tuple[str, Method[Any, Message], Sequence[Message]]
"""What is put, the method that puts it, and the requests in the order of the file."""


def load_organisation(connection: Connection, world: Organisation, say: Say) -> None:
    """Put one organisation on file, its systems last: they are the sign that all of it is there."""
    say(f"{world.controller}")
    for what, method, requests in steps(connection.channel, world):
        for request in requests:
            connection.call(method, request, controller=world.controller, begins=True)
        if requests:
            say(f"  {what}: {len(requests)}")


def is_loaded(connection: Connection, worlds: Sequence[Organisation]) -> bool:
    """Tell whether every system of these worlds is on file, and so everything that was put before it."""
    method = AccessServiceStub(connection.channel).ListSystems

    def page(token: str, size: int) -> tuple[list[access_pb2.System], str]:
        answer = connection.call(method, access_pb2.ListSystemsRequest(page_size=size, page_token=token))
        return list(answer.systems), answer.next_page_token

    on_file = {(system.controller, system.name) for system in all_pages(page, LIMIT)[0]}
    return all((world.controller, system.name) in on_file for world in worlds for system in world.systems)


def keep_tokens(connection: Connection, run: Run, world: Organisation, say: Say) -> None:
    """See that each system of `world` has a token that holds, in VAR_DIR/tokens; one that does is kept."""
    method = AccessServiceStub(connection.channel).IssueToken
    holding = _holding_tokens(connection)
    for system in world.systems:
        path = run.system_token(system.name)
        text = path.read_text(encoding="ascii").strip() if path.is_file() else ""
        if any(text.startswith((f"psk_{token_id}_", f"{token_id}_")) for token_id in holding):
            continue
        request = access_pb2.IssueTokenRequest(
            system=system.name, controller=world.controller, valid_days=TOKEN_DAYS, reason=REASON
        )
        issued = connection.call(method, request, controller=world.controller, begins=True)
        write_secret(path, issued.secret)
        say(f"  token of {system.name}: {path}")


def _holding_tokens(connection: Connection) -> list[str]:
    method = AccessServiceStub(connection.channel).ListTokens

    def page(token: str, size: int) -> tuple[list[access_pb2.Token], str]:
        answer = connection.call(method, access_pb2.ListTokensRequest(page_size=size, page_token=token))
        return list(answer.tokens), answer.next_page_token

    return [token.token_id for token in all_pages(page, LIMIT)[0] if not token.HasField("revoked_at")]


def steps(channel: grpc.Channel, world: Organisation) -> Iterator[Step]:
    """Give everything that an organisation's file says, as the calls that put it on file, in their order."""
    access = AccessServiceStub(channel)
    people = PeopleServiceStub(channel)
    records = RecordServiceStub(channel)
    requests = PrivacyRequestServiceStub(channel)
    casework = CaseworkServiceStub(channel)
    # An override ends by itself: loading the world again in another hour grants it anew.
    this_hour = now().strftime("%Y-%m-%dT%H")
    record_types = [_filled(record_pb2.RecordType, each) for each in world.record_types]
    artefact_types = [_filled(record_pb2.ArtefactType, each) for each in world.artefact_types]
    persons = [_filled(people_pb2.Person, each) for each in world.people]
    points = [_filled(people_pb2.ContactPoint, each) for each in world.contact_points]
    relations = [_filled(people_pb2.Relationship, each) for each in world.relationships]
    on_record = [_filled(record_pb2.Record, each) for each in world.records]
    users = [_filled(access_pb2.User, each) for each in world.users]
    systems = [_filled(access_pb2.System, each) for each in world.systems]
    for user in users:
        user.controller = world.controller
    for system in systems:
        system.controller = world.controller

    yield (
        "record types",
        records.PutRecordType,
        [record_pb2.PutRecordTypeRequest(record_type=each, reason=REASON) for each in record_types],
    )
    yield (
        "artefact types",
        records.PutArtefactType,
        [record_pb2.PutArtefactTypeRequest(artefact_type=each, reason=REASON) for each in artefact_types],
    )
    yield (
        "people",
        people.PutPerson,
        [people_pb2.PutPersonRequest(person=each, reason=REASON) for each in persons],
    )
    yield (
        "contact points",
        people.PutContactPoint,
        [people_pb2.PutContactPointRequest(contact_point=each, reason=REASON) for each in points],
    )
    yield (
        "relationships",
        people.PutRelationship,
        [people_pb2.PutRelationshipRequest(relationship=each, reason=REASON) for each in relations],
    )
    yield (
        "records",
        records.PutRecord,
        [record_pb2.PutRecordRequest(record=each, reason=REASON) for each in on_record],
    )
    yield (
        "declared contents",
        records.DeclareContents,
        [
            record_pb2.DeclareContentsRequest(
                declaration=_filled(record_pb2.ContentDeclaration, each),
                idempotency_key=_said_by(world, each),
                reason=REASON,
            )
            for each in world.declarations
        ],
    )
    yield (
        "users",
        access.PutUser,
        [access_pb2.PutUserRequest(user=each, reason=REASON) for each in users],
    )
    yield (
        "privacy requests",
        requests.Record,
        [
            privacy_request_pb2.PrivacyRequestServiceRecordRequest(
                request=_filled(privacy_request_pb2.PrivacyRequest, each),
                idempotency_key=_said_by(world, each),
                reason=REASON,
            )
            for each in world.requests
        ],
    )
    yield (
        "overrides",
        casework.GrantOverride,
        [
            casework_pb2.GrantOverrideRequest(
                override=_filled(casework_pb2.Override, each),
                idempotency_key=_said_by(world, each, this_hour),
                reason=REASON,
            )
            for each in world.overrides
        ],
    )
    yield (
        "orders",
        casework.RecordOrder,
        [
            casework_pb2.RecordOrderRequest(
                order=_filled(casework_pb2.CourtOrder, each),
                idempotency_key=_said_by(world, each),
                reason=REASON,
            )
            for each in world.orders
        ],
    )
    yield (
        "systems",
        access.PutSystem,
        [access_pb2.PutSystemRequest(system=each, reason=REASON) for each in systems],
    )


def _said_by(world: Organisation, model: BaseModel, *more: str) -> str:
    said = " ".join((world.controller, model.model_dump_json(exclude_unset=True), *more))
    return str(uuid.uuid5(_SAYINGS, said))


def _filled(message: type[Filled], model: BaseModel) -> Filled:
    """Give the message that says what `model` says; the two have the same names."""
    return ParseDict(model.model_dump(exclude_unset=True), message())
