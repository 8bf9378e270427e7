"""Reflection tells what the protos tell, to everybody, within bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2 as pb

from tests.server.calling import Client, refused

PATHS = (
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
)


def ask(
    client: Client, path: str, *questions: pb.ServerReflectionRequest
) -> list[pb.ServerReflectionResponse]:
    stream = cast("Callable[..., Iterator[bytes]]", client.channel.stream_stream(path))
    answers = stream((question.SerializeToString() for question in questions), timeout=5)
    return [pb.ServerReflectionResponse.FromString(answer) for answer in answers]


def test_both_versions_name_the_services_and_give_their_files(client: Client) -> None:
    for path in PATHS:
        services, file, unknown = ask(
            client,
            path,
            pb.ServerReflectionRequest(list_services=""),
            pb.ServerReflectionRequest(file_containing_symbol="policy_service.api.v1.DecisionService"),
            pb.ServerReflectionRequest(file_containing_symbol="no.such.Service"),
        )
        names = {service.name for service in services.list_services_response.service}
        assert "policy_service.api.v1.DecisionService" in names
        files = [
            FileDescriptorProto.FromString(each)
            for each in file.file_descriptor_response.file_descriptor_proto
        ]
        assert "policy_service/api/v1/decision.proto" in {each.name for each in files}
        assert unknown.error_response.error_code


def test_whatever_is_listed_can_be_looked_up(client: Client) -> None:
    """`buf curl --list-methods` asks for each service that is listed, and gives up at the first that is
    unknown.
    """
    for path in PATHS:
        (listed,) = ask(client, path, pb.ServerReflectionRequest(list_services=""))
        names = [service.name for service in listed.list_services_response.service]
        names.remove("policy_service.api.v1.TestService")  # of these tests: it has no proto
        answers = ask(client, path, *(pb.ServerReflectionRequest(file_containing_symbol=n) for n in names))
        assert [answer.HasField("file_descriptor_response") for answer in answers] == [True] * len(names)


def test_bytes_that_are_no_question_end_the_stream_and_nothing_else(client: Client) -> None:
    stream = cast("Callable[..., Iterator[bytes]]", client.channel.stream_stream(PATHS[0]))
    with pytest.raises(grpc.RpcError) as error:
        list(stream(iter([b"\xff\xff"]), timeout=5))

    assert refused(error.value).reason == "UNREADABLE_MESSAGE"
    assert ask(client, PATHS[0], pb.ServerReflectionRequest(list_services=""))
