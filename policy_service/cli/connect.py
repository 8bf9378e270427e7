"""Calls to the running service, and what their failures mean to whoever typed the command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeVar

import grpc

from policy_service.cli.exits import Exit, Failure
from policy_service.cli.run import Bearer, Run
from policy_service.client.channel import open_channel
from policy_service.client.clients import bearer
from policy_service.client.errors import InvalidQuestion, NotAllowed, NotFound, ServiceError, service_error

# Which option says what a field of a message says, where their names do not tell.
_OPTION_OF: Final = {
    "fields": "--field",
    "recipients": "--to",
    "verb": "--send or --to",
    "artefact_type": "--artefact",
    "x-controller": "--controller",
    "controller": "--controller",
    "system.controller": "--controller",
    "request.person": "--person",
    "request.kind": "--kind",
    "request.recipients": "--recipient",
    "request.valid_from": "--from",
    "request.valid_until": "--until",
}
_NEVER_CONNECTED: Final = "failed to connect"  # grpc's words; without them the call may have arrived
_CONTROLLER: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")

Request = TypeVar("Request", contravariant=True)
Response = TypeVar("Response", covariant=True)


class Method(Protocol[Request, Response]):
    """A unary method of a stub."""

    def __call__(
        self, request: Request, /, timeout: float, metadata: tuple[tuple[str, str], ...]
    ) -> Response: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call that failed leaves: one that never arrived, and one of which nobody heard."""

    not_arrived: str
    not_heard: str


_OF_A_QUESTION: Final = Outcome("nothing is permitted", "nothing is permitted")
_OF_MANAGEMENT: Final = Outcome("nothing was done", "it may have been done or not")


class Connection:
    """A channel to one of the two addresses, with the token that its calls carry."""

    def __init__(
        self, channel: grpc.Channel, token: Bearer, address: str, timeout: float, outcome: Outcome
    ) -> None:
        self.channel = channel
        self._outcome = outcome
        self._token = token
        self._address = address
        self._timeout = timeout

    def call(self, method: Method[Request, Response], request: Request, *, controller: str = "") -> Response:
        """Call, with a deadline; raises Failure, in words for whoever typed the command.

        `controller` is the organisation that the installation's token, which acts for all of them, acts for.
        """
        if controller and not _CONTROLLER.fullmatch(controller):
            raise Failure(
                "this cannot be a controller's name",
                do_next="use letters, digits, `.`, `_` and `-`",
                code=Exit.USAGE,
            )
        try:
            metadata = bearer(self._token.token)
            if controller:
                metadata += (("x-controller", controller),)
            return method(request, timeout=self._timeout, metadata=metadata)
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
            case InvalidQuestion():
                at = f"`{error.field}`: " if error.field and error.field not in error.message else ""
                option = _OPTION_OF.get(error.field.partition("[")[0], "it")
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
                f"the token from {self._token.source} is not accepted{reason}",
                do_next="`policy-service tokens list` shows which hold; `tokens issue` makes another",
                code=Exit.NOT_ALLOWED,
            )
        return Failure(
            f"the token from {self._token.source} may not do this{reason}",
            do_next="use the token of somebody who has the role, with --token-file",
            code=Exit.NOT_ALLOWED,
        )

    def _no_answer(self, error: ServiceError, reason: str) -> Failure:
        if error.status is grpc.StatusCode.DEADLINE_EXCEEDED:
            return Failure(
                f"no answer from {self._address} within {self._timeout:g} s; {self._outcome.not_heard}",
                do_next="try again, or wait longer with --timeout",
                code=Exit.UNAVAILABLE,
            )
        if error.status is grpc.StatusCode.UNAVAILABLE and not error.reason:
            if _NEVER_CONNECTED not in error.message:
                return Failure(
                    f"the connection to {self._address} was lost; {self._outcome.not_heard}",
                    do_next="look whether the service runs, and try again",
                    code=Exit.UNAVAILABLE,
                )
            return Failure(
                f"nothing answers at {self._address}; {self._outcome.not_arrived}",
                do_next="start the service with `make run`, or name where it is with"
                " --address and --control-address, and --tls-ca if it has TLS",
                code=Exit.UNAVAILABLE,
            )
        if error.status is grpc.StatusCode.UNIMPLEMENTED:
            return Failure(
                f"{self._address} answers, but not this{reason}; {self._outcome.not_arrived}",
                do_next="questions go to --address, everything else to --control-address",
                code=Exit.UNAVAILABLE,
            )
        return Failure(
            f"{error.message}{reason}; {self._outcome.not_heard}",
            do_next="try again in a moment; the service's own log, on its standard error, says more",
            code=Exit.UNAVAILABLE,
        )


@contextmanager
def decisions(run: Run, token: Bearer) -> Iterator[Connection]:
    """Open a connection to the decision port."""
    with _open(run, run.address, token, _OF_A_QUESTION) as connection:
        yield connection


@contextmanager
def control(run: Run, token: Bearer) -> Iterator[Connection]:
    """Open a connection to the control port."""
    with _open(run, run.control_address, token, _OF_MANAGEMENT) as connection:
        yield connection


@contextmanager
def _open(run: Run, address: str, token: Bearer, outcome: Outcome) -> Iterator[Connection]:
    try:
        channel = open_channel(address, ca=_authorities(run.tls_ca))
    except ValueError as error:
        raise Failure(
            f"{address}: {error}",
            do_next="name the server's certificate authority with --tls-ca",
            code=Exit.USAGE,
        ) from None
    with channel:
        yield Connection(channel, token, address, run.timeout, outcome)


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
