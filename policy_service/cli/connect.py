"""Calls to the running service, and what their failures mean to whoever typed the command."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeVar

import grpc

from policy_service.api.v1.access_pb2 import ListSystemsRequest
from policy_service.api.v1.access_pb2_grpc import AccessServiceStub
from policy_service.cli.exits import Exit, Failure
from policy_service.cli.option_of import option_of
from policy_service.cli.run import Bearer, Run
from policy_service.client.channel import open_channel
from policy_service.client.clients import bearer
from policy_service.client.errors import (
    InvalidQuestion,
    NotAllowed,
    NotFound,
    ServiceError,
    Unavailable,
    service_error,
)
from policy_service.engine.places import perhaps

_MOST_SYSTEMS: Final = 1_000
_NEVER_CONNECTED: Final = "failed to connect"  # grpc's words; without them the call may have arrived
_CONTROLLER: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_ADDRESS: Final = re.compile(r"unix:.+|(dns:///)?([^\s:/\[\]]+|\[[^\s\[\]]+\]):[0-9]{1,5}")

Request = TypeVar("Request", contravariant=True)
Response = TypeVar("Response", covariant=True)


class Method(Protocol[Request, Response]):
    """A unary method of a stub."""

    def __call__(
        self, request: Request, /, timeout: float, metadata: tuple[tuple[str, str], ...]
    ) -> Response: ...


class Stream(Protocol[Response]):
    """What a call with many answers gives."""

    def __iter__(self) -> Iterator[Response]: ...
    def cancel(self) -> object: ...


class StreamMethod(Protocol[Request, Response]):
    """A method of a stub that answers with a stream."""

    def __call__(
        self, request: Request, /, *, metadata: tuple[tuple[str, str | bytes], ...]
    ) -> Stream[Response]: ...


class ConversingMethod(Protocol[Request, Response]):
    """A method of a stub with a stream each way."""

    def __call__(
        self, request: Iterator[Request], /, *, metadata: tuple[tuple[str, str | bytes], ...]
    ) -> Stream[Response]: ...


class _Alarm:
    """Calls `ring` once nobody has put it off for so many seconds."""

    def __init__(self, seconds: float, ring: Callable[[], object]) -> None:
        self._seconds = seconds
        self._ring = ring
        self._until = time.monotonic() + seconds
        self._over = threading.Event()
        self.rang = False
        threading.Thread(target=self._watch, name="alarm", daemon=True).start()

    def put_off(self) -> None:
        self._until = time.monotonic() + self._seconds

    def end(self) -> None:
        self._over.set()

    def told(self, error: grpc.RpcError) -> ServiceError:
        """What a call ended with: where this alarm cancelled it, that it was late."""
        failed = service_error(error)
        if self.rang and failed.status is grpc.StatusCode.CANCELLED:
            return Unavailable(grpc.StatusCode.DEADLINE_EXCEEDED, failed.message)
        return failed

    def _watch(self) -> None:
        while not self._over.wait(max(0.0, self._until - time.monotonic())):
            if time.monotonic() >= self._until:
                self.rang = True
                self._ring()
                return


@dataclass(frozen=True, slots=True)
class Port:
    """One of the two ports: the option that names it, and what a call to it that failed leaves and needs."""

    option: str
    default: str
    not_arrived: str
    not_heard: str
    not_accepted: str
    """What to do next where the token is not accepted."""


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

    def __init__(
        self, channel: grpc.Channel, token: Bearer, address: str, timeout: float, port: Port
    ) -> None:
        self.channel = channel
        self._port = port
        self._token = token
        self._address = address
        self._timeout = timeout
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
        if controller and self._token.acts_for_all and not begins and controller not in self._known:
            self._look_for(controller)
        return self._call(method, request, controller)

    def follow(
        self, method: StreamMethod[Request, Response], request: Request, *, controller: str = ""
    ) -> Iterator[Response]:
        """Call, and give what comes until the server ends it; raises Failure as `call` does.

        The deadline is that of the first message: what is followed may be silent for hours.
        """
        if controller and self._token.acts_for_all and controller not in self._known:
            self._look_for(controller)
        try:
            stream = method(request, metadata=self._metadata(controller))
        except ServiceError as error:
            raise self._failure(error) from None
        began = False
        late = _Alarm(self._timeout, stream.cancel)
        try:
            for message in stream:
                late.end()
                began = True
                yield message
        except grpc.RpcError as error:
            raise self._failure(late.told(error)) from None
        finally:
            late.end()
            stream.cancel()
        if not began:
            raise self._failure(Unavailable(grpc.StatusCode.UNKNOWN, "it ended before it began"))

    def converse(
        self, method: ConversingMethod[Request, Response], requests: Iterator[Request]
    ) -> Iterator[Response]:
        """Say all of `requests` as the other side takes them, and give what it answers; raises Failure as
        `call` does.

        Each answer comes within the deadline after the one before it.
        """
        try:
            stream = method(requests, metadata=self._metadata(""))
        except ServiceError as error:
            raise self._failure(error) from None
        late = _Alarm(self._timeout, stream.cancel)
        try:
            for message in stream:
                late.put_off()
                yield message
        except grpc.RpcError as error:
            raise self._failure(late.told(error)) from None
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
        return (*bearer(self._token.token), *named)

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
            return method(request, timeout=self._timeout, metadata=self._metadata(controller))
        except grpc.RpcError as error:
            raise self._failure(service_error(error)) from None
        except ServiceError as error:
            raise self._failure(error) from None

    def _failure(self, error: ServiceError) -> Failure:
        reason = f" ({error.reason})" if error.reason else ""
        match error:
            case NotAllowed():
                return self._not_allowed(error, reason)
            case InvalidQuestion(reason="TOKEN_MALFORMED"):
                return Failure(
                    f"{self._token.source} does not hold a token",
                    do_next="put the token alone there, as `tokens issue` showed it",
                    code=Exit.NOT_ALLOWED,
                )
            case InvalidQuestion(reason="CONTROLLER_REQUIRED"):
                return Failure(
                    f"the token from {self._token.source} acts for every organisation; say for which{reason}",
                    do_next="add --controller NAME; `policy-service systems list` shows the names",
                    code=Exit.USAGE,
                )
            case InvalidQuestion():
                at = f"`{error.field}`: " if error.field and error.field not in error.message else ""
                option = option_of(error.field) or "it"
                return Failure(
                    f"{at}{error.message}{reason}",
                    do_next=f"correct {option} and try again; `--help` shows what can be said",
                    code=Exit.USAGE,
                )
            case NotFound():
                return Failure(
                    f"{error.message}{reason}",
                    do_next="look at the id; what is unknown and what is not for this token are told alike",
                    code=Exit.DENIED,
                )
            case _:
                return self._no_answer(error, reason)

    def _not_allowed(self, error: ServiceError, reason: str) -> Failure:
        if error.status is grpc.StatusCode.UNAUTHENTICATED:
            return Failure(
                f"the token from {self._token.source} is not accepted by {self._address}{reason}",
                do_next=self._port.not_accepted,
                code=Exit.NOT_ALLOWED,
            )
        match error.reason:
            case "NOT_A_SYSTEM":
                do_next = "ask with a system's token: name the system with --as SYSTEM"
            case "CONTROLLER_NOT_YOURS":
                do_next = "leave --controller out, or name the organisation that the token belongs to"
            case "ROLE_REQUIRED":
                return Failure(
                    f"the token from {self._token.source} may not do this: {error.message}{reason}",
                    do_next="use the token of somebody who has the role, with --token-file;"
                    " `policy-service tokens list` shows who has which",
                    code=Exit.NOT_ALLOWED,
                )
            case _:
                do_next = "use the token of somebody who may, with --token-file"
        return Failure(
            f"the token from {self._token.source} may not do this{reason}",
            do_next=do_next,
            code=Exit.NOT_ALLOWED,
        )

    def _no_answer(self, error: ServiceError, reason: str) -> Failure:
        if error.status is grpc.StatusCode.DEADLINE_EXCEEDED:
            return Failure(
                f"no answer from {self._address} within {self._timeout:g} s; {self._port.not_heard}",
                do_next="try again, or wait longer with --timeout",
                code=Exit.UNAVAILABLE,
            )
        if error.status is grpc.StatusCode.UNAVAILABLE and not error.reason:
            if _NEVER_CONNECTED not in error.message:
                return Failure(
                    f"the connection to {self._address} was lost; {self._port.not_heard}",
                    do_next="look whether the service runs, and try again",
                    code=Exit.UNAVAILABLE,
                )
            return Failure(
                f"nothing answers at {self._address}; {self._port.not_arrived}",
                do_next="start the service with `make run`, or name where it is with"
                f" {self._port.option} before the command, and --tls-ca if it has TLS",
                code=Exit.UNAVAILABLE,
            )
        if error.status is grpc.StatusCode.UNIMPLEMENTED:
            return Failure(
                f"{self._address} answers, but not this{reason}; {self._port.not_arrived}",
                do_next="questions go to --address, everything else to --control-address",
                code=Exit.UNAVAILABLE,
            )
        return Failure(
            f"{self._address}: {error.message}{reason}; {self._port.not_heard}",
            do_next="try again in a moment; the service's own log, on its standard error, says more",
            code=Exit.UNAVAILABLE,
        )


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
        yield Connection(channel, token, address, run.timeout, port)


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
