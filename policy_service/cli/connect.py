"""Calls to the running service; what their failures mean to whoever typed is in `failed_calls`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import grpc

from policy_service.api.v1.access_pb2 import ListSystemsRequest
from policy_service.api.v1.access_pb2_grpc import AccessServiceStub
from policy_service.cli.alarm import Alarm
from policy_service.cli.exits import Exit, Failure
from policy_service.cli.failed_calls import Called, Port
from policy_service.cli.run import Bearer, Run
from policy_service.cli.stub_methods import ConversingMethod, Method, Request, Response, StreamMethod
from policy_service.client.channel import open_channel
from policy_service.client.clients import bearer
from policy_service.client.errors import ServiceError, Unavailable, service_error
from policy_service.model.spelling import perhaps

_MOST_SYSTEMS: Final = 1_000
_CONTROLLER: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_ADDRESS: Final = re.compile(r"unix:.+|(dns:///)?([^\s:/\[\]]+|\[[^\s\[\]]+\]):[0-9]{1,5}")

_DECISIONS: Final = Port(
    option="--address",
    default="127.0.0.1:50051",
    not_arrived="nothing is permitted",
    not_heard="nothing is permitted",
    not_accepted="look whether that is the right service: each knows its own tokens alone;"
    " `policy-service tokens list` shows which hold, `policy-service tokens issue` makes another",
)
_CONTROL: Final = Port(
    option="--control-address",
    default="127.0.0.1:50052",
    not_arrived="nothing was done",
    not_heard="it may have been done or not",
    # Not `tokens list`: it would be refused as well.
    not_accepted="look whether that is the right service: each knows its own tokens alone, and writes its"
    " first administrator's to VAR_DIR/admin.token; name that folder with --var-dir, or a file"
    " with --token-file",
)


class Connection:
    """A channel to one of the two addresses, with the token that its calls carry."""

    def __init__(self, channel: grpc.Channel, called: Called) -> None:
        self.channel = channel
        self._called = called
        self._known: set[str] = set()
        """Organisations that were looked for."""

    def call(
        self,
        method: Method[Request, Response],
        request: Request,
        *,
        controller: str = "",
        begins: bool = False,
    ) -> Response:
        """Call, with a deadline; raises Failure, in words for whoever typed the command.

        `controller` is the organisation that the installation's token, which acts for all of them, acts for.
        It has a system on file already, unless the call `begins` it: else a slip of the pen would be another.
        """
        if controller and self._called.token.acts_for_all and not begins and controller not in self._known:
            self._look_for(controller)
        return self._call(method, request, controller)

    def follow(
        self, method: StreamMethod[Request, Response], request: Request, *, controller: str = ""
    ) -> Iterator[Response]:
        """Call, and give what comes until the server ends it; raises Failure as `call` does.

        The deadline is that of the first message: what is followed may be silent for hours.
        """
        if controller and self._called.token.acts_for_all and controller not in self._known:
            self._look_for(controller)
        try:
            stream = method(request, metadata=self._metadata(controller))
        except ServiceError as error:
            raise self._called.failure(error) from None
        began = False
        late = Alarm(self._called.timeout, stream.cancel)
        try:
            for message in stream:
                late.end()
                began = True
                yield message
        except grpc.RpcError as error:
            raise self._called.failure(late.told(error)) from None
        finally:
            late.end()
            stream.cancel()
        if not began:
            raise self._called.failure(Unavailable(grpc.StatusCode.UNKNOWN, "it ended before it began"))

    def converse(
        self,
        method: ConversingMethod[Request, Response],
        requests: Iterator[Request],
        *,
        controller: str = "",
    ) -> Iterator[Response]:
        """Say all of `requests` as the other side takes them, and give what it answers; raises Failure as
        `call` does.

        Each answer comes within the deadline after the one before it.
        """
        if controller and self._called.token.acts_for_all and controller not in self._known:
            self._look_for(controller)
        try:
            stream = method(requests, metadata=self._metadata(controller))
        except ServiceError as error:
            raise self._called.failure(error) from None
        late = Alarm(self._called.timeout, stream.cancel)
        try:
            for message in stream:
                late.put_off()
                yield message
        except grpc.RpcError as error:
            raise self._called.failure(late.told(error)) from None
        finally:
            late.end()
            stream.cancel()

    def _metadata(self, controller: str) -> tuple[tuple[str, str], ...]:
        """What goes with each call. Raises Failure, and InvalidQuestion for what is no token."""
        if controller and not _CONTROLLER.fullmatch(controller):
            raise Failure(
                "this cannot be a controller's name",
                do_next="use letters, digits, `.`, `_` and `-`",
                code=Exit.USAGE,
            )
        named = (("x-controller", controller),) if controller else ()
        return (*bearer(self._called.token.token), *named)

    def _look_for(self, controller: str) -> None:
        """Refuse an organisation that has no system, with the nearest that has one."""
        list_systems = AccessServiceStub(self.channel).ListSystems
        if self._call(list_systems, ListSystemsRequest(page_size=1), controller).systems:
            self._known.add(controller)
            return
        everybodys = self._call(list_systems, ListSystemsRequest(page_size=_MOST_SYSTEMS), "").systems
        near = perhaps(controller, sorted({each.controller for each in everybodys}))
        raise Failure(
            f"no organisation `{controller}` has a system on file{near} (UNKNOWN_CONTROLLER)",
            do_next="correct --controller; `policy-service systems list` shows the names, and"
            f" `policy-service systems put NAME --controller {controller}` begins an organisation",
            code=Exit.USAGE,
        )

    def _call(self, method: Method[Request, Response], request: Request, controller: str) -> Response:
        try:
            return method(request, timeout=self._called.timeout, metadata=self._metadata(controller))
        except grpc.RpcError as error:
            raise self._called.failure(service_error(error)) from None
        except ServiceError as error:
            raise self._called.failure(error) from None


@contextmanager
def decisions(run: Run, token: Bearer) -> Iterator[Connection]:
    """Open a connection to the decision port."""
    with _open(run, run.address, token, _DECISIONS) as connection:
        yield connection


@contextmanager
def control(run: Run, token: Bearer) -> Iterator[Connection]:
    """Open a connection to the control port."""
    with _open(run, run.control_address, token, _CONTROL) as connection:
        yield connection


@contextmanager
def _open(run: Run, address: str, token: Bearer, port: Port) -> Iterator[Connection]:
    if not _ADDRESS.fullmatch(address):
        raise Failure(
            f"{port.option}: `{address}` is not HOST:PORT",
            do_next=f"write it like {port.default}; an IPv6 address in brackets, like [::1]:50051",
            code=Exit.USAGE,
        )
    try:
        channel = open_channel(address, ca=_authorities(run.tls_ca))
    except ValueError as error:
        raise Failure(
            f"{address}: {error}",
            do_next="name the server's certificate authority with --tls-ca",
            code=Exit.USAGE,
        ) from None
    with channel:
        yield Connection(channel, Called(token, address, run.timeout, port))


def _authorities(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError:
        raise Failure(
            f"no certificates can be read from `{path}`",
            do_next="name a PEM file with --tls-ca",
            code=Exit.USAGE,
        ) from None
