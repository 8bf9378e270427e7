"""A control process of its own, and a client of its services."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from policy_service.api.v1.access_pb2_grpc import AccessServiceStub
from policy_service.api.v1.casework_pb2_grpc import CaseworkServiceStub
from policy_service.api.v1.decision_log_pb2 import LogEntry
from policy_service.api.v1.decision_log_pb2_grpc import DecisionLogServiceStub
from policy_service.api.v1.people_pb2_grpc import PeopleServiceStub
from policy_service.api.v1.policy_pb2_grpc import PolicyServiceStub
from policy_service.api.v1.privacy_request_pb2_grpc import PrivacyRequestServiceStub
from policy_service.api.v1.record_pb2_grpc import RecordServiceStub
from tests.service.control import Stores
from tests.support.forking import forked
from tests.support.ports import own_port

R = TypeVar("R", bound=Message)

TRACE = "0af7651916cd43dd8448eb211c80319c"


@dataclass(frozen=True)
class Refused(Exception):
    """What a client is told instead of an answer."""

    code: grpc.StatusCode
    reason: str
    field: str
    text: str


@dataclass(frozen=True)
class Client:
    """A connection to control, and the token that each call brings."""

    channel: grpc.Channel
    stores: Stores
    token: str
    controller: str = ""

    def acting_for(self, controller: str) -> Client:
        """The same, with the metadata `x-controller`."""
        return replace(self, controller=controller)

    def bearing(self, token: str) -> Client:
        """The same connection, with another token."""
        return replace(self, token=token, controller="")

    @property
    def people(self) -> PeopleServiceStub:
        return PeopleServiceStub(self.channel)

    @property
    def records(self) -> RecordServiceStub:
        return RecordServiceStub(self.channel)

    @property
    def requests(self) -> PrivacyRequestServiceStub:
        return PrivacyRequestServiceStub(self.channel)

    @property
    def access(self) -> AccessServiceStub:
        return AccessServiceStub(self.channel)

    @property
    def policies(self) -> PolicyServiceStub:
        return PolicyServiceStub(self.channel)

    @property
    def casework(self) -> CaseworkServiceStub:
        return CaseworkServiceStub(self.channel)

    @property
    def log(self) -> DecisionLogServiceStub:
        return DecisionLogServiceStub(self.channel)

    def ask(self, method: Callable[..., R], request: Message) -> R:
        """The answer. Raises `Refused`."""
        metadata = [
            ("authorization", f"Bearer {self.token}"),
            ("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"),
        ]
        if self.controller:
            metadata.append(("x-controller", self.controller))
        try:
            return method(request, metadata=metadata, timeout=20)
        except grpc.RpcError as error:
            raise _refused(error) from None

    def refusal(self, method: Callable[..., Message], request: Message) -> Refused:
        """How this is refused."""
        try:
            self.ask(method, request)
        except Refused as refused:
            return refused
        raise AssertionError("it was answered")

    def entries(self) -> list[LogEntry]:
        """What calls have left in the log so far, in its order."""
        return [entry for entry in self.stores.entries() if "/" in entry.method]


def _refused(error: grpc.RpcError) -> Refused:
    call = cast("grpc.Call", error)
    reason = field = ""
    status = rpc_status.from_call(call)
    for detail in status.details if status is not None else ():
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(bad):
            field = bad.field_violations[0].field
    return Refused(call.code(), reason, field, call.details() or "")


@contextmanager
def control_process(stores: Stores, var_dir: Path) -> Iterator[Client]:
    """Run control on these stores until the block ends; the client is the first administrator."""
    port = own_port()
    settings = {"var_dir": str(var_dir), "facts_url": stores.facts_url, "log_url": stores.log_url}
    process = forked("tests.service.control_child", str(var_dir / "stderr"))
    try:
        process.stdin.write(json.dumps({"settings": settings, "port": port}) + "\n")
        process.stdin.flush()
        _wait_until_ready(process.stdout)
        token = (var_dir / "admin.token").read_text().strip()
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=(("grpc.enable_http_proxy", 0),)) as channel:
            yield Client(channel, stores, token)
    finally:
        process.stdin.close()  # it ends when its supervisor does
        try:
            process.wait(20)
        finally:
            process.kill()
            process.close()


def _wait_until_ready(lines: Any) -> None:
    for line in lines:
        said = json.loads(line)
        if said.get("ready"):
            return
        assert "failed" not in said, said
    raise AssertionError("control has ended")
